#!/usr/bin/env python3
"""Exports of execution traces.  Chrome's JSON holds all that /jsontrace of `go tool trace` has;
Perfetto's trace, read by a small reader of the format, nests, has both ends of all flows, and
sums as the summaries do."""
import collections
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../go_matrix"))
from tally import check, end, run, skip  # noqa: E402  pylint: disable=wrong-import-position
from trace_tool import go_trace  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
SAMPLES = os.path.join(os.environ["SONDE_SOURCE_ROOT"], "../shared/testdata/trace")


def export(kind, trace, folder, *flags):
    path = os.path.join(folder, kind)
    status, _, errors = run(SONDE, "trace", f"-export={kind}", "-o", path, *flags, trace)
    check(f"{os.path.basename(trace)} {kind}: status", status == 0, errors)
    with open(path, "rb") as made:
        return made.read()


# --- Chrome ---

def go_json(tool, trace):
    process = subprocess.Popen([tool, "-http=localhost:0", trace], stderr=subprocess.PIPE,
                               stdout=subprocess.DEVNULL, text=True,
                               env=dict(os.environ, BROWSER="true", DISPLAY=""))
    try:
        deadline = time.time() + 60
        while time.time() < deadline:
            line = process.stderr.readline()
            found = re.search(r"http://\S+:\d+", line)
            if found:
                with urllib.request.urlopen(found.group(0) + "/jsontrace", timeout=60) as answer:
                    return json.load(answer)
            if not line:
                return None
    finally:
        process.kill()
        process.wait()
        process.stderr.close()
    return None


def frames(data, node):
    names = []
    while node:
        frame = data["stackFrames"][str(node)]
        names.append(frame["name"])
        node = frame.get("parent")
    return tuple(names)


def events(data):
    """What happened: without names of rows and counters, of which ours are fewer."""
    found = collections.Counter()
    for event in data["traceEvents"]:
        if event["ph"] in "XIst":
            found[event["ph"], event["pid"], event["tid"], event.get("name", ""),
                  round(event["ts"], 3), round(event.get("dur", 0), 3),
                  frames(data, event.get("sf")), frames(data, event.get("esf"))] += 1
    return found


NO_ROW = (2 ** 64 - 1, -1)


def compare_chrome(name, ours, theirs):
    """Arrows that Go's begin at no row are ours from the row of timers, with both their ends."""
    missing = events(theirs) - events(ours)
    missing = [key for key in missing if key[2] not in NO_ROW]
    # Of traces up to Go 1.21, events at the same time come in any order, a nanosecond apart.
    allowed = 12 if re.search(r"1_(11|19|21)", name) else 0
    check(f"{name}: all that go tool trace has", len(missing) <= allowed, len(missing), missing[:5])


def own_chrome(name, data):
    arrows = collections.defaultdict(list)
    for event in data["traceEvents"]:
        if event["ph"] in "st":
            arrows[event["id"]].append(event)
    check(f"{name}: arrows", all(len(ends) == 2 and ends[0]["ts"] <= ends[1]["ts"]
                                 for ends in arrows.values()), len(arrows))
    rows = {event["args"]["name"] for event in data["traceEvents"]
            if event["ph"] == "M" and event["name"] == "thread_name" and event["pid"] == 0}
    used = {event["tid"] for event in data["traceEvents"] if event["ph"] == "X" and event["pid"] == 0}
    check(f"{name}: rows", all(f"Proc {tid}" in rows for tid in used if tid < 1000000), rows, used)
    check(f"{name}: stacks", all(str(event[key]) in data["stackFrames"]
                                 for event in data["traceEvents"] for key in ("sf", "esf")
                                 if event.get(key)))


# --- Perfetto ---

def fields(data):
    at = 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7f) << shift
            shift += 7
            if byte < 0x80:
                return value
    while at < len(data):
        key = varint()
        if key & 7 == 0:
            yield key >> 3, varint()
        elif key & 7 == 1:
            yield key >> 3, int.from_bytes(data[at:at + 8], "little")
            at += 8
        elif key & 7 == 2:
            n = varint()
            assert at + n <= len(data)
            yield key >> 3, data[at:at + n]
            at += n
        else:
            raise ValueError(f"type {key & 7} at {at}")


class Perfetto:
    def __init__(self, data):
        self.tracks = {}
        self.events = []
        self.names, self.categories, self.texts, self.keys = {}, {}, {}, {}
        self.counters = set()
        for field, packet in fields(data):
            assert field == 1
            self.packet(list(fields(packet)))

    def packet(self, found):
        values = dict(found)
        assert values[10] == 1 and values[13] in (1, 2)
        for field, value in found:
            if field == 60:
                track = dict(fields(value))
                self.tracks[track[1]] = track[2].decode(), track.get(5, 0)
                if 8 in track:
                    self.counters.add(track[1])
            elif field == 12:
                for kind, entry in fields(value):
                    entry = dict(fields(entry))
                    table = {1: self.categories, 2: self.names, 3: self.keys, 29: self.texts}[kind]
                    assert entry[1] not in table
                    table[entry[1]] = entry[2].decode()
            elif field == 11:
                self.event(values[8], list(fields(value)))

    def event(self, when, found):
        values = dict(found)
        event = {"ts": when, "type": values[9], "track": values[11], "flows": [], "ends": [], "args": {}}
        assert values[11] in self.tracks, values
        if 10 in values:
            event["name"] = self.names[values[10]]
            event["category"] = self.categories[values[3]]
        if 30 in values:
            event["value"] = values[30]
        for field, value in found:
            if field == 47:
                event["flows"].append(value)
            elif field == 48:
                event["ends"].append(value)
            elif field == 4:
                note = dict(fields(value))
                event["args"][self.keys[note[1]]] = self.texts[note[17]] if 17 in note else note.get(4)
        self.events.append(event)

    def slices(self):
        """(track, name, start, end, category) by the rules of the format; and how many ends match none."""
        made, open_on, wrong = [], collections.defaultdict(list), 0
        for event in sorted(self.events, key=lambda event: event["ts"]):
            stack = open_on[event["track"]]
            if event["type"] == 1:
                stack.append(event)
            elif event["type"] == 2:
                if not stack:
                    wrong += 1
                    continue
                begin = stack.pop()
                made.append((self.tracks[event["track"]][0], begin["name"], begin["ts"], event["ts"],
                             begin["category"], self.tracks[event["track"]][1]))
        return made, wrong + sum(len(stack) for stack in open_on.values())


def own_perfetto(name, trace, data):
    made = Perfetto(data)
    slices, wrong = made.slices()
    check(f"{name}: begins and ends", wrong == 0, wrong)
    status, text, errors = run(SONDE, "trace", "-summary=goroutines,gc,tasks,regions", "-json", "-top=0", trace)
    check(f"{name}: summary", status == 0, errors)
    ours = json.loads(text)
    goroutines = {uuid for uuid in made.tracks if uuid >> 56 == 2}
    check(f"{name}: tracks of goroutines", len(goroutines) <= ours["goroutines"]["count"])
    for key, category in (("running_ns", "running"), ("waiting_ns", "waiting")):
        total = sum(end - start for track, _, start, end, kind, parent in slices
                    if kind == category and parent == 2)
        wanted = sum(group[key] for group in ours["goroutines"]["groups"])
        check(f"{name}: {category}", abs(total - wanted) <= 0.02 * wanted + 1000, total, wanted)
    pauses = sum(end - start for track, _, start, end, _, _ in slices if track == "Stop the world")
    check(f"{name}: pauses", pauses == ours["gc"]["pauses"]["total_ns"], pauses, ours["gc"]["pauses"])
    regions = collections.Counter(label for _, label, _, _, kind, _ in slices if kind == "region")
    wanted = collections.Counter()
    for kind in ours["regions"]["kinds"]:
        if kind["name"]:
            wanted[kind["name"]] += kind["count"]
    check(f"{name}: regions", regions == wanted, regions, wanted)
    begun = {flow for event in made.events for flow in event["flows"]}
    ended = [flow for event in made.events for flow in event["ends"]]
    check(f"{name}: flows", len(ended) == len(set(ended)) and set(ended) <= begun, len(begun), len(ended))
    starts = {flow: event["ts"] for event in made.events for flow in event["flows"]}
    check(f"{name}: flows go on in time", all(starts[flow] <= event["ts"] for event in made.events
                                              for flow in event["ends"]))
    check(f"{name}: counters", all(event["track"] in made.counters for event in made.events
                                   if event["type"] == 4))


def parts(trace, folder):
    """A time, a goroutine: less of it, and within its bounds."""
    name = os.path.basename(trace)
    whole = Perfetto(export("perfetto", trace, folder))
    first = min(event["ts"] for event in whole.events)
    part = Perfetto(export("perfetto", trace, folder, "-start=5ms", "-end=10ms"))
    slices, wrong = part.slices()
    check(f"{name}: a part nests", wrong == 0 and slices)
    check(f"{name}: within its bounds", all(first + 5e6 <= event["ts"] - 0 <= first + 10.1e6
                                            for event in part.events), first)
    one = Perfetto(export("perfetto", trace, folder, "-name=main.main"))
    names = {made_name for uuid, (made_name, _) in one.tracks.items() if uuid >> 56 == 2}
    check(f"{name}: -name", names and all("main.main" in made_name for made_name in names), names)
    status, text, errors = run(SONDE, "trace", "-export=perfetto", "-task=1", trace)
    check(f"{name}: -task", status == 2 and "-goroutine or a time" in errors, errors)


def endings(folder):
    """What is not whole is not left behind: here it waits for a pipe's first byte."""
    fifo, path = os.path.join(folder, "fifo"), os.path.join(folder, "ended")
    os.mkfifo(fifo)
    for signo in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        process = subprocess.Popen([SONDE, "trace", "-export=chrome", "-o", path, fifo])
        deadline, left = time.time() + 60, []
        while time.time() < deadline and not left:
            left = [name for name in os.listdir(folder) if name.startswith("ended.")]
        time.sleep(0.1)
        process.send_signal(signo)
        check(f"ended by {signo.name}", left and process.wait(timeout=60) == -signo and
              not any(name.startswith("ended") for name in os.listdir(folder)), left, os.listdir(folder))


def main():
    traces = sorted(path for path in glob.glob(os.path.join(SAMPLES, "*")) if "LICENSE" not in path)
    if not traces:
        skip("samples", "there are none beside the sources")
    tool = go_trace()
    if not tool:
        skip("go tool trace", "there is no Go toolchain: set SONDE_GO_TRACE or SONDE_GO_ROOTS")
    with tempfile.TemporaryDirectory() as folder:
        for trace in traces:
            name = os.path.basename(trace)
            ours = json.loads(export("chrome", trace, folder))
            own_chrome(name, ours)
            theirs = go_json(tool, trace) if tool else None
            if theirs:
                compare_chrome(name, ours, theirs)
            elif tool:
                skip(name, "go tool trace does not show it")
            own_perfetto(name, trace, export("perfetto", trace, folder))
        if traces:
            parts(os.path.join(SAMPLES, "mixed_1_27.trace"), folder)
        endings(folder)
    end()


main()
