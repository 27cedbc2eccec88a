#!/usr/bin/env python3
"""Execution traces of native programs: of one with a known schedule, every wait and every waker;
turns on a processor; tasks, regions and logs; the flight recorder, also of a program that crashes; programs that must not
notice; a full disk.

What is recorded is read by `sonde trace -d=parsed`, and by Go's own parser where there is a
toolchain: SONDE_GO_TRACE (its path), or GOROOTs of 1.26 or later in SONDE_GO_ROOTS.
Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT.  Ends in the counts.
"""
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../..")))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", os.path.dirname(SONDE)))
TRIES = 4
LATE = 4  # a thread of a loaded machine begins to wait late, and waits so much less
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, why=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}: {why}")


def skip(name, why):
    counts["skipped"] += 1
    print(f"SKIPPED {name}: {why}")


def run(*command, **env):
    return subprocess.run(command, env={**os.environ, **env}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, errors="replace", timeout=180)


def find_go():
    """Go's `go tool trace`, or None."""
    tool = go_trace()
    return [tool] if tool else None


class Thread:
    def __init__(self):
        self.function = ""  # where it begins
        self.waits = []     # [reason, began, ended, waker]
        self.is_over = False


def parse(name, trace):
    """Goroutines by number, and the lines that are no transitions."""
    done = run(SONDE, "trace", "-d=parsed", trace)
    check(f"{name}: sonde reads it", done.returncode == 0, done.stderr[-300:])
    if GO:
        ours, theirs = done.stdout, run(*GO, "-d=parsed", trace)
        check(f"{name}: Go reads it", theirs.returncode == 0, theirs.stderr[-300:])
        check(f"{name}: and the same", ours == theirs.stdout, "they differ")
    threads, others = {}, []
    lines = done.stdout.splitlines()
    for i, line in enumerate(lines):
        m = re.match(r"M=\S+ P=\S+ G=(\S+) StateTransition Time=(\d+) GoID=(\d+) (\w+)->(\w+) "
                     r'Reason="(.*)"', line)
        if not m:
            if line.startswith("M=") and "StateTransition" not in line:
                others.append(line)
            continue
        by, ns, g, before, after, reason = int(m[1]), int(m[2]), int(m[3]), m[4], m[5], m[6]
        t = threads.setdefault(g, Thread())
        if before == "NotExist" and i + 2 < len(lines) and lines[i + 1] == "TransitionStack=":
            t.function = lines[i + 2].split()[0]
        if before == "Undetermined" and not t.function:
            t.function = "main"
        if after in ("Waiting", "Syscall"):
            t.waits.append([reason or "syscall", ns, None, None])
        elif before in ("Waiting", "Syscall") and t.waits:
            t.waits[-1][2:] = [ns, by]
        t.is_over |= after == "NotExist"
    return threads, others


def known(said, threads, has_wakes):
    """What of the known schedule is not there, with what is."""
    for line in said.splitlines():
        waiter, reason, waker, ms = shlex.split(line)
        if has_wakes and reason == "syscall":
            reason, waker = "IO wait", "main"
        found = [(w, threads.get(w[3])) for t in threads.values() if t.function == waiter
                 for w in t.waits if w[0] == reason and w[2] and w[2] - w[1] >= int(ms) * 1e6 / LATE]
        if not any((by.function if by else None) == waker or
                   (waker == "-" and (w[3] == -1 or by.function == waiter)) for w, by in found):
            yield line, [t.waits for t in threads.values() if t.function == waiter]
    for function in ("leaves", "is_cancelled", "short_life"):
        ends = [t.is_over for t in threads.values() if t.function == function]
        if ends != [True]:
            yield function, ends


def without_wakes(done):
    """Why the kernel's wake-ups are not in what `sonde record` has recorded; or ""."""
    m = re.search(r"(?:in the trace for locks only|is not in the trace): (.*)", done.stderr)
    return m[1] if m else ""


def check_known(name, trace, *command):
    """Of a program that sleeps to be in time: on a loaded machine it is tried again."""
    for _ in range(TRIES):
        done = run(*command)
        has_wakes = command[0] == SONDE and not without_wakes(done)
        missing = (list(known(done.stdout, parse(name, trace)[0], has_wakes))
                   if done.returncode == 0 else done)
        if not missing:
            break
    check(f"{name}: the schedule", not missing, f"{missing}")
    return done


def test_known():
    done = check_known("record", "known.trace", SONDE, "record", "-e", "trace", "-o", "known.trace",
                       "--", "./known")
    check("record tells", re.search(r"sonde: \d+ events in [\d.]+s, 0 lost: known.trace",
                                    done.stderr), done.stderr)
    if not without_wakes(done):
        check_measured("record", "known.trace", True)
    text = run(SONDE, "trace", "-d=parsed", "known.trace").stdout
    check("record: files and lines", re.search(r"wait_mutex @ 0x\w+\n\t\t\S*known.c:\d+", text))
    check_known("api", "api.trace", "./known_api", "api.trace")
    check_measured("api", "api.trace", False)


def test_exec():
    """Another image of the same process, and another process."""
    for left in range(TRIES - 1, -1, -1):
        done = run(SONDE, "record", "-e", "trace", "-o", "exec.trace", "--", "sh", "-c",
                   "./known > first; exec ./known")
        threads = parse("exec", "exec.trace")[0]
        found = [[threads.get(w[3]) for t in threads.values() if t.function == function
                  for w in t.waits if w[2] and w[2] - w[1] > 15e6 / LATE]
                 for function in ("wait_mutex", "wait_cond")]
        if all(len(wakers) == 2 and all(wakers) for wakers in found):
            break
    check("exec", done.returncode == 0, done.stderr)
    check("exec: the wakers of both", left or all(len(f) == 2 and all(f) for f in found), f"{found}")
    text = run(SONDE, "trace", "-d=parsed", "exec.trace").stdout
    check("exec: stacks of both", len(re.findall(
        r"Waiting->Runnable.*\nStack=\n\tpthread_mutex_unlock", text)) >= 2)


def test_contended():
    """Each wait for the lock has who woke it, and where: those that were in vain, too."""
    done = run(SONDE, "record", "-e", "trace", "-o", "contended.trace", "--", "./contended")
    if without_wakes(done):
        skip("contended", without_wakes(done))
        return
    parse("contended", "contended.trace")
    said = json.loads(run(SONDE, "trace", "-summary=wakers", "-top=0", "-json",
                          "contended.trace").stdout)["wakers"]["pairs"]
    locks = [(p["count"], p["ended_by"] and p["ended_by"]["function"]) for p in said
             if p["reason"] == "sync mutex lock"]
    n = sum(count for count, _ in locks)
    check("contended", n > 20 and sum(count for count, by in locks if by == "hold") >= n * 0.98,
          f"{locks}")


def test_starts():
    """Threads are called by the program's functions, not by those of libc and the C++ library."""
    for how in ("-g", "-g0"):
        subprocess.run(["c++", "-O1", how, "-pthread", os.path.join(HERE, "starts.cc"), "-o", "starts"],
                       check=True)
        run(SONDE, "record", "-e", "trace", "-o", "starts.trace", "--", "./starts")
        said = json.loads(run(SONDE, "trace", "-summary=goroutines", "-json", "starts.trace").stdout)
        found = {g["name"].split("(")[0]: g["count"] for g in said["goroutines"]["groups"]}
        check(f"starts {how}", found == {"main": 1, "plain": 3, "worker::loop": 1}, f"{found}")


def test_tasks():
    for how in ("trace", "flight"):
        done = run("./tasks", f"{how}.trace", how)
        check(how, done.returncode == 0, f"{done.returncode} {done.stderr}")
        threads, others = parse(how, f"{how}.trace")
        text = "\n".join(others)
        check(f"{how}: tasks", re.search(r'TaskBegin .*Type="request"', text) and
              re.search(r'TaskEnd .*Type="part"', text), text)
        m = re.search(r'TaskBegin Time=\d+ ID=(\d+) .*Type="request"', text)
        check(f"{how}: parent", m and re.search(rf'Parent={m[1]} Type="part"', text), text)
        order = re.findall(r'Region(Begin|End) .*Type="(\w+)"', text)
        check(f"{how}: regions", order == [("Begin", "parse"), ("Begin", "inner"),
                                           ("End", "inner"), ("End", "parse")], f"{order}")
        check(f"{how}: logs", 'Category="size" Message="42 bytes of text"' in text and
              re.search(r'Category="long" Message="x{900,1024}"', text), text[:2000])
        check(f"{how}: not what is too old", how == "trace" or "too old" not in text, text)
        waits = [w for t in threads.values() for w in t.waits if w[0] == "sync cond wait"]
        check(f"{how}: notify_one", len(waits) >= 1 and waits[-1][3] != -1, f"{waits}")


def test_survive():
    for flags in ((), ("--flight", "0.5")):
        done = run(SONDE, "record", "-e", "trace", *flags, "-o", "survive.trace", "--", "./survive")
        name = f"survive {flags}"
        check(name, (done.returncode, done.stdout) == (0, "fine\n"), f"{done}")
        threads, _ = parse(name, "survive.trace")
        if not flags:
            check(f"{name}: threads", sum(t.function == "work" for t in threads.values()) == 400)
            check(f"{name}: children are in it",
                  sum(not t.function or t.function == "main" for t in threads.values()) > 40)
    done = run(SONDE, "record", "-e", "trace", "--flight", "1", "-o", "crash.trace", "--",
               "./survive", "crash")
    check("crash", done.returncode == 139, f"{done}")
    threads, _ = parse("crash", "crash.trace")
    check("crash: its threads", sum(t.function in ("work", "") for t in threads.values()) > 50)


def spans(name, trace):
    """Of each goroutine: the function it begins with, its states as [state, since, until, the
    processor of one that runs, the function that the goroutine began with that led to it]."""
    threads, _ = parse(name, trace)
    found, of_m = {}, {}
    for line in run(SONDE, "trace", "-d=parsed", trace).stdout.splitlines():
        m = re.match(r"M=(\S+) P=\S+ G=\S+ StateTransition Time=(\d+) (Proc|Go)ID=(\d+) "
                     r"(\w+)->(\w+)", line)
        by = re.match(r"M=\S+ P=\S+ G=(\S+)", line)
        if not m:
            continue
        thread, ns, kind, number, state = m[1], int(m[2]), m[3], int(m[4]), m[6]
        if kind == "Proc":
            of_m[thread] = number if state == "Running" else None
            continue
        function, states = found.setdefault(number, (threads[number].function, []))
        if states:
            states[-1][2] = ns
        by = threads.get(int(by[1]))
        states.append([state, ns, ns, of_m.get(thread) if state == "Running" else None,
                       by.function if by else None])
    return list(found.values())


def test_turns():
    done = run(SONDE, "record", "-e", "trace", "-o", "turns.trace", "--", "./turns")
    check("turns", done.returncode == 0, done.stderr)
    why = re.search(r"is not in the trace: (.*)", done.stderr)
    if why:
        skip("turns", why[1])
        return
    said = [line.split() for line in done.stdout.splitlines()]
    cpu = int(said[0][1])
    threads = spans("turns", "turns.trace")
    total = lambda states, which: sum(until - since for state, since, until, *_ in states
                                      if state == which) / 1e3
    measured = sorted((int(s[1]), int(s[2])) for s in said if s[0] == "side_by_side")
    side = sorted((total(states, "Running"), total(states, "Runnable"),
                   sum(a[0] == "Running" and b[0] == "Runnable"
                       for a, b in zip(states, states[1:])))
                  for function, states in threads if function == "side_by_side")
    check("turns: two compute", len(side) == len(measured) == 2, f"{side}")
    check("turns: preempted", all(abs(a - b) <= 4 for a, b in zip(
        sorted(s[2] for s in side), sorted(m[1] for m in measured))), f"{side} {measured}")
    for (runs, waits, _), (cpu_us, _) in zip(side, measured):
        check("turns: CPU time", abs(runs - cpu_us) < cpu_us / 20 + 1000, f"{side} {measured}")
        check("turns: the rest is runnable", -40000 < runs + waits - 400000 < 120000, f"{side}")
    check("turns: one processor", {p for _, states in threads for state, _, _, p, _ in states
                                   if state == "Running"} == {cpu}, f"{threads}")
    at_once = sorted((since, until) for _, states in threads for state, since, until, *_ in states
                     if state == "Running")
    check("turns: one at a time",
          all(a[1] <= b[0] for a, b in zip(at_once, at_once[1:])), f"{at_once}")
    late = [int(s[1]) for s in said if s[0] == "is_woken"]
    waits = [(b[2] - b[1]) / 1e3 for function, states in threads if function == "is_woken"
             for a, b in zip(states, states[1:]) if a[0] == "Waiting" and b[0] == "Runnable"]
    check("turns: as late as it says", len(late) == 20 and len(waits) == 20 and
          sum(abs(a - b) < 300 for a, b in zip(late, waits)) >= 15 and
          all(b < a + 100 for a, b in zip(late, waits)) and max(waits) > 1000, f"{late} {waits}")
    why = without_wakes(done)
    if why:
        skip("woken", why)
    for function, reason, waker in () if why else (
            ("sleeps", "sleep", None), ("reads", "IO wait", "writes"),
            ("epolls", "network", "notifies"), ("receives", "network", "sends")):
        late = [int(s[1]) for s in said if s[0] == function]
        waits = [((b[2] - b[1]) / 1e3, b[4]) for name, states in threads if name == function
                 for a, b in zip(states, states[1:]) if a[0] == "Waiting" and b[0] == "Runnable"]
        lengths = [w[0] for w in waits]
        # One may lose the processor again before it looks at the clock; and there are further waits.
        near = [min((abs(l - w) for w in lengths), default=1e9) for l in late]
        check(f"{function}: as late as it says", len(late) == 20 and len(waits) >= 20 and
              sum(n < 300 for n in near) >= 10 and max(lengths) > 1000, f"{late} {lengths}")
        check(f"{function}: woken by {waker}", sum(w[1] == waker for w in waits) >= 19, f"{waits}")
    # Without the permission: as the threads note it, and one line.
    done = check_known("denied", "denied.trace", "env", "LD_PRELOAD=" + os.path.abspath("deny.so"),
                       SONDE, "record", "-e", "trace", "-o", "denied.trace", "--", "./known")
    lines = re.findall(r"wait for a processor is not in the trace: .*perf_event_paranoid",
                       done.stderr)
    check("denied", len(lines) == 1, f"{done}")
    check_measured("denied", "denied.trace", False)
    done = check_known("denied BPF", "denied.trace", "env", "DENY_BPF=1",
                       "LD_PRELOAD=" + os.path.abspath("deny.so"),
                       SONDE, "record", "-e", "trace", "-o", "denied.trace", "--", "./known")
    lines = re.findall(r"is in the trace for locks only: .*", done.stderr)
    check("denied BPF", len(lines) == 1 or (not lines and why), f"{done}")
    check_measured("denied BPF", "denied.trace", False)


def check_measured(name, trace, all_of_it):
    """What is not measured is told, and no number."""
    said = json.loads(run(SONDE, "trace", "-summary=overview,latency", "-json", trace).stdout)
    text = run(SONDE, "trace", "-summary=overview,latency", trace).stdout
    check(f"{name}: program", said["overview"]["program"].startswith("known") and
          text.startswith("trace of known"), text[:200])
    for summary in ("overview", "latency"):
        measured, missing = said[summary]["scheduling"], said[summary]["scheduling_not_measured"]
        check(f"{name}: measured", measured["min_ns"] > 500 and measured["count"] > 10 and
              (missing <= 3 if all_of_it else missing > 10), f"{said[summary]}"[:500])
    check(f"{name}: told", all_of_it or text.count("not measured: ") == 2, text)
    text = run(SONDE, "trace", "-summary=wakers", "-top=0", trace).stdout
    check(f"{name}: who is not known", ("the kernel" in text) == all_of_it and
          (all_of_it or "nobody known" in text), text)


def test_others():
    done = run(SONDE, "record", "-e", "trace,cpu,block", "-o", "several", "--", "./known")
    check("several kinds", done.returncode == 0 and sorted(os.listdir("several")) ==
          ["block.pb.gz", "cpu.pb.gz", "sonde.trace"], f"{done}")
    parse("several kinds", "several/sonde.trace")
    for flags, line in ((("--flight", "1"), "--flight is for the kind trace"),
                        (("-e", "trace", "--flight", "x"), "--flight takes a number of seconds"),
                        (("-e", "trace", "--at", "1"), "--at is for the kinds"),
                        (("-e", "trace", "--http"), "--http shows profiles")):
        done = run(SONDE, "record", *flags, "--", "true")
        check(f"refused: {flags}", done.returncode == 2 and line in done.stderr and
              done.stderr.count("\n") == 1, done.stderr)
    done = run("sh", "-c", f"ulimit -f 40; exec {SONDE} record -e trace -o full.trace -- ./survive")
    check("a full disk", done.stdout == "fine\n", f"{done}")
    os.mkdir("elsewhere")
    done = run(SONDE, "record", "-e", "trace", "-o", "/dev/full", "--", "sleep", "0.05", TMPDIR=os.path.abspath("elsewhere"))
    found = re.search(r"No space left on device; the trace is in '(\S+)' instead", done.stderr)
    check("a full disk: written elsewhere", done.returncode == 1 and found and
          os.path.dirname(found[1]) == os.path.abspath("elsewhere") and os.listdir("elsewhere") ==
          [os.path.basename(found[1])], f"{done}")
    done = run(SONDE, "trace", "-summary=overview", found[1] if found else "none")
    check("a full disk: and readable", done.returncode == 0 and "trace of sleep" in done.stdout, f"{done}")
    done = run("./known_api", "/dev/full")
    check("a full disk, api", done.returncode == 3, f"{done}")


def test_example():
    """What the README tells of examples/requests.cc: by sonde record, and by itself."""
    for how, command in (("recorded", (SONDE, "record", "-e", "trace", "-o", "example.trace", "--", "./requests")),
                         ("by itself", ("./requests", "example.trace"))):
        done = run(*command)
        check(f"example, {how}", done.returncode == 0, f"{done.returncode} {done.stderr}")
        done = run(SONDE, "trace", "-summary=wakers,tasks,regions", "-top=0", "-json", "example.trace")
        said = json.loads(done.stdout)
        name = lambda frame: frame["function"] if frame else ""
        locks = [w for w in said["wakers"]["pairs"] if w["reason"] == "sync mutex lock"]
        check(f"example, {how}: who waits for the lock",
              locks and all("Catalogue::price" in name(w["where"]) or "Catalogue::save" in name(w["where"])
                            for w in locks), f"{locks}")
        check(f"example, {how}: who holds it",
              all("Catalogue::save" in name(w["held_by"]) for w in locks if w["max_ns"] > 30e6) and
              any(w["max_ns"] > 30e6 for w in locks), f"{locks}")
        check(f"example, {how}: tasks", [(t["name"], t["count"]) for t in said["tasks"]["kinds"]] ==
              [("request", 1200)], f"{said['tasks']}"[:2000])
        check(f"example, {how}: regions", {r["name"]: r["count"] for r in said["regions"]["kinds"]} ==
              {"look up": 1200, "render": 1200, "save": 3}, f"{said['regions']}"[:2000])


def build():
    flags = ["-O1", "-g", "-pthread", "-Wno-unused-result"]
    api = ["-I" + os.path.join(ROOT, "include"), "-L" + BUILD, "-lsonde", "-Wl,-rpath," + BUILD]
    here = lambda name: os.path.join(HERE, name)
    for command in (["cc", *flags, here("known.c"), "-o", "known"],
                    ["cc", *flags, "-DAPI", here("known.c"), *api, "-o", "known_api"],
                    ["cc", *flags, here("survive.c"), "-o", "survive"],
                    ["cc", *flags, here("turns.c"), "-o", "turns"],
                    ["cc", *flags, here("contended.c"), "-o", "contended"],
                    ["cc", *flags, "-shared", "-fPIC", "-D_GNU_SOURCE", here("deny.c"),
                     "-o", "deny.so", "-ldl"],
                    ["c++", *flags, "-std=c++17", here("tasks.cc"), *api, "-o", "tasks"],
                    ["c++", "-O2", "-Wall", "-Wextra", "-Werror", *flags[1:],
                     os.path.join(ROOT, "examples/requests.cc"), *api, "-o", "requests"]):
        subprocess.run(command, check=True)


def main():
    global GO
    work = tempfile.mkdtemp(prefix="sonde-trace-")
    os.chdir(work)
    try:
        build()
        GO = find_go()
        if not GO:
            skip("Go's parser", "no go tool trace: set SONDE_GO_TRACE or SONDE_GO_ROOTS")
        for test in (test_known, test_exec, test_contended, test_starts, test_tasks, test_example, test_survive, test_turns,
                     test_others):
            test()
    finally:
        os.chdir("/")
        if not counts["failed"]:
            shutil.rmtree(work, ignore_errors=True)
        else:
            print(f"kept: {work}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


GO = None
sys.exit(main())
