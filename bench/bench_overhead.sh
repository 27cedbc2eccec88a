#!/bin/bash
# bench_overhead: what profiling costs a CPU-bound program: bare, under `sonde record`
# at 100 Hz, under gperftools' libprofiler at 100 Hz and under `perf record -F 99 -g`,
# one after the other, PAIRS (15) times; each as a ratio to the bare run beside it.
# CPU time of the program itself, median and quartiles.
#
#   bench_overhead.sh PEER SONDE
set -eu
[ $# -eq 2 ] || { echo "usage: bench_overhead.sh PEER SONDE" >&2; exit 2; }
sonde=$2 pairs=${PAIRS:-15}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cat >"$dir/work.c" <<'C'
/* Sorts: branches, memory, calls.  Writes its CPU seconds to the file argv[1]. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
static unsigned values[1 << 18];
static int order(const void *a, const void *b)
{
    unsigned x = *(const unsigned *)a, y = *(const unsigned *)b;
    return (x > y) - (x < y);
}
int main(int argc, char **argv)
{
    unsigned r = 1;
    struct rusage u;
    for (int k = 0; k < 20; k++) {
        for (unsigned i = 0; i < 1 << 18; i++)
            values[i] = r = r * 1664525 + 1013904223;
        qsort(values, 1 << 18, sizeof *values, order);
    }
    getrusage(RUSAGE_SELF, &u);
    FILE *f = argc > 1 ? fopen(argv[1], "w") : NULL;
    if (!f)
        return 1;
    fprintf(f, "%f\n", u.ru_utime.tv_sec + u.ru_stime.tv_sec +
            (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6);
    return fclose(f) != 0;
}
C
"${CC:-cc}" -O2 -o "$dir/work" "$dir/work.c"
profiler=
for f in /usr/lib/x86_64-linux-gnu /usr/lib64 /usr/local/lib; do
    [ -e "$f/libprofiler.so.0" ] && profiler=$f/libprofiler.so.0 && break
done

run_as() { # KIND: runs once, prints the CPU seconds
    local t=$dir/time
    rm -f "$t"
    case $1 in
    bare) "$dir/work" "$t" ;;
    sonde) "$sonde" record -F 100 -o "$dir/s.pb.gz" -- "$dir/work" "$t" ;;
    gperftools)
        LD_PRELOAD=$profiler CPUPROFILE=$dir/g.prof CPUPROFILE_FREQUENCY=100 "$dir/work" "$t"
        ;;
    perf) perf record -q -F 99 -g -o "$dir/perf.data" -- "$dir/work" "$t" ;;
    esac >"$dir/out" 2>&1 && cat "$t"
}

kinds=(sonde)
[ -z "$profiler" ] || kinds+=(gperftools)
if ! command -v perf >/dev/null || ! run_as perf >/dev/null; then
    echo "perf: not here, or not permitted"
else
    kinds+=(perf)
fi
[ -n "$profiler" ] || echo "gperftools: not installed"
run_as bare >/dev/null
for ((i = 0; i < pairs; i++)); do
    before=$(run_as bare)
    echo "$before" >>"$dir/bare"
    # A bare run after a bare one: the noise of the machine.
    again=$(run_as bare)
    awk -v a="$before" -v b="$again" 'BEGIN { print 100 * (b / a - 1) }' >>"$dir/bare-bare"
    for kind in "${kinds[@]}"; do
        t=$(run_as "$kind") || { echo "bench_overhead: $kind failed:"; cat "$dir/out"; exit 1; }
        awk -v a="$before" -v c="$again" -v b="$t" \
            'BEGIN { print 100 * (b / ((a + c) / 2) - 1) }' >>"$dir/$kind"
    done
done
quartiles() { # FILE: "median [lower, upper]"
    sort -n "$1" | awk '{ v[NR] = $1 } END {
        printf "%+.1f %% [%+.1f, %+.1f]", v[int((NR + 1) / 2)], v[int((NR + 3) / 4)],
               v[int((3 * NR + 3) / 4)] }'
}
printf 'bare: %s s of CPU time, %d pairs\n' "$(sort -n "$dir/bare" | sed -n "$(((pairs + 1) / 2))p")" "$pairs"
printf '%-34s %s\n' 'noise (bare beside bare)' "$(quartiles "$dir/bare-bare")"
for kind in "${kinds[@]}"; do
    case $kind in
    sonde) name='sonde record -F 100' ;;
    gperftools) name='gperftools libprofiler, 100 Hz' ;;
    perf) name='perf record -F 99 -g' ;;
    esac
    printf '%-34s %s\n' "$name" "$(quartiles "$dir/$kind")"
done
