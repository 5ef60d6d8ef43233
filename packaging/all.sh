#!/bin/sh
# Makes every package of the static program that this machine has the tools for: all.sh PROGRAM DIR
# A package that can't be made here is named, and the exit code is 1 then.
. "$(dirname "$0")/common.sh"
missing=
sh packaging/tarball.sh "$program" "$out"
if command -v dpkg-deb >/dev/null; then sh packaging/deb.sh "$program" "$out"; else missing="$missing Debian-package(dpkg-deb)"; fi
if ! command -v maturin >/dev/null; then
    python3 -m venv "$work/venv" && "$work/venv/bin/pip" install --quiet --disable-pip-version-check 'maturin>=1.9,<2' >&2 || true
    PATH=$work/venv/bin:$PATH
fi
if command -v maturin >/dev/null; then sh packaging/wheel.sh "$program" "$out"; else missing="$missing wheel(maturin)"; fi
if docker version >/dev/null 2>&1; then sh packaging/image.sh "$program" "$out"; else missing="$missing image(docker)"; fi
(cd "$out" && find . -maxdepth 1 -type f ! -name SHA256SUMS -printf '%P\n' | LC_ALL=C sort | xargs sha256sum > SHA256SUMS)
[ -z "$missing" ] || { echo "Not made, because a tool is missing:$missing" >&2; exit 1; }
