#!/bin/sh
# Reads one JSON request on stdin, writes one JSON result on stdout. Any awk does; AWK names a particular one.
set -eu
cd -- "$(dirname -- "$0")"
# Bytes, and a point in numbers, whatever the user's language.
LC_ALL=C
export LC_ALL
# AWK may hold a word too, as in `busybox awk`.
# shellcheck disable=SC2086
exec ${AWK:-awk} -f lib/json.awk -f lib/parameters.awk -f lib/seir.awk -f lib/report.awk -f lib/main.awk
