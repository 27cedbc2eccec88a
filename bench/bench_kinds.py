#!/usr/bin/env python3
"""bench_kinds: what all kinds of profiles together cost real programs, at their usual rates:
SQLite at work, a C++ compilation with its children (CPU time of the program), and Redis
under redis-benchmark (requests a second); bare, recorded, and with heaptrack where it is
installed, one after the other, ROUNDS (9) times.  Ratios to the bare run beside it: median
and quartiles; beside them those of one bare run to another, the noise.

    bench_kinds.py PEER SONDE
"""
import glob
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

KINDS = "cpu,heap,block,mutex,goroutine,threadcreate"
SQL = """CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT, c REAL);
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
INSERT INTO t SELECT i, 'text ' || (i * 7919 % 100003), i * 1.5 FROM n;
CREATE INDEX x ON t(b);
UPDATE t SET c = c + 1 WHERE b LIKE 'text 7%';
SELECT count(*), sum(c) FROM t WHERE b LIKE 'text 5%';
SELECT b, count(*) FROM t GROUP BY b ORDER BY 2 DESC, 1 LIMIT 5;
"""
CXX = """#include <algorithm>
#include <iostream>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
int main() { std::map<std::string, std::vector<int>> m; std::unordered_map<int, std::string> u;
std::regex r("(a|b)*c"); m["x"].push_back(1); u[1] = "y"; std::string s = "abc";
std::vector<std::string> v = {"b", "a"}; std::sort(v.begin(), v.end());
std::cout << std::regex_match(s, r) << m.size() << u.size() << v[0]; }
"""
# Runs what its arguments say, and tells its CPU seconds: to the us, which sh's `times` does not.
TIMED = """import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_utime + used.ru_stime)
os._exit(status != 0)
"""


def cpu_of(before, command, env, stdin):
    """CPU seconds of the command and its children, without what profiles it."""
    with open(stdin or os.devnull, encoding="utf-8") as f:
        done = subprocess.run([*before, sys.executable, "-c", TIMED, "env", *map("=".join, env.items()), *command],
                              stdin=f, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
    return float(done.stdout.splitlines()[-1])


def requests_of(before, env, port):
    """1 / requests a second: more is slower, as of a time."""
    server = subprocess.Popen([*before, "redis-server", "--port", str(port), "--save", "", "--appendonly", "no"],
                              env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            if subprocess.run(["redis-cli", "-p", str(port), "ping"], capture_output=True).returncode == 0:
                break
            time.sleep(0.05)
        done = subprocess.run(["redis-benchmark", "-p", str(port), "-n", "200000", "-c", "20", "-P", "8", "-t",
                               "set,get,lpush", "--csv"], capture_output=True, text=True, check=True)
        rates = [float(rate) for rate in re.findall(r'^"[A-Z]+[^"]*","([\d.]+)"', done.stdout, re.M)]
        return statistics.mean(1 / rate for rate in rates)
    finally:
        subprocess.run(["redis-cli", "-p", str(port), "shutdown", "nosave"], capture_output=True)
        server.wait()


def quartiles(values):
    values = sorted(values)
    return values[len(values) // 4], statistics.median(values), values[-1 - len(values) // 4]


def main():
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} PEER SONDE")
    rounds, sonde = int(os.environ.get("ROUNDS", "9")), os.path.abspath(sys.argv[2])
    preload = [*glob.glob("/usr/lib/*/heaptrack/libheaptrack_preload.so"),
               *glob.glob("/usr/lib/heaptrack/libheaptrack_preload.so")]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name, text in (("work.sql", SQL), ("work.cc", CXX)):
            with open(name, "w", encoding="utf-8") as f:
                f.write(text)
        programs = []
        if shutil.which("sqlite3"):
            programs.append(("SQLite", lambda b, e: cpu_of(b, ["sqlite3", ":memory:"], e, "work.sql")))
        if shutil.which("c++"):
            programs.append(("c++ -O2", lambda b, e: cpu_of(b, ["c++", "-O2", "-c", "work.cc", "-o", "work.o"], e, None)))
        if shutil.which("redis-server") and shutil.which("redis-benchmark"):
            programs.append(("Redis", lambda b, e: requests_of(b, e, 16399)))
        ways = [("bare", [], {}), ("bare once more", [], {}),
                ("sonde, all kinds", [sonde, "record", "-e", KINDS, "-o", "out", "--"], {})]
        if preload:
            ways.append(("heaptrack", [], {"LD_PRELOAD": preload[0], "DUMP_HEAPTRACK_OUTPUT": "out.heaptrack"}))
        print(f"per cent more than bare; {rounds} rounds: median [quartiles]")
        for label, run in programs:
            ratios = {name: [] for name, *_ in ways}
            for n in range(rounds):
                # heaptrack follows no children
                usable = [way for way in ways if (label, way[0]) != ("c++ -O2", "heaptrack")]
                spent = {name: run(before, env) for name, before, env in (usable if n % 2 else usable[::-1])}
                for name, value in spent.items():
                    ratios[name].append(100 * (value / spent["bare"] - 1))
            for name, *_ in ways[1:]:
                if not ratios[name]:
                    continue
                low, middle, high = quartiles(ratios[name])
                print(f"  {label:10s} {name:18s} {middle:+8.1f} % [{low:+.1f}, {high:+.1f}]", flush=True)


main()
