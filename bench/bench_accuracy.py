#!/usr/bin/env python3
"""bench_accuracy: CPU profiles of a program with known shares, 8 s at 250 Hz, beside
gperftools' libprofiler where it is installed.

  bench_accuracy.py PEER SONDE

The program (tests/targets/burn_hot.c) has a thread that spends 70 : 20 : 10 of its
time in three functions, and one that runs in the first quarter of each 4 ms only; it
measures the truth itself.  Bounds for us: a share within 2.5 points, the total within
5 %.  SECONDS (8) and RUNS (1)."""
import os
import re
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
HZ = 250
NAMES = ("hot_70", "hot_20", "hot_10", "ticks")
SECONDS = os.environ.get("SECONDS", "8")


def truth(out):
    total, *parts = map(float, out.split())
    return total, [p / total for p in parts]


def row(name, cells):
    print(f"{name:<24}" + "".join(f"{c:>12}" for c in cells))


def show(name, true, shares, seconds):
    total, true_shares = true
    row(name + ": true", [f"{100 * s:.1f} %" for s in true_shares] + [f"{total:.3f} s"])
    row(name + ": seen", [f"{100 * s:.1f} %" for s in shares] + [f"{seconds:.3f} s"])
    errors = [100 * (s - t) for s, t in zip(shares, true_shares)]
    off = 100 * (seconds - total) / total
    row(name + ": error", [f"{e:+.1f}" for e in errors] + [f"{off:+.1f} %"])
    return max(map(abs, errors)) <= 2.5 and abs(off) <= 5


def with_sonde(sonde, program, folder):
    profile = os.path.join(folder, "sonde.pb.gz")
    out = subprocess.run([sonde, "record", "-F", str(HZ), "-o", profile, "--", program, SECONDS],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=True)
    text = subprocess.run([sonde, "pprof", "-traces", "-unit=ns", profile], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=True).stdout
    weights = {}
    for stack in re.split(r"^-+\+-+$", text, flags=re.M)[1:]:
        value = re.search(r"^\s*(\d+)ns\s", stack, flags=re.M)
        if value:
            frames = [line.split()[-1] for line in stack.split("\n") if line.strip()]
            leaf = next((n for n in NAMES if n in frames), "other")
            weights[leaf] = weights.get(leaf, 0) + int(value.group(1))
    total = sum(weights.values())
    return truth(out.stdout), [weights.get(n, 0) / total for n in NAMES], total / 1e9


def with_libprofiler(library, program, folder):
    profile = os.path.join(folder, "gperf.prof")
    env = dict(os.environ, LD_PRELOAD=library, CPUPROFILE=profile, CPUPROFILE_FREQUENCY=str(HZ))
    out = subprocess.run([program, SECONDS], env=env, stdout=subprocess.PIPE,
                         stderr=subprocess.DEVNULL, text=True, check=True)
    with open(profile, "rb") as f:
        data = f.read()
    symbols = []
    listed = subprocess.run(["nm", "-S", "--defined-only", program], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    for line in listed.splitlines():
        cells = line.split()
        if len(cells) == 4:
            symbols.append((int(cells[0], 16), int(cells[1], 16), cells[3]))
    base = int(re.search(rb"([0-9a-f]+)-[0-9a-f]+ r\S+ 00000000 [^\n]*" +
                         os.path.basename(program).encode(), data).group(1), 16)
    words = struct.unpack(f"<{len(data) // 8}Q", data[:len(data) // 8 * 8])
    at, weights = 2 + words[1], {}
    while words[at + 2] != 0:
        count, n = words[at], words[at + 1]
        frames = [name for pc in words[at + 2:at + 2 + n] for start, size, name in symbols
                  if start <= pc - base < start + size]
        leaf = next((n for n in NAMES if n in frames), "other")
        weights[leaf] = weights.get(leaf, 0) + count
        at += 2 + n
    total = sum(weights.values())
    return truth(out.stdout), [weights.get(n, 0) / total for n in NAMES], total / HZ


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sonde, good = sys.argv[2], True
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "burn_hot")
        subprocess.check_call(["cc", "-O2", "-D_GNU_SOURCE", "-fomit-frame-pointer",
                               "-fno-optimize-sibling-calls", "-o", program,
                               os.path.join(ROOT, "tests/targets/burn_hot.c"), "-lpthread"])
        row("", [*NAMES, "total"])
        for _ in range(int(os.environ.get("RUNS", "1"))):
            good &= show("sonde", *with_sonde(sonde, program, folder))
        for folder_of in ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/local/lib"):
            library = os.path.join(folder_of, "libprofiler.so.0")
            if os.path.exists(library):
                show("gperftools", *with_libprofiler(library, program, folder))
                break
        else:
            print("gperftools: not installed")
    print("within the bounds" if good else "OUT OF THE BOUNDS: 2.5 points, 5 % of the total")
    return 0 if good else 1


sys.exit(main())
