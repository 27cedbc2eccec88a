#!/usr/bin/env python3
"""Go's profiles, read from outside and by the program itself: they are the same.

A program that has something in each profile, and its own server, is built in each mode of each Go
there is.  When it has come to rest it is read from outside, by its server, and from outside again.

Reads $SONDE_BUILD_ROOT, and $SONDE_GO_MATRIX_ROOTS or $SONDE_GO_ROOTS: GOROOTs, with ':' between (else
$GOROOT, that of `go`, /usr/lib/go-*); $SONDE_GO_MODES: "all"; $SONDE_GO_MISSING: versions that could not be had.  Arguments:
modes.  Ends in the counts.
"""
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter

from pprof import Profile, names
from toolchains import build_environment, go_build, go_roots

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
READ = os.path.join(BUILD, "tests", "go_read")
counts = {"passed": 0, "failed": 0, "skipped": 0}

# Name, arguments for go build, environment.  Those with less to say come with
# SONDE_GO_MODES=all only.
FEWER = ("pie", "cgo stripped", "race", "v3")
MODES = [
    ("normal", [], {"CGO_ENABLED": "0"}),
    ("stripped", ["-ldflags=-s -w"], {"CGO_ENABLED": "0"}),
    ("pie", ["-buildmode=pie"], {"CGO_ENABLED": "0"}),
    ("pie stripped", ["-buildmode=pie", "-ldflags=-s -w"], {"CGO_ENABLED": "0"}),
    ("cgo", [], {"CGO_ENABLED": "1"}),
    ("cgo stripped", ["-ldflags=-s -w"], {"CGO_ENABLED": "1"}),
    ("race", ["-race"], {"CGO_ENABLED": "1"}),
    ("race stripped", ["-race", "-ldflags=-s -w"], {"CGO_ENABLED": "1"}),
    ("v3", [], {"CGO_ENABLED": "0", "GOAMD64": "v3"}),
    ("v3 stripped", ["-ldflags=-s -w"], {"CGO_ENABLED": "0", "GOAMD64": "v3"}),
]
WARM_UPS = 8  # most of the stacks that the server itself allocates with are known then
TRIES = 15
LEAKED = 6  # goroutines that park() starts and nothing can wake


def check(name, ok, *details):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}", *details, sep="\n  ")
    return ok


def skip(name, why):
    counts["skipped"] += 1
    print(f"skipped {name}: {why}")


class Target:
    """The program, at rest."""

    def __init__(self, program, **env):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env={**os.environ, **env}, text=True)
        line = self.process.stdout.readline().split()
        if len(line) != 2:
            raise RuntimeError(f"the program did not start: {line}")
        self.server = line[1]

    def inside(self, kind, debug=0):
        """As debug/pprof/KIND of net/http writes it; b"" if this Go has no such profile."""
        host, port = self.server.split(":")
        with socket.create_connection((host, int(port)), timeout=60) as connection:
            connection.sendall(f"{kind} {debug}\n".encode())
            with connection.makefile("rb") as answer:
                return answer.read()

    def outside(self, kind, *options):
        done = subprocess.run([READ, str(self.process.pid), kind, *options], capture_output=True,
                              timeout=120)
        if done.returncode:
            raise RuntimeError(done.stderr.decode().strip())
        return done.stdout

    def word(self, name):
        return subprocess.run([READ, str(self.process.pid), "word", name], capture_output=True,
                              text=True, timeout=60).stdout.strip()

    def end(self):
        self.process.stdin.close()
        return self.process.wait(timeout=60)


def first_difference(a, b):
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            return f"row {i}:\n    outside {x}\n    inside  {y}"
    return f"{len(a)} rows outside, {len(b)} inside"


def near(a, b):
    """Equal, but for the last digit of what is scaled: Go's exponential function is another."""
    return len(a) == len(b) and all(
        x[1:] == y[1:] and all(abs(v - w) <= 1 for v, w in zip(x[0], y[0])) for x, y in zip(a, b))


def compare(name, kind, out, own):
    if not (check(f"{name}: header", out.header == own.header, out.header, own.header) and
            check(f"{name}: mappings", out.mappings == own.mappings, *out.mappings, "inside",
                  *own.mappings)):
        return
    if out.samples == own.samples:
        check(f"{name}: {len(out.samples)} records", len(out.samples) > 0)
    elif kind in ("heap", "allocs") and near(out.samples, own.samples):
        check(f"{name}: {len(out.samples)} records, the last digit apart", True)
    else:
        check(f"{name}: records", False, first_difference(out.samples, own.samples))
    check(f"{name}: functions", out.functions == own.functions,
          first_difference(out.functions, own.functions))
    check(f"{name}: locations", out.n_locations == own.n_locations, out.n_locations,
          own.n_locations)
    check(f"{name}: time", abs(out.time - own.time) < 60e9)


def at_rest(read_outside, read_inside, counted):
    """What is read outside and inside, where what is counted does not change meanwhile."""
    for _ in range(TRIES):
        before, own, after = read_outside(), read_inside(), read_outside()
        if counted(before) == counted(after):
            return (after if len(after.rows) == len(own.rows) else before), own
    return None, None


def compare_profile(name, target, kind):
    def counted(profile):
        """Records of what the server has allocated since the last collection have zeros only."""
        return [sample for sample in profile.rows if any(sample[0])]

    def take(read):
        profile = Profile(read(kind))
        profile.rows = profile.samples
        return profile
    out, own = at_rest(lambda: take(target.outside), lambda: take(target.inside), counted)
    if not check(f"{name}: at rest", out is not None):
        return
    if len(out.samples) != len(own.samples):
        out.samples, own.samples = counted(out), counted(own)
        out.functions = own.functions = []
        out.n_locations = own.n_locations = 0
    compare(name, kind, out, own)


class Text:
    """debug=1: the head, the records, and {name: value} of what comes after them."""

    def __init__(self, text):
        records, _, stats = text.decode().partition("\n# runtime.MemStats\n")
        first = re.search(r"^\S+ \S+( \[.*\])? @", records, re.M)
        at = first.start() if first else len(records)
        self.head, self.rows = records[:at], records[at:].split("\n\n")
        self.stats = dict(re.findall(r"^# (\w+) = (.*)$", stats, re.M))


def compare_text(name, target, kind):
    def counted(text):
        return [row for row in text.rows if not row.startswith("0: 0 [0: 0] @")]
    out, own = at_rest(lambda: Text(target.outside(kind, "debug=1")),
                       lambda: Text(target.inside(kind, 1)), lambda text: sorted(counted(text)))
    if not check(f"{name}: text at rest", out is not None):
        return
    check(f"{name}: head of the text", out.head == own.head, out.head, own.head)
    if len(out.rows) != len(own.rows):
        out.rows, own.rows = sorted(counted(out)), sorted(counted(own))
    check(f"{name}: text", out.rows == own.rows, first_difference(out.rows, own.rows))
    for key, value in out.stats.items():
        if key != "MaxRSS":
            check(f"{name}: {key}", own.stats.get(key) == value, value, own.stats.get(key))


def compare_delays(name, before, after):
    """Before the program knows how long its ticks are, that is found out from outside.  Mutexes of
    the runtime itself may be waited for at any time."""
    def delays(profile):
        return {s[2]: s[0][1] for s in profile.samples if any("main." in n for n in names(s[2]))}
    a, b = delays(before), delays(after)
    check(f"{name}: delays", a.keys() == b.keys() and
          all(abs(a[k] - b[k]) <= 1 + 1e-3 * b[k] for k in a), first_difference(
              sorted(a.values()), sorted(b.values())))


# Labels that Go's own profile has not: it would be divided by what goroutines do.
STATES = ("state", "wait_reason", "wait_time", "creator")
SERVER = {"main.serve", "main.answer"}


def ours(profile):
    """{(labels, stack): count} of the program's own goroutines: those of the server come and go."""
    total = Counter()
    for values, labels, stack in profile.samples:
        functions = names(stack)
        if any(n.startswith("main.") for n in functions) and \
                not SERVER & set(functions):
            total[tuple(sorted(x for x in labels if x[0] not in STATES)), stack] += values[0]
    return sorted(total.items())


def compare_goroutines(name, target):
    out, own = Profile(target.outside("goroutine")), Profile(target.inside("goroutine"))
    check(f"{name}: header", out.header == own.header, out.header, own.header)
    check(f"{name}: mappings", out.mappings == own.mappings, *out.mappings, *own.mappings)
    check(f"{name}: {len(ours(own))} records", ours(out) == ours(own) != [],
          first_difference(ours(out), ours(own)))


def compare_leaks(name, target):
    """A collection of garbage, which the program runs when it is asked from outside."""
    out = Profile(target.outside("goroutineleak"))
    count = sum(n for _, n in ours(out))
    check(f"{name}: leaked", count == LEAKED, count)
    answer = target.inside("goroutineleak")
    if not answer:
        return  # 1.26 has the profile only where GOEXPERIMENT said so
    own = Profile(answer)
    check(f"{name}: header", out.header == own.header, out.header, own.header)
    check(f"{name}: {len(ours(own))} records", ours(out) == ours(own) != [],
          first_difference(ours(out), ours(own)))


def compare_collected(name, target):
    """What a collection publishes: all that is kept, at once."""
    n_before = int(Text(target.outside("heap", "debug=1")).stats["NumGC"])
    text = Text(target.outside("heap", "debug=1", "gc"))
    check(f"{name}: two collections", int(text.stats["NumGC"]) >= n_before + 2)
    check(f"{name}: as before", target.word("forcegcperiod") == "120000000000")


def compare_all(name, target):
    first = {kind: Profile(target.outside(kind)) for kind in ("block", "mutex")}
    for _ in range(WARM_UPS):
        for kind in ("heap", "allocs"):
            target.inside(kind, 0)
            target.inside(kind, 1)
    for kind in ("heap", "allocs", "block", "mutex"):
        compare_profile(f"{name}: {kind}", target, kind)
        compare_text(f"{name}: {kind}", target, kind)
    for kind, profile in first.items():
        compare_delays(f"{name}: {kind} first", profile, Profile(target.inside(kind)))
    compare_profile(f"{name}: threadcreate", target, "threadcreate")
    compare_text(f"{name}: threadcreate", target, "threadcreate")
    compare_goroutines(f"{name}: goroutine", target)


def compare_enabled(name, target):
    """Profiles that are off are switched on, have what happens then, and are off again."""
    for kind, word in (("block", "blockprofilerate"), ("mutex", "mutexprofilerate"),
                       ("heap", "MemProfileRate")):
        try:
            out = Profile(target.outside(kind, "enable=100", *(["gc"] if kind == "heap" else [])))
        except RuntimeError as e:
            # A refusal is right where a single instruction tells where the word lies.
            if "not beyond doubt" in str(e):
                skip(f"{name}: {kind}", e)
            else:
                check(f"{name}: {kind}", False, e)
            continue
        ticks = sum(s[0][0] for s in out.samples if "main.tick" in names(s[2]))
        check(f"{name}: {kind}", ticks > 0, out.samples)
        check(f"{name}: {kind} off again", target.word(word) == "0", target.word(word))
    check(f"{name}: forcegcperiod", target.word("forcegcperiod") == "120000000000")


def with_target(name, program, compare, **env):
    try:
        target = Target(program, **env)
    except RuntimeError as e:
        return skip(name, str(e))
    try:
        compare(target)
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as e:
        check(name, False, e)
    check(f"{name}: ends", target.end() == 0)
    return None


def try_mode(version, mode, arguments, env, root, folder):
    name = f"{version} {mode}"
    program = os.path.join(folder, "program")
    started = time.monotonic()
    built = go_build(root, os.path.join(folder, "source"), program, *arguments, **env)
    if built.returncode:
        lines = built.stderr.strip().splitlines() or ["?"]
        skip(name, "cannot be built: " + lines[-1])
        return
    before = dict(counts)

    def busy(target):
        compare_collected(f"{name}: heap after a collection", target)
        if int(version.split(".")[1]) >= 26:
            compare_leaks(f"{name}: goroutineleak", target)
    with_target(name, program, lambda target: compare_all(name, target))
    with_target(f"{name}: busy", program, busy, BUSY="1")
    with_target(f"{name}: switched on", program,
                lambda target: compare_enabled(f"{name}: switched on", target),
                BUSY="1", RATE="0", BLOCK="0", MUTEX="0")
    same, differ = (counts[k] - before[k] for k in ("passed", "failed"))
    print(f"{name}: {same} of {same + differ} the same ({time.monotonic() - started:.1f} s)",
          flush=True)


def main():
    roots = [r for r in os.environ.get("SONDE_GO_MATRIX_ROOTS", "").split(":") if r] or go_roots()
    if not roots:
        print("no Go toolchain: set SONDE_GO_ROOTS or GOROOT")
        return 77
    for version in os.environ.get("SONDE_GO_MISSING", "").split():
        skip(f"go{version}", "the toolchain could not be had")
    wanted = sys.argv[1:] or [mode for mode, _, _ in MODES if mode not in FEWER or
                              os.environ.get("SONDE_GO_MODES") == "all"]
    for root in roots:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(os.path.join(HERE, "target"), os.path.join(folder, "source"))
            version = subprocess.run([os.path.join(root, "bin", "go"), "version"],
                                     capture_output=True, text=True, timeout=60,
                                     env=build_environment(root)).stdout.split()
            version = version[2] if len(version) > 2 else os.path.basename(root)
            for mode, arguments, env in MODES:
                if mode in wanted:
                    try_mode(version, mode, arguments, env, root, folder)
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


sys.exit(main())
