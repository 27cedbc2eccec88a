#!/usr/bin/env python3
"""Samples of every format that were cut off, at each sixteenth: one clear line and exit
status 2, or a report of what is there."""

import glob
import os
import re
import subprocess
import sys
import tempfile

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "data")
SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
SAMPLES = ("folded.txt", "jemalloc.heap", "go/*.*", "legacy/*", "odd/*", "pair/*", "perf/*", "pprof/*.gz")
WHOLE = re.compile(r"\.(gz|zst)$")  # of these a part is never a profile
passed = failed = 0


def check(name, data, path):
    global passed, failed
    with open(path, "wb") as f:
        f.write(data)
    done = subprocess.run([SONDE, "pprof", "-top", "-symbolize=none", path], stdin=subprocess.DEVNULL,
                          capture_output=True, timeout=60)
    err = done.stderr.decode(errors="replace")
    ok = "Sanitizer" not in err and "runtime error" not in err
    if done.returncode == 2:
        ok = ok and not done.stdout and re.fullmatch(rf"sonde: cannot read '{re.escape(path)}': [ -~]+\n", err)
    else:
        ok = ok and done.returncode == 0 and b"flat%" in done.stdout and not WHOLE.search(name)
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name} cut off after {len(data)} bytes: exit {done.returncode}\n{err}")


with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "profile")
    for pattern in SAMPLES:
        for sample in sorted(glob.glob(os.path.join(DATA, pattern))):
            with open(sample, "rb") as f:
                data = f.read()
            for i in range(16):
                check(os.path.relpath(sample, DATA), data[:len(data) * i // 16], path)
print(f"{passed} passed, {failed} failed, 0 skipped")
sys.exit(failed != 0)
