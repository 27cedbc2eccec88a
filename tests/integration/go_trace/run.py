#!/usr/bin/env python3
"""Execution traces of Go programs that run, from outside.

A program with a known schedule is traced by probes in its scheduler: every wait has its reason, its
length and who ended it, and Go's own parser accepts the trace.  A server under load goes on unharmed
while traces begin and end, also when sonde is killed.

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_GO_ROOTS (GOROOTs with ':' between; else those that are
found), $SONDE_GO_TRACE: a built cmd/trace of Go 1.26 or newer (else built from one of the GOROOTs);
$SONDE_GO_TRACE_ROUNDS.  Arguments: which tests.  Ends in the counts.
"""
import json
import os
import random
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "go_matrix"))
from toolchains import go_build, go_roots, go_versions  # noqa: E402
from trace_tool import go_trace  # noqa: E402

SONDE = os.environ.get("SONDE", "sonde")
ROUNDS = int(os.environ.get("SONDE_GO_TRACE_ROUNDS", "25"))
counts = {"passed": 0, "failed": 0, "skipped": 0}
work = tempfile.mkdtemp(prefix="sonde-go-trace-")


def check(name, ok, *details):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}", *details, sep="\n  ", flush=True)
    return ok


def skip(name, why):
    counts["skipped"] += 1
    print(f"skipped {name}: {why}")


def build(minor, root, what, *args):
    path = os.path.join(work, f"{what}-{minor}-{len(args)}{'pie' if '-buildmode=pie' in args else ''}")
    if os.path.exists(path):
        return path
    done = go_build(root, os.path.join(HERE, what), path, *args, what="main.go")
    return path if done.returncode == 0 else check(f"build {what} {minor}", False, done.stderr)


def start(path, *args, cpu=None):
    """cpu: the only one it may run on."""
    process = subprocess.Popen([path, *args], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               preexec_fn=(lambda: os.sched_setaffinity(0, {cpu})) if cpu is not None else None)
    process.first = process.stdout.readline().strip()
    return process


def end(process):
    process.kill()
    process.communicate()


def trace(pid, seconds, output, *args):
    return subprocess.run([SONDE, "record", "-e", "trace", "-p", str(pid), "--seconds", str(seconds),
                           "-o", output, *args],
                          capture_output=True, text=True, timeout=120, check=False)


# --- reading traces ---

STATE = re.compile(r"M=(-?\d+) P=(-?\d+) G=(-?\d+) StateTransition Time=(\d+) GoID=(\d+) "
                   r'(\w+)->(\w+) Reason="(.*)"')
OTHER = re.compile(r"M=(-?\d+) P=(-?\d+) G=(-?\d+) (\w+) Time=(\d+)(.*)")


class Trace:
    def __init__(self, text):
        self.changes = []  # of goroutines: [time, by, goid, from, to, reason, stack, own stack]
        self.ranges = []   # time, begin or end, the rest
        self.others = []   # of regions and ranges: time, goroutine, which, the rest
        event, into = None, None
        for line in text.split("\n"):
            if line.startswith("M="):
                event, into = None, None
                m = STATE.match(line)
                if m:
                    event = {"time": int(m[4]), "m": int(m[1]), "p": int(m[2]), "by": int(m[3]),
                             "g": int(m[5]), "from": m[6], "to": m[7], "reason": m[8],
                             "Stack": [], "TransitionStack": []}
                    self.changes.append(event)
                else:
                    m = OTHER.match(line)
                    if m and m[4].startswith(("Range", "Region", "Label")):
                        self.others.append((int(m[5]), int(m[3]), m[4], m[6]))
                    if m and m[4].startswith("Range"):
                        self.ranges.append((int(m[5]), m[4], m[6]))
            elif event is not None and line.endswith("Stack="):
                into = event[line[:-1]]
            elif event is not None and into is not None and line.startswith("\t") and " @ " in line:
                into.append(line.strip().split(" @ ")[0])
        self.seconds = (self.changes[-1]["time"] - self.changes[0]["time"]) / 1e9 if self.changes else 0
        self.names = {}  # the function that each goroutine began with, by its first deepest stack
        depths = {}
        for c in self.changes:
            stack = c["TransitionStack"]
            if len(stack) > depths.get(c["g"], 0):
                self.names[c["g"]], depths[c["g"]] = stack[-1], len(stack)

    def goroutines(self, name):
        return {g for g, n in self.names.items() if n == name}

    def waits(self, name, state, reason=None):
        """(ms, who ended it, the innermost function) of each whole wait of this goroutine."""
        found, since = [], {}
        for c in self.changes:
            if self.names.get(c["g"]) != name:
                continue
            if c["to"] == state and c["from"] == "Running" and (reason is None or c["reason"] == reason):
                since[c["g"]] = c
            elif c["from"] == state and c["g"] in since:
                begin = since.pop(c["g"])
                found.append(((c["time"] - begin["time"]) / 1e6, self.names.get(c["by"]),
                              (begin["TransitionStack"] or [""])[0]))
        return found


def read_trace(path, gotrace):
    """The trace, as both parsers print it; None and why."""
    own = subprocess.run([SONDE, "trace", "-d=parsed", path], capture_output=True, text=True,
                         timeout=120, check=False)
    if own.returncode != 0:
        return None, own.stderr[-1000:]
    if gotrace:
        go = subprocess.run([gotrace, "-d=parsed", path], capture_output=True, text=True, timeout=120,
                            check=False)
        if go.returncode != 0:
            return None, "Go's parser: " + go.stderr[:1000]
        if go.stdout != own.stdout:
            return None, "Go's parser prints something else"
    return Trace(own.stdout), ""


# --- tests ---

# Who waits for what (ms), and who ends it.
WAITS = [
    ("main.chanWaiter", "Waiting", "chan receive", 50, "main.chanSender", "runtime.chanrecv2"),
    ("main.locker", "Waiting", "sync", 30, "main.holder", None),
    ("main.sleeper", "Waiting", "sleep", 20, None, "time.Sleep"),
    ("main.netServer", "Waiting", "network", 35, None, None),
    ("main.pipeReader", "Syscall", None, 40, None, None),
    ("main.shortLived", "Waiting", "sleep", 1, None, "time.Sleep"),
]


def schedule(gotrace):
    versions = go_versions()
    for minor, root in sorted(versions.items()):
        for mode, args in (("stripped", ["-ldflags=-s -w"]),
                           ("pie stripped", ["-ldflags=-s -w", "-buildmode=pie"]), ("plain", [])):
            if mode == "plain" and minor not in (19, 27):
                continue
            name = f"schedule, Go 1.{minor} {mode}"
            program = build(minor, root, "schedule", *args)
            if not program:
                continue
            process = start(program)
            path = os.path.join(work, f"{minor}.trace")
            done = trace(process.pid, 1.5, path, "--trace-rate=1000000")
            end(process)
            if not check(name, done.returncode == 0, done.stderr):
                continue
            t, why = read_trace(path, gotrace)
            if not check(f"{name}: accepted", t is not None, why):
                shutil.copy(path, "/tmp/failed.trace")
                continue
            for who, state, reason, ms, by, inner in WAITS:
                waits = t.waits(who, state, reason)
                middle = statistics.median(w[0] for w in waits) if waits else 0
                check(f"{name}: {who} {reason or state}",
                      len(waits) >= 3 and ms * 0.9 <= middle <= ms * 1.5 + 10, middle, waits[:5])
                if by:
                    check(f"{name}: who ends the waits of {who}",
                          sum(w[1] == by for w in waits) >= 0.9 * len(waits), waits[:5])
                if inner:
                    check(f"{name}: where {who} waits",
                          all(w[2] == inner for w in waits if w[2]) and any(w[2] for w in waits),
                          waits[:5])
            made = [c for c in t.changes if c["from"] == "NotExist" and
                    c["TransitionStack"][:1] == ["main.shortLived"]]
            ended = {c["g"] for c in t.changes if c["to"] == "NotExist"}
            check(f"{name}: goroutines begin and end",
                  len(made) >= 10 and sum(c["g"] in ended for c in made) >= len(made) - 1 and
                  all(t.names.get(c["by"]) == "main.spawner" for c in made), len(made))
            begins = sum(r[1] == "RangeBegin" and "GC concurrent mark phase" in r[2] for r in t.ranges)
            ends = sum(r[1] == "RangeEnd" and "GC concurrent mark phase" in r[2] for r in t.ranges)
            stops = sum(r[1] == "RangeBegin" and "stop-the-world" in r[2] for r in t.ranges)
            check(f"{name}: collections", begins >= 5 and abs(begins - ends) <= 1 and stops >= 2 * ends - 2,
                  begins, ends, stops)


MARK = re.compile(r"M=(-?\d+) P=(-?\d+) G=(-?\d+) (TaskBegin|TaskEnd|RegionBegin|RegionEnd|Log) "
                  r"Time=(\d+) (.*)")
ARGUMENT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\d+)')


def read_marks(text):
    """What the program marks: goroutine, kind, time, arguments, and functions of the stack."""
    marks = []
    for line in text.split("\n"):
        m = MARK.match(line)
        if m:
            arguments = {k: json.loads(v) for k, v in ARGUMENT.findall(m[6])}
            marks.append({"g": int(m[3]), "kind": m[4], "time": int(m[5]), "stack": [], **arguments})
        elif line.startswith("M="):
            marks.append(None)  # whose stack is of no interest
        elif marks and marks[-1] and line.startswith("\t") and " @ " in line:
            marks[-1]["stack"].append(line.strip().split(" @ ")[0])
    return [m for m in marks if m]


def parsed(path, gotrace):
    """The text of a trace that both parsers agree on; None and why."""
    t, why = read_trace(path, gotrace)
    if t is None:
        return None, why
    return subprocess.run([SONDE, "trace", "-d=parsed", path], capture_output=True, text=True, timeout=60,
                          check=False).stdout, ""


def regions_of(marks):
    """(name, task, ms, by whom, the regions around it) of each; those of which only the end is there."""
    whole, ends, stacks = [], [], {}
    for m in marks:
        if not m["kind"].startswith("Region"):
            continue
        stack = stacks.setdefault(m["g"], [])
        if m["kind"] == "RegionBegin":
            stack.append(m)
        elif stack:
            begin = stack.pop()
            whole.append((m["Type"], m["Task"], (m["time"] - begin["time"]) / 1e6, m["g"],
                          [s["Type"] for s in stack]))
        else:
            ends.append(m["Type"])
    return whole, ends


def marks(gotrace):
    """The program's own tasks, regions and logs."""
    for minor, root in ends_of_versions():
        name = f"marks, Go 1.{minor}"
        program = build(minor, root, "marks", "-ldflags=-s -w")
        if not program:
            continue
        own, path = (os.path.join(work, f"{what}.trace") for what in ("own", "marks"))
        subprocess.run([program, own], timeout=60, check=True)
        process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True)
        process.stdout.readline()
        sonde = begin_trace(process.pid, path, "--trace-rate=1000000")
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(2)
        sonde.send_signal(signal.SIGINT)
        _, told = sonde.communicate(timeout=60)
        whole = code_is_whole(process.pid, program)
        text, why = parsed(path, gotrace) if sonde.returncode == 0 else (None, sonde.first)
        if check(f"{name}: accepted", text is not None, why, told):
            tell_marks(name, read_marks(text), told)
            own_text = subprocess.run([SONDE, "trace", "-d=parsed", own], capture_output=True, text=True,
                                      timeout=60, check=False).stdout
            same_stacks(name, read_marks(text), read_marks(own_text))
        check(f"{name}: no breakpoint is left", whole)
        gaps(name, process, path, gotrace)
        end(process)


def tell_marks(name, found, told):
    begun = {m["ID"]: m for m in found if m["kind"] == "TaskBegin"}
    ended = {m["ID"]: m for m in found if m["kind"] == "TaskEnd" and m["ID"] in begun}
    requests = [i for i, m in begun.items() if m["Type"] == "request"]
    queries = [i for i, m in begun.items() if m["Type"] == "query"]
    check(f"{name}: tasks", len(requests) > 50 and abs(len(requests) - len(queries)) <= 1 and
          len(ended) >= len(begun) - 2 and set(m["Type"] for m in begun.values()) == {"request", "query"},
          len(requests), len(queries), len(ended))
    ms = statistics.median((ended[i]["time"] - begun[i]["time"]) / 1e6 for i in requests if i in ended)
    check(f"{name}: how long a request is", 7 <= ms < 25, ms)
    check(f"{name}: a query is of a request", all(begun[i]["Parent"] in requests for i in queries[1:]) and
          all(ended[i]["g"] != begun[i]["g"] for i in queries if i in ended))
    logs = [m for m in found if m["kind"] == "Log" and m["Category"] == "number"]
    numbers = [int(m["Message"].removeprefix("request ")) for m in logs]
    check(f"{name}: messages, in their order", len(logs) >= len(requests) - 1 and
          numbers == list(range(numbers[0], numbers[0] + len(numbers))) and
          [m["Task"] for m in logs][1:] == requests[len(requests) - len(logs) + 1:], numbers)
    long = [m["Message"] for m in found if m["kind"] == "Log" and m["Category"] == ""]
    check(f"{name}: what is long is cut, and that is told", len(long) > 3 and
          set(long) == {"\u00e9" * 128 + "..."} and
          f"{len(long)} names and messages have more than 256 bytes, and are cut" in told, told, long[:1])
    whole, ends = regions_of(found)
    for what, least, around in (("prepare", 4, []), ("parse", 2, ["prepare"]), ("fetch", 3, []),
                                ("grow", 0, [])):
        mine = [r for r in whole if r[0] == what]
        check(f"{name}: regions {what}", abs(len(mine) - len(requests)) <= 2 and
              all(r[4] == around for r in mine[1:] if not r[4] or not r[4][0].startswith("off")) and
              least <= statistics.median(r[2] for r in mine) <= least * 1.5 + 3, len(mine), mine[:3])
    check(f"{name}: tasks of regions", all(r[1] in queries for r in whole[3:] if r[0] == "fetch") and
          all(r[1] in requests for r in whole[3:] if r[0] in ("prepare", "parse")))
    check(f"{name}: a region from before", ends.count("begun") == 1 and len(ends) <= 4, ends)


def same_stacks(name, found, own):
    """Where they were marked, as the program's own tracer says it; from its main function on."""
    def stacks(of):
        return {(m["kind"], m["Type"] if "Type" in m else m["Category"], tuple(m["stack"])) for m in of
                if m["stack"] and "main.deep" not in m["stack"] and m.get("Type") not in ("", "begun") and
                not m.get("Type", "").startswith("off the")}
    check(f"{name}: stacks", stacks(found) == stacks(own), stacks(found) ^ stacks(own))


def gaps(name, process, path, gotrace):
    """When there is more than may be told of, regions still end, and Go's parser agrees."""
    done = trace(process.pid, 2.5, path, "--trace-rate=800")
    text, why = parsed(path, gotrace) if done.returncode == 0 else (None, done.stderr)
    if not check(f"{name}: with gaps", text is not None and "are not recorded" in done.stderr, why,
                 done.stderr):
        return
    whole, _ = regions_of(read_marks(text))
    long = [r for r in whole if r[2] > 300]
    check(f"{name}: regions over gaps are told of", len(whole) > 30 and len(long) <= 4 and
          (not long or "may be longer" in done.stderr), done.stderr, long)


def unmarked(_):
    """Nothing is said of marks to those who make none; and what cannot be seen is told."""
    minor, root = newest()
    for what, is_told in (("schedule", False), ("off", False), ("regions", True)):
        program = build(minor, root, what, "-ldflags=-s -w")
        if not program:
            continue
        process = start(program, *(["spin"] if what == "off" else []))
        done = trace(process.pid, 0.3, os.path.join(work, "unmarked.trace"))
        end(process)
        check(f"unmarked: {what}", done.returncode == 0 and ("trace.StartRegion" in done.stderr) == is_told,
              done.stderr)


def spans(t, kind, what):
    """ms of each whole region or range: those of `what` in the rest of the line."""
    found, since = [], {}
    for time_ns, m_g, name, rest in t.others:
        if what not in rest or not name.startswith(kind):
            continue
        if name.endswith("Begin"):
            since[m_g] = time_ns
        elif m_g in since:
            found.append(((time_ns - since.pop(m_g)) / 1e6, m_g))
    return found


def waited_ms(pid, tid):
    """How long it was ready to run and did not."""
    with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[1]) / 1e6


def off_processor(gotrace):
    """A goroutine shares its processor with another program; another one sleeps in the kernel."""
    cpu = max(os.sched_getaffinity(0))
    for minor, root in ends_of_versions():
        name = f"off the processor, Go 1.{minor}"
        program = build(minor, root, "off", "-ldflags=-s -w")
        if not program:
            continue
        process = start(program, "spin", cpu=cpu)
        other = subprocess.Popen(["sh", "-c", "while :; do :; done"],
                                 preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
        path = os.path.join(work, "off.trace")
        tid = int(process.first)
        before, at = waited_ms(process.pid, tid), time.monotonic()
        done = trace(process.pid, 3, path)
        share = (waited_ms(process.pid, tid) - before) / 1e3 / (time.monotonic() - at)
        end(other)
        end(process)
        t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
        if not check(f"{name}: accepted", t is not None, why):
            continue
        regions = spans(t, "Region", "off the processor: preempted")
        mine = sum(ms for ms, g in regions if t.names.get(g) == "main.spinner") / 1e3 / t.seconds
        check(f"{name}: preempted as long as the kernel says", share > 0.2 and
              0.75 * share <= mine <= 1.25 * share, share, mine, len(regions))
        naps = [ms for ms, g in spans(t, "Region", "off the processor: waits in the kernel")
                if t.names.get(g) == "main.rawSleeper"]
        check(f"{name}: waits in the kernel", len(naps) >= 10 and 4.9 <= statistics.median(naps) <= 15,
              naps[:20])


def collector(gotrace):
    """Work for the collector, as long as the runtime itself says (from Go 1.20 on)."""
    for minor, root in ends_of_versions():
        name = f"collector, Go 1.{minor}"
        program = build(minor, root, "off", "-ldflags=-s -w")
        if not program:
            continue
        process = start(program, "assist")
        path = os.path.join(work, "assist.trace")
        time.sleep(0.5)
        at, before = time.monotonic(), newest_line(process)
        done = trace(process.pid, 2, path, "--trace-rate=100000000")
        took, after = time.monotonic() - at, newest_line(process)
        end(process)
        t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
        if not check(f"{name}: accepted", t is not None, why):
            continue
        ranges = spans(t, "Range", "GC mark assist")
        names = [t.names.get(g) for _, g in ranges]
        check(f"{name}: assists", names.count("main.allocator") > 100 and
              names.count("main.allocator") > 0.9 * len(names), {n: names.count(n) for n in names})
        done = subprocess.run([SONDE, "trace", "-summary=gc", "-json", path], capture_output=True, text=True,
                              timeout=60, check=False)
        gc = json.loads(done.stdout)["gc"]["work"]
        gc["workers_ns"] = gc["dedicated_workers_ns"] + gc["fractional_workers_ns"]
        # A worker that finds the end of marking also ends it, which the runtime does not count.
        for i, (what, most) in enumerate((("assists_ns", 1.5), ("workers_ns", 4), ("idle_workers_ns", 2))):
            said = (after[i] - before[i]) / took
            mine = gc[what] / 1e9 / t.seconds
            check(f"{name}: {what}", mine > 0.01 if minor < 20 else
                  0.5 * said - 0.05 <= mine <= most * said + 0.05, mine, said)
        workers = {t.names.get(g) for _, g, name, _ in t.others if name == "Label"}
        check(f"{name}: workers", workers == {"runtime.gcBgMarkWorker"}, workers)


def newest_line(process):
    """Of what it prints every 100 ms, as numbers."""
    os.set_blocking(process.stdout.fileno(), False)
    while process.stdout.readline():
        pass
    os.set_blocking(process.stdout.fileno(), True)
    process.stdout.readline()  # perhaps the rest of one
    return [float(word) for word in process.stdout.readline().split()]


def ends_of_versions():
    versions = sorted(go_versions().items())
    return versions


def served(process):
    """Requests served so far, as it last said."""
    line = process.stdout.readline()
    return int(line) if line else None


def newest():
    return max(go_versions().items())


def under_load(gotrace):
    minor, root = newest()
    program = build(minor, root, "service", "-ldflags=-s -w")
    if not program:
        return
    process = start(program)
    path = os.path.join(work, "load.trace")
    done = trace(process.pid, 2, path)
    t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
    if check("a server under load is traced", t is not None, why):
        check("there are gaps, and they are told of", "not recorded" in done.stderr and
              any(c["reason"] == "not recorded" for c in t.changes), done.stderr)
    done = trace(process.pid, 1, path, "--trace-rate=10000000")
    t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
    if check("all of it", t is not None, why):
        waits = t.waits("main.handle.func1", "Waiting")
        made = sum(c["from"] == "NotExist" and c["TransitionStack"][:1] == ["main.handle.func1"]
                   for c in t.changes)
        check("each request's goroutine is there", made > 100, made, len(waits))
    end(process)


def rounds():
    """It goes on, whatever we do."""
    minor, root = newest()
    program = build(minor, root, "service", "-ldflags=-s -w")
    if not program:
        return
    process = start(program)
    path = os.path.join(work, "rounds.trace")
    rnd = random.Random(1)
    before = served(process)
    killed = 0
    for i in range(ROUNDS):
        sonde = subprocess.Popen([SONDE, "record", "-e", "trace", "-p", str(process.pid), "--seconds",
                                  "0.05", "-o", path], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        if i % 2:
            time.sleep(rnd.random() * 0.4)
            sonde.send_signal(signal.SIGKILL)
            killed += 1
        sonde.wait(timeout=60)
    time.sleep(1)
    ok = process.poll() is None
    check("it goes on through rounds of tracing", ok, process.stderr.read() if not ok else "")
    # Nothing is left: its code is that of the file again.
    check("no breakpoint is left", code_is_whole(process.pid, program), killed)
    counts_left = [served(process) for _ in range(3)]
    check("it serves", ok and counts_left[-1] > before, before, counts_left)
    for left in os.listdir(work):
        if left.startswith("rounds.trace."):
            os.unlink(os.path.join(work, left))
    end(process)


def code_is_whole(pid, program):
    """Compare what is mapped as code with the file."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(program, "rb") as file, \
            open(f"/proc/{pid}/mem", "rb") as mem:
        for line in maps:
            fields = line.split()
            if len(fields) < 6 or "x" not in fields[1] or fields[5] != program:
                continue
            low, high = (int(x, 16) for x in fields[0].split("-"))
            file.seek(int(fields[2], 16))
            mem.seek(low)
            code = file.read(high - low)
            return mem.read(high - low)[:len(code)] == code
    return False


def begin_trace(pid, path, *args):
    """One that traces until it is told to end, or the program does."""
    sonde = subprocess.Popen([SONDE, "record", "-e", "trace", "-p", str(pid), "-o", path, *args],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    sonde.first = sonde.stderr.readline()
    return sonde


def end_trace(sonde, gotrace, path):
    """The trace, and what was told."""
    _, told = sonde.communicate(timeout=60)
    t, why = read_trace(path, gotrace) if sonde.returncode == 0 else (None, sonde.first + told)
    return t, why or told


def endings(gotrace):
    """The program ends, or becomes another one, while it is traced."""
    minor, root = newest()
    program = build(minor, root, "schedule", "-ldflags=-s -w")
    if not program:
        return
    for how in ("ends", "is killed"):
        process = start(program)
        path = os.path.join(work, "end.trace")
        sonde = begin_trace(process.pid, path)
        time.sleep(1.5)
        process.send_signal(signal.SIGTERM if how == "ends" else signal.SIGKILL)
        process.communicate()
        t, told = end_trace(sonde, gotrace, path)
        check(f"a program that {how}", t is not None and len(t.changes) > 100 and "has ended after" in told,
              told)
    for minor, root in ends_of_versions():
        program = build(minor, root, "again", "-ldflags=-s -w")
        if not program:
            continue
        process = start(program)
        path = os.path.join(work, "again.trace")
        sonde = begin_trace(process.pid, path)
        time.sleep(1)
        process.send_signal(signal.SIGUSR1)
        t, told = end_trace(sonde, gotrace, path)
        check(f"a program that executes another one, Go 1.{minor}", t is not None and
              len(t.changes) > 100 and "has executed another program" in told and
              told.count("\n") <= 3, told)
        time.sleep(0.3)
        check("which goes on, and has no breakpoints", process.poll() is None and
              code_is_whole(process.pid, program))
        end(process)


def stopped(gotrace):
    """A program that is stopped when it is to be traced; and one that is stopped meanwhile."""
    minor, root = newest()
    program = build(minor, root, "schedule", "-ldflags=-s -w")
    if not program:
        return
    process = start(program)
    path = os.path.join(work, "stopped.trace")
    process.send_signal(signal.SIGSTOP)
    done = trace(process.pid, 0.5, path)
    t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
    check("a program that is stopped", t is not None and "is stopped (SIGSTOP" in done.stderr and
          not any(c["from"] == "Running" for c in t.changes), why, done.stderr)
    process.send_signal(signal.SIGCONT)
    sonde = begin_trace(process.pid, path)
    time.sleep(1)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.5)
    sonde.send_signal(signal.SIGINT)
    t, told = end_trace(sonde, gotrace, path)
    check("a program that is stopped meanwhile", t is not None and len(t.changes) > 100 and
          "is stopped (SIGSTOP" in told, told)
    check("it has no breakpoints", code_is_whole(process.pid, program))
    process.send_signal(signal.SIGCONT)
    time.sleep(0.2)
    check("it goes on", process.poll() is None)
    end(process)


def together(gotrace):
    """Two trace the same program; the one that ends first leaves the other one's trace whole."""
    minor, root = newest()
    program = build(minor, root, "schedule", "-ldflags=-s -w")
    if not program:
        return
    process = start(program)
    paths = [os.path.join(work, f"together{i}.trace") for i in range(2)]
    both = [begin_trace(process.pid, path) for path in paths]
    for sonde in both:
        time.sleep(1.2)
        sonde.send_signal(signal.SIGINT)
        sonde.wait(timeout=60)
    for sonde, path in zip(both, paths):
        t, told = end_trace(sonde, gotrace, path)
        waits = t.waits("main.chanWaiter", "Waiting", "chan receive") if t else []
        check(f"two at once: {os.path.basename(path)}", len(waits) >= 10 and
              45 <= statistics.median(w[0] for w in waits) <= 80, told, waits[:5])
    check("no breakpoints are left", code_is_whole(process.pid, program))
    end(process)


def by_server(gotrace):
    minor, root = newest()
    program = build(minor, root, "pprof", "-ldflags=-s -w")
    if not program:
        return
    process = start(program)
    path = os.path.join(work, "server.trace")
    # Among the many that listen on a machine.
    others = [socket.create_server(("127.0.0.1", 0)) for _ in range(700)]
    done = trace(process.pid, 1, path)
    for other in others:
        other.close()
    t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
    check("its own server is asked", t is not None and "/debug/pprof/trace?seconds=1" in done.stderr and
          len(t.waits("main.ticker", "Waiting", "sleep")) > 20, why, done.stderr)
    done = trace(process.pid, 1, path, "--probes")
    t, why = read_trace(path, gotrace) if done.returncode == 0 else (None, done.stderr)
    check("--probes", t is not None and "/debug/pprof/trace" not in done.stderr and
          len(t.waits("main.ticker", "Waiting", "sleep")) > 20, why, done.stderr)
    # What has come is written, however it ends; and nothing else is left.
    for how, words in (("Ctrl-C", " bytes: "), ("its end", "; the trace ends there")):
        os.unlink(path)
        sonde = subprocess.Popen([SONDE, "record", "-e", "trace", "-p", str(process.pid), "--seconds", "60",
                                  "-o", path], stderr=subprocess.PIPE, text=True)
        time.sleep(4)
        if how == "Ctrl-C":
            sonde.send_signal(signal.SIGINT)
        else:
            process.kill()
            process.communicate()
        _, told = sonde.communicate(timeout=60)
        events = subprocess.run([SONDE, "trace", "-d=parsed", path], capture_output=True, text=True,
                                check=False).stdout if sonde.returncode == 0 else ""
        check(f"its own server, {how}", words in told and events.count("\n") > 100, told, events[:200])
        left = [name for name in os.listdir(work) if name.startswith("server.trace.")]
        check(f"nothing is left, {how}", not left, left)
    end(process)


def sources():
    """A program that runs, by its name or number, as the source of `sonde trace` and of profiles."""
    minor, root = newest()
    program, served_by_itself = (build(minor, root, what, "-ldflags=-s -w") for what in ("schedule", "pprof"))
    if not program or not served_by_itself:
        return
    named = os.path.join(work, f"named-{os.getpid()}")
    shutil.copy(program, named)
    process = start(named)
    name = f"pid:{process.pid}"

    def sonde(*args):
        return subprocess.run([SONDE, *args], capture_output=True, text=True, timeout=120, check=False)
    for source in (name, f"{name}/trace?seconds=1"):
        done = sonde("trace", "-summary=overview", source)
        check(f"breakpoints are asked for: {source}", done.returncode == 2 and "enable=1" in done.stderr and
              done.stderr.count("\n") == 1, done.stderr)
    for source in (f"{name}?seconds=1&enable=1", f"{name}/trace?seconds=1&enable=1",
                   f"pid:{os.path.basename(named)}?seconds=1&enable=1"):
        path = os.path.join(work, "source.pb")
        done = sonde("trace", "-export=perfetto", "-o", path, source)
        check(source, done.returncode == 0 and os.path.getsize(path) > 10000, done.stderr)
    for args in (("trace", "-pprof=sync", "-top", f"{name}?seconds=1&enable=1"),
                 ("pprof", "-top", f"trace:{name}/sync?seconds=1&enable=1")):
        done = sonde(*args)
        check(" ".join(args[:2]), done.returncode == 0 and "main.chanWaiter" in done.stdout,
              done.stdout[:1000], done.stderr)
    for args, words in ((("pprof", "-top", f"{name}/trace"), "`sonde trace` shows it"),
                        (("trace", "-summary=overview", f"{name}/heap"), "`sonde pprof` shows"),
                        (("trace", "-summary=overview", f"{name}?hz=1"), "there is no parameter 'hz'"),
                        (("trace", "-summary=overview", "pid:no-such-process"), "there is no process")):
        done = sonde(*args)
        check(" ".join(args), done.returncode == 2 and words in done.stderr and
              done.stderr.count("\n") == 1, done.stderr)
    end(process)
    process = start(served_by_itself)
    done = sonde("trace", "-d=parsed", f"pid:{process.pid}?seconds=1")
    check("a program that serves its trace", done.returncode == 0 and "StateTransition" in done.stdout and
          "/debug/pprof/trace?seconds=1" in done.stderr, done.stderr)
    end(process)


def refusals():
    process = subprocess.Popen(["sleep", "60"])
    done = trace(process.pid, 1, os.path.join(work, "no.trace"))
    check("a program that is not Go's", done.returncode == 1 and "is no Go program" in done.stderr and
          done.stderr.count("\n") == 1, done.stderr)
    end(process)
    done = trace(process.pid, 1, os.path.join(work, "no.trace"))
    check("no such process", done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr)
    for args, words in ((["-e", "trace,cpu", "-p", "1"], "by itself"), (["-e", "trace", "-a"], "-a"),
                        (["-e", "trace", "-p", "1", "--gc"], "--gc is for"),
                        (["-e", "cpu", "-p", "1", "--probes"], "--probes is for trace")):
        done = subprocess.run([SONDE, "record", *args], capture_output=True, text=True, timeout=60,
                              check=False)
        check(" ".join(args), done.returncode == 2 and words in done.stderr, done.stderr)
    if os.geteuid() == 0 and shutil.which("setpriv"):
        minor, root = newest()
        program = build(minor, root, "schedule", "-ldflags=-s -w")
        target = start(program)
        done = subprocess.run(["setpriv", "--bounding-set=-all", "--inh-caps=-all", SONDE, "record", "-e",
                               "trace", "-p", str(target.pid), "--seconds", "1", "-o",
                               os.path.join(work, "no.trace")],
                              capture_output=True, text=True, timeout=60, check=False)
        check("without capabilities", done.returncode == 1 and "CAP_" in done.stderr and
              done.stderr.count("\n") == 1, done.stderr)
        end(target)


def permitted():
    minor, root = newest()
    program = build(minor, root, "schedule", "-ldflags=-s -w")
    if not program:
        return True
    process = start(program)
    done = trace(process.pid, 0.1, os.path.join(work, "try.trace"))
    end(process)
    if done.returncode == 0 or ("CAP_" not in done.stderr and "kernel" not in done.stderr):
        return True
    print(done.stderr.strip())
    return False


def main():
    if not go_roots():
        print("no Go toolchain")
        return 77
    if not permitted():
        print("probes are not permitted here")
        return 77
    gotrace = go_trace()
    if not gotrace:
        skip("Go's parser", "no cmd/trace of Go 1.26 or newer")
    tests = {"schedule": lambda: schedule(gotrace), "under_load": lambda: under_load(gotrace),
             "off_processor": lambda: off_processor(gotrace), "collector": lambda: collector(gotrace),
             "marks": lambda: marks(gotrace), "unmarked": lambda: unmarked(gotrace),
             "rounds": rounds, "endings": lambda: endings(gotrace),
             "stopped": lambda: stopped(gotrace), "together": lambda: together(gotrace),
             "by_server": lambda: by_server(gotrace),
             "sources": sources, "refusals": refusals}
    for name in sys.argv[1:] or tests:
        tests[name]()
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


if __name__ == "__main__":
    try:
        status = main()
    finally:
        shutil.rmtree(work, ignore_errors=True)
    sys.exit(status)
