#!/usr/bin/env python3
"""What is found in a Go program that runs is what its own symbols and DWARF say.

For each Go toolchain a program is built in several ways.  It is read as it is, stripped, and
without section headers; the addresses that are found without symbols have to be those of the
symbols, and the table of offsets has to be what DWARF says.

Reads $SONDE_BUILD_ROOT, and $SONDE_GO_ROOTS: GOROOTs, with ':' between (else $GOROOT, that of
`go`, /usr/lib/go-*).  Ends in the counts.
"""
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "go_matrix"))
from toolchains import go_build, go_versions  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
SOURCE = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", HERE + "/../../.."))
DUMP = BUILD + "/tests/integration/attach_dump"
# How the program is built: name, environment, flags, from which minor version on.
WAYS = [
    ("plain", {}, [], 19),
    ("cgo", {"CGO_ENABLED": "1"}, ["-ldflags=-linkmode=external"], 19),
    ("pie", {}, ["-buildmode=pie"], 19),
    ("race", {"CGO_ENABLED": "1"}, ["-race"], 19),
    ("v3", {"GOAMD64": "v3"}, [], 19),
    ("cover", {}, ["-cover"], 20),
    ("unoptimised", {}, ["-gcflags=all=-N -l"], 19),
]
# In these the runtime's code is not that of the table: what is not found is no fault.
MAY_MISS = {"unoptimised"}
# One instruction refers to it; it is read only.
MAY_DOUBT = {"DISABLE_MEMORY_PROFILING"}
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, why=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}: {why}")


def skip(name, why):
    counts["skipped"] += 1
    print(f"SKIPPED {name}: {why}")


def names(file, macro):
    with open(f"{SOURCE}/src/go/{file}", encoding="ascii") as f:
        return dict(re.findall(r'^%s\((\w+), "([^"]+)"' % macro, f.read(), re.M))


def symbols(path):
    """{name: address} of .symtab."""
    with open(path, "rb") as f:
        data = f.read()
    table, = struct.unpack_from("<Q", data, 40)
    size, n = struct.unpack_from("<HH", data, 58)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + i * size) for i in range(n)]
    found = {}
    for section in sections:
        if section[1] != 2:
            continue
        strings = sections[section[6]][4]
        for at in range(section[4], section[4] + section[5], 24):
            name, _, _, _, value, _ = struct.unpack_from("<IBBHQQ", data, at)
            end = data.index(b"\0", strings + name)
            found[data[strings + name:end].decode(errors="replace")] = value
    return found


def attach(path, delete=False):
    """What attach_dump says about the program at work: (lines by kind, stderr)."""
    os.chmod(path, 0o755)
    env = {**os.environ, "GOCOVERDIR": os.path.dirname(path)}
    with subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as p:
        try:
            p.stdout.readline()
            if delete:
                os.unlink(path)
            done = subprocess.run([DUMP, str(p.pid)], capture_output=True, text=True, timeout=60,
                                  check=False)
        finally:
            p.stdin.close()
    found = {"global": {}, "field": {}, "dwarf": {}}
    for line in done.stdout.splitlines():
        kind, name, *rest = line.split()
        if kind in found:
            found[kind][name] = rest
    return found, done.stderr.strip()


def compare(name, way, path, want, delete=False):
    found, error = attach(path, delete)
    if not found["global"]:
        check(name, False, error)
        return found
    wrong, missing, doubtful = [], [], []
    for variable, symbol in names("go_globals.h", "GO_GLOBAL").items():
        address, sure = found["global"][variable]
        if int(address, 16) == 0 and symbol in want:
            missing.append(variable)
        elif int(address, 16) != want.get(symbol, 0):
            wrong.append(variable)
        elif sure != "sure" and symbol in want and variable not in MAY_DOUBT:
            doubtful.append(variable)
    if way in MAY_MISS:
        missing = doubtful = []
    check(name, not wrong + missing + doubtful,
          f"wrong {wrong}, missing {missing}, not sure {doubtful}")
    check(name + ": as DWARF has it", not found["dwarf"] or found["dwarf"] == found["field"],
          str([k for k, v in found["dwarf"].items() if found["field"][k] != v]))
    return found


def without_headers(path, to):
    """A copy whose section headers are gone, as sstrip(1) leaves it."""
    with open(path, "rb") as f:
        data = bytearray(f.read())
    struct.pack_into("<Q", data, 40, 0)
    struct.pack_into("<HHH", data, 58, 0, 0, 0)
    with open(to, "wb") as f:
        f.write(data)


def as_version(path, to, minor, other):
    """A copy that says that Go 1.`other` built it."""
    with open(path, "rb") as f:
        data = f.read()
    at = data.index(b"\xff Go buildinf:") + 33
    mark = b"go1.%d" % minor
    assert data[at:at + len(mark)] == mark
    with open(to, "wb") as f:
        f.write(data[:at] + b"go1.%d" % other + data[at + len(mark):])


def try_way(minor, root, folder, way, more, flags):
    name = f"1.{minor} {way}"
    path = f"{folder}/{way}"
    done = go_build(root, folder + "/program", path, *flags, **more)
    if done.returncode != 0:
        skip(name, "cannot be built: " + " ".join(done.stderr.split())[-200:])
        return
    want = symbols(path)
    found = compare(name, way, path, want)
    stripped = path + ".stripped"
    subprocess.run(["strip", "-s", "-o", stripped, path], check=True)
    if way == "plain":
        without_headers(stripped, path + ".bare")
        compare(name + ", no section headers", way, path + ".bare", want)
        as_version(stripped, path + ".unknown", minor, 99)
        _, error = attach(path + ".unknown")
        check(name + ", unknown, stripped", "does not know" in error, error)
        as_version(path, path + ".dwarf", minor, 99)
        by_dwarf = compare(name + ", unknown, DWARF", way, path + ".dwarf", want)
        check(name + ", unknown: the same layout", by_dwarf["field"] == found["field"])
    compare(name + ", stripped", way, stripped, want, delete=True)


def main():
    chains = sorted(go_versions().items())
    if not chains:
        print("no Go toolchain: set SONDE_GO_ROOTS or GOROOT")
        sys.exit(77)
    if not shutil.which("strip"):
        print("no strip(1)")
        sys.exit(77)
    for minor, root in chains:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(HERE + "/program", folder + "/program")
            with open(folder + "/program/go.mod", "w", encoding="ascii") as f:
                f.write("module example\n\ngo 1.19\n")
            for way, more, flags, first in WAYS:
                if minor >= first:
                    try_way(minor, root, folder, way, more, flags)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    sys.exit(counts["failed"] != 0)


main()
