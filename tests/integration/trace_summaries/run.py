#!/usr/bin/env python3
"""Summaries of execution traces: their numbers are those of the pages of `go tool trace`, for
each sample; they add up; parts of a trace are parts of the whole."""
import glob
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
from tally import check, end, run, skip  # noqa: E402  pylint: disable=wrong-import-position
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
SAMPLES = os.path.join(os.environ["SONDE_SOURCE_ROOT"], "../shared/testdata/trace")
ALL = "overview,goroutines,wakers,latency,gc,procs,tasks,regions"


def summary(trace, *flags, names=ALL):
    status, text, errors = run(SONDE, "trace", f"-summary={names}", "-json", "-top=0", *flags, trace)
    if status:
        check(f"{os.path.basename(trace)} {flags}: status", False, errors)
        return None
    return json.loads(text)


# --- go tool trace ---

UNITS = {"ns": 1, "us": 1e3, "µs": 1e3, "ms": 1e6, "s": 1e9, "m": 60e9, "h": 3600e9}


def ns(text):
    """What Go prints for a length of time."""
    return sum(round(float(number) * UNITS[unit])
               for number, unit in re.findall(r"(-?[\d.]+)(ns|us|µs|ms|s|m|h)", text))


class Pages:
    def __init__(self, tool, trace):
        self.process = subprocess.Popen([tool, "-http=localhost:0", trace], stderr=subprocess.PIPE,
                                        stdout=subprocess.DEVNULL, text=True,
                                        env=dict(os.environ, BROWSER="true", DISPLAY=""))
        self.address = None
        deadline = time.time() + 60
        while not self.address and time.time() < deadline:
            line = self.process.stderr.readline()
            found = re.search(r"http://\S+:\d+", line)
            self.address = found and found.group(0)
            if not line:
                break

    def get(self, path, **parameters):
        query = "?" + urllib.parse.urlencode(parameters) if parameters else ""
        with urllib.request.urlopen(self.address + path + query, timeout=60) as answer:
            return answer.read().decode()

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stderr.close()


def rows(text):
    """Rows of tables, as lists of texts."""
    found = []
    for row in re.findall(r"<tr[^>]*>(.*?)</tr>", text, re.S):
        cells = re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.S)
        found.append([html.unescape(re.sub(r"<[^>]*>", "", cell)).strip() for cell in cells])
    return found


def go_group(pages, name):
    """Sums over the goroutines of a start function: {heading: ns}."""
    text = pages.get("/goroutine", name=name)
    parts = re.split(r'<h3 id="(?:breakdown|ranges)">', text)
    sums = {}
    for part in parts[1:3]:
        table = rows(part)
        for row in table[1:]:
            for heading, cell in zip(table[0], row):
                if heading and heading != "Goroutine":
                    sums[heading] = sums.get(heading, 0) + ns(cell)
        if part is parts[1]:
            total = sums.get("Total", 0)
    sums["Total"] = total
    return sums


def our_group(group):
    sums = {"Execution time": group["running_ns"], "Sched wait time": group["runnable_ns"],
            "Syscall execution time": group["syscall_ns"],
            "Block time (syscall)": group["syscall_blocked_ns"], "Total": group["total_ns"]}
    for wait in group["waiting"]:
        sums[f"Block time ({wait['reason']})"] = sums.get(f"Block time ({wait['reason']})", 0) + wait["ns"]
    for span in group["ranges"]:
        sums[span["range"]] = span["ns"]
    return sums


def same(name, ours, theirs):
    """What differs.  Of traces up to Go 1.21, events at the same time come in any order, a
    nanosecond apart; these are sums over many."""
    keys = set(ours) | set(theirs)
    allowed = 32 if re.search(r"1_(11|19|21)", name) else 0
    return {key: (ours.get(key, 0), theirs.get(key, 0)) for key in keys
            if key != "Unknown time" and abs(ours.get(key, 0) - theirs.get(key, 0)) > allowed}


def compare_goroutines(name, pages, ours):
    groups = {}
    for row in rows(pages.get("/goroutines"))[1:]:
        key = "" if row[0].startswith("(Inactive") else row[0]
        groups[key] = (int(row[1]), ns(row[2]))
    check(f"{name}: goroutines", {key: count for key, (count, _) in groups.items()} ==
          {group["name"]: group["count"] for group in ours["groups"]}, groups, ours)
    for group in ours["groups"]:
        differ = same(name, our_group(group), go_group(pages, group["name"]))
        check(f"{name}: {group['name']}", not differ, differ)


def compare_user(name, pages, ours):
    """Counts of tasks and regions; the lengths that Go's distributions hold."""
    theirs = {}
    for found in re.finditer(r'<td>([^<]*)</td>\s*<td><a href="/usertask\?type=[^"]*">(\d+)</a>',
                             pages.get("/usertasks")):
        theirs[html.unescape(found.group(1))] = int(found.group(2))
    theirs.pop("", None)  # what belongs to no task, or one of which nothing but its id is known
    counts = {kind["name"]: kind["count"] for kind in ours["tasks"]["kinds"]}
    check(f"{name}: tasks", counts == theirs, counts, theirs)
    theirs = {}
    for found in re.finditer(r'<td><pre>&#34;(.*?)&#34;<br>(\S*) @ 0x\w+<br>.*?</pre></td>\s*'
                             r'<td><a[^>]*>(\d+)</a>', pages.get("/userregions"), re.S):
        key = html.unescape(found.group(1)), html.unescape(found.group(2))
        theirs[key] = theirs.get(key, 0) + int(found.group(3))
    counts = {}
    for kind in ours["regions"]["kinds"]:
        key = kind["name"], kind["of"]["function"] if kind["of"] else ""
        counts[key] = counts.get(key, 0) + kind["count"]
    check(f"{name}: regions", counts == theirs, counts, theirs)
    for region in {kind["name"] for kind in ours["regions"]["kinds"]}:
        text = pages.get("/userregion", type=region)
        table = rows(re.split(r'<h3 id="(?:breakdown|ranges)">', text)[1])
        sums, mine = {}, {}
        for row in table[1:]:
            for heading, cell in zip(table[0], row):
                if heading and heading not in ("Goroutine", "Task"):
                    sums[heading] = sums.get(heading, 0) + ns(cell)
        for kind in ours["regions"]["kinds"]:
            if kind["name"] == region:
                for key, value in our_group(dict(kind["time"], ranges=[])).items():
                    mine[key] = mine.get(key, 0) + value
        check(f"{name}: region {region!r}", not same(name, mine, sums), same(name, mine, sums))


def compare_mmu(name, pages, ours):
    """Without mark workers, which Go's tool counts once more with each run of them, the curve
    lies above or at ours, which has them."""
    curve = json.loads(pages.get("/mmu", mode="plot", flags="stw|assist|sweep"))["curve"]
    for window in ours["mmu"]:
        near = [share for length, share in curve if length >= window["window_ns"]]
        if near:
            check(f"{name}: utilisation {window['window_ns']}",
                  0 <= window["utilization"] <= near[0] + 0.02, window, near[0])


def compare(tool, trace, ours):
    name = os.path.basename(trace)
    pages = Pages(tool, trace)
    try:
        if not pages.address:
            skip(name, "go tool trace does not read it")
            return
        compare_goroutines(name, pages, ours["goroutines"])
        compare_user(name, pages, ours)
        try:
            compare_mmu(name, pages, ours["gc"])
        except OSError:
            skip(f"{name}: utilisation", "go tool trace has no page of it")
    finally:
        pages.close()


# --- by itself ---

def consistent(trace, ours):
    name = os.path.basename(trace)
    for proc in ours["procs"]["processors"]:
        known = sum(proc[f"{use}_ns"] for use in ("idle", "scheduling", "running", "gc_worker", "syscall"))
        check(f"{name}: processor {proc['id']}", known <= ours["overview"]["duration_ns"], proc)
    groups = ours["goroutines"]["groups"]
    check(f"{name}: goroutines", sum(g["count"] for g in groups) == ours["overview"]["goroutines"],
          groups, ours["overview"])
    scheduling = ours["latency"]["scheduling"]
    check(f"{name}: by name", sum(g["lengths"]["count"] for g in ours["latency"]["scheduling_by_name"]) ==
          scheduling["count"])
    for lengths in [scheduling, ours["latency"]["syscalls"], ours["gc"]["pauses"]]:
        order = [lengths[key] for key in ("min_ns", "p50_ns", "p90_ns", "p99_ns", "p999_ns", "max_ns")]
        check(f"{name}: percentiles", order == sorted(order), lengths)
    waited = sum(pair["total_ns"] for pair in ours["wakers"]["pairs"])
    blocked = sum(reason["lengths"]["total_ns"] for reason in ours["latency"]["blocked"])
    check(f"{name}: waits by pair and by reason", waited == blocked, waited, blocked)
    # Halves of the time add up to the whole.
    middle = ours["overview"]["duration_ns"] // 2
    halves = [summary(trace, flag, names="goroutines,gc") for flag in
              (f"-end={middle}ns", f"-start={middle}ns")]
    for key in ("running_ns", "runnable_ns", "waiting_ns"):
        both = sum(g[key] for half in halves for g in half["goroutines"]["groups"])
        check(f"{name}: halves {key}", both == sum(g[key] for g in groups), both)
    both = sum(half["gc"]["work"]["total_ns"] for half in halves)
    check(f"{name}: halves of the collector's work", both == ours["gc"]["work"]["total_ns"], both)
    # One start function is what it is in the whole.
    largest = max(groups, key=lambda g: g["running_ns"])
    if largest["name"]:
        alone = summary(trace, f"-name={largest['name']}", names="goroutines")["goroutines"]["groups"]
        check(f"{name}: -name", [dict(g, scheduling=0) for g in alone] == [dict(largest, scheduling=0)],
              alone, largest)


def texts(trace):
    name = os.path.basename(trace)
    status, text, errors = run(SONDE, "trace", "-summary", "-top=3", trace)
    check(f"{name}: text", status == 0 and not errors and all(
        "\n" + word in "\n" + text for word in ("trace of ", "goroutines: ", "wakers: ", "latency: ",
                                                "garbage collector: ", "processors: ", "tasks: ",
                                                "regions: ")), errors, text)
    check(f"{name}: no blanks at ends", not re.search(r"[ \t]$", text, re.M), text)


def answers():
    """What a program that is known was asked: who holds the lock, what the slowest request did."""
    trace = os.path.join(SAMPLES, "mixed_1_27.trace")
    ours = summary(trace)
    first = ours["wakers"]["pairs"][0]
    check("the lock's holder", first["reason"] == "sync" and first["where"]["function"] == "main.work" and
          first["ended_by"]["function"] == "main.work" and first["count"] == 418, first)
    slow = ours["tasks"]["slowest"][0]
    check("the slowest task", slow["name"] == "request" and
          slow["longest_wait"]["stack"][-1]["function"] in ("main.main", "runtime.main"), slow)
    check("its children", sum(k["count"] for k in ours["tasks"]["kinds"] if k["name"] == "child") == 8,
          ours["tasks"]["kinds"])
    part = summary(trace, f"-task={slow['id']}", names="tasks")["tasks"]
    check("a task and its children", sum(k["count"] for k in part["kinds"]) == 9, part)
    status, text, errors = run(SONDE, "trace", "-summary=gc", "-task=1", trace)
    check("what has no tasks", status == 2 and not text and "-summary=tasks,regions" in errors, errors)


def controls():
    """A name with an escape sequence does not reach the terminal as one."""
    with open(os.path.join(os.environ["SONDE_SOURCE_ROOT"], "tests/data/trace/user_task_region_1_21_good"),
              "rb") as f:
        data = f.read()
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "controls")
        with open(path, "wb") as f:
            f.write(data.replace(b"region0", b"r\x1b[31mx").replace(b"region1", b"r\xc2\x9b31mx"))
        status, text, errors = run(SONDE, "trace", "-summary=regions", path)
        check("controls in names", status == 0 and "r?[31mx" in text and "r??31mx" in text and
              not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text), errors, text)
        names = [k["name"] for k in summary(path, names="regions")["regions"]["kinds"]]
        check("controls in JSON", "r\x1b[31mx" in names, names)


def main():
    traces = sorted(path for path in glob.glob(os.path.join(SAMPLES, "*")) if "LICENSE" not in path)
    if not traces:
        skip("samples", "there are none beside the sources")
    tool = go_trace()
    if not tool:
        skip("go tool trace", "there is no Go toolchain: set SONDE_GO_TRACE or SONDE_GO_ROOTS")
    for trace in traces:
        ours = summary(trace)
        if not ours:
            continue
        consistent(trace, ours)
        texts(trace)
        if tool:
            compare(tool, trace, ours)
    if traces:
        answers()
    controls()
    end()


main()
