#!/bin/sh
# Makes a Python wheel of the static program: wheel.sh PROGRAM DIR
# maturin asks cargo for the program; built with the same profile and flags as PROGRAM, it is PROGRAM.
. "$(dirname "$0")/common.sh"
profile=${PROFILE:-dist}
command -v maturin >/dev/null || { echo 'maturin is missing: install it, for example with `pip install maturin`' >&2; exit 1; }
python3 -m wheel version >/dev/null || { echo 'wheel is missing: install it, for example with `pip install wheel`' >&2; exit 1; }
# Build scripts look at what packaging and `cargo test` set: with it, ring and all that needs it would be compiled again.
others=$(env | sed -n 's/^\(SOURCE_DATE_EPOCH\|OUT_DIR\|CARGO_MANIFEST_[A-Z]*\|CARGO_PKG_[A-Z_]*\)=.*/-u \1/p')
# shellcheck disable=SC2086 # options of env
env $others maturin build --quiet --profile "$profile" --target "$machine-unknown-linux-gnu" --out "$work" \
    --compatibility manylinux2014 >&2
# A static program has no C library to be compatible with: both families of Linux distributions take it. maturin names one.
python3 -m wheel tags --remove --platform-tag "manylinux_2_17_$machine.manylinux2014_$machine.musllinux_1_1_$machine" \
    "$work"/*.whl >&2
set -- "$work"/*.whl
mv "$1" "$out/"
echo "$out/$(basename "$1")"
