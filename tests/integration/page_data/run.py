#!/usr/bin/env python3
"""What the views of the web page say, number by number beside the text reports: graph and -dot,
top and -topjson, peek and -peekjson, tags and -tags, source and -weblist, disasm and -disasm,
timeline and -topjson of each moment."""

import gzip
import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../page"))
from trees import unpack  # noqa: E402  pylint: disable=wrong-import-position

ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", "."))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
SONDE = os.path.abspath(os.environ.get("SONDE", os.path.join(BUILD, "sonde")))
DATA = os.path.join(ROOT, "tests/data")
CPU = os.path.join(DATA, "pprof/cpu.pb.gz")
HEAP = os.path.join(DATA, "go/heap.pb.gz")
MANY = [CPU, HEAP, os.path.join(DATA, "pprof/heap_tags.pb.gz"), os.path.join(DATA, "go/cpu.pb.gz"),
        os.path.join(DATA, "pprof/contention.pb.gz")]
passed = failed = skipped = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {str(what)[:600]}")


def equal(name, got, want):
    check(name, got == want, f"{got!r} is not {want!r}")


def skip(name, why):
    global skipped
    skipped += 1
    print(f"SKIPPED {name}: {why}")


class Page:
    """`sonde pprof -http` of some sources."""

    def __init__(self, *args):
        self.process = subprocess.Popen([SONDE, "pprof", "-no_browser", "-http=localhost:0", *args],
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        self.url = None
        for line in self.process.stderr:
            if line.startswith("Serving web UI on "):
                self.url = line.split()[-1]
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, view, **parameters):
        """The JSON, or {"error": ...}."""
        url = urllib.parse.urljoin(self.url, f"/ui/data/{view}?{urllib.parse.urlencode(parameters)}")
        try:
            with urllib.request.urlopen(url, timeout=60) as r:
                body = r.read()
                if r.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                return unpack(json.loads(body))
        except urllib.error.HTTPError as e:
            return json.loads(e.read())


def report(*args):
    r = subprocess.run([SONDE, "pprof", *args], capture_output=True, text=True, timeout=60)
    return r.stdout


# --- graph ---

def plain(text):
    return re.sub(r"\\(.)", r"\1", text)


def dot_boxes(text):
    boxes, arrows = {}, []
    for m in re.finditer(r'^N\w+ \[label ?= ?"((?:[^"\\]|\\.)*)" id="(\w+)" .*?tooltip="((?:[^"\\]|\\.)*)"',
                         text, re.M):
        lines = [plain(line).strip() for line in m[1].split("\\n")]
        boxes[m[2]] = (lines, plain(m[3]))
    for m in re.finditer(r'^(N\w+) -> (N\w+) \[label="((?:[^"\\]|\\.)*)".*?tooltip="((?:[^"\\]|\\.)*)"', text, re.M):
        if m[1] != m[2] and m[2] != "N0":
            arrows.append(([plain(line).strip() for line in m[3].split("\\n")], plain(m[4])))
    return boxes, sorted(arrows)


def test_graph():
    for file in MANY:
        with Page(file) as page:
            for flags, params in (([], {}), (["-nodecount=7"], {"n": 7}),
                                  (["-focus=main|alloc", "-cum", "-edgefraction=0"],
                                   {"f": "main|alloc", "sort": "cum", "ef": 0}),
                                  (["-call_tree", "-lines", "-unit=B"],
                                   {"calltree": 1, "g": "lines", "unit": "B"})):
                name = f"graph {os.path.basename(file)} {flags}"
                got = page.ask("graph", **params)
                boxes, arrows = dot_boxes(report("-dot", *flags, file))
                if "error" in got:
                    check(name, not boxes, got)
                    continue
                equal(name + " boxes", {b["id"]: (b["lines"], b["tooltip"]) for b in got["boxes"]}, boxes)
                equal(name + " arrows", sorted((a["label"], a["tooltip"]) for a in got["arrows"]), arrows)
                check(name + " places", all(0 <= b["x"] and b["x"] + b["width"] <= got["width"] + 0.1 and
                                            0 <= b["y"] and b["y"] + b["height"] <= got["height"] + 0.1
                                            for b in got["boxes"]))


# --- tables ---

def test_top():
    for file in MANY:
        with Page(file) as page:
            for flags, params in (([], {}), (["-cum", "-nodecount=5"], {"sort": "cum", "n": 5}),
                                  (["-lines", "-ignore=a"], {"g": "lines", "i": "a"})):
                got = page.ask("top", **params)
                want = json.loads(report("-topjson", *flags, file))
                name = f"top {os.path.basename(file)} {flags}"
                rows = list(zip(got["names"], got["flat"], got["cum"], got["inlined"]))
                inlined = {"": 0, "inline": 1, "partial-inline": 2}
                equal(name, rows, [(n["name"], n["flat"], n["cum"], inlined[n.get("inline", "")])
                                   for n in want["nodes"][:500]])
                equal(name + " total", got["values"]["total"], want["total"])


def test_mean():
    """Means are told where a number stands alone; boxes of a flame graph have to add up."""
    with Page(os.path.join(DATA, "pprof/contention.pb.gz")) as page:
        want = json.loads(report("-topjson", "-mean", os.path.join(DATA, "pprof/contention.pb.gz")))
        got = page.ask("top", mean=1)
        equal("mean top", list(zip(got["names"], got["flat"], got["cum"])),
              [(n["name"], n["flat"], n["cum"]) for n in want["nodes"][:500]])
        equal("mean top total", got["values"]["total"], want["total"])
        for view, tree in (("flamegraph", "callees"), ("sandwich", "down")):
            sums, means = page.ask(view, p="main"), page.ask(view, p="main", mean=1)
            equal(f"mean {view}", (means[tree]["value"], means["values"]["total"], means["title"]),
                  (sums[tree]["value"], sums["values"]["total"], sums["title"]))
            check(f"mean {view} is told", any("do not add up" in note for note in means["notes"]), means["notes"])


def edges(node, key, other):
    return [(e["name"], e["value"], bool(e.get(other))) for e in node[key]]


def test_peek():
    for file in MANY:
        with Page(file) as page:
            for regexp in ("main", "alloc", "^runtime", "."):
                got = page.ask("peek", p=regexp)
                text = report(f"-peekjson={regexp}", file)
                name = f"peek {os.path.basename(file)} {regexp}"
                if "error" in got:
                    check(name, not text and "no matches" in got["error"], got)
                    continue
                want = json.loads(text)["nodes"]
                equal(name + " count", len(got["nodes"]) + got["more"], len(want))
                for g, w in zip(got["nodes"], want):
                    equal(name, (g["name"], g["flat"], g["cum"]), (w["name"], w["flat"], w["cum"]))
                    for key in ("callers", "callees"):
                        equal(f"{name} {key}", edges(g, key, "inlined"), edges(w, key, "inline")[:100])


# --- tags ---

def test_tags():
    for file in (os.path.join(DATA, "pprof/heap_tags.pb.gz"), os.path.join(DATA, "pprof/heap_sizetags.pb.gz"),
                 os.path.join(DATA, "pprof/heap_request.pb.gz"), HEAP, os.path.join(DATA, "go/cpu.pb.gz")):
        name = f"tags {os.path.basename(file)}"
        with Page(file) as page:
            got = page.ask("tags", unit="B")
            want, key = {}, None
            for line in report("-tags", "-unit=B", file).split("\n"):
                head = re.match(r" *(\S.*): +Total (-?[\d.]+)B? of", line)
                row = re.match(r" +(-?[\d.]+)B? \([^)]*\): (.*)", line)
                if head:
                    key = head[1]
                    want[key] = (float(head[2]), {})
                elif row:
                    want[key][1][row[2].strip()] = float(row[1])
            if "B" not in got["values"]["unit"]:
                continue
            equal(name, {t["key"]: (t["total"], {v["text"]: v["value"] for v in t["values"]})
                         for t in got["tags"]}, want)
            for tag in got["tags"]:
                for v in tag["values"][:8]:
                    focused = json.loads(report("-topjson", "-relative_percentages",
                                                f"-tagfocus={v['filter']}", file))
                    equal(f"{name} {v['filter']}", focused["total"], abs(v["value"]))


# --- programs ---

def number(text):
    return 0 if text == "." else float(text.removesuffix("ns"))


def weblist_lines(file, regexp):
    """{(function, file): [(line, flat, cum, text)]}"""
    out = os.path.join(WORK, "list.html")
    subprocess.run([SONDE, "pprof", "-unit=ns", f"-weblist={regexp}", "-output", out, file],
                   capture_output=True, timeout=60, env={**os.environ, "BROWSER": "true"})
    with open(out, encoding="utf-8") as f:
        text = f.read()
    parts = {}
    for part in text.split("<h2>")[1:]:
        name, rest = part.split("</h2><p class=\"filename\">", 1)
        place, rest = rest.split("</p>", 1)
        rows = re.findall(r"<span class=line> +(\d+)</span> <span class=\w+> +(\S+) +(\S+) {11}(.*?) </span>", rest)
        key = (html.unescape(name), html.unescape(place))
        code = re.findall(r"(?:^|<span class=asm>) +(\S+) +(\S+) +([0-9a-f]+): (.*?) +<span class=unimportant>", rest, re.M)
        parts.setdefault(key, []).append(
            ([(int(a), number(b), number(c), html.unescape(d)) for a, b, c, d in rows],
             [(number(a), number(b), c, html.unescape(d).strip()) for a, b, c, d in code]))
    return parts


def page_lines(answer):
    parts = {}
    for file in answer["files"]:
        for f in file["functions"]:
            parts.setdefault((f["name"], f["file"]), []).append(
                ([(line["line"], line["flat"], line["cum"], line["text"]) for line in f["lines"]],
                 [(i["flat"], i["cum"], i["address"], i["text"].replace("\t", " "))
                  for line in f["lines"] for i in line["code"] if i["text"]]))
    return parts


def disasm_routines(text):
    routines = []
    for line in text.split("\n"):
        m = re.match(r"ROUTINE =+ (.*)", line)
        total = re.match(r" *(\S+) +(\S+) \(flat, cum\)", line)
        row = re.match(r" *(\S+) +(\S+) +([0-9a-f]+): (.*)", line)
        if m:
            routines.append([m[1], None, []])
        elif total:
            routines[-1][1] = (number(total[1]), number(total[2]))
        elif row:
            routines[-1][2].append((number(row[1]), number(row[2]), row[3],
                                    re.sub(r" *;.*", "", row[4]) if ";" in row[4] else row[4]))
    return sorted(routines, key=lambda r: (r[0], r[2][0][2]))


def test_program():
    program, profile = os.path.join(WORK, "burn_hot"), os.path.join(WORK, "burn_hot.pb.gz")
    subprocess.run(["cc", "-g", "-O2", "-pthread", "-o", program, os.path.join(ROOT, "tests/targets/burn_hot.c")],
                   check=True)
    r = subprocess.run([SONDE, "record", "-F", "500", "-o", profile, program, "0.5"], capture_output=True,
                       text=True, timeout=60)
    if not os.path.exists(profile):
        return skip("source and disasm", "the program cannot be recorded: " + r.stderr.strip())
    with Page(profile) as page:
        for regexp in ("hot", "t", "shares|ticks"):
            got = page.ask("source", p=regexp)
            equal(f"source {regexp}", {k: [p[0] for p in v] for k, v in page_lines(got).items()},
                  {k: [p[0] for p in v] for k, v in weblist_lines(profile, regexp).items()})
            equal(f"source {regexp} code", {k: [p[1] for p in v] for k, v in page_lines(got).items()},
                  {k: [p[1] for p in v] for k, v in weblist_lines(profile, regexp).items()})
            check(f"source {regexp} is there", any(not f["missing"] for file in got["files"]
                                                   for f in file["functions"]), got)
            got = page.ask("disasm", p=regexp)
            for f in [f for f in got["functions"] if not f["code"]]: # not in the report
                check(f"disasm {regexp} {f['name']}", f["missing"], f)
            want = disasm_routines(report("-unit=ns", f"-disasm={regexp}", profile))
            equal(f"disasm {regexp}", sorted([f["name"], (f["flat"], f["cum"]),
                                              [(i["flat"], i["cum"], i["address"], i["text"]) for i in f["code"]]]
                                             for f in got["functions"] if f["code"]), want)
            check(f"disasm {regexp} has samples", any(i["cum"] for f in got["functions"] for i in f["code"]))
        check("source of all", len(page.ask("source")["files"]) > 0)
        check("disasm of all", len(page.ask("disasm")["functions"]) > 0)
    # The same when nothing is there any more: told, never empty.
    os.rename(program, program + ".gone")
    with Page(profile) as page:
        for got in (f for f in page.ask("disasm", p="burn|hot|main")["functions"] if "burn_hot" in f["file"]):
            check("disasm without the program", "No machine code: cannot open" in got["missing"][0], got)
        got = [f for file in page.ask("source", p="burn|hot|main")["files"] for f in file["functions"]]
        check("source without the program", got and all(
            any("No machine code: cannot open" in m for m in f["missing"]) for f in got
            if f["file"].endswith("burn_hot.c")), got)


# --- timeline ---

def test_timeline():
    with Page(CPU) as page:
        got = page.ask("timeline")
        equal("timeline of nothing", (got["times"], got["series"]), ([], []))
        views = {v["name"]: v["missing"] for v in page.ask("profile")["views"]}
        check("timeline is missing", "other moments" in (views["timeline"] or ""), views)
    part = os.path.join(WORK, "part.pb.gz") # of the same program
    report("-proto", "-ignore=insert", "-output", part, HEAP)
    two = [HEAP, part]
    for flags, params in (([], {}), (["-cum", "-focus=main"], {"sort": "cum", "f": "main"})):
        with Page(*two) as page:
            got = page.ask("timeline", **params)
        equal("timeline of two", got["mode"], "sources")
        equal("timeline of two, names", sorted(map(os.path.basename, got["names"])),
              sorted(map(os.path.basename, two)))
        check("timeline of two, times", got["times"] == sorted(got["times"]), got["times"])
        of = []
        for file in sorted(two, key=lambda f: [os.path.basename(n) for n in got["names"]].index(
                os.path.basename(f))):
            top = json.loads(report("-topjson", "-nodefraction=0", "-sample_index=inuse_space", *flags, file))
            of.append({n["name"]: n["cum" if flags else "flat"] for n in top["nodes"]})
        equal(f"timeline of two {flags}", {s["name"]: s["values"] for s in got["series"]},
              {s["name"]: [v.get(s["name"], 0) for v in of] for s in got["series"]})
        largest = sorted((max(abs(v.get(n, 0)) for v in of) for n in {**of[0], **of[1]}), reverse=True)[:12]
        equal(f"timeline of two {flags} largest", [max(map(abs, s["values"])) for s in got["series"]],
              [v for v in largest if v])


if __name__ == "__main__":
    WORK = tempfile.mkdtemp(prefix="page_data.")
    try:
        test_graph()
        test_top()
        test_mean()
        test_peek()
        test_tags()
        test_program()
        test_timeline()
    finally:
        shutil.rmtree(WORK, ignore_errors=True)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(failed > 0)
