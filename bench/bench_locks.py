#!/usr/bin/env python3
"""bench_locks: what block and mutex profiles cost a program, in CPU time: a lock and unlock
that nobody waits for, and a wait for another thread.  Bare and recorded, one after the other,
PAIRS (15) times; medians and quartiles of the differences.

  bench_locks.py PEER SONDE
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PAIRS = int(os.environ.get("PAIRS", "15"))
HERE = os.path.dirname(os.path.abspath(__file__))


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
    if done.returncode:
        sys.exit(f"bench_locks: {command}: {done.stderr}")
    return {name: float(ns) for name, ns in (line.split() for line in done.stdout.splitlines())}


def main():
    if len(sys.argv) != 3:
        print("usage: bench_locks.py PEER SONDE", file=sys.stderr)
        sys.exit(2)
    sonde = os.path.abspath(sys.argv[2])
    if not shutil.which("cc"):
        print("no C compiler")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "locks")
        subprocess.run(["cc", "-O2", "-pthread", os.path.join(HERE, "locks.c"), "-o", program], check=True)
        record = (sonde, "record", "-e", "block,mutex", "-o", os.path.join(folder, "out"))
        every = (*record, "--block-rate=1", "--")
        for title, what, ways in (
                ("a lock and unlock, ns", "pair", {"recorded": (*record, "--")}),
                ("the same in a program of one thread, ns", "alone", {"recorded": (*record, "--")}),
                ("a wait, ns", "block", {"recorded": (*record, "--"), "each one": every})):
            bare, added = {}, {way: {} for way in ways}
            for _ in range(PAIRS):
                base = run(program, what)
                for name, ns in base.items():
                    bare.setdefault(name, []).append(ns)
                for way, command in ways.items():
                    for name, ns in run(*command, program, what).items():
                        added[way].setdefault(name, []).append(ns - base[name])
            print(title)
            for name, values in bare.items():
                line = f"  {name:<6} bare {statistics.median(values):7.1f}"
                for way in ways:
                    low, middle, high = statistics.quantiles(added[way][name], n=4)
                    line += f"   {way} {middle:+6.1f} [{low:+.1f}, {high:+.1f}]"
                print(line)


main()
