#!/usr/bin/env python3
"""bench_live: Go programs read from outside, beside what they tell by themselves: 100,000 and
1,000,000 goroutines, a heap profile of 50,000 places, the time until a large program's first
answer, and what recording CPU time costs the program and takes itself.  Medians [quartiles]
of ROUNDS (7) rounds, one after the other in each.

    bench_live.py PEER SONDE

LIVE_BINARY: a large Go program and its arguments, for the time until the first answer.
"""
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request


def spread(values, unit="ms", scale=1e3):
    values = sorted(v * scale for v in values)
    return (f"{statistics.median(values):8.1f} {unit} "
            f"[{values[len(values) // 4]:.1f}, {values[-1 - len(values) // 4]:.1f}]")


class Target:
    """The program, with its environment; `get` asks it."""

    def __init__(self, binary, **env):
        self.process = subprocess.Popen([binary], stdout=subprocess.PIPE, text=True,
                                        env={**os.environ, **{k: str(v) for k, v in env.items()}})
        self.address = self.process.stdout.readline().strip()
        self.pid = self.process.pid

    def get(self, path):
        with urllib.request.urlopen(f"http://{self.address}{path}") as answer:
            return answer.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def timed(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start


def run(*command):
    """Seconds, most memory in MB, CPU seconds."""
    start = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        errors = process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = status
    if status:
        sys.exit(f"{' '.join(command)}: {errors}")
    return time.monotonic() - start, used.ru_maxrss / 1024, used.ru_utime + used.ru_stime


def goroutines(sonde, binary, n, rounds):
    out = ["-proto", "-output", "out.pb.gz"]
    with Target(binary, GOROUTINES=n, SPIN=1) as target:
        time.sleep(2)
        own, outside, stopped, paused, quiet, memory = [], [], [], [], [], 0
        for _ in range(rounds):
            own.append(timed(lambda: target.get("/debug/pprof/goroutine")))
            target.get("/longest")
            time.sleep(0.5)
            quiet.append(int(target.get("/longest")) / 1e9)
            seconds, mb, _ = run(sonde, "pprof", *out, f"pid:{target.pid}/goroutine")
            outside.append(seconds)
            memory = max(memory, mb)
            target.get("/longest")
            stopped.append(run(sonde, "pprof", *out, f"pid:{target.pid}/goroutine?consistent=1")[0])
            paused.append(int(target.get("/longest")) / 1e9)
        ratio = statistics.median(a / b for a, b in zip(own, outside))
        print(f"{n} goroutines")
        print(f"  its own, debug=0        {spread(own)}")
        print(f"  sonde, no stop          {spread(outside)}  {ratio:.1f} times as fast, {memory:.0f} MB")
        print(f"  sonde, consistent       {spread(stopped)}")
        print(f"  longest stop seen there {spread(paused)}  (without us {spread(quiet).strip()})", flush=True)


def heap(sonde, binary, rounds):
    with Target(binary, BUCKETS=50000) as target:
        own, outside, memory = [], [], 0
        for _ in range(rounds):
            own.append(timed(lambda: target.get("/debug/pprof/heap")))
            seconds, mb, _ = run(sonde, "pprof", "-proto", "-output", "out.pb.gz", f"pid:{target.pid}/heap")
            outside.append(seconds)
            memory = max(memory, mb)
        print("heap of 50,000 places")
        print(f"  its own, debug=0        {spread(own)}")
        print(f"  sonde                   {spread(outside)}  {memory:.0f} MB", flush=True)


def first_answer(sonde, rounds):
    command = os.environ.get("LIVE_BINARY", "").split()
    if not command:
        return
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        time.sleep(3)
        times = [run(sonde, "pprof", "-top", f"pid:{process.pid}/goroutine")[0] for _ in range(rounds)]
        process.kill()
        size = os.path.getsize(shutil.which(command[0])) / 1e6
        print(f"first answer, {command[0].rsplit('/', 1)[-1]} of {size:.0f} MB: {spread(times)}", flush=True)


def cpu(sonde, binary, rounds):
    """Sonde's own share is of the recording itself: of ten seconds, without what the start and the
    symbols take, which another recording of one second tells."""
    with Target(binary) as target:
        record = [sonde, "record", "-p", str(target.pid), "-o", "cpu.pb.gz"]
        bare, again, recorded = [], [], []
        for _ in range(rounds):
            bare.append(int(target.get("/work")))
            again.append(int(target.get("/work")))
            with subprocess.Popen(record, stderr=subprocess.DEVNULL) as recorder:
                time.sleep(0.3)
                recorded.append(int(target.get("/work")))
                recorder.send_signal(2)
                recorder.wait()
        noise = [b / a - 1 for a, b in zip(bare, again)]
        cost = [b / a - 1 for a, b in zip(bare, recorded)]
        print("CPU time at 100 Hz")
        print(f"  work takes longer by    {spread(cost, '%', 100)}  (without us {spread(noise, '%', 100).strip()})")
    with Target(binary, SPIN=1) as target:
        record = [sonde, "record", "-p", str(target.pid), "-o", "cpu.pb.gz", "--seconds"]
        used = {seconds: [run(*record, str(seconds))[2] for _ in range(3)] for seconds in (1, 11)}
        share = [(long - short) / 10 for short, long in zip(used[1], used[11])]
        print(f"  sonde's own, of a core  {spread(share, '%', 100)}", flush=True)


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} PEER SONDE")
    root = os.environ.get("GOROOT", "")
    go = os.path.join(root, "bin/go") if root else shutil.which("go")
    if not go or not os.path.exists(go):
        print("no Go toolchain: set GOROOT")
        sys.exit(77)
    rounds, sonde = int(os.environ.get("ROUNDS", "7")), os.path.abspath(sys.argv[2])
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "live")
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "live")
        subprocess.run([go, "build", "-o", binary, "."], cwd=source, check=True)
        os.chdir(folder)
        version = subprocess.run([go, "version"], capture_output=True, text=True, check=True).stdout
        print(re.sub(r"^go version ", "", version).strip())
        goroutines(sonde, binary, 100000, rounds)
        goroutines(sonde, binary, 1000000, 3)
        heap(sonde, binary, rounds)
        first_answer(sonde, rounds)
        cpu(sonde, binary, rounds)


main()
