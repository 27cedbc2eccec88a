#!/usr/bin/env python3
"""The CPU time of Go programs from outside: the functions and labels of their own profiles.

For each Go toolchain (SONDE_GO_ROOTS, GOROOTs joined with ':'; else those that are found) a program
is built, plain, stripped, and stripped as PIE.  Reads $SONDE and $SONDE_BUILD_ROOT.  Ends in the counts.
"""
import os
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "go_matrix"))
from toolchains import go_build, go_versions  # noqa: E402

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, *what):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}", *what, flush=True)


def skip(name, why):
    counts["skipped"] += 1
    print(f"{name}: skipped: {why}", flush=True)


def build(root, out, *options):
    made = go_build(root, os.path.join(HERE, "burns"), out, *options)
    if made.returncode:
        print(made.stderr)
    return made.returncode == 0


def sonde(*args):
    p = subprocess.run([SONDE, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       timeout=120)
    if p.returncode:
        raise RuntimeError(f"{args}: {p.returncode}: {p.stderr}")
    return p.stdout


def shares(path):
    """Cumulative share of each function, in percent."""
    rows = {}
    for line in sonde("pprof", "-top", "-cum", "-nodecount=0", "-nodefraction=0",
                      path).splitlines():
        m = re.match(r"\s*\S+\s+\S+%\s+\S+%\s+\S+\s+(\S+)%\s+(.+)", line)
        if m:
            rows[m[2]] = float(m[1])
    return rows


def tags(path):
    """Share of each label's value, in percent of all."""
    return {m[2]: float(m[1])
            for m in re.finditer(r"\(\s*([0-9.]+)%\): (.+)", sonde("pprof", "-tags", path))}


def test(name, program, folder):
    p = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    own, ours = os.path.join(folder, "own"), os.path.join(folder, "ours.pb.gz")
    try:
        check(f"{name} begins", p.stdout.readline() == "ready\n")
        sonde("record", "-e", "cpu", "-F", "997", "-p", str(p.pid), "--seconds", "3", "-o", ours)
        p.stdin.write(own + "\n")
        p.stdin.flush()
        check(f"{name} writes its own profile", p.stdout.readline() == "written\n")
        check(f"{name} runs on", p.poll() is None)
    finally:
        p.kill()
        p.communicate()
    got, want = shares(ours), shares(own)
    for function, share in (("main.work", 100), ("main.hot70", 70), ("main.hot20", 20),
                            ("main.hot10", 10), ("main.through", 10)):
        check(f"{name}: {function}", abs(got.get(function, 0) - share) < 7, got)
    # No wrapper, no goexit: nothing of the program that it has not in its own profile.
    names = {n.replace(" (inline)", "") for n in got if n.startswith("main.")}
    its = {n.replace(" (inline)", "") for n in want if n.startswith("main.")}
    check(f"{name}: names", names == its or its < names and names - its <= {"main.inlined"},
          names ^ its)
    check(f"{name}: no goexit", "runtime.goexit" not in got, got)
    check(f"{name}: inlined", "main.inlined (inline)" in got, got)
    who = tags(ours)
    check(f"{name}: labels", who.get("alice", 0) > 30 and who.get("bob", 0) > 30 and
          who.get("this", 0) == who.get("bob") and
          who["alice"] + who["bob"] > 88, who)


def main():
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        level = int(f.read())
    if os.geteuid() != 0 and level > 2:
        print(f"kernel.perf_event_paranoid is {level}")
        return 77
    found = go_versions()
    if not found:
        print("no Go toolchain: set SONDE_GO_ROOTS to GOROOTs, joined with ':'")
        return 77
    with tempfile.TemporaryDirectory(prefix="sonde-go-") as folder:
        for minor, root in sorted(found.items()):
            for mode, options in (("", []), (" stripped", ["-ldflags=-s -w"]),
                                  (" pie stripped", ["-buildmode=pie", "-ldflags=-s -w"])):
                name = f"1.{minor}{mode}"
                program = os.path.join(folder, "burns" + name.replace(" ", "-"))
                if build(root, program, *options):
                    test(name, program, folder)
                else:
                    skip(name, "does not build")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


sys.exit(main())
