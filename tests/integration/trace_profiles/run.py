#!/usr/bin/env python3
"""Profiles of execution traces: the records of `go tool trace -pprof` and ours are the same, for
each sample; what only Sonde has adds up; bad names and files get one clear line."""
import glob
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
from tally import check, end, run, skip  # noqa: E402  pylint: disable=wrong-import-position
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
SAMPLES = os.path.join(os.environ["SONDE_SOURCE_ROOT"], "../shared/testdata/trace")


def records(profile):
    """{stack: (count, delay)} of a file, or a source."""
    sums = {}
    for index, kind in enumerate(("contentions", "delay")):
        status, text, errors = run(SONDE, "pprof", "-traces", "-lines", "-unit=ns", f"-sample_index={kind}",
                                   profile)
        if status:
            return errors
        for block in text.split("-----------+-")[1:]:
            lines = block.split("\n")[1:]
            found = re.match(r"\s*([\d.]+)(?:ns)?\s+(.*)", lines[0]) if lines[0].strip() else None
            if not found:
                continue
            stack = "\n".join([found.group(2)] + [line.strip() for line in lines[1:] if line.strip()])
            values = sums.setdefault(stack, [0, 0])
            values[index] += float(found.group(1))
    return sums


def compare(tool, trace, folder):
    name = os.path.basename(trace)
    for kind in ("net", "sync", "syscall", "sched"):
        ours = os.path.join(folder, "ours.pb.gz")
        status, _, errors = run(SONDE, "trace", f"-pprof={kind}", "-output", ours, trace)
        check(f"{name} {kind}: status", status == 0, status, errors)
        mine = records(ours)
        # Of events at the same time Go takes one or the other first, differently in each run.
        for _ in range(12):
            with open(os.path.join(folder, "go.pb.gz"), "wb") as out:
                subprocess.run([tool, f"-pprof={kind}", trace], stdout=out, check=True, timeout=120)
            theirs = records(os.path.join(folder, "go.pb.gz"))
            if mine == theirs:
                break
        check(f"{name} {kind}", mine == theirs, mine, theirs)


def total(kind, trace, *flags):
    """What a report says it is of, in ns."""
    status, text, _ = run(SONDE, "trace", f"-pprof={kind}", "-top", "-unit=ns", *flags, trace)
    found = re.search(r"of (\d+)ns total", text)
    return int(found.group(1)) if status == 0 and found else 0


def own(trace):
    name = os.path.basename(trace)
    for kind in ("cpu", "gc", "regions", "tasks", "states"):
        status, text, errors = run(SONDE, "trace", f"-pprof={kind}", "-top", trace)
        check(f"{name} {kind}", status == 0 and "Type: " in text, text, errors)
    # The states hold all time of each goroutine: also that of the others.
    for kind, state in (("syscall", "syscall"), ("sched", "runnable")):
        part, whole = total(kind, trace), total("states", trace, f"-tagfocus=^{state}$")
        check(f"{name}: {kind} within states", part <= whole, part, whole)
    check(f"{name}: a part is less", total("states", trace, "-end=1ms") < total("states", trace))


def bad():
    for arguments, what in ((["-pprof=nothing", __file__], "names no profile of a trace"),
                            (["-pprof=sched", "-top", __file__], "is no execution trace of Go"),
                            (["-pprof=sched", "-top", "/nonexistent"], "/nonexistent"),
                            (["-pprof=sched", "-start=x", "-top", __file__], "takes a time")):
        status, text, errors = run(SONDE, "trace", *arguments)
        check(f"bad {arguments}", status in (1, 2) and not text and what in errors and
              errors.count("\n") == 1, status, text, errors)
    with tempfile.NamedTemporaryFile() as header:
        header.write(b"go 1.26 trace\0\0\0")
        header.flush()
        for arguments in (["-pprof=sched", "-top"], ["-summary"], ["-export=chrome"]):
            status, text, errors = run(SONDE, "trace", *arguments, header.name)
            check(f"nothing but a header {arguments}", status == 0 and text and
                  errors == "sonde: there are no events in the trace\n", status, errors)


def main():
    traces = sorted(path for path in glob.glob(os.path.join(SAMPLES, "*")) if "LICENSE" not in path)
    if not traces:
        skip("samples", "there are none beside the sources")
    tool = go_trace()
    if not tool:
        skip("go tool trace", "there is no Go toolchain: set SONDE_GO_TRACE or SONDE_GO_ROOTS")
    with tempfile.TemporaryDirectory() as folder:
        for trace in traces:
            if tool:
                compare(tool, trace, folder)
            if "mixed" in trace:
                own(trace)
    bad()
    end()


main()
