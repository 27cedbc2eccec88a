#!/usr/bin/env python3
"""Traces of Go 1.5 to 1.21: what `sonde trace -d=parsed` prints is what `go tool trace -d=parsed`
does, and of versions that Go has given up what it printed; parts of them are read as far as they
go, and the line says where they end."""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
from tally import check, end, skip  # noqa: E402  pylint: disable=wrong-import-position
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
DATA = os.path.join(ROOT, "tests/data/trace")
SAMPLES = os.path.join(ROOT, "../shared/testdata/trace")


def run(*command):
    done = subprocess.run(command, capture_output=True, timeout=120)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode()


def version(path):
    with open(path, "rb") as file:
        found = re.match(rb"go 1\.(\d+) trace", file.read(16))
    return int(found.group(1)) if found else 0


def events(text):
    """Runs of events at one moment, whose order Go's tools leave open: events that were written
    with the same time are one ns apart in the text."""
    runs, last = [], None
    for event in re.split(r"^(?=M=)", text, flags=re.M):
        found = re.search(r" Time=(-?\d+)", event)
        if not found:
            continue
        time = int(found.group(1))
        if last is None or time != last + 1:
            runs.append([time])
        runs[-1].append(event.replace(found.group(0), "", 1))
        last = time
    return [[run[0]] + sorted(run[1:]) for run in runs]


def first_difference(ours, theirs):
    for one, other in zip(ours, theirs):
        if one != other:
            return one, other
    return len(ours), len(theirs)


def compare(tool, trace):
    name = os.path.basename(trace)
    _, theirs, errors = run(tool, "-d=parsed", trace)
    status, ours, own_errors = run(SONDE, "trace", "-d=parsed", trace)
    check(f"{name}: status", status == 0 and not own_errors and not errors, own_errors, errors)
    if ours != theirs:
        ours, theirs = events(ours), events(theirs)
        check(f"{name}: parsed", ours == theirs, first_difference(ours, theirs))
    else:
        check(f"{name}: parsed", len(ours) > 1000)


def old_versions():
    """Of which Go's tools know no more.  The sums are of what Go 1.27's converter makes of them
    when its parser is given Go 1.19's rules for these versions."""
    with open(os.path.join(DATA, "parsed.sha256"), encoding="ascii") as sums:
        for line in sums:
            expected, name = line.split()
            status, text, errors = run(SONDE, "trace", "-d=parsed", os.path.join(DATA, name))
            check(f"{name}: status", status == 0 and not errors, errors)
            check(f"{name}: text", hashlib.sha256(text.encode()).hexdigest() == expected,
                  text[:1000])
    status, text, errors = run(SONDE, "trace", "-d=parsed",
                               os.path.join(DATA, "stress_1_5_unordered"))
    check("clocks that do not agree", status == 2 and "out of order at byte" in errors and
          errors.count("\n") == 1 and "Sync" in text, status, errors)


def times(text):
    return [int(time) for time in re.findall(r"^M=.* Time=(-?\d+)", text, flags=re.M)]


def parts(trace, folder):
    """Of the events that are there all come, in order."""
    name = os.path.basename(trace)
    with open(trace, "rb") as file:
        data = file.read()
    whole = len(times(run(SONDE, "trace", "-d=parsed", trace)[1]))
    counts = []
    for percent in (5, 30, 60, 80, 90, 95, 99):
        size = len(data) * percent // 100
        part = os.path.join(folder, "part")
        with open(part, "wb") as file:
            file.write(data[:size])
        status, text, errors = run(SONDE, "trace", "-d=parsed", part)
        # The end of a trace is names only: cut off between two of them it looks whole.
        is_whole = status == 0 and not errors and len(times(text)) == whole
        check(f"{name}: {percent} % of it: status", is_whole or (
            status == 2 and errors.count("\n") == 1 and "truncated at byte" in errors and
            f" of {size}" in errors), status, errors)
        got = times(text)
        check(f"{name}: {percent} % of it: times", got == sorted(set(got)))
        counts.append(len(got))
    check(f"{name}: parts", counts == sorted(counts) and counts[-1] == whole, counts, whole)
    if len(data) > 100000:
        check(f"{name}: events of parts", counts[2] > whole * 0.5, counts, whole)


PROGRAM = """int work(int n) { return n + 1; }
int wait_for(int n) {
    return work(n) +
           work(n + 1);
}
int main(void) { return wait_for(1); }
"""


def varint(value):
    out = b""
    while value >= 0x80:
        out, value = out + bytes([value & 0x7f | 0x80]), value >> 7
    return out + bytes([value])


def of_go_1_5(new, waits):
    """A trace in which goroutine 1 makes another, that starts at `new`, and then waits where it
    has the stack `waits`."""
    trace, seq = b"go 1.5 trace\0\0\0\0", 0

    def event(kind, *values):
        nonlocal trace
        body = b"".join(varint(value) for value in values)
        count = min(max(len(values) - 2, 0), 3)
        trace += bytes([kind | count << 6]) + (varint(len(body)) if count == 3 else b"") + body

    trace += bytes([1 | 1 << 6]) + varint(0) + varint(0) + varint(100)  # a batch
    for kind, values in ((13, (1, 0, 0)), (5, (7,)), (14, (1,)), (4, (4, 0)), (13, (2, new, 0)),
                         (22, (1,)), (14, (2,)), (21, (1, 0))):
        seq += 1
        event(kind, 1, 1000, *values)
    event(3, 1, len(waits), *waits)
    event(2, 1000000000, 0)
    return trace


def names(folder):
    """The program of a trace of Go 1.5 is what names its addresses."""
    compiler = shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if not compiler:
        skip("names", "there is no C compiler")
        return
    source, program, trace = (os.path.join(folder, name) for name in ("p.c", "program", "t.trace"))
    with open(source, "w", encoding="ascii") as out:
        out.write(PROGRAM)
    subprocess.run([compiler, "-g", "-O0", "-no-pie", "-o", program, source], check=True)
    symbols = {line.split()[2]: int(line.split()[0], 16)
               for line in subprocess.run(["nm", program], capture_output=True, text=True,
                                          check=True).stdout.splitlines() if len(line.split()) == 3}
    with open(trace, "wb") as out:
        out.write(of_go_1_5(symbols["work"], [symbols["wait_for"] + 5, symbols["main"] + 5]))
    status, text, errors = run(SONDE, "trace", "-d=parsed", program, trace)
    check("names: status", status == 0 and not errors, errors)
    check("names: of a new goroutine", f"\twork @ 0x{symbols['work'] + 1:x}\n\t\t{source}:1" in text,
          text)
    check("names: of a stack", f"\twait_for @ 0x{symbols['wait_for'] + 5:x}\n\t\t{source}:2\n"
          f"\tmain @ 0x{symbols['main'] + 5:x}\n\t\t{source}:6\n" in text, text)
    for arguments in (["trace", "-pprof=sync", "-traces", program, trace],
                      ["pprof", "-traces", f"trace:{trace}/sync?binary={program}"]):
        status, text, errors = run(SONDE, *arguments)
        check(f"names: {arguments[0]}", status == 0 and "wait_for" in text and "main" in text, text,
              errors)
    status, text, errors = run(SONDE, "trace", "-d=parsed", trace)
    check("no names", status == 0 and f"\t @ 0x{symbols['work'] + 1:x}\n\t\t:0" in text, text, errors)
    status, text, errors = run(SONDE, "trace", "-d=parsed", trace, trace)
    check("no program", status in (1, 2) and "cannot name addresses" in errors and
          errors.count("\n") == 1, status, errors)


def main():
    tool = go_trace()
    traces = sorted(path for path in glob.glob(os.path.join(SAMPLES, "*")) +
                    glob.glob(os.path.join(DATA, "*_good")) if 11 <= version(path) <= 21)
    if not tool:
        skip("go tool trace", "there is no Go toolchain: set SONDE_GO_TRACE or SONDE_GO_ROOTS")
    if not os.path.isdir(SAMPLES):
        skip("samples", "there are none beside the sources")
    for trace in traces if tool else []:
        compare(tool, trace)
    old_versions()
    with tempfile.TemporaryDirectory() as folder:
        for trace in traces:
            parts(trace, folder)
        names(folder)
    end()


main()
