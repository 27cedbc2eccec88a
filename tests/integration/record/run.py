#!/usr/bin/env python3
"""`sonde record` on real processes: what it passes on, what it follows, what it refuses.

Reads $SONDE (and $SONDE_GO_PPROF, Go's pprof, when there is one). Ends in the counts.
"""
import contextlib
import fcntl
import glob
import os
import pty
import pwd
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
LIMIT = 120  # seconds; a case that hangs is killed

CASES = []


class Skip(Exception):
    pass


def case(function):
    CASES.append(function)
    return function


def check(condition, text):
    if not condition:
        raise AssertionError(text)


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err

    def expect(self, status=0, err=None):
        check(self.status == status, f"status {self.status}, not {status}; stderr: {self.err}")
        if err:
            check(re.search(err, self.err), f"stderr has no /{err}/: {self.err}")
        return self


def run(*args, prefix=(), cwd=None, env=None):
    p = subprocess.run([*prefix, SONDE, *args], cwd=cwd, env={**os.environ, **(env or {})},
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                       timeout=LIMIT, text=True, errors="replace")
    return Result(p.returncode, p.stdout, p.stderr)


def record(*command, flags=(), **more):
    return run("record", *flags, "-o", "out.pb.gz", "--", *command, **more)


def pprof(*flags, path="out.pb.gz"):
    return run("pprof", *flags, path).expect().out


def top(path="out.pb.gz", *flags):
    """Cumulative seconds by function."""
    rows = {}
    for line in pprof("-top", "-cum", "-unit=ms", "-nodecount=0", "-nodefraction=0", *flags,
                      path=path).splitlines():
        m = re.match(r"\s*\S+\s+\S+%\s+\S+%\s+(\S+?)(?:ms)?\s+\S+%\s+(.+)", line)
        if m:
            rows[m[2].replace(" (inline)", "")] = float(m[1]) / 1e3
    return rows


def expect_seconds(rows, function, low, high):
    check(low <= rows.get(function, 0) <= high,
          f"{function} has {rows.get(function, 0)}s, not {low} to {high}: {rows}")


def perf_paranoid():
    with open("/proc/sys/kernel/perf_event_paranoid") as f:
        return int(f.read())


def need_root():
    if os.geteuid() != 0:
        raise Skip("needs root")


def need_perf():
    if os.geteuid() != 0 and perf_paranoid() > 2:
        raise Skip("perf events are not permitted")


def session_folders():
    folders = glob.glob("/dev/shm/sonde-record-*") + glob.glob("/tmp/sonde-record-*")
    return {d for d in folders if os.path.isdir(d)}


def is_abandoned(folder):
    """Not of a recording that runs beside this test: that has a lock on it."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(fd)


def no_session_left():
    for _ in range(10):  # one that is being made has no lock yet
        left = {folder for folder in session_folders() - BEFORE if is_abandoned(folder)}
        if not left:
            return
        time.sleep(0.1)
    check(not left, f"left behind: {left}")


# What is passed on.


@case
def status_of_the_command():
    record("./target", "exit", "0").expect(0)
    record("./target", "exit", "7").expect(7)
    record("./target", "spin", "50", "exit", "3").expect(3, r"\d+ samples in ")
    no_session_left()


@case
def death_by_signal():
    r = record("./target", "spin", "100", "signal", "9").expect(128 + 9, "signal 9")
    check(os.path.exists("out.pb.gz"), "no profile")
    expect_seconds(top(), "spin_here", 0.03, 0.3)
    record("./target", "signal", "15").expect(128 + 15)


@case
def commands_that_do_not_run():
    record("./nowhere").expect(127, "cannot run './nowhere': No such file")
    record("no-such-command-in-path").expect(127)
    open("plain.txt", "w").write("text")
    record("./plain.txt").expect(126, "Permission denied")
    record(".").expect(126)
    check(not os.path.exists("out.pb.gz"), "a profile was written")
    no_session_left()


@case
def standard_streams_and_environment():
    r = record("sh", "-c", "cat; echo $FOO; echo x >&2", env={"FOO": "bar"}).expect(0)
    check(r.out == "bar\n", r.out)
    check("x\n" in r.err, r.err)
    r = record("sh", "-c", "echo $LD_PRELOAD", env={"LD_PRELOAD": "/lib/other.so"})
    check(re.search(r"libsonde-cpu.so:/lib/other.so$", r.out.strip()), r.out)


@case
def usage_errors():
    run("record").expect(2, "no command")
    run("record", "--nonsense", "true").expect(2, "nonsense")
    for hz in "0", "-1", "10001", "1e3", "", "x":
        run("record", f"-F={hz}", "true").expect(2, "1 to 10000")
    run("record", "-e", "nothing", "true").expect(2, "the kinds are cpu")
    run("record", "-o", "/nowhere/x", "true").expect(1, "cannot write '/nowhere/x'")
    run("record", "-o", ".", "true").expect(1)
    run("record", "-help").expect(0)
    r = run("record", "--F", "50", "--o=other.pb.gz", "./target", "spin", "100").expect(0)
    check(os.path.exists("other.pb.gz"), "no other.pb.gz")


@case
def default_name():
    run("record", "./target", "spin", "50").expect(0, r"sonde.cpu.pb.gz \(sonde pprof -top")
    check(os.path.exists("sonde.cpu.pb.gz"), "no sonde.cpu.pb.gz")


# Signals.


class Terminal:
    """A recording on a terminal of its own."""

    def __init__(self, *args):
        try:
            self.pid, self.fd = pty.fork()
        except OSError as e:
            raise Skip(f"no terminal to be had: {e}") from e
        if self.pid == 0:
            os.execv(SONDE, [SONDE, *args])
        self.out = ""

    def read_until(self, text):
        end = time.time() + LIMIT
        while text not in self.out:
            check(time.time() < end, f"no {text!r} in {self.out!r}")
            if select.select([self.fd], [], [], 1)[0]:
                try:
                    data = os.read(self.fd, 65536)
                except OSError:
                    data = b""
                check(data, f"ended without {text!r}: {self.out!r}")
                self.out += data.decode(errors="replace")

    def end(self):
        with contextlib.suppress(AssertionError):
            self.read_until("\0never\0")
        os.close(self.fd)
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


@case
def ctrl_c_ends_the_command_and_keeps_the_profile():
    t = Terminal("record", "-o", "out.pb.gz", "--", "./target", "spin", "200", "hold")
    t.read_until("ready")
    os.write(t.fd, b"\x03\x03\x03")
    status = t.end()
    check("got 2" in t.out, t.out)
    check(status == 5, f"status {status}: {t.out}")
    expect_seconds(top(), "spin_here", 0.1, 0.3)


@case
def ctrl_c_on_a_command_without_a_handler():
    t = Terminal("record", "-o", "out.pb.gz", "--", "sh", "-c",
                 "./target spin 200; echo ready; exec sleep 60")
    t.read_until("ready")
    os.write(t.fd, b"\x03")
    status = t.end()
    check(status == 130, f"status {status}: {t.out}")
    expect_seconds(top(), "spin_here", 0.1, 0.3)


@case
def a_status_line_on_a_terminal_only():
    t = Terminal("record", "-o", "out.pb.gz", "--", "./target", "spin", "900")
    check(t.end() == 0, t.out)
    check(re.search(r"\[sonde: \d+\.\d+s, \d+ samples, 1 process\]", t.out), t.out)
    r = record("./target", "spin", "900").expect(0)
    check("[sonde:" not in r.err and "\r" not in r.err, r.err)


@case
def signals_sent_to_us_reach_the_command():
    for number in signal.SIGTERM, signal.SIGHUP, signal.SIGINT:
        p = subprocess.Popen([SONDE, "record", "-o", "out.pb.gz", "./target", "hold"],
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                             start_new_session=True)
        check(p.stdout.readline() == "ready\n", "not ready")
        p.send_signal(number)
        out, err = p.communicate(timeout=LIMIT)
        check(f"got {int(number)}" in out and p.returncode == 5, f"{p.returncode} {out} {err}")
        check(os.path.exists("out.pb.gz"), "no profile")


@case
def stop_and_continue():
    p = subprocess.Popen([SONDE, "record", "-o", "out.pb.gz", "./target", "spin", "300"],
                         stderr=subprocess.PIPE, text=True, start_new_session=True)
    time.sleep(0.2)
    os.killpg(p.pid, signal.SIGTSTP)
    time.sleep(0.3)
    os.killpg(p.pid, signal.SIGCONT)
    p.communicate(timeout=LIMIT)
    check(p.returncode == 0, f"status {p.returncode}")
    expect_seconds(top(), "spin_here", 0.2, 0.45)


# What is followed.


@case
def children_are_merged_with_labels():
    record("./target", "spin", "300", "child", "600").expect(0, "2 processes")
    traces = pprof("-traces")
    check(len(set(re.findall(r"^ +pid: +(\d+)$", traces, re.M))) == 2, traces)
    check(set(re.findall(r"^ +process: +(\S+)$", traces, re.M)) == {"target"}, traces)
    expect_seconds(top(), "spin_here", 0.7, 1.1)


@case
def without_children():
    record("./target", "spin", "300", "child", "600", flags=["--no-children"]).expect(
        0, r"\(0\.[23]\ds CPU\).* 1 process:")
    expect_seconds(top(), "spin_here", 0.2, 0.4)
    # Its children's CPU time is not taken for its own.
    record("sh", "-c", "./target spin 600; exit 0", flags=["--no-children", "-F", "20"]).expect(
        0, r"no samples: the command used hardly any(.|\n)*\(0\.0\ds CPU\)")


@case
def chains_of_exec():
    record("sh", "-c", "./target spin 200 && exec ./target spin 200 exec spin 200").expect(0)
    expect_seconds(top(), "spin_here", 0.45, 0.75)
    first = pprof("-top").splitlines()[0]
    check(first == "File: target", first)


@case
def stacks_in_vfork_are_whole():
    record("./target", "vforks", "400", flags=["-F", "250"]).expect(0, " 0 truncated")
    rows = top()
    expect_seconds(rows, "vforks_here", 0.3, 0.5)
    check({"vfork", "__vfork"} & set(rows), f"no sample in vfork: {rows}")


@case
def the_command_names_the_profile():
    """Also where its own program used no CPU time worth a sample."""
    shell = os.path.basename(os.path.realpath(shutil.which("sh")))
    for _ in range(10):  # on a busy machine the shell may get a sample
        record("sh", "-c", "./target spin 400; exit 3", flags=["-F", "20"]).expect(3)
        report = pprof("-top")
        check(report.startswith(f"File: {shell}\n"), report)
        if set(re.findall(r"^ +process: +(\S+)$", pprof("-traces"), re.M)) == {"target"}:
            break
    else:
        raise Skip("the shell had samples of its own each time")
    expect_seconds(top(), "spin_here", 0.25, 0.55)


@case
def one_sample_is_no_plural():
    for _ in range(10):
        r = record("./target", "spin", "150", flags=["-F", "10"]).expect(0)
        n = int(re.search(r"(\d+) samples? in ", r.err)[1])
        if n == 1:
            break
    check(re.search(r": 1 sample in ", r.err), r.err)


@case
def daemons_are_not_waited_for():
    begin = time.time()
    # The daemon gets time to start.
    r = record("./target", "daemon", "20000", "spin", "300")
    pid = int(re.search(r"^daemon (\d+)$", r.out, re.M)[1])
    os.kill(pid, signal.SIGKILL)
    r.expect(0, "1 process of the command still runs")
    check(time.time() - begin < 15, "waited")
    expect_seconds(top(), "spin_here", 0.3, 1.5)
    no_session_left()


@case
def a_binary_deleted_while_it_runs():
    shutil.copy("target", "gone")
    record("./gone", "unlink", "spin", "300").expect(0)
    out = pprof("-top")
    check("gone" in out, out)
    check(re.search(r"Total samples = 0?\.?[23]\d", out), out)


@case
def jit_code():
    record("./target", "jit", "300").expect(0)
    expect_seconds(top(), "compiled_loop", 0.2, 0.4)
    check("main" in top(), "the callers of JIT code are missing")


@case
def no_samples():
    record("true").expect(0, "no samples: .*hardly any CPU time")
    check("0 samples" in record("true").err, "no count")
    pprof("-top")


# What preloading cannot reach.


@case
def a_static_program():
    need_perf()
    if not os.path.exists("static"):
        raise Skip("no static libc")
    record("./static", "spin", "400").expect(0, "statically linked")
    rows = top()
    expect_seconds(rows, "spin_here", 0.3, 0.5)
    expect_seconds(rows, "main", 0.3, 0.5)


@case
def a_script_that_runs_a_static_program():
    if not os.path.exists("static"):
        raise Skip("no static libc")
    r = record("sh", "-c", "./static spin 900; exit 3").expect(3, r"0\.[89]\ds of .* not seen:.*static")
    check(re.search("no samples: .*static", r.err), r.err)


@case
def deep_trees_of_processes():
    open("deep.sh", "w").write('test $1 = 0 || sh $0 $(($1 - 1)); exec ./target spin 20\n')
    record("sh", "deep.sh", "30").expect(0, "31 processes")
    expect_seconds(top(), "spin_here", 0.2, 1)  # 31 of 20 ms; a busy machine loses some


@case
def closed_streams():
    record("sh", "-c", "exec >&- 2>&-; ./target spin 100; exit 6").expect(6)
    expect_seconds(top(), "spin_here", 0.03, 0.3)
    p = subprocess.run(["sh", "-c", '"$0" record -o out.pb.gz ./target spin 100 exit 8 <&- >&- 2>&-',
                        SONDE], timeout=LIMIT)
    check(p.returncode == 8, f"status {p.returncode}")
    expect_seconds(top(), "spin_here", 0.03, 0.3)


@case
def a_program_under_valgrind():
    if not shutil.which("valgrind"):
        raise Skip("no valgrind")
    record("valgrind", "-q", "--error-exitcode=99", "./target", "spin", "100", "exit", "4").expect(
        4, "no samples: .*valgrind")


@case
def few_descriptors_small_files():
    script = 'ulimit $0 $1; shift; exec "$@"'
    for limit in ["-n", "12"], ["-v", "600000"], ["-f", "20000"]:
        run("record", "-o", "out.pb.gz", "./target", "spin", "100", "exit", "5",
            prefix=["sh", "-c", script, *limit]).expect(5)
        expect_seconds(top(), "spin_here", 0.03, 0.3)
    run("record", "./target", prefix=["sh", "-c", script, "-n", "4"]).expect(1, "Too many open files")


@case
def a_profile_that_cannot_be_replaced():
    """Told before the command runs."""
    prefix = as_nobody()
    open("out.pb.gz", "w").close()
    os.chmod("out.pb.gz", 0o444)
    r = record_as_nobody(prefix, "touch", "ran")
    os.unlink("out.pb.gz")
    r.expect(1, "cannot write 'out.pb.gz': Permission denied")
    check(not os.path.exists("ran"), "the command ran")


@case
def a_setuid_program():
    need_root()
    shutil.copy("target", "setuid")
    os.chown("setuid", 65534, -1)
    os.chmod("setuid", 0o4755)
    record("./setuid", "exit", "0").expect(2, "setuid")
    check(not os.path.exists("out.pb.gz"), "a profile was written")
    os.chown("setuid", 0, -1)
    os.chmod("setuid", 0o4755)
    record("./setuid", "spin", "100").expect(0)  # no change of user for root


@contextlib.contextmanager
def paranoid(level):
    path = "/proc/sys/kernel/perf_event_paranoid"
    old = perf_paranoid()
    try:
        open(path, "w").write(str(level))
    except OSError as e:
        raise Skip(f"cannot set perf_event_paranoid: {e}")
    try:
        yield
    finally:
        open(path, "w").write(str(old))


def as_nobody():
    need_root()
    if not shutil.which("setpriv"):
        raise Skip("no setpriv")
    nobody = pwd.getpwnam("nobody")
    os.chmod(".", 0o777)
    prefix = ["setpriv", f"--reuid={nobody.pw_uid}", f"--regid={nobody.pw_gid}", "--clear-groups"]
    # The build may lie where nobody else may look.
    shutil.copy(SONDE, "sonde")
    library = os.path.join(os.path.dirname(SONDE), "libsonde.so")
    shutil.copy(os.environ.get("SONDE_LIB", library), "libsonde.so")
    return prefix


def record_as_nobody(prefix, *command, flags=()):
    p = subprocess.run([*prefix, "./sonde", "record", *flags, "-o", "out.pb.gz", "--", *command],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=LIMIT, text=True,
                       env={k: v for k, v in os.environ.items() if k != "SONDE_LIB"})
    return Result(p.returncode, p.stdout, p.stderr)


@case
def high_rates_with_permission():
    need_perf()
    r = record("./target", "spin", "600", flags=["-F", "1000"]).expect(0)
    n = int(re.search(r"(\d+) samples", r.err)[1])
    check(400 <= n <= 800, r.err)
    expect_seconds(top(), "spin_here", 0.45, 0.75)


@case
def high_rates_for_a_user():
    prefix = as_nobody()
    with paranoid(2):
        r = record_as_nobody(prefix, "./target", "spin", "600", flags=["-F", "1000"])
    r.expect(0, "without the time spent in the kernel")
    expect_seconds(top(), "spin_here", 0.3, 0.75)


def record_without_perf(*command, flags=()):
    r = run("record", *flags, "-o", "out.pb.gz", "--", *command, prefix=["./target", "noperf"])
    if r.status == 77:
        raise Skip("no seccomp filters here")
    return r


@case
def high_rates_without_permission():
    r = record_without_perf("./target", "spin", "600", flags=["-F", "1000"])
    r.expect(0, "perf_event_open is forbidden .kernel.perf_event_paranoid is ")
    expect_seconds(top(), "spin_here", 0.45, 0.75)
    # The usual rate needs no permission, and nothing is said.
    r = record_without_perf("./target", "spin", "100").expect(0)
    check("perf" not in r.err and len(r.err.splitlines()) == 1, r.err)


@case
def a_static_program_without_permission():
    if not os.path.exists("static"):
        raise Skip("no static libc")
    r = record_without_perf("./static", "spin", "100").expect(2, r"libsonde\.a.*perf_event_open")
    check(len(r.err.splitlines()) == 1, r.err)
    check(not os.path.exists("out.pb.gz"), "a profile was written")


@case
def perf_follows_children():
    need_perf()
    record("sh", "-c", "./target spin 200 child 200; exec ./target spin 200",
           flags=["-F", "997"]).expect(0)
    expect_seconds(top(), "spin_here", 0.45, 0.75)
    check(pprof("-top").startswith("File: target\n"), "wrong main file")
    record("./target", "spin", "200", "child", "400", flags=["-F", "997", "--no-children"]).expect(0)
    expect_seconds(top(), "spin_here", 0.12, 0.3)


# Where the profile goes.


@case
def a_full_disk():
    record_to = run("record", "-o", "/dev/full", "./target", "spin", "100")
    record_to.expect(1, "cannot write '/dev/full'.*No space left")
    kept = re.search(r"the profile is in '([^']+)' instead", record_to.err)
    check(kept, record_to.err)
    expect_seconds(top(kept[1]), "spin_here", 0.03, 0.3)
    os.unlink(kept[1])
    r = run("record", "-o", "/dev/full", "./target", "exit", "9").expect(9, "instead")
    os.unlink(re.search(r"the profile is in '([^']+)' instead", r.err)[1])


@case
def a_full_file_system():
    need_root()
    os.mkdir("small")
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", "small"],
                      stderr=subprocess.DEVNULL).returncode:
        raise Skip("cannot mount a tmpfs")
    try:
        open("small/filler", "w").write("x" * 8192)
        r = run("record", "-o", "small/x.pb.gz", "./target", "spin", "100").expect(1, "No space")
        check(os.listdir("small") == ["filler"], os.listdir("small"))
        os.unlink(re.search(r"the profile is in '([^']+)' instead", r.err)[1])
    finally:
        subprocess.run(["umount", "small"])


@case
def folders_of_killed_recordings_are_removed():
    """kill_one() has left one; another recording runs, whose folder stays."""
    check(LEFT, "a killed recording left no folder")
    with contextlib.suppress(FileNotFoundError):  # removed by one of the cases before
        time.sleep(max(0, os.stat(LEFT[0]).st_ctime + 11 - time.time()))
    p = subprocess.Popen([SONDE, "record", "-o", "out.pb.gz", "./target", "hold"],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                         start_new_session=True)
    p.stdout.readline()
    check(not os.path.exists(LEFT[0]), "still there")
    living = session_folders() - BEFORE
    record("./target", "spin", "50").expect(0)
    check(living and session_folders() >= living, "the folder of another recording is gone")
    p.send_signal(signal.SIGTERM)
    p.communicate(timeout=LIMIT)
    no_session_left()


@case
def go_reads_it():
    if not GO_PPROF:
        raise Skip("SONDE_GO_PPROF is not set")
    record("./target", "spin", "300").expect(0)
    out = subprocess.run([GO_PPROF, "-top", "out.pb.gz"], capture_output=True, text=True,
                         timeout=LIMIT).stdout
    check("spin_here" in out and out == pprof("-top"), out)


BEFORE = set()
LEFT = []


def kill_one():
    p = subprocess.Popen([SONDE, "record", "./target", "hold"], stdout=subprocess.PIPE, text=True,
                         start_new_session=True)
    p.stdout.readline()
    LEFT.extend(session_folders() - BEFORE)
    p.kill()
    p.wait()
    os.killpg(p.pid, signal.SIGTERM)


def build():
    cc = os.environ.get("CC", "cc")
    source = os.path.join(HERE, "target.c")
    subprocess.run([cc, "-O2", "-g", source, "-o", "target"], check=True)
    subprocess.run([cc, "-O2", "-g", "-static", source, "-o", "static"],
                   stderr=subprocess.DEVNULL)


def main():
    only = sys.argv[1:]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    BEFORE.update(session_folders())
    with tempfile.TemporaryDirectory(prefix="sonde-test-record-") as folder:
        os.chdir(folder)
        build()
        kill_one()
        BEFORE.update(LEFT)
        for function in CASES:
            if only and function.__name__ not in only:
                continue
            for name in glob.glob("*.pb.gz"):
                os.unlink(name)
            try:
                function()
                outcome, why = "passed", ""
            except Skip as e:
                outcome, why = "skipped", f": {e}"
            except (AssertionError, OSError, subprocess.SubprocessError, TypeError) as e:
                outcome, why = "failed", f": {e}"
            counts[outcome] += 1
            print(f"{function.__name__}: {outcome}{why}", flush=True)
        os.chdir("/")
    print(", ".join(f"{n} {what}" for what, n in counts.items()))
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
