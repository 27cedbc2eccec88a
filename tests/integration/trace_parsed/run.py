#!/usr/bin/env python3
"""The events of a trace, as text: what `go tool trace -d=parsed`, -d=wire and -d=footprint print.

Of the samples beside the tree, and of traces that a program makes with each Go there is
(tests/targets/go_trace); also of such that are cut off or damaged.  The reference is built
from the newest Go there is, which has to know all formats.

Reads $SONDE, $SONDE_SOURCE_ROOT, $SONDE_BUILD_ROOT and $SONDE_GO_ROOTS: GOROOTs, with ':' between
(else $GOROOT, that of `go`, /usr/lib/go-*).  Ends in the counts.
"""
import glob
import os
import random
import re
import subprocess
import sys
import tempfile

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
sys.path.insert(0, os.path.join(ROOT, "tests", "integration", "go_matrix"))
from toolchains import go_build, go_versions  # noqa: E402
from trace_tool import go_trace  # noqa: E402

DAMAGED = 40        # traces that are damaged somewhere
TRIES = 12          # of Go with itself, where it is not always of one mind
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, *details):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}", *details, sep="\n  ")
    return ok


def skip(name, why):
    counts["skipped"] += 1
    print(f"skipped {name}: {why}")


def run(*command):
    return subprocess.run(command, capture_output=True, timeout=300)


def sonde(mode, path):
    return run(SONDE, "trace", f"-d={mode}", path)


def version(path):
    with open(path, "rb") as file:
        match = re.match(rb"go 1\.(\d+) trace", file.read(16))
    return int(match.group(1)) if match else 0


def unordered(text):
    """What happens at one time, in traces of Go 1.21 and earlier, is told in the order of a map, one
    ns after another."""
    return sorted(re.sub(rb" Time=\d+", b"", text).split(b"\n"))


def first_difference(ours, theirs):
    for n, (a, b) in enumerate(zip(ours.split(b"\n"), theirs.split(b"\n")), 1):
        if a != b:
            return f"line {n}: {a[:200]!r} is to be {b[:200]!r}"
    return f"{len(ours)} bytes are to be {len(theirs)}"


def one_line(done):
    """A failure is one line, and no more than a failure."""
    return done.returncode in (0, 2) and len(done.stderr.splitlines()) == bool(done.returncode)


def compare(reference, name, path):
    modes = ("parsed",) if version(path) < 22 else ("parsed", "wire", "footprint")
    for mode in modes:
        ours = sonde(mode, path)
        theirs = run(reference, f"-d={mode}", path)
        same = ours.stdout == theirs.stdout
        for _ in range(TRIES if version(path) < 22 else 0):
            if same:
                break
            again = run(reference, f"-d={mode}", path)
            same = ours.stdout == again.stdout or (
                again.stdout != theirs.stdout and unordered(ours.stdout) == unordered(again.stdout))
        check(f"{name}, {mode}", same and one_line(ours) and
              (ours.returncode == 0) == (theirs.returncode == 0),
              "" if same else first_difference(ours.stdout, theirs.stdout),
              ours.stderr.decode(errors="replace"), theirs.stderr.decode(errors="replace")[:300])


def damage(data, how):
    data = bytearray(data)
    at = how.randrange(16, len(data))
    n = how.randrange(1, 300)
    kind = how.choice(("cut", "byte", "byte", "twice", "gone"))
    if kind == "cut":
        del data[at:]
    elif kind == "byte":
        data[at] = how.randrange(256)
    elif kind == "twice":
        data[at:at] = data[at:at + n]
    else:
        del data[at:at + n]
    return kind, bytes(data)


def compare_damaged(reference, folder, paths):
    """Events are read up to where Go's reader gives up."""
    how = random.Random(1)
    path = os.path.join(folder, "damaged")
    for i in range(DAMAGED):
        of = how.choice(paths)
        with open(of, "rb") as file:
            kind, data = damage(file.read(), how)
        with open(path, "wb") as file:
            file.write(data)
        ours, theirs = sonde("parsed", path), run(reference, "-d=parsed", path)
        check(f"damaged {i}: {kind} of {os.path.basename(of)}",
              ours.stdout == theirs.stdout and one_line(ours) and
              (ours.returncode == 0) == (theirs.returncode == 0),
              first_difference(ours.stdout, theirs.stdout),
              ours.stderr.decode(errors="replace"), theirs.stderr.decode(errors="replace")[:300])


def errors(folder):
    path = os.path.join(folder, "none")
    for text, mode, said in ((b"", "parsed", "no execution trace"),
                             (b"go 1.99 trace\0\0\0", "parsed", "version 1.99"),
                             (b"go 1.22 trace\0\0\0\x05", "wire", "truncated at byte 16 of 17")):
        with open(path, "wb") as file:
            file.write(text)
        done = sonde(mode, path)
        check(f"error '{said}'", done.returncode == 2 and one_line(done) and
              said in done.stderr.decode(), done.returncode, done.stderr)


def main():
    versions = go_versions()
    samples = [p for p in sorted(glob.glob(os.path.join(ROOT, "..", "shared", "testdata", "trace", "*")))
               if version(p)]
    with tempfile.TemporaryDirectory() as folder:
        errors(folder)
        reference = go_trace()
        if not reference:
            skip("comparison", "no Go toolchain of 1.26 or later (SONDE_GO_ROOTS)")
            return
        if not samples:
            skip("samples", "there are none beside the tree")
        for path in samples:
            compare(reference, os.path.basename(path), path)
        made = []
        for minor, root in sorted(versions.items()):
            program, path = os.path.join(folder, f"program{minor}"), os.path.join(folder, f"go1.{minor}")
            done = go_build(root, folder, program,
                            what=os.path.join(ROOT, "tests", "targets", "go_trace", "main.go"))
            if not check(f"go 1.{minor} builds", done.returncode == 0, done.stderr[-2000:]):
                continue
            done = run(program, path)
            if check(f"go 1.{minor} makes a trace", done.returncode == 0 and version(path), done.stderr):
                compare(reference, f"go 1.{minor}", path)
                made += [path] * (version(path) >= 22)
        small = [p for p in glob.glob(os.path.join(ROOT, "tests", "fuzz", "corpus", "trace", "*"))
                 if version(p) >= 22]
        compare_damaged(reference, folder, sorted(small) or made)


main()
print("{passed} passed, {failed} failed, {skipped} skipped".format(**counts))
sys.exit(1 if counts["failed"] else 0)
