#!/usr/bin/env python3
"""bench_waits: what the profile of waits from outside (record -e block -p) costs a program that does
nothing but wait, two threads that hand a byte to and fro, and one that is not recorded: a round,
which has two waits, bare and recorded, one after the other, PAIRS (9) times; medians and quartiles.

  bench_waits.py PEER SONDE
"""
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile

PAIRS = int(os.environ.get("PAIRS", "9"))
HERE = os.path.dirname(os.path.abspath(__file__))
WITHOUT_BPF = ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-all")


class Pipes:
    def __init__(self, program, *args):
        self.p = subprocess.Popen([program, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        self.pid = self.p.pid

    def round_ns(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()
        return float(self.p.stdout.readline())

    def end(self):
        self.p.stdin.close()
        self.p.wait()


def recorded(pipes, command):
    p = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    for line in p.stderr:
        if "collecting" in line:
            break
    else:
        sys.exit(f"bench_waits: {command}: {p.stderr.read()}")
    ns = pipes.round_ns()
    p.send_signal(signal.SIGINT)
    told = p.stderr.read()
    p.wait()
    return ns, told


def main():
    if len(sys.argv) != 3:
        print("usage: bench_waits.py PEER SONDE", file=sys.stderr)
        sys.exit(2)
    sonde = os.path.abspath(sys.argv[2])
    if not shutil.which("cc") or not shutil.which("setpriv") or os.geteuid() != 0:
        print("needs a C compiler, setpriv, and to be root")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "pipes")
        subprocess.run(["cc", "-O2", "-pthread", os.path.join(HERE, "pipes.c"), "-o", program], check=True)
        record = (sonde, "record", "-e", "block", "-o", os.path.join(folder, "out.pb.gz"), "-p")
        for title, args in ("one processor", ["0"]), ("as they run", []):
            pipes, other = Pipes(program, *args), Pipes(program)
            ways = {"by BPF": (*record, str(pipes.pid)),
                    "without BPF": (*WITHOUT_BPF, *record, str(pipes.pid)),
                    "another process, by BPF": (*record, str(other.pid))}
            bare, added, lost = [], {way: [] for way in ways}, {way: 0 for way in ways}
            for _ in range(PAIRS):
                for way, command in ways.items():
                    base = pipes.round_ns()
                    ns, told = recorded(pipes, command)
                    bare.append(base)
                    added[way].append(ns - base)
                    lost[way] += "were lost" in told
            pipes.end()
            other.end()
            print(f"{title}: a round {statistics.median(bare):.0f} ns")
            for way, values in added.items():
                low, middle, high = statistics.quantiles(values, n=4)
                print(f"  {way:<24} {middle:+7.0f} ns [{low:+.0f}, {high:+.0f}]"
                      + (f"; records were lost in {lost[way]} of {PAIRS}" if lost[way] else ""))


main()
