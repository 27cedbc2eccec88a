#!/usr/bin/env python3
"""Goroutines of a program that runs, read from outside, are those that it writes itself.

For each Go toolchain (SONDE_GO_ROOTS, GOROOTs joined with ':'; else those that are found) a
program is built, plain and stripped, whose goroutines stand still in all ways that there are.
Its own profiles (goroutine and threadcreate; debug 0, 1 and 2) are compared with ours; they
may differ in its main goroutine only, which takes them.  Ends in the counts.
"""
import gzip
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "go_matrix"))
from toolchains import go_build, go_versions  # noqa: E402

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
OWN_LABELS = ("state", "wait_reason", "wait_time", "creator")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, why=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}: {why}")


def skip(name, why):
    counts["skipped"] += 1
    print(f"SKIPPED {name}: {why}")


# --- profile.proto, as far as it is needed ---

def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7f) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def fields(data):
    at, found = 0, []
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 0:
            value, at = varint(data, at)
        else:
            n, at = varint(data, at)
            value, at = data[at:at + n], at + n
        found.append((key >> 3, value))
    return found


def numbers(message, field):
    out = []
    for number, value in message:
        if number != field:
            continue
        if isinstance(value, int):
            out.append(value)
        else:
            at = 0
            while at < len(value):
                one, at = varint(value, at)
                out.append(one)
    return out


def one(message, field):
    return next((v for n, v in message if n == field), 0)


class Profile:
    """records: {(stack, labels): count}; ours: {(stack, key, label): count}."""

    def __init__(self, path):
        with open(path, "rb") as file:
            data = file.read()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        top = fields(data)
        texts = [v.decode(errors="replace") for n, v in top if n == 6]
        functions, locations = {}, {}
        for n, v in top:
            if n == 5:
                f = fields(v)
                functions[one(f, 1)] = (texts[one(f, 2)], texts[one(f, 3)], texts[one(f, 4)],
                                        one(f, 5))
        for n, v in top:
            if n == 4:
                f = fields(v)
                lines = tuple((functions[one(line, 1)], one(line, 2))
                              for line in (fields(x) for k, x in f if k == 4))
                locations[one(f, 1)] = (hex(one(f, 3)), one(f, 2), lines)
        self.mappings = [(hex(one(f, 2)), hex(one(f, 3)), one(f, 4), texts[one(f, 5)],
                          texts[one(f, 6)], one(f, 7))
                         for f in (fields(v) for n, v in top if n == 3)]
        self.types = [tuple(texts[one(f, k)] for k in (1, 2))
                      for f in (fields(v) for n, v in top if n in (1, 11))]
        self.period = one(top, 12)
        self.records, self.states = Counter(), Counter()
        for n, v in top:
            if n != 2:
                continue
            sample = fields(v)
            stack = tuple(locations[i] for i in numbers(sample, 1))
            labels = [(texts[one(f, 1)], texts[one(f, 2)] or one(f, 3))
                      for f in (fields(x) for k, x in sample if k == 3)]
            count = numbers(sample, 2)[0]
            theirs = tuple(sorted(x for x in labels if x[0] not in OWN_LABELS))
            self.records[stack, theirs] += count
            names = [line[0][0] for location in stack for line in location[2]]
            for key, value in labels:
                self.states[key, value, names[-1] if names else ""] += count

    def without_main(self):
        return {k: n for k, n in self.records.items()
                if not any(line[0][0] == "main.main" for place in k[0] for line in place[2])}

    def total(self, key, value):
        return sum(n for (k, v, _), n in self.states.items() if (k, v) == (key, value))


def difference(ours, theirs):
    out = []
    for key in list(ours) + [k for k in theirs if k not in ours]:
        if ours.get(key) != theirs.get(key):
            out.append(f"{key}: ours {ours.get(key)}, theirs {theirs.get(key)}")
    return "\n    ".join(out[:3])[:3000]


# --- texts ---

def records_of(text):
    """debug=1: {record without its count: count}, but the main goroutine's."""
    parts = text.split("\n\n")
    head, _, parts[0] = parts[0].partition("\n")
    found = Counter()
    for part in parts:
        count, _, rest = part.partition(" ")
        if rest and "\tmain.main+" not in rest:
            found[rest] += int(count)
    return head, found


def stacks_of(text):
    """debug=2: {goroutine: text}."""
    found = {}
    for part in text.strip("\n").split("\n\n"):
        found[int(part.split(" ")[1])] = part
    return found


# --- programs ---

def build(root, out, *options, source="parked", **more):
    made = go_build(root, os.path.join(HERE, source), out, *options, **more)
    if made.returncode:
        print(made.stderr)
    return made.returncode == 0


class Parked:
    def __init__(self, path, *arguments, **env):
        self.process = subprocess.Popen([path, *arguments], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                        text=True, env={**os.environ, **env})
        line = self.process.stdout.readline()
        assert line.startswith("ready"), line
        self.pid = self.process.pid
        self.bubbles = int(line.split()[2])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        assert answer == "ok\n", answer
        # It waits for the next line in a system call.
        for _ in range(100):
            with open(f"/proc/{self.pid}/stat") as file:
                if file.read().rsplit(") ", 1)[1][0] == "S":
                    break
            time.sleep(0.01)
        time.sleep(0.05)


def record(pid, kind, path, *options):
    """The profile; None: it could not be read."""
    done = subprocess.run([SONDE, "record", "-e", kind, "-p", str(pid), "-o", path, *options],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    return done


def compare(name, folder, parked):
    pid = parked.pid

    def ours(kind, level, *options):
        path = os.path.join(folder, f"ours.{kind}.{level}")
        done = record(pid, kind, path, *(["--debug", str(level)] if level else []), *options)
        if done.returncode or not os.path.exists(path):
            check(f"{name} {kind} {level}", False, done.stderr.strip() or "no file")
            return None
        return path

    def text(path):
        with open(path, errors="replace") as file:
            return file.read()

    for options in ([], ["--consistent"]):
        label = " ".join([name, *options])
        path = ours("goroutine", 0, *options)
        if path:
            mine, theirs = Profile(path), Profile(os.path.join(folder, "goroutine.0"))
            check(f"{label} goroutine", mine.without_main() == theirs.without_main(),
                  difference(mine.without_main(), theirs.without_main()))
            check(f"{label} number", sum(mine.records.values()) == sum(theirs.records.values()))
            check(f"{label} mappings", mine.mappings == theirs.mappings,
                  f"{mine.mappings} {theirs.mappings}")
            check(f"{label} types", (mine.types, mine.period) == (theirs.types, theirs.period))
        path = ours("goroutine", 1, *options)
        if path:
            mine = records_of(text(path))
            theirs = records_of(text(os.path.join(folder, "goroutine.1")))
            check(f"{label} debug=1", mine == theirs, difference(mine[1], theirs[1]))
        path = ours("goroutine", 2, *options)
        if path:
            mine = stacks_of(text(path))
            theirs = stacks_of(text(os.path.join(folder, "goroutine.2")))
            mine.pop(1), theirs.pop(1)
            check(f"{label} debug=2", mine == theirs, difference(mine, theirs))
    # The runtime may begin a thread at any time.
    for _ in range(5):
        before = text(os.path.join(folder, "threadcreate.1"))
        path, debug = ours("threadcreate", 0), ours("threadcreate", 1)
        parked.tell(f"dump {folder}")
        if before == text(os.path.join(folder, "threadcreate.1")):
            break
    if path:
        mine, theirs = Profile(path), Profile(os.path.join(folder, "threadcreate.0"))
        check(f"{name} threadcreate", mine.records == theirs.records,
              difference(mine.records, theirs.records))
        check(f"{name} threadcreate types", mine.types == theirs.types)
    if debug:
        check(f"{name} threadcreate debug=1", text(debug) == before, text(debug)[:500])


def test_same(name, program, minor, folder, **env):
    os.makedirs(folder)
    with Parked(program, "3", **env) as parked:
        done = record(parked.pid, "goroutine", os.path.join(folder, "first.pb.gz"))
        if done.returncode:
            # Versions without a table are read by their DWARF only.
            if "does not know" in done.stderr and "stripped" in name:
                skip(name, done.stderr.strip())
            else:
                check(name, False, done.stderr.strip())
            return
        parked.tell(f"dump {folder}")
        compare(name, folder, parked)
        path = os.path.join(folder, "labels.pb.gz")
        record(parked.pid, "goroutine", path)
        profile = Profile(path)
        check(f"{name} select", profile.total("wait_reason", "select") == 3,
              str(profile.states))
        check(f"{name} IO wait", profile.total("wait_reason", "IO wait") == 1)
        check(f"{name} sleep", profile.total("wait_reason", "sleep") == 3 + parked.bubbles)
        if parked.bubbles:
            check(f"{name} bubbles", profile.total("wait_reason", "synctest.Wait") == parked.bubbles)
        lock = "sync.Mutex.Lock" if minor >= 20 else "semacquire"
        check(f"{name} lock", profile.total("wait_reason", lock) == (3 if minor >= 20 else 9),
              f"{lock}: {profile.total('wait_reason', lock)}")
        check(f"{name} syscall", profile.total("state", "syscall") >= 1)
        check(f"{name} creator", profile.total("creator", "main.main") >= 80, profile.total("creator", "main.main"))
        check(f"{name} still there", parked.process.poll() is None)


def test_running(name, program, folder):
    """A goroutine that runs is seen where it runs, and goes on."""
    os.makedirs(folder)
    path = os.path.join(folder, "running.pb.gz")
    with Parked(program, GOMAXPROCS="2") as parked:
        parked.tell("spin")
        for options in ([], ["--consistent"]):
            done = record(parked.pid, "goroutine", path, *options)
            if "not permitted" in done.stderr or "may not be stopped" in done.stderr:
                skip(f"{name} running", done.stderr.strip())
                continue
            profile = Profile(path)
            spins = [(stack, labels) for stack, labels in profile.records
                     if stack and stack[0][2][0][0][0] == "main.spin"]
            check(f"{name} running {options}", len(spins) == 1 and
                  spins[0][1] == (("does", "spin"),), done.stderr)
        before = open(f"/proc/{parked.pid}/stat").read().rsplit(") ", 1)[1].split()[11]
        for _ in range(50):
            time.sleep(0.1)
            if open(f"/proc/{parked.pid}/stat").read().rsplit(") ", 1)[1].split()[11] != before:
                break
        else:
            check(f"{name} goes on", False)


def test_leaks(name, program, folder):
    """What the runtime took for leaked is nothing special afterwards, and can be woken."""
    os.makedirs(folder)
    path = os.path.join(folder, "leaks.pb.gz")
    with Parked(program, "3000") as parked:
        for _ in range(2):
            done = record(parked.pid, "goroutineleak", path, "--gc")
            if "could not be unmarked" in done.stderr:
                skip(f"{name} leaks", done.stderr.strip())
                return
            if done.returncode:
                check(f"{name} leaks", False, done.stderr)
                return
            n = sum(Profile(path).records.values())
            check(f"{name} leaks", n == 3001, f"{n}: {done.stderr}")
            text = os.path.join(folder, "leaks.txt")
            record(parked.pid, "goroutine", text, "--debug", "2")
            with open(text, errors="replace") as file:
                check(f"{name} leaked still", "leaked" not in file.read())
            parked.tell("knock")
        check(f"{name} leaks and goes on", parked.process.poll() is None)


def main():
    found = go_versions()
    if not found:
        print("no Go toolchain: set SONDE_GO_ROOTS to GOROOTs, joined with ':'")
        return 77
    with tempfile.TemporaryDirectory(prefix="sonde-go-") as folder:
        for minor, root in sorted(found.items()):
            for mode, options in (("", []), (" stripped", ["-ldflags=-s -w", "-trimpath"])):
                name = f"1.{minor}{mode}"
                program = os.path.join(folder, f"parked-{minor}{mode.strip()}")
                if not build(root, program, *options):
                    skip(name, "does not build")
                    continue
                test_same(name, program, minor, os.path.join(folder, f"same-{minor}{mode.strip()}"))
                if minor >= 26 and mode:
                    for value in "0", "1":
                        test_same(f"{name} tracebacklabels={value}", program, minor,
                                  os.path.join(folder, f"labels-{minor}-{value}"),
                                  GODEBUG=f"tracebacklabels={value}")
                if minor == 24 and not mode and build(root, program + "s",
                                                      GOEXPERIMENT="synctest"):
                    test_same(f"{name} synctest", program + "s", minor,
                              os.path.join(folder, f"synctest-{minor}"))
                if minor >= 26 and mode and build(root, program + "l", *options,
                                                  source="leaks"):
                    test_leaks(name, program + "l", os.path.join(folder, f"leaks-{minor}"))
                if not mode:
                    test_running(name, program, os.path.join(folder, f"running-{minor}"))
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] > 0


if __name__ == "__main__":
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main())
