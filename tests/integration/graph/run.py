#!/usr/bin/env python3
"""Pictures of call graphs: what -svg draws is what -dot says, in its place."""

import os
import re
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as ET

SONDE = os.environ["SONDE"]
ROOT = os.environ["SONDE_SOURCE_ROOT"]
NS = "{http://www.w3.org/2000/svg}"
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def report(kind, path, *flags):
    done = subprocess.run([SONDE, "pprof", "-" + kind, "-symbolize=none", *flags, path],
                          stdin=subprocess.DEVNULL, capture_output=True)
    return done.stdout if done.returncode == 0 else None


def plain(text):
    """A text as it is after DOT's notation."""
    return re.sub(r"\\([nlr\"\\])", lambda m: "\n" if m[1] in "nlr" else m[1], text)


def shown(text):
    """A text as XML can hold it."""
    return re.sub(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


QUOTED = r'"((?:[^"\\]|\\.)*)"'


def of_dot(dot):
    """Boxes {id: (lines, tooltip, size, colour)} and arrows [(label, tooltip, colour, dotted)]."""
    boxes, arrows = {}, []
    for line in dot.split("\n"):
        box = re.match(r"N\S* \[label ?= ?" + QUOTED + r' id="(\S+)" fontsize=(\d+) .*tooltip=' + QUOTED, line, re.S)
        arrow = re.match(r"(N\S*) -> (N\S*) \[label=" + QUOTED + ".* tooltip=" + QUOTED, line, re.S)
        color = re.search(r' color="(#\w+)"', line)
        color = color[1] if color else "#000000"
        if box:
            lines = [l for l in plain(box[1]).split("\n")]
            boxes[box[2]] = (lines, plain(box[4]), int(box[3]), color)
        elif arrow and arrow[2] != "N0":
            arrows.append((plain(arrow[3]), plain(arrow[4]), color, "style=\"dotted\"" in line))
    return boxes, arrows


def of_svg(svg):
    boxes, arrows, places = {}, [], []
    for g in ET.fromstring(svg).iter(NS + "g"):
        classes = g.get("class", "").split()
        texts = [t.text for t in g.findall(NS + "text")]
        if "node" in classes:
            shape = g.find(NS + "g")
            rect = {k: float(shape.find(NS + "rect").get(k)) for k in ("x", "y", "width", "height")}
            boxes[g.get("id")] = (texts, g.find(NS + "title").text, int(g.get("font-size")), shape.get("stroke"))
            places.append((g, rect))
        elif "edge" in classes:
            line, head = g.findall(NS + "path")
            arrows.append((texts, g.find(NS + "title").text, line.get("stroke"), line.get("class") == "dotted"))
    return boxes, arrows, places


def is_apart(places):
    rects = [r for _, r in places]
    for i, a in enumerate(rects):
        for b in rects[:i]:
            if (abs((a["x"] + a["width"] / 2) - (b["x"] + b["width"] / 2)) < (a["width"] + b["width"]) / 2 - 0.1 and
                    abs((a["y"] + a["height"] / 2) - (b["y"] + b["height"] / 2)) < (a["height"] + b["height"]) / 2 - 0.1):
                return False
    return True


def texts_fit(places):
    for g, rect in places:
        for t in g.findall(NS + "text"):
            x, y, w = float(t.get("x")), float(t.get("y")), float(t.get("textLength"))
            left = x if t.get("class") == "left" else x - w / 2
            if left < rect["x"] or left + w > rect["x"] + rect["width"]:
                return False
            if y < rect["y"] or y > rect["y"] + rect["height"]:
                return False
    return True


def compare(name, path, *flags):
    dot, svg = report("dot", path, *flags), report("svg", path, *flags)
    if dot is None or svg is None:
        check(name, dot is None and svg is None, "only one of -dot and -svg fails")
        return
    try:
        boxes, arrows, places = of_svg(svg)
    except ET.ParseError as e:
        check(name, False, f"not well-formed: {e}")
        return
    want_boxes, want_arrows = of_dot(dot.decode(errors="replace"))
    check(name, boxes.keys() == want_boxes.keys(), f"boxes {set(boxes) ^ set(want_boxes)}")
    for key in boxes.keys() & want_boxes.keys():
        lines, *rest = want_boxes[key]
        lines = [shown(l).lstrip(" ") for l in lines]
        got, *got_rest = boxes[key]
        same = [l for l in lines if l] == got and [shown(str(r)) for r in rest] == [str(r) for r in got_rest]
        check(name, same, f"{key}: {boxes[key]}, in DOT {want_boxes[key]}")
    want = sorted((shown(t), c, d) for _, t, c, d in want_arrows)
    check(name, want == sorted((t, c, d) for _, t, c, d in arrows), "other arrows than in DOT")
    check(name, is_apart(places), "boxes over each other")
    check(name, texts_fit(places), "a text does not fit its box")
    check(name, report("svg", path, *flags) == svg, "not the same twice")


def images(path):
    """PNG, PDF and PostScript; where cairo is missing, one line says so."""
    for kind, start in (("png", b"\x89PNG\r\n\x1a\n"), ("pdf", b"%PDF-1."), ("ps", b"%!PS-Adobe-")):
        args = [SONDE, "pprof", "-" + kind, "-symbolize=none", path]
        done = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True)
        if b"package libcairo2" in done.stderr:
            check(kind, done.returncode == 1 and done.stderr.count(b"\n") == 1, done.stderr)
            continue
        check(kind, done.returncode == 0 and done.stdout.startswith(start), done.stderr)
        again = subprocess.run(args, stdin=subprocess.DEVNULL, capture_output=True)
        check(kind, again.stdout == done.stdout, "not the same twice")
        if kind == "png":
            width, height = struct.unpack(">II", done.stdout[16:24])
            svg = ET.fromstring(report("svg", path))
            check(kind, abs(width - float(svg.get("width")) * 4 / 3) < 2 and
                  abs(height - float(svg.get("height")) * 4 / 3) < 2, f"{width} x {height} pixels")


def main():
    data = os.path.join(ROOT, "tests", "data")
    for folder, _, files in sorted(os.walk(data)):
        if os.path.basename(folder) in ("bad", "odd"):
            continue
        for file in sorted(files):
            path = os.path.join(folder, file)
            if file.endswith((".pb.gz", ".pb", ".cpu", ".heap", ".contention")):
                name = os.path.relpath(path, data)
                compare(name, path)
                compare(name + " -lines", path, "-lines", "-nodecount=30")
                compare(name + " -trim=false", path, "-trim=false", "-addresses")
    images(os.path.join(data, "go", "heap.pb.gz"))
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "x.svg")
        cpu = os.path.join(data, "legacy", "cppbench.cpu")
        subprocess.run([SONDE, "pprof", "-svg", "-output", out, cpu], stdin=subprocess.DEVNULL,
                       capture_output=True)
        check("output", os.path.exists(out) and open(out, "rb").read().endswith(b"</svg>\n"), "no file")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    return failed != 0


raise SystemExit(main())
