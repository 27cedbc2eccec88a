#!/usr/bin/env python3
"""bench_trace_agent: what an execution trace costs a native program: an event, as the thread feels
it; and a program that only locks, one that locks much, and one whose threads wait for each other all
the time: bare, with libsonde in it but nothing recorded ("off"), under `sonde record -e trace` and
under `perf sched record`, one after the other, PAIRS (9) times; medians and quartiles, and medians of the ratios.  Then four
threads that want the same lock all the time, or share a queue, by CPU time and by the clock: what that
takes hangs on who gets it when, so it differs from run to run (hence the second row of the bare one),
and a trace can make it faster.

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
        print("an event, ns of its thread's CPU time (a read is two, one with its stack;"
              " burst: task_end, in new memory)")
        more = {name: [b - a for a, b in zip(off[name], values)] for name, values in on.items()}
        for name in on:
            print(f"  {name:<9} off {show(off[name])}   on, more {show(more[name])}")
        bare_event = [2 * read - end for read, end in zip(more["read"], more["task_end"])]
        print(f"  without its stack: a read less a task_end {show(bare_event)}")
        ways = {"bare": (bare,), "off": (api,), "sonde": (sonde, "record", "-e", "trace", "-o", out, "--", bare),
                "bare again": (bare,)}
        if shutil.which("perf") and subprocess.run(["perf", "sched", "record", "-o", out, "true"],
                                                   capture_output=True).returncode == 0:
            ways["perf sched"] = ("perf", "sched", "record", "-o", out, bare)
        else:
            print("no peer: perf sched record does not work here")
        for what, title in ((("alone",), "a lock and an unlock, and nothing else, ns"),
                            (("locks",), "a round with a lock and an unlock, ns of the program's time"),
                            (("turns",), "a turn: a wait and who ends it, ns of the program's time"),
                            (("fight", "10"), "a round of four threads, a lock held for some 10 ns, ns"),
                            (("fight", "200"), "the same, held for some 200 ns, ns"),
                            (("fight", "5000"), "the same, held for some 5 us, ns"),
                            (("apart", "5000"), "the same, each works on memory of its own, ns"),
                            (("readers", "1000"), "the same, a reader-writer lock for 1 us, ns"),
                            (("queue", "1000"), "a thing that goes through a queue, ns")):
            times = {}
            for _ in range(PAIRS):
                for way, command in ways.items():
                    for name, ns in run(*command, *what).items():
                        times.setdefault(name, {}).setdefault(way, []).append(ns)
            print(title)
            for name, of in times.items():
                for way, values in of.items():
                    ratio = statistics.median(a / b for a, b in zip(values, of["bare"]))
                    print(f"  {name:<5} {way:<10} {show(values)}   {ratio:.3f} x")


main()
