#!/usr/bin/env python3
"""The README's table of profiles and languages: each cell that it ticks is tried here, on
programs that do the same in each language (table.c says what).

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT.  Ends in the counts.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../..")))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
counts = {"passed": 0, "failed": 0, "skipped": 0}
RECORD = [SONDE, "record", "-e", "cpu,heap,block,mutex,goroutine,threadcreate", "--heap-rate", "1",
          "--block-rate", "1", "--mutex-fraction", "1"]
MIB = 1 << 20


def values(path, index, unit, *flags):
    """By function, cumulative."""
    done = subprocess.run([SONDE, "pprof", "-top", "-cum", "-nodecount=0", "-trim=false", f"-unit={unit}",
                           f"-sample_index={index}", *flags, path], capture_output=True, text=True)
    rows = {}
    for line in done.stdout.splitlines():
        m = re.match(rf"\s*\S+\s+\S+%\s+\S+%\s+(-?[\d.]+)(?:{unit})?\s+\S+%\s+(\S+)", line)
        if m:
            rows[m[2]] = float(m[1])
    return rows


def cells(folder):
    """By row of the table: whether the profile says what the program did."""
    def of(kind, index, unit, function, *flags, name=None):
        return values(f"{folder}/{kind}.pb.gz", index, unit, *flags).get(function, 0)
    allocs = "allocs" if os.path.exists(f"{folder}/allocs.pb.gz") else "heap"
    yield "cpu", 200 <= of("cpu", "cpu", "ms", "table_burn") <= 400
    yield "heap", (of("heap", "inuse_space", "B", "table_keep"), of("heap", "inuse_space", "B", "table_drop")) == (
        8 * MIB, 0)
    yield "allocs", of(allocs, "alloc_space", "B", "table_drop") == 8 * MIB
    yield "block", 80 <= of("block", "delay", "ms", "table_wait") <= 400
    yield "mutex", 80 <= of("mutex", "delay", "ms", "table_release") <= 400
    yield "goroutine", of("goroutine", "goroutine", "count", "table_park") == 1
    yield "threadcreate", of("threadcreate", "threadcreate", "count", "table_spawn") == 3
    if os.path.exists(f"{folder}/open.pb.gz"):  # what only calls of sonde.h give: not in the table
        yield "labels", 200 <= of("cpu", "cpu", "ms", "table_burn", "-tagfocus=part=burn") <= 400
        yield "the program's own", of("open", "open", "count", "table_custom") == 2


def compile_to(program, *command):
    subprocess.run([*command, "-o", program], check=True)
    return os.path.abspath(program)


def linked(program, *flags):
    return compile_to(program, "cc", "-O1", "-g", "-pthread", f"-I{ROOT}/include", *flags, f"{HERE}/table.c",
                      f"-L{BUILD}", "-lsonde", f"-Wl,-rpath,{BUILD}")


def columns():
    """Name, what it needs, and a function that makes the profiles in a folder."""
    def by_itself(program):
        return lambda folder: (os.mkdir(folder), subprocess.run([program, folder], check=True))

    def recorded(program):
        return lambda folder: subprocess.run([*RECORD, "-o", folder, "--", program], check=True, capture_output=True)
    yield "C, linked", "cc", lambda: by_itself(linked("linked", "-DLINKED"))
    yield "C, preloaded", "cc", lambda: recorded(
        compile_to("plain", "cc", "-O1", "-g", "-pthread", f"{HERE}/table.c"))
    yield "C++", "c++", lambda: recorded(compile_to("cpp", "c++", "-O1", "-g", "-pthread", f"{HERE}/table.cc"))
    yield "Rust", "rustc", lambda: recorded(compile_to("rust", "rustc", "-O", "-g", f"{HERE}/table.rs"))
    yield "fiber", "cc", lambda: by_itself(linked("fiber", "-DLINKED", "-DFIBER"))


def readme():
    """The ticks: (row, column)."""
    with open(os.path.join(ROOT, "README.md"), encoding="utf-8") as f:
        rows = [[cell.strip() for cell in line.strip().strip("|").split("|")]
                for line in re.findall(r"^\| profile \|(?:.*\n\|)*.*", f.read(), re.M)[0].splitlines()]
    return {(row[0], column) for row in rows[2:] for column, cell in zip(rows[0][1:], row[1:]) if cell == "✓"}


def main():
    ticks, tried = readme(), set()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for column, needs, make in columns():
            if not shutil.which(needs):
                counts["skipped"] += 1
                tried |= {tick for tick in ticks if tick[1] == column}
                print(f"SKIPPED {column}: no {needs}")
                continue
            run = make()
            # Times are those of a busy machine, perhaps: what is wrong is so three times.
            for attempt in range(3):
                run(f"of.{attempt}.{column}")
                results = dict(cells(f"of.{attempt}.{column}"))
                if all(results.values()):
                    break
            for row, good in results.items():
                tried |= {(row, column)} if row in {row for row, _ in ticks} else set()
                counts["passed" if good else "failed"] += 1
                if not good:
                    print(f"FAILED: {row} of {column}")
    for row, column in sorted(ticks ^ tried):
        counts["failed"] += 1
        print(f"FAILED: {row} of {column} is {'ticked' if (row, column) in ticks else 'tried'} only")
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
