#!/usr/bin/env python3
"""Profiles that pprof does not read, or reads less of: known answers.  And those that
gperftools and jemalloc, where they are installed, write on the spot."""

import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
DATA = os.path.join(ROOT, "tests", "data")
HERE = os.path.dirname(os.path.abspath(__file__))
passed = failed = skipped = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {what}")


def skip(name, why):
    global skipped
    skipped += 1
    print(f"SKIPPED {name}: {why}")


def pprof(*args):
    done = subprocess.run([SONDE, "pprof", *args], cwd=DATA, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace",
                          env={**os.environ, "DEBUGINFOD_URLS": "", "TZ": "UTC"})
    return done.stdout if done.returncode == 0 else f"exit {done.returncode}: {done.stderr}"


def rows(text):
    """Of -top: {name: (flat, cum)} as texts."""
    found = {}
    for line in text.splitlines():
        m = re.match(r" *(\S+) +\S+% +\S+% +(\S+) +\S+%  (.+)$", line)
        if m:
            found[m[3].replace(" (inline)", "")] = (m[1], m[2])
    return found


def has_library(name):
    done = subprocess.run(["true"], env={**os.environ, "LD_PRELOAD": name}, capture_output=True)
    return b"cannot be preloaded" not in done.stderr


def files():
    top = rows(pprof("-top", "-unit=B", "-alloc_space", "-symbolize=none", "-addresses", "jemalloc.heap"))
    check("jemalloc", top and not any("jemalloc" in name for name in top), top)
    text = pprof("-top", "-unit=B", "-nodecount=1", "-symbolize=none", "jemalloc.heap")
    check("jemalloc totals", "of 40948715B total" in text, text)  # as jeprof has it
    folded = pprof("-folded", "folded.txt")
    check("folded", folded == "main;parse;read 40\nmain;parse;read;memcpy 13\nmain;run;loop 310\n"
                              "main;run;loop;[kernel] 25\nidle 3\n", folded)
    top = rows(pprof("-top", "-cum", "go/goroutine.txt"))
    check("goroutines", top.get("main.rec") == ("0", "4") and top.get("runtime.<hidden>") == ("6", "6"), top)
    text = pprof("-traces", "-tagfocus=k=v", "go/goroutine.txt")
    check("labels of goroutines", text.count("main.rec") == 3 and "k:  v" in text, text)
    top = rows(pprof("-top", "go/mutex.txt"))
    check("mutexes", top.get("main.hold", ("", ""))[1] == top.get("main.main.func3", ("", "x"))[1], top)
    if has_library("libzstd.so.1"):
        zstd = pprof("-raw", "odd/good.pb.zst")
        check("zstd", zstd == pprof("-raw", "odd/good.pb.gz") and "main" in zstd, zstd)
    else:
        skip("zstd", "no libzstd.so.1")


def bytes_of(text):
    m = re.fullmatch(r"([\d.]+)B", text)
    return float(m[1]) if m else 0.0


def gperftools(program, folder):
    out = os.path.join(folder, "cpu")
    if not has_library("libprofiler.so.0"):
        skip("gperftools CPU", "no libprofiler.so.0 (package libgoogle-perftools4)")
    else:
        subprocess.run([program, "1"], env={**os.environ, "LD_PRELOAD": "libprofiler.so.0", "CPUPROFILE": out},
                       stderr=subprocess.DEVNULL)
        text = pprof("-top", out)
        m = re.search(r"(\S+)% +\S+% +\S+ +(\S+)%  burn", text)
        check("gperftools CPU", m and float(m[2]) > 80, text)
    if not has_library("libtcmalloc.so.4"):
        skip("gperftools heap", "no libtcmalloc.so.4 (package libgoogle-perftools4)")
        return
    out = os.path.join(folder, "heap")
    subprocess.run([program], env={**os.environ, "LD_PRELOAD": "libtcmalloc.so.4", "HEAPPROFILE": out},
                   stderr=subprocess.DEVNULL)
    dumps = sorted(glob.glob(out + ".*.heap"))
    text = pprof("-top", "-unit=B", dumps[-1]) if dumps else "no dump"
    check("gperftools heap", rows(text).get("keep", ("", ""))[0] == "40000000B", text)


def jemalloc(program, folder):
    if not has_library("libjemalloc.so.2"):
        skip("jemalloc", "no libjemalloc.so.2 (package libjemalloc2)")
        return
    out = os.path.join(folder, "je")
    subprocess.run([program], stderr=subprocess.DEVNULL, env={
        **os.environ, "LD_PRELOAD": "libjemalloc.so.2",
        "MALLOC_CONF": f"prof:true,prof_final:true,lg_prof_sample:14,prof_prefix:{out}"})
    dumps = glob.glob(out + ".*.heap")
    if not dumps:
        skip("jemalloc", "it is built without profiling")
        return
    text = pprof("-top", "-unit=B", dumps[0])
    keeps = bytes_of(rows(text).get("keep", ("", ""))[0])
    check("jemalloc recorded", abs(keeps / 40e6 - 1) < 0.15, text)  # blocks of 20480 bytes, sampled


def main():
    files()
    compiler = shutil.which("c++") or shutil.which("g++")
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "target")
        if not compiler or subprocess.run([compiler, "-g", "-O1", "-o", program,
                                           os.path.join(HERE, "target.cc")]).returncode:
            skip("gperftools and jemalloc", "no C++ compiler")
        else:
            gperftools(program, folder)
            jemalloc(program, folder)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)


main()
