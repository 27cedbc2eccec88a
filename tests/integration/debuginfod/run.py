#!/usr/bin/env python3
"""Debug information and objects from a debuginfod server on this machine, and servers
that do not work: one line, and no long wait."""

import ctypes
import http.server
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
PATIENCE = 10  # seconds, DEBUGINFOD_PATIENCE_S
SOURCE = """
#include <stdio.h>
static volatile unsigned long sink;
static inline __attribute__((always_inline)) void inlined_one(unsigned long i) { sink += i * i; }
__attribute__((noinline)) static void known_function(unsigned long n)
{
    for (unsigned long i = 0; i < n; i++)
        inlined_one(i);
}
int main(void) { known_function(300000000); return 0; }
"""
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def skip(why):
    print(why)
    sys.exit(77)


class Server(http.server.BaseHTTPRequestHandler):
    files, asked = {}, []

    def do_GET(self):
        self.asked.append(self.path)
        path = self.files.get(self.path)
        if not path:
            self.send_error(404)
            return
        with open(path, "rb") as f:
            data = f.read()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


def top(home, urls, *args):
    """What is printed, what is said, how long it took; a cache of its own each."""
    os.makedirs(home, exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("DEBUGINFOD", "XDG_CACHE"))}
    env.update(HOME=home, PPROF_BINARY_PATH="/nowhere", DEBUGINFOD_URLS=urls)
    began = time.monotonic()
    p = subprocess.run([SONDE, "pprof", "-top", "-nodefraction=0", *args], env=env, timeout=60,
                       stdin=subprocess.DEVNULL, capture_output=True, text=True)
    return p.stdout, p.stderr, time.monotonic() - began


# A profile without names, by hand.


def number(n):
    out = b""
    while n >= 0x80:
        out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])


def field(i, value):
    if isinstance(value, int):
        return number(i << 3) + number(value)
    return number(i << 3 | 2) + number(len(value)) + value


def profile(path, mappings):
    """One sample a mapping: (file, build ID, address)."""
    texts, out = ["", "samples", "count"], field(1, field(1, 1) + field(2, 2))
    for i, (file, build_id, address) in enumerate(mappings, 1):
        texts += [file, build_id]
        start = address & ~0xfff
        out += field(2, field(1, number(i)) + field(2, number(1)))
        out += field(3, field(1, i) + field(2, start) + field(3, start + 0x1000) +
                     field(4, start - 0x400000) + field(5, len(texts) - 2) +
                     field(6, len(texts) - 1))
        out += field(4, field(1, i) + field(2, i) + field(3, address))
    with open(path, "wb") as f:
        f.write(out + b"".join(field(6, t.encode()) for t in texts))
    return path


def build(folder):
    """The stripped program, all of it, its debug information; build ID; an address."""
    def call(*args):
        return subprocess.run(args, cwd=folder, check=True, capture_output=True, text=True).stdout
    with open(os.path.join(folder, "prog.c"), "w") as f:
        f.write(SOURCE)
    call("cc", "-g", "-O1", "-no-pie", "-Wl,--build-id", "-Wl,-Ttext-segment=0x400000", "-o", "whole",
         "prog.c")
    call("objcopy", "--only-keep-debug", "whole", "debug")
    call("strip", "-o", "prog", "whole")
    symbol = re.search(r"(\w+)\s+\d+ FUNC .* known_function", call("readelf", "-sW", "whole"))
    build_id = re.search(r"Build ID: (\w+)", call("readelf", "-n", "whole"))
    return build_id[1], int(symbol[1], 16)


def run(folder):
    path = {name: os.path.join(folder, name) for name in ("prog", "whole", "debug", "gone")}
    homes = (os.path.join(folder, f"home{i}") for i in range(99))
    build_id, address = build(folder)
    here = profile(os.path.join(folder, "here.pb"), [(path["prog"], build_id, address)])
    gone = profile(os.path.join(folder, "gone.pb"), [(path["gone"], build_id, address)])
    both = profile(os.path.join(folder, "both.pb"), [
        (path["prog"], build_id, address), (path["gone"] + "2", "12" * 20, address)])
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    debug_path = f"/buildid/{build_id}/debuginfo"

    out, err, _ = top(next(homes), "", here)
    check("not asked", "known_function" not in out and not Server.asked, out + err)

    out, err, _ = top(next(homes), url, here)
    check("not there", "known_function" not in out and Server.asked == [debug_path], out + err)
    check("that is no trouble", "DEBUGINFOD" not in err, err)

    Server.files[debug_path] = path["debug"]
    home = next(homes)
    out, err, _ = top(home, url, "-lines", here)
    check("debug information", re.search(r"known_function .*/prog\.c:[67]$", out, re.M), out + err)
    n = len(Server.asked)
    out, err, _ = top(home, url, here)
    check("cached", "known_function" in out and len(Server.asked) == n, out + err)
    check("in HOME", os.path.isdir(os.path.join(home, ".cache", "debuginfod_client")))

    Server.files = {f"/buildid/{build_id}/executable": path["whole"]}
    out, err, _ = top(next(homes), url, gone)
    check("the object itself", "known_function" in out, out + err)

    Server.files = {debug_path: path["prog"]}  # not what was asked for
    out, err, _ = top(next(homes), url, here)
    check("a file without debug information", "100%" in out, out + err)
    with open(os.path.join(folder, "text"), "w") as f:
        f.write("no program")
    Server.files = {debug_path: f.name}
    out, err, _ = top(next(homes), url, here)
    check("no ELF file", "100%" in out, out + err)

    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # no listen: refused
        out, err, seconds = top(next(homes), f"http://127.0.0.1:{nobody.getsockname()[1]}", both)
    check("refused: the report", "100%" in out, out)
    check("refused: one line", err.count("DEBUGINFOD_URLS") == 1, err)
    check("refused: no wait", seconds < PATIENCE / 2, seconds)

    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        out, err, seconds = top(next(homes), f"http://127.0.0.1:{silent.getsockname()[1]}", both)
    check("silent: the report", "100%" in out, out)
    check("silent: one line", err.count("DEBUGINFOD_URLS") == 1 and "no answer" in err, err)
    check("silent: a bounded wait", seconds < 2 * PATIENCE, seconds)
    server.shutdown()


def main():
    try:
        ctypes.CDLL("libdebuginfod.so.1")
    except OSError:
        skip("libdebuginfod.so.1 is not installed")
    for tool in ("cc", "objcopy", "strip", "readelf"):
        if not shutil.which(tool):
            skip(f"no {tool}")
    with tempfile.TemporaryDirectory() as folder:
        run(folder)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
