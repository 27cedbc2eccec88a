#!/usr/bin/env python3
"""Go programs that have ended: core files of a service that has crashed, or was copied by gcore
while it ran on; and one that ends while it is looked at.

Reads $SONDE, and the toolchains of go_matrix/toolchains.py.  Ends in the counts.
"""
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "go_matrix"))
from toolchains import go_build, go_roots  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
COUNTED = ("heap", "allocs", "block", "mutex", "threadcreate")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, *details):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}", *details, sep="\n  ")


def skip(name, why):
    counts["skipped"] += 1
    print(f"skipped {name}: {why}")


def sonde(*arguments):
    done = subprocess.run([SONDE, "pprof", *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr


def stacks(text):
    """Of -traces: {functions, leaf first: count}."""
    found = {}
    for block in text.split("-----------+")[1:]:
        rows = [line.split() for line in block.splitlines()[1:]]
        first = next((i for i, row in enumerate(rows) if row and row[0].isdigit()), None)
        if first is None:
            continue
        names = [rows[first][1]] + [row[0] for row in rows[first + 1:] if row]
        found[" ".join(names)] = found.get(" ".join(names), 0) + int(rows[first][0])
    return found


def own(text):
    """Of -traces: {functions, leaf first: value} of the program's own stacks; the runtime's locks
    are waited for at any time."""
    units = {"": 1, "ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "B": 1, "kB": 1024, "MB": 1024 ** 2}
    found = {}
    for block in text.split("-----------+")[1:]:
        first = re.search(r"^ *([\d.]+)([A-Za-z]*)   (.*)$", block, re.M)
        names = first and " ".join([first.group(3)] + [line.strip() for line in
                                                       block[first.end():].splitlines() if line.strip()])
        if names and "main." in names:
            found[names] = found.get(names, 0) + float(first.group(1)) * units[first.group(2)]
    return found


def are_near(a, b):
    return a.keys() == b.keys() and all(abs(a[k] - b[k]) <= 0.01 * b[k] for k in a)


def sleepers(found):
    return sum(n for names, n in found.items() if names.endswith("main.sleepLong"))


def crash(label, program, folder):
    """It follows a nil pointer, and the kernel writes its core."""
    with open("/proc/sys/kernel/core_pattern", encoding="ascii") as f:
        pattern = f.read().strip()
    if pattern.startswith("|") or "/" in pattern:
        skip(f"{label}: a crash", "core files go elsewhere (kernel.core_pattern)")
        return
    done = subprocess.run([program, "nil"], cwd=folder, capture_output=True, timeout=60,
                          env={**os.environ, "GOTRACEBACK": "crash"},
                          preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (-1, -1)))
    cores = [name for name in os.listdir(folder) if name.startswith("core")]
    if done.returncode != -signal.SIGABRT or not cores:
        skip(f"{label}: a crash", f"no core file came of it (status {done.returncode})")
        return
    core = os.path.join(folder, cores[0])
    status, text, errors = sonde("-traces", f"core:{core}/goroutine")
    found = stacks(text)
    crashed = [names for names in found if "runtime.sigpanic" in names]
    check(f"{label}: the stack that crashed", status == 0 and len(crashed) == 1 and
          re.search(r"runtime\.gopanic runtime\.panicmem runtime\.sigpanic main\.add main\.handle$",
                    crashed[0]), text, errors)
    check(f"{label}: the others", sleepers(found) == 5, text)
    status, text, errors = sonde("-top", "-unit=b", f"core:{core}/heap")
    row = re.search(r"^ *(\d+)B .* main\.keep$", text, re.M)
    check(f"{label}: the heap", status == 0 and row and 10000000 <= int(row.group(1)) <= 11000000,
          text, errors)
    status, _, errors = sonde("-top", f"core:{core}/cpu")
    check(f"{label}: no CPU profile", status == 1 and "has no profile cpu" in errors, errors)
    # Cut in the middle: what is missing is told, or all that is asked for is there.
    with open(core, "r+b") as f:
        f.truncate(os.path.getsize(core) // 3)
    status, _, errors = sonde("-top", f"core:{core}/goroutine")
    check(f"{label}: cut off", status in (0, 2) and (status == 0 or "sonde: " in errors), status, errors)
    os.remove(core)


def copied(label, program, folder):
    """It runs on while gcore copies it."""
    if not shutil.which("gcore"):
        skip(f"{label}: gcore", "gdb is not installed")
        return
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as process:
        try:
            process.stdout.readline()
            time.sleep(0.1)
            live = sonde("-traces", f"pid:{process.pid}/goroutine")
            counted = {kind: sonde("-traces", f"pid:{process.pid}/{kind}") for kind in COUNTED}
            done = subprocess.run(["gcore", "-o", os.path.join(folder, "copy"), str(process.pid)],
                                  capture_output=True, timeout=120)
        finally:
            process.kill()
    core = os.path.join(folder, f"copy.{process.pid}")
    if done.returncode or not os.path.exists(core):
        skip(f"{label}: gcore", "it does not work here")
        return
    copy = sonde("-traces", f"core:{core}/goroutine")
    check(f"{label}: goroutines of a copy", sleepers(stacks(copy[1])) == 5 ==
          sleepers(stacks(live[1])), copy, live)
    runner = [names for names in stacks(copy[1]) if names.endswith("main.handle")]
    check(f"{label}: the one that ran", len(runner) == 1, copy[1])
    for kind, outside in counted.items():
        now = sonde("-traces", f"core:{core}/{kind}")
        # Go 1.19 does not keep who made threads.
        check(f"{label}: {kind} of a copy", now[0] == 0 == outside[0] and
              are_near(own(outside[1]), own(now[1])) and (kind == "threadcreate" or own(now[1])), outside, now)
    os.remove(core)


def ended(label, program, folder):
    """What was read last before it ended is kept; of a difference too."""
    out = os.path.join(folder, "ended.pb.gz")
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        with subprocess.Popen([SONDE, "record", "-e", "goroutine", "-p", str(process.pid), "--seconds", "20",
                               "-o", out], stderr=subprocess.PIPE, text=True) as recorder:
            time.sleep(1)
            process.kill()
            _, errors = recorder.communicate(timeout=60)
    status, text, _ = sonde("-traces", out)
    check(f"{label}: it ends", recorder.returncode == 0 == status and sleepers(stacks(text)) == 5 and
          "has ended; it is as it was " in errors, recorder.returncode, errors, text)
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as process:
        process.stdout.readline()
        with subprocess.Popen([SONDE, "pprof", "-top", "-sample_index=alloc_space",
                               f"pid:{process.pid}/heap?seconds=20"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as reader:
            time.sleep(2.5)
            process.kill()
            text, errors = reader.communicate(timeout=60)
    check(f"{label}: it ends during a difference", reader.returncode == 0 and "Duration: " in text and
          "has ended; it is as it was " in errors, reader.returncode, errors, text)


def main():
    roots = go_roots()
    if not roots:
        print("no Go toolchain: set SONDE_GO_ROOTS or GOROOT")
        sys.exit(77)
    status, _, errors = sonde("-top", f"core:{__file__}/goroutine")
    check("not a core file", status == 2 and __file__ in errors, status, errors)
    for root in roots:
        with tempfile.TemporaryDirectory() as folder:
            program = os.path.join(folder, "crash")
            done = go_build(root, os.path.join(HERE, "crash"), program, "-ldflags=-s -w")
            label = os.path.basename(root)
            if done.returncode:
                check(f"{label}: build", False, done.stderr)
                continue
            crash(label, program, folder)
            copied(label, program, folder)
            ended(label, program, folder)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


main()
