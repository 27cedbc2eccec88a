#!/usr/bin/env python3
"""bench_trace_agent: what an execution trace costs a native program: an event, as the thread feels
it; and a program that locks much, and one whose threads wait for each other all the time, bare,
under `sonde record -e trace` and under `perf sched record`, one after the other, PAIRS (9) times;
medians and quartiles.

  bench_trace_agent.py PEER SONDE
"""
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

PAIRS = int(os.environ.get("PAIRS", "9"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)


def run(*command):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=120)
    if done.returncode:
        sys.exit(f"bench_trace_agent: {command}: {done.stderr}")
    return {words[0]: float(words[1]) for words in map(str.split, done.stdout.splitlines())
            if len(words) == 2}


def show(values):
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:9.1f} [{low:.1f}, {high:.1f}]"


def main():
    if len(sys.argv) != 3:
        print("usage: bench_trace_agent.py PEER SONDE", file=sys.stderr)
        sys.exit(2)
    sonde = os.path.abspath(sys.argv[2])
    if not shutil.which("cc"):
        print("no C compiler")
        sys.exit(77)
    build = os.path.dirname(sonde)
    with tempfile.TemporaryDirectory() as folder:
        bare, api = os.path.join(folder, "bare"), os.path.join(folder, "api")
        source, out = os.path.join(HERE, "trace_agent.c"), os.path.join(folder, "out")
        subprocess.run(["cc", "-O2", "-pthread", "-w", source, "-o", bare], check=True)
        subprocess.run(["cc", "-O2", "-pthread", "-w", "-DAPI", "-fno-optimize-sibling-calls", source,
                        f"-I{ROOT}/include", f"-L{build}", "-lsonde", f"-Wl,-rpath,{build}",
                        "-o", api], check=True)
        off, on = {}, {}
        for _ in range(PAIRS):
            for name, ns in run(api, "events", "off").items():
                off.setdefault(name, []).append(ns)
            for name, ns in run(api, "events", out).items():
                on.setdefault(name, []).append(ns)
        print("an event, ns of its thread's CPU time (a read is two, one with its stack)")
        for name, values in on.items():
            added = [b - a for a, b in zip(off[name], values)]
            print(f"  {name:<9} off {show(off[name])}   on, more {show(added)}")
        ways = {"bare": (), "sonde": (sonde, "record", "-e", "trace", "-o", out, "--")}
        if shutil.which("perf") and subprocess.run(["perf", "sched", "record", "-o", out, "true"],
                                                   capture_output=True).returncode == 0:
            ways["perf sched"] = ("perf", "sched", "record", "-o", out)
        else:
            print("no peer: perf sched record does not work here")
        for what, title in (("locks", "a round with a lock and an unlock, ns of the program's CPU time"),
                            ("turns", "a turn: a wait and who ends it, ns of the program's CPU time")):
            times = {way: [] for way in ways}
            for _ in range(PAIRS):
                for way, command in ways.items():
                    times[way] += run(*command, bare, what).values()
            print(title)
            for way, values in times.items():
                ratio = statistics.median(values) / statistics.median(times["bare"])
                print(f"  {way:<10} {show(values)}   {ratio:.3f} x")


main()
