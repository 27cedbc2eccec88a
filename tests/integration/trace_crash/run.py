#!/usr/bin/env python3
"""The flight recorder of a program that crashes (sonde_flight_recorder_on_crash): each way to crash
ends as it does without it, and the file has what the program last did, or nothing where it is to be
left alone.

Go's own parser reads it too where there is a toolchain (SONDE_GO_TRACE, SONDE_GO_ROOTS).
Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT.  Ends in the counts.
"""
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../..")))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", os.path.dirname(SONDE)))
WRITTEN = ("segv", "fpe", "ill", "abort", "killed", "overflow", "thread", "both", "handled", "saved")
EMPTY = ("", "ignored", "child", "vfork", "off", "stopped", "numbers")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, why=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}: {why}")
    return ok


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=60)


def end_of(*command):
    """Exit status, or minus the signal; and whether there was to be a core file."""
    pid = os.posix_spawn(command[0], command, os.environ)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), os.WCOREDUMP(status)


# What the thread that crashes says, and the function where that is.
MARKS = {"segv": ("SIGSEGV at address 0x0, by", "write_nowhere"), "fpe": ("SIGFPE, by", "main"),
         "ill": ("SIGILL, by", "main"), "abort": ("SIGABRT", None), "killed": ("SIGBUS", None),
         "overflow": ("SIGSEGV at address 0x7", "overflow"),
         "thread": ("SIGSEGV at address 0x0, by", "write_nowhere"),
         "both": ("SIGSEGV at address 0x0, by", "write_nowhere"),
         "handled": ("SIGSEGV at address 0x0, by", "write_nowhere"),
         "saved": ("SIGABRT", None)}  # and SIGSEGV before


def check_mark(how, text):
    message, function = MARKS[how]
    events = re.split(r"^(?=M=)", text, flags=re.M)
    found = [i for i, event in enumerate(events) if 'Category="crash"' in event]
    if not check(f"{how}: the thread that crashes", 1 <= len(found) <= 1 + (how in ("both", "saved")) and
                 f'Message="{message}' in events[found[-1]], text[-600:]):
        return
    if function:
        check(f"{how}: where", f"\t{function} @" in events[found[0]], events[found[0]])
    thread = events[found[-1]].split(" ", 1)[0]
    after = [event for event in events[found[-1] + 1:] if event.startswith(thread + " ")]
    check(f"{how}: it is the last of its thread", all("Running->Running" in e for e in after), after)


def main():
    work = tempfile.mkdtemp(prefix="sonde-crash-")
    os.chdir(work)
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    subprocess.run(["cc", "-O1", "-g", "-w", "-D_GNU_SOURCE", "-pthread", "-fno-omit-frame-pointer",
                    os.path.join(HERE, "crash.c"), f"-I{ROOT}/include", f"-L{BUILD}", "-lsonde",
                    f"-Wl,-rpath,{BUILD}", "-o", "crash"], check=True)
    go = go_trace()
    for how in WRITTEN + EMPTY:
        bare, seen = end_of("./crash", how), end_of("./crash", how, "trace")
        check(f"{how}: ends as without", bare == seen, f"{bare} {seen}")
        check(f"{how}: crashes", (bare[0] < 0) == (how not in ("handled",) + EMPTY[:4]), f"{bare}")
        if how in EMPTY:
            check(f"{how}: nothing is written", os.path.getsize("trace") == 0)
            continue
        done = run(SONDE, "trace", "-d=parsed", "trace")
        check(f"{how}: is read", done.returncode == 0, done.stderr[-300:])
        check(f"{how}: last words", '"words"' in done.stdout, done.stdout[-600:])
        check_mark(how, done.stdout)
        if go:
            theirs = run(go, "-d=parsed", "trace")
            check(f"{how}: Go reads the same", theirs.stdout == done.stdout, theirs.stderr[-300:])
    with open("trace.other", encoding="ascii") as file:
        check("numbers: another file is left alone", file.read() == "precious")
    if not go:
        counts["skipped"] += 1
        print("SKIPPED Go's parser: no go tool trace: set SONDE_GO_TRACE or SONDE_GO_ROOTS")
    if counts["failed"]:
        print(f"kept: {work}")
    else:
        shutil.rmtree(work)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(1 if counts["failed"] else 0)


main()
