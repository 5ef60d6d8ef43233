#!/bin/sh
# Builds the csw that tests put into images, and prints its path: as static as the one that `make dist` makes, but without
# its long optimisation. It has a folder of its own in the target folder, so that only what has changed is compiled.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
unset CARGO_ENCODED_RUSTFLAGS
# Build scripts look at what `cargo test` sets: with it, ring and all that needs it would be compiled again.
for name in $(env | sed -n 's/^\(OUT_DIR\|CARGO_MANIFEST_[A-Z]*\|CARGO_PKG_[A-Z_]*\)=.*/\1/p'); do unset "$name"; done
# With a target named, RUSTFLAGS reach the program alone and not build scripts and macros, which cannot be static.
RUSTFLAGS='-C target-feature=+crt-static -C relocation-model=static -C strip=symbols -C debuginfo=0' \
    "${CARGO:-cargo}" build --bin csw --target "$host" >&2
cd "${CARGO_TARGET_DIR:-target}"
echo "$PWD/$host/debug/csw"
