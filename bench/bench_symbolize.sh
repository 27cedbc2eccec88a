#!/bin/bash
# bench_symbolize: `pprof -top` on profiles without symbols, Sonde beside the peer
# with the tools that it calls.
#
#   bench_symbolize.sh GO_PPROF SONDE
#
# `go tool pprof` reads debug information by itself, without inlined calls, in most of
# a second an address on such a program; the same pprof by itself asks llvm-symbolizer
# or addr2line.  The latter, $PPROF_ALONE or built from the sources in GOROOT, is the
# peer here; GO_PPROF gets 1 % of the addresses.  GO_PPROF "": only our figures are
# printed.  RUNS (9) and PEER_RUNS (3) set the number of runs.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: bench_symbolize.sh GO_PPROF SONDE" >&2
    exit 2
fi
peer=$1 sonde=$2
runs=${RUNS:-9} peer_runs=${PEER_RUNS:-3}
for tool in "${CXX:-g++}" objdump python3; do
    command -v "$tool" >/dev/null || { echo "bench_symbolize: needs $tool" >&2; exit 77; }
done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export LC_ALL=C PPROF_TMPDIR=$dir
unset PPROF_BINARY_PATH DEBUGINFOD_URLS

# measure NAME RUNS COMMAND...: $dir/NAME gets the seconds of each run, sorted.
measure() {
    local name=$1 n=$2 begin
    shift 2
    : >"$dir/$name"
    for ((i = 0; i < n; i++)); do
        begin=$EPOCHREALTIME
        "$@" >"$dir/out.$name" 2>"$dir/err.$name" ||
            { echo "bench_symbolize: failed: $*" >&2; head -3 "$dir/err.$name" >&2; return 1; }
        awk -v b="$begin" -v e="$EPOCHREALTIME" 'BEGIN { printf "%.4f\n", e - b }' >>"$dir/$name"
    done
    sort -n -o "$dir/$name" "$dir/$name"
}

# row LABEL NAME [OURS]: one line; with OURS how many times as much as ours it is.
row() {
    awk -v label="$1" -v ours="${3:-}" '
        function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
        FILENAME == ours { o[++m] = $1; next }
        { t[++n] = $1 }
        END {
            printf "  %-32s %8.3f s  (%.3f..%.3f, %d)", label, median(t, n), t[1], t[n], n
            if (m)
                printf "  %8.1f x time", median(t, n) / median(o, m)
            printf "\n"
        }' ${3:+"$3"} "$dir/$2"
}

# beside LABEL COMMAND all|few RUNS TOOL...: the peer with these tools alone.
beside() {
    local label=$1 command=$2 profile=$dir/$3.pb.gz n=$4 tool
    shift 4
    rm -rf "$dir/tools"
    mkdir "$dir/tools"
    for tool; do
        command -v "$tool" >/dev/null || { echo "  no $tool here: left out"; return 0; }
        ln -s "$(command -v "$tool")" "$dir/tools/"
    done
    # shellcheck disable=SC2086  # a command and its words
    PPROF_TOOLS=$dir/tools measure peer "$n" $command -top "$profile"
    row "$label" peer "$dir/sonde"
}

if [ -n "$peer" ] && ! command -v ${peer%% *} >/dev/null; then
    echo "no '$peer' here: only our figures"
    peer=
elif [ -z "$peer" ]; then
    echo "no peer given: only our figures"
fi
# The pprof that GOROOT holds, with its own main in place of Go's.
alone=${PPROF_ALONE:-}
build_alone() {
    local folder=$GOROOT/src/cmd/pprof file
    printf 'package main\n\nimport (\n\t"os"\n\n\t"github.com/google/pprof/driver"\n)\n\n%s\n' \
        'func main() { if driver.PProf(&driver.Options{}) != nil { os.Exit(2) } }' >"$dir/main.go"
    {
        printf '{"Replace": {"%s": "%s"' "$folder/pprof.go" "$dir/main.go"
        for file in "$folder"/*.go; do
            [ "$file" = "$folder/pprof.go" ] || printf ', "%s": ""' "$file"
        done
        echo '}}'
    } >"$dir/overlay.json"
    (cd "$folder" && GOTOOLCHAIN=local GOFLAGS= "$GOROOT/bin/go" build \
        -overlay "$dir/overlay.json" -o "$dir/alone" .) >"$dir/log" 2>&1 && alone=$dir/alone
}
[ -n "$alone" ] || [ -z "$peer" ] || [ -z "${GOROOT:-}" ] || build_alone ||
    echo "cannot build pprof alone: $(tail -n 1 "$dir/log")"
"$(dirname "$0")/gen_symbolize.sh" "$dir" >"$dir/counts"
count() { awk -v name="$1" '$1 == name { print $2 }' "$dir/counts"; }
echo "symbolising: median (least..most, runs); x = times what sonde takes"
echo "C++, $(count all) addresses, $(stat -c %s "$dir/program") bytes of program"
measure sonde "$runs" "$sonde" pprof -top "$dir/all.pb.gz"
row sonde sonde
[ -n "$peer" ] || exit 0
if [ -n "$alone" ]; then
    beside 'pprof, llvm-symbolizer' "$alone" all "$peer_runs" llvm-symbolizer nm objdump
    beside 'pprof, addr2line' "$alone" all 1 addr2line nm objdump
fi
echo "$(count few) of them"
measure sonde "$runs" "$sonde" pprof -top "$dir/few.pb.gz"
row sonde sonde
beside 'go tool pprof' "$peer" few 1
