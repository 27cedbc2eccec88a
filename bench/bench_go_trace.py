#!/usr/bin/env python3
"""bench_go_trace: what it costs a Go program to be traced from outside, beside its own tracer.

A busy HTTP service: at the default limit of events a second, without a limit, and by its own
/debug/pprof/trace.  And a program that does nothing but hand numbers over a channel: what one probe costs.
Phases with and without alternate; ratios are of neighbours: medians (least to most) of ROUNDS (5).

    bench_go_trace.py PEER SONDE

Needs CAP_PERFMON and CAP_BPF, and a Go toolchain.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "tests", "integration", "go_matrix"))
from toolchains import go_build, go_versions  # noqa: E402

SONDE = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "..", "build", "sonde")
os.environ.setdefault("SONDE_BUILD_ROOT", os.path.dirname(os.path.abspath(SONDE)))
ROUNDS = int(os.environ.get("ROUNDS", "5"))
SECONDS = 3
HITS_A_ROUND = 6  # park, ready and run of two goroutines


def build(root, folder, output):
    go_build(root, folder, output, "-tags=pprof", "-ldflags=-s -w").check_returncode()


class Program:
    def __init__(self, path):
        self.process = subprocess.Popen([path], stdout=subprocess.PIPE, text=True)
        self.address = self.process.stdout.readline().strip()
        time.sleep(1)

    def count(self):
        """The newest count there is."""
        os.set_blocking(self.process.stdout.fileno(), False)
        while self.process.stdout.readline():
            pass
        os.set_blocking(self.process.stdout.fileno(), True)
        return int(self.process.stdout.readline()), time.monotonic()

    def cpu(self):
        with open(f"/proc/{self.process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rate(self, seconds):
        """Rounds a second; self.cost: CPU seconds a round."""
        cpu = self.cpu()
        (n, t), _ = self.count(), time.sleep(seconds)
        after, at = self.count()
        self.cost = (self.cpu() - cpu) / max(after - n, 1)
        return (after - n) / (at - t)

    def end(self):
        self.process.kill()
        self.process.wait()


def own_rate(program):
    """While its own tracer runs."""
    url = f"http://{program.address}/debug/pprof/trace?seconds={SECONDS + 1}"
    reader = subprocess.Popen([sys.executable, "-c", "import sys, urllib.request\n"
                               "r = urllib.request.urlopen(sys.argv[1])\nwhile r.read(65536): pass", url])
    time.sleep(0.5)
    rate = program.rate(SECONDS)
    reader.wait(timeout=60)
    return rate


def traced_rate(program, *args):
    with tempfile.TemporaryDirectory() as folder:
        sonde = subprocess.Popen([SONDE, "record", "-e", "trace", "--probes", "-p",
                                  str(program.process.pid), "--seconds", str(SECONDS + 1), "-o",
                                  os.path.join(folder, "t"), *args], stderr=subprocess.PIPE, text=True)
        time.sleep(0.5)
        rate = program.rate(SECONDS)
        sonde.communicate(timeout=60)
        return rate


def spread(values, form="{:.2f}"):
    return f"{form.format(statistics.median(values))} ({form.format(min(values))} to {form.format(max(values))})"


def main():
    versions = go_versions()
    if not versions:
        print("no Go toolchain")
        sys.exit(77)
    _, root = max(versions.items())
    with tempfile.TemporaryDirectory() as folder:
        service, channel = os.path.join(folder, "service"), os.path.join(folder, "channel")
        build(root, os.path.join(HERE, "..", "tests", "integration", "go_trace", "service"), service)
        build(root, os.path.join(HERE, "go_trace"), channel)
        everything = "--trace-rate=1000000000"
        for name, path, run in (
                ("HTTP service, at most 20000 events a second", service, traced_rate),
                ("HTTP service, all events", service, lambda p: traced_rate(p, everything)),
                ("HTTP service, its own tracer", service, own_rate),
                ("channel, all events", channel, lambda p: traced_rate(p, everything))):
            program = Program(path)
            ratios, costs = [], []
            for _ in range(ROUNDS):
                alone, cost = program.rate(SECONDS), program.cost
                ratios.append(run(program) / alone)
                costs.append((program.cost - cost) * 1e6 / HITS_A_ROUND)
            program.end()
            print(f"{name}: throughput x {spread(ratios)}", flush=True)
            if path == channel:
                print(f"  us of CPU time a probe: {spread(costs)}")


if __name__ == "__main__":
    main()
