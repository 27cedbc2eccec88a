#!/usr/bin/env python3
"""Flame graphs of profiles of every kind: well-formed, boxes where they belong,
widths as their numbers say."""

import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
NS = "{http://www.w3.org/2000/svg}"
WIDTH = 1176.0
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def flame(path, *flags):
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "f.svg")
        done = subprocess.run([SONDE, "pprof", *flags, "-flame", "-output", out, path],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace")
        if done.returncode or not os.path.exists(out):
            return None, done.stderr
        with open(out, "rb") as f:
            return f.read(), done.stderr


def boxes(svg):
    found = []
    for g in ET.fromstring(svg).iter(NS + "g"):
        if "f" in g.get("class", "").split():
            rect = g.find(NS + "rect")
            x, y, w = (float(rect.get(k)) for k in ("x", "y", "width"))
            found.append((x - 12, y, w, g.get("class"), g.find(NS + "title").text))
    return found


def geometry(name, svg, of_total=True):
    try:
        found = boxes(svg)
    except ET.ParseError as e:
        check(name, False, f"not well-formed: {e}")
        return []
    check(name, len(svg) < 2 << 20, f"{len(svg)} bytes")
    if not found:
        return []
    top = min(y for _, y, *_ in found)
    rows = {}
    for x, y, w, cls, title in found:
        rows.setdefault(round((y - top) / 18), []).append((x, x + w))
    check(name, len(rows[0]) == 1 and abs(rows[0][0][1] - rows[0][0][0] - WIDTH) < 1, "the root is not whole")
    bad = 0
    for depth in range(1, max(rows) + 1):
        parents, end = sorted(rows.get(depth - 1, [])), -1.0
        for a, b in sorted(rows.get(depth, [])):
            inside = any(pa - 0.6 <= a and b <= pb + 0.6 for pa, pb in parents)
            bad += (not inside) or a < end - 0.6
            end = max(end, b)
    check(name, bad == 0, f"{bad} boxes outside their caller or over each other")
    if of_total:
        wrong = []
        for x, y, w, cls, title in found:
            m = re.search(r", ([\d.e+-]+)%", title.split("\n")[-1])
            if m and abs(float(m.group(1)) / 100 * WIDTH - w) > 0.7 + WIDTH * 0.0001:
                wrong.append(title)
        check(name, not wrong, f"width and share differ: {wrong[:2]}")
    return found


def main():
    data = os.path.join(ROOT, "tests", "data")
    profiles = sorted(os.path.join(where, f) for where, _, files in os.walk(data) for f in files
                      if f.endswith((".pb.gz", ".pb")) and "/bad" not in where)
    shared = os.path.join(os.environ.get("SONDE_TESTDATA", ""), "pprof", "cases")
    if os.path.isdir(shared):
        profiles += [os.path.join(shared, f) for f in sorted(os.listdir(shared)) if f.endswith(".pb.gz")]
    if not profiles:
        print("no profiles to draw")
        sys.exit(77)
    for path in profiles:
        svg, errors = flame(path)
        name = os.path.basename(path)
        if svg is None:
            top = subprocess.run([SONDE, "pprof", "-top", path], stdin=subprocess.DEVNULL, capture_output=True)
            check(name, top.returncode != 0, f"-top works and -flame does not: {errors}")
            continue
        # Huge values saturate: their widths say no more than their order.
        geometry(name, svg, of_total="huge" not in name and "negative" not in name)

    cpu = [p for p in profiles if os.path.basename(p).startswith("cpu")]
    for path in cpu[:1]:
        text = geometry("plain", flame(path)[0])
        names = [t[4].split("\n")[0] for t in text if "root" not in t[3] and "cut" not in t[3]]
        word = re.escape(names[0].replace(" (inline)", ""))
        svg = flame(path, "-focus", word)[0]
        check("focus", svg and f"focus={word}".encode() in svg.replace(b"&quot;", b'"'), "not named in the title")
        hidden = boxes(flame(path, "-hide", word)[0])
        check("hide", all(t[4].split("\n")[0].replace(" (inline)", "") != names[0] for t in hidden), "still drawn")
        check("bad regexp", flame(path, "-focus", "(")[0] is None, "was taken")
        again = flame(path)[0]
        check("repeatable", again == flame(path)[0], "two runs differ")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()
