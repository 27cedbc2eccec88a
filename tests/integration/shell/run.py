#!/usr/bin/env python3
"""The shell of `sonde pprof`: commands from a pipe, and a terminal with editing,
history, colours, paging and Ctrl-C."""

import ctypes.util
import os
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import fcntl
import glob
import time

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
passed = failed = skipped = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def skip(why):
    global skipped
    skipped += 1
    print(why)


def has_terminal():
    try:
        for fd in pty.openpty():
            os.close(fd)
        return True
    except OSError:
        return False


class Terminal:
    def __init__(self, profile, rows=30, **env):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, 100, 0, 0))
            os.execve(SONDE, [SONDE, "pprof", profile],
                      dict(ENV, TERM="xterm-256color", **env))
        self.seen = ""
        self.wait_for("(pprof) ")
        self.n_threads = status_of(self.pid, "Threads")

    def wait_for(self, text, seconds=30):
        """What came until `text`; it is then forgotten."""
        end = time.time() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.time()))
            if not ready:
                raise TimeoutError(f"no {text!r} in {self.seen[-2000:]!r}")
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                data = b""
            if not data:
                raise EOFError(f"no {text!r} in {self.seen[-2000:]!r}")
            self.seen += data.decode(errors="replace")
        at = self.seen.index(text) + len(text)
        before, self.seen = self.seen[:at], self.seen[at:]
        return before

    def type(self, text):
        os.write(self.fd, text.encode())

    def end(self, last):
        """Type what ends it, again if that came while nothing was read; the exit status."""
        end = time.time() + 30
        while time.time() < end:
            self.type(last)
            try:
                while select.select([self.fd], [], [], 2)[0]:
                    self.seen += os.read(self.fd, 65536).decode(errors="replace")
            except OSError:
                return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        os.kill(self.pid, signal.SIGKILL)
        raise TimeoutError(f"{last!r} does not end it: {self.seen[-2000:]!r}")


def plain(text):
    return re.sub(r"\033\[[0-9;?]*[a-zA-Z]|[\r]", "", text)


def pipe(profile, *lines):
    done = subprocess.run([SONDE, "pprof", profile], input="\n".join(lines) + "\n",
                          capture_output=True, text=True, env=ENV, timeout=60)
    return done.returncode, done.stdout, done.stderr


def test_pipe(profile):
    one = subprocess.run([SONDE, "pprof", "-top", "-compact_labels", "-nodecount=10", "-cum",
                          profile], capture_output=True, text=True, env=ENV).stdout
    status, out, err = pipe(profile, "top -cum")
    check("a report", status == 0 and out == one, out + err)
    check("the greeting", err.startswith("File: ") and "Entering interactive mode" in err, err)
    path = os.path.join(WORK, "report")
    status, out, err = pipe(profile, f"top -cum > {path}", "nonsense", "top -cum", "quit", "top")
    check("to a file", open(path).read() == one and f"Generating report in {path}" in err, err)
    check("goes on after a mistake", status == 0 and out == one and 'command: "nonsense"' in err,
          err)
    status, out, err = pipe(profile, "focus=(", "top", "focus=", "top -cum")
    check("a bad regexp", status == 0 and out == one and "focus regexp" in err, err)
    status, out, err = pipe(profile, "proto")
    check("binary reports go to files", "profile001.pb.gz" in err and not out, err)
    status, out, err = pipe(profile, "top > /dev/full", "top > /no/such/folder/x")
    check("a full disk", status == 0 and "'/dev/full': No space left" in err, err)


def test_terminal(profile):
    t = Terminal(profile)
    t.type("top3 -cum\n")
    out = t.wait_for("(pprof) ")
    check("colours", "\033[1m" in out and "flat%" in out, out)
    t.type("to\x03")
    t.wait_for("(pprof) ")
    t.type("top2\n")
    check("Ctrl-C drops a line", "Showing" in plain(t.wait_for("(pprof) ")))
    if ctypes.util.find_library("edit"):
        t.type("trac\t")
        t.wait_for("es ")  # of traces: the cursor may go back to the word
        t.type("\x03")
        t.wait_for("(pprof) ")
        t.type("\x1b[A")
        check("history", "top2" in plain(t.wait_for("top2")))
        t.type("\n")
        t.wait_for("(pprof) ")
    else:
        skip("editing: libedit.so.2 is not installed")
    check("Ctrl-D leaves", t.end("\x04") == 0)
    if ctypes.util.find_library("edit"):
        t = Terminal(profile, NO_COLOR="1")
        t.type("\x1b[A\n")
        out = t.wait_for("(pprof) ")
        check("history of the last session", "Showing" in plain(out), out)
        check("NO_COLOR", "\033[1m" not in out and "\033[33m" not in out, out)
        other = Terminal(profile)
        other.type("tags mine\n")
        other.wait_for("(pprof) ")
        t.type("tags yours\n")
        t.wait_for("(pprof) ")
        other.end("quit\n")
        check("quit", t.end("quit\n") == 0)
        history = open(WORK + "/state/sonde/pprof_history").read()
        check("two sessions share the history", "mine" in history and "yours" in history, history)
        check("each line once", history.count("mine") == 1 and history.count("yours") == 1, history)
        t = Terminal(profile)
        t.type("tags \\.µ\n")
        t.wait_for("(pprof) ")
        t.end("quit\n")
        t = Terminal(profile)
        t.type("\x1b[A\x1b[A")
        check("a line with escapes", t.wait_for("µ").endswith("tags \\.µ"))
        t.end("\x15quit\n")
        t = Terminal(profile)
        t.type("traces\n")
        t.wait_for("-+-")
        t.type("\x04")
        check("Ctrl-D typed ahead", t.end("") == 0)
    t = Terminal(profile, rows=5, PAGER="sed s/^/page:/")
    t.type("top\n")
    check("paging", "page:" in t.wait_for("(pprof) "))
    t.end("quit\n")


def complete(t, typed, until):
    """What TAB makes of a line, or lists: all up to `until`."""
    t.type("\x15" + typed)
    t.wait_for(typed.rstrip("\t"))
    out = plain(t.wait_for(until))
    t.type("\x03")
    t.wait_for("(pprof) ")
    return out


def test_completion():
    if not ctypes.util.find_library("edit"):
        return skip("completion: libedit.so.2 is not installed")
    path = os.path.join(WORK, "names.folded")
    with open(path, "w") as f:
        f.write("größe;計算 5\n<Vec<T> as Clone>::clone;operator new(long) 3\n")
        f.write("net/http.(*conn).serve;net/http.(*conn).read 2\n")
    t = Terminal(path)
    check("UTF-8", complete(t, "peek gr\t", "e "))
    t.type("peek 計\t")
    t.wait_for("算 ")
    t.type("\n")
    out = plain(t.wait_for("(pprof) "))
    check("UTF-8 in a command", "| 計算" in out and "größe" in out, out)
    check("blanks in names", complete(t, "peek oper\t", r"ator.new\(long\) "))
    check("what all names begin with, whatever part was typed",
          complete(t, "peek http.(*c\t", r"net/http\.\(\*conn\)\."))
    check("-cum", complete(t, "top -cu\t", "m "))
    t.type("tags no more\n")
    t.wait_for("(pprof) ")
    t.type("to")
    t.wait_for("to")
    fcntl.ioctl(t.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 60, 0, 0))
    t.wait_for("\r\033[J(pprof) to")  # drawn anew
    t.type("p1\n")
    check("a new size", "Showing top 1 nodes" in plain(t.wait_for("(pprof) ")))
    t.end("\x04")
    check("Ctrl-D ends its line", plain(t.seen).endswith("\n"), t.seen)


def status_of(pid, key):
    with open(f"/proc/{pid}/status") as f:
        return int(re.search(key + r":\s+(\d+)", f.read()).group(1))


def is_alone(t, seconds=20):
    """Do the threads of reports that were stopped end?"""
    end = time.time() + seconds
    while time.time() < end and status_of(t.pid, "Threads") > t.n_threads:
        time.sleep(0.05)
    return status_of(t.pid, "Threads") == t.n_threads


def test_long(big):
    """A report of a gigabyte is shown as it is made, and ends when nobody looks at it."""
    t = Terminal(big, PAGER="head -n 4 | sed s/^/page:/")
    before = status_of(t.pid, "VmHWM")
    t.type("traces\n")
    out = plain(t.wait_for("(pprof) "))
    check("a long report in the pager", out.count("page:") == 4 and "sonde" not in out, out)
    t.type("top2\n")
    check("goes on after the pager", "Showing top 2" in plain(t.wait_for("(pprof) ")))
    t.type("traces > long.txt\n")
    t.wait_for("(pprof) ", 60)
    size = os.path.getsize("long.txt")
    os.unlink("long.txt")
    grown = status_of(t.pid, "VmHWM") - before
    check("is not kept", grown < 300 << 10, f"{grown} kB more")
    t.end("quit\n")

    t = Terminal(big, PAGER="cat", NO_COLOR="1")
    t.type("traces\n")
    t.wait_for("-+---")
    os.kill(t.pid, signal.SIGINT)
    t.wait_for("(pprof) ", 20)
    check("a report that is stopped ends", is_alone(t))
    t.type("top1\n")
    out = t.wait_for("(pprof) ")
    check("Ctrl-C stops what is shown", "-+---" not in out and "Showing top 1" in out, out[:500])
    t.end("quit\n")

    one = subprocess.run([SONDE, "pprof", "-traces", "-compact_labels", big],
                         stdout=subprocess.PIPE, env=ENV).stdout
    two = subprocess.run([SONDE, "pprof", big], input=b"traces\n", env=ENV,
                         stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
    check("all of a long report", one == two and len(one) > 100 << 20,
          f"{len(two)} of {len(one)} bytes")
    check("all of it in a file", abs(size - len(one)) < 1000, f"{size} of {len(one)} bytes")


def test_interrupt(big, random):
    t = Terminal(random)
    t.type("callgrind > /dev/null\n")  # seconds
    time.sleep(0.3)
    os.kill(t.pid, signal.SIGINT)
    t.wait_for("(pprof) ", 20)
    t.type("top3\n")
    check("Ctrl-C stops a report", "Showing nodes" in plain(t.wait_for("(pprof) ")))
    check("it ends", is_alone(t))
    t.end("quit\n")
    t = Terminal(big)
    t.type("traces > part.txt\n")
    end = time.time() + 20
    while not glob.glob("part.txt.*") and time.time() < end:
        time.sleep(0.005)
    os.kill(t.pid, signal.SIGINT)
    t.wait_for("(pprof) ", 20)
    check("a file that is stopped", is_alone(t) and not glob.glob("part.txt*"), glob.glob("*"))
    check("leaves", t.end("quit\n") == 0)


WORK = tempfile.mkdtemp()
os.chdir(WORK)
ENV = dict(os.environ, HOME=WORK, XDG_STATE_HOME=WORK + "/state", PAGER="cat", LC_ALL="C.UTF-8")
ENV.pop("NO_COLOR", None)
try:
    small = os.path.join(WORK, "small.pb.gz")
    subprocess.run([os.path.join(BUILD, "bench/gen_profile"), "small", small], check=True,
                   stdout=subprocess.DEVNULL)
    big = os.path.join(WORK, "big.pb.gz")
    subprocess.run([os.path.join(BUILD, "bench/gen_profile"), "cpu51", big], check=True,
                   stdout=subprocess.DEVNULL)
    random = os.path.join(WORK, "random.pb.gz")
    subprocess.run([os.path.join(BUILD, "bench/gen_profile"), "random51", random], check=True,
                   stdout=subprocess.DEVNULL)
    tests = [(test_pipe, [small]), (test_terminal, [small]), (test_completion, []),
             (test_interrupt, [big, random]), (test_long, [big])]
    if not has_terminal():
        skip("SKIP the shell on a terminal: there is none to be had")
        tests = tests[:1]
    for test, args in tests:
        try:
            test(*args)
        except (TimeoutError, EOFError, OSError) as e:
            check(test.__name__, False, e)
finally:
    os.chdir("/")
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
