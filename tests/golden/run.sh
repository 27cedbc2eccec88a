#!/bin/sh
# Golden tests of `sonde pprof`.
#
#   run.sh [SONDE]                   compare SONDE (or $SONDE) with the goldens
#   run.sh --update REFERENCE        make the goldens anew with a `go tool pprof`
#
# cases.txt: a line a case, its name and the arguments (shell words) separated by
# a tab; NAME.out is what the reference prints (of -proto and -topproto the unpacked bytes; of an
# input that is handed on as it is, those when it is encoded), and
# "exit 2" where it fails; this folder's path in lists is "DATA", and of a -weblist page
# what follows <body>.  errors.txt: name, exit status, the whole of stderr,
# a shell command in which $SONDE is the program and $TMP an empty folder that it
# must leave empty; stdout must stay empty.  A text that ends in "..." is a beginning.
# SONDE may be a build with sanitizers.  Ends with "N passed, N failed, N skipped".
set -u
golden=$(cd "$(dirname "$0")" && pwd)
tab=$(printf '\t')
TZ=UTC LC_ALL=C
export TZ LC_ALL
unset PPROF_BINARY_PATH PPROF_TMPDIR DEBUGINFOD_URLS
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM
HOME=$tmp
export HOME

update=false
if [ "${1-}" = --update ]; then
    update=true
    shift
fi
program=${1-${SONDE-}}
if [ $# -gt 1 ] || [ -z "$program" ] || { $update && [ $# -ne 1 ]; }; then
    echo "usage: run.sh [SONDE] | run.sh --update REFERENCE" >&2
    exit 2
fi
case $program in
/*) ;;
*) program=$PWD/$program ;;
esac
cd "$golden/../data" || exit 1
SONDE=$program
export SONDE
passed=0 failed=0 skipped=0

# What -proto hands on as it is, as it is when encoded.
encode_input() {
    for word in $1; do
        cmp -s -- "$word" "$tmp/out" || continue
        mv "$tmp/got" "$tmp/plain"
        "$program" pprof -proto -symbolize=none "$tmp/plain" 2>>"$tmp/err" | gzip -dc >"$tmp/got"
    done
}

# One case: its bytes to $tmp/got, its messages to $tmp/err.
run_case() {
    command=
    $update || command=pprof
    eval "\"\$program\" $command $1" >"$tmp/out" 2>"$tmp/err"
    status=$?
    if [ $status -ne 0 ]; then
        echo "exit 2" >"$tmp/got"
        [ $status -eq 2 ] || echo "status $status" >>"$tmp/got"
        return
    fi
    case " $1 " in
    *" -proto "*)
        gzip -dc <"$tmp/out" >"$tmp/got" 2>>"$tmp/err"
        $update || encode_input "$1"
        ;;
    *" -topproto "*) gzip -dc <"$tmp/out" >"$tmp/got" 2>>"$tmp/err" ;;
    *" -weblist="*) sed -e '1,/^<body>$/d' -e "s|$PWD|DATA|g" "$tmp/out" >"$tmp/got" ;;
    *" -list="*) sed "s|$PWD|DATA|g" "$tmp/out" >"$tmp/got" ;;
    *) cp "$tmp/out" "$tmp/got" ;;
    esac
}

fail() {
    echo "FAILED $1"
    failed=$((failed + 1))
}

while IFS=$tab read -r name args; do
    case $name in '' | \#*) continue ;; esac
    run_case "$args"
    if $update; then
        cp "$tmp/got" "$golden/$name.out"
    elif cmp -s "$golden/$name.out" "$tmp/got"; then
        passed=$((passed + 1))
    else
        fail "$name: sonde pprof $args"
        diff -a "$golden/$name.out" "$tmp/got" | head -n 20
        cat "$tmp/err"
    fi
done <"$golden/cases.txt"
$update && exit 0

while IFS=$tab read -r name want_status want_err command; do
    case $name in '' | \#*) continue ;; esac
    case $command in
    *'>/dev/full'*)
        if [ ! -c /dev/full ]; then
            echo "SKIPPED $name: no /dev/full"
            skipped=$((skipped + 1))
            continue
        fi
        ;;
    esac
    rm -rf "$tmp/dir"
    mkdir "$tmp/dir"
    (TMP=$tmp/dir && eval "$command") >"$tmp/out" 2>"$tmp/err"
    status=$?
    got_err=$(sed "s|$tmp/dir|TMP|g" "$tmp/err")
    got_err=$(printf %s "$got_err" | sed "s|$SONDE|SONDE|g")
    case $want_err in
    *...) case $got_err in "${want_err%...}"*) got_err=$want_err ;; esac ;;
    esac
    if [ $status -ne "$want_status" ] || [ "$got_err" != "$want_err" ] || [ -s "$tmp/out" ]; then
        fail "$name: $command"
        echo "  want $want_status: $want_err"
        echo "  got  $status: $got_err"
    elif [ -n "$(ls -A "$tmp/dir")" ]; then
        fail "$name: left behind: $(ls -A "$tmp/dir")"
    else
        passed=$((passed + 1))
    fi
done <"$golden/errors.txt"

echo "$passed passed, $failed failed, $skipped skipped"
[ $failed -eq 0 ]
