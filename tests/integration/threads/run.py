#!/usr/bin/env python3
"""goroutine profiles: every thread's stack, state and name.

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT (and $SONDE_GO_PPROF, Go's pprof, when
there is one).  Ends in the counts.
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../.."))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
counts = {"passed": 0, "failed": 0, "skipped": 0}

# The state of a thread that does this.
STATES = {"locks": "lock", "waits": "lock", "takes": "lock", "sleeps": "sleeping", "polls": "io",
          "selects": "io", "epolls": "io", "reads": "io", "accepts": "io",
          "sigwaits": "rt_sigtimedwait", "pauses": "pause"}
RUNS = ("running", "runnable")


def check(name, got, want):
    ok = got == want
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}")


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=120, **options)


class Threads:
    """A profile's stacks: (count, labels, functions leaf first)."""

    def __init__(self, profile, *pprof):
        text = run(*(pprof or (SONDE, "pprof")), "-traces", profile).stdout
        self.all = []
        for part in re.split(r"^-+\+-+\n", text, flags=re.M)[1:]:
            labels = dict(re.findall(r"^ *(\w+):  (.*)$", part, re.M))
            stack = re.search(r"^ +(\d+)   (.*(?:\n             .*)*)", part, re.M)
            if stack:
                self.all.append((int(stack[1]), labels, [f.strip() for f in stack[2].split("\n")]))

    def n(self):
        return sum(n for n, _, _ in self.all)

    def by(self, key, where=None):
        total = Counter()
        for n, labels, functions in self.all:
            if where is None or where in functions:
                total[labels.get(key)] += n
        return dict(total)


def record(program, mode, kind="goroutine"):
    done = run(SONDE, "record", "-e", kind, "-o", "out.pb.gz", "--", program, mode)
    return done, Threads("out.pb.gz")


def compile_target(out, source, *flags):
    subprocess.run(["cc", "-g", "-Wall", "-Werror", "-D_GNU_SOURCE", "-pthread",
                    os.path.join(HERE, source), "-o", out, *flags], check=True)


def states(program):
    done, threads = record(program, "states")
    check(program + " status", done.returncode, 0)
    check(program + " threads", threads.n(), 13)
    check(program + " the last line", re.findall(r"(\d+) samples .* (\d+) truncated", done.stderr),
          [("13", "0")])
    for what, state in STATES.items():
        check(f"{program} {what}", threads.by("state", what), {state: 1})
        check(f"{program} {what}, its name", threads.by("thread", what), {what: 1})
    check(program + " spins", set(threads.by("state", "spins")) <= set(RUNS), True)
    check(program + " main", threads.by("state", "main"), {"running": 1})
    whole = [f for _, l, f in threads.all if l["thread"] in STATES or l["thread"] == "spins"]
    check(program + " stacks", [f.count("deep") == 6 and f[-3] == "run" for f in whole], [True] * 12)


def texts(name, done):
    """debug=1 and debug=2 of a program that writes them itself."""
    check(name + " status", done.returncode, 0)
    traces = done.stdout
    check(name + " debug=1", traces.startswith("goroutine profile: total 13\n1 @ 0x"), True)
    for what, state in STATES.items():
        check(f"{name} debug=1 {what}",
              len(re.findall(rf'^# labels: {{"state":"{state}", "thread":"{what}"}}$', traces, re.M)), 1)
        check(f"{name} debug=2 {what}", len(re.findall(
            rf"^goroutine \d+ \[{state}, {what}\]:\n(?:.*\n\t.*\n)*{what}\(\.\.\.\)\n\t\S+ \+0x[0-9a-f]+\n"
            rf"deep\(\.\.\.\)\n", traces, re.M)), 1)
    check(name + " debug=1 main",
          len(re.findall(rf'^# labels: {{"of":"main", "state":"running", "thread":"{name}"}}$', traces, re.M)), 1)
    check(name + " debug=2 traces", len(re.findall(r"^goroutine \d+ \[", traces, re.M)), 13)


def in_use(profile):
    top = run(SONDE, "pprof", "-raw", profile).stdout
    return sum(int(n) for n in re.findall(r"^ +\d+ +\d+ +\d+ +(\d+): ", top, re.M))


def forget_steps():
    """What way waits for, and what it makes."""
    shutil.rmtree("out")
    for step in range(3):
        os.unlink(f"step.{step}")


def ways():
    """--at and --seconds."""
    compile_target("way", "way.c", "-O1")
    flags = ["-e", "heap,goroutine", "--heap-rate=1", "-o", "out"]
    done = run(SONDE, "record", *flags, "--at", "2", "--", "./way", "out/goroutine.1.pb.gz", "0", "0")
    check("--at", done.returncode, 3)
    check("--at, files", sorted(os.listdir("out")),
          ["goroutine.1.pb.gz", "goroutine.pb.gz", "heap.1.pb.gz", "heap.pb.gz"])
    check("--at, memory", [in_use(f"out/heap{n}.pb.gz") // 1000000 for n in (".1", "")], [10, 20])
    check("--at, threads", [Threads(f"out/goroutine{n}.pb.gz").by("state") for n in (".1", "")],
          [{"sleeping": 1}, {"pause": 2, "running": 1}])
    forget_steps()
    command = subprocess.Popen([SONDE, "record", *flags, "--at", "SIGUSR1", "--", "./way", "out/goroutine.1.pb.gz",
                                "0", "out/goroutine.2.pb.gz"],
                               stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    for step in (0, 2):
        while command.poll() is None and not os.path.exists(f"step.{step}"):
            time.sleep(0.01)
        command.send_signal(signal.SIGUSR1)
    _, text = command.communicate(timeout=60)
    check("--at SIGUSR1", command.returncode, 3)
    check("--at SIGUSR1, messages", re.findall(r"after \d+\.\d\ds: (\S+)", text),
          [f"out/{kind}.{n}.pb.gz" for n in (1, 2) for kind in ("heap", "goroutine")])
    check("--at SIGUSR1, threads",
          [Threads(f"out/goroutine.{n}.pb.gz").n() for n in (1, 2)], [1, 3])
    done = run(SONDE, "record", *flags, "--seconds", "2", "--", "./way", "4000", "0", "0")
    check("--seconds", (done.returncode, done.stdout), (3, "done\n"))
    check("--seconds, threads", Threads("out/goroutine.pb.gz").by("state"), {"sleeping": 1})
    check("--seconds, memory", in_use("out/heap.pb.gz") // 1000000, 10)
    done = run(SONDE, "record", "-e", "goroutine", "-o", "one.pb.gz", "--at", "0.4", "--", "./way", "exit",
               "one.1.pb.gz")
    check("the last thread ends", (done.returncode, done.stdout), (0, "done\n"))
    check("the last thread ends, one file", os.path.exists("one.1.pb.gz"), True)
    os.unlink("one.1.pb.gz")
    at = [SONDE, "record", "-e", "goroutine", "-o", "one.pb.gz", "--at", "2", "--", "bash", "-c"]
    done = run(*at, "for i in 1 2 3 4 5 6 7 8; do /usr/bin/true; done; sleep 4; :")
    check("--at, processes that have ended are not there, nor libsonde's threads",
          [sorted(Threads(f"one{n}.pb.gz").by("thread").items()) for n in (".1", "")],
          [[("bash", 1), ("sleep", 1)], [("bash", 1), ("sleep", 1), ("true", 8)]])
    done = run(*at, "exec sleep 4")
    check("--at, a program that has become another", (Threads("one.1.pb.gz").by("thread"), done.stderr.count("\n")),
          ({"sleep": 1}, 2))
    for bad in (["--at", "TERM"], ["--at", "0"], ["-e", "cpu", "--at", "1"], ["--seconds", "-1"]):
        check(f"{bad}", run(SONDE, "record", "-e", "heap", *bad, "--", "./way", "0", "0", "0").returncode, 2)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        compile_target("without", "states.c", "-O2", "-fomit-frame-pointer")
        compile_target("with", "states.c", "-O2", "-fno-omit-frame-pointer")
        compile_target("plain", "states.c", "-O0")
        for program in ("./without", "./with", "./plain"):
            states(program)
        if GO_PPROF:
            check("go tool pprof reads it", Threads("out.pb.gz", GO_PPROF, "-symbolize=none").n(), 13)
        else:
            counts["skipped"] += 1
            print("SKIPPED go tool pprof: none is given (SONDE_GO_PPROF)")
        done, threads = record("./with", "many", kind="threads")
        check("1,000 threads", threads.n(), 1001)
        check("1,000 threads, whole", re.findall(r"(\d+) truncated", done.stderr), ["0"])
        check("1,000 threads, names", {k: v for k, v in threads.by("thread").items() if k in STATES},
              {k: 91 - (k == "pauses") for k in STATES})
        _, threads = record("./without", "runnable")
        check("runnable", (threads.n(), sum(v for k, v in threads.by("state").items() if k in RUNS)), (9, 9))
        check("runnable, their stacks", threads.by("thread", "spins"), {"spins": 8})
        _, threads = record("./without", "names")
        check("names", threads.by("thread"), {"second": 1, "by another": 1, "a main thread's": 1})
        _, threads = record("./without", "blocked")
        check("all signals blocked", sum(threads.by("thread", "blocks_all").values()), 1)
        _, threads = record("./without", "altstack")
        check("a handler's stack", threads.by("state", "on_usr1"), {"lock": 1})
        check("below it", threads.by("state", "on_other_stack"), {"lock": 1})
        _, threads = record("./without", "churn")
        check("threads come and go", threads.by("thread", "makes"), {"without": 4})
        check("threads come and go, one stays", threads.by("state", "locks"), {"lock": 1})
        _, threads = record("./without", "fork")
        check("a child's threads", sorted(threads.by("pid").values()), [2, 4])
        check("_exit", threads.by("state", "sleeps"), {"sleeping": 1})
        _, threads = record("./without", "quick")
        check("quick_exit", threads.by("state", "main"), {"running": 1})
        done, threads = record("./without", "abort")
        check("killed", (done.returncode, threads.n(), "no samples: the command was ended by a signal" in done.stderr),
              (134, 0, True))
        ways()
        linked = ["-I", os.path.join(ROOT, "include"), "-L" + BUILD, "-lsonde", "-Wl,-rpath," + BUILD]
        archive = linked[:2] + [os.path.join(BUILD, "libsonde.a")]
        for name, flags in ("shared", linked), ("archive", archive):
            compile_target(name, "states.c", "-O2", "-DLINKED", *flags)
            texts(name, run("./" + name, "states"))
            compile_target(name + "-eintr", "eintr.c", "-O2", *flags)
            check(name + " nothing is disturbed", run(f"./{name}-eintr", "500").stdout,
                  "eintr 0 short 0 failed 0 threads 18\n")
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
