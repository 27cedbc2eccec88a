#!/usr/bin/env python3
"""bench_live: Go programs read from outside, beside what they tell by themselves: 100,000 and
1,000,000 goroutines, a heap profile of 50,000 places, the time until a large program's first
answer, and what recording CPU time costs the program and takes itself.  Medians [quartiles]
of ROUNDS (7) rounds, one after the other in each.

    bench_live.py PEER SONDE

The large program is made here: more than 100 MB, which takes some minutes.
LIVE_BINARY: another one and its arguments, for the same.  LIVE_ONLY: of the parts goroutines,
heap, first and cpu those that are named in it.
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


LARGE_PACKAGES, LARGE_FUNCTIONS = 66, 800


def make_large(go, folder):
    """A stripped program of more than 100 MB, most of it code and what Go knows of it."""
    body = "".join(f"\t\tout += fmt.Sprintf(\"%d %s {i}\", n*{i + 3}, out[n%{i + 2}:])\n"
                   f"\t\tif len(out) > {100 + i} {{\n\t\t\tout = strings.Repeat(out[:{i + 5}], n%{i + 7})\n\t\t}}\n"
                   for i in range(6))
    os.makedirs(folder)
    for p in range(LARGE_PACKAGES):
        os.makedirs(f"{folder}/p{p}")
        with open(f"{folder}/p{p}/p.go", "w", encoding="ascii") as file:
            file.write(f"package p{p}\n\nimport (\n\t\"fmt\"\n\t\"strings\"\n)\n\n")
            for f in range(LARGE_FUNCTIONS):
                file.write(f"func does{f}(n int, out string) string {{\n\tfor n > {f} {{\n{body}\t\tn /= {f + 2}\n"
                           "\t}\n\treturn out\n}\n\n")
            file.write("var All = []func(int, string) string{" +
                       ", ".join(f"does{f}" for f in range(LARGE_FUNCTIONS)) + "}\n")
    with open(f"{folder}/go.mod", "w", encoding="ascii") as file:
        file.write("module large\n\ngo 1.19\n")
    names = range(LARGE_PACKAGES)
    with open(f"{folder}/main.go", "w", encoding="ascii") as file:
        file.write("package main\n\nimport (\n\t\"time\"\n" + "".join(f"\t\"large/p{p}\"\n" for p in names) +
                   ")\n\nfunc main() {\n\tfor _, all := range [][]func(int, string) string{" +
                   ", ".join(f"p{p}.All" for p in names) +
                   "} {\n\t\tall[0](time.Now().Second(), \"\")\n\t}\n\ttime.Sleep(time.Hour)\n}\n")
    path = f"{folder}/large"
    subprocess.run([go, "build", "-ldflags=-s -w", "-o", path, "."], cwd=folder, check=True,
                   env={**os.environ, "CGO_ENABLED": "0"})
    return path


def forget(path):
    """What is not mapped of a file has to be read from the disk again."""
    fd = os.open(path, os.O_RDONLY)
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(fd)


def first_answer(sonde, command, rounds):
    path = shutil.which(command[0])
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as process:
        time.sleep(3)
        cold, warm = [], []
        for _ in range(rounds):
            forget(path)
            for times in cold, warm:
                times.append(run(sonde, "pprof", "-top", f"pid:{process.pid}/goroutine")[0])
        process.kill()
        print(f"first answer, {path.rsplit('/', 1)[-1]} of {os.path.getsize(path) / 1e6:.0f} MB")
        print(f"  warm                    {spread(warm)}")
        print(f"  its file read anew      {spread(cold)}", flush=True)


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
        parts = os.environ.get("LIVE_ONLY", "goroutines heap first cpu").split()
        if "goroutines" in parts:
            goroutines(sonde, binary, 100000, rounds)
            goroutines(sonde, binary, 1000000, 3)
        if "heap" in parts:
            heap(sonde, binary, rounds)
        if "first" in parts:
            first_answer(sonde, [make_large(go, os.path.join(folder, "large"))], rounds)
            if os.environ.get("LIVE_BINARY"):
                first_answer(sonde, os.environ["LIVE_BINARY"].split(), rounds)
        if "cpu" in parts:
            cpu(sonde, binary, rounds)


main()
