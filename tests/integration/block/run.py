#!/usr/bin/env python3
"""Block and mutex profiles of programs that know how long they waited, where, and for whose
unlock; and programs that must not notice.

Reads $SONDE (and $SONDE_GO_PPROF, Go's pprof, when there is one).  Ends in the counts.
"""
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../..")))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
counts = {"passed": 0, "failed": 0, "skipped": 0}
PROFILES = ("block", "mutex")


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


def record(*command, flags=("--block-rate=1",), kinds="block,mutex", **env):
    return run(SONDE, "record", "-e", kinds, *flags, "-o", "out", "--", *command, **env)


def values(profile, index, program=(SONDE, "pprof")):
    """By function, without what it is in: its cumulative value."""
    unit = "ns" if index == "delay" else "count"
    done = run(*program, "-top", "-cum", "-nodecount=0", "-trim=false", f"-sample_index={index}",
               f"-unit={unit}", f"out/{profile}.pb.gz")
    rows = {}
    for line in done.stdout.splitlines():
        m = re.match(r"\s*-?[\d.]+\w*\s+\S+%\s+\S+%\s+(-?[\d.]+)\w*\s+\S+%\s+(.+)", line)
        if m:
            rows[m[2].replace(" (inline)", "").split("::")[-1]] = float(m[1])
    return rows


def known(text):
    """What a program says: (profile, function) -> [contentions (None: any), nanoseconds]."""
    rows = {}
    for line in text.splitlines():
        profile, function, n, ns = line.split()
        row = rows.setdefault((profile, function), [0, 0])
        row[0] = None if n == "any" else row[0] + int(n)
        row[1] += int(ns)
    return rows


def test_tsan(folder):
    """ThreadSanitizer says of a program what it says without us."""
    program = build(folder, "waits-tsan", "waits.c", "cc", "-O1", "-g", "-pthread", "-fsanitize=thread")
    if not program:
        skip("ThreadSanitizer", "cannot be built with it")
        return
    told = [sorted(set(re.findall(r"^SUMMARY: .*", done.stderr, re.M))) for done in (run(program), record(program))]
    check("ThreadSanitizer", told[1], told[0])


def test_known(name, *command):
    """A busy machine can come between a program's look at the clock and what it looks at: wrong
    is what is so each time."""
    wrong = None
    for left in (2, 1, 0):
        done = record(*command)
        got = {(p, i): values(p, i) for p in PROFILES for i in ("contentions", "delay")}
        bad = {}
        rows = known(done.stdout)
        for (profile, function), (n, ns) in rows.items():
            n_got = got[profile, "contentions"].get(function, 0)
            ns_got = got[profile, "delay"].get(function, 0)
            if n not in (n_got, None) or abs(ns_got - ns) > 0.05 * ns:
                bad[profile, function] = (f"{profile} {function}: {n_got} in {ns_got / 1e6} ms, not {n} in {ns / 1e6} ms")
        wrong = bad if wrong is None else {key: text for key, text in bad.items() if key in wrong}
        if not wrong and done.returncode == 0:
            break
        if left:
            print(f"again {name}: {list(bad.values())}")
    check(f"{name}: status", done.returncode, 0)
    check(f"{name}: lines", len(rows) > 3, True)
    check(f"{name}: as it knows", list(wrong.values()), [])
    check(f"{name}: nothing dropped", re.findall(r"[1-9]\d* dropped", done.stderr), [])


def test_frames():
    """The function that waits is the leaf, as sync.(*Mutex).Lock is in Go's."""
    leaves = run(SONDE, "pprof", "-traces", "out/block.pb.gz").stdout
    for function in ("pthread_mutex_lock", "pthread_cond_wait", "sem_timedwait", "cnd_wait", "syscall"):
        check(f"leaf {function}", re.search(rf"ms\s+_*{function}\n", leaves) is not None, True)
    check("nothing of ours", "libsonde" in run(SONDE, "pprof", "-raw", "out/block.pb.gz").stdout, False)
    raw = run(SONDE, "pprof", "-raw", "out/mutex.pb.gz").stdout
    check("types", re.search(r"PeriodType: contentions count\nPeriod: 1\n(?:.*\n)*?Samples:\ncontentions/count delay/nanoseconds\n", raw) is not None, True)
    if GO_PPROF:
        go = values("block", "delay", (GO_PPROF, "-symbolize=none"))
        check("go tool pprof reads it", go, values("block", "delay"))
    else:
        skip("go tool pprof", "none is given (SONDE_GO_PPROF)")


def check_sampled(name, got, values, shares):
    """Values of which these shares are sampled and scaled up, within five standard errors."""
    want = sum(values)
    error = math.sqrt(sum(v * v * (1 / share - 1) for v, share in zip(values, shares)))
    check(f"{name}: {got} for {want}, give or take {error:.0f}", abs(got - want) < 5 * error + 0.02 * want, True)


def test_sampled(program):
    """400 waits of about half a millisecond: one of some eight, and one contention in five."""
    rate = 4000000
    done = record(program, "many", "400", flags=(f"--block-rate={rate}", "--mutex-fraction=5"))
    for profile, function in (("block", "wait_mutex"), ("mutex", "give_mutex")):
        ns = [int(n) for n in re.findall(rf"{profile} {function} 1 (\d+)", done.stdout)]
        shares = [min(1, n / rate) if profile == "block" else 1 / 5 for n in ns]
        n_got, ns_got = (values(profile, i).get(function, 0) for i in ("contentions", "delay"))
        check(f"{profile}: waits", len(ns) > 100, True)
        check_sampled(f"{profile} contentions", n_got, [1] * len(ns), shares)
        check_sampled(f"{profile} delay", ns_got, ns, shares)
    check("one in five", values("mutex", "contentions").get("give_mutex", 0) % 5, 0)


def test_same(program):
    bare = run(program)
    for kinds in ("block,mutex", "block,threadcreate", "cpu,heap,block,mutex"):
        done = record(program, kinds=kinds)
        check(f"status with {kinds}", done.returncode, bare.returncode)
        differ = [pair for pair in zip(bare.stdout.splitlines(), done.stdout.splitlines()) if pair[0] != pair[1]]
        check(f"answers with {kinds}", (differ[:5], len(done.stdout) > 1000), ([], True))


def test_survives(program):
    done = record(program, "stress", "2", kinds="cpu,heap,block,mutex,threadcreate",
                  flags=("--block-rate=1", "--heap-rate=1000"))
    check("stress", (done.returncode, done.stdout), (0, "children, 0 bad\n"))
    check("stress: children's waits", values("mutex", "contentions").get("child", 0) > 0, True)


def test_what_is_told(program):
    done = record("true")
    check("none", re.findall(r"no samples: no thread waited for", done.stderr), ["no samples: no thread waited for"] * 2)
    for flag, most in (("--block-rate", 1 << 40), ("--mutex-fraction", 1 << 31)):
        done = record(program, flags=(flag, "0"))
        check(f"{flag} 0", (done.returncode, done.stderr.strip()),
              (2, f"sonde: {flag} takes a number from 1 to {most}, not '0'"))
    check("no locks of its own", "locks that make" in run(SONDE, "record", "-e", "block", "-o", "x.pb.gz", "--", program, "many", "1").stderr, False)
    own = build(".", "own", "own.c", "cc", "-O1")
    done = run(SONDE, "record", "-e", "block", "-o", "x.pb.gz", "--", own)
    check("locks of its own", re.findall(r"'(\S+)' has locks that make their own system calls", done.stderr), [own])
    static = build(".", "static", "own.c", "cc", "-O1", "-static")
    done = record(static)
    check("static", (done.returncode, "is statically linked: only its CPU profile can be recorded" in done.stderr), (2, True))
    library = "sh -c 'echo $LD_PRELOAD'"
    for kinds, want in (("block", "libsonde-block.so"), ("mutex", "libsonde-lock.so"), ("heap", "libsonde-heap.so"),
                        ("cpu,threadcreate", "libsonde-cpu.so"), ("cpu,block,mutex", "libsonde-lock.so"),
                        ("heap,block", "libsonde.so")):
        out = run("sh", "-c", f"'{SONDE}' record -e {kinds} -o out1 -- {library}").stdout
        shutil.rmtree("out1", ignore_errors=True)
        if os.path.exists("out1"):
            os.unlink("out1")
        check(f"library for {kinds}", os.path.basename(out.strip().split(":")[0]), want)


def build(folder, name, source, *command):
    program = os.path.join(folder, name)
    done = run(*command, os.path.join(HERE, source), "-o", program)
    if done.returncode:
        print(done.stderr)
    return program if done.returncode == 0 else None


def threads_under(pid):
    """The names of the threads of a command's child, but libsonde's."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as f:
            child = f.read().split()[0]
        names = [open(f"/proc/{child}/task/{tid}/comm").read().strip() for tid in os.listdir(f"/proc/{child}/task")]
    except (OSError, IndexError):
        return []
    return [name for name in names if name != "sonde"]


def test_example(folder):
    """What the README tells of examples/cache.c."""
    cache = build(folder, "cache", os.path.join(ROOT, "examples/cache.c"), "cc", "-O2", "-g", "-Wall", "-Wextra",
                  "-Werror", "-pthread")
    command = subprocess.Popen([SONDE, "record", "-e", "heap,block,mutex,goroutine", "--heap-rate=1", "--at", "SIGUSR1",
                                "-o", "out", "--", cache, "2"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.DEVNULL)
    while command.poll() is None and sorted(threads_under(command.pid)) != ["cache", "reader", "reader", "reader", "refresher"]:
        time.sleep(0.01)
    time.sleep(0.1)  # the last of them has to come to its wait
    command.send_signal(signal.SIGUSR1)
    check("example", command.wait(timeout=60), 0)
    block, mutex = values("block", "delay"), values("mutex", "delay")
    check("example, who waits", 2e9 < block["find_page"] < 7e9, True)
    check("example, for whose unlock", mutex["refresh"] > 0.9 * mutex["pthread_mutex_unlock"], True)
    kept, made = (values("heap", f"{what}_objects") for what in ("inuse", "alloc"))
    check("example, what is kept", (kept["load_page"], kept.get("answer_requests")), (made["load_page"],) * 2)
    check("example, what is not", made["answer_requests"] > kept["answer_requests"], True)
    tags = run(SONDE, "pprof", "-tags", "-tagshow=thread", "out/goroutine.1.pb.gz").stdout
    check("example, threads", re.findall(r"(\d+) \(.*\): (\w+)$", tags, re.M), [("3", "reader"), ("1", "cache"), ("1", "refresher")])


def main():
    if not shutil.which("cc"):
        print("SKIPPED block: no C compiler\n0 passed, 0 failed, 1 skipped")
        sys.exit(77)
    with tempfile.TemporaryDirectory() as folder:
        waits = build(folder, "waits", "waits.c", "cc", "-O1", "-g", "-pthread")
        survive = build(folder, "survive", "survive.c", "cc", "-O1", "-g", "-pthread")
        same = build(folder, "same", "same.c", "cc", "-O1", "-g", "-pthread", "-Wno-nonnull")
        os.chdir(folder)
        test_known("C", waits)
        test_frames()
        test_known("longjmp", survive, "jump")
        test_sampled(waits)
        test_same(same)
        test_survives(survive)
        test_what_is_told(waits)
        test_tsan(folder)
        test_example(folder)
        cc = shutil.which("c++") and build(folder, "waits-cc", "waits.cc", "c++", "-std=c++20", "-O1", "-g", "-pthread")
        if cc:
            test_known("C++", cc)
        else:
            skip("C++", "no C++20 compiler")
        if shutil.which("rustc"):
            test_known("Rust", build(folder, "waits-rs", "waits.rs", "rustc", "-O", "-g"))
        else:
            skip("Rust", "no rustc")
    print(", ".join(f"{n} {verdict}" for verdict, n in counts.items()))
    sys.exit(1 if counts["failed"] else 0)


main()
