#!/bin/sh
# Makes a tarball of the static program, completions and manual pages: tarball.sh PROGRAM DIR
. "$(dirname "$0")/common.sh"
name=csw-$version-$machine-linux
install -D -m 755 "$program" "$work/$name/csw"
cp -R completions README.md CHANGELOG.md LICENSE-MIT LICENSE-APACHE "$work/$name/"
mkdir "$work/$name/man"
"$program" man "$work/$name/man" >/dev/null
tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@$SOURCE_DATE_EPOCH" -cf - "$name" | gzip -9n > "$out/$name.tar.gz"
echo "$out/$name.tar.gz"
