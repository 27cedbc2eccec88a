#!/usr/bin/env python3
"""Profiles from servers: what is asked for, what servers do wrong, names from the
server, the copy that is kept."""

import ctypes.util
import glob
import gzip
import http.server
import os
import shutil
import socket
import socketserver
import ssl
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../go_matrix"))
from message import field  # noqa: E402  pylint: disable=wrong-import-position

DATA = os.path.join(os.environ["SONDE_SOURCE_ROOT"], "tests", "data")
SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
passed = failed = skipped = 0


def profile(file="", more=b""):
    """Two addresses without names, 3 and 7 samples, in one mapping; and `more`."""
    strings = ["", "samples", "count", file]
    return gzip.compress(
        field(1, field(1, 1) + field(2, 2)) +
        field(2, field(1, 1) + field(2, 3)) + field(2, field(1, 2) + field(2, 7)) +
        field(3, field(1, 1) + field(2, 0x1000) + field(3, 0x9000) + field(5, 3 if file else 0)) +
        field(4, field(1, 1) + field(2, 1) + field(3, 0x1234)) +
        field(4, field(1, 2) + field(2, 1) + field(3, 0x2345)) +
        b"".join(field(6, s.encode()) for s in strings) + more)


class Handler(http.server.BaseHTTPRequestHandler):
    asked = []

    def log_message(self, *args):
        pass

    def answer(self, data, status=200, **headers):
        self.send_response(status)
        headers.setdefault("Content_Length", len(data))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        self.asked.append(self.path)
        path = self.path.split("?")[0]
        if path in ("/debug/pprof/heap", "/debug/pprof/profile", "/a/profilez"):
            self.answer(profile())
        elif path == "/named":
            self.answer(profile("/no/such/program"))
        elif path == "/two":  # one of them without addresses
            self.answer(profile(more=field(3, field(1, 2) + field(2, 0xa000) + field(3, 0xb000))))
        elif path == "/debug/pprof/goroutine":  # a frame of the runtime left out
            self.answer(b"goroutine profile: total 2\n2 @ 0x1235 0x2346\n#\t0x2345\tmain.work+0x5\t/w.go:7\n")
        elif path == "/loop":
            self.answer(b"", 302, Location="/loop")
        elif path == "/moved":
            self.answer(b"", 302, Location="/debug/pprof/heap")
        elif path == "/big":
            self.answer(b"x" * 100, Content_Length=10**11)
        elif path == "/half":
            self.answer(profile()[:50], Content_Length=1000)
        elif path == "/garbage":
            self.answer(b"hello")
        elif path == "/hang":
            time.sleep(15)
        elif path == "/refused":
            self.answer(b"not now\n", 400, X_Go_Pprof=1, Content_Type="text/plain; charset=utf-8")
        else:
            self.answer(b"", 404)

    def do_POST(self):
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.asked.append(self.path + " " + text)
        names = {"0x1234": "first", "0x2345": "_ZN2ns6secondEi"}
        if self.path in ("/debug/pprof/symbol", "/a/symbolz", "/symbolz"):
            lines = ["num_symbols: 1"] + [f"{a} {names[a]}" for a in text.split("+")]
            self.answer("\n".join(lines + [""]).encode())
        else:
            self.answer(b"", 404)


class UnixServer(socketserver.ThreadingUnixStreamServer):
    def get_request(self):
        request, _ = super().get_request()
        return request, ("unix", 0)


def serve(server):
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def pprof(*args, **env):
    done = subprocess.run([SONDE, "pprof", *args], capture_output=True, text=True, timeout=60,
                          env=dict(ENV, **env))
    return done.returncode, done.stdout, done.stderr


def asks(name, url, want, *flags):
    Handler.asked.clear()
    status, out, err = pprof("-top", "-symbolize=none", *flags, url)
    check(name, status == 0 and Handler.asked == [want], f"{Handler.asked}, {err}")


def fails(name, url, why, *flags, status=1):
    got, out, err = pprof("-top", *flags, url)
    check(name, got == status and why in err and not out, f"{got}: {err}")


def names(name, *args, out=("first", "ns::second"), **env):
    status, text, err = pprof("-top", *args, **env)
    lines = [line.split()[-1] for line in text.splitlines()[-2:]]
    check(name, status == 0 and sorted(lines) == sorted(out), f"{status}: {text}{err}")
    return err


if not ctypes.util.find_library("curl"):
    print("libcurl.so.4 is not installed")
    sys.exit(77)
WORK = tempfile.mkdtemp()
ENV = dict(os.environ, PPROF_TMPDIR=os.path.join(WORK, "deep/copies"), HOME=WORK, no_proxy="*")
try:
    web = serve(http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler))
    at = f"127.0.0.1:{web.server_port}"
    asks("a URL", f"http://{at}/debug/pprof/heap?gc=1", "/debug/pprof/heap?gc=1")
    asks("host and port", f"{at}/debug/pprof/heap", "/debug/pprof/heap")
    asks("no path", at, "/debug/pprof/profile")
    asks("seconds", at, "/debug/pprof/profile?seconds=2", "-seconds=2")
    Handler.asked.clear()
    status, out, err = pprof("-top", f"http://{at}/moved")
    check("a redirect", status == 0, err)

    fails("a redirect loop", f"http://{at}/loop", "stopped after 10 redirects")
    fails("100 GB", f"http://{at}/big", "the answer is larger than", status=2)
    fails("half an answer", f"http://{at}/half", "the server ended the connection after 50 bytes")
    fails("garbage", f"http://{at}/garbage", "unrecognized profile format", status=2)
    fails("refused by pprof", f"http://{at}/refused", "server response: 400 Bad Request - not now")
    fails("not there", f"http://{at}/nothing", "server response: 404 Not Found")
    fails("no answer", f"http://{at}/hang", "timeout: no answer for 6 seconds", "-timeout=1")
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        fails("nobody there", f"127.0.0.1:{closed.getsockname()[1]}", "onnect")
    status, out, err = pprof("-top", f"http://{at}/nothing", f"http://{at}/debug/pprof/heap")
    check("one of two", status == 0 and "404 Not Found" in err and "1 of 2" in err, err)

    names("names of Go's server", f"http://{at}/debug/pprof/heap")
    names("names of others", f"http://{at}/a/profilez", "-symbolize=remote")
    names("names of a mapping with a file", "-symbolize=remote", f"http://{at}/named")
    names("names in full", "-symbolize=demangle=full", f"http://{at}/a/profilez",
          out=("first", "ns::second(int)"))
    names("names that a text leaves out", f"http://{at}/debug/pprof/goroutine?debug=1", out=("first", "main.work"))
    names("names left out", "-symbolize=local", f"http://{at}/debug/pprof/goroutine?debug=1",
          out=("runtime.<hidden>", "main.work"))
    status, out, err = pprof("-raw", "-symbolize=remote", f"http://{at}/two")
    check("mappings have names then", out.count("[FN]") == 2, out + err)
    Handler.asked.clear()
    pprof("-top", "-symbolize=local", f"http://{at}/a/profilez")
    check("local asks nobody", Handler.asked == ["/a/profilez"], Handler.asked)

    copies = sorted(glob.glob(f"{WORK}/deep/copies/*"))
    check("copies", {"pprof.samples.001.pb.gz", "pprof.program.samples.001.pb.gz"} <=
          {os.path.basename(c) for c in copies}, copies)
    before = len(copies)
    err = names("a copy", f"http://{at}/debug/pprof/heap")
    copies = sorted(glob.glob(f"{WORK}/deep/copies/pprof.samples.*"))
    check("told", f"Saved profile in {WORK}/deep/copies/pprof.samples." in err, err)
    names("the copy has the names", copies[-1])
    check("one more", len(glob.glob(f"{WORK}/deep/copies/*")) == before + 1)
    err = names("no folder", f"http://{at}/debug/pprof/heap", PPROF_TMPDIR="/dev/null/x")
    check("no folder is told", "cannot use the folder '/dev/null/x'" in err and
          f"Saved profile in {WORK}/pprof/" in err, err)

    path = os.path.join(WORK, "socket")
    serve(UnixServer(path, Handler))
    names("a Unix socket", f"unix:{path}/debug/pprof/heap")

    if shutil.which("openssl"):
        key, cert = os.path.join(WORK, "key.pem"), os.path.join(WORK, "cert.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "1", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=DNS:localhost,IP:127.0.0.1"], check=True,
                       stderr=subprocess.DEVNULL)
        secure = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(cert, key)
        context.load_verify_locations(cert)
        secure.socket = context.wrap_socket(secure.socket, server_side=True)
        serve(secure)
        at = f"127.0.0.1:{secure.server_port}/debug/pprof/heap"
        fails("unknown authority", f"https://{at}", "certificate (see -tls_ca; https+insecure: needs none)")
        other = os.path.join(WORK, "other.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", os.devnull,
                        "-out", other, "-days", "1", "-subj", "/CN=another authority"], check=True,
                       stderr=subprocess.DEVNULL)
        fails("another authority", f"https://{at}", "certificate", f"-tls_ca={other}")
        fails("no authority there", f"https://{at}", f"cannot read '{WORK}/none' of -tls_ca",
              f"-tls_ca={WORK}/none", status=2)
        with open(other, "w") as f:
            f.write("garbage\n")
        fails("an authority that is none", f"https://{at}", "", f"-tls_ca={other}")
        fails("plain HTTP there", f"http://{at}", "")
        fails("no TLS there", f"https://127.0.0.1:{web.server_port}/debug/pprof/heap", "")
        names("https+insecure", f"https+insecure://{at}")
        names("-tls_ca", f"-tls_ca={cert}", f"https://{at}")
        context.verify_mode = ssl.CERT_REQUIRED
        fails("no certificate to show", f"https://{at}", "", f"-tls_ca={cert}")
        names("-tls_cert", f"-tls_ca={cert}", f"-tls_cert={cert}", f"-tls_key={key}",
              f"https://{at}")
    else:
        print("https: openssl is not installed")
        skipped += 1
    fails("a key alone", "http://127.0.0.1:1/", "-tls_key is given, so -tls_cert must also be given", "-tls_key=x",
          status=2)
    status, _, err = pprof("-top", "-tls_ca=/none", os.path.join(DATA, "go", "cpu.pb.gz"))
    check("files need no authorities", status == 0, err)
finally:
    shutil.rmtree(WORK, ignore_errors=True)
print(f"{passed} passed, {failed} failed, {skipped} skipped")
sys.exit(failed != 0)
