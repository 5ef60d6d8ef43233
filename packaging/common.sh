# Sourced by the scripts that make packages. They take the program to pack as their first argument, and the folder that
# the package goes to as the second; the last line that each prints is the path of its package.
set -eu
program=$(realpath "$1")
mkdir -p "$2"
out=$(realpath "$2")
cd "$(dirname "$0")/.."
# The same source makes the same package: every file has the time of its commit.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH
version=$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)
# The machine of an ELF file.
case $(od -An -tx1 -j18 -N2 "$program" | tr -d ' ') in
    3e00) machine=x86_64 debian=amd64 ;;
    b700) machine=aarch64 debian=arm64 ;;
    *) echo "$program: neither an x86_64 nor an aarch64 program for Linux" >&2; exit 1 ;;
esac
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
