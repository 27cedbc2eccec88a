#!/usr/bin/env python3
"""Heap profiles of programs whose blocks are known: at a rate of 1, where each block is a
sample, to the byte; at the usual rate, within the error of sampling.

Reads $SONDE (and $SONDE_GO_PPROF, Go's pprof, when there is one).  Ends in the counts.
"""
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
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
ALLOCATORS = {"tcmalloc": ["/usr/lib/*/libtcmalloc_minimal.so.4", "/usr/lib/*/libtcmalloc.so.4"],
              "jemalloc": ["/usr/lib/*/libjemalloc.so.2"],
              "mimalloc": ["/usr/lib/*/libmimalloc.so.2*"]}
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, got, want):
    ok = got == want
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}:\n  got  {got!r}\n  want {want!r}")


def skip(name, why):
    counts["skipped"] += 1
    print(f"SKIPPED {name}: {why}")


def run(*command, **env):
    return subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=120)


def record(*command, flags=("--heap-rate", "1"), out="out.pb.gz", **env):
    return run(SONDE, "record", "-e", "heap", *flags, "-o", out, "--", *command, **env)


def values(index, *flags, path="out.pb.gz", program=(SONDE, "pprof"), column=4):
    """By function: the cumulative (column 4) or own (1) value, in the smallest unit."""
    done = run(*program, "-top", "-cum", "-nodecount=0", "-trim=false", f"-sample_index={index}",
               "-unit=" + ("B" if index.endswith("space") else "count"), *flags, path)
    rows = {}
    for line in done.stdout.splitlines():
        m = re.match(r"\s*(-?[\d.]+)B?\s+\S+%\s+\S+%\s+(-?[\d.]+)B?\s+\S+%\s+(.+)", line)
        if m:
            rows[m[3].replace(" (inline)", "")] = float(m[2 if column == 4 else 1])
    return rows


# What blocks.c keeps and allocates: objects and bytes.
KEPT = {"keep_malloc": (1000, 100000), "free_half": (500, 32000), "keep_calloc": (1000, 200000),
        "grow": (1, 1 << 20), "keep_aligned": (3000, 416000), "keep_strings": (1000, 32000),
        "keep_array": (1000, 40000), "keep_large": (4, 64 << 20), "handed_over": (0, 0),
        "in_child": (1000, 80000)}
MADE = {**KEPT, "free_half": (1000, 64000), "grow": (11, (1 << 21) - 1024), "handed_over": (1000, 48000)}


def blocks(rows_objects, rows_space):
    return {name: (rows_objects.get(name, 0), rows_space.get(name, 0)) for name in KEPT}


def test_exact(program):
    for end, status in (("", 0), ("exit", 3), ("_exit", 4), ("abort", 134), ("kill", 137)):
        done = record(program, end)
        check(f"status of {end or 'return'}", done.returncode, status)
        check(f"in use at {end or 'return'}", blocks(values("inuse_objects"), values("inuse_space")), KEPT)
    check("allocated", blocks(values("alloc_objects"), values("alloc_space")), MADE)
    check("sizes are labels", sorted(re.findall(r"\d+B", run(
        SONDE, "pprof", "-tags", "-unit=B", "-focus=keep_aligned", "out.pb.gz").stdout)) != [], True)
    record(program, flags=("--heap-rate", "1", "--no-children"))
    check("without children", values("alloc_objects").get("in_child", 0), 0)
    if GO_PPROF:
        go = values("inuse_space", "-symbolize=none", program=(GO_PPROF,))
        check("go tool pprof reads it", go, values("inuse_space"))
    else:
        skip("go tool pprof", "none is given (SONDE_GO_PPROF)")


def test_sampled(program):
    record(program, flags=())
    space = values("inuse_space")
    check("large blocks", abs(space.get("keep_large", 0) / (64 << 20) - 1) < 0.05, True)


def test_unbiased(folder):
    """Small blocks of several sizes at the usual rate: within five standard errors."""
    record(os.path.join(folder, "many"), flags=())
    space = values("alloc_space")
    for name, size, n in (("small", 24, 4000000), ("middle", 3000, 100000), ("mixed", 0, 0)):
        if name == "mixed":
            size, n = 2048, 64000  # 512, 2048 and 8192 in turn, 10,240,000 bytes a kind and more
            want = (512 + 2048 + 8192) * n
        else:
            want = size * n
        # A sample stands for the rate's bytes or the block's: so many there are of them.
        error = math.sqrt(want * max(524288, size)) / want
        got = space.get(name, 0) / want - 1
        check(f"{name}: {got:+.1%} of an error of {error:.1%}", abs(got) < 5 * error, True)


def test_cpp(folder):
    program = os.path.join(folder, "containers")
    record(program)
    space = values("inuse_space")
    # 1000 strings of 99 + 1 bytes each, and the vector's array, which doubled.
    check("strings", space.get("Cache::fill", 0), 1000 * 101 + 1024 * 32)
    check("what ended before main did", space.get("temporary", 0), 0)
    check("what it allocated", values("alloc_space").get("temporary", 0) >= 50000, True)


def test_allocator(name, pattern, program, operators):
    found = [path for p in pattern for path in glob.glob(p)]
    if not found:
        skip(name, "not installed")
        return
    done = record(program, LD_PRELOAD=found[0])
    check(f"{name}: status", done.returncode, 0)
    check(f"{name}: in use", blocks(values("inuse_objects"), values("inuse_space")), KEPT)
    test_operators(f"{name} preloaded", operators, LD_PRELOAD=found[0])
    linked = build(os.path.dirname(operators), f"{name}.linked", "operators.cc", "c++", found[0])
    test_operators(f"{name} linked", linked)


# What operators.cc keeps and allocates.
NEW_KEPT = {"keep_new": (1000, 48000), "keep_arrays": (1000, 100000), "keep_aligned": (1000, 192000),
            "delete_all": (0, 0)}
NEW_MADE = {**NEW_KEPT, "delete_all": (3000, 440000)}


def test_operators(name, *command, **env):
    want = run(*command, **env).returncode  # 5, but for allocators that end the program
    check(f"operators, {name}: status", record(*command, **env).returncode, 128 - want if want < 0 else want)
    for word, index, want in (("in use", "inuse", NEW_KEPT), ("allocated", "alloc", NEW_MADE)):
        objects, space = values(f"{index}_objects"), values(f"{index}_space")
        check(f"operators, {name}: {word}",
              {f: (objects.get(f, 0), space.get(f, 0)) for f in NEW_KEPT}, want)


def test_all_operators(folder, program):
    test_operators("libstdc++", program)
    own = values("alloc_space", column=1)
    check("reports begin with who wanted the memory", {f: own.get(f, 0) for f in NEW_MADE},
          {f: space for f, (_, space) in NEW_MADE.items()})
    library = build(folder, "operators.so", "operators.cc", "c++", "-DPLUGIN", "-shared", "-fPIC")
    loader = build(folder, "loader", "loader.c", "cc")
    test_operators("loaded later", loader, library)
    own = build(folder, "own.so", "operators.cc", "c++", "-DPLUGIN", "-shared", "-fPIC", "-static-libstdc++",
                "-static-libgcc")
    check("operators, with a libstdc++ in the library: status", record(loader, own).returncode, 5)


def test_dlopened(folder, name, pattern):
    """An allocator that is loaded later: the program's own goes on being seen."""
    found = [path for p in pattern for path in glob.glob(p)]
    if not found:
        return  # test_allocator has said so
    program = build(folder, "dlopened", "dlopened.c", "cc", "-ldl")
    alone, done = run(program, found[0]), record(program, found[0])
    check(f"{name} loaded later", (done.returncode, done.stdout), (alone.returncode, alone.stdout))
    check(f"{name} loaded later: allocated", values("alloc_space").get("use_own", 0), 600000)
    check(f"{name} loaded later: in use", values("inuse_space").get("use_own", 0), 0)


def test_own_malloc(folder):
    program = build(folder, "own_malloc", "own_malloc.c", "cc")
    done = record(program)
    check("an allocator in the program is told of", done.stderr.count(
        f"'{program}' has an allocator of its own in it (je_malloc): what it allocates is not seen"), 1)


def test_kinds(program):
    done = run(SONDE, "record", "-e", "cpu,heap", "-o", "both", "--", program)
    check("both: files", sorted(os.listdir("both")), ["cpu.pb.gz", "heap.pb.gz"])
    check("both: a line each", done.stderr.count("(sonde pprof -top both/"), 2)
    done = run(SONDE, "record", "-e", "heap,nothing", "--", program)
    check("an unknown kind", (done.returncode, done.stderr), (2, "sonde: cannot record 'nothing'; the kinds are "
          "cpu, heap, allocs, block, mutex, goroutine, threadcreate, trace\n"))
    done = run(SONDE, "record", "-e", "heap,allocs", "--heap-rate", "1", "-o", "pair/", "--", "sh", "-c", ":")
    check("heap and allocs", (done.returncode, sorted(os.listdir("pair"))), (0, ["allocs.pb.gz", "heap.pb.gz"]))
    check("a folder with a slash at its end", "pair//" in done.stderr, False)
    raw = [run(SONDE, "pprof", "-raw", f"pair/{kind}.pb.gz").stdout for kind in ("heap", "allocs")]
    check("allocs is heap", raw[0].replace("inuse_space/bytes[dflt]", "inuse_space/bytes"),
          raw[1].replace("alloc_space/bytes[dflt]", "alloc_space/bytes"))
    check("what is shown at first", [re.search(r"^Type: (.*)", run(SONDE, "pprof", "-top", f"pair/{kind}.pb.gz").stdout,
          re.M)[1] for kind in ("heap", "allocs")], ["inuse_space", "alloc_space"])
    with open("freed.c", "w", encoding="ascii") as f:
        f.write("#include <stdlib.h>\nint main(int n, char **v) { char *volatile p = malloc(100); if (n > 1) free(p); }\n")
    freed = build(os.getcwd(), "freed", os.path.abspath("freed.c"), "cc")
    check("nothing in use is told, with what to do", [record(freed, *arg).stderr.count(
        "sonde: nothing is in use at the end; -sample_index=alloc_space") for arg in ([], ["frees"])], [0, 1])
    done = run(SONDE, "record", "--heap-rate", "1000", "--", program)
    check("a rate of a kind that is not recorded", (done.returncode, done.stderr),
          (2, "sonde: --heap-rate is for the kind heap, which is not among those of -e\n"))
    done = run(SONDE, "record", "-e", "heap", "--heap-rate", "0", "--", program)
    check("a rate of 0", (done.returncode, done.stderr.strip()),
          (2, f"sonde: --heap-rate takes a number from 1 to {1 << 40}, not '0'"))


def build(folder, name, source, compiler, *flags):
    program = os.path.join(folder, name)
    subprocess.run([compiler, "-O1", "-g", *flags, os.path.join(HERE, source), "-o", program], check=True)
    return program


def main():
    if not shutil.which("cc") or not shutil.which("c++"):
        print("SKIPPED heap: no C and C++ compiler\n0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder, "blocks", "blocks.c", "cc", "-pthread", "-Wno-alloc-size-larger-than")
        build(folder, "many", "many.c", "cc")
        build(folder, "containers", "containers.cc", "c++")
        operators = build(folder, "operators", "operators.cc", "c++")
        os.chdir(folder)
        test_exact(program)
        test_sampled(program)
        test_unbiased(folder)
        test_cpp(folder)
        test_all_operators(folder, operators)
        test_own_malloc(folder)
        test_kinds(program)
        for name, pattern in ALLOCATORS.items():
            test_allocator(name, pattern, program, operators)
            test_dlopened(folder, name, pattern)
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
