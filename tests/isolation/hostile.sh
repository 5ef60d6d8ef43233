read -r request
case "$request" in *'"task":"version"'*) echo '{"version": "1"}'; exit ;; esac
me=$$
parent=$PPID
try() {
    name=$1
    shift
    if "$@" >/dev/null 2>&1; then answer=yes; else answer=no; fi
    printf '%s=%s\\n' "$name" "$answer"
}
append() { echo x >>"$1"; }
own() { cat model.sh && cat /usr/bin/env; }
scratch() { append "$HOME/file" && append "${TMPDIR:-/tmp}/hostile-$me"; }
granted() { cat "$READS" && append "$WRITES"; }
privileges() { ! grep '^NoNewPrivs:.*1' /proc/self/status || ! grep '^CapBnd:.*0000000000000000' /proc/self/status; }
tries=$(
    try own own
    try scratch scratch
    try granted granted
    try csw grep CSW_JOB_TOKEN "/proc/$parent/environ"
    try other grep OTHER_SECRET "/proc/$OTHER_PID/environ"
    try signal kill -0 "$OTHER_PID"
    try see grep sleep "/proc/$OTHER_PID/cmdline"
    try identity cat "$IDENTITY"
    try jobs cat "$JOBS"
    try models cat "$MODELS"
    try home cat "$KEYS"
    try repository append written
    try elsewhere append "$ELSEWHERE"
    try privileges privileges
    try network bash -c "exec 3<>/dev/tcp/127.0.0.1/$LISTENER"
)
printf '{"renderable": [], "downloadable": [{"media_type": "Text", "title": "Tries", "data": "%s"}]}' "$tries"
