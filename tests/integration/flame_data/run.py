#!/usr/bin/env python3
"""The trees of the web page's flame graph, diff and sandwich, by the server: box by box what
pprof's own algorithm makes of the stacks, and what the text reports say."""

import gzip
import json
import os
import random
import re
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
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {what}")


# --- profiles, decoded here


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value, at


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def fields(data):
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        if tag & 7 == 2:
            length, at = varint(data, at)
            yield tag >> 3, data[at:at + length]
            at += length
        else:
            value, at = varint(data, at)
            yield tag >> 3, value


def numbers(value):
    if isinstance(value, int):
        return [value]
    out, at = [], 0
    while at < len(value):
        number, at = varint(value, at)
        out.append(number)
    return out


def stacks_of(*args, column=-1):
    """[(value, [(name, file)...] outermost first)] of what is left by options."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "p.pb.gz")
        subprocess.run([SONDE, "pprof", "-proto", "-output", path, *args], check=True,
                       capture_output=True)
        with gzip.open(path) as f:
            data = f.read()
    strings, functions, locations, samples, types, default = [], {}, {}, [], 0, 0
    for field, value in fields(data):
        if field == 6:
            strings.append(value.decode(errors="replace"))
        elif field == 1:
            types += 1
        elif field == 2:
            locs, values = [], []
            for f, v in fields(value):
                if f == 1:
                    locs += numbers(v)
                elif f == 2:
                    values += map(signed, numbers(v))
            samples.append((locs, values))
        elif field == 4:
            id_, lines = 0, []
            for f, v in fields(value):
                if f == 1:
                    id_ = v
                elif f == 4:
                    lines.append(dict(fields(v)).get(1, 0))
            locations[id_] = lines
        elif field == 5:
            f = dict(fields(value))
            functions[f[1]] = f.get(2, 0), f.get(4, 0)
    name = {i: (strings[n], strings[f]) for i, (n, f) in functions.items()}
    return [(values[column], [name[f] for l in reversed(locs) for f in reversed(locations[l])])
            for locs, values in samples]


# --- pprof's algorithm (internal/driver/html/stacks.js): groups of places


def outermost(places):
    first = {}
    for stack, at in places:
        if first.get(stack, at) >= at:
            first[stack] = at
    return [(stack, at) for stack, at in places if first[stack] == at]


def grow(stacks, places, step):
    """{frame: (before, after, self, tree below)} of places."""
    groups = {}
    for stack, at in outermost(places):
        groups.setdefault(stacks[stack][1][at], []).append((stack, at))
    tree = {}
    for frame, group in groups.items():
        following = [(s, at + step) for s, at in group if 0 <= at + step < len(stacks[s][1])]
        before = sum(-stacks[s][0] for s, _ in group if stacks[s][0] < 0)
        after = sum(stacks[s][0] for s, _ in group if stacks[s][0] > 0)
        last = sum(abs(stacks[s][0]) for s, at in group if not 0 <= at + step < len(stacks[s][1]))
        tree[frame] = before, after, last, grow(stacks, following, step)
    return tree


def pivot_places(stacks, pattern):
    return [(s, i) for s, (_, frames) in enumerate(stacks) for i, (name, file) in enumerate(frames)
            if re.search(pattern, name) or re.search(pattern, file)]


# --- what the server says


class Server:
    def __init__(self, *args):
        self.process = subprocess.Popen(
            [SONDE, "pprof", "-http=localhost:0", "-no_browser", *args], stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE, text=True)
        self.url = None
        for line in self.process.stderr:
            if line.startswith("Serving web UI on "):
                self.url = line.split()[-1].rstrip("/")
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def ask(self, view, **params):
        query = urllib.parse.urlencode({k: v for k, v in params.items() if v is not None})
        base = self.url if self.url.endswith("/ui") else self.url + "/ui"
        try:
            with urllib.request.urlopen(f"{base}/data/{view}?{query}") as f:
                return unpack(json.load(f))
        except urllib.error.HTTPError as e:
            return json.load(e)


def boxes(tree):
    """First child by box."""
    first, at = [], 1
    for n in tree["children"]:
        first.append(at)
        at += n
    return first


def compare(name, data, tree, want, smallest):
    """A tree of the answer is what `want` says, as far as boxes are not too small."""
    frames, first = data["frames"], boxes(tree)
    cut = {box: (n, value) for box, n, value in tree["cut"]}

    def key(i):
        f = tree["frame"][i]
        return frames["names"][f], frames["texts"][frames["files"][f]]

    todo, seen = [(0, want)], 0
    while todo:
        i, (before, after, last, below) = todo.pop()
        seen += 1
        if tree["value"][i] != before + after or tree["self"][i] != last:
            return check(name, False, f"box {i} {tree['value'][i]}/{tree['self'][i]} is not "
                                      f"{before}+{after}/{last}")
        if "before" in tree and (tree["before"][i], tree["after"][i]) != (before, after):
            return check(name, False, f"box {i} before and after")
        children = range(first[i], first[i] + tree["children"][i])
        keys = [key(c) for c in children]
        values = [tree["value"][c] for c in children]
        large = {k for k, v in below.items() if v[0] + v[1] >= smallest and v[0] + v[1] > 0}
        left = [v[0] + v[1] for k, v in below.items() if k not in large and v[0] + v[1] > 0]
        if set(keys) != large or len(keys) != len(large):
            return check(name, False, f"children of box {i}: {keys} are not {large}")
        if values != sorted(values, reverse=True) or cut.get(i, (0, 0)) != (len(left), sum(left)):
            return check(name, False, f"order or rest of box {i}")
        todo += [(c, below[k]) for c, k in zip(children, keys)]
    return check(name, seen == len(tree["value"]), f"{len(tree['value'])} boxes, {seen} reached")


def root_of(stacks, places, tree):
    used = {s for s, _ in places}
    before = sum(-stacks[s][0] for s in used if stacks[s][0] < 0)
    after = sum(stacks[s][0] for s in used if stacks[s][0] > 0)
    return before, after, 0, tree


def check_pivot(name, server, stacks, pattern, options):
    data = server.ask("flamegraph", p=pattern, w=200, **options)
    places = pivot_places(stacks, pattern)
    for side, step in (("callees", 1), ("callers", -1)):
        tree = grow(stacks, places, step)
        tree = {k: v for k, v in tree.items() if v[0] + v[1] > 0}
        want = next(iter(tree.values())) if len(tree) == 1 else root_of(stacks, places, tree)
        compare(f"{name} p={pattern} {side}", data, data[side], want, data["smallest"])
    value = sum(abs(stacks[s][0]) for s in {s for s, _ in places})
    functions = {stacks[s][1][i] for s, i in places if stacks[s][0]}
    check(f"{name} p={pattern}", data["pivot"]["value"] == value and
          data["pivot"]["functions"] == len(functions), data["pivot"])
    found = server.ask("flamegraph", q=pattern, w=200, **options)["search"]
    check(f"{name} q={pattern}", found == {"functions": len(functions), "value": value}, found)


def check_zoom(name, server, stacks, options):
    """Ways down the whole tree, chosen at random: each box is the subtree that is there."""
    whole = server.ask("flamegraph", **options)
    tree, first = whole["callees"], boxes(whole["callees"])
    rng = random.Random(1)
    for _ in range(5):
        path, box, names = [], 0, []
        while tree["children"][box] and len(path) < 12:
            place = rng.randrange(tree["children"][box])
            if path:
                names.append(whole["frames"]["names"][tree["frame"][box]])
            path.append(str(place))
            box = first[box] + place
        if not path:
            return
        data = server.ask("flamegraph", z=".".join(path), **options)
        below = data["callees"]
        check(f"{name} z={'.'.join(path)}", data["zoom"]["names"] == names and
              below["value"][0] == tree["value"][box] and below["self"][0] == tree["self"][box] and
              data["frames"]["names"][below["frame"][0]] ==
              whole["frames"]["names"][tree["frame"][box]], data["zoom"])
    check(f"{name} z=99999", "error" in server.ask("flamegraph", z="99999", **options))


def report(*args):
    done = subprocess.run([SONDE, "pprof", *args], capture_output=True, check=True)
    return json.loads(done.stdout)


def check_reports(name, server, path):
    """A pivot's value is cum of top, a sandwich is what peek shows."""
    top = report("-topjson", "-trim=false", path)
    nodes = top["nodes"]
    # With a scale: the numbers of tables are the profile's, as are those of trees.
    for node in nodes[:5] + nodes[len(nodes) // 2:len(nodes) // 2 + 5]:
        pattern = f"^{re.escape(node['name'])}$"
        data = server.ask("sandwich", p=pattern)
        peek = report("-peekjson", pattern, path)["nodes"]
        if len(peek) != 1:
            continue
        want = {side: sorted((e["name"], e["value"]) for e in peek[0][side])
                for side in ("callers", "callees")}
        got = {side: sorted(zip(data[side]["names"], data[side]["values"]))
               for side in ("callers", "callees")}
        check(f"{name} {node['name']}", got == want and data["flat"] == node["flat"] and
              data["cum"] == node["cum"] and data["names"] == [node["name"]],
              f"{got} {data['flat']} {data['cum']} is not {want} {node['flat']} {node['cum']}")
        pivot = server.ask("flamegraph", p=pattern, g="functions")["pivot"]
        if all(n["flat"] >= 0 for n in nodes):
            check(f"{name} cum {node['name']}", pivot["value"] == node["cum"], pivot)


def check_profile(path, options=(), column=-1, **params):
    name = " ".join((os.path.basename(path), *options, *params.values()))
    stacks = stacks_of(*options, *(f"-{k}={v}" for k, v in params.items()), path, column=column)
    short = {"focus": "f", "ignore": "i", "hide": "h", "show_from": "sf"}
    params = {short[k]: v for k, v in params.items()}
    with Server(*options, path) as server:
        data = server.ask("flamegraph", w=200, **params)
        places = [(s, 0) for s, (_, frames) in enumerate(stacks) if frames]
        before, after, _, tree = root_of(stacks, places, grow(stacks, places, 1))
        compare(name, data, data["callees"], (before, after, 0, tree), data["smallest"])
        names = sorted({f[0] for value, frames in stacks for f in frames if value})
        rng = random.Random(len(names))
        for n in rng.sample(names, min(6, len(names))):
            check_pivot(name, server, stacks, f"^{re.escape(n)}$", params)
        for pattern in ("a", "[Mm]alloc|runtime[.]", "[.]go$", "^$"):
            if any(stacks[s][0] for s, _ in pivot_places(stacks, pattern)):
                check_pivot(name, server, stacks, pattern, params)
        check_zoom(name, server, stacks, params)
        if not params and not options:
            check_reports(name, server, path)


def check_diff():
    """Two sources' profiles, box by box, by the base that is subtracted."""
    before, after = (os.path.join(DATA, f"pair/{n}.pb.gz") for n in ("before", "after"))
    stacks = [(-v, frames) for v, frames in stacks_of(before)] + stacks_of(after)
    with Server(f"-diff_base={before}", after) as server:
        data = server.ask("diff", w=200)
        places = [(s, 0) for s, (_, frames) in enumerate(stacks) if frames]
        compare("diff", data, data["callees"], root_of(stacks, places, grow(stacks, places, 1)),
                data["smallest"])
        totals = [sum(abs(v) for v, _ in stacks if (v < 0) == negative) for negative in (1, 0)]
        check("diff totals", [data["before"]["total"], data["after"]["total"]] == totals,
              (data["before"], data["after"], totals))
    with Server(after) as server:
        check("nothing to compare with", "error" in server.ask("diff"))


def main():
    with Server(os.path.join(DATA, "go/cpu.pb.gz")) as server:
        if not server.url:
            print("no web server: libmicrohttpd is missing")
            sys.exit(77)
    for name in ("go/cpu", "go/heap", "pprof/cpu", "pprof/heap", "pprof/contention",
                 "pprof/long_name_funcs", "pprof/heap_tags"):
        check_profile(os.path.join(DATA, f"{name}.pb.gz"))
    cpu = os.path.join(DATA, "go/cpu.pb.gz")
    check_profile(cpu, focus="main")
    check_profile(cpu, hide="runtime")
    check_profile(cpu, ("-sample_index=0",), column=0)
    check_profile(os.path.join(DATA, "go/heap.pb.gz"), ignore="main")
    check_diff()
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed > 0)


main()
