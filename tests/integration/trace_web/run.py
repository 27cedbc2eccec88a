#!/usr/bin/env python3
"""The page of a trace, its server: every answer has the shape of src/web/trace/data.ts, for each
sample; sums are those of `go tool trace`, and of Sonde's own texts; bad requests get one clear
line; requests of other sites are turned away.  No browser is used."""
import concurrent.futures
import glob
import http.client
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import zlib

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
import shapes  # noqa: E402  pylint: disable=wrong-import-position
from tally import check, end, run, skip  # noqa: E402  pylint: disable=wrong-import-position
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
SAMPLES = os.path.join(ROOT, "../shared/testdata/trace")
CONTRACT = shapes.read(os.path.join(ROOT, "src/web/trace/data.ts"))
PROFILE_CONTRACT = shapes.read(os.path.join(ROOT, "src/web/data.ts"))
LISTENING = re.compile(r"Trace viewer is listening on (http://\S+)")  # what gopls looks for


class Answer:
    def __init__(self, response):
        self.status, self.headers = response.status, response.headers
        self.body = response.read()
        if self.headers.get("Content-Encoding") == "gzip":
            self.body = zlib.decompress(self.body, 31)

    @property
    def json(self):
        return json.loads(self.body)


class Server:
    """A page that is served: ours, or that of go tool trace."""

    def __init__(self, *command, env=None):
        env = {k: v for k, v in {**os.environ, **(env or {})}.items() if env and k in env or k not in
               ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")}
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=env)
        self.said, self.host, self.port = "", None, None
        for line in self.process.stderr:
            self.said += line
            found = LISTENING.search(line)
            if found:
                parts = urllib.parse.urlsplit(found.group(1))
                self.host, self.port = parts.hostname, parts.port
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)

    def stop(self, signo=signal.SIGINT):
        """(status, stderr)"""
        if self.process.poll() is None:
            self.process.send_signal(signo)
        rest = self.process.communicate(timeout=30)[1]
        return self.process.returncode, self.said + rest

    def ask(self, path, method="GET", headers=()):
        connection = http.client.HTTPConnection(self.host, self.port, timeout=60)
        try:
            connection.request(method, path, headers=dict(headers))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def data(self, what, **parameters):
        return self.ask(f"/data/{what}?{urllib.parse.urlencode(parameters)}")

    def read(self):
        """Wait until the trace is read: the answer of meta."""
        for _ in range(600):
            meta = self.data("meta").json
            if meta["reading"] == 1:
                return meta
            time.sleep(0.05)
        raise TimeoutError("the trace is read for too long")


def serve(*args, **kwargs):
    return Server(SONDE, "trace", "-http=localhost:0", "-no_browser", *args, **kwargs)


# --- shapes ---

def shaped(test, server, what, shape, **parameters):
    """The answer, seen to have the shape."""
    answer = server.data(what, **parameters)
    check(f"{test}: {what} {parameters}", answer.status == 200, answer.status, answer.body)
    if answer.status != 200:
        return None
    fault = CONTRACT.wrong(answer.json, ("name", shape), shape)
    check(f"{test}: shape of {what} {parameters}", not fault, fault)
    return answer.json


def steps(duration, cells):
    step = 1
    while duration / step > cells:
        step *= 2
    return {"start": 0, "end": (duration // step + 1) * step, "step": step}


def boxes(lane, start):
    """[(begin, end, index)]"""
    at, out = start, []
    for i, (gap, length) in enumerate(zip(lane["gap"], lane["length"])):
        out.append((at + gap, at + gap + length, i))
        at += gap + length
    return out


def check_tile(name, view, tile, tracks):
    for number, lanes in enumerate(tile["tracks"]):
        for lane in lanes:
            columns = [len(lane[k]) for k in ("gap", "length", "kind", "name")]
            check(f"{name} {view}: columns", len(set(columns)) == 1, columns)
            ends = boxes(lane, tile["start"])
            check(f"{name} {view} {number}: boxes in order",
                  all(x[1] <= y[0] for x, y in zip(ends, ends[1:])) and all(x[0] < x[1] for x in ends), ends[:20])
            check(f"{name} {view}: texts", all(0 <= t < len(tile["texts"]) for t in lane["name"]))
            if view in ("proc", "thread"):
                check(f"{name} {view}: whose", len(lane["g"]) == columns[0])
    check(f"{name} {view}: tracks", len(tile["tracks"]) <= len(tracks["id"]))


def timeline(name, server, meta):
    duration = meta["duration"]
    for view in ("proc", "thread", "goroutine", "task"):
        tracks = shaped(name, server, "tracks", "Tracks", view=view)
        check(f"{name} {view}: tracks have all columns",
              len({len(tracks[k]) for k in ("id", "name", "lanes", "first", "last")}) == 1)
        for cells in (50, 3000):
            where = steps(duration, cells)
            tile = shaped(name, server, "tile", "Tile", view=view, first=0, n=40, **where)
            check_tile(name, view, tile, tracks)
    tracks = shaped(name, server, "tracks", "Tracks", view="proc")
    check(f"{name}: processors", tracks["id"] == meta["procs"], tracks["id"], meta["procs"])
    series = shaped(name, server, "globals", "Globals", **steps(duration, 500))["series"]
    check(f"{name}: series", {s["name"] for s in series} >= {"heap", "goal", "running", "runnable", "procs"}, series)
    arrows = shaped(name, server, "arrows", "Arrows", view="goroutine", start=0, end=duration, max=20000)
    check(f"{name}: arrows point forward", all(a <= b or b == -1 for a, b in
                                               zip(arrows["from_time"], arrows["to_time"])))
    return arrows


def follow(name, server, meta):
    """From a goroutine's box to the next one, to its end: they fill its time."""
    tracks = shaped(name, server, "tracks", "Tracks", view="goroutine")
    for track in range(min(len(tracks["id"]), 3)):
        at, end, n = max(tracks["first"][track], 0), tracks["last"][track], 0
        while at < end and n < 40:
            answer = server.data("box", view="goroutine", track=track, lane=0, at=at)
            if answer.status != 200:
                break
            box, n = answer.json, n + 1
            fault = CONTRACT.wrong(box, ("name", "Box"), "Box")
            check(f"{name}: shape of box", not fault, fault)
            check(f"{name}: box at {at}", box["start"] <= at < box["start"] + box["length"] or box["length"] == 0, box)
            if not box["next"]:
                break
            check(f"{name}: next box", box["next"]["start"] >= box["start"] + box["length"], box)
            at = box["next"]["start"]
        check(f"{name}: goroutine {tracks['id'][track]} has boxes", n > 0 or tracks["last"][track] <= 0, tracks)


def test_sample(trace):
    name = os.path.basename(trace)
    with serve(trace) as s:
        meta = s.read()
        fault = CONTRACT.wrong(meta, ("name", "Meta"), "Meta")
        check(f"{name}: shape of meta", not fault, fault)
        check(f"{name}: meta", meta["title"] == name and meta["events"] > 0 and meta["duration"] > 0, meta)
        timeline(name, s, meta)
        follow(name, s, meta)
        overview = shaped(name, s, "overview", "Overview", buckets=100)
        check(f"{name}: minimap", len(overview["minimap"]["busy"]) <= 100, overview["minimap"])
        shaped(name, s, "range", "Range")
        part = shaped(name, s, "range", "Range", start=meta["duration"] // 4, end=meta["duration"] // 2)
        check(f"{name}: range", part["start"] == meta["duration"] // 4 and part["end"] == meta["duration"] // 2, part)
        shaped(name, s, "latency", "Latency")
        shaped(name, s, "latency", "Latency", start=0, end=meta["duration"] // 2)
        shaped(name, s, "mmu", "Mmu")
        quantiles(name, shaped(name, s, "mmu", "Mmu", flags="stw|background|assist|mut"), meta["duration"])
        cycles = shaped(name, s, "gc", "Gc")["cycles"]
        if name.startswith("mixed"):
            reasons = {c["reason"] for c in cycles if c["start"] > 0}
            check(f"{name}: why collections begin", reasons and reasons <= {"heap", "forced", "timer"}, reasons)
        shaped(name, s, "usertasks", "UserTasks")
        shaped(name, s, "usertask", "UserTask")
        shaped(name, s, "userregions", "UserRegions")
        shaped(name, s, "userregion", "UserRegion")
        shaped(name, s, "search", "Search", q="main")
        goroutines(name, s, meta)
        profiles(name, s, meta, trace)
        status, said = s.stop()
        check(f"{name}: ends well", status == 0 and "rror" not in said, status, said)


def goroutines(name, server, meta):
    all_of = shaped(name, server, "goroutines", "Goroutines")
    groups = all_of["groups"]
    check(f"{name}: goroutines in groups", sum(g["count"] for g in groups) == meta["goroutines"],
          [(g["name"], g["count"]) for g in groups], meta["goroutines"])
    for column in ("total", "running", "runnable", "syscall", "sync"):
        check(f"{name}: sum of {column}", sum(g["times"][column] for g in groups) == all_of["total"][column])
    for group in groups[:6]:
        one = shaped(name, server, "goroutine", "Goroutine", name=group["name"], n=5000)
        check(f"{name}: goroutines of {group['name']}", one["count"] == group["count"] == len(one["rows"]) and
              one["times"] == group["times"], one["count"], group["count"])
        if not one["rows"]:
            continue
        check(f"{name}: rows are sorted", [r["times"]["total"] for r in one["rows"]] ==
              sorted((r["times"]["total"] for r in one["rows"]), reverse=True))
        ids = shaped(name, server, "goroutine", "Goroutine", name=group["name"], sort="id", n=2)["rows"]
        check(f"{name}: sorted by id", [r["id"] for r in ids] == sorted(r["id"] for r in one["rows"])[:2])
        alone = shaped(name, server, "goroutine", "Goroutine", goid=one["rows"][0]["id"])
        check(f"{name}: one goroutine", alone["rows"][0]["times"] == one["rows"][0]["times"], alone)
        rest = shaped(name, server, "goroutine", "Goroutine", name=group["name"], offset=1, n=1)
        check(f"{name}: the second row", rest["rows"] == one["rows"][1:2] and
              rest["more"] == max(0, one["count"] - 2), rest)


PAGES = {"net": "/io", "sync": "/block", "syscall": "/syscall", "sched": "/sched", "cpu": "/cpu"}


def profiles(name, server, meta, trace):
    for profile in meta["profiles"]:
        kind = profile["name"]
        flame = server.data("flame", profile=kind)
        fault = PROFILE_CONTRACT.wrong(flame.json, ("name", "Flame"), "Flame")
        check(f"{name}: shape of flame {kind}", flame.status == 200 and not fault, fault)
        with tempfile.TemporaryDirectory() as folder:
            status, _, errors = run(SONDE, "trace", f"-pprof={kind}", "-output", f"{folder}/p", trace)
            with open(f"{folder}/p", "rb") as f:
                ours = f.read()
        check(f"{name}: -pprof={kind}", status == 0, errors)
        raw = server.ask(f"/raw/{kind}")
        check(f"{name}: raw {kind}", zlib.decompress(raw.body, 31) == zlib.decompress(ours, 31))
        check(f"{name}: raw {kind}, headers", raw.headers["Content-Type"].startswith("application/vnd.google.protobuf")
              and f"{kind}.pb.gz" in raw.headers["Content-Disposition"], raw.headers)
        if kind in PAGES:
            check(f"{name}: {PAGES[kind]}", server.ask(PAGES[kind] + "?raw=1").body == raw.body)
    status, text, _ = run(SONDE, "trace", "-pprof=sched", "-end=1ms", "-top", "-unit=ns", trace)
    flame = server.data("flame", profile="sched", end=1000000)
    total = re.search(r"of (\d+)ns total", text)
    check(f"{name}: flame of a part", status == 0 and flame.json["values"]["total"] ==
          int(total.group(1) if total else 0), text[:300], flame.json.get("values"))


# --- beside go tool trace ---

def texts_of(html):
    body = html.split("<body>")[-1]
    return [t for t in (re.sub(r"\s+", " ", t).strip() for t in re.split(r"<[^>]*>", body)) if t]


def durations(text):
    """ns of a Go duration."""
    units = {"ns": 1, "\u00b5s": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}
    return round(sum(float(n) * units[u] for n, u in re.findall(r"([\d.]+)(ns|\u00b5s|ms|s|m|h)", text)))


def beside_go(tool, trace):
    name = os.path.basename(trace)
    with Server(tool, "-http=localhost:0", trace) as go, serve(trace) as s:
        if not go.port:
            skip(f"{name}: go tool trace", go.stop()[1][-200:])
            return
        s.read()
        text = texts_of(go.ask("/goroutines").body.decode())
        theirs = {(text[i], int(text[i + 1]), durations(text[i + 2])) for i in range(len(text) - 2)
                  if text[i + 1].isdigit() and re.fullmatch(r"[\d.]+[a-z\u00b5].*", text[i + 2])}
        ours = {(g["name"] or "(Inactive, no stack trace sampled)", g["count"], g["times"]["running"])
                for g in s.data("goroutines").json["groups"]}
        check(f"{name}: goroutines as go tool trace has them", ours == theirs, sorted(ours ^ theirs))
        mmu_beside_go(name, go, s)
        for page in ("/io", "/block", "/syscall", "/sched", "/regionio", "/regionblock", "/regionsyscall",
                     "/regionsched"):
            compare_raw(name, go, s, page + "?raw=1")
        for what in ("type=work", "type=work&latmin=1ms", "latmax=20ms"):
            compare_raw(name, go, s, f"/regionblock?raw=1&{what}")


def quantiles(name, answer, duration):
    """Those of all windows, by the share over time.  (Not beside go tool trace: it has the minimum
    for all of them.)"""
    at, share = (answer["utilization"][k] for k in ("at", "share"))
    check(f"{name}: percentiles", [q["name"] for q in answer["quantiles"]] == ["99.9%ile", "99%ile", "95%ile"], answer["quantiles"])
    if len(at) < 200:
        return
    step = at[1] - at[0]
    sums = [0]
    for i in range(len(at)):
        sums.append(sums[-1] + share[i])
    for i, window in enumerate(answer["windows"]):
        cells = window // step
        if cells < 80 or cells > len(at) * 0.8:
            continue
        means = sorted((sums[k + cells] - sums[k]) / cells for k in range(len(at) - cells))
        for q, quantile in zip(answer["quantiles"], (0.001, 0.01, 0.05)):
            mean = means[int(quantile * len(means))]
            check(f"{name}: {q['name']} of {window}", abs(q["values"][i] - mean) < 0.03, q["values"][i], mean)


def mmu_beside_go(name, go, ours):
    # Not with background: go tool trace counts a worker once more each time it starts.
    for flags in ("stw|assist", "stw|sweep"):
        try:
            answer = go.ask("/mmu?mode=plot&flags=" + urllib.parse.quote(flags))
        except http.client.RemoteDisconnected:  # of a trace that does not tell GOMAXPROCS
            check(f"{name}: mmu without processors", ours.data("mmu", flags=flags).status == 200)
            continue
        for window, share in json.loads(answer.body)["curve"][30::23]:
            worst = ours.data("mmuworst", flags=flags, window=int(window)).json["worst"][0]["share"]
            check(f"{name}: mmu of {window} {flags}", abs(worst - share) < 0.002, worst, share)


def compare_raw(name, go, ours, path):
    sums = []
    for server in (go, ours):
        answer = server.ask(path)
        with tempfile.NamedTemporaryFile(suffix=".pb.gz") as out:
            out.write(answer.body)
            out.flush()
            sums.append(traces(out.name) if answer.status == 200 else answer.body)
    check(f"{name}: {path}", sums[0] == sums[1], *sums)


def traces(path):
    out = []
    for index in ("contentions", "delay"):
        status, text, errors = run(SONDE, "pprof", "-traces", "-lines", "-unit=ns", f"-sample_index={index}", path)
        blocks = text.split("-----------+-")[1:]
        out.append(sorted(re.sub(r"(?m)^-*\+-*\n?|\s+", " ", b) for b in blocks) if status == 0 else errors)
    return out


# --- tasks and regions of a program that is known ---

def test_marks(trace):
    with serve(trace) as s:
        s.read()
        tasks = {t["name"]: t for t in s.data("usertasks").json["types"]}
        check("tasks", {n: (t["count"], t["complete"]) for n, t in tasks.items()} ==
              {"request": (1, 1), "child": (8, 8)}, tasks)
        children = s.data("usertask", type="child", sort="id").json
        check("tasks of a type", children["count"] == 8 and all(r["parent"] == 1 for r in children["rows"]), children)
        lengths = [r["end"] - r["start"] for r in s.data("usertask", type="child").json["rows"]]
        check("the slowest first", lengths == sorted(lengths, reverse=True), lengths)
        middle = sorted(lengths)[4]
        check("filters", s.data("usertask", type="child", latmin=middle).json["count"] == 4 and
              s.data("usertask", type="child", latmax=f"{middle}ns").json["count"] == 5 and
              s.data("usertask", complete=0).json["count"] == 0 and
              s.data("usertask", logtext="no such text").json["count"] == 0)
        task = s.data("task", id=1).json
        fault = CONTRACT.wrong(task, ("name", "Task"), "Task")
        check("shape of task", not fault, fault)
        check("its subtasks", task["subtasks"] == 8 and len(task["tree"]) == 8 and
              all(t["name"] == "child" for t in task["tree"]), task["subtasks"])
        times = [e["at"] for e in task["events"]]
        check("its events", times == sorted(times) and task["events"][0]["kind"] == "begin" and
              sum(e["kind"] == "region" for e in task["events"]) == 8 and
              sum(e["kind"] == "log" for e in task["events"]) == 8, task["events"][:5])
        regions = s.data("userregions").json["types"]
        check("regions", [(r["name"], r["count"]) for r in regions] == [("work", 8)], regions)
        one = s.data("userregion", type="work", pc=regions[0]["pc"]).json
        fault = CONTRACT.wrong(one, ("name", "UserRegion"), "UserRegion")
        check("shape of region", not fault, fault)
        check("regions of a type", one["count"] == 8 and one["name"] == "work" and
              sum(g["total"] for g in one["by_goroutine"]) == regions[0]["spread"]["total"], one["count"])
        check("none at another place", s.data("userregion", type="work", pc="0x1").json["count"] == 0)
        check("flame of regions", s.data("flame", profile="regionsync", type="work").json["values"]["total"] ==
              one["times"]["sync"], one["times"])
        check("flame of a task", s.data("flame", profile="sync", task=1).json["values"]["total"] > 0)
        g = one["by_goroutine"][0]["g"]
        alone, both = (s.data("flame", profile="sync", goid=ids).json["values"]["total"] for ids in (g, f"{g},1"))
        check("flame of goroutines", 0 < alone < both, alone, both)
        duration = s.ask("/data/meta").json["duration"]
        cuts = [0, duration // 3, duration // 2, duration + 1]
        whole = s.data("flame", profile="states").json["values"]["total"]
        parts = [s.data("flame", profile="states", start=a, end=b).json["values"]["total"] for a, b in zip(cuts, cuts[1:])]
        check("flames of parts are that of the whole", whole == sum(parts) and min(parts) > 0, whole, parts)
        blocked = s.data("range", start=0, end=duration).json["blocked"]
        check("blocked: by whom and where", any(b["by"] and re.search(r"\.go:\d+$", b["by_place"]) for b in blocked), blocked)
        hits = s.data("search", q="child|work", n=500).json["hits"]
        check("search", {h["kind"] for h in hits} >= {"task", "region", "function"} and
              sum(h["kind"] == "task" for h in hits) == 8, hits)
        for h in (h for h in hits if h["kind"] == "region"):
            table = s.data("userregion", type=h["text"], sort="start", n=1).json
            check("search, the first region", (h["count"], h["start"], h["g"]) ==
                  (table["count"], max(table["rows"][0]["start"], 0), table["rows"][0]["g"]), h, table["rows"])
        hit = s.data("search", q=f"G{g}").json["hits"]
        check("search, a goroutine", ("goroutine", g) in [(h["kind"], h["g"]) for h in hit], hit)
        hit = s.data("search", q="^request$").json["hits"]
        check("search, one task", [(h["kind"], h["task"]) for h in hit] == [("task", 1)], hit)
        lists = s.data("tracks", taskid=1).json
        check("tracks of a task", "task" in lists["kind"] and lists["view"] == "goroutine", lists["kind"])
        check("tracks of a goroutine", s.data("tracks", goid=g).json["id"] == [g])
        chrome = s.ask("/jsontrace").json
        check("jsontrace", len(chrome["traceEvents"]) > 1000)
        part = s.ask("/jsontrace?start=0&end=1000000").json
        check("jsontrace of a part", 0 < len(part["traceEvents"]) < len(chrome["traceEvents"]) / 2)


# --- requests ---

BAD = ("/data/tile", "/data/tile?view=proc&start=0&end=1024&step=3", "/data/tile?view=proc&start=1&end=1024&step=2",
       "/data/tile?view=nix&start=0&end=1024&step=2", "/data/tile?view=proc&start=0&end=99999999999&step=1",
       "/data/tile?start=0&end=1024&step=0", "/data/tile?start=0&end=1024&step=-2",
       "/data/globals?start=9223372036854775807&end=1&step=1", "/data/globals?start=1e3&end=2&step=1",
       "/data/tracks?view=", "/data/tracks?view=x", "/data/tracks?goid=x", "/data/tracks?goid=1,,2",
       "/data/tracks?related=2&goid=1", "/data/arrows?of=99999999", "/data/arrows?of=x", "/data/arrows?max=-1",
       "/data/box", "/data/box?at=5", "/data/box?at=5&track=0&g=1", "/data/box?at=5&track=99999", "/data/box?at=5&g=99999",
       "/data/box?at=5&track=0&lane=200", "/data/box?at=99999999999999&track=0", "/data/box?at=-7&g=1",
       "/data/range?start=5&end=1", "/data/goroutine?sort=nix&goid=1", "/data/goroutine?dir=x", "/data/goroutine?n=x",
       "/data/usertask?sort=running", "/data/usertask?latmin=x", "/data/usertask?complete=2", "/data/task", "/data/task?id=77777",
       "/data/task?id=0", "/data/userregion?pc=zz", "/data/userregion?latmax=1parsec", "/data/mmu?flags=nix",
       "/data/mmuworst", "/data/mmuworst?window=-1", "/data/flame", "/data/flame?profile=nix", "/data/flame?profile=regionnix",
       "/data/flame?profile=sync&si=nix", "/data/flame?profile=sync&f=(", "/data/flame?profile=sync&goid=1&task=1",
       "/data/search", "/data/search?q=(", "/data/goroutine?goid=%", "/data/goroutine?name=%00",
       "/data/goroutine?" + "&".join(["a=1"] * 300), "/raw/nix", "/jsontrace?goid=1,2", "/block?raw=1&start=x")


def test_requests(trace):
    with serve(trace) as s:
        s.read()
        for path in BAD:
            a = s.ask(path.replace(" ", "%20"))
            if path == "/data/tracks?view=":  # without a value it is not given
                check(path, a.status == 200, a.status)
                continue
            check(path, a.status == 400 and list(a.json) == ["error"] and "\n" not in a.json["error"], a.status, a.body)
        for path in ("/nix", "/data/nix", "/ui/", "/assets/nix", "/raw/a/b", "/data/", "//", "/data/../data/meta"):
            check(path, s.ask(path).status == 404)
        for page in ("/", "/trace", "/goroutines", "/goroutine", "/mmu", "/gc", "/latency", "/usertasks", "/usertask",
                     "/userregions", "/userregion", "/io", "/block", "/syscall", "/sched", "/regionio", "/regionblock",
                     "/regionsyscall", "/regionsched", "/cpu", "/flame"):
            a = s.ask(page)
            check(page, a.status == 200 and b'src="./assets/trace.js?v=' in a.body and
                  "default-src 'none'" in a.headers["Content-Security-Policy"], a.status, a.body)
        for asset in ("trace.js", "trace.css"):
            a = s.ask(f"/assets/{asset}")
            check(asset, a.status == 200 and len(a.body) > 1000)
        for headers, method, status in (({"Host": "evil.example"}, "GET", 403), ({}, "POST", 403), ({}, "PUT", 405),
                                        ({"Origin": "http://evil.example"}, "POST", 403),
                                        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, "GET", 403),
                                        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, "GET", 200)):
            a = s.ask("/data/meta", method, headers)
            check(f"{method} {headers}", a.status == status, a.status, a.body)
        # Who goes away does no harm, and many at once get what they ask for.
        for path in ("/data/overview", "/data/latency?start=0&end=1000", "/jsontrace", "/block?raw=1"):
            with socket.create_connection((s.host, s.port)) as gone:
                gone.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        paths = ["/data/overview", "/data/goroutines", "/data/range", "/data/latency?start=0&end=9000000",
                 "/data/flame?profile=sync", "/data/flame?profile=sync&end=5000000", "/data/tracks?view=goroutine",
                 "/data/search?q=main", "/data/mmu", "/raw/states"] * 6
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda p: (p, s.ask(p)), paths))
        check("many at once", all(a.status == 200 for _, a in answers), [(p, a.status) for p, a in answers])
        for path in set(paths):
            check(f"{path}: the same each time", len({a.body for p, a in answers if p == path}) == 1)
        check("it still answers", s.ask("/data/meta").status == 200)


NAMES = ("tracks", "tile", "globals", "arrows", "box", "range", "search", "overview", "goroutines", "goroutine",
         "usertask", "task", "userregion", "gc", "mmu", "latency", "flame")
VALUES = {
    "view": "proc thread goroutine task x", "start": "0 -1 1024 53248385 99999999999 -4611686018427387904 x",
    "end": "0 2048 65536 53248385 16777216 4611686018427387903", "step": "1 1024 4096 1152921504606846976 3",
    "first": "0 1 4294967295", "n": "0 1 100 4294967295", "goid": "1 1,2,3 9 999999", "taskid": "1 77",
    "focustask": "1 2", "task": "1 3 9", "track": "0 1 26 9999", "lane": "0 1 3 255", "at": "0 -1 26624000 53248385",
    "g": "1 9 26", "of": "1 9", "max": "0 1 20000", "q": "main . G1 ( ^$", "sort": "total id length sync zzz",
    "dir": "asc desc", "offset": "0 5 99999", "name": "main.main main.main.func1", "type": "work child x",
    "latmin": "1ms 0 x", "latmax": "20ms 1h", "pc": "0x512357 zz", "id": "1 2 0", "window": "1000 1ms",
    "profile": "sync net cpu gc regions tasks states regionsync sched syscall x", "related": "1", "buckets": "1 5000",
    "flags": "stw perProc|stw|background|assist|sweep mut", "w": "10 1000", "z": "0 0.0 9.9", "p": "main ("}


def varints(*numbers):
    out = bytearray()
    for n in numbers:
        while n >= 128:
            out.append(n & 127 | 128)
            n >>= 7
        out.append(n)
    return bytes(out)


def many_trace(path, n_cycles, n_tasks):
    """A trace of Go 1.23: goroutine 1 collects n_cycles times, for 2 us each, in which it stops the
    world for 1 us; then it begins a task and n_tasks within it."""
    with open(os.path.join(ROOT, "src/wire/gotrace.h"), encoding="utf-8") as f:
        names = re.search(r"enum gotrace_type \{(.*?)\};", f.read(), re.S).group(1)
    types = {name: i for i, name in enumerate(re.findall(r"\bGOTRACE_(\w+)\b(?: = 128)?[,\n]", names))}
    events = [varints(types["PROC_STATUS"], 1, 0, 1), varints(types["GO_STATUS"], 1, 1, 1, 2)]
    for i in range(n_cycles):
        events += [varints(types["GC_BEGIN"], 1000, 2 * i + 1, 0), varints(types["STW_BEGIN"], 500, 1, 0),
                   varints(types["STW_END"], 1000), varints(types["GC_END"], 500, 2 * i + 2)]
    events += [varints(types["USER_TASK_BEGIN"], 10, i + 1, min(i, 1), 1, 0) for i in range(n_tasks + 1)]

    def batch(time_ns, data):
        return varints(types["EVENT_BATCH"], 1, 1, time_ns, len(data)) + data
    with open(path, "wb") as f:
        f.write(b"go 1.23 trace\0\0\0")
        now = 1000
        for at in range(0, len(events), 2000):
            part = events[at:at + 2000]
            f.write(batch(now, b"".join(part)))
            now += sum(decode(e)[1] for e in part)
        f.write(batch(now, varints(types["FREQUENCY"], 1000000000)))
        f.write(batch(now, varints(types["STRINGS"], types["STRING"], 1, 4) + b"made"))


def decode(data):
    """The varints of an event."""
    out, n, shift = [], 0, 0
    for byte in data:
        n, shift = n | (byte & 127) << shift, shift + 7
        if byte < 128:
            out.append(n)
            n, shift = 0, 0
    return out


def test_many(folder):
    """What is left out of long lists is counted, and is in the sums."""
    path = os.path.join(folder, "many.trace")
    many_trace(path, 5010, 1020)
    with serve(path) as s:
        meta = s.read()
        check("a trace of many cycles", meta["cycles"] == 5010 and meta["tasks"] == 1021, meta)
        gc = shaped("many", s, "gc", "Gc")
        check("many cycles", len(gc["cycles"]) == 5000 and gc["more_cycles"] == 10 and
              gc["active"] == 5010 * 2000, gc["more_cycles"], gc["active"])
        check("many pauses", len(gc["pauses"]) == 5000 and gc["more_pauses"] == 10 and
              gc["paused"] == 5010 * 1000 and gc["longest"] == 1000, gc["more_pauses"], gc["paused"])
        task = s.data("task", id=1).json
        check("many tasks within one", len(task["tree"]) == 1000 and task["more_tree"] == 20 and
              task["more"] == 1021 - len(task["events"]), task["more_tree"], task["more"])
        small = s.data("task", id=2).json
        check("none within one", small["tree"] == [] and small["more_tree"] == 0, small)


def test_chance(trace):
    """Parameters by chance: an answer, or one line why not."""
    chance = random.Random(7)
    with serve(trace) as s:
        s.read()
        for _ in range(600):
            name = chance.choice(NAMES)
            keys = chance.sample(sorted(VALUES), chance.randint(0, 7))
            keys += ["start", "end", "step", "view"] if name in ("tile", "globals") else []
            query = {k: chance.choice(VALUES[k].split()) for k in keys}
            try:
                answer = s.data(name, **query)
                check(f"chance: {name} {query}", answer.status in (200, 400) and isinstance(answer.json, dict),
                      answer.status, answer.body[:200])
            except (OSError, http.client.HTTPException) as e:
                check(f"chance: {name} {query}", False, e, s.stop())
                return
        status, said = s.stop()
        check("chance: ends well", status == 0, status, said)


# --- the command ---

def test_command(folder, trace):
    for arguments, status, what in ((["/nonexistent"], 1, "nonexistent"), ([__file__], 2, "trace"),
                                    (["-http=nix", trace], 2, "invalid value 'nix' for -http"),
                                    (["-http=:", "-summary", trace], 2, "choose one of")):
        code, _, errors = run(SONDE, "trace", "-no_browser", *arguments)
        check(f"trace {arguments}", code == status and what in errors and errors.count("\n") == 1, code, errors)
    empty = os.path.join(folder, "empty")
    with open(trace, "rb") as f:
        data = f.read()
    with open(empty, "wb") as f:
        f.write(data[:16])
    code, _, errors = run(SONDE, "trace", "-http=:", "-no_browser", empty)
    check("a trace without events", code == 2 and "listening" in errors and errors.count("\n") == 2, code, errors)
    cut = os.path.join(folder, "cut")
    with open(os.path.join(SAMPLES, "stress_1_21_good"), "rb") as f:
        data = f.read()
    with open(cut, "wb") as f:
        f.write(data[:len(data) * 2 // 3])
    with serve(cut) as s:
        meta = s.read()
        check("a trace that is cut off", any("what comes before is shown" in n for n in meta["notes"]) and
              meta["events"] > 100, meta)
        status, said = s.stop(signal.SIGTERM)
        check("it is told", status == 0 and "what comes before is shown" in said, said)
    # Files wait until the trace is read, for scripts that ask at once.
    for path in ("/block?raw=1", "/jsontrace"):
        with serve(trace) as s:
            answer = s.ask(path)
            check(f"{path} at once", answer.status == 200 and len(answer.body) > 100, answer.status, answer.body[:200])
    # Without flags: any port, and the browser, at the part that is named.
    called = os.path.join(folder, "called")
    browser = os.path.join(folder, "browser")
    with open(browser, "w", encoding="utf-8") as f:
        f.write(f"#!/bin/sh\necho \"$1\" > {called}.new; mv {called}.new {called}\n")
    os.chmod(browser, 0o755)
    with Server(SONDE, "trace", "-start=1ms", "-end=2ms", trace, env={"BROWSER": browser, "DISPLAY": ":0"}) as s:
        check("the words of go tool trace", "Opening browser. Trace viewer is listening on http://" in s.said, s.said)
        for _ in range(100):
            if os.path.exists(called):
                break
            time.sleep(0.05)
        if os.path.exists(called):
            with open(called, encoding="utf-8") as f:
                url = f.read().strip()
            check("the browser", url == f"http://localhost:{s.port}/trace?start=1000000&end=2000000", url)
        else:
            check("the browser is called", False, s.stop())
    with Server(sys.executable, "-c", SERVE_FILE, trace) as http_server, \
            serve(f"http://localhost:{http_server.port}/trace.out") as s:
        check("a trace of a server", s.read()["events"] > 100, s.said)
    # What comes once is read more than once all the same.
    fifo = os.path.join(folder, "fifo")
    os.mkfifo(fifo)
    with subprocess.Popen(["sh", "-c", 'exec cat "$0" > "$1"', trace, fifo]), serve(fifo) as s:
        check("a trace of a pipe", s.read()["events"] > 100, s.said)
        answer = s.ask("/block?raw=1")
        check("and again", answer.status == 200 and len(answer.body) > 100, answer.status, answer.body[:200])


SERVE_FILE = """
import http.server, sys
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        data = open(sys.argv[1], 'rb').read()
        self.send_response(200)
        self.send_header('Content-Length', str(len(data)))
        self.end_headers()
        self.wfile.write(data)
    def log_message(self, *_): pass
s = http.server.HTTPServer(('localhost', 0), H)
print(f'Trace viewer is listening on http://localhost:{s.server_port}', file=sys.stderr, flush=True)
s.serve_forever()
"""


def main():
    samples = sorted(p for p in glob.glob(os.path.join(SAMPLES, "*")) if not p.endswith("LICENSE"))
    if not samples:
        print("SKIPPED: no samples")
        sys.exit(77)
    known = os.path.join(SAMPLES, "mixed_1_26.trace")
    with tempfile.TemporaryDirectory() as folder:
        for trace in samples:
            test_sample(trace)
        test_marks(known)
        test_many(folder)
        test_requests(known)
        test_chance(known)
        test_command(folder, known)
        tool = go_trace()
        for trace in samples if tool else []:
            # Of these go tool trace orders events by chance, or its first time is negative, where
            # it leaves out what began before the trace.
            if not trace.endswith(("stress_1_21_good", "stress_1_11_good", "region_1_11_good")):
                beside_go(tool, trace)
        if not tool:
            skip("go tool trace", "no Go toolchain was found")
    end()


if __name__ == "__main__":
    main()
