#!/usr/bin/env python3
"""What other profilers record on the spot, of a program whose hot functions and leaks are
known: gperftools, tcmalloc, jemalloc, perf.  Read, symbolised, with the right numbers."""

import glob
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
LARGE, SMALL, BACK = 32 << 20, 2000 * 5000, 100 * 100000  # bytes that target.cc takes
SHARES = {"work::burn_most": 60, "work::burn_some": 30, "work::burn_least": 10}
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


def run(*args, **env):
    return subprocess.run(args, cwd=WORK, stdin=subprocess.DEVNULL, capture_output=True,
                          env={**os.environ, **env}, timeout=120)


def pprof(*args):
    done = run(SONDE, "pprof", *args, DEBUGINFOD_URLS="", HOME=WORK, TZ="UTC")
    if done.returncode:
        return f"exit {done.returncode}: {done.stderr.decode()}"
    return done.stdout.decode(errors="replace")


def rows(text):
    """Of -top: {name: (flat, flat%, cum, cum%)}."""
    found = {}
    for line in text.splitlines():
        m = re.match(r" *(\S+) +(\S+)% +\S+% +(\S+) +(\S+)%  (.+)$", line)
        if m:
            found[m[5].replace(" (inline)", "")] = (m[1], float(m[2]), m[3], float(m[4]))
    return found


def total(text):
    """The number in "of NUMBER UNIT total"."""
    m = re.search(r"of (-?[\d.]+)\w* total", text)
    return float(m[1]) if m else None


def has_library(name):
    return b"cannot be preloaded" not in run("true", LD_PRELOAD=name).stderr


def build(name, *flags):
    """The target, None where it cannot be compiled."""
    path = os.path.join(WORK, name)
    done = run(COMPILER, "-g", "-O2", "-fno-omit-frame-pointer", *flags, "-o", path,
               os.path.join(HERE, "target.cc"), *(["-ltcmalloc"] if "-DGROWTH=1" in flags else []))
    return path if done.returncode == 0 else None


def source_line(text):
    with open(os.path.join(HERE, "target.cc")) as f:
        return [i for i, line in enumerate(f, 1) if text in line][0]


def hot(name, profile, callers=("work::burn", "main")):
    """The shares, from every report that names code."""
    text = pprof("-top", "-noinlines", "-nodefraction=0", profile)
    found = rows(text)
    for function, share in SHARES.items():
        got = found.get(function, ("", 0, "", 0))
        check(f"{name}, {function}", abs(got[3] - share) < 8 and abs(got[1] - got[3]) < 5, text)
    for caller in callers:
        check(f"{name}, {caller}", found.get(caller, ("", 0, "", 0))[3] > 95, text)
    inlined = rows(pprof("-top", profile)).get("mix", ("", 0))
    check(f"{name}, the inlined function", inlined[1] > 80, inlined)
    line = source_line("// most")
    text = pprof("-list=burn_most", profile)
    m = re.search(rf"^ +\. +(\S+) +{line}: .*// most$", text, re.M)
    check(f"{name}, -list", m and m[1] != ".", text)
    text = pprof("-disasm=burn_some", "-unit=ms", profile)
    if "libLLVM" in text:
        skip(f"{name}, -disasm", text.strip())
    else:
        cum = [float(v) for v in re.findall(r"^ +\S+ +([\d.]+)ms +[0-9a-f]+: \w", text, re.M)]
        m = re.search(r"([\d.]+)ms \(flat, cum\) ([\d.]+)% of Total", text)
        check(f"{name}, -disasm", m and abs(float(m[2]) - 30) < 8 and len(cum) > 1 and
              abs(sum(cum) - float(m[1])) < 1, text)
    page = os.path.join(WORK, "page.html")
    pprof("-weblist=burn_least", "-output=" + page, profile)
    with open(page) as f:
        text = f.read()
    check(f"{name}, -weblist", "work::burn_least" in text and "// least" in text, text[-2000:])
    return text


def gperftools_cpu():
    if not has_library("libprofiler.so.0"):
        return skip("gperftools", "no libprofiler.so.0 (package libgoogle-perftools4)")
    for name, flags in (("gperftools", ["-pie", "-fPIE"]), ("gperftools, no PIE", ["-no-pie", "-fno-pie"])):
        program, profile = build("cpu_target", *flags), os.path.join(WORK, "cpu.prof")
        done = run(program, "cpu", "60", LD_PRELOAD="libprofiler.so.0", CPUPROFILE=profile, CPUPROFILE_FREQUENCY="250")
        hot(name, profile)
        m = re.search(rb"interrupts/evictions/bytes = (\d+)/", done.stderr)
        text = pprof("-top", "-unit=ms", "-nodefraction=0", profile)
        check(name + ", all samples", m and total(text) == int(m[1]) * 4, (done.stderr, text))


def known_bytes(name, profile, sizes, flag, *flags):
    """{function: bytes}, exactly, and the lines that the large blocks come from."""
    text = pprof("-top", "-unit=B", "-nodefraction=0", flag, *flags, profile)
    found = rows(text)
    for function, size in sizes.items():
        got = found.get(function, ("0B",) * 4)[2]
        check(f"{name} {flag}, {function}", got == f"{size}B", text)
    text = pprof("-list=leak_large", "-unit=B", flag, profile)
    line = source_line("take(1 << 20)")
    check(f"{name} {flag}, -list", re.search(rf"^ +\. +{sizes['leak_large']}B +{line}:", text, re.M), text)


def all_sizes(large, small, back):
    return {"leak_large": large, "leak_small": small, "give_back": back, "take": large + small + back}


def tcmalloc():
    if not has_library("libtcmalloc.so.4"):
        return skip("tcmalloc", "no libtcmalloc.so.4 (package libgoogle-perftools4)")
    program = build("heap_target")
    run(program, "heap", LD_PRELOAD="libtcmalloc.so.4", HEAPPROFILE=os.path.join(WORK, "tc"))
    dumps = sorted(glob.glob(os.path.join(WORK, "tc.*.heap")))
    if not dumps:
        check("tcmalloc", False, "no dump")
        return
    known_bytes("tcmalloc", dumps[-1], all_sizes(LARGE, SMALL, 0), "-inuse_space")
    known_bytes("tcmalloc", dumps[-1], all_sizes(LARGE, SMALL, BACK), "-alloc_space")
    known_bytes("tcmalloc", dumps[-1], all_sizes(32, 2000, 0), "-inuse_objects")
    known_bytes("tcmalloc", dumps[-1], all_sizes(32, 2000, 100), "-alloc_objects")
    name = rows(pprof("-top", dumps[-1]))
    check("tcmalloc, its own frames are left out", not any("tcmalloc" in n or n == "malloc" for n in name), name)
    return dumps[-1]


def unsampled(path):
    """The bytes of a heap_v2 file, as many as its samples stand for."""
    with open(path) as f:
        lines = f.read().splitlines()
    rate, size = int(lines[0].split("heap_v2/")[1]), 0
    for line in lines[1:]:
        m = re.match(r" *(\d+): +(\d+) \[.* @ ", line)
        if not m:
            break
        n, n_bytes = int(m[1]), int(m[2])
        size += n_bytes / (1 - math.exp(-(n_bytes / n) / rate)) if n else 0
    return size


def malloc_extension():
    program = build("growth_target", "-DGROWTH=1")
    if not program:
        return skip("GetHeapSample and GetHeapGrowthStacks", "no package libgoogle-perftools-dev")
    sample, growth = os.path.join(WORK, "sample"), os.path.join(WORK, "growth")
    run(program, "heap", sample, growth, TCMALLOC_SAMPLE_PARAMETER="16384")
    text = pprof("-top", "-unit=B", "-nodefraction=0", sample)
    want = unsampled(sample)
    check("GetHeapSample", want > 1e6 and abs(total(text) / want - 1) < 0.001, (want, text))
    check("GetHeapSample", rows(text).get("leak_large", ("", 0, "", 0))[3] > 20 and
          rows(text).get("main", ("", 0, "", 0))[3] > 90, text)
    run(program, "heap", os.path.join(WORK, "off"), os.devnull)
    done = run(SONDE, "pprof", "-top", "off")
    check("GetHeapSample without sampling", done.returncode == 0 and b"of 0 total" in done.stdout and
          b"heap sampling turned off" in done.stderr and done.stderr.count(b"\n") == 1, done)
    text = pprof("-top", "-unit=B", "-nodefraction=0", growth)
    with open(growth) as f:
        want = int(f.readline().split()[3])
    check("GetHeapGrowthStacks", total(text) == want >= LARGE + SMALL, (want, text))
    got = rows(text).get("leak_large", ("", 0, "0B", 0))[2]
    check("GetHeapGrowthStacks", int(got[:-1]) >= LARGE, text)


def jemalloc():
    if not has_library("libjemalloc.so.2"):
        return skip("jemalloc", "no libjemalloc.so.2 (package libjemalloc2)")
    program = build("heap_target")
    run(program, "heap", LD_PRELOAD="libjemalloc.so.2", MALLOC_CONF="prof:true,prof_final:true,prof_accum:true,"
        f"lg_prof_sample:0,prof_prefix:{WORK}/je")
    dumps = glob.glob(os.path.join(WORK, "je.*.heap"))
    if not dumps:
        return skip("jemalloc", "it is built without profiling")
    # Blocks of 5000 and 100000 bytes are taken from classes of 5120 and 114688.
    sizes = LARGE, 2000 * 5120, 100 * 114688
    known_bytes("jemalloc", dumps[0], all_sizes(*sizes[:2], 0), "-inuse_space")
    known_bytes("jemalloc", dumps[0], all_sizes(*sizes), "-alloc_space")
    known_bytes("jemalloc", dumps[0], all_sizes(32, 2000, 100), "-alloc_objects")
    run(program, "heap", LD_PRELOAD="libjemalloc.so.2",
        MALLOC_CONF=f"prof:true,prof_final:true,lg_prof_sample:14,prof_prefix:{WORK}/sampled")
    dumps = glob.glob(os.path.join(WORK, "sampled.*.heap"))
    got = rows(pprof("-top", "-unit=B", "-nodefraction=0", dumps[0])).get("leak_small", ("", 0, "0B", 0))[2]
    check("jemalloc, sampled", abs(float(got[:-1]) / (2000 * 5120) - 1) < 0.3, got)


def perf_says(profile):
    """What perf itself makes of it: the sum of the periods, {symbol: share}."""
    periods = run("perf", "script", "-i", profile, "-F", "period").stdout.split()
    text = run("perf", "report", "-i", profile, "--stdio", "--no-children", "-g", "none").stdout.decode()
    return sum(map(int, periods)), {m[2]: float(m[1]) for m in re.finditer(r"^ +([\d.]+)% .*\[\.\] ([\w:]+)", text, re.M)}


def perf():
    program, profile = build("perf_target"), os.path.join(WORK, "perf.data")
    if not shutil.which("perf"):
        return skip("perf", "no perf (package linux-perf)")
    record = ["perf", "record", "-e", "cpu-clock", "-F", "499"]
    done = run(*record, "-o", profile, "true")
    if done.returncode:
        return skip("perf", done.stderr.decode().strip().splitlines()[0])
    for name, flags in (("perf", ["--call-graph", "fp"]), ("perf -z", ["-g", "-z"])):
        done = run(*record, *flags, "-o", profile, program, "cpu", "60")
        if done.returncode:
            skip(name, done.stderr.decode().strip().splitlines()[0])
            continue
        hot(name, profile)
        want, shares = perf_says(profile)
        text = pprof("-top", "-noinlines", "-unit=ns", "-nodefraction=0", profile)
        check(name + ", the same sum", total(text) == want, (want, text))
        for function in SHARES:
            got = rows(text).get(function, ("", 0))[1]
            check(f"{name}, {function} as perf says", abs(got - shares.get(function, -1)) < 0.02, (got, shares))
    with open(profile, "wb") as f:
        subprocess.run([*record, "-g", "-o", "-", program, "cpu", "60"], cwd=WORK, stdout=f,
                       stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    hot("perf to a pipe", profile)
    target = subprocess.Popen([program, "cpu", "100000"])
    run(*record, "-g", "-o", profile, "-p", str(target.pid), "--", "sleep", "1")
    target.kill()
    target.wait()
    hot("perf -p", profile)
    run(*record, "-o", profile, program, "cpu", "60")
    hot("perf without call graphs", profile, callers=())
    # Copies of stacks, of code without frame pointers.
    for name, flags in (("perf --call-graph dwarf", []), ("perf --call-graph dwarf, without an index", ["-static"])):
        program = build("dwarf_target", "-fomit-frame-pointer", *flags)
        if not program:
            skip(name, "no static libraries")
            continue
        run(*record, "--call-graph", "dwarf", "-o", profile, program, "cpu", "60")
        hot(name, profile, callers=("work::burn", "main", "_start"))
    kernel(record, profile)


def kernel(record, profile):
    """Functions of the kernel, as perf names them."""
    run(*record, "-g", "-o", profile, "dd", "if=/dev/zero", "of=/dev/null", "bs=1M", "count=8000")
    text = run("perf", "report", "-i", profile, "--stdio", "--no-children", "-g", "none").stdout.decode()
    names = {m[2]: float(m[1]) for m in re.finditer(r"^ +([\d.]+)% .*\[k\] (\w+) *$", text, re.M)}
    names = {name: share for name, share in names.items() if share > 5 and not name.startswith("0x")}
    if not names:
        return skip("names of the kernel", "perf has none either (kernel.kptr_restrict)")
    text = pprof("-top", "-nodefraction=0", profile)
    for name, share in names.items():
        check(f"kernel, {name}", abs(rows(text).get(name, ("", 0))[1] - share) < 0.02, (share, text))
    raw = pprof("-raw", "-symbolize=none", profile)
    check("kernel, not symbolised", next(iter(names)) not in raw, raw)


def main():
    gperftools_cpu()
    tcmalloc()
    malloc_extension()
    jemalloc()
    perf()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


COMPILER = shutil.which("c++") or shutil.which("g++")
if not COMPILER:
    print("no C++ compiler")
    sys.exit(77)
WORK = os.path.realpath(tempfile.mkdtemp())
try:
    code = main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(code)
