#!/bin/bash
# bench_top: `pprof -top` on large profiles, Sonde beside the peer in one run.
#
#   bench_top.sh GO_PPROF SONDE
#
# GO_PPROF is a command ("go tool pprof", or the path of a built pprof), or ""
# when there is none: then only our figures are printed.  Profiles: the two that
# gen_profile makes (each also with stacks at random), and the Go compiler's own where GOROOT (or `go env GOROOT`)
# has it.  RUNS (9) and PEER_RUNS (5; 1 on the large ones, which take it minutes)
# set the number of runs.
set -eu
if [ $# -ne 2 ]; then
    echo "usage: bench_top.sh GO_PPROF SONDE" >&2
    exit 2
fi
peer=$1 sonde=$2
runs=${RUNS:-9}
gen=${GEN_PROFILE:-$(dirname "$sonde")/bench/gen_profile}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export PPROF_TMPDIR=$dir LC_ALL=C

# measure NAME RUNS COMMAND...: $dir/NAME gets "seconds KiB" a line, sorted by time.
# The command is started by one that starts nothing else: a shell and time(1) would
# take longer than a small profile.
measure() {
    local name=$1 n=$2
    shift 2
    python3 - "$dir/$name" "$n" "$@" <<'END'
import os, sys, time
name, n, command = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
to = [(os.POSIX_SPAWN_OPEN, fd, f"{os.path.dirname(name)}/{kind}.{os.path.basename(name)}",
       os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644) for fd, kind in ((1, "out"), (2, "err"))]
runs = []
for _ in range(n):
    begin = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=to)
    _, status, used = os.wait4(pid, 0)
    runs.append((time.perf_counter() - begin, used.ru_maxrss))
    if status:
        print(f"bench_top: failed: {' '.join(command)}", file=sys.stderr)
        sys.exit(open(to[1][2]).read(500))
with open(name, "w") as out:
    for seconds, kib in sorted(runs):
        print(f"{seconds:.4f} {kib}", file=out)
END
}

# row LABEL NAME [OURS]: one line; with OURS how many times as much as ours it is.
row() {
    awk -v label="$1" -v ours="${3:-}" '
        function median(a, n) { return n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2 }
        FILENAME == ours { o[++m] = $1; if ($2 > peak_o) peak_o = $2; next }
        { t[++n] = $1; if ($2 > peak) peak = $2 }
        END {
            printf "  %-16s %8.3f s  (%.3f..%.3f, %d)  %8.1f MB", label, median(t, n), t[1], t[n],
                   n, peak / 1024
            if (m)
                printf "  %7.2f x time  %6.2f x memory", median(t, n) / median(o, m), peak / peak_o
            printf "\n"
        }' ${3:+"$3"} "$dir/$2"
}

# `go tool pprof` is two programs: the go command finds (or builds) pprof and starts it.
# The peer is the second alone; what a user types takes as long as both.
bench() { # LABEL FILE PEER_RUNS [TYPED]
    echo "$1: $(stat -c %s "$2") bytes, $(gzip -dc "$2" | wc -c) unpacked"
    measure gunzip 5 gzip -dc "$2"
    measure sonde "$runs" "$sonde" pprof -top "$2"
    row 'gzip -dc alone' gunzip "$dir/sonde"
    row 'sonde' sonde
    [ -n "$peer" ] || return 0
    # shellcheck disable=SC2086  # a command and its words
    measure peer "$3" $peer -symbolize=none -top "$2"
    row 'pprof of Go' peer "$dir/sonde"
    cmp -s "$dir/out.peer" "$dir/out.sonde" || echo "  the two tables differ"
    [ -n "${4:-}" ] || return 0
    # shellcheck disable=SC2086
    { measure typed 1 $4 -symbolize=none -top "$2" && measure typed "$3" $4 -symbolize=none -top "$2"; }
    row '... as typed' typed "$dir/sonde"
}

echo "pprof -top: median (least..most, runs), peak memory; x = times what sonde takes"
if [ -n "$peer" ] && ! command -v ${peer%% *} >/dev/null; then
    echo "no '$peer' here: only our figures"
    peer=
elif [ -z "$peer" ]; then
    echo "no peer given: only our figures"
fi
goroot=${GOROOT:-$(go env GOROOT 2>/dev/null || true)}
pgo=$goroot/src/cmd/compile/default.pgo
if [ -n "$goroot" ] && [ -f "$pgo" ]; then
    typed=
    [ -x "$goroot/bin/go" ] && typed="$goroot/bin/go tool pprof"
    bench "the Go compiler's own profile" "$pgo" "${PEER_RUNS:-5}" "$typed"
else
    echo "no Go tree (GOROOT): its compiler's profile is left out"
fi
large() { # SHAPE LABEL
    "$gen" "$1" "$dir/large.pb.gz" >/dev/null
    bench "$2" "$dir/large.pb.gz" "${PEER_RUNS:-1}"
}
large cpu51 'cpu, 400,000 samples of depth 40'
large heap143 'heap, 1,000,000 samples of depth 44'
large random51 'the same cpu, stacks at random over 60,000 locations'
large random143 'the same heap, stacks at random over 60,000 locations'
