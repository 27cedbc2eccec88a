#!/usr/bin/env python3
"""threadcreate profiles: which stacks made how many threads.

Reads $SONDE (and $SONDE_GO_PPROF, Go's pprof, when there is one).  Ends in the counts.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, got, want):
    ok = got == want
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}")


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120)


def threads(*program):
    """By function: how many threads it, and what it called, made."""
    done = run(*program, "-top", "-cum", "-trim=false", "out.pb.gz")
    rows = re.findall(r"^\s*\d+\s+\S+%\s+\S+%\s+(\d+)\s+\S+%\s+(\S+)", done.stdout, re.M)
    return {name: int(n) for n, name in rows if name in ("plain", "c11", "cpp", "many", "main")}


def main():
    if not shutil.which("c++"):
        print("SKIPPED threadcreate: no C++ compiler\n0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        subprocess.run(["c++", "-O1", "-g", "-pthread", os.path.join(HERE, "threads.cc"), "-o", "threads"],
                       check=True)
        done = run(SONDE, "record", "-e", "threadcreate", "-o", "out.pb.gz", "--", "./threads")
        check("status", done.returncode, 0)
        want = {"plain": 5, "c11": 3, "cpp": 7, "many": 2000, "main": 2015}
        check("threads", threads(SONDE, "pprof"), want)
        check("the last line", re.findall(r"(\d+) samples", done.stderr), ["2015"])
        if GO_PPROF:
            check("go tool pprof reads it", threads(GO_PPROF, "-symbolize=none"), want)
        else:
            counts["skipped"] += 1
            print("SKIPPED go tool pprof: none is given (SONDE_GO_PPROF)")
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
