#!/usr/bin/env python3
"""Sonde is killed at any moment: the Go program that it looks at runs on, as it was before.

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_GO_ROOTS (the first is taken; else as go_matrix does), and
$SONDE_KILLS: how often (200), $SEED: to do the same again.  Ends in the counts.
"""
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "go_matrix"))
from toolchains import go_build, go_roots  # noqa: E402

BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
SONDE = os.path.abspath(os.environ.get("SONDE", os.path.join(BUILD, "sonde")))
READ = os.path.join(BUILD, "tests", "go_read")
KILLS = int(os.environ.get("SONDE_KILLS", "200"))
WORDS = ("MemProfileRate", "blockprofilerate", "mutexprofilerate", "forcegcperiod")
# A stop of the program may take this long, also on a machine that does much else.
LONGEST_MS = 2000
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, *details):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}", *details, sep="\n  ")
    return ok


class Service:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, bufsize=1)
        self.process.stdout.readline()

    def ping(self):
        """Its counter, and for how long it did not run since the last time, in ms."""
        self.process.stdin.write("ping\n")
        self.process.stdin.flush()
        return [int(n) for n in self.process.stdout.readline().split()]

    def words(self):
        return {word: subprocess.run([READ, str(self.process.pid), "word", word], timeout=60,
                                     capture_output=True, text=True).stdout.strip()
                for word in WORDS}

    def state(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            return stat.read().rsplit(") ", 1)[1][0]

    def is_traced(self):
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            try:
                with open(f"/proc/{self.process.pid}/task/{task}/status") as status:
                    if "TracerPid:\t0\n" not in status.read():
                        return True
            except FileNotFoundError:
                pass
        return False


def commands(pid):
    """What is killed: profiles that are switched on for a while, collections, stops."""
    sonde = [SONDE, "pprof", "-raw", "-output=/dev/null"]
    return [
        sonde + [f"pid:{pid}/block?enable=1&seconds=1"],
        sonde + [f"pid:{pid}/mutex?enable=1&seconds=1"],
        sonde + [f"pid:{pid}/heap?enable=1&seconds=1&gc=1"],
        sonde + [f"pid:{pid}/goroutine?consistent=1"],
        sonde + [f"pid:{pid}/goroutine"],
        sonde + [f"pid:{pid}/heap?gc=1"],
        [SONDE, "record", "-e", "block", "-p", str(pid), "--enable", "--seconds", "1", "-o",
         "/dev/null"],
        [SONDE, "record", "-e", "heap", "-p", str(pid), "--gc", "-o", "/dev/null"],
        [READ, str(pid), "mutex", "enable=1", "/dev/null"],
        [READ, str(pid), "block", "enable=0", "/dev/null"],
        [READ, str(pid), "heap", "enable=1", "gc", "/dev/null"],
    ]


def settles(service, wanted):
    """As before: the watchdog needs a moment."""
    limit = time.monotonic() + 10
    while time.monotonic() < limit:
        if service.words() == wanted:
            return True
        time.sleep(0.01)
    return False


def try_kills(service, wanted):
    longest, seen_on, n_killed = 0, 0, 0
    last, _ = service.ping()
    for i in range(KILLS):
        command = random.choice(commands(service.process.pid))
        sonde = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        # Most of what happens happens in the first milliseconds.
        time.sleep(random.choice((0.005, 0.03, 0.1, 0.3)) * random.random())
        if random.random() < 0.3:
            seen_on += service.words() != wanted
        n_killed += sonde.poll() is None
        sonde.send_signal(signal.SIGKILL)
        sonde.wait()
        if not check(f"kill {i} of {' '.join(command)}: as before", settles(service, wanted),
                     service.words(), wanted):
            break
        counter, pause = service.ping()
        longest = max(longest, pause)
        if not check(f"kill {i} of {' '.join(command)}: it works", counter > last or
                     service.ping()[0] > last, counter, last):
            break
        last = counter
        check(f"kill {i}: it runs", service.state() in "SRD" and not service.is_traced(),
              service.state())
    check("some were killed while they were at it", n_killed > KILLS // 4, n_killed)
    check(f"never stopped for long ({longest} ms)", longest < LONGEST_MS)
    print(f"{n_killed} of {KILLS} killed at work, {seen_on} seen with a profile on, "
          f"longest pause {longest} ms")


def try_signals(service, wanted):
    """Ctrl-C and its like: put back, too."""
    pid = service.process.pid
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGKILL):
        sonde = subprocess.Popen([SONDE, "pprof", "-raw", "-output=/dev/null",
                                  f"pid:{pid}/block?enable=1&seconds=30"],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL)
        limit = time.monotonic() + 20
        while service.words() == wanted and time.monotonic() < limit:
            time.sleep(0.01)
        check(f"{number.name}: on", service.words()["blockprofilerate"] != "0", service.words())
        sonde.send_signal(number)
        try:
            sonde.wait(timeout=20)
        except subprocess.TimeoutExpired:
            check(f"{number.name}: ends", False)
            sonde.kill()
            sonde.wait()
        check(f"{number.name}: as before", settles(service, wanted), service.words(), wanted)


def try_two(service, wanted):
    """The second of two does not take what the first has set for the program's own."""
    pid = service.process.pid
    first = subprocess.Popen([READ, str(pid), "block", "enable=1500", "/dev/null"],
                             stdin=subprocess.DEVNULL)
    limit = time.monotonic() + 20
    while service.words() == wanted and time.monotonic() < limit:
        time.sleep(0.01)
    second = subprocess.run([READ, str(pid), "block", "enable=0", "/dev/null"],
                            capture_output=True, text=True, timeout=60)
    check("two at once", second.returncode == 2 and "another sonde" in second.stderr,
          second.returncode, second.stderr)
    check("the first goes on", service.words()["blockprofilerate"] != "0")
    check("the first ends", first.wait(timeout=60) == 0)
    check("two at once: as before", settles(service, wanted), service.words(), wanted)


def try_off(service):
    """What was counted while a profile was on is not taken for what happens when it is off."""
    pid = service.process.pid
    began = time.monotonic()
    for command in ([SONDE, "record", "-e", "block", "-p", str(pid), "--seconds", "60", "-o",
                     "/dev/null"],
                    [SONDE, "pprof", "-raw", f"pid:{pid}/block?seconds=60"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        check("off: a difference is refused", done.returncode == 1 and
              "block profiling is off in" in done.stderr and "ollecting" not in done.stderr,
              done.returncode, done.stderr)
    check("off: at once", time.monotonic() - began < 60)
    done = subprocess.run([SONDE, "pprof", "-raw", "-output=/dev/null", f"pid:{pid}/block"],
                          capture_output=True, text=True, timeout=300)
    check("off: all so far is shown, with a note", done.returncode == 0 and
          "what it counted when it was on is shown" in done.stderr, done.returncode, done.stderr)


def try_ends(program):
    """The program ends, or becomes another one, while it is looked at: told in one line."""
    for i in range(12):
        service = Service(program)
        pid = service.process.pid
        command = random.choice([
            [READ, str(pid), "block", "enable=200", "/dev/null"],
            [READ, str(pid), "heap", "enable=100", "gc", "/dev/null"],
            [SONDE, "pprof", "-raw", "-output=/dev/null", f"pid:{pid}/heap?gc=1"],
            [SONDE, "pprof", "-raw", "-output=/dev/null", f"pid:{pid}/goroutine?consistent=1"]])
        sonde = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                 stderr=subprocess.PIPE, text=True)
        time.sleep(random.random() * 0.15)
        if i % 2:
            service.process.stdin.write("exec\n")
            service.process.stdin.flush()
        else:
            service.process.kill()
            service.process.wait()
        try:
            _, errors = sonde.communicate(timeout=30)
        except subprocess.TimeoutExpired:
            sonde.kill()
            _, errors = sonde.communicate()
            errors = "it does not end: " + errors
        lines = errors.strip().splitlines()
        check(f"{' '.join(command)}: {'exec' if i % 2 else 'end'} of the program",
              sonde.returncode in (0, 1, 2) and len(lines) <= 3 and
              (sonde.returncode == 0 or lines), sonde.returncode, errors)
        service.process.kill()
        service.process.wait()


def main():
    roots = go_roots()
    if not roots:
        print("no Go toolchain: set SONDE_GO_ROOTS or GOROOT")
        return 77
    seed = int(os.environ.get("SEED", random.randrange(1 << 30)))
    random.seed(seed)
    with tempfile.TemporaryDirectory() as folder:
        source, program = os.path.join(folder, "source"), os.path.join(folder, "service")
        shutil.copytree(os.path.join(HERE, "target"), source)
        built = go_build(roots[0], source, program, "-ldflags=-s -w")
        if built.returncode:
            print("the program cannot be built:", built.stderr.strip()[-200:])
            return 77
        service = Service(program)
        wanted = service.words()
        check("words are read", wanted["forcegcperiod"] == "120000000000" and
              wanted["blockprofilerate"] == "0", wanted)
        try_two(service, wanted)
        try_signals(service, wanted)
        try_kills(service, wanted)
        try_off(service)
        service.process.kill()
        service.process.wait()
        try_ends(program)
    print(f"seed {seed}")
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
    return 1 if counts["failed"] else 0


sys.exit(main())
