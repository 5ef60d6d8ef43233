#!/bin/sh
# Makes a Debian package of the static program, with completions and manual pages: deb.sh PROGRAM DIR
. "$(dirname "$0")/common.sh"
root=$work/root
# A pre-release sorts before its release.
deb_version=$(echo "$version" | sed 's/-/~/')
install -D -m 755 "$program" "$root/usr/bin/csw"
install -D -m 644 completions/csw.bash "$root/usr/share/bash-completion/completions/csw"
install -D -m 644 completions/_csw "$root/usr/share/zsh/vendor-completions/_csw"
install -D -m 644 completions/csw.fish "$root/usr/share/fish/vendor_completions.d/csw.fish"
mkdir -p "$root/usr/share/man/man1" "$root/usr/share/doc/csw"
"$program" man "$root/usr/share/man/man1" >/dev/null
gzip -9n "$root"/usr/share/man/man1/*
gzip -9nc CHANGELOG.md > "$root/usr/share/doc/csw/changelog.gz"
cat LICENSE-MIT LICENSE-APACHE > "$root/usr/share/doc/csw/copyright"
mkdir -p "$root/DEBIAN"
# As Debian's own tools have it; else whoever made the commit.
maintainer=$(git log -1 --format='%an <%ae>')
[ -z "${DEBEMAIL:-}" ] || maintainer="${DEBFULLNAME:-csw} <$DEBEMAIL>"
cat > "$root/DEBIAN/control" <<CONTROL
Package: csw
Version: $deb_version
Architecture: $debian
Maintainer: $maintainer
Installed-Size: $(du -sk "$root" | cut -f1)
Recommends: git, python3, python3-venv
Section: science
Priority: optional
Description: publish simulation models and run them as jobs
 Builds each model into an image of its own, runs every simulation as a job
 with limits on time and memory, and keeps the results: on one machine with
 nothing else installed, or on any Kubernetes cluster.
CONTROL
chmod -R u=rwX,go=rX "$root"
find "$root" -exec touch -h -d "@$SOURCE_DATE_EPOCH" {} +
dpkg-deb --root-owner-group --build "$root" "$out/csw_${deb_version}_$debian.deb" >/dev/null
echo "$out/csw_${deb_version}_$debian.deb"
