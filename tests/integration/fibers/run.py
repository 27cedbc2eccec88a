#!/usr/bin/env python3
"""Fibers: parked ones in the goroutine profile, CPU time on their stacks; of ucontext, and
of Boost.Context where that is installed (examples/fibers.cc).

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT.  Ends in the counts.
"""
import os
import re
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../.."))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
counts = {"passed": 0, "failed": 0, "skipped": 0}
LIBRARIES = {"shared": ["-L" + BUILD, "-lsonde", "-Wl,-rpath," + BUILD],
             "archive": [os.path.join(BUILD, "libsonde.a")]}


def check(name, got, want):
    ok = got == want
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}")


def run(*command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120)


def stacks(profile):
    """(labels, functions leaf first) of each sample."""
    text = run(SONDE, "pprof", "-traces", profile).stdout
    for part in re.split(r"^-+\+-+\n", text, flags=re.M)[1:]:
        labels = dict(re.findall(r"^ *([\w ]+?):  (.*)$", part, re.M))
        stack = re.search(r"^ +\d+\w*   (.*(?:\n             .*)*)", part, re.M)
        if stack:
            yield labels, [f.strip() for f in stack[1].split("\n")]


def ucontext(program):
    done = run(program, "threads.pb.gz", "cpu.pb.gz")
    check(program, done.returncode, 0)
    parked = {l["fiber"]: (l["fiber number"], f) for l, f in stacks("threads.pb.gz") if l.get("state") == "parked"}
    path = ["yield", "waits", "waits", "waits", "waits", "body"]
    check(program + " parked", {k: (n, f[:6]) for k, (n, f) in parked.items()},
          {f"fiber {i}": ("one" if i == 1 else "other", path) for i in range(4)})
    check(program + " roots", {f[-1] for _, f in parked.values()}, {"__start_context"})
    check(program + " its thread", [l["state"] for l, f in stacks("threads.pb.gz") if "main" in f],
          ["running"])
    burnt = [f for _, f in stacks("cpu.pb.gz") if "burns" in f]
    check(program + " CPU time", bool(burnt) and all(f[-2:] == ["body", "__start_context"] for f in burnt), True)
    check(program + " debug=2", len(re.findall(r"^goroutine \d+ \[parked, fiber \d\]:\nyield\(\.\.\.\)\n",
                                               run(program).stdout, re.M)), 4)
    done = run(SONDE, "record", "-o", "whole.pb.gz", "--", program, "threads.pb.gz")
    check(program + " recorded, whole stacks", re.findall(r"(\d+) truncated", done.stderr), ["0"])


def boost(program):
    done = run(program, "threads.pb.gz", "cpu.pb.gz")
    check(program, done.returncode, 0)
    parked = {l["fiber"]: l.get("order") for l, f in stacks("threads.pb.gz")
              if l.get("state") == "parked" and any("yield" in x for x in f)}
    check(program + " parked", parked, {"waiter 0": "none", "waiter 1": "none", "waiter 2": "none",
                                        "reader 0": None, "reader 1": None, "computer": None})
    inside = {l["fiber"][:6]: f for l, f in stacks("threads.pb.gz") if l.get("state") == "parked"}
    for who, function in ("waiter", "waits_for_orders"), ("reader", "reads_a_request"), ("comput", "computes"):
        check(f"{program} {who}", any(function in x for x in inside[who]), True)
    done = run(SONDE, "record", "-o", "whole.pb.gz", "--", program, "threads.pb.gz")
    check(program + " recorded, whole stacks", re.findall(r"(\d+) truncated", done.stderr), ["0"])
    burnt = [f for _, f in stacks("whole.pb.gz") if any("computes" in x for x in f)]
    check(program + " CPU time", len(burnt) > 0, True)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        include = ["-I", os.path.join(ROOT, "include")]
        for name, library in LIBRARIES.items():
            subprocess.run(["cc", "-O2", "-g", "-Wall", "-Werror", "-D_GNU_SOURCE", *include,
                            os.path.join(HERE, "ucontext.c"), "-o", name, *library], check=True)
            ucontext("./" + name)
        made = run("c++", "-O2", "-g", *include, os.path.join(ROOT, "examples/fibers.cc"), "-o", "boost",
                   *LIBRARIES["shared"], "-lboost_context")
        if made.returncode == 0:
            boost("./boost")
        else:
            counts["failed" if "boost" not in made.stderr else "skipped"] += 1
            print("SKIPPED Boost.Context: it is not installed (libboost-context-dev)"
                  if "boost" in made.stderr else made.stderr)
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
