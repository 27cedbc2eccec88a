#!/usr/bin/env python3
"""bench_trace: profiles and texts of an execution trace beside `go tool trace`.

    bench_trace.py PEER SONDE [TRACE] [REGEXP]

The peer is SONDE_GO_TRACE, else built by the newest toolchain found (PEER, a pprof, is not asked).

A row: the wall time and the most memory of one run of each, and how many times as fast and as
small Sonde is; medians of RUNS (3; the peer PEER_RUNS, 1), with quartiles where there are several.
Without TRACE it is made: tests/targets/go_trace, MB (352) large, which needs a Go toolchain.  The peer needs some forty times the trace in memory and minutes for it; MB=50
is for smaller machines.  REGEXP: only rows that match.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

ROWS = [  # label, the peer's arguments, ours; None: it has none
    ("net", ["-pprof=net"], ["-pprof=net"]),
    ("sync", ["-pprof=sync"], ["-pprof=sync"]),
    ("syscall", ["-pprof=syscall"], ["-pprof=syscall"]),
    ("sched", ["-pprof=sched"], ["-pprof=sched"]),
    ("parsed", ["-d=parsed"], ["-d=parsed"]),
    ("wire", ["-d=wire"], ["-d=wire"]),
    ("summary", None, ["-summary"]),
    ("states", None, ["-pprof=states"]),
    ("perfetto", None, ["-export=perfetto"]),
]
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/integration/go_matrix"))
from toolchains import go_build, go_roots  # noqa: E402  pylint: disable=wrong-import-position
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position


def measure(command):
    """Seconds and MB of one run whose output is thrown away."""
    with open(os.devnull, "wb") as null, tempfile.TemporaryFile() as log:
        begin = time.perf_counter()
        process = subprocess.Popen(command, stdout=null, stderr=log)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            log.seek(0)
            sys.exit(f"bench_trace: {' '.join(command)}: {log.read(300)!r}")
    return seconds, usage.ru_maxrss / 1024


def several(command, runs):
    results = [measure(command) for _ in range(runs)]
    times = sorted(seconds for seconds, _ in results)
    return statistics.median(times), times, max(mb for _, mb in results)


def make(path, megabytes):
    root = go_roots()[-1]
    program = path + ".program"
    go_build(root, os.path.join(HERE, "../tests/targets/go_trace"), program).check_returncode()
    subprocess.run([program, path, str(megabytes)], check=True, stdout=subprocess.DEVNULL)
    os.remove(program)


def main():
    _, sonde, *rest = sys.argv[1:]
    os.environ.setdefault("SONDE_BUILD_ROOT", os.path.dirname(os.path.abspath(sonde)))
    tool = go_trace()
    if not tool:
        print("no peer: set SONDE_GO_TRACE to a built go tool trace, or SONDE_GO_ROOTS to toolchains")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        trace = rest.pop(0) if rest and os.path.exists(rest[0]) else None
        pattern = rest[0] if rest else ""
        if not trace:
            trace = os.path.join(folder, "trace")
            make(trace, int(os.environ.get("MB", "352")))
        print(f"{os.path.getsize(trace) / 1e6:.0f} MB of trace; seconds, MB of memory (the peer's), times")
        for label, theirs, ours in ROWS:
            if not re.search(pattern, label):
                continue
            own, times, own_mb = several([sonde, "trace", *ours, trace], int(os.environ.get("RUNS", "3")))
            spread = f"[{times[0]:.2f}, {times[-1]:.2f}]"
            if not theirs:
                print(f"{label:10} {own:7.2f} {spread:14} {own_mb:7.0f}")
                continue
            peer, _, peer_mb = several([tool, *theirs, trace], int(os.environ.get("PEER_RUNS", "1")))
            print(f"{label:10} {own:7.2f} {spread:14} {own_mb:7.0f}   ({peer:7.2f} {peer_mb:7.0f})"
                  f"   {peer / own:6.1f} times as fast, 1/{peer_mb / own_mb:.0f} of the memory", flush=True)


main()
