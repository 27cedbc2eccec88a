#!/usr/bin/env python3
"""The web page's server: its addresses, headers, refusals and configurations; many clients and
slow ones; live and several sources; bad, empty and hostile profiles.  No browser is used."""

import concurrent.futures
import gzip
import html
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../page"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../go_matrix"))
from message import field, varint  # noqa: E402  pylint: disable=wrong-import-position
from trees import unpack  # noqa: E402  pylint: disable=wrong-import-position

ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", "."))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
SONDE = os.path.abspath(os.environ.get("SONDE", os.path.join(BUILD, "sonde")))
DATA = os.path.join(ROOT, "tests/data")
CPU = os.path.join(DATA, "pprof/cpu.pb.gz")
HEAP = os.path.join(DATA, "go/heap.pb.gz")
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


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.raw = response.read()
        packed = self.headers.get("Content-Encoding") == "gzip"
        self.body = gzip.decompress(self.raw) if packed else self.raw

    @property
    def text(self):
        return self.body.decode()

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """`sonde pprof -http` on a free port."""

    def __init__(self, *args, http_flag="-http=localhost:0", env=None, home=None):
        self.home = home or tempfile.mkdtemp(dir=WORK)
        full = {**os.environ, "XDG_CONFIG_HOME": self.home, "TZ": "UTC", **(env or {})}
        for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
            if name not in (env or {}):
                full.pop(name, None)
        self.process = subprocess.Popen([SONDE, "pprof", http_flag, *args], stderr=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=full)
        self.said = []
        self.url = None
        self.told = threading.Event()  # the URL, or that there is none
        self.reader = threading.Thread(target=self.read)
        self.reader.start()
        self.told.wait(60)
        self.n_before = len(self.said)
        if self.url:
            self.n_before = 1 + next(i for i, line in enumerate(self.said) if line.startswith("Serving web UI on "))
            parts = urllib.parse.urlsplit(self.url)
            self.host, self.port = parts.hostname, parts.port

    def read(self):
        for line in self.process.stderr:
            self.said.append(line.rstrip("\n"))
            if line.startswith("Serving web UI on "):
                self.url = line.split()[-1]
                self.told.set()
        self.told.set()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.wait()

    def wait(self):
        self.process.wait(20)
        self.reader.join()
        self.process.stdout.close()
        self.process.stderr.close()

    def stop(self, signo=signal.SIGINT):
        """(status, the rest of stderr)"""
        self.process.send_signal(signo)
        self.wait()
        return self.process.returncode, "\n".join(self.said[self.n_before:])

    def ask(self, path, method="GET", headers=(), body=None):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, body=body, headers=dict(headers))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def token(self):
        return self.ask("/ui/data/profile").json["token"]

    def change(self, path, method="POST", **headers):
        return self.ask(path, method, {"X-Sonde-Token": self.token(),
                                       **{k.replace("_", "-"): v for k, v in headers.items()}})

    def rss(self):
        with open(f"/proc/{self.process.pid}/status", encoding="utf-8") as f:
            return int(re.search(r"VmRSS:\s*(\d+)", f.read()).group(1))


def run(*args, **kwargs):
    return subprocess.run([SONDE, "pprof", *args], capture_output=True, text=True, timeout=60, **kwargs)


# --- addresses ---

def test_routes():
    with Server("-no_browser", CPU) as s:
        for path, status, place in (("/", 307, "ui/"), ("/ui", 307, "ui/"), ("/ui/", 301, "flamegraph"),
                                    ("/ui/flamegraph2", 301, "flamegraph"),
                                    ("/ui/flamegraphold", 301, "flamegraph")):
            a = s.ask(path)
            check(f"{path} goes on", (a.status, a.headers["Location"]) == (status, place),
                  (a.status, a.headers["Location"]))
            query = "f=a%20b&i=%3Cx%3E&f=2"
            a = s.ask(f"{path}?{query}")
            check(f"{path} keeps the query", a.headers["Location"] == f"{place}?{query}", a.headers["Location"])
        meta = s.ask("/ui/data/profile").json
        views = [v["name"] for v in meta["views"]]
        missing = {v["name"] for v in meta["views"] if v["missing"]}
        check("there are views", "top" in views and "flamegraph" in views, views)
        for view in views:
            a = s.ask(f"/ui/{view}")
            check(f"page {view}", a.status == 200 and a.headers["Content-Type"] == "text/html; charset=utf-8"
                  and '<div id="app">' in a.text, a.status)
            a = s.ask(f"/ui/data/{view}?f=line&w=1000")
            if a.status == 400 and (view in missing or "no matches found" in a.json["error"]):
                continue  # there are no sources and programs to this profile
            check(f"data {view}", a.status == 200 and a.json["view"] == view and a.json["moment"] == 1,
                  (a.status, a.body[:200]))
            for member in ("title", "legend", "notes", "values"):
                check(f"data {view} has {member}", member in a.json)
        page = s.ask("/ui/top").text
        for name in ("app.js", "app.css"):
            found = re.search(r'"\./assets/' + re.escape(name) + r'\?v=(\w+)"', page)
            check(f"the page loads {name}", found, page)
            a = s.ask(f"/ui/assets/{name}?v={found.group(1)}")
            with open(os.path.join(ROOT, "src/web/dist", name), "rb") as f:
                content = f.read()
            check(f"{name} is the bundle's", a.body == content)
            check(f"{name} lasts", "immutable" in a.headers["Cache-Control"], a.headers["Cache-Control"])
            tag = a.headers["ETag"]
            check(f"{name} is known", s.ask(f"/ui/assets/{name}", headers={"If-None-Match": tag}).status == 304)
            a = s.ask(f"/ui/assets/{name}", headers={"Accept-Encoding": "gzip"})
            check(f"{name} is packed", a.headers["Content-Encoding"] == "gzip" and a.body == content)
            check(f"{name} without its hash does not last", a.headers["Cache-Control"] == "no-cache")
        check("no code and no style in the page", not re.search(r"<script>|<style|style=|onload=|https?://", page),
              page)
        for path in ("/x", "/ui/nix", "/ui/data/nix", "/ui/assets/nix", "/ui/download/nix", "/ui/download/list",
                     "/ui/assets/../top", "/ui/assets/", "/ui/top/", "//ui/top", "/ui/../../etc/passwd",
                     "/ui/%74op", "/favicon.ico", "/ui/assets/%2e%2e%2fapp.js", "*"):
            a = s.ask(path)
            check(f"{path} is not there", a.status == 404 and a.body.count(b"\n") <= 1, (a.status, a.body[:80]))
        status, rest = s.stop()
        check("Ctrl-C ends it", (status, rest) == (0, ""), (status, rest))
    with Server("-no_browser", CPU) as s:
        check("TERM ends it", s.stop(signal.SIGTERM) == (0, ""))


def test_headers():
    with Server("-no_browser", HEAP) as s:
        for path in ("/", "/ui/top", "/ui/data/top", "/ui/assets/app.js", "/nix", "/ui/download"):
            h = s.ask(path).headers
            csp = h["Content-Security-Policy"]
            check(f"{path} CSP", "default-src 'none'" in csp and "script-src 'self'" in csp
                  and "unsafe" not in csp and "frame-ancestors 'none'" in csp, csp)
            check(f"{path} nosniff", h["X-Content-Type-Options"] == "nosniff")
            check(f"{path} referrer", h["Referrer-Policy"] == "no-referrer")
            check(f"{path} resource policy", h["Cross-Origin-Resource-Policy"] == "same-origin")
            check(f"{path} cache", h["Cache-Control"], h["Cache-Control"])
            check(f"{path} no other site may read it", "Access-Control-Allow-Origin" not in h)
        plain = s.ask("/ui/data/top")
        packed = s.ask("/ui/data/top", headers={"Accept-Encoding": "br, gzip;q=0.5"})
        check("gzip where it is taken", packed.headers["Content-Encoding"] == "gzip"
              and packed.body == plain.body and len(packed.raw) < len(plain.raw))
        for refused in ("identity", "gzip;q=0", "gzip;q=0.00, br"):
            a = s.ask("/ui/data/top", headers={"Accept-Encoding": refused})
            check(f"no gzip for {refused}", a.headers["Content-Encoding"] is None)
        tag = plain.headers["ETag"]
        a = s.ask("/ui/data/top", headers={"If-None-Match": tag})
        check("what has not changed is not sent", (a.status, a.raw) == (304, b""), a.status)
        a = s.ask("/ui/data/top?n=2", headers={"If-None-Match": tag})
        check("what has changed is", a.status == 200)
        for path in ("/ui/top", "/ui/data/top", "/ui/assets/app.css", "/ui/download", "/ui/"):
            get, head = s.ask(path), s.ask(path, "HEAD")
            check(f"HEAD {path}", head.raw == b"" and head.status == get.status
                  and head.headers["Content-Length"] == str(len(get.raw)), head.headers["Content-Length"])


def test_refusals():
    with Server("-no_browser", CPU) as s:
        port = s.port
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", "localhost", "LOCALHOST:1", f"[::1]:{port}"):
            check(f"Host {host}", s.ask("/ui/top", headers={"Host": host}).status == 200)
        for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "127.0.0.1.nip.io", "",
                     "10.0.0.1", "[::1", "localhost:1:2", "a" * 300):
            check(f"Host {host!r}", s.ask("/ui/data/top", headers={"Host": host}).status in (400, 403))
        for method in ("PUT", "PATCH", "OPTIONS", "TRACE", "FOO"):
            a = s.ask("/ui/top", method)
            check(f"method {method}", a.status == 405 and "GET" in a.headers["Allow"], a.status)
        token = s.token()
        with Server("-no_browser", CPU) as other:
            check("the token is long, and another each time", len(token) >= 32 and token != other.token())
        own = f"http://localhost:{port}"
        good = {"X-Sonde-Token": token, "Host": f"localhost:{port}"}
        for name, headers, status in (
                ("no token", {}, 403), ("empty token", {"X-Sonde-Token": ""}, 403),
                ("wrong token", {"X-Sonde-Token": token[:-1] + "x"}, 403),
                ("half a token", {"X-Sonde-Token": token[:-1]}, 403),
                ("token", good, 200), ("own origin", {**good, "Origin": own}, 200),
                ("other origin", {**good, "Origin": "http://evil.example"}, 403),
                ("no origin", {**good, "Origin": "null"}, 403),
                ("other port", {**good, "Origin": "http://localhost:1"}, 403),
                ("same site", {**good, "Sec-Fetch-Site": "same-site"}, 403),
                ("cross site", {**good, "Sec-Fetch-Site": "cross-site"}, 403),
                ("same origin", {**good, "Sec-Fetch-Site": "same-origin"}, 200)):
            a = s.ask("/ui/hold?m=1&on=1", "POST", headers)
            check(f"POST with {name}", a.status == status, (a.status, a.text))
        for path in ("/ui/saveconfig?config=x", "/ui/deleteconfig?config=x", "/ui/refresh", "/ui/hold?m=1&on=1"):
            a = s.ask(path, headers=good)
            check(f"GET {path}", a.status == 405 and a.headers["Allow"] == "POST, DELETE", a.status)
        for path in ("/ui/top", "/ui/data/top", "/ui/download", "/"):
            a = s.ask(path, "POST", good)
            check(f"POST {path}", a.status == 405 and a.headers["Allow"] == "GET, HEAD", a.status)
        check("nothing was saved", not os.path.exists(os.path.join(s.home, "pprof")))
        # too much of everything
        check("a long query", s.ask("/ui/data/top?f=" + "a|" * 10000).status == 200)
        check("too long a query", s.ask("/ui/data/top?f=" + "a" * 40000).status == 414)
        check("far too long a query", s.ask("/ui/data/top?f=" + "a" * 300000).status in (413, 414, 431))
        check("too long a header", s.ask("/ui/top", headers={"X-A": "a" * 300000}).status in (413, 431))
        check("many parameters", s.ask("/ui/data/top?" + "a&" * 1000).status == 400)
        a = s.ask("/ui/hold?m=1&on=0", "POST", good, body=b"x" * 1000)
        check("a body is no matter", a.status == 200, a.status)
        try:
            status = s.ask("/ui/hold?m=1&on=0", "POST", good, body=b"x" * 10000000).status
        except OSError:
            status = 0
        check("a large body is refused", status in (0, 413), status)
        for raw in (b"\r\n\r\n", b"GET\r\n\r\n", b"GET /ui/top HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00" * 50,
                    b"GET /ui/data/top?f=%00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"GET /ui/top HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
                    b"GET /ui/\xff\xfe\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n",
                    b"POST /ui/hold HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"):
            with socket.create_connection((s.host, port), timeout=10) as c:
                c.sendall(raw)
                c.shutdown(socket.SHUT_WR)
                try:
                    c.recv(1000)
                except OSError:
                    pass
        check("and goes on", s.ask("/ui/data/top").status == 200)
        check("and ends", s.stop() == (0, ""))


def test_addresses():
    with Server("-no_browser", CPU, http_flag="-http=:") as s:
        check("no host is this machine", s.host == "localhost" and s.port > 0, s.url)
        taken = run(f"-http=localhost:{s.port}", "-no_browser", CPU)
        check("a port that is taken", taken.returncode == 1 and taken.stderr ==
              f"sonde: port {s.port} of localhost is taken; -http=: takes a free one\n", taken.stderr)
        with open(f"/proc/{s.process.pid}/net/tcp", encoding="utf-8") as f:
            lines = [line.split()[1] for line in f]
        check("it listens at this machine only", f"0100007F:{s.port:04X}" in lines
              and f"00000000:{s.port:04X}" not in lines)
    with Server("-no_browser", CPU, http_flag="--http=127.0.0.1:0") as s:
        check("an address", s.url == f"http://127.0.0.1:{s.port}", s.url)
    if os.path.exists("/proc/net/if_inet6") and open("/proc/net/if_inet6", encoding="utf-8").read():
        with Server("-no_browser", CPU, http_flag="-http=[::1]:0") as s:
            check("IPv6", s.url == f"http://[::1]:{s.port}" and s.ask("/ui/top").status == 200, s.url)
    else:
        skip("IPv6", "this machine has none")
    with Server("-no_browser", CPU, http_flag="-http=0.0.0.0:0") as s:
        check("all addresses", s.ask("/ui/top", headers={"Host": "192.0.2.1:80"}).status == 200)
        check("but no foreign name", s.ask("/ui/top", headers={"Host": "evil.example"}).status == 403)
        check("who can see it is told", s.stop()[1] == "sonde: whoever reaches this address sees the profile "
              "and the source files it names", s.said)
    for text in ("8080", "localhost", "localhost:http", "a:b:c", ":99999", "[::1", ":-1", ":1x"):
        bad = run(f"-http={text}", "-no_browser", CPU)
        check(f"-http={text}", bad.returncode == 2 and bad.stderr.count("\n") == 1
              and f"invalid value '{text}' for -http" in bad.stderr, bad.stderr)
    bad = run("-http=no-such-host.invalid:0", "-no_browser", CPU)
    check("no such host", bad.returncode == 2 and bad.stderr.count("\n") == 1, bad.stderr)


def test_browser():
    script = os.path.join(WORK, "browser")
    with open(script, "w", encoding="utf-8") as f:
        f.write(f'#!/bin/sh\necho "$@" > {WORK}/opened\necho noise\nexit 1\n')
    os.chmod(script, 0o755)

    def opened(*args, **kwargs):
        path = os.path.join(WORK, "opened")
        if os.path.exists(path):
            os.unlink(path)
        with Server(*args, CPU, **kwargs) as s:
            for _ in range(50):
                if os.path.exists(path) and os.path.getsize(path):
                    break
                time.sleep(0.1)
            status, rest = s.stop()
            out = open(path, encoding="utf-8").read().strip() if os.path.exists(path) else ""
            return s, out, rest, status

    s, out, rest, status = opened(env={"BROWSER": script + " -new"})
    check("the browser gets the page", out == f"-new {s.url}/ui/" and (rest, status) == ("", 0), (out, rest))
    s, out, _, _ = opened("-focus=a b", "-nodecount=5", "-trim=false", "-sample_index=0", env={"BROWSER": script})
    check("with the options", out == f"{s.url}/ui/?f=a+b&n=5&trim=f", out)
    s, out, rest, _ = opened(env={"BROWSER": "/no/such/program", "PATH": "/none"})
    check("without a browser the URL is told", out == "" and rest == "" or rest.strip() == f"{s.url}/ui/", rest)
    s, out, rest, _ = opened()
    check("without a screen too", rest.strip() == f"{s.url}/ui/", rest)
    with Server("-no_browser", CPU, env={"BROWSER": script}) as s:
        if os.path.exists(os.path.join(WORK, "opened")):
            os.unlink(os.path.join(WORK, "opened"))
        time.sleep(0.5)
        check("-no_browser", not os.path.exists(os.path.join(WORK, "opened")) and s.stop() == (0, ""))


# --- data ---

def names_of(text):
    return [re.sub(r" \((partial-)?inline\)$", "", " ".join(line.split()[5:])) for line in text.splitlines()
            if re.match(r"\s*[\d.]+\w*\s+[\d.]+%", line)]


def test_data():
    with Server("-no_browser", "-source_path=/nowhere", HEAP) as s:
        for args, query in (((), ""), (("-sample_index=alloc_space",), "si=alloc_space"),
                            (("-focus=main", "-cum"), "f=main&sort=cum"), (("-nodecount=3",), "n=3"),
                            (("-lines",), "g=lines")):
            expected = names_of(run("-top", *args, HEAP).stdout)
            a = s.ask(f"/ui/data/top?{query}").json
            check(f"top {query}", a["names"] == expected, (a["names"], expected))
        for query, words in (
                ("n=x", 'error setting config field nodecount: strconv.Atoi: parsing "x": invalid syntax'),
                ("nf=1e", 'error setting config field nodefraction: strconv.ParseFloat: parsing "1e": invalid syntax'),
                ("n=99999999999999999999",
                 'error setting config field nodecount: strconv.Atoi: parsing "99999999999999999999": '
                 'value out of range'),
                ("trim=maybe", 'error setting config field trim: illegal value "maybe" for bool variable'),
                ("sort=up", 'error setting config field sort: invalid "sort" value "up"'),
                ("f=(", "missing closing )"), ("f=%zz", "invalid URL escape"), ("f=%", "invalid URL escape"),
                ("f=a%00b", "zero byte"), ("si=nix", "nix"), ("m=7", "there is no moment 7"), ("m=x", "'x'"),
                ("b=9", "there is no moment 9"), ("w=-1", "'-1'"), ("w=1e9", "'1e9'")):
            a = s.ask(f"/ui/data/top?{query}")
            check(f"bad {query}", a.status == 400 and list(a.json) == ["error"] and words in a.json["error"],
                  (a.status, a.body))
        a = s.ask("/ui/data/top?f=&n=&m=&w=")
        check("empty values are none", a.body == s.ask("/ui/data/top").body)
        a = s.ask("/ui/data/top?n=2&n=5&n=x")
        check("of several the first", len(a.json["names"]) == 2, a.json["names"])
        a = s.ask("/ui/data/top?f=nothing_like_this")
        check("notes", a.json["notes"] == ["Focus expression matched no samples"], a.json["notes"])
        # what a page may not choose
        plain = s.ask("/ui/data/top").body
        for query in ("source_path=/etc", "trim_path=/", "divide_by=2", "output=/tmp/x", "tools=dot:/bin/sh",
                      "config=x", "base=/etc/passwd"):
            check(f"{query} is nothing", s.ask(f"/ui/data/top?{query}").body == plain)
        meta = s.ask("/ui/data/profile?f=mallocgc&n=7").json
        by_name = {o["name"]: o for o in meta["options"]}
        check("options", by_name["focus"]["value"] == "mallocgc" and by_name["focus"]["normal"] == ""
              and by_name["nodecount"]["value"] == "7" and by_name["nodecount"]["normal"] == "-1"
              and by_name["trim"]["value"] == "true" and by_name["sort"]["choices"] == ["cum", "flat"]
              and not {"source_path", "trim_path", "divide_by"} & set(by_name), by_name)
        check("types", meta["types"] == ["alloc_objects", "alloc_space", "inuse_objects", "inuse_space"]
              and meta["type"] == 3, meta["types"])
        check("one moment", [m["id"] for m in meta["moments"]] == [1] and meta["newest"] == 1
              and meta["live"] is False and meta["sources"] == [HEAP], meta["moments"])
        check("nothing to refresh", s.change("/ui/refresh").status == 400)
        check("the menu of downloads", {"svg", "folded", "speedscope", "html", "proto"} <=
              {d["name"] for d in meta["downloads"]})


def test_downloads():
    with Server("-no_browser", CPU) as s:
        a = s.ask("/ui/download?f=nothing", headers={"Accept-Encoding": "gzip"})
        check("download is the whole profile", a.status == 200
              and a.headers["Content-Type"] == "application/vnd.google.protobuf+gzip"
              and a.headers["Content-Disposition"] == "attachment;filename=profile.pb.gz"
              and a.headers["Content-Encoding"] is None, a.headers.items())
        path = os.path.join(WORK, "downloaded.pb.gz")
        with open(path, "wb") as f:
            f.write(a.raw)
        check("it reads as the same", run("-raw", path).stdout == run("-raw", CPU).stdout)
        for d in s.ask("/ui/data/profile").json["downloads"]:
            a = s.ask(f"/ui/download/{d['name']}?f=line3001")
            check(f"download {d['name']}", a.status == 200
                  and a.headers["Content-Disposition"] == f"attachment;filename={d['file']}",
                  (a.status, a.body[:100]))
            out = os.path.join(WORK, "report")
            done = run(f"-{d['name']}", "-focus=line3001", f"-output={out}", CPU)
            with open(out, "rb") as f:
                check(f"{d['name']} is the report", f.read() == a.body, done.stderr)
        check("bad options", s.ask("/ui/download/svg?n=x").status == 400)
    # A file to which nothing was added is handed on as it is, unless it changes meanwhile.
    own = os.path.join(WORK, "own.pb.gz")
    shutil.copy(HEAP, own)
    with open(HEAP, "rb") as f:
        data = f.read()
    with Server("-no_browser", own) as s:
        check("the file itself", s.ask("/ui/download").body == data)
        with open(own, "ab") as f:
            f.write(b"x")
        changed = s.ask("/ui/download")
        with open(path, "wb") as f:
            f.write(changed.raw)
        check("a changed file", changed.status == 200 and changed.raw[:len(data)] != data
              and run("-raw", path).stdout == run("-raw", HEAP).stdout)
    with Server("-no_browser", "-add_comment=mine", HEAP) as s:
        check("a comment", s.ask("/ui/download").raw != data)


# --- configurations ---

def test_configs():
    home = tempfile.mkdtemp(dir=WORK)
    file = os.path.join(home, "pprof/settings.json")
    with Server("-no_browser", CPU, home=home) as s:
        configs = s.ask("/ui/data/profile?f=x&zz=1").json["configs"]
        check("the default", configs == [{"name": "Default", "query": "?zz=1", "current": False, "user": False}],
              configs)
        check("the default is current", s.ask("/ui/data/profile?zz=1").json["configs"][0]["current"])
        a = s.change("/ui/saveconfig?config=a%20%3Cb%3E&f=foo%2Bbar&n=10&trim=f&sort=cum&si=1&p=pivot")
        check("saved", a.status == 200, a.text)
        text = open(file, encoding="utf-8").read()
        check("the file", text == '''{
  "configs": [
    {
      "name": "a \\u003cb\\u003e",
      "unit": "minimum",
      "sort": "cum",
      "nodecount": 10,
      "nodefraction": 0.005,
      "edgefraction": 0.001,
      "focus": "foo+bar"
    }
  ]
}''', text)
        configs = s.ask("/ui/data/profile?zz=1&f=other").json["configs"]
        check("it is in the menu", configs[1] == {"name": "a <b>", "query": "?f=foo%2Bbar&n=10&sort=cum&trim=f&zz=1",
                                                  "current": False, "user": True}, configs)
        configs = s.ask("/ui/data/profile?" + configs[1]["query"][1:]).json["configs"]
        check("it is current", [c["current"] for c in configs] == [False, True], configs)
        s.change("/ui/saveconfig?config=second&h=x")
        s.change("/ui/saveconfig?config=second&h=y")
        names = [c["name"] for c in s.ask("/ui/data/profile").json["configs"]]
        check("a name is once there", names == ["Default", "a <b>", "second"], names)
        check("DELETE", s.change("/ui/deleteconfig?config=a+%3Cb%3E", "DELETE").status == 200)
        check("POST deletes too", s.change("/ui/deleteconfig?config=second").status == 200)
        check("none is left", open(file, encoding="utf-8").read() == '{\n  "configs": []\n}')
        a = s.change("/ui/deleteconfig?config=second")
        check("what is not there", a.status == 400 and a.json["error"] == "config second not found", a.text)
        a = s.change("/ui/saveconfig?f=x")
        check("no name", a.status == 400 and a.json["error"] == "invalid config name", a.text)
        check("bad options", s.change("/ui/saveconfig?config=x&n=y").status == 400)
        with open(file, "w", encoding="utf-8") as f:
            f.write("{nonsense")
        check("a bad file is told", s.change("/ui/saveconfig?config=x").status == 400
              and open(file, encoding="utf-8").read() == "{nonsense")
        check("and the page goes on", len(s.ask("/ui/data/profile").json["configs"]) == 1)


def test_beside_go():
    """The same questions to the page of go tool pprof."""
    go = os.environ.get("SONDE_GO_PPROF")
    if not go:
        skip("go tool pprof -http", "SONDE_GO_PPROF is not set")
        return
    home = tempfile.mkdtemp(dir=WORK)
    usual = '"unit": "minimum", "nodefraction": 0.005, "edgefraction": 0.001'
    os.makedirs(os.path.join(home, "pprof"))
    with open(os.path.join(home, "pprof/settings.json"), "w", encoding="utf-8") as f:
        f.write('{"configs": [{"name": "a", "sort": "cum", "nodecount": 10, "trim": true, "focus": "fo o+", '
                + usual + '}, {"name": "b", "nodefraction": 1e-7, "edgefraction": 0.25, "granularity": "lines", '
                '"mean": true}, {"name": "c <b>", "nodecount": -1, "trim": true, ' + usual + "}]}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    peer = subprocess.Popen([*go.split(), f"-http=localhost:{port}", "-no_browser", CPU],
                            env={**os.environ, "XDG_CONFIG_HOME": home}, stderr=subprocess.DEVNULL)

    def ask_go(path):
        connection = http.client.HTTPConnection("localhost", port, timeout=30)
        connection.request("GET", path)
        return Answer(connection.getresponse())

    try:
        for _ in range(100):
            try:
                ask_go("/ui/download")
                break
            except OSError:
                time.sleep(0.1)
        with Server("-no_browser", CPU, home=home) as s:
            for path in ("/ui/", "/ui/?f=%20a&b", "/ui/flamegraph2?x=1", "/ui/flamegraphold", "/ui/nix"):
                ours, theirs = s.ask(path), ask_go(path)
                check(f"{path} as Go", (ours.status, ours.headers["Location"])
                      == (theirs.status, theirs.headers["Location"]), (ours.status, theirs.status))
            for query in ("", "f=x", "f=fo+o%2B&n=10&sort=cum", "zz=1&f=fo+o%2B&n=10&sort=cum", "n=10&f=a&f=b",
                          "ef=0.25&nf=1e-07&g=lines&mean=t&n=0&trim=f&unit=", "p=%3Cx%3E&f=1", "si=1&rel=t",
                          "x&y=1", "trim=true", "sort=flat", "h=&i=1"):
                page = ask_go(f"/ui/top?{query}").text
                menu = page[page.index('id="config"'):]
                theirs = [html.unescape(x) for x in re.findall(r'href="(\?[^"]*)"', menu)][-4:]
                ours = [c["query"] for c in s.ask(f"/ui/data/profile?{query}").json["configs"]]
                check(f"configurations of ?{query} as Go", ours == theirs, (ours, theirs))
            for query in ("n=x", "nf=1x", "trim=q", "sort=zz", "g=q", "f=(", "si=nix", "tf=(",
                          "n=99999999999999999999"):
                ours, theirs = s.ask(f"/ui/data/top?{query}"), ask_go(f"/ui/top?{query}")
                check(f"?{query} as Go", (ours.status, ours.json["error"]) == (theirs.status, theirs.text.strip()),
                      (ours.text, theirs.text))
            check("download as Go", gzip.decompress(s.ask("/ui/download").raw)
                  == gzip.decompress(ask_go("/ui/download").raw))
    finally:
        peer.kill()
        peer.wait()


# --- many, slow and rude clients ---

def test_crowd():
    with Server("-no_browser", HEAP) as s:
        views = [v["name"] for v in s.ask("/ui/data/profile").json["views"]]
        paths = ["/ui/top", "/ui/assets/app.js", "/ui/download", "/ui/data/profile"]
        for i, view in enumerate(views):
            paths += [f"/ui/data/{view}?f=main&n={i + 3}", f"/ui/data/{view}?si=alloc_space",
                      f"/ui/data/{view}?w=1200&h=runtime"]
        expected = {p: (s.ask(p).status, s.ask(p).body) for p in paths}

        def client(number):
            bad = []
            connection = http.client.HTTPConnection(s.host, s.port, timeout=120)
            for i in range(len(paths)):
                path = paths[(number * 7 + i) % len(paths)]
                connection.request("GET", path, headers={"Accept-Encoding": "gzip"} if number % 2 else {})
                a = Answer(connection.getresponse())
                if (a.status, a.body) != expected[path]:
                    bad.append((path, a.status))
            connection.close()
            return bad

        def crowd():
            with concurrent.futures.ThreadPoolExecutor(20) as pool:
                return sum(pool.map(client, range(20)), [])

        bad = crowd()
        check("20 clients get what one gets", not bad, bad[:5])
        first = s.rss()
        for _ in range(3):
            crowd()
        check("and take no memory with them", s.rss() < first * 1.25 + 8192, (first, s.rss()))
        check("ends after that", s.stop() == (0, ""))


def test_slow():
    with Server("-no_browser", CPU) as s:
        slow = []
        for i in range(60):
            c = socket.create_connection((s.host, s.port))
            c.sendall((b"", b"GET /ui/top HT", b"GET /ui/top HTTP/1.1\r\nHost: localhost\r\nX: ",
                       b"POST /ui/hold HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")[i % 4])
            slow.append(c)
        began = time.monotonic()
        check("half requests block nobody", s.ask("/ui/data/top").status == 200)
        check("nor for long", time.monotonic() - began < 10)
        # clients that leave
        for _ in range(30):
            c = socket.create_connection((s.host, s.port))
            c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            c.sendall(b"GET /ui/data/top HTTP/1.1\r\nHost: localhost\r\n\r\n" * 3)
            c.close()
        check("those that leave do no harm", s.ask("/ui/data/top").status == 200)
        check("it ends with them", s.stop() == (0, ""))
        for c in slow:
            c.close()


# --- profiles ---

def make_profile(path, stacks, time_s=0, doc="", seconds=0):
    """stacks: (names, leaf first; value)"""
    names = sorted({n for stack, _ in stacks for n in stack})
    table = ["", "cpu", "nanoseconds", *names, doc]
    out = field(1, field(1, 1) + field(2, 2))
    for stack, value in stacks:
        out += field(2, field(1, b"".join(varint(names.index(n) + 1) for n in stack)) + field(2, varint(value)))
    for i, name in enumerate(names, 1):
        out += field(4, field(1, i) + field(4, field(1, i)))
        out += field(5, field(1, i) + field(2, table.index(name)) + field(4, table.index(name)))
    out += b"".join(field(6, s.encode() if isinstance(s, str) else s) for s in table)
    out += field(9, int(time_s * 1e9)) + field(10, int(seconds * 1e9)) + field(15, len(table) - 1)
    with open(path, "wb") as f:
        f.write(out)
    return path


def test_profiles():
    evil = "<script>alert(1)</script>\"'&"
    hostile = make_profile(os.path.join(WORK, "hostile.pb"),
                           [((evil, "main"), 10), (("</title><b>", evil), 5), (("\u2028\x01\x7f", "main"), 1)],
                           doc="javascript:alert(1)")
    cases = {"hostile": hostile, "one": make_profile(os.path.join(WORK, "one.pb"), [(("main",), 1)],
                                                              doc="https://example.com/"),
             "no samples": os.path.join(DATA, "odd/no_samples.pb"), "negative": os.path.join(DATA, "odd/negative.pb"),
             "utf8": os.path.join(DATA, "odd/utf8.pb"), "recursive": os.path.join(DATA, "odd/recursive.pb"),
             "huge": os.path.join(DATA, "odd/huge_values.pb"),
             "dangling": os.path.join(DATA, "odd/dangling_mapping.pb")}
    for name, path in cases.items():
        with Server("-no_browser", path) as s:
            check(f"{name} is served", s.url, s.said)
            if not s.url:
                continue
            meta = s.ask("/ui/data/profile")
            check(f"{name} menus", meta.status == 200 and meta.json["views"], meta.body[:200])
            for view in [v["name"] for v in meta.json["views"]]:
                a = s.ask(f"/ui/data/{view}?f=main")
                check(f"{name} {view}", a.status in (200, 400) and isinstance(a.json, dict), a.body[:200])
                if name == "hostile":
                    check(f"{name} {view} cannot be taken for HTML",
                          a.headers["Content-Type"].startswith("application/json"))
            if name == "hostile":
                a = s.ask("/ui/data/top").json
                check("names come as they are", set(a["names"]) == {evil, "main", "</title><b>", "\u2028\x01\x7f"},
                      a["names"])
                page = s.ask("/ui/top?f=" + urllib.parse.quote(evil)).text
                check("the page has none of it", "alert" not in page)
                check("no link to code", meta.json["doc_url"] == "")
            if name == "one":
                check("a link to a page", meta.json["doc_url"] == "https://example.com/")
            check(f"{name} ends", s.stop() == (0, ""))
    for bad in ("bad/truncated.pb.gz", "bad/garbage", "bad/empty"):
        done = run("-http=:", "-no_browser", os.path.join(DATA, bad))
        check(f"{bad} is told", done.returncode == 2 and done.stderr.count("\n") == 1
              and "Serving" not in done.stderr, done.stderr)
    done = run("-http=:", "-no_browser", "-sample_index=nix", CPU)
    check("a bad option is told", done.returncode == 2 and "nix" in done.stderr, done.stderr)


def test_several():
    late = make_profile(os.path.join(WORK, "late.pb"), [(("f", "main"), 30)], 2000)
    early = make_profile(os.path.join(WORK, "early.pb"), [(("f", "main"), 10), (("g", "main"), 5)], 1000)
    with Server("-no_browser", late, early) as s:
        meta = s.ask("/ui/data/profile").json
        check("each source is a moment", [m["name"] for m in meta["moments"]] == [early, late, "all together"]
              and [m["time"] for m in meta["moments"]][:2] == ["1970-01-01 00:16:40", "1970-01-01 00:33:20"]
              and meta["newest"] == 3, meta["moments"])
        total = {m: s.ask(f"/ui/data/top?m={m}").json["values"]["total"] for m in (1, 2, 3)}
        check("each has its own values", total == {1: 15, 2: 30, 3: 45}, total)
        check("the sum is shown", s.ask("/ui/data/top").json["moment"] == 3)
        for query, want in (("", (15, 30)), ("?b=2", (30, 15)), ("?m=2", (15, 30)), ("?m=1", (30, 15))):
            tree = unpack(s.ask("/ui/data/diff" + query).json)["callees"]
            check("one beside the other", (tree["before"][0], tree["after"][0]) == want, (query, tree))
    parts = [make_profile(os.path.join(WORK, f"at{n}.pb"), [(("f",), n)], 1000, seconds=n) for n in (3, 1, 2)]
    with Server("-no_browser", *parts) as s:
        a = s.ask("/ui/data/timeline").json
        check("snapshots of one recording stand where they end", (a["times"], a["series"][0]["values"])
              == ([1001, 1002, 1003], [1, 2, 3]), a)
    with Server("-no_browser", late, os.path.join(WORK, "none.pb")) as s:
        check("one that is not there is told", any("none.pb" in line for line in s.said), s.said)
        check("and the others are shown", s.ask("/ui/data/top").json["values"]["total"] == 30)
    with Server("-no_browser", f"-diff_base={early}", late) as s:
        a = s.ask("/ui/data/top").json
        check("a difference", dict(zip(a["names"], a["cum"]))["f"] == 20, a)


def test_live():
    program = subprocess.Popen([sys.executable, "-c", "import time\nwhile True: time.sleep(0.05)"])
    try:
        source = f"pid:{program.pid}/goroutine"
        with Server("-no_browser", source) as s:
            if not s.url:
                s.wait()
                skip("live", " ".join(s.said))
                return
            meta = s.ask("/ui/data/profile").json
            check("a live source", meta["live"] is True and meta["seconds"] == 0 and meta["newest"] == 1, meta)
            a = s.change("/ui/refresh")
            check("a refresh", a.status == 200 and a.json["moment"] == 2, a.text)
            meta = s.ask("/ui/data/profile").json
            check("two moments", [m["id"] for m in meta["moments"]] == [1, 2] and meta["newest"] == 2, meta["moments"])
            check("both can be asked for", [s.ask(f"/ui/data/top?m={m}").json["moment"] for m in (1, 2)] == [1, 2])
            check("hold", s.change("/ui/hold?m=1&on=1").status == 200
                  and s.ask("/ui/data/profile").json["moments"][0]["held"])
            check("let go", s.change("/ui/hold?m=1&on=0").status == 200
                  and not s.ask("/ui/data/profile").json["moments"][0]["held"])
            check("hold nothing", s.change("/ui/hold?m=9&on=1").status == 404)
            check("hold what", s.change("/ui/hold?m=1&on=maybe").status == 400
                  and s.change("/ui/hold?on=1").status == 400)
            token = s.token()
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                ids = {a.json["moment"] for a in pool.map(
                    lambda _: s.ask("/ui/refresh", "POST", {"X-Sonde-Token": token}), range(8))}
            newest = s.ask("/ui/data/profile").json["newest"]
            check("several at once are few", max(ids) == newest and newest <= 10, (ids, newest))
            program.kill()
            program.wait()
            a = s.change("/ui/refresh")
            check("a program that has ended", a.status in (400, 500) and "error" in a.json, a.text)
            check("what was read stays", s.ask("/ui/data/top?m=1").status == 200)
            check("ends", s.stop() == (0, ""))
    finally:
        program.kill()
        program.wait()


def test_leave():
    """Ctrl-C while a program is being read for some seconds."""
    program = subprocess.Popen([sys.executable, "-c", "while True: pass"])
    try:
        with Server("-no_browser", f"pid:{program.pid}/cpu?seconds=4") as s:
            if not s.url:
                s.wait()
                skip("leave", " ".join(s.said))
                return
            check("how long it takes", s.ask("/ui/data/profile").json["seconds"] == 4)
            token = s.token()
            with concurrent.futures.ThreadPoolExecutor(1) as pool:
                refresh = pool.submit(s.ask, "/ui/refresh", "POST", {"X-Sonde-Token": token})
                time.sleep(0.3)
                began = time.monotonic()
                check("others are served meanwhile", s.ask("/ui/data/top").status == 200)
                check("at once", time.monotonic() - began < 2)
                status, _ = s.stop()
                check("it does not wait for the end", status == 0 and time.monotonic() - began < 3.9,
                      (status, time.monotonic() - began))
                check("who waited is told", isinstance(refresh.exception(), (OSError, http.client.HTTPException)))
        check("the program goes on", program.poll() is None)
    finally:
        program.kill()
        program.wait()


def test_record():
    folder = tempfile.mkdtemp(dir=WORK)
    env = {k: v for k, v in os.environ.items() if k not in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")}
    work = "sum(i * i for i in range(3000000))"
    process = subprocess.Popen([SONDE, "record", "-e", "cpu,heap,goroutine", "--http", "--no-browser", sys.executable,
                                "-c", work], cwd=folder, stderr=subprocess.PIPE, text=True, env=env)
    url = None
    said = []
    for line in process.stderr:
        said.append(line)
        if line.startswith("Serving web UI on "):
            url = urllib.parse.urlsplit(line.split()[-1])
            break
    check("record --http tells of other kinds", any(
        "not in the web page: sonde.heap.pb.gz, sonde.goroutine.pb.gz ('sonde pprof -http=: FILE' shows one)" in line
        for line in said), said)
    check("record --http", url and any("the web page shows sonde.cpu.pb.gz" in line for line in said), said)
    if url:
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=30)
        connection.request("GET", "/ui/data/top")
        check("it is the recording", Answer(connection.getresponse()).json["values"]["type"] == "cpu")
        connection.close()
        process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    check("it ends with the command's status", process.returncode == 0, process.returncode)
    for args, words in ((("--no-browser", "true"), "--no-browser only makes sense with --http"),
                        (("--http=nix", "true"), "invalid value 'nix'"),
                        (("--http", "--debug", "1", "-p", "1"), "--http shows profiles")):
        done = subprocess.run([SONDE, "record", *args], capture_output=True, text=True, timeout=60, cwd=folder)
        check(f"record {args}", done.returncode == 2 and words in done.stderr, done.stderr)


WORK = tempfile.mkdtemp()
try:
    for test in (test_routes, test_headers, test_refusals, test_addresses, test_browser, test_data, test_downloads,
                 test_configs, test_beside_go, test_crowd, test_slow, test_profiles, test_several, test_live, test_leave, test_record):
        if len(sys.argv) < 2 or test.__name__ in sys.argv[1:]:
            test()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed > 0)
