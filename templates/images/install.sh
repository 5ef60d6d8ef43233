#!/bin/sh
# Runs while a model's image is built: `packages` installs what the repository asks for, `projects` the repository itself
# where it is a Python project. The lists beside this file are what csw has read in the repository.
set -eu
here=/opt/csw/install
cd /model

conda=
for name in micromamba mamba conda; do
    if [ -z "$conda" ] && command -v "$name" >/dev/null 2>&1; then conda=$name; fi
done

pip_install() {
    python3 -m pip install --no-input --disable-pip-version-check --progress-bar off "$@"
}

packages() {
    if [ -s $here/environment ]; then
        file=$(cat $here/environment)
        case $conda in
        micromamba) micromamba install --yes --name base --file "$file" ;;
        '')
            echo "csw: the base image has no conda, mamba or micromamba: the packages of $file come from PyPI"
            [ ! -s $here/conda-only.txt ] || echo "csw: only conda has, and left out: $(tr '\n' ' ' <$here/conda-only.txt)"
            [ ! -s $here/environment.txt ] || pip_install --requirement $here/environment.txt
            ;;
        *) "$conda" env update --quiet --name base --file "$file" ;;
        esac
    fi
    [ ! -s $here/requirements.txt ] || pip_install --requirement $here/requirements.txt
}

projects() {
    if [ -f cs-config/install.sh ]; then
        if [ -f $here/needs-conda ] && [ -z "$conda" ]; then
            echo 'csw: cs-config/install.sh needs conda, which the base image lacks; only the packages that it names were installed'
            cat $here/left-out.txt
        elif command -v bash >/dev/null 2>&1; then
            bash cs-config/install.sh
        else
            sh cs-config/install.sh
        fi
    fi
    while read -r project; do
        pip_install "./$project"
    done <$here/projects.txt
}

"$1"

# The builder's own cache stays; what would become part of the image goes.
grep -qs ' /root/.cache/pip ' /proc/mounts || rm -rf /root/.cache/pip
