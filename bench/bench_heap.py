#!/usr/bin/env python3
"""bench_heap: what a heap profile costs: ns that one malloc and its free take more than
without it, beside the profilers of tcmalloc, jemalloc and heaptrack, each measured against
its own allocator without profiling, one after the other, ROUNDS (9) times; real programs,
their CPU time; and resident memory.  Medians and quartiles.

    bench_heap.py PEER SONDE
"""
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

SOURCE = r"""
/* malloc+free: hot, a block of 64 bytes; mixed, one of 4096 live blocks of 16 to 1039 bytes.
 * Prints ns of CPU time a pair. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
static void *live[4096];
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}
int main(int argc, char **argv)
{
    long n = atol(argv[1]);
    unsigned r = 1;
    double t = now();
    for (long i = 0; i < n; i++) {
        void *p = malloc(64);
        __asm__ volatile("" : : "r"(p) : "memory");
        free(p);
    }
    double hot = (now() - t) / n;
    for (int i = 0; i < 4096; i++)
        live[i] = malloc(64);
    t = now();
    for (long i = 0; i < n / 4; i++) {
        r = r * 1664525 + 1013904223;
        unsigned k = r >> 20;
        free(live[k]);
        live[k] = malloc(16 + (r >> 10 & 1023));
    }
    printf("%.3f %.3f\n", hot, (now() - t) / (n / 4));
    return 0;
}
"""
# A program whose resident memory is told: 1,000,000 live blocks.
KEEPER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
int main(void)
{
    struct rusage u;
    for (int i = 0; i < 1000000; i++) {
        void *volatile p = malloc(100);
        (void)p;
    }
    getrusage(RUSAGE_SELF, &u);
    printf("%ld\n", u.ru_maxrss);
    return 0;
}
"""
SQL = """CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000)
INSERT INTO t SELECT i, 'text ' || (i * 7919 % 100003), i * 1.5 FROM n;
CREATE INDEX x ON t(b);
SELECT count(*), sum(c) FROM t WHERE b LIKE 'text 5%';
SELECT b, count(*) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 5;
"""
PYTHON = """import json
for k in range(12):
    d = [{"id": i, "name": "n%d" % i, "tags": ["a", "b", str(i)]} for i in range(20000)]
    assert len(json.loads(json.dumps(d))) == 20000
"""


def library(*patterns):
    found = [path for p in patterns for path in sorted(glob.glob(p))]
    return found[0] if found else None


def run(before, program, env, stdin=None):
    """CPU seconds of the program alone, without what profiles it; and its output."""
    timed = [*before, "sh", "-c", '"$@"; times', "sh", *program] if before else program
    with subprocess.Popen(timed, env={**os.environ, **env}, stdin=stdin or subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        output = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        return None, ""
    if not before:
        return used.ru_utime + used.ru_stime, output
    spent = re.findall(r"^(\d+)m([\d.]+)s (\d+)m([\d.]+)s$", output, re.M)
    m, s, m2, s2 = map(float, spent[1])
    return m * 60 + s + m2 * 60 + s2, output


def quartiles(values):
    values = sorted(values)
    if len(values) < 4:
        return values[0], statistics.median(values), values[-1]
    return values[len(values) // 4], statistics.median(values), values[-1 - len(values) // 4]


def text(values, form="{:+.2f}"):
    low, middle, high = (form.format(v) for v in quartiles(values))
    return f"{middle:>9s} [{low}, {high}]"


def ways(folder, sonde):
    """Name, what it is compared with, what comes before the command, environment."""
    out = os.path.join(folder, "out")
    yield "glibc", None, [], {}
    yield "sonde record -e heap", "glibc", [sonde, "record", "-e", "heap", "-o", out, "--"], {}
    yield "sonde record -e cpu", "glibc", [sonde, "record", "-o", out, "--"], {}
    tcmalloc = library("/usr/lib/*/libtcmalloc.so.4")
    if tcmalloc:
        yield "tcmalloc", None, [], {"LD_PRELOAD": tcmalloc}
        yield "tcmalloc, sampling", "tcmalloc", [], {"LD_PRELOAD": tcmalloc,
                                                     "TCMALLOC_SAMPLE_PARAMETER": "524288"}
        yield "tcmalloc, HEAPPROFILE", "tcmalloc", [], {"LD_PRELOAD": tcmalloc, "HEAPPROFILE": out}
    jemalloc = library("/usr/lib/*/libjemalloc.so.2")
    if jemalloc:
        yield "jemalloc", None, [], {"LD_PRELOAD": jemalloc}
        yield "jemalloc, prof", "jemalloc", [], {
            "LD_PRELOAD": jemalloc, "MALLOC_CONF": f"prof:true,prof_prefix:{out},lg_prof_sample:19"}
    heaptrack = library("/usr/lib/*/heaptrack/libheaptrack_preload.so", "/usr/lib/heaptrack/libheaptrack_preload.so")
    if heaptrack:
        yield "heaptrack", "glibc", [], {"LD_PRELOAD": heaptrack, "DUMP_HEAPTRACK_OUTPUT": out}


def bench_pairs(ways, program, rounds, times):
    print(f"ns added to a malloc and its free; {rounds} rounds\n"
          f"  {'':24s} {'hot, 64 B':>26s} {'mixed, 4096 live':>30s}")
    rows = {name: [] for name, *_ in ways}
    for _ in range(rounds):
        for name, _, before, env in ways:
            n = times // 20 if name in ("heaptrack", "tcmalloc, HEAPPROFILE") else times
            _, output = run(before, [program, str(n)], env)
            found = re.search(r"^([\d.]+) ([\d.]+)$", output, re.M)
            if found:
                rows[name].append((float(found[1]), float(found[2])))
    for name, base, *_ in ways:
        if not rows[name]:
            print(f"  {name:24s} cannot run here")
            continue
        columns = []
        for k in (0, 1):
            values = [row[k] for row in rows[name]]
            if base:
                values = [a - b[k] for a, b in zip(values, rows[base])]
            columns.append(text(values, "{:+.2f}" if base else "{:.2f}"))
        print(f"  {name:24s} {columns[0]:>28s} {columns[1]:>30s}")
    return rows


def bench_programs(ways, folder, rounds):
    script = os.path.join(folder, "script.sql")
    with open(script, "w", encoding="utf-8") as f:
        f.write(SQL)
    programs = [("python3, json", [sys.executable, "-c", PYTHON], None)]
    if shutil.which("sqlite3"):
        programs.append(("sqlite3", ["sqlite3", ":memory:"], script))
    print(f"CPU time of real programs, beside that without a profile; {rounds} rounds")
    for label, command, stdin in programs:
        times = {}
        for _ in range(rounds):
            for name, base, before, env in ways:
                if name not in ("glibc", "sonde record -e heap", "heaptrack"):
                    continue
                with open(stdin or os.devnull, encoding="utf-8") as f:
                    spent, _ = run(before, command, env, f)
                if spent:
                    times.setdefault(name, []).append(spent)
        for name, values in times.items():
            ratios = [100 * (v / b - 1) for v, b in zip(values, times["glibc"])]
            if name == "glibc":
                half = statistics.median(values)
                ratios = [100 * (v / half - 1) for v in values]
            print(f"  {label:14s} {name if name != 'glibc' else 'alone (its noise)':24s} "
                  f"{statistics.median(values):7.2f} s  {text(ratios, '{:+.1f}')} %")


def bench_memory(folder, sonde):
    program = build(folder, "keeper", KEEPER)
    print("resident memory, KiB, of a program with 1,000,000 live blocks of 100 bytes")
    _, alone = run([], [program], {})
    for rate in (524288, 1000):
        _, ours = run([sonde, "record", "-e", "heap", "--heap-rate", str(rate), "-o",
                       os.path.join(folder, "out"), "--"], [program], {})
        n = 1e6 * 100 / max(rate, 100)
        print(f"  --heap-rate {rate:7d}: {int(ours.split()[0]) - int(alone.split()[0]):+6d} with about {n:.0f} live samples")


def build(folder, name, source):
    path = os.path.join(folder, name)
    with open(path + ".c", "w", encoding="utf-8") as f:
        f.write(source)
    subprocess.run([os.environ.get("CC", "cc"), "-O2", "-fno-builtin", path + ".c", "-o", path], check=True)
    return path


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} PEER SONDE")
    rounds, sonde = int(os.environ.get("ROUNDS", "9")), os.path.abspath(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        program = build(folder, "pairs", SOURCE)
        all_ways = list(ways(folder, sonde))
        rows = bench_pairs(all_ways, program, rounds, 20000000)
        bench_programs(all_ways, folder, max(rounds // 2, 3))
        bench_memory(folder, sonde)
        if rows.get("heaptrack"):
            ours, theirs = (statistics.median(a[0] - b[0] for a, b in zip(rows[name], rows["glibc"]))
                            for name in ("sonde record -e heap", "heaptrack"))
            print(f"  heaptrack adds {theirs / max(ours, 0.1):.0f} times what sonde does (hot)")


main()
