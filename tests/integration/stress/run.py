#!/usr/bin/env python3
"""A program that does at once, from many threads, all that libsonde stands in for, with
signals, forks and libraries that come and go: it must end well, with what it counted right,
and leave a profile of each kind.  Ten thousand threads; no memory; programs that a profiler
could disturb; builds with sanitizers.

Reads $SONDE.  Ends in the counts.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
LIBRARY = os.path.abspath(os.path.join(os.environ.get("SONDE_BUILD_ROOT", "build"), "libsonde.so"))
HERE = os.path.dirname(os.path.abspath(__file__))
SECONDS = os.environ.get("STRESS_SECONDS", "4")
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, got, want):
    ok = got == want
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}")


def kinds():
    """Those that `sonde record` has."""
    done = subprocess.run([SONDE, "registry"], stdout=subprocess.PIPE, text=True, check=True)
    return re.findall(r"^kind\t(\w+)", done.stdout, re.M)


def stress(label, program, library, *flags):
    command = [SONDE, "record", "-e", ",".join(kinds()), *flags, "-o", label, "--", program, SECONDS, library]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired as late:
        check(f"{label}: ends", f"timeout; {late.stderr}", "")
        return
    check(f"{label}: status", (done.returncode, done.stdout.count(", 0 errors")), (0, 1))
    if done.returncode:
        print(done.stderr)
    for kind in kinds():
        command = [SONDE, "trace", "-d=footprint", f"{label}/sonde.trace"] if kind == "trace" else \
            [SONDE, "pprof", "-top", f"{label}/{kind}.pb.gz"]
        report = subprocess.run(command, capture_output=True, text=True)
        check(f"{label}: {kind} is read", report.returncode, 0)


def build(name, *flags):
    subprocess.run(["cc", "-O1", "-g", f"{HERE}/{name}.c", *flags, "-o", os.path.basename(name), "-ldl"], check=True)


def total(path):
    """Of the last sample type: a number of things."""
    done = subprocess.run([SONDE, "pprof", "-top", path], capture_output=True, text=True)
    found = re.search(r"Showing nodes accounting for .*% of (\d+) total", done.stdout)
    return int(found[1]) if found else None


def crowd():
    """Ten thousand threads at once, each seen."""
    build("crowd", "-pthread")
    done = subprocess.run([SONDE, "record", "-e", ",".join(kinds()), "--block-rate", "1", "-o", "of.crowd", "--",
                           "./crowd", "10000"], capture_output=True, text=True, timeout=120)
    check("crowd: status", (done.returncode, done.stdout.strip().isdigit()), (0, True))
    made = int(done.stdout)
    if made < 10000:
        counts["skipped"] += 1
        print(f"SKIPPED 10,000 threads: there can be {made} here")
    check("crowd: threads made", total("of.crowd/threadcreate.pb.gz"), made)


def no_memory():
    build("no_memory")
    done = subprocess.run([SONDE, "record", "-e", ",".join(kinds()), "--heap-rate", "1", "-o", "of.no_memory", "--",
                           "./no_memory"], capture_output=True, text=True, timeout=120)
    check("out of memory", (done.returncode, done.stdout), (3, "1 1\n"))


def sanitized(compiler, sanitizer):
    """The program runs as it does alone: nothing is said of what libsonde does."""
    name = f"{compiler} -fsanitize={sanitizer}"
    program = f"./{compiler}.{sanitizer}"
    built = shutil.which(compiler) and subprocess.run(
        [compiler, "-O1", "-g", "-pthread", f"-fsanitize={sanitizer}", f"{HERE}/sanitized.c", "-o", program],
        capture_output=True).returncode == 0
    alone = built and subprocess.run([program], capture_output=True, text=True)
    if not built or alone.returncode:
        counts["skipped"] += 1
        print(f"SKIPPED {name}: it does not build, or run alone, here")
        return
    done = subprocess.run([SONDE, "record", "-e", ",".join(kinds()), "--heap-rate", "1000", "-o",
                           f"of.{compiler}.{sanitizer}", "--", program], capture_output=True, text=True, timeout=60)
    said = [line for line in done.stderr.splitlines() if not line.startswith("sonde: ")]
    check(name, (done.returncode, done.stdout, said), (0, "40000\n", []))


def hostile(mode, *flags, said="done\n", program="hostile", **environment):
    """Ends and prints as it does alone."""
    name = " ".join([program, mode, *flags, *environment])
    environment = {**os.environ, **environment}
    alone = subprocess.run([f"./{program}", mode], env=environment, capture_output=True, text=True, timeout=60)
    if alone.returncode:
        counts["skipped"] += 1
        print(f"SKIPPED {name}: it does not run alone here ({alone.returncode})")
        return
    check(f"{name}: alone", alone.stdout, said)
    record = [SONDE, "record", "-e", ",".join(kinds()), *flags, "-o", f"of.{name}", "--"]
    preload = {"LD_PRELOAD": LIBRARY, "SONDE_HTTP": "unix", "SONDE_HEAP_RATE": "1", "SONDE_BLOCK_RATE": "1",
               "SONDE_MUTEX_FRACTION": "1"}
    for how, before, more in (("recorded", record, {}), ("preloaded", ["env"], preload)):
        try:
            done = subprocess.run([*before, f"./{program}", mode], env={**environment, **more},
                                  capture_output=True, text=True, timeout=60)
            check(f"{name}, {how}", (done.returncode, done.stdout), (0, said))
        except subprocess.TimeoutExpired as late:
            check(f"{name}, {how}: ends", f"timeout; {late.stderr}", "")


def main():
    if not shutil.which("cc"):
        print("SKIPPED stress: no C compiler\n0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        build("stress", "-pthread")
        build("plugin", "-shared", "-fPIC")
        library = os.path.abspath("plugin")
        stress("usual", "./stress", library)
        stress("all", "./stress", library, "-F", "250", "--heap-rate", "100", "--block-rate", "1")
        crowd()
        no_memory()
        build("hostile", "-pthread", "-lm", "-Wl,-z,now")
        hostile("strict")
        hostile("filter", said="7\n")
        hostile("filter", said="7\n", ALL_THREADS="1")
        hostile("filterclone", said="5\n6\n")
        hostile("float", said="0\n")
        hostile("float", said="0\n", TRAPS="1")
        hostile("namespace")
        hostile("mainexit")
        hostile("mainexit", "--at", "USR1")
        hostile("altstack", said="0 0 0\n")
        build("forker")
        hostile("1000", "--no-children", said="one thread\n", program="forker")
        build("../../targets/harsh", "-pthread", "-D_GNU_SOURCE")
        hostile("killfilter", said="child 4\n", program="harsh")
        hostile("strict", "--at", "USR1", said="child 4\n", program="harsh")
        hostile("jit", "--heap-rate", "1")
        hostile("world", "--heap-rate", "1")
        for compiler in ("gcc", "clang"):
            for sanitizer in ("address", "thread", "undefined", "leak"):
                sanitized(compiler, sanitizer)
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
