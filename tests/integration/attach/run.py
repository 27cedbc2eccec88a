#!/usr/bin/env python3
"""Native processes that run, and core files, looked at from outside.

Reads $SONDE (and $GO, a Go toolchain, when there is one).  Ends in the counts.
"""
import math
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT = 120  # seconds; a case that hangs is killed
CASES = []
RATE = ("-F", "997")  # on a busy machine 100 a second are too few to tell shares by
CPUS = os.cpu_count()


class Skip(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def run(*command, status=0, **options):
    p = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                       errors="replace", timeout=LIMIT, **options)
    if status is not None:
        check(p.returncode == status, f"{command}: status {p.returncode}; stderr: {p.stderr}")
    return p


def sonde(*args, **options):
    return run(SONDE, *args, **options)


class Target:
    """A program that runs until the end of the with."""

    def __init__(self, *command, prefix=(), cwd=None, env=None):
        self.p = subprocess.Popen([*prefix, *command], stdin=subprocess.PIPE, cwd=cwd, env=env,
                                  stdout=subprocess.PIPE, text=True)
        self.pid = self.p.pid

    def __enter__(self):
        check(self.p.stdout.readline() == "ready\n", "the target does not begin")
        return self

    def __exit__(self, *_):
        self.p.kill()
        self.p.wait()
        self.p.stdin.close()
        self.p.stdout.close()

    def tell(self):
        self.p.stdin.write("\n")
        self.p.stdin.flush()

    def runs(self):
        return self.p.poll() is None

    def settle(self, *running):
        """Until each thread but those named waits: on a busy machine they come to it late."""
        for _ in range(10 * LIMIT):
            states = {}
            for tid in os.listdir(f"/proc/{self.pid}/task"):
                with open(f"/proc/{self.pid}/task/{tid}/stat") as f:
                    name, rest = f.read().split("(", 1)[1].rsplit(") ", 1)
                states[name] = rest[0]
            if all(state == "S" or name in running for name, state in states.items()):
                return
            time.sleep(0.1)
        check(False, f"its threads do not come to wait: {states}")

    def used(self):
        """Seconds of CPU time, of threads that have ended too."""
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def shares(path, *flags):
    """Flat share of each function, in percent."""
    rows = {}
    text = sonde("pprof", "-top", "-nodecount=0", "-nodefraction=0", *flags, path).stdout
    for line in text.splitlines():
        m = re.match(r"\s*\S+\s+(\S+)%\s+\S+%\s+\S+\s+\S+%\s+(.+)", line)
        if m:
            rows[m[2]] = float(m[1])
    return rows


def total_seconds(path):
    text = sonde("pprof", "-top", "-unit=ms", path).stdout
    return float(re.search(r"Total samples = ([0-9.]+)ms", text)[1]) / 1e3


def duration_seconds(path):
    text = sonde("pprof", "-top", "-unit=ms", path).stdout
    minutes, seconds, ms = re.search(r"Duration: (?:(\d+)mins)?(?:([0-9.]+)s)?(?:([0-9.]+)ms)?,",
                                     text).groups()
    return 60 * float(minutes or 0) + float(seconds or 0) + float(ms or 0) / 1e3


def count(path, *flags, index="samples"):
    text = sonde("pprof", "-top", f"-sample_index={index}", *flags, path).stdout
    m = re.search(r"accounting for (\d+)", text)
    return int(m[1]) if m else 0


def expect_shares(path, *flags, all_hot=True):
    rows = shares(path, *flags)
    hot = {name: rows.get(name, 0) for name in ("hot_70", "hot_20", "hot_10")}
    whole = sum(hot.values())
    check(whole and (whole > 80 or not all_hot), f"only {whole} % is hot: {rows}")
    # What chance does is the more, the fewer samples a busy machine leaves.
    n = count(path, "-focus=^hot_", *flags)
    check(n >= 50, f"{n} samples: {rows}")
    for name, share in hot.items():
        got, want = 100 * share / whole, int(name[4:])
        slack = 1.5 + 5 * math.sqrt(want * (100 - want) / n)
        check(abs(got - want) < slack, f"{name} has {got:.1f} %, of {n} samples: {rows}")


def stacks(source, *flags):
    """(labels, functions leaf first) of each."""
    text = sonde("pprof", "-traces", *flags, source).stdout
    found = []
    for part in re.split(r"^-+\+-+\n", text, flags=re.M)[1:]:
        labels = dict(re.findall(r"^ *(\w+):  (.*)$", part, re.M))
        stack = re.search(r"^ +(\S+)   (.*(?:\n             .*)*)", part, re.M)
        if stack:
            found.append((labels, [f.strip() for f in stack[2].split("\n")]))
    return found


def record_cpu(pid, *flags, seconds=3, **options):
    return sonde("record", "-e", "cpu", "-p", str(pid), "--seconds", str(seconds), "-o",
                 "cpu.pb.gz", *(flags or RATE), **options)


def need_perf():
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        level = int(f.read())
    if os.geteuid() != 0 and level > 2:
        raise Skip(f"kernel.perf_event_paranoid is {level}")


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


# CPU time.


@case
def shares_of_a_process():
    need_perf()
    with Target("./target", "burn") as t:
        record_cpu(t.pid, seconds=4)
        check(t.runs(), "it has ended")
    expect_shares("cpu.pb.gz")
    # Whole stacks, without frame pointers.
    for labels, functions in stacks("cpu.pb.gz"):
        if functions[0].startswith("hot_"):
            check(functions[1:3] == ["burns", "burn"], f"{functions}")
            check(functions[-1] in ("__GI___clone3", "clone3", "__clone3", "clone"),
                  f"{functions}")
        check(labels.get("process") == "target" and labels.get("pid") == str(t.pid), f"{labels}")


@case
def shares_of_many_threads():
    need_perf()
    with Target("./target", "many", "60") as t:
        record_cpu(t.pid, seconds=4)
    expect_shares("cpu.pb.gz")


@case
def threads_that_live_for_less_than_a_period():
    need_root()
    with Target("./target", "short") as t:
        before = t.used()
        record_cpu(t.pid, "-F", "100", seconds=3)
        used = t.used() - before
    rows = shares("cpu.pb.gz")
    seen = total_seconds("cpu.pb.gz")
    check(rows.get("hot_70", 0) > 60 and seen > 0.3 * used, f"{seen} s of {used} s: {rows}")


@case
def unseen_threads_are_told():
    need_root()
    if run("setpriv", "--version", status=None).returncode:
        raise Skip("there is no setpriv")
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        if not 0 < int(f.read()) <= 2:
            raise Skip("kernel.perf_event_paranoid is not 1 or 2")
    os.chmod(".", 0o777)
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
    with Target("./target", "short", prefix=user) as t:
        before = t.used()
        r = run(*user, SONDE, "record", "-e", "cpu", "-p", str(t.pid), "--seconds", "4", "-o",
                "user.pb.gz")
        used = t.used() - before
    if used < 1.5:
        raise Skip(f"it came to {used} s of a processor only")
    check("CPU time were not seen" in r.stderr, f"of {used} s: {r.stderr}")


@case
def sonde_sleeps_while_it_records():
    """Its wake-ups are counted, not its time: what they take is the machine's."""
    need_perf()
    with Target("./target", "burn") as t:
        counts = [resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw]
        for seconds in 1, 7:
            record_cpu(t.pid, "-F", "100", seconds=seconds)
            counts.append(resource.getrusage(resource.RUSAGE_CHILDREN).ru_nvcsw)
    n = (counts[2] - counts[1]) - (counts[1] - counts[0])  # what comes once is left out
    check(n < 30 * 6, f"{n} wake-ups in 6 s")


@case
def a_process_that_ends():
    need_perf()
    with Target("./target", "burn") as t:
        p = subprocess.Popen([SONDE, "record", "-e", "cpu", *RATE, "-p", str(t.pid), "--seconds",
                              "30", "-o", "cpu.pb.gz"], stderr=subprocess.PIPE, text=True)
        time.sleep(2)
        t.p.kill()
        t.p.wait()
        start = time.monotonic()
        _, err = p.communicate(timeout=LIMIT)
        check(time.monotonic() - start < 10, "it is not noticed")
    check(p.returncode == 0, f"status {p.returncode}: {err}")
    check(re.search(r"process \d+ \(target\) has ended after [0-9.]+s: recorded up to then", err),
          f"stderr: {err}")
    expect_shares("cpu.pb.gz")


@case
def a_process_that_execs():
    need_perf()
    shutil.copy("target", "other")
    with Target("./target", "exec", "./other", "burn") as t:
        p = subprocess.Popen([SONDE, "record", "-e", "cpu", *RATE, "-p", str(t.pid), "--seconds",
                              "4", "-o", "cpu.pb.gz"], stderr=subprocess.PIPE, text=True)
        time.sleep(2)
        t.tell()
        _, err = p.communicate(timeout=LIMIT)
        check(p.returncode == 0, f"status {p.returncode}: {err}")
    names = {labels.get("process") for labels, _ in stacks("cpu.pb.gz")}
    check({"target", "other"} <= names, f"{names}")
    expect_shares("cpu.pb.gz")


@case
def a_process_that_is_stopped():
    need_perf()
    with Target("./target", "burn") as t:
        time.sleep(1)
        os.kill(t.pid, signal.SIGSTOP)
        time.sleep(0.2)
        r = record_cpu(t.pid, seconds=1, status=None)
        check(r.returncode in (0, 1), f"status {r.returncode}: {r.stderr}")
        check("is stopped" in r.stderr, r.stderr)
        functions = [f for labels, f in stacks(f"pid:{t.pid}/goroutine")]
        check(any("burns" in f for f in functions), f"{functions}")
        states = {labels["state"] for labels, f in stacks(f"pid:{t.pid}/goroutine")}
        check(states == {"stopped"}, f"{states}")
        os.kill(t.pid, signal.SIGCONT)
        time.sleep(0.2)
        check(t.runs(), "it has ended")
        record_cpu(t.pid, seconds=2)
    expect_shares("cpu.pb.gz")


@case
def children_are_followed():
    need_perf()
    with Target("./target", "children") as t:
        p = subprocess.Popen([SONDE, "record", "-e", "cpu", *RATE, "-p", str(t.pid), "--seconds",
                              "3", "-o", "cpu.pb.gz"], stderr=subprocess.PIPE, text=True)
        time.sleep(1)
        t.tell()
        _, err = p.communicate(timeout=LIMIT)
        check(p.returncode == 0, f"status {p.returncode}: {err}")
        expect_shares("cpu.pb.gz")
        pids = {int(labels["pid"]) for labels, f in stacks("cpu.pb.gz") if "burns" in f}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
    check(pids and t.pid not in pids, f"{pids}")


@case
def other_namespaces():
    need_perf()
    need_root()
    folder = tempfile.mkdtemp(dir=".")
    script = (f"mount -t tmpfs none {folder} && cp target {folder}/inner && "
              f"exec {folder}/inner burn")
    if run("unshare", "-m", "true", status=None).returncode:
        raise Skip("no new namespaces here")
    with Target("sh", "-c", script, prefix=("unshare", "-pm", "--mount-proc", "--fork")) as t:
        with open(f"/proc/{t.pid}/task/{t.pid}/children") as f:
            pid = int(f.read().split()[0])
        record_cpu(pid, seconds=3)
        check(not os.path.exists(f"{folder}/inner"), "the program is not hidden")
        expect_shares("cpu.pb.gz")
        functions = [f for labels, f in stacks(f"pid:{pid}/goroutine")]
        check(any("burns" in f for f in functions), f"{functions}")
        os.kill(pid, signal.SIGKILL)


@case
def a_program_that_was_deleted():
    need_perf()
    shutil.copy("target", "gone")
    with Target("./gone", "burn") as t:
        os.unlink("gone")
        record_cpu(t.pid, seconds=3)
    expect_shares("cpu.pb.gz")


@case
def the_whole_system():
    need_perf()
    need_root()
    with Target("./target", "many", str(CPUS)) as t:
        sonde("record", "-e", "cpu", *RATE, "-a", "--seconds", "3", "-o", "all.pb.gz")
        seconds, lasted = total_seconds("all.pb.gz"), duration_seconds("all.pb.gz")
        check(seconds < 1.1 * (lasted + 0.5) * CPUS,
              f"{seconds} s in {lasted} s on {CPUS} processors")
        text = sonde("pprof", "-tags", "all.pb.gz").stdout
        check(re.search(r"process: Total", text) and re.search(rf": {t.pid}\b", text), text)
        check("File: [all processes]\n" in sonde("pprof", "-top", "all.pb.gz").stdout, "its title")
        expect_shares("all.pb.gz", f"-tagfocus=pid:{t.pid}", all_hot=False)


@case
def another_users_process():
    need_root()
    if run("setpriv", "--version", status=None).returncode:
        raise Skip("there is no setpriv")
    user = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all")
    with Target("./target", "burn") as t:
        os.chmod(".", 0o777)
        for kind in "cpu", "goroutine", "block":
            r = run(*user, SONDE, "record", "-e", kind, "-p", str(t.pid), "--seconds", "1", "-o",
                    "no.pb.gz", status=None)
            lines = [line for line in r.stderr.splitlines() if "not permitted" in line]
            check(r.returncode == 1 and len(lines) == 1, f"{kind}: {r.returncode}: {r.stderr}")
            check("CAP_SYS_PTRACE" in lines[0] or "CAP_PERFMON" in lines[0], lines[0])
        check(t.runs(), "it has ended")
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        if int(f.read()) <= 0:
            return  # all may look at the system
    r = run(*user, SONDE, "record", "-e", "cpu", "-a", "--seconds", "1", "-o", "no.pb.gz",
            status=None)
    check(r.returncode == 1 and "CAP_PERFMON" in r.stderr, f"{r.returncode}: {r.stderr}")


@case
def a_process_that_is_not_there():
    r = sonde("record", "-e", "cpu", "-p", "999999999", status=2)
    check("there is no process 999999999" in r.stderr, r.stderr)


@case
def what_cannot_be_had_is_told_at_once():
    with Target("./target", "burn") as t:
        pid = str(t.pid)
        began = time.monotonic()
        for command in (["pprof", "-top", f"pid:{pid}/heap?seconds=60"],
                        ["record", "-p", pid, "-e", "heap,mutex", "--seconds", "60", "-o", "no"],
                        ["record", "-p", pid, "-e", "heap,mutex", "-o", "no"],
                        ["record", "-p", pid, "--debug=1", "--seconds", "60", "-o", "no"]):
            r = sonde(*command, status=1)
            check("ollecting" not in r.stderr, f"{command}: {r.stderr}")
        check(time.monotonic() - began < 60, "it has waited")
        for options in (["--gc"], ["--enable"], ["--consistent"], ["-e", "goroutine", "-F", "9"]):
            r = sonde("record", "-p", pid, *options, status=2)
            check("; -e has none of them" in r.stderr, r.stderr)
        r = sonde("pprof", "-top", "-output=top.txt", f"pid:{pid}/cpu?seconds=1")
        check(f"sonde: Collecting cpu of process {pid} for 1 s\n" in r.stderr, r.stderr)
    for options in (["-e", "heap"], ["--debug=1"], ["--gc"], ["--at=1"]):
        r = sonde("record", "-a", *options, status=2)
        check(r.stderr.count("\n") == 1, r.stderr)


@case
def ctrl_c_shows_what_was_collected():
    with Target("./target", "burn") as t:
        p = subprocess.Popen([SONDE, "pprof", "-top", f"pid:{t.pid}/cpu?hz=997&seconds=600"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        check("Collecting cpu" in p.stderr.readline(), "it does not begin")
        time.sleep(2)
        p.send_signal(signal.SIGINT)
        out, errors = p.communicate(timeout=LIMIT)
        check(p.returncode == 0, f"status {p.returncode}: {errors}")
        check(re.search(r"^Duration: ([0-9.]+m?s|[0-9.]+mins)", out, re.M) and "burn" in out, out)


@case
def a_thread_of_the_kernel():
    try:
        with open("/proc/2/comm") as comm:
            if comm.read() != "kthreadd\n":
                raise Skip("process 2 is none")
    except FileNotFoundError:
        raise Skip("there is no process 2") from None
    r = sonde("record", "-p", "2", "-e", "goroutine", status=None)
    check(r.stderr.count("\n") == 1, r.stderr)
    check(("is a thread of the kernel" in r.stderr and r.returncode == 2) or
          ("not permitted" in r.stderr and r.returncode == 1), r.stderr)


# Threads.

STATES = {"locks": "lock", "sleeps": "sleeping", "polls": "io", "epolls": "io", "reads": "io",
          "takes": "lock", "spins": ("running", "runnable"), "target": "io"}


def expect_threads(found, with_names=True):
    check(len(found) == len(STATES), f"{len(found)} threads: {found}")
    for name, state in STATES.items():
        function = "waits_for_a_line" if name == "target" else name
        mine = [(labels, f) for labels, f in found if function in f]
        check(len(mine) == 1, f"{name}: {mine}")
        labels, functions = mine[0]
        if with_names:
            check(labels["thread"] == name, f"{name}: {labels}")
        states = (state,) if isinstance(state, str) else state
        check(labels["state"] in states, f"{name}: {labels}")
        at = functions.index(function)
        below = functions[at + 1:]
        if name == "target":
            check(below[0] == "main", f"{functions}")
        else:
            check(below[:7] == ["deep"] * 6 + ["run"], f"{functions}")
            check(below[-1] in ("__GI___clone3", "clone3", "__clone3", "clone"), f"{functions}")


@case
def threads_with_names_and_states():
    with Target("./target", "threads") as t:
        t.settle("spins")
        for _ in range(5):  # an EINTR would end it
            expect_threads(stacks(f"pid:{t.pid}/goroutine"))
        check(t.runs(), "it has ended")
        # All at one moment; a call may be broken off by that.
        found = stacks(f"pid:{t.pid}/goroutine?consistent=1")
        check(len(found) == len(STATES), f"{found}")


@case
def sockets_of_others_are_not_asked():
    """One that another process has made, under the name of the server of this one."""
    folder = f"{os.getcwd()}/runtime"
    os.makedirs(f"{folder}/sonde", exist_ok=True)
    env = {**os.environ, "XDG_RUNTIME_DIR": folder}
    p = subprocess.Popen(["sleep", "60"], env=env)
    try:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(os.path.relpath(f"{folder}/sonde/{p.pid}.sock"))
            other.listen()
            r = sonde("pprof", "-top", f"pid:{p.pid}/heap", status=None)
            check(r.returncode != 0 and "libsonde from the start" in r.stderr, r.stderr)
    finally:
        p.kill()
        p.wait()


@case
def no_call_fails():
    with Target("./target", "moments") as t:
        for _ in range(30):
            sonde("pprof", "-raw", "-output=/dev/null", f"pid:{t.pid}/goroutine")
        t.tell()
        n = int(t.p.stdout.readline())
        check(n == 0, f"{n} calls failed with EINTR")


@case
def texts_of_threads():
    with Target("./target", "threads") as t:
        t.settle("spins")
        sonde("record", "-e", "goroutine", "--debug=1", "-p", str(t.pid), "-o", "one.txt")
        sonde("record", "-e", "goroutine", "--debug=2", "-p", str(t.pid), "-o", "two.txt")
    with open("one.txt") as f:
        text = f.read()
    check(text.startswith(f"goroutine profile: total {len(STATES)}\n"), text)
    check('# labels: {"state":"lock", "thread":"locks"}' in text, text)
    check(any("sleeps" in f for _, f in stacks("one.txt")), "it cannot be read")
    with open("two.txt") as f:
        text = f.read()
    check(len(re.findall(r"^goroutine \d+ \[", text, re.M)) == len(STATES), text)
    check(re.search(r"^goroutine \d+ \[sleeping, sleeps\]:\n(.+\(\.\.\.\)\n\t.*\n)+", text, re.M),
          text)


@case
def other_kinds_need_libsonde():
    with Target("./target", "burn") as t:
        for kind in "heap", "mutex":
            r = sonde("pprof", "-top", f"pid:{t.pid}/{kind}", status=None)
            check(r.returncode != 0 and f"sonde record -e {kind} -- COMMAND" in r.stderr, r.stderr)


@case
def what_makes_no_difference_is_told():
    with Target("./target", "burn") as t:
        for query, what in (("gc=1", "gc makes"), ("gc=1&enable=1", "gc and enable make")):
            r = sonde("pprof", "-top", f"pid:{t.pid}/goroutine?{query}")
            check(f"is no Go program: {what} no difference\n" in r.stderr, r.stderr)
    env = {**os.environ, "LD_PRELOAD": f"{BUILD}/libsonde.so", "XDG_RUNTIME_DIR": os.getcwd()}
    with Target("./target", "burn", env=env) as t:
        r = sonde("pprof", "-top", f"pid:{t.pid}/heap?gc=1&hz=5", env=env)
        check("tells by itself: gc, hz (-F) make no difference\n" in r.stderr, r.stderr)


# Waits.


def without_bpf():
    """What takes BPF off root."""
    need_root()
    if run("setpriv", "--version", status=None).returncode:
        raise Skip("there is no setpriv")
    return ("setpriv", "--bounding-set=-bpf,-sys_admin", "--inh-caps=-all")


def cumulative(profile, index="delay", unit="ms", per=1e3):
    """{function: seconds, or number}"""
    rows = {}
    text = sonde("pprof", "-top", "-cum", f"-sample_index={index}", f"-unit={unit}",
                 "-nodecount=0", "-nodefraction=0", profile).stdout
    for line in text.splitlines():
        m = re.match(rf"\s*\S+\s+\S+%\s+\S+%\s+(\S+?)(?:{unit})?\s+\S+%\s+(.+)", line)
        if m:
            rows[m[2]] = float(m[1]) / per
    return rows


def until_nothing_is_lost(record):
    """What is told of a recording for which sonde came in time."""
    for _ in range(4):
        told = record()
        if "were lost" not in told:
            return told
    raise Skip(f"the machine is too busy: {told}")


def expect_waits(prefix):
    def record():
        return run(*prefix, SONDE, "record", "-e", "block", "-p", str(t.pid), "--seconds", "4",
                   "-o", "block.pb.gz").stderr

    with Target("./waits") as t:
        told = until_nothing_is_lost(record)
    rows = cumulative("block.pb.gz")
    # The holder does nothing but rest and nap, each as long as it says or longer.
    lasted = duration_seconds("block.pb.gz")
    n = {name: count("block.pb.gz", f"-focus=^{name}$", index="contentions")
         for name in ("naps", "rests", "wants")}
    what = f"{n} waits in {lasted} s: {rows}"
    check(0.7 * lasted < rows.get("rests", 0) + rows.get("naps", 0) < 1.1 * lasted, what)
    check(5 <= n["naps"] <= 1.1 * lasted / 0.1 and abs(n["naps"] - n["rests"]) <= 2, what)
    check(rows["naps"] > 0.0195 * n["naps"] and rows["rests"] > 0.0795 * n["rests"], what)
    check(n["naps"] / 2 <= n["wants"] and 0 < rows.get("wants", 0), what)
    check("computes" not in rows, what)
    return told


@case
def waits():
    need_perf()
    expect_waits(())


@case
def waits_without_bpf():
    need_perf()
    told = expect_waits(without_bpf())
    check("each switch was recorded, and who ended the waits is not known: BPF programs are not "
          "permitted" in told, told)


def record_rates(known):
    """Adds what the program knows, {name: (number, seconds)}; what is told of the recording."""
    with Target("./rates") as t:
        p = subprocess.Popen([SONDE, "record", "-e", "block", "-p", str(t.pid), "-o",
                              "rates.pb.gz"], stderr=subprocess.PIPE, text=True)
        for line in p.stderr:
            if "collecting" in line:
                break
        time.sleep(0.5)
        t.tell()
        for _ in range(7):
            name, n, ns = t.p.stdout.readline().split()
            known[name] = int(n), int(ns) / 1e9
        p.send_signal(signal.SIGINT)
        told = p.stderr.read()
        check(p.wait(timeout=LIMIT) == 0, told)
    return told


@case
def waits_more_often_than_stacks():
    need_perf()
    need_root()
    known = {}
    told = until_nothing_is_lost(lambda: record_rates(known))
    if "each switch was recorded" in told:
        raise Skip(told)
    n = cumulative("rates.pb.gz", "contentions", "count", 1)
    s = cumulative("rates.pb.gz")
    what = f"{known}: {n}; {s}"
    # Too many for all to have stacks; the clock of the program's own has being preempted in it.
    for name in "ping", "pong":
        check(known[name][0] > 10000 and abs(n[name] / known[name][0] - 1) < 0.002, what)
    check(0.7 < s["ping"] / known["ping"][1] < 1.03, what)
    # One site with two stacks: by chance, but not more.
    for name in "shortly", "long_one":
        check(0.65 < n[name] / known[name][0] < 1.35, f"{name}: {what}")
        check(0.6 < s[name] / known[name][1] < 1.35, f"{name}: {what}")
    both = n["shortly"] + n["long_one"]
    check(abs(both / (known["shortly"][0] + known["long_one"][0]) - 1) < 0.01, what)
    # What is seldom there is seen, beside what is often.  Who is preempted on the way to a nap may
    # find that it is over.
    check(0.7 < n["seldom"] / known["seldom"][0] < 1.03, what)
    check(s["seldom"] > 0.0049 * n["seldom"], what)
    # Sites of few waits.
    check(abs(n["in_thread"] / known["in_thread"][0] - 1) < 0.1, what)
    check(known["in_child"][0] / 2 < n["in_child"] < known["in_child"][0] * 2, what)
    check("computes" not in n and "[waits without a stack]" not in n, what)


@case
def wakers():
    need_perf()
    with Target("./waits") as t:
        r = sonde("record", "-e", "block", "-p", str(t.pid), "--seconds", "3", "-o",
                  "wakers.pb.gz")
    m = re.search(r"who ended the waits is not known: (.*)", r.stderr)
    if m:
        raise Skip(m[1])
    # (waiter, waker, its thread, its process, in its stack)
    expected = [("wants", "holder", "waits", None, "holder;"),
                ("naps", "[timer]", None, None, None),
                ("rests", "[timer]", None, None, None),
                ("taker", "gives", "giver", None, "giver;gives;"),
                ("eater", "gives", "feeder", "feeder", "main;feed;gives;")]
    found = stacks("wakers.pb.gz")
    for waiter, waker, thread, process, stack in expected:
        mine = [labels for labels, f in found if waiter in f and labels.get("waker") == waker]
        check(mine, f"{waiter} by {waker}: {found}")
        for labels in mine:
            check(labels.get("waker_thread") == thread, f"{waiter}: {labels}")
            check(labels.get("waker_process") == process, f"{waiter}: {labels}")
            check((stack or "") in labels.get("waker_stack", ""), f"{waiter}: {labels}")
        # Others are rare: interrupts, and waits that ended as the recording began.
        counts = [sonde("pprof", "-top", "-sample_index=contentions", f"-focus=^{waiter}$",
                        *flags, "wakers.pb.gz").stdout
                  for flags in ([], [f"-tagfocus=waker=^{re.escape(waker)}$"])]
        n = [int(re.search(r"accounting for (\d+)", text)[1]) for text in counts]
        check(n[1] > 0.8 * n[0], f"{waiter}: {n}")
    top = sonde("pprof", "-tagleaf=waker", "-top", "wakers.pb.gz").stdout
    check("gives" in top and "[timer]" in top, top)


# Core files.


def need_gcore():
    if not shutil.which("gcore"):
        raise Skip("there is no gcore")


@case
def a_core_of_gcore():
    need_gcore()
    with Target("./target", "threads") as t:
        t.settle("spins")
        r = run("gcore", "-o", "taken", str(t.pid), status=None)
        core = f"taken.{t.pid}"
        if not os.path.exists(core):
            raise Skip(f"gcore: {r.stderr.strip().splitlines()[-1:]}")
    found = stacks(f"core:{core}/goroutine")
    # gdb may break calls off, and of cores no names of threads are known.
    functions = [f for _, f in found]
    check(len(found) == len(STATES), f"{found}")
    for name in STATES:
        if name not in ("target", "epolls"):
            check(any(name in f and "run" in f for f in functions), f"{name}: {functions}")
    os.unlink(core)


@case
def a_core_of_the_kernel():
    with open("/proc/sys/kernel/core_pattern") as f:
        pattern = f.read().strip()
    if not re.fullmatch(r"[\w.%]+", pattern):
        raise Skip(f"cores go elsewhere: kernel.core_pattern is '{pattern}'")
    folder = tempfile.mkdtemp(dir=".")
    t = Target("sh", "-c", "ulimit -c unlimited && exec ../target crash", cwd=folder)
    with t:
        t.settle("spins")
        t.tell()
        t.p.wait(timeout=LIMIT)
        check(t.p.returncode == -signal.SIGSEGV, f"{t.p.returncode}")
    cores = os.listdir(folder)
    if not cores:
        raise Skip("the kernel writes no core")
    core = f"{folder}/{cores[0]}"
    found = stacks(f"core:{core}/goroutine")
    states = [labels["state"] for labels, f in found if f[0] == "crashes"]
    check(states == ["crashed (SIGSEGV)"], f"{found}")
    STATES_THERE = {name: state for name, state in STATES.items() if name != "target"}
    for name, state in STATES_THERE.items():
        mine = [(labels, f) for labels, f in found if name in f]
        check(len(mine) == 1 and "run" in mine[0][1], f"{name}: {mine}")
        check(mine[0][0]["state"] in state, f"{name}: {mine}")
    # Cut off, and no core at all: one line each.
    with open(core, "rb") as f:
        beginning = f.read(1 << 20)
    for n in 100, 5000, len(beginning):
        with open("cut", "wb") as f:
            f.write(beginning[:n])
        r = sonde("pprof", "-top", "core:cut/goroutine", status=None)
        check(r.returncode in (0, 2), f"{r.returncode}: {r.stderr}")
        check(r.returncode == 0 or re.search(r"core file 'cut'.* is (cut off|not)", r.stderr),
              r.stderr)
    r = sonde("pprof", "-top", f"core:{SONDE}/goroutine", status=2)
    check("is not a core file" in r.stderr, r.stderr)
    os.unlink(core)


def main():
    failed = skipped = passed = 0
    only = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for name in "target", "waits", "rates":
            subprocess.run([os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g",
                            "-fomit-frame-pointer", "-pthread", f"{HERE}/{name}.c", "-o", name],
                           check=True)
        for function in CASES:
            if only and function.__name__ not in only:
                continue
            try:
                function()
            except Skip as why:
                skipped += 1
                print(f"{function.__name__}: skipped: {why}", flush=True)
            except (AssertionError, subprocess.TimeoutExpired) as why:
                failed += 1
                print(f"{function.__name__}: FAILED: {str(why)[:3000]}", flush=True)
            else:
                passed += 1
                print(f"{function.__name__}: passed", flush=True)
        os.chdir("/")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed != 0)


main()
