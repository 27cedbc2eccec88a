#!/usr/bin/env python3
"""bench_web: the web page beside `go tool pprof -http`, route by route, on the same profile.

    bench_web.py GO_PPROF SONDE [REGEXP]

A row: how long a request takes until its answer has arrived (Sonde's data, the peer's page
with the data in it, both gzip'ed where the server does so), and the bytes on the wire.  Each
Sonde request has a setting of its own (a node fraction that changes nothing), so that none is
answered from what the one before left, but for rows marked "again".  At the end: when the
first flame graph is painted in a browser (Debian's chromium and chromedriver, if there), from
the start of loading the page, and the most memory that the server took, beside `-top`.

Profiles: the Go compiler's own where GOROOT has it, and the 51 MB one of gen_profile; on that
one the peer is asked once and for two routes only (PEER_LARGE=0: not at all), since it takes
minutes.  REGEXP: only rows that match.  RUNS (15), PEER_RUNS (5).
"""
import http.client
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../tests/integration/page"))
import webdriver  # noqa: E402  pylint: disable=wrong-import-position

ROUTES = [  # label, the peer's, ours, query
    ("flame graph", "flamegraph", "data/flamegraph", ""),
    ("flame graph, pivot", "flamegraph", "data/flamegraph", "p={one}"),
    ("flame graph, focus", "flamegraph", "data/flamegraph", "f={many}"),
    ("flame graph, ignore", "flamegraph", "data/flamegraph", "i={many}"),
    ("top", "top", "data/top", ""),
    ("top, focus", "top", "data/top", "f={many}"),
    ("graph", "graph", "data/graph", ""),
    ("peek", "peek", "data/peek", "f={one}"),
    ("source", "source", "data/source", "f={one}"),
    ("sandwich", None, "data/sandwich", "p={one}"),
    ("tags", None, "data/tags", ""),
    ("menus", None, "data/profile", ""),
    ("download", "download", "download", ""),
]
LARGE_FOR_PEER = ("flame graph", "top")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One that runs, and what it answers."""

    def __init__(self, command, profile):
        self.port = free_port()
        self.log = tempfile.TemporaryFile()
        begin = time.perf_counter()
        self.process = subprocess.Popen([*command, f"-http=localhost:{self.port}", "-no_browser", profile],
                                        stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        while True:
            try:
                socket.create_connection(("localhost", self.port), 1).close()
                break
            except OSError:
                if self.process.poll() is not None or time.perf_counter() - begin > 600:
                    self.log.seek(0)
                    sys.exit(f"bench_web: {' '.join(command)} does not serve: {self.log.read(500)!r}")
                time.sleep(0.002)
        self.ready = time.perf_counter() - begin

    def get(self, path):
        """Seconds, bytes on the wire."""
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("localhost", self.port, timeout=900)
        connection.request("GET", "/ui/" + path, headers={"Accept-Encoding": "gzip"})
        answer = connection.getresponse()
        n = len(answer.read())
        seconds = time.perf_counter() - begin
        connection.close()
        if answer.status != 200:
            sys.exit(f"bench_web: {path}: {answer.status}")
        return seconds, n

    def peak_mb(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as f:
            return int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) / 1024

    def close(self):
        self.process.terminate()
        self.process.wait()
        self.log.close()


def spread(times):
    return f"{statistics.median(times) * 1000:9.1f} ms ({min(times) * 1000:.1f}..{max(times) * 1000:.1f})"


def address(path, query, words, i=None):
    query = query.format(**words)
    if i is not None:  # another node fraction each time: nothing is kept of the answer before
        query += f"{'&' if query else ''}nf={0.005 + i * 1e-9:.9f}"
    return path + ("?" + query if query else "")


def row(label, ours, theirs, words, route, n, n_peer):
    _, peer_path, path, query = route
    mine = [ours.get(address(path, query, words, i)) for i in range(n)]
    again = [ours.get(address(path, query, words, n - 1)) for _ in range(n)]
    times = [m[0] for m in mine]
    line = f"  {label:30s} {spread(times):34s} again {statistics.median(a[0] for a in again) * 1000:7.1f} ms"
    line += f" {mine[0][1] / 1000:7.0f} kB"
    ratio = None
    if theirs and peer_path and n_peer:
        got = [theirs.get(address(peer_path, query, words)) for _ in range(n_peer)]
        ratio = statistics.median(g[0] for g in got) / statistics.median(times)
        line += f"   peer {statistics.median(g[0] for g in got) * 1000:9.0f} ms {got[0][1] / 1000:7.0f} kB {ratio:7.1f} x"
    print(line, flush=True)
    return ratio


def painted(server):
    """When the first flame graph stood on the screen, in milliseconds, of three visits."""
    times = []
    try:
        for _ in range(3):
            with webdriver.Browser(1600, 1000) as browser:
                browser.open(f"http://localhost:{server.port}/ui/flamegraph")
                times.append(browser.wait("return performance.getEntriesByName('painted')[0]?.startTime"))
    except (webdriver.Skip, TimeoutError, RuntimeError) as e:
        print(f"  first paint: not measured: {e}")
        return
    print(f"  first flame graph painted after {statistics.median(times):.0f} ms ({min(times):.0f}..{max(times):.0f})")


def bench(name, profile, peer, sonde, wanted, words, n_peer, is_large):
    rows = [r for r in ROUTES if re.search(wanted, f"{name}: {r[0]}")]
    if not rows:
        return []
    n = int(os.environ.get("RUNS", "15"))
    ours = Server([sonde, "pprof"], profile)
    theirs = Server([*peer, "-symbolize=none"], profile) if peer and n_peer else None
    print(f"{name}: ready after {ours.ready:.2f} s" + (f", peer {theirs.ready:.2f} s" if theirs else ""))
    ratios = []
    for route in rows:
        asked = theirs if not is_large or route[0] in LARGE_FOR_PEER else None
        ratios.append(row(f"{name}: {route[0]}", ours, asked, words, route, n, n_peer))
    top = subprocess.Popen([sonde, "pprof", "-top", profile], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(top.pid, 0)
    painted(ours)
    line = f"  memory: server {ours.peak_mb():.0f} MB, -top {used.ru_maxrss / 1024:.0f} MB"
    print(line + (f", peer's server {theirs.peak_mb():.0f} MB" if theirs else ""), flush=True)
    ours.close()
    if theirs:
        theirs.close()
    return [r for r in ratios if r]


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    peer, sonde = sys.argv[1].split(), sys.argv[2]
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    pgo = os.path.join(os.environ.get("GOROOT", "/nonexistent"), "src/cmd/compile/default.pgo")
    gen = os.environ.get("GEN_PROFILE", os.path.join(os.path.dirname(sonde), "bench/gen_profile"))
    os.environ.update(LC_ALL="C", TZ="UTC")
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PPROF_TMPDIR"] = folder
        os.environ["XDG_CONFIG_HOME"] = folder
        print("median (least..most), of a setting asked for again, and bytes on the wire")
        if os.path.exists(pgo):
            words = {"one": "growslice", "many": "ssa"}
            ratios = bench("compiler", pgo, peer, sonde, wanted, words,
                           int(os.environ.get("PEER_RUNS", "5")), False)
        else:
            print("no Go tree (GOROOT): its compiler's profile is left out")
        large = os.path.join(folder, "large.pb.gz")
        subprocess.run([gen, "cpu51", large], check=True, stdout=subprocess.DEVNULL)
        bench("51 MB", large, peer, sonde, wanted, {"one": "[a-z]1234$", "many": "[a-z]12"},
              int(os.environ.get("PEER_LARGE", "1")), True)
    if ratios:
        print(f"  compiler: least {min(ratios):.1f} x the peer's speed")


main()
