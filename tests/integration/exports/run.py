#!/usr/bin/env python3
"""What is written for other programs, on profiles of every kind: it parses, its tables
fit together, and its sums are those of the text reports."""

import csv
import glob
import gzip
import io
import json
import os
import re
import resource
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../page"))
from trees import unpack  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
BUILD = os.environ["SONDE_BUILD_ROOT"]
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def report(path, *flags):
    done = subprocess.run([SONDE, "pprof", "-symbolize=none", *flags, path],
                          stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def folded(name, text):
    stacks = {}
    for line in text.decode(errors="replace").split("\n")[:-1]:
        stack, value = line.rsplit(" ", 1)
        check(name, stack not in stacks and int(value), f"{stack!r} {value}")
        stacks[stack] = int(value)
    return stacks


def by_leaf(pairs):
    sums = {}
    for leaf, value in pairs:
        sums[leaf] = sums.get(leaf, 0) + value
    return {leaf: value for leaf, value in sums.items() if value}


def speedscope(name, data):
    frames, profile = data["shared"]["frames"], data["profiles"][0]
    samples, weights = profile["samples"], profile["weights"]
    check(name, len(samples) == len(weights), "samples and weights differ in number")
    check(name, all(w > 0 for w in weights), "a weight is not positive")
    check(name, profile["endValue"] == sum(weights), "endValue is not the sum")
    check(name, profile["unit"] in ("none", "nanoseconds", "microseconds", "milliseconds",
                                    "seconds", "bytes"), profile["unit"])
    check(name, all(0 <= f < len(frames) for s in samples for f in s), "no such frame")
    return by_leaf((frames[s[-1]]["name"], w) for s, w in zip(samples, weights))


def columns(name, table, length):
    for column, values in table.items():
        if isinstance(values, list):
            check(name, len(values) == length, f"column {column} has {len(values)} of {length}")


def firefox(name, data):
    thread = data["threads"][0]
    for key in ("frameTable", "funcTable", "resourceTable", "stackTable", "samples",
                "nativeSymbols", "markers"):
        columns(f"{name} {key}", thread[key], thread[key]["length"])
    strings, frames, funcs = thread["stringArray"], thread["frameTable"], thread["funcTable"]
    stacks, samples = thread["stackTable"], thread["samples"]
    check(name, all(p is None or p < i for i, p in enumerate(stacks["prefix"])),
          "a prefix comes after its stack")
    check(name, samples["time"] == sorted(samples["time"]), "time does not go on")
    check(name, all(r < len(data["libs"]) for r in funcs["resource"]), "no such library")
    scale = 1e6 if samples["weightType"] == "tracing-ms" else 1
    return by_leaf((strings[funcs["name"][frames["func"][stacks["frame"][s]]]], round(w * scale))
                   for s, w in zip(samples["stack"], samples["weight"]))


def page(name, text):
    """The tree in a page of -html; its total."""
    text = text.decode()
    check(name, text.count("<script") == 2 and "src=" not in text and
          "@import" not in text and "url(" not in text, "the page loads something")
    data = text.split('id="data">', 1)[1].split("</script>", 1)[0]
    check(name, "<" not in data, "data that ends the script")
    data = unpack(json.loads(data))
    frames, tree = data["frames"], data["callees"]
    n = len(tree["value"])
    for column in ("frame", "children", "self"):
        check(name, len(tree[column]) == n, f"{column} has {len(tree[column])} of {n}")
    for column in ("files", "lines", "shades", "modules"):
        check(name, len(frames[column]) == len(frames["names"]), f"column {column}")
    check(name, sum(tree["children"]) == n - 1, "children are not all boxes")
    check(name, all(m < len(frames["groups"]) for m in frames["modules"]), "no such module")
    check(name, all(f < len(frames["texts"]) for f in frames["files"]), "no such file")
    cut = {box: value for box, _, value in tree["cut"]}
    following = 1
    for i, children in enumerate(tree["children"]):
        below = sum(tree["value"][following:following + children])
        check(name, below + cut.get(i, 0) + tree["self"][i] == tree["value"][i],
              f"box {i} does not add up")
        following += children
    return tree["value"][0]


def exports(path, *flags):
    name = " ".join((os.path.basename(path), *flags))
    top = report(path, "-topjson", "-trim=false", *flags)
    if top is None:
        check(name, report(path, "-top", *flags) is None, "-topjson fails and -top does not")
        return
    top = json.loads(top)
    flat = by_leaf((n["name"], n["flat"]) for n in top["nodes"])
    stacks = folded(name, report(path, "-folded", *flags))
    sums = by_leaf((s.rsplit(";", 1)[-1], v) for s, v in stacks.items())
    if "utf8" in path or "huge" in path or "negative" in path:
        return  # sums wrap around in text reports, and stop at the largest here
    if ";" not in "".join(n["name"] for n in top["nodes"]):
        check(name, sums == flat, f"-folded {sums} is not -top {flat}")
    boxes = page(name, report(path, "-html", *flags))
    if "-divide_by=2" not in flags and all(v > 0 for v in stacks.values()):
        check(name, boxes == sum(flat.values()), f"-html {boxes} is not -top {flat}")
    # Their names hold no places: by function they are those of top, else add up to as much.
    is_named = "-lines" not in flags and "-addresses" not in flags
    if is_named:
        flags += ("-functions",)
    else:
        flat = sum(flat.values())
    scope = speedscope(name, json.loads(report(path, "-speedscope", *flags)))
    fox = firefox(name, json.loads(report(path, "-firefox", *flags)))
    if not is_named:
        scope, fox = sum(scope.values()), sum(fox.values())
    if all(v > 0 for v in stacks.values()):
        check(name, scope == flat, f"-speedscope {scope} is not -top {flat}")
    if top["unit"] in ("nanoseconds", "bytes", "count"):
        check(name, fox == flat, f"-firefox {fox} is not -top {flat}")


def tables(path, *flags):
    name = " ".join((os.path.basename(path), *flags))
    text = report(path, "-top", *flags)
    if text is None:
        return
    text = text.decode(errors="replace")
    rows = re.findall(r"^ *\S+ +(\S+%) +(\S+%) +\S+ +(\S+%)  (.*?)( \((?:partial-)?inline\))?$",
                      text.split("cum%\n", 1)[1], re.M)
    nodes = json.loads(report(path, "-topjson", *flags))["nodes"]
    lines = list(csv.DictReader(io.StringIO(report(path, "-topcsv", *flags).decode(), newline="")))
    check(name, [r[3] for r in rows if r] == [n["name"] for n in nodes] or "\n" in str(nodes),
          "names differ")
    check(name, len(lines) == len(nodes), "rows of -topcsv")
    for row, node, line in zip(rows, nodes, lines):
        check(name, (row[4].strip(" ()") or None) == node.get("inline"), f"inline of {node['name']}")
        check(name, abs(float(row[0][:-1]) - abs(node["flat_percent"])) < 0.06, f"flat%: {row} {node}")
        check(name, abs(float(row[2][:-1]) - abs(node["cum_percent"])) < 0.06, f"cum%: {row} {node}")
        check(name, line["name"] == node["name"] and int(line["flat"]) == node["flat"] and
              int(line["cum"]) == node["cum"] and line["inline"] == node.get("inline", ""),
              f"-topcsv {line} is not -topjson {node}")
    tree = json.loads(report(path, "-treejson", *flags))["nodes"]
    lines = list(csv.DictReader(io.StringIO(report(path, "-treecsv", *flags).decode(), newline="")))
    edges = sum(len(n["callers"]) + len(n["callees"]) for n in tree)
    check(name, len(lines) == len(tree) + edges, "rows of -treecsv")
    for node in tree:
        for caller in node["callers"]:
            back = [e for n in tree if n["name"] == caller["name"] for e in n["callees"]
                    if e["name"] == node["name"]]
            check(name, any(e["value"] == caller["value"] for e in back),
                  f"{caller} of {node['name']} has no other end")
    if tree and tree[0]["name"].isprintable():
        regexp = re.sub(r"([^\w\s])", r"\\\1", tree[0]["name"])
        peek = json.loads(report(path, f"-peekjson=^{regexp}$", *flags))["nodes"]
        check(name, peek and peek[0]["flat"] == tree[0]["flat"], "-peekjson of the first node")


def pieces(folder):
    """Long texts go to their file piece by piece; it has all of them or stays as it was."""
    profile, path = os.path.join(folder, "large.pb.gz"), os.path.join(folder, "out")
    subprocess.run([os.path.join(BUILD, "bench/gen_profile"), "cpu3", profile], check=True,
                   stdout=subprocess.DEVNULL)

    def least():
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))

    for kind in ("-traces", "-raw", "-folded", "-callgrind"):
        args = [SONDE, "pprof", "-symbolize=none", kind, "-output=" + path, profile]
        want = report(profile, kind)
        check(kind, len(want) > 2 << 20, f"{len(want)} bytes are not many")
        for before in (None, b"before"):
            if before:
                with open(path, "wb") as f:
                    f.write(before)
            done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True, preexec_fn=least,
                                  restore_signals=False)  # SIGXFSZ stays ignored
            have = open(path, "rb").read() if os.path.exists(path) else None
            check(kind, done.returncode == 1 and done.stderr.count(b"\n") == 1 and
                  b"cannot write" in done.stderr, done.stderr)
            check(kind, have == before and len(os.listdir(folder)) == 1 + bool(before),
                  f"left behind: {os.listdir(folder)}")
        done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True)
        check(kind, done.returncode == 0 and open(path, "rb").read() == want, done.stderr)
        os.remove(path)


def without_stacks(folder):
    """A large file that is unpacked while it is read has no stacks where none is looked at: what
    is printed is the same as of the file unpacked."""
    packed, whole = (os.path.join(folder, name) for name in ("heap.pb.gz", "heap.pb"))
    subprocess.run([os.path.join(BUILD, "bench/gen_profile"), "heap6", packed], check=True,
                   stdout=subprocess.DEVNULL)
    with gzip.open(packed) as f, open(whole, "wb") as to:
        to.write(f.read())
    name = re.escape(report(whole, "-top", "-nodecount=1").split()[-1].decode())
    seen = set()
    for kind in ("-tags", "-comments"):
        for options in ([], ["-sample_index=0"], ["-mean"], ["-tagfocus=1kb:"], ["-tagshow=x"],
                        [f"-focus={name}$"], [f"-ignore={name}$"], [f"-hide={name}$"],
                        [f"-show={name}$"], [f"-show_from={name}$"], [f"-prune_from={name}$"],
                        ["-tagroot=bytes"], ["-tagleaf=bytes"], ["-add_comment=once"],
                        [f"-base={packed}"], [f"-diff_base={packed}"]):
            text = report(packed, kind, *options)
            check(kind, text is not None and text == report(whole, kind, *options), options)
            seen.add(text)
    check("-tags", len(seen) > 7, f"{len(seen)} different answers")


def main():
    with tempfile.TemporaryDirectory() as folder:
        pieces(folder)
    with tempfile.TemporaryDirectory() as folder:
        without_stacks(folder)
    paths = sorted(glob.glob(os.path.join(ROOT, "tests/data/pprof/*.gz")) +
                   glob.glob(os.path.join(ROOT, "tests/data/go/*.gz")) +
                   glob.glob(os.path.join(ROOT, "tests/data/odd/*.pb*")))
    for path in paths:
        exports(path)
        exports(path, "-sample_index=0", "-lines", "-focus=a")
        exports(path, "-addresses", "-hide=main", "-divide_by=2")
        tables(path)
        tables(path, "-sample_index=0", "-cum", "-lines", "-nodecount=5")
        tables(path, "-addresses", "-ignore=b", "-noinlines")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


main()
