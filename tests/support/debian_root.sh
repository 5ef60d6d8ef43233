#!/bin/sh
# debian_root.sh FOLDER PACKAGE…
#
# Unpacks Debian packages, with all that they depend on, into FOLDER/root: enough to be a container's file system. No
# maintainer script runs, so that it takes no root and no chroot; what they would set up and images need is done here.
set -eu
folder=$1
shift
root=$folder/root
mkdir -p "$folder/archives/partial" "$root"
# To apt nothing is installed: it resolves and downloads everything.
: >"$folder/status"
APT_CONFIG=
apt-get -qq -o Dir::State::status="$folder/status" -o Dir::Cache::archives="$folder/archives" \
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o Debug::NoLocking=1 -o APT::Sandbox::User= \
    -o APT::Install-Recommends=0 -y --download-only install base-files base-passwd "$@" >"$folder/apt.log" 2>&1 || {
    tail -n 5 "$folder/apt.log" >&2
    exit 1
}

# /bin, /lib and /sbin are links into /usr, as on every Debian since 12.
for name in bin sbin lib lib64; do
    mkdir -p "$root/usr/$name"
    ln -s "usr/$name" "$root/$name"
done
for package in "$folder"/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$package" | tar -x --keep-directory-symlink -C "$root"
done

cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd"
cp "$root/usr/share/base-passwd/group.master" "$root/etc/group"
# The first that is there answers to the name.
link() {
    name=$1
    shift
    for program; do
        if [ ! -e "$root/bin/$name" ] && [ -e "$root/bin/$program" ]; then ln -s "$program" "$root/bin/$name"; fi
    done
}
link awk mawk busybox
link sh dash busybox
if [ -e "$root/bin/busybox" ]; then
    for name in $("$root/bin/busybox" --list); do link "$name" busybox; done
fi
# This machine's own certificates: its package index may be behind an authority that nobody else knows.
if [ -d "$root/usr/share/ca-certificates" ]; then
    mkdir -p "$root/etc/ssl/certs"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null ||
        cat "$root"/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
fi
if [ -e "$root/usr/bin/python3" ]; then
    ln -s python3 "$root/usr/bin/python"
    # As in the images that the Python project publishes, the interpreter belongs to whoever builds on them.
    rm -f "$root"/usr/lib/python3*/EXTERNALLY-MANAGED
fi
rm -rf "$root"/usr/share/doc "$root"/usr/share/man "$root"/usr/share/locale "$root"/usr/share/info
