#!/bin/sh
# Installs what the tests need from Debian's packages: as root, or with sudo. What it cannot install it names; the
# tests that need it are then left out.
set -u

missing() {
    packages=
    command -v cc >/dev/null || packages="$packages gcc libc6-dev"
    command -v git >/dev/null || packages="$packages git"
    command -v gawk >/dev/null || packages="$packages gawk"
    command -v mawk >/dev/null || packages="$packages mawk"
    command -v curl >/dev/null || packages="$packages curl"
    command -v busybox >/dev/null || packages="$packages busybox-static"
    command -v jq >/dev/null || packages="$packages jq"
    command -v curl >/dev/null || packages="$packages curl"
    command -v man >/dev/null || packages="$packages man-db"
    command -v zsh >/dev/null || packages="$packages zsh"
    command -v fish >/dev/null || packages="$packages fish"
    command -v python3 >/dev/null || packages="$packages python3"
    command -v docker >/dev/null || packages="$packages docker.io"
    command -v docker-registry >/dev/null || packages="$packages docker-registry"
    command -v openssl >/dev/null || packages="$packages openssl"
    command -v redis-server >/dev/null || packages="$packages redis-server"
    command -v chromium >/dev/null || packages="$packages chromium fonts-dejavu-core"
    python3 -c 'import ensurepip, venv' 2>/dev/null || packages="$packages python3-venv"
    echo "${packages# }"
}

wanted=$(missing)
[ -n "$wanted" ] || exit 0

if ! command -v apt-get >/dev/null; then
    as=
elif [ "$(id -u)" = 0 ]; then
    as='env DEBIAN_FRONTEND=noninteractive'
elif command -v sudo >/dev/null && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as='sudo env DEBIAN_FRONTEND=noninteractive'
else
    as=
fi

if [ -n "$as" ]; then
    echo "Installing for the tests: $wanted"
    # shellcheck disable=SC2086 # words on purpose
    { $as apt-get update -qq && $as apt-get install -qq -y --no-install-recommends $wanted; } >/dev/null ||
        echo 'The installation failed.'
fi

wanted=$(missing)
[ -z "$wanted" ] || echo "Not installed: $wanted. The tests that need it are left out; install it to run them."
