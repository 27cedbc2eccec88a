#!/usr/bin/env python3
"""The API of profiles by name, and its HTTP server: linked in either way, preloaded and
under sonde record, with known answers; what bad clients and the program itself do to it.

Reads $SONDE, $SONDE_BUILD_ROOT, $SONDE_SOURCE_ROOT (and $SONDE_GO_PPROF, Go's pprof, when
there is one).  Ends in the counts.
"""
import concurrent.futures
import gzip
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", os.path.join(HERE, "../../..")))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
GO_PPROF = os.environ.get("SONDE_GO_PPROF", "")
WORK = tempfile.mkdtemp(prefix="sonde-api-")
RUNTIME = os.path.join(WORK, "runtime")
os.mkdir(RUNTIME, 0o700)
os.environ["XDG_RUNTIME_DIR"] = RUNTIME
os.environ["PPROF_TMPDIR"] = os.path.join(WORK, "pprof")
counts = {"passed": 0, "failed": 0, "skipped": 0}
only = sys.argv[1:]


class Skip(Exception):
    pass


def check(condition, why):
    if not condition:
        raise AssertionError(why)


def same(got, want):
    check(got == want, f"got {got!r}, not {want!r}")


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    at = 0
    while at < len(data):
        key, at = varint(data, at)
        if key & 7 == 2:
            n, at = varint(data, at)
            yield key >> 3, data[at:at + n]
            at += n
        else:
            value, at = varint(data, at)
            yield key >> 3, value


def numbers(data):
    if isinstance(data, int):  # one of them need not be packed
        return [signed(data)]
    at, all_of_them = 0, []
    while at < len(data):
        value, at = varint(data, at)
        all_of_them.append(signed(value))
    return all_of_them


class Profile:
    """A profile.proto: types, samples as (values, labels, addresses), and the rest."""

    def __init__(self, data):
        parts = {}
        for number, value in fields(gzip.decompress(data)):
            parts.setdefault(number, []).append(value)
        self.strings = [s.decode() for s in parts[6]]
        self.types = [self.pair(t) for t in parts[1]]
        self.period_type = self.pair(parts[11][0])
        self.period = parts[12][0]
        self.time = parts[9][0]
        self.duration = parts.get(10, [0])[0]
        self.default = self.strings[parts.get(14, [0])[0]]
        addresses = {}
        for location in parts.get(4, []):
            of = dict(fields(location))
            addresses[of[1]] = of[3]
        self.samples = []
        for sample in parts.get(2, []):
            values, stack, labels = [], [], {}
            for number, value in fields(sample):
                if number == 1:
                    stack += [addresses[n] for n in numbers(value)]
                elif number == 2:
                    values += numbers(value)
                elif number == 3:
                    label = dict(fields(value))
                    labels[self.strings[label[1]]] = (self.strings[label[2]] if 2 in label
                                                      else label.get(3, 0))
            self.samples.append((values, labels, stack))

    def pair(self, data):
        of = dict(fields(data))
        return self.strings[of[1]] + "/" + self.strings[of[2]]


class Program:
    """serve, and what it answers."""

    def __init__(self, binary, *args, env=None, wrap=()):
        self.process = subprocess.Popen([*wrap, os.path.join(WORK, binary), *args],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=dict(os.environ, **(env or {})), text=True)
        self.address = self.process.stdout.readline().strip()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.stdin.close()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()

    def do(self, line, want="ok"):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        same(self.process.stdout.readline().strip(), want)

    def write(self, name, debug=0):
        path = os.path.join(WORK, "written")
        self.do(f"write {name} {debug} {path}")
        with open(path, "rb") as f:
            return f.read()

    def own_socket(self):
        return os.path.join(RUNTIME, "sonde", f"{self.process.pid}.sock")

    def connect(self, own=False):
        if own or self.address.startswith("unix:"):
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(20)
            s.connect(self.own_socket() if own else self.address[5:])
            return s
        host, port = self.address.rsplit(":", 1)
        return socket.create_connection((host.strip("[]"), int(port)), timeout=20)

    def ask(self, request, own=False):
        with self.connect(own) as s:
            s.sendall(request)
            return read_all(s)

    def get(self, path, own=False, method="GET", body=None, head=""):
        text = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{head}"
        if body is not None:
            text += f"Content-Length: {len(body)}\r\n"
        return answer(self.ask(text.encode() + b"\r\n" + (body or b""), own))

    def page(self, path, status=200, **options):
        got, head, body = self.get("/debug/pprof/" + path, **options)
        check(got == status, f"{path}: {got} {body[:200]!r}")
        return head, body

    def profile(self, path, **options):
        return Profile(self.page(path, **options)[1])


def read_all(s):
    data = b""
    while True:
        more = s.recv(1 << 16)
        if not more:
            return data
        data += more


def answer(data):
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    of = dict(line.split(": ", 1) for line in lines[1:])
    check(lines[0].startswith("HTTP/1.1 "), f"no answer: {data[:100]!r}")
    same(of.get("Content-Length"), str(len(body)))
    return int(lines[0].split()[1]), of, body


def build(out, *flags, source="serve.c", cc="cc"):
    subprocess.check_call([cc, "-O2", "-g", "-fno-optimize-sibling-calls", "-D_GNU_SOURCE",
                           "-I", os.path.join(ROOT, "include"), "-o", os.path.join(WORK, out),
                           os.path.join(HERE, source), "-pthread", *flags])


def top(data, *flags):
    """The functions of a profile with their cumulative values, by sonde pprof."""
    path = os.path.join(WORK, "top.pb.gz")
    with open(path, "wb") as f:
        f.write(data)
    out = subprocess.run([SONDE, "pprof", "-top", "-cum", "-symbolize=local", *flags, path],
                         stdout=subprocess.PIPE, text=True, check=True).stdout
    rows = re.findall(r"^ *\S+ +\S+% +\S+% +(\S+) +\S+%  (\S+)", out, re.M)
    return {name: value for value, name in rows}, out


# What the profiles say.

def test_heap_counts():
    with Program("serve", "-", "1") as p:
        p.do("keep 100 1000")
        p.do("keep 7 70000")
        p.do("drop 3")
        heap = Profile(p.write("heap"))
        same(heap.types, ["alloc_objects/count", "alloc_space/bytes",
                          "inuse_objects/count", "inuse_space/bytes"])
        same((heap.period_type, heap.period, heap.default), ("space/bytes", 1, ""))
        by_size = {labels["bytes"]: values for values, labels, _ in heap.samples}
        same(by_size[1000], [100, 100000, 100, 100000])
        same(by_size[70000], [7, 490000, 4, 280000])
        same(Profile(p.write("allocs")).default, "alloc_space")
        # Off: no more samples, but frees are seen; on again: at the same rate.
        p.do("rate 0", "0")
        p.do("keep 1 50000")
        p.do("drop 5")
        by_size = {labels["bytes"]: values for values, labels, _ in Profile(p.write("heap")).samples}
        same(by_size[70000], [7, 490000, 0, 0])
        check(50000 not in by_size, "sampled while off")
        p.do("rate 4096", "-1")
        p.do("rate 1", "0")
        p.do("keep 1 50000")
        by_size = {labels["bytes"]: values for values, labels, _ in Profile(p.write("heap")).samples}
        same(by_size[50000], [1, 50000, 1, 50000])
        names, _ = top(p.write("heap"), "-sample_index=alloc_objects")
        check("keep_blocks" in names and "main" in names, names)


def test_heap_is_scaled():
    # By the factor 1 / (1 - exp(-size / rate)), as Go's.
    with Program("serve", "-", "65536") as p:
        for _ in range(10):
            p.do("keep 900 20000")
            p.do("drop 900")
        (values, labels, _), = [s for s in Profile(p.write("heap")).samples
                                if s[1]["bytes"] == 20000]
        factor = 1 / (1 - 2.718281828459045 ** (-20000 / 65536))
        n = round(values[0] / factor)
        same(values[0], int(n * factor))
        check(abs(values[1] - n * factor * 20000) < 2, values)
        check(8000 < values[0] < 10000, values)  # 9,000 +- 5 sigma
        same(labels, {"bytes": 20000})


def test_counts():
    with Program("serve", "-", "1") as p:
        before = Profile(p.write("threadcreate"))
        same((before.types, before.period_type, before.period),
             (["threadcreate/count"], "threadcreate/count", 1))
        same(before.samples, [])
        p.do("threads 12")
        p.do("rates 1 1", "0 0")
        p.do("lock 3 100")
        same(sum(s[0][0] for s in Profile(p.write("threadcreate")).samples), 15)
        for kind, where in (("block", "wait_for_it"), ("mutex", "hold_lock")):
            data = p.write(kind)
            got = Profile(data)
            same((got.types, got.period_type, got.period),
                 (["contentions/count", "delay/nanoseconds"], "contentions/count", 1))
            names, out = top(data, "-unit=ms")
            check(where in names and 290 < float(names[where][:-2]) < 400, out)
        names, _ = top(p.write("mutex"), "-sample_index=contentions")
        same(names["hold_lock"], "3")


def test_own_profiles():
    with Program("serve", "-") as p:
        p.do("add 10 0")
        p.do("remove 4", "0 9")
        p.do("remove 4", "0 9")
        data = p.write("serve.things")
        got = Profile(data)
        same((got.types, got.period), (["serve.things/count"], 1))
        same([s[0] for s in got.samples], [[9]])
        names, _ = top(data)
        same((names["add_thing"], names["add_things"]), ("9", "9"))
    with Program("serve", "-") as p:
        p.do("add 5 1")
        names, _ = top(p.write("serve.things"))
        check("add_thing" not in names and names["add_things"] == "5", names)


def test_errors():
    with Program("serve", "localhost:0", "1") as p:
        p.do("keep 1 1000")
        p.do("errors")


def test_texts():
    with Program("serve", "-", "1") as p:
        p.do("keep 100 1000")
        p.do("drop 40")
        p.write("threadcreate")
        p.do("threads 3")
        p.do("add 4 0")
        p.do("rates 1 1", "0 0")
        p.do("lock 1 50")
        heap = p.write("heap", 1).decode()
        check(re.match(r"heap profile: \d+: \d+ \[\d+: \d+\] @ heap/2\n", heap), heap[:200])
        check(re.search(r"^60: 60000 \[100: 100000\] @( 0x[0-9a-f]+)+\n"
                        r"#\t0x[0-9a-f]+\tkeep_blocks\+0x[0-9a-f]+\t+/.*/serve\n", heap, re.M), heap)
        check(re.search(r"^# MaxRSS = \d+$", heap, re.M), "no MaxRSS")
        things = p.write("serve.things", 1).decode()
        check(things.startswith("serve.things profile: total 4\n4 @ 0x"), things[:200])
        check(re.search(r"#\t0x\w+\tadd_thing\+0x\w+\t+\S+\n#\t0x\w+\tadd_things\+", things), things)
        block, mutex = p.write("block", 1).decode(), p.write("mutex", 1).decode()
        check(block.startswith("--- contention:\ncycles/second=1000000000\n"), block[:200])
        check(mutex.startswith("--- mutex:\ncycles/second=1000000000\nsampling period=1\n"),
              mutex[:200])
        # Readers take them for what the files say.
        for kind, index in (("heap", "inuse_space"), ("heap", "alloc_objects"),
                            ("threadcreate", "threadcreate"), ("block", "contentions"),
                            ("mutex", "delay"), ("serve.things", "serve.things")):
            flags = [f"-sample_index={index}", "-nodefraction=0"]
            file, text = top(p.write(kind), *flags)[0], top(p.write(kind, 1), *flags)[0]
            for name in ("main", "keep_blocks", "add_thing", "hold_lock", "wait_for_it"):
                if name in file and kind != "heap":
                    same(text.get(name), file[name])
            check("main" in text or kind == "block", f"{kind}: {text}")


def test_go_reads_all():
    if not GO_PPROF:
        raise Skip("no go tool pprof is given (SONDE_GO_PPROF)")
    with Program("serve", "localhost:0", "1") as p:
        p.do("keep 100 1000")
        p.do("threads 3")
        p.do("add 4 0")
        p.do("rates 1 1", "0 0")
        p.do("lock 1 50")
        for path in ("heap", "allocs", "threadcreate", "block", "mutex", "serve.things",
                     "heap?debug=1", "threadcreate?debug=1", "block?debug=1", "mutex?debug=1",
                     "serve.things?debug=1", "profile?seconds=1", "allocs?seconds=1"):
            out = subprocess.run([*GO_PPROF.split(), "-traces",
                                  f"http://{p.address}/debug/pprof/{path}"],
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            check(out.returncode == 0 and "Type: " in out.stdout, f"{path}: {out.stdout[-400:]}")
            if "seconds" not in path:
                check("main" in out.stdout or "wait_for_it" in out.stdout, out.stdout)


# The server.

def test_pages():
    with Program("serve", "localhost:0", "1") as p:
        p.do("keep 10 1000")
        p.do("add 4 0")
        head, index = p.page("")
        same(head["Content-Type"], "text/html; charset=utf-8")
        rows = re.findall(r"<tr><td>(\d+)</td><td><a href='([^']*)\?debug=1'>([^<]*)</a>",
                          index.decode())
        names = [name for _, _, name in rows]
        same(names, sorted(names))
        for name in ("allocs", "block", "cmdline", "heap", "mutex", "profile", "symbol",
                     "threadcreate", "trace", "serve.things"):
            check(name in names, f"{name} is not in the index")
        same([n for n, _, name in rows if name == "serve.things"], ["4"])
        for name in ("heap", "allocs", "block", "mutex", "threadcreate", "serve.things"):
            head, data = p.page(name)
            same((head["Content-Type"], head["Content-Disposition"],
                  head["X-Content-Type-Options"]),
                 ("application/octet-stream", f'attachment; filename="{name}"', "nosniff"))
            Profile(data)
            head, text = p.page(name + "?debug=1")
            same(head["Content-Type"], "text/plain; charset=utf-8")
            check("Content-Disposition" not in head, head)
            same(p.page(name + "?debug=1")[1].split(b"\n# Max")[0], text.split(b"\n# Max")[0])
        same(p.page("heap?gc=1&debug=0")[0]["Content-Type"], "application/octet-stream")
        same(p.page("cmdline")[1], f"{WORK}/serve\0localhost:0\x001".encode())
        same(p.get("/debug/pprof")[:2][0], 301)
        same(p.get("/debug/pprof")[1]["Location"], "/debug/pprof/")
        same(p.page("cmdline", own=True)[1], p.page("cmdline")[1])


def test_symbols():
    with Program("serve", "localhost:0", "1") as p:
        p.do("keep 10 1000")
        text = p.page("heap?debug=1")[1].decode()
        address = re.search(r"#\t(0x\w+)\tkeep_blocks", text).group(1)
        want = f"num_symbols: 1\n{address} keep_blocks\n"
        same(p.page(f"symbol?{address}+0x10+nonsense")[1].decode(), want)
        same(p.page("symbol", method="POST", body=f"0x1+{address}".encode())[1].decode(), want)
        same(p.page("symbol")[1], b"num_symbols: 1\n")
        many = "+".join([address] * 50000).encode()
        same(p.page("symbol", method="POST", body=many)[1].count(b"keep_blocks"), 50000)


def until(condition):
    end = time.time() + 20
    while not condition():
        check(time.time() < end, "it does not come to that")
        time.sleep(0.01)


def has_timers(pid):
    """Whether its CPU time is sampled."""
    path = f"/proc/{pid}/timers"
    if not os.path.exists(path):  # the kernel is built without
        time.sleep(0.5)
        return True
    with open(path, encoding="utf-8") as f:
        return f.read() != ""


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
        return sum(map(int, f.read().rsplit(")", 1)[1].split()[11:13])) / os.sysconf("SC_CLK_TCK")


def test_profile():
    with Program("serve", "localhost:0") as p:
        for seconds in (4, 15, 60):
            with concurrent.futures.ThreadPoolExecutor() as pool:
                wait = pool.submit(p.page, f"profile?seconds={seconds}")
                until(lambda: has_timers(p.process.pid))
                head, body = p.page("profile?seconds=1", status=500)
                same(body, b"Could not enable CPU profiling: cpu profiling already in use\n")
                same(head["X-Go-Pprof"], "1")
                p.do("burn 500")
                in_time = not wait.done()
                head, data = wait.result()
            if in_time:
                break  # else the machine is too busy for so much CPU time in these seconds
        same(head["Content-Disposition"], 'attachment; filename="profile"')
        got = Profile(data)
        same((got.types, got.period), (["samples/count", "cpu/nanoseconds"], 10000000))
        check((seconds - 0.1) * 1e9 < got.duration < (seconds + 2) * 1e9, got.duration)
        names, out = top(data, "-unit=ms")
        check(400 < float(names["burn_here"][:-2]) < 600, out)


def test_deltas():
    with Program("serve", "localhost:0", "1") as p:
        p.do("keep 10 1000")
        p.do("keep 5 2000")
        p.do("threads 4")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            heap = pool.submit(p.page, "heap?seconds=1")
            threads = pool.submit(p.page, "threadcreate?seconds=1")
            time.sleep(0.3)
            p.do("drop 5")
            p.do("keep 3 3000")
            p.do("threads 6")
            head, data = heap.result()
            same(head["Content-Disposition"], 'attachment; filename="heap-delta"')
            by_size = {labels["bytes"]: values for values, labels, _ in Profile(data).samples}
            same(by_size[3000], [3, 9000, 3, 9000])
            same(by_size[2000], [0, 0, -5, -10000])
            check(1000 not in by_size, "what has not changed is there")
            check(0.9e9 < Profile(data).duration < 1.5e9, Profile(data).duration)
            same(sum(s[0][0] for s in Profile(threads.result()[1]).samples), 6)


def test_refusals():
    with Program("serve", "localhost:0") as p:
        for path, status, text in (
                ("nope", 404, "Unknown profile"),
                ("heap?seconds=x", 400,
                 'invalid value for "seconds" - must be a positive integer'),
                ("heap?seconds=-1", 400,
                 'invalid value for "seconds" - must be a positive integer'),
                ("serve.things?seconds=1", 400,
                 '"seconds" parameter is not supported for this profile type'),
                ("heap?seconds=1&debug=1", 400, "seconds and debug params are incompatible"),
                ("trace?seconds=1e9", 200, None), ("trace?seconds=86401", 400,
                 'invalid value for "seconds" - must be at most 86400')):
            head, body = p.page(path, status=status)
            if not text:
                same(body[:8], b"go 1.26 ")
                continue
            same((body.decode(), head["X-Go-Pprof"], head["Content-Type"]),
                 (text + "\n", "1", "text/plain; charset=utf-8"))
        same(p.get("/")[0], 404)
        same(p.get("/debug/pprof/heap", method="POST", body=b"")[0], 405)
        same(p.get("/debug/pprof/heap", method="DELETE")[0], 405)
        same(p.get("/debug/pprof/heap", head="Host: localhost\r\n")[0], 400)
        for host, status in (("localhost", 200), ("localhost:80", 200), ("127.0.0.1", 200),
                             ("[::1]:6060", 200), ("a.localhost", 200), ("example.com", 403),
                             ("localhost.example.com", 403), ("127.0.0.1.example.com", 403),
                             ("[::1].example.com", 403), ("", 403), ("1.2.3", 403)):
            got = answer(p.ask(b"GET /debug/pprof/cmdline HTTP/1.1\r\nHost: " + host.encode() +
                               b"\r\n\r\n"))[0]
            check(got == status, f"host {host}: {got}")
        same(answer(p.ask(b"GET /debug/pprof/cmdline HTTP/1.0\r\n\r\n"))[0], 200)


def test_garbage():
    with Program("serve", "localhost:0") as p:
        line = b"GET /debug/pprof/ HTTP/1.1\r\n"
        for request, status in (
                (b"\r\n\r\n", 400), (b"GET\r\n\r\n", 400), (b"GET /\r\n\r\n", 400),
                (b"GET / HTTP/2.0\r\n\r\n", 505), (b"GET / FTP/1.1\r\n\r\n", 400),
                (b"GET /%zz HTTP/1.0\r\n\r\n", 400), (b"GET /%00 HTTP/1.0\r\n\r\n", 400),
                (b"GET x HTTP/1.0\r\n\r\n", 400), (b"G\x80T / HTTP/1.0\r\n\r\n", 400),
                (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n\n", 400),
                (line + b"\r\n", 400), (line + b"Host: localhost\r\nbad\r\n\r\n", 400),
                (line + b"Host : localhost\r\n\r\n", 400),
                (line + b"Host: localhost\r\nContent-Length: -1\r\n\r\n", 400),
                (line + b"Host: localhost\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n", 400),
                (line + b"Host: localhost\r\nContent-Length: 99999999\r\n\r\n", 413),
                (line + b"Host: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
                (line + b"Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n", 501),
                (line + b"Host: localhost\r\nX: " + b"y" * 20000, 431),
                (b"A" * 100000, 431)):
            got = answer(p.ask(request))[0]
            check(got == status, f"{request[:60]!r}: {got}, not {status}")
        # In pieces, by a client that sends all at once and by one that goes away.
        with p.connect() as s:
            for byte in b"GET /debug/pprof/cmdline HTTP/1.0\r\n\r\n":
                s.sendall(bytes([byte]))
                time.sleep(0.002)
            same(answer(read_all(s))[0], 200)
        for request in (b"", b"GET", line + b"Host: localhost\r\n"):
            p.connect().close()
            with p.connect() as s:
                s.sendall(request)
        same(p.page("cmdline")[0]["Connection"], "close")


def test_many_clients():
    with Program("serve", "localhost:0", "1") as p:
        p.do("keep 100 1000")
        paths = ["heap", "heap?debug=1", "allocs", "threadcreate?debug=1", "", "cmdline",
                 "heap?seconds=1", "block", "mutex?debug=1", "serve.things"] * 2
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            for _, body in pool.map(p.page, paths):
                check(body, "nothing")
        # Clients that send nothing and clients that read nothing keep nobody from it.
        idle = [p.connect() for _ in range(100)]
        deaf = [p.connect() for _ in range(20)]
        for s in deaf:
            s.sendall(b"GET /debug/pprof/heap?debug=1 HTTP/1.0\r\n\r\n")
        begin = time.time()
        for _ in range(20):
            p.page("cmdline")
        check(time.time() - begin < 3, f"{time.time() - begin} s for 20 small pages")
        for s in idle + deaf:
            s.close()
        # A client that goes away ends its CPU profile.
        with p.connect() as s:
            s.sendall(b"GET /debug/pprof/profile?seconds=30 HTTP/1.0\r\n\r\n")
            time.sleep(0.2)
            p.page("profile?seconds=1", status=500)
        time.sleep(0.2)
        p.page("profile?seconds=1")


def test_program_does_not_notice():
    with Program("serve", "localhost:0", "1") as p:
        pid = p.process.pid
        same(sorted(os.listdir(f"/proc/{pid}/fd")), ["0", "1", "2"])
        names = []
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/comm") as f:
                names.append(f.read().strip())
            if names[-1] == "sonde":
                with open(f"/proc/{pid}/task/{tid}/status") as f:
                    blocked = re.search(r"SigBlk:\t(\w+)", f.read()).group(1)
                same(blocked, "fffffffffffbfeff")  # but KILL and STOP
        same(sorted(names), ["serve", "sonde"])
        p.do("closeall", "0")
        p.page("cmdline")
        if os.getuid() == 0:
            p.do("setuid")
        p.page("cmdline")
        p.do("keep 10 1000")
        for _ in range(3):
            p.page("heap?debug=1")
        same(p.profile("threadcreate").samples, [])
        sizes = sorted(s[1]["bytes"] for s in p.profile("heap").samples)
        check(len(sizes) <= 5 and 1000 in sizes, sizes)  # stdio's buffers and the blocks


def test_fork():
    with Program("serve", "localhost:0", "1") as p:
        p.do("add 7 0")
        p.do("fork 0")
        p.do("keep 100 1000")
        with concurrent.futures.ThreadPoolExecutor() as pool:
            wait = pool.submit(p.page, "heap?seconds=1")
            for _ in range(20):
                p.do("fork 0")
            wait.result()
        p.do("fork 1")
        p.page("cmdline")
        check(not [f for f in os.listdir(os.path.join(RUNTIME, "sonde"))
                   if f != f"{p.process.pid}.sock"], "the child's socket stayed")


def test_filter_for_all_threads():
    for address in ("localhost:0", ""):
        with Program("serve", address, "1") as p:
            p.page("cmdline")
            with p.connect() as s:
                s.sendall(b"GET /debug/pprof/profile?seconds=60 HTTP/1.0\r\n\r\n")
                time.sleep(0.1)
                p.do("filter")
                same(read_all(s), b"")
            p.do("keep 10 1000")
            p.do("burn 100")
            own = p.own_socket()
            check(not os.path.exists(own), "the socket stayed")
            p.process.stdin.close()
            same(p.process.wait(10), 0)


def test_main_thread_ends():
    with Program("serve", "localhost:0") as p:
        p.process.stdin.write("exit\n")
        p.process.stdin.flush()
        same(p.process.wait(15), 0)


def test_own_sockets():
    folder = os.path.join(RUNTIME, "sonde")
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)
    stale = os.path.join(folder, "4194305.sock")
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(stale)
    with Program("serve", "") as p:
        same(p.address, "unix:" + p.own_socket())
        same(os.stat(folder).st_mode & 0o777, 0o700)
        check(not os.path.exists(stale), "a stale socket is there")
        p.page("cmdline")
        out = subprocess.run([SONDE, "pprof", "-raw", f"unix:{p.own_socket()}/debug/pprof/heap"],
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        check("PeriodType: space bytes" in out.stdout, out.stdout)
        with Program("serve", "localhost:0") as q:
            q.page("cmdline", own=True)
            check(os.path.exists(p.own_socket()), "another one's socket is gone")
            q.process.kill()
        own = p.own_socket()
    check(not os.path.exists(own), "the socket is there after the end")
    os.chmod(folder, 0o755)
    with Program("serve", "localhost:0", env={"XDG_RUNTIME_DIR": RUNTIME}) as p:
        check(not os.path.exists(p.own_socket()), "a socket in a folder that others may enter")
        p.page("cmdline")
    shutil.rmtree(folder)
    path = os.path.join(WORK, "explicit.sock")
    with Program("serve", "unix:" + path) as p:
        same(p.address, "unix:" + path)
        p.page("cmdline")
    check(not os.path.exists(path), "the socket is there after the end")
    if os.getuid() == 0:
        # Another user is not answered, though he can reach the socket.
        with Program("serve", "unix:" + path) as p:
            os.chmod(WORK, 0o755)
            os.chmod(path, 0o777)
            out = subprocess.run(["setpriv", "--reuid=65534", "--clear-groups", sys.executable,
                                  "-c", "import socket, sys\n"
                                  "s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1])\n"
                                  "try:\n"
                                  "  s.sendall(b'GET /debug/pprof/cmdline HTTP/1.0\\r\\n\\r\\n')\n"
                                  "  print(len(s.recv(1000)))\n"
                                  "except OSError: print(0)\n", path],
                                 stdout=subprocess.PIPE, text=True).stdout
            same(out.strip(), "0")


def test_bad_addresses():
    for address in ("localhost", "localhost:x", "localhost:70000", "example.com:80", "::1:80",
                    "[::1", "unix:", "unix:" + "x" * 200):
        out = subprocess.run([os.path.join(WORK, "serve"), address], stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        check(out.returncode == 1 and ("Invalid" in out.stderr or "too long" in out.stderr),
              f"{address}: {out.stderr}")
    with Program("serve", "localhost:0") as p:
        out = subprocess.run([os.path.join(WORK, "serve"), p.address], stdin=subprocess.DEVNULL,
                             stderr=subprocess.PIPE, text=True)
        check("in use" in out.stderr, out.stderr)
    try:
        with Program("serve", "[::1]:0") as p:
            p.page("cmdline")
    except ValueError:
        pass  # no IPv6 here


def test_preloaded():
    lib = os.path.join(BUILD, "libsonde.so")
    env = dict(os.environ, LD_PRELOAD=lib, SONDE_HTTP="unix", SONDE_HEAP_RATE="1")
    p = subprocess.Popen(["sleep", "30"], env=env)
    try:
        path = os.path.join(RUNTIME, "sonde", f"{p.pid}.sock")
        for _ in range(100):
            if os.path.exists(path):
                break
            time.sleep(0.05)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            s.sendall(b"GET /debug/pprof/heap?debug=1 HTTP/1.0\r\n\r\n")
            status, _, body = answer(read_all(s))
        same(status, 200)
        check(body.startswith(b"heap profile: ") and b"@ heap/2\n" in body, body[:100])
        p.send_signal(signal.SIGTERM)
        same(p.wait(10), -signal.SIGTERM)
    finally:
        p.kill()
        p.wait()


def test_unasked():
    # A process's own socket, from a tenth of a second on; with "off" none.
    lib = os.path.join(BUILD, "libsonde.so")
    preload, record = {"LD_PRELOAD": lib}, [SONDE, "record", "-o", os.path.join(WORK, "some.pb.gz"), "--"]
    # So does each process that it forks, as a server that becomes a daemon.
    code = f"""
import os, time
def wait(limit):
    while time.process_time() < limit:  # it does something that is sampled
        if os.path.exists("{RUNTIME}/sonde/" + str(os.getpid()) + ".sock"):
            return "yes"
    return "no"
print(wait({{}}), end=" ", flush=True)
pid = os.fork()
if pid == 0:
    print(wait({{}}), end=" ", flush=True)
    os._exit(0)
os.waitpid(pid, 0)
print(len(os.listdir("/proc/self/fd")))
"""
    for wanted, command, env in (("yes yes 4", [], preload), ("yes yes 4", record, {}),
                                 ("no no 4", [], {**preload, "SONDE_HTTP": "off"}),
                                 ("no no 4", record, {"SONDE_HTTP": "off"})):
        limit = 20 if "yes" in wanted else 0.5
        done = subprocess.run([*command, sys.executable, "-c", code.format(limit, limit)],
                              stderr=subprocess.PIPE, env={**os.environ, **env},
                              stdout=subprocess.PIPE, text=True, timeout=60)
        same((done.stdout.strip(), done.stderr if done.returncode else ""), (wanted, ""))


def own_socket_of(pid, folder=None):
    path = os.path.join(folder or os.path.join(RUNTIME, "sonde"), f"{pid}.sock")
    for _ in range(200):
        if os.path.exists(path):
            return path
        time.sleep(0.05)
    raise AssertionError(f"no socket {path}")


def test_idle_answers():
    # Recorded processes that do nothing, and are never sampled: all of a tree.
    code = """
import os, sys, time
r, w = os.pipe()
pids = [os.getpid()]
if not (pid := os.fork()):
    os.close(w)
    os.read(r, 1)
    os._exit(0)
pids.append(pid)
pids.append(os.posix_spawn("/bin/sleep", ["sleep", "100"], os.environ))
print(*pids, flush=True)
sys.stdin.read()
os.kill(pids[2], 9)
os.close(w)
os.wait(), os.wait()
"""
    for kinds in ("cpu", "goroutine,block", "heap"):
        p = subprocess.Popen([SONDE, "record", "-e", kinds, "-o", os.path.join(WORK, f"idle-{kinds}"), "--",
                              sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        try:
            for pid in map(int, p.stdout.readline().split()):
                with socket.socket(socket.AF_UNIX) as s:
                    s.connect(own_socket_of(pid))
                    s.sendall(b"GET /debug/pprof/goroutine?debug=2 HTTP/1.0\r\n\r\n")
                    status, _, text = answer(read_all(s))
                check(status == 200 and f"goroutine {pid} [".encode() in text, (kinds, status, text[:200]))
        finally:
            err = p.communicate(timeout=20)[1]
        same((p.returncode, err if p.returncode else ""), (0, ""))


def test_renamed_answers():
    # A server that writes its title over its arguments and environment is found by its pid.
    program = os.path.join(WORK, "renamed")
    with open(program + ".c", "w") as f:
        f.write("""
#include <string.h>
#include <unistd.h>
extern char **environ;
int main(int argc, char **argv)
{
    char **last = environ;
    while (last[1])
        last++;
    memset(argv[0], 'x', *last + strlen(*last) - argv[0]);
    char c;
    return read(0, &c, 1) != 0;
}
""")
    subprocess.check_call(["cc", "-g", program + ".c", "-o", program])
    p = subprocess.Popen([program], stdin=subprocess.PIPE,
                         env={**os.environ, "LD_PRELOAD": os.path.join(BUILD, "libsonde.so")})
    try:
        own_socket_of(p.pid)
        out = subprocess.run([SONDE, "pprof", "-traces", f"pid:{p.pid}/goroutine"], capture_output=True,
                             text=True, timeout=20).stdout
        check("read" in out and "process:" not in out, out)
    finally:
        p.communicate(timeout=20)
    same(p.returncode, 0)


def test_recorded_answers():
    # From the table that is recorded: neither disturbs the other.
    out = os.path.join(WORK, "both.pb.gz")
    p = subprocess.Popen([SONDE, "record", "-o", out, "--", sys.executable, "-c", """
import os, sys, time
print(os.getpid(), flush=True)
while sys.stdin not in __import__("select").select([sys.stdin], [], [], 0)[0]:
    for i in range(10000): pass
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        pid = int(p.stdout.readline())
        path = own_socket_of(pid)

        def ask(page):
            with socket.socket(socket.AF_UNIX) as s:
                s.connect(path)
                s.sendall(f"GET /debug/pprof/{page} HTTP/1.0\r\n\r\n".encode())
                return answer(read_all(s))

        begin, used = time.time(), cpu_seconds(pid)
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            both = list(pool.map(ask, ["profile?seconds=2", "profile?seconds=2"]))
        used, passed = cpu_seconds(pid) - used, time.time() - begin
        for status, _, data in both:
            same(status, 200)
            seconds = sum(s[0][1] for s in Profile(data).samples) / 1e9
            check(0.5 * used * 2 / passed - 0.1 < seconds < used + 0.1, f"{seconds} s of {used} s in {passed} s")
            check(1.9 < Profile(data).duration / 1e9 < passed + 0.1, Profile(data).duration)
        status, _, text = ask("heap")
        check(status == 501 and b"without this kind" in text, (status, text))
        status, _, text = ask("goroutine?debug=2")
        check(status == 200 and text.startswith(b"goroutine ") and b"sonde" not in text.split(b"\n")[0], text[:100])
        used = cpu_seconds(pid)
    finally:
        p.communicate("\n", timeout=20)
    same(p.returncode, 0)
    recorded = Profile(open(out, "rb").read())
    check(sum(s[0][1] for s in recorded.samples) / 1e9 > 0.8 * used - 0.1, f"little is recorded of {used} s")


def test_identity():
    # Our thread becomes who the program becomes, by whichever call.
    if os.getuid() != 0:
        raise Skip("not root")
    code = """
import ctypes, os, re, sys, threading, time
libc = ctypes.CDLL(None, use_errno=True)
def look():
    for _ in range(200):
        texts = [open(f"/proc/self/task/{t}/status").read() for t in os.listdir("/proc/self/task")]
        if len(texts) == n + 1:
            break
        time.sleep(0.01)
    ids = {re.sub(r"\\s+", " ", " ".join(re.findall(r"^(?:Uid|Gid|Groups|CapEff|CapBnd|NoNewPrivs):.*", t, re.M))) for t in texts}
    return len(texts), len(ids)
n = 1
if sys.argv[1] == "threads":
    n = 2
    threading.Thread(target=time.sleep, args=(100,), daemon=True).start()
out = [look()]
if n == 1:
    libc.prctl(24, 5, 0, 0, 0); out.append(look())  # PR_CAPBSET_DROP
    libc.syscall(157, 24, 6, 0, 0, 0); out.append(look())
    libc.syscall(116, 0, 0); out.append(look())
os.setgroups([4, 5]); out.append(look())
os.setegid(7); out.append(look())
os.setregid(8, 9); out.append(look())
os.setresgid(8, 8, 8); out.append(look())
os.seteuid(65534); out.append(look())
os.seteuid(0); out.append(look())
os.setreuid(0, 65534); out.append(look())
os.seteuid(0); out.append(look())
os.setuid(65534); out.append(look())
libc.prctl(38, 1, 0, 0, 0) if n == 1 else None; out.append(look())  # PR_SET_NO_NEW_PRIVS
print(set(out), os.getpid(), flush=True)
sys.stdin.read()
"""
    lib = os.path.join(BUILD, "libsonde.so")
    for mode, n in (("one", 2), ("threads", 3)):
        p = subprocess.Popen([sys.executable, "-c", code, mode], stdin=subprocess.PIPE, text=True,
                             stdout=subprocess.PIPE, env={**os.environ, "LD_PRELOAD": lib})
        got, pid = p.stdout.readline().strip().rsplit(" ", 1)
        same(got, "{(" + f"{n}, 1" + ")}")
        path = own_socket_of(pid, "/tmp/sonde-65534")
        same(os.stat(path).st_uid, 65534)
        p.communicate(timeout=20)
        same(p.returncode, 0)
        check(not os.path.exists(path), "its socket stayed")


def test_blocked_signals():
    # Of a thread that blocks all signals, since before the profile is asked for.
    program = os.path.join(WORK, "blocks")
    with open(program + ".c", "w", encoding="ascii") as f:
        f.write("""
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
__attribute__((noinline)) static void *hot(void *arg)
{
    for (volatile int i = 0;; i++)
        ;
    return arg;
}
int main(void)
{
    sigset_t all;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    pthread_create(&thread, NULL, hot, NULL);
    alarm(20);
    write(1, "\\n", 1);
    pause();
}
""")
    subprocess.check_call(["cc", "-O1", "-g", "-pthread", program + ".c", "-o", program])
    with Program("blocks", env={"LD_PRELOAD": os.path.join(BUILD, "libsonde.so")}) as p:
        own_socket_of(p.process.pid)
        names, out = top(p.page("profile?seconds=1", own=True)[1])
        check("hot" in names, out)
        p.process.kill()


def test_environment_in_vain():
    # One line for a program and all that it starts.
    def said(stderr=subprocess.PIPE, **env):
        done = subprocess.run(["sh", "-c", "sh -c :; sh -c :; exit 7"], stdin=subprocess.DEVNULL, stderr=stderr, text=True,
                              timeout=20, env={**os.environ, "LD_PRELOAD": os.path.join(BUILD, "libsonde.so"), **env})
        same(done.returncode, 7)
        return re.sub(r"\d+\.sock", "PID.sock", done.stderr or "")
    own = f"it serves at unix:{RUNTIME}/sonde/PID.sock\n"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "localhost:%d" % taken.getsockname()[1]
        same(said(SONDE_HTTP=address), f"sonde: SONDE_HTTP={address}: Address already in use; {own}")
    for address in ("rubbish", "example.com:80", "localhost:65536", "http://localhost:6060", "unix:", ":"):
        same(said(SONDE_HTTP=address), f"sonde: SONDE_HTTP={address}: "
             f"not PORT, localhost:PORT, IP:PORT, unix:PATH, unix or off; {own}")
    same(said(SONDE_HTTP="unix:/nowhere/x"), f"sonde: SONDE_HTTP=unix:/nowhere/x: No such file or directory; {own}")
    for name in ("SONDE_HEAP_RATE", "SONDE_BLOCK_RATE", "SONDE_MUTEX_FRACTION"):
        same(said(**{name: "10k"}), f"sonde: {name}=10k: not a number; left out\n")
    for address in ("", "off", "unix", "localhost:0"):
        same(said(SONDE_HTTP=address, SONDE_BLOCK_RATE="1", SONDE_HEAP_RATE="0"), "")
    # Where nobody reads stderr any more: no SIGPIPE; where it is full: no wait.
    reader, writer = os.pipe()
    os.close(reader)
    said(writer, SONDE_HTTP="rubbish")
    os.close(writer)
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        while True:
            os.write(writer, b"x" * 65536)
    except BlockingIOError:
        os.set_blocking(writer, True)
    said(writer, SONDE_HTTP="rubbish")
    os.close(reader)
    os.close(writer)


def test_archive():
    # libsonde.a has no hooks: what it cannot see it does not show.
    with Program("archive", "localhost:0") as p:
        head, index = p.page("")
        names = re.findall(r"\?debug=1'>([^<]*)<", index.decode())
        check("heap" not in names and "serve.things" in names, names)
        for name in ("heap", "block", "threadcreate"):
            p.page(name, status=501)
        p.do("add 3 0")
        same(p.profile("serve.things").samples[0][0], [3])
        same(top(p.page("serve.things")[1])[0]["add_thing"], "3")
        p.do("rate 1", "-1")
        p.page("profile?seconds=1")


def test_static_program():
    with Program("static", "localhost:0") as p:
        p.do("add 3 0")
        names = top(p.page("serve.things")[1])[0]
        same((names["add_thing"], names["main"]), ("3", "3"))
        check("main" in top(p.page("goroutine")[1])[0], "no main")
        text = p.page("serve.things?debug=1")[1].decode()
        check(re.search(r"\tadd_thing\+.*\n.*\tadd_things\+.*\n.*\tmain\+", text), text)
        with concurrent.futures.ThreadPoolExecutor() as pool:
            wait = pool.submit(p.page, "profile?seconds=2")
            time.sleep(0.2)
            p.do("burn 300")
            check("main" in top(wait.result()[1])[0], "no main")


def test_goroutines():
    with Program("serve", "localhost:0") as p:
        for _ in range(50):  # until it waits for its next line
            got = p.profile("goroutine")
            if got.samples[0][1]["state"] == "io":
                break
            time.sleep(0.1)
        same((got.types, got.period), (["goroutine/count"], 1))
        # The server's own thread is none of the program's.
        same([(s[0], s[1]["thread"]) for s in got.samples], [([1], "serve")])
        same(got.samples[0][1]["state"], "io")
        text = p.page("goroutine?debug=1")[1].decode()
        check(text.startswith("goroutine profile: total 1\n1 @ 0x"), text)
        check('# labels: {"state":"io", "thread":"serve"}' in text, text)
        text = p.page("goroutine?debug=2")[1].decode()
        check(re.match(r"goroutine \d+ \[io, serve\]:\n", text), text)
        check("goroutine?debug=2" in p.page("")[1].decode(), "not in the index")
        same(p.profile("goroutine?seconds=1").samples, [])
        path = f"http://{p.address}/debug/pprof/goroutine"
        out = subprocess.run([SONDE, "pprof", "-traces", path], stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, text=True).stdout
        check("main" in out and "thread:serve" in out.replace(" ", ""), out)


def serves_example(binary, opener, worker, in_texts):
    with Program(binary, "localhost:0", "20") as p:
        time.sleep(1)
        top_of = lambda page, *flags: top(p.page(page)[1], *flags)
        names, out = top_of("service.sessions")
        check(names.get(opener) == "6", out)
        for page in ("heap", "profile?seconds=1"):
            names, out = top_of(page, "-tagfocus=route=/list")
            check(worker in names, out)
        names, out = top_of("goroutine")
        check(worker in names, out)
        for page in ("goroutine?debug=1", "goroutine?debug=2", "heap?debug=1"):
            text = p.page(page)[1].decode()
            check(in_texts in text and not re.search(r"\b_ZN", text), text)
        check(not p.process.poll(), "it has ended")
        p.process.terminate()


def test_example_in_c():
    subprocess.check_call(["cc", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread",
                           "-I", os.path.join(ROOT, "include"), "-o", os.path.join(WORK, "service_c"),
                           os.path.join(ROOT, "examples/service.c"), "-L", BUILD, "-lsonde",
                           "-Wl,-rpath," + BUILD])
    with Program("service_c", "localhost:0", "20") as p:
        p.address = re.fullmatch(r"http://(.*)/debug/pprof/", p.address)[1]
        time.sleep(1)
        for page in ("heap", "allocs", "profile?seconds=1"):
            names, out = top(p.page(page)[1], "-tagfocus=number=odd")
            check("make_text" in names, out)
        names, out = top(p.page("goroutine")[1])
        same(names["work"], "2")
        p.process.terminate()


def test_example_in_cxx():
    subprocess.check_call(["c++", "-std=c++17", "-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread",
                           "-I", os.path.join(ROOT, "include"), "-o", os.path.join(WORK, "cxx"),
                           os.path.join(ROOT, "examples/service.cc"), "-L", BUILD, "-lsonde",
                           "-Wl,-rpath," + BUILD])
    serves_example("cxx", "Session", "(anonymous", "(anonymous namespace)::work(std::chrono::")


def test_example_in_rust():
    if not shutil.which("rustc"):
        raise Skip("there is no rustc")
    subprocess.check_call(["rustc", "-O", "-g", "-D", "warnings", "-L", "native=" + BUILD,
                           "-C", "link-arg=-Wl,-rpath," + BUILD, "-o", os.path.join(WORK, "rust"),
                           os.path.join(ROOT, "examples/service.rs")])
    serves_example("rust", "service::Session::open", "service::work", "service::work")


def test_recorded():
    # Under sonde record the API reads what is recorded.
    out = os.path.join(WORK, "recorded.pb.gz")
    with Program("serve", "localhost:0", wrap=[SONDE, "record", "-e", "heap", "--heap-rate",
                                               "1", "-o", out, "--"]) as p:
        p.do("keep 100 1000")
        heap = p.profile("heap")
        by_size = {labels["bytes"]: values for values, labels, _ in heap.samples}
        same((heap.period, by_size[1000]), (1, [100, 100000, 100, 100000]))
        p.do("rate 512", "-1")
        p.do("burn 100")
        p.page("profile?seconds=1")
    with open(out, "rb") as f:
        by_size = {labels["bytes"]: values for values, labels, _ in Profile(f.read()).samples}
    same(by_size[1000], [100, 100000, 100, 100000])


def main():
    build("serve", "-L", BUILD, "-lsonde", "-Wl,-rpath," + BUILD)
    build("archive", os.path.join(BUILD, "libsonde.a"))
    build("static", "-static", os.path.join(BUILD, "libsonde.a"))
    for name, test in list(globals().items()):
        if not name.startswith("test_") or (only and name[5:] not in only):
            continue
        begin = time.time()
        try:
            test()
            counts["passed"] += 1
            print(f"ok    {name[5:]} ({time.time() - begin:.1f} s)", flush=True)
        except Skip as why:
            counts["skipped"] += 1
            print(f"SKIPPED {name[5:]}: {why}", flush=True)
        except Exception as error:  # what a broken answer does to the test is a failure
            counts["failed"] += 1
            print(f"FAIL  {name[5:]}: {type(error).__name__} {error}", flush=True)
    shutil.rmtree(WORK, ignore_errors=True)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] != 0


if __name__ == "__main__":
    sys.exit(main())
