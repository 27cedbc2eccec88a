#!/usr/bin/env python3
"""Several sources at once, from files and servers; where programs are looked for; what
cannot be read, and where nothing can be written.  With a pprof of Go (SONDE_GO_PPROF)
some are compared with it."""

import ctypes.util
import gzip
import http.server
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../go_matrix"))
from message import field  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
DATA = os.path.abspath(os.path.join(os.environ.get("SONDE_SOURCE_ROOT", "."), "tests/data"))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
CPU = os.path.join(DATA, "go/cpu.pb.gz")
ID = "00112233445566778899aabbccddeeff00112233"
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


# --- profiles ---

def profile(values, file="", build_id="", addresses=None, types=(("samples", "count"),)):
    """{function or address: value}: a sample each."""
    strings = [""]

    def text(s):
        if s not in strings:
            strings.append(s)
        return strings.index(s)

    out = b"".join(field(1, field(1, text(t)) + field(2, text(u))) for t, u in types)
    mapping = field(1, 1) + field(2, 0x400000) + field(3, 0x500000)
    out += field(3, mapping + field(5, text(file)) + field(6, text(build_id)))
    for i, (name, value) in enumerate(values.items(), 1):
        out += field(2, field(1, i) + b"".join(field(2, value) for _ in types))
        location = field(1, i) + field(2, 1) + field(3, name if addresses else 0x400000 + i)
        if not addresses:
            location += field(4, field(1, i))
            out += field(5, field(1, i) + field(2, text(name)) + field(3, text(name)))
        out += field(4, location)
    return gzip.compress(out + b"".join(field(6, s.encode()) for s in strings))


def write(name, data):
    path = os.path.join(WORK, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    return path


def run(program, *args, env=None, **more):
    done = subprocess.run([*program, *args], cwd=WORK, stdin=subprocess.DEVNULL, capture_output=True, timeout=60,
                          env={**ENV, **(env or {})}, **more)
    return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def pprof(*args, env=None, **more):
    return run([SONDE, "pprof"], *args, env=env, **more)


def flat(text):
    """Of -top: {name: flat}."""
    return {m[2]: int(m[1]) for m in re.finditer(r"^ *(-?\d+) +\S+% +\S+% +-?\d+ +\S+%  (.+)$", text, re.M)}


def is_one_line(err):
    return err.count("\n") == 1 and err.startswith("sonde: ")


# --- several files ---

def merging():
    a, b = write("a.pb.gz", profile({"f": 3, "g": 5})), write("b.pb.gz", profile({"f": 10, "h": 1}))
    c = write("c.pb.gz", profile({"g": 2, "h": 7}))
    status, out, err = pprof("-top", a, b, c)
    check("three files", status == 0 and flat(out) == {"f": 13, "g": 7, "h": 8}, out + err)
    status, out, err = pprof("-top", a, "nowhere", b, "nowhere2")
    check("two of four", status == 0 and flat(out) == {"f": 13, "g": 5, "h": 1}, out + err)
    check("two of four are told", "'nowhere'" in err and "'nowhere2'" in err and "read 2 of 4 sources" in err, err)
    status, out, err = pprof("-top", "nowhere", "nowhere2")
    check("none of two", status == 1 and not out and err.splitlines()[-1].startswith("sonde: none of the 2 sources"), err)
    status, out, err = pprof("-top", f"-base={a}", f"-base={b}", c)
    check("two bases", status == 0 and flat(out) == {"f": -13, "g": -3, "h": 6}, out + err)
    status, out, err = pprof("-top", f"-diff_base={a}", f"-diff_base={b}", c)
    check("two of -diff_base", status == 0 and flat(out) == {"f": -13, "g": -3, "h": 6} and
          "of 19 total" in out, out + err)
    status, out, err = pprof("-top", f"-base={a}", "-base=nowhere", c)
    check("one of two bases", status == 0 and flat(out) == {"f": -3, "g": -3, "h": 7} and
          "read 1 of 2 bases" in err, out + err)
    status, out, err = pprof("-top", *[a] * 300)  # more than are read at once
    check("300 files", status == 0 and flat(out) == {"f": 900, "g": 1500}, out + err)
    broken = write("broken.pb.gz", profile({"f": 3})[:40])
    status, out, err = pprof("-top", broken, a, broken, b, broken)
    check("broken ones among others", status == 0 and flat(out) == {"f": 13, "g": 5, "h": 1} and
          "read 2 of 5 sources" in err, out + err)
    status, out, err = pprof("-top", broken, a, broken)
    check("one of three", status == 0 and flat(out) == {"f": 3, "g": 5} and
          err.count("broken.pb.gz") == 1 and "read 1 of 3 sources" in err, out + err)
    two = write("two.pb.gz", profile({"f": 100}, types=(("other", "count"), ("samples", "count"))))
    for k in range(4):  # only the types that all have, wherever the one with others is
        files = [a, b, c]
        files.insert(k, two)
        status, out, err = pprof("-top", *files, broken)
        check(f"other types at {k}", status == 0 and flat(out) == {"f": 113, "g": 7, "h": 8} and
              err.count("broken.pb.gz") == 1, out + err)
    status, out, err = pprof("-top", *[a] * 299, two)  # in the last lot
    check("other types after many", status == 0 and flat(out) == {"f": 997, "g": 1495}, out + err)
    shell = f'exec "$SONDE" pprof -top <(cat {a}) <(cat {b})'
    if shutil.which("bash"):
        for _ in range(3):
            status, out, err = run(["bash", "-c", shell], env={"SONDE": SONDE})
            check("pipes", status == 0 and flat(out) == {"f": 13, "g": 5, "h": 1}, out + err)


# --- servers ---

class Handler(http.server.BaseHTTPRequestHandler):
    both = threading.Barrier(3, timeout=20)
    proxied = []

    def log_message(self, *args):
        pass

    def do_GET(self):
        data = profile({"f": 1}, file="/opt/my/prog", types=(("alloc", "count"), ("in use", "count")))
        if self.path.startswith("/both/"):
            try:
                self.both.wait()
            except threading.BrokenBarrierError:
                return self.send_error(503)
        if self.path.startswith("http://"):
            self.proxied.append((self.path, self.headers.get("Proxy-Authorization")))
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def servers():
    if not ctypes.util.find_library("curl"):
        return skip("servers", "no libcurl.so.4")
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    web.daemon_threads = True
    threading.Thread(target=web.serve_forever, daemon=True).start()
    at = f"http://127.0.0.1:{web.server_port}"
    status, out, err = pprof("-top", f"-base={at}/both/3", f"{at}/both/1", f"{at}/both/2")
    check("fetched side by side", status == 0 and "503" not in err and flat(out) == {"f": 1}, out + err)

    # The copies, and the same of Go's.
    names = {}
    for who, program in ("sonde", [SONDE, "pprof"]), ("go", [GO_PPROF]):
        if who == "go" and not GO_PPROF:
            skip("names of copies compared", "no pprof of Go (SONDE_GO_PPROF)")
            continue
        folder = os.path.join(WORK, "copies of " + who)
        for _ in range(2):
            run(program, "-top", at + "/x", env={"PPROF_TMPDIR": folder})
        names[who] = sorted(os.listdir(folder))
    check("names of copies", names["sonde"] == ["pprof.prog.alloc.in use.001.pb.gz", "pprof.prog.alloc.in use.002.pb.gz"],
          names)
    check("names of copies as of Go", names.get("go", names["sonde"]) == names["sonde"], names)

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))

    folder = os.path.join(WORK, "full")
    status, out, err = pprof("-top", at + "/x", env={"PPROF_TMPDIR": folder}, preexec_fn=small_files,
                             restore_signals=False)
    check("no room for the copy", status == 0 and "Could not save profile: " in err and "File too large" in err and
          flat(out) == {"f": 1} and os.listdir(folder) == [], out + err)
    folder = write("file", b"")
    status, out, err = pprof("-top", at + "/x", env={"PPROF_TMPDIR": folder})
    check("PPROF_TMPDIR is a file", status == 0 and "cannot use the folder" in err and flat(out) == {"f": 1}, err)

    # The server as a proxy.
    url = "http://there.invalid:81/debug/pprof/heap"
    for name in "http_proxy", "HTTP_PROXY":
        Handler.proxied.clear()
        status, out, err = pprof("-top", url, env={name: f"http://u:p@127.0.0.1:{web.server_port}"})
        check(name, status == 0 and flat(out) == {"f": 1} and Handler.proxied == [(url, "Basic dTpw")],
              (Handler.proxied, err))
    Handler.proxied.clear()
    proxy = f"http://127.0.0.1:{web.server_port}"
    for env in {"no_proxy": "there.invalid"}, {"NO_PROXY": ".invalid"}, {"no_proxy": "*"}:
        status, out, err = pprof("-top", url, env={"http_proxy": proxy, "HTTP_PROXY": proxy, **env})
        check(f"{env}", status == 1 and "resolve" in err and not Handler.proxied, (Handler.proxied, err))
    status, out, err = pprof("-top", url, env={"HTTP_PROXY": proxy, "REQUEST_METHOD": "GET"})
    check("HTTP_PROXY of a CGI program", status == 1 and "resolve" in err and not Handler.proxied, err)
    for host in "127.0.0.1", "localhost", "LOCALHOST", "u:p@127.0.0.1":
        status, out, err = pprof("-top", f"http://{host}:{web.server_port}/x", env={"http_proxy": "http://127.0.0.1:1"})
        check(f"no proxy for {host}", status == 0 and flat(out) == {"f": 1}, err)
    status, out, err = pprof("-top", url, env={"http_proxy": "http://127.0.0.1:1"})
    check("no proxy there", status == 1 and "onnect" in err and not out, err)
    status, out, err = pprof("-top", "unix:" + os.path.join(WORK, "none") + "/debug/pprof/heap")
    check("no Unix socket", status == 1 and is_one_line(err) and "No such file" in err, err)
    deaf = os.path.join(WORK, "deaf")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(deaf)
        status, out, err = pprof("-top", f"unix:{deaf}/debug/pprof/heap")
    check("nobody at the Unix socket", status == 1 and "onnect" in err.splitlines()[-1], err)
    web.shutdown()


# --- programs ---

def binary_path():
    """Each place where programs are looked for, from the last to the first."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    source = write("prog.c", b"__attribute__((noinline)) int hot(int x) { return x * 3; }\n"
                             b"int main(int argc, char **argv) { return hot(argc); }\n")
    program = os.path.join(WORK, "built")
    if not compiler or subprocess.run([compiler, "-g", "-O1", "-no-pie", "-fno-pie", f"-Wl,--build-id=0x{ID}", "-o",
                                       program, source], capture_output=True).returncode:
        return skip("PPROF_BINARY_PATH", "no C compiler")
    symbols = subprocess.run(["nm", program], capture_output=True, text=True).stdout if shutil.which("nm") else ""
    m = re.search(r"^([0-9a-f]+) T hot$", symbols, re.M)
    if not m:
        return skip("PPROF_BINARY_PATH", "no nm")
    address = int(m[1], 16)
    path = write("addresses.pb.gz", profile({address: 7}, "/opt/none/prog", ID, addresses=True))
    places = [f"A/{ID}/prog", f"A/{ID}/renamed", f"A/opt/none/prog/{ID}", f"A/{ID[:2]}/{ID[2:]}.debug", "A/prog",
              "A/opt/none/prog", "A/opt/none/prog.debug", "A/opt/none/.debug/prog.debug",
              "A/usr/lib/debug/opt/none/prog.debug", "B/prog"]
    env = {"PPROF_BINARY_PATH": "A:B"}
    status, out, err = pprof("-top", path, env=env)
    check("no program", status == 0 and "hot" not in out and "PPROF_BINARY_PATH" in err, out + err)
    for place in reversed(places):
        to = os.path.join(WORK, place)
        if place == f"A/opt/none/prog/{ID}":
            os.unlink(os.path.join(WORK, "A/opt/none/prog"))
        os.makedirs(os.path.dirname(to), exist_ok=True)
        shutil.copy(program, to)
        status, out, err = pprof("-top", path, env=env)
        check(place, status == 0 and flat(out) == {"hot": 7}, out + err)
        status, out, err = pprof("-raw", path, env=env)
        check(place, f" {place} {ID}" in out, out)
    other = write("other.pb.gz", profile({address: 7}, "/opt/none/prog", ID[:-1] + "0", addresses=True))
    status, out, err = pprof("-top", other, env={"PPROF_BINARY_PATH": "B"})
    check("another build ID", status == 0 and "hot" not in out and "build-id mismatch" in err, out + err)
    status, out, err = pprof("-top", f"-buildid={ID}", write("no_id.pb.gz", profile({address: 7}, addresses=True)),
                             env=env)
    check("-buildid finds it", status == 0 and "hot" in out or "Build ID: " + ID in out, out + err)
    status, out, err = pprof("-top", program, write("no_file.pb.gz", profile({address: 7}, addresses=True)))
    check("the program before the profile", status == 0 and flat(out) == {"hot": 7}, out + err)


# --- what cannot be read or written ---

REPORTS = ("comments dot raw tags text top traces tree list=main peek=main callgrind proto topproto weblist=main svg "
           "png pdf ps folded speedscope firefox flame html").split()


def unreadable():
    for path, why in (("/dev/zero", "is a device"), (WORK, "Is a directory"), ("none", "No such file")):
        if path == "/dev/zero" and not os.path.exists(path):
            skip(path, "not there")
            continue
        for args in ["-top"], ["-proto"], ["-top", f"-base={path}"]:
            status, out, err = pprof(*args, CPU if len(args) > 1 else path)
            check(f"{args} {path}", status == 1 and is_one_line(err) and why in err and not out, err)
    path = write("secret", b"x")
    os.chmod(path, 0)

    def nobody():
        if os.geteuid() == 0:
            os.chmod(WORK, 0o755)
            os.setuid(65534)

    status, out, err = pprof("-top", path, preexec_fn=nobody)
    check("no permission", status == 1 and is_one_line(err) and "Permission denied" in err, err)
    fifo = os.path.join(WORK, "fifo")
    os.mkfifo(fifo)
    with open(CPU, "rb") as f:
        data = f.read()
    threading.Thread(target=lambda: open(fifo, "wb").write(data), daemon=True).start()
    status, out, err = pprof("-top", fifo)
    check("a FIFO", status == 0 and "main.burnHot" in out, err)


def unwritable():
    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20, 20))

    folder = os.path.join(WORK, "out")
    os.mkdir(folder)
    has_cairo = "libcairo2" not in pprof("-png", CPU)[2]
    for report in REPORTS:
        if report in ("png", "pdf", "ps") and not has_cairo:
            skip(f"-{report}", "no libcairo.so.2")
            continue
        to = os.path.join(folder, "old")
        if report == "comments":  # none: nothing to write
            continue
        write("out/old", b"old\n")
        status, out, err = pprof("-" + report, f"-output={to}", CPU, preexec_fn=small_files, restore_signals=False)
        check(f"no room for -{report}", status == 1 and not out and
              ("File too large" in err.splitlines()[-1] or report == "ps"), err)
        with open(to) as f:
            check(f"no room for -{report}", f.read() == "old\n" and os.listdir(folder) == ["old"], os.listdir(folder))
        for bad, why in (("/dev/full", "No space left"), (os.path.join(WORK, "none/x"), "No such file"),
                         (folder, "Is a directory")):
            status, out, err = pprof("-" + report, f"-output={bad}", CPU)
            check(f"-{report} to {bad}", status == 1 and why in err.splitlines()[-1] and not out, err)


WORK = os.path.realpath(tempfile.mkdtemp())
ENV = {k: v for k, v in os.environ.items() if "proxy" not in k.lower() and not k.startswith("PPROF_")}
ENV.update(HOME=WORK, TMPDIR=WORK, TZ="UTC", DEBUGINFOD_URLS="")
try:
    for test in merging, servers, binary_path, unreadable, unwritable:
        test()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
