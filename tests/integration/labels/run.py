#!/usr/bin/env python3
"""Labels on threads: on the CPU time and the memory they are set for, inherited, handed
over; linked in either way and under sonde record.

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT (and $SONDE_GO_PPROF, Go's pprof, when
there is one).  Ends in the counts.
"""
import os
import re
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../.."))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
counts = {"passed": 0, "failed": 0, "skipped": 0}

# Milliseconds of CPU time by labels, in and out of `sonde record`.
CPU = {
    "": 400,
    "route=/a": 800,
    "route=/b user=one": 500,
    "route=/scoped user=one": 400,
    "route=/do user=one": 300,
}
API = """none: ok: 
empty
b: ok: b=2 
a: ok: a=1 b=2 
c: ok: a=1 b=2 c= 
same: ok: a=1 b=2 c= 
the same set
replaced: ok: a=1 b=3 c= 
b is 3, d is not there
no key: EINVAL: a=1 b=3 c= 
NULL: EINVAL: a=1 b=3 c= 
large: E2BIG: a=1 b=3 c= 
not there: ok: a=1 b=3 c= 
unset: ok: b=3 c= 
inside: ok: b=3 c= d=4 
do: ok: b=3 c= 
inside: ok: b=3 c= 
do large: E2BIG: b=3 c= 
set: ok: b=2 
begin large: ok: b=2 
a=1!
empty
"""


def check(name, got, want):
    ok = got == want
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}")


def near(name, got, want, slack):
    ok = set(got) == set(want) and all(abs(got[k] - want[k]) <= slack for k in want)
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}, each within {slack}")


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120, **options)


def by_labels(pprof, profile, function, index):
    """The values of the samples with this function, by labels."""
    raw = run(*pprof, "-raw", profile).stdout
    samples = raw[raw.index("Samples:"):raw.index("Locations")]
    with_function = set(re.findall(rf"^\s*(\d+): 0x\S+ M=\d+ {function} ", raw, re.M))
    total = {}
    for values, stack, labels in re.findall(r"^\s*([\d ]+): ([\d ]+)\n((?:\s+\w+:\[.*\n)*)", samples, re.M):
        if not with_function & set(stack.split()):
            continue
        pairs = dict(re.findall(r"(\w+):\[(.*?)\]", labels))
        name = " ".join(f"{k}={v}" for k, v in sorted(pairs.items()) if k not in ("process", "pid", "bytes"))
        total[name] = total.get(name, 0) + int(values.split()[index])
    return total


def cpu_ms(pprof, profile):
    return {k: v / 1e6 for k, v in by_labels(pprof, profile, "burn", 1).items()}


def compile_target(out, *flags):
    command = ["cc", "-O1", "-g", "-Wall", "-Werror", "-pthread", "-I", os.path.join(ROOT, "include"),
               os.path.join(HERE, "labels.c"), "-o", out, *flags]
    subprocess.run(command, check=True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        compile_target("shared", "-L" + BUILD, "-lsonde", "-Wl,-rpath," + BUILD)
        compile_target("linked", os.path.join(BUILD, "libsonde.a"))
        for program in ("./shared", "./linked"):
            check(program + " api", run(program, "api").stdout, API)
            check(program + " many", run(program, "many").stdout, "ENOMEM, at some 26,000\nthe last\n")
        handed = {"more=yes route=/b user=one": 800}  # 300 + 300 inherited, 200 handed over
        check("shared cpu", run("./shared", "cpu", "own.pb.gz").returncode, 0)
        want = CPU | handed
        near("in the program", cpu_ms([SONDE, "pprof"], "own.pb.gz"), want, 40)
        check("linked cpu", run("./linked", "cpu", "own.pb.gz").returncode, 0)
        # Without hooks threads begin without labels, and short ones may not be found.
        got = cpu_ms([SONDE, "pprof"], "own.pb.gz")
        near("linked", {k: got.get(k) for k in CPU if "/" in k}, {k: v for k, v in CPU.items() if "/" in k}, 40)
        done = run(SONDE, "record", "-o", "cpu.pb.gz", "--", "./shared", "cpu")
        check("recorded", done.returncode, 0)
        want = CPU | handed | {"of=parent": 300}
        near("recorded", cpu_ms([SONDE, "pprof"], "cpu.pb.gz"), want, 40)
        if GO_PPROF:
            near("go tool pprof reads it", cpu_ms([GO_PPROF, "-symbolize=none"], "cpu.pb.gz"), want, 40)
        else:
            counts["skipped"] += 1
            print("SKIPPED go tool pprof: none is given (SONDE_GO_PPROF)")
        done = run(SONDE, "record", "-e", "heap", "--heap-rate=1", "-o", "heap.pb.gz", "--", "./shared", "heap")
        check("recorded", done.returncode, 0)
        check("blocks made", by_labels([SONDE, "pprof"], "heap.pb.gz", "keep", 0),
              {"": 10, "kind=big": 50, "kind=freed": 40})
        check("bytes in use", by_labels([SONDE, "pprof"], "heap.pb.gz", "keep", 3),
              {"": 10000, "kind=big": 23000, "kind=freed": 0})
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
