#!/usr/bin/env python3
"""The page of an execution trace in a browser: every page and what they lead to, the timeline by
mouse and keyboard, what the README asks of a trace, addresses that show the same again, at three widths, light and dark.  What the
page tells is compared with the text summaries.

Pictures of what was seen are kept in the build folder (trace-pictures)."""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

ROOT = os.path.abspath(os.environ["SONDE_SOURCE_ROOT"])
BUILD = os.path.abspath(os.environ["SONDE_BUILD_ROOT"])
SONDE = os.path.abspath(os.environ["SONDE"])
sys.path.insert(0, os.path.join(ROOT, "tests/integration/page"))
from webdriver import Browser, Skip  # noqa: E402

TRACES = os.path.abspath(os.path.join(ROOT, "../shared/testdata/trace"))
PICTURES = os.path.join(BUILD, "trace-pictures")
LINKS_MOST = 45
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {what}")


class Server:
    def __init__(self, trace):
        self.process = subprocess.Popen([SONDE, "trace", "-http=localhost:0", "-no_browser", trace], text=True,
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, env={**os.environ, "TZ": "UTC"})
        self.url = None
        for line in self.process.stderr:
            found = re.search(r"http://\S+", line)
            if found:
                self.url = found[0].rstrip("/") + "/"
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()


def summary(trace):
    done = subprocess.run([SONDE, "trace", "-summary", "-json", "-top=0", trace], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def settled(b, name):
    """The page has what it asked for, and says nothing odd."""
    script = """return document.querySelector('main > *') && !document.querySelector('.loading, .reading, .stale, .tl-busy')
        && (!location.pathname.endsWith('/trace') || window.timeline?.painter.main)"""
    waits(b, name + ": answers come", script)
    text = b.run("return document.querySelector('main').textContent")
    odd = re.search(r".{0,60}(NaN|undefined|Infinity|That did not work|\[object).{0,90}", text, re.S)
    check(name, not odd, odd and odd[0])
    trouble = b.run("return document.querySelector('.failure')?.textContent")
    check(name + ": failure", not trouble, trouble)
    said = b.console()
    check(name + ": console", not said, said[:2])
    return text


def engine(b, expression):
    return b.run("const t = window.timeline, p = t.painter; return " + expression)


def param(b, name):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(b.url).query).get(name, [None])[0]


def waits(b, name, script, *args):
    try:
        b.wait(script, *args, seconds=60)
        check(name, True)
    except TimeoutError:
        check(name, False, b.url)


def has(b, name, param_name, there=True):
    waits(b, name, "return new URLSearchParams(location.search).has(arguments[0]) === arguments[1]", param_name, there)


def pages(b, server):
    """Every page, and whatever links lead to, one of each kind."""
    todo, seen = [""], set()
    while todo and len(seen) < LINKS_MOST:
        path = todo.pop(0).removeprefix("./")
        query = urllib.parse.parse_qs(urllib.parse.urlsplit("/" + path).query)
        kind = path.split("?")[0] + "?" + "&".join(sorted(query)) + query.get("profile", [""])[0]
        if kind in seen:
            continue
        seen.add(kind)
        b.open(server.url + path)
        settled(b, "page " + (path or "/"))
        if path.startswith("trace"):
            waits(b, f"tracks of {path}", "return window.timeline?.painter.main?.n > 0")
            if "box" in query:
                waits(b, f"selected by {path}", "return window.timeline.selected !== null")
        for link in b.run("return [...document.querySelectorAll('a[href]')].map(a => a.getAttribute('href'))"):
            if link.startswith("./") and not link.startswith("./raw/"):
                todo.append(link)
    check("pages that were seen", len(seen) > 20, sorted(seen))


def numbers(b, server, trace):
    """What pages tell is what the text tells."""
    groups = {g["name"]: g for g in b.run(
        "return fetch('./data/goroutines').then(r => r.json())")["groups"]} if b.url.startswith(server.url) else {}
    told = summary(trace)
    rows = told.get("goroutines", {})
    rows = rows.get("groups", rows) if isinstance(rows, dict) else rows
    check("groups of goroutines", len(groups) == len(rows), f"{len(groups)} of {len(rows)}")
    b.open(server.url + "goroutines")
    settled(b, "goroutines")
    shown = {r[0]: r[1] for r in b.run(
        "return [...document.querySelectorAll('tbody tr')].map(r => [r.querySelector('a').textContent, r.cells[1].textContent])")}
    check("counts of goroutines", shown == {n or "(not known)": f"{g['count']:,}" for n, g in groups.items()}, shown)


def timeline(b, server):
    b.open(server.url + "trace")
    settled(b, "timeline")
    check("processors", engine(b, "[p.main.n, p.main.names[0]]") == [2, "Proc 0"])
    duration = engine(b, "t.duration")
    check("all of it is in view", engine(b, "p.t0 <= 0 && p.t0 + p.span >= t.duration"))
    b.run("document.querySelector('.tl-view').focus()")
    b.key("w")
    has(b, "w zooms in", "start")
    waits(b, "... by two", f"const s = timeline.painter.span; return s < {duration} * 0.55 && s > {duration} * 0.45")
    before = engine(b, "p.t0")
    b.key("a")
    waits(b, "a goes back", f"return timeline.painter.t0 < {before}")
    b.key("0")
    has(b, "0 shows all", "start", False)

    # The longest box of what runs: in the middle of it something can be selected.
    box = b.run("""const t = window.timeline, p = t.painter;
        let best = null;
        for (let track = 0; track < p.main.n; track++)
          for (const piece of p.main.tiles.pieces(p.level, 0, t.duration, 0)) {
            const boxes = piece.value[track]?.[0];
            for (let i = 0; boxes && i < boxes.n; i++)
              if (boxes.kind[i] === 0 && !(boxes.count && boxes.count[i] > 1) && (!best || boxes.end[i] - boxes.start[i] > best[2] - best[1]))
                best = [track, boxes.start[i], boxes.end[i], boxes.g[i], t.names.list[boxes.name[i]]];
          }
        return best""")
    track, start, end, g, name = box
    b.open(f"{server.url}trace?start={start - (end - start)}&end={end + (end - start)}")
    settled(b, "timeline, closer")
    x, y = b.run("""const p = timeline.painter, r = timeline.view.getBoundingClientRect();
        return [r.left + p.x(arguments[0]), r.top + p.yOf(p.main, arguments[1]) + 12]""", (start + end) / 2, track)
    b.mouse(x, y)
    waits(b, "what is pointed at is told", "return !document.querySelector('.tl-tip').hidden && document.querySelector('.tl-tip').textContent.includes(arguments[0])", name)
    b.mouse(x, y, click=True)
    has(b, "a click selects", "box")
    waits(b, "its details", "return document.querySelector('.details-of h2')?.textContent === arguments[0]", name)
    text = settled(b, "details")
    check("whose it is", f"G{g}" in text, text[:300])
    link = b.url
    b.picture(os.path.join(PICTURES, "details.png"))
    b.key("F")
    waits(b, "F follows", "return timeline.painter.follow === arguments[0] && timeline.painter.dock?.n === 1", g)
    b.back()
    waits(b, "back: nobody is followed", "return timeline.painter.follow === -1 && !timeline.painter.dock")
    b.key("]")
    waits(b, "]: what it did next", "return new URLSearchParams(location.search).get('at') > arguments[0]", start)
    b.open("about:blank")
    b.open(link)
    settled(b, "a link")
    waits(b, "the link shows the same", "return document.querySelector('.details-of h2')?.textContent === arguments[0] && Math.round(timeline.selected.box.start) === arguments[1]", name, start)
    b.run("document.querySelector('.tl-view').focus()")
    b.key("m")
    has(b, "m marks its time", "range")
    waits(b, "a summary of it", "return /marked/.test(document.querySelector('.details-of h2').textContent) && document.querySelector('.details-of .facts')")
    settled(b, "range")
    check("what is marked", param(b, "range") == f"{start}-{end}", param(b, "range"))
    b.picture(os.path.join(PICTURES, "range.png"))
    b.run("[...document.querySelectorAll('.details-of a')].find(a => a.textContent === 'sched').click()")
    waits(b, "flame graph of the range", "return location.pathname.endsWith('/flame') && document.querySelector('.flame-view')")
    settled(b, "flame graph of the range")
    b.back()
    waits(b, "back: what was marked", "return document.querySelector('.details-of h2')?.textContent.includes('marked')")
    b.key("Escape")
    has(b, "Escape: nothing is marked", "range", False)


def keys(b, server):
    """Everything by keyboard: from seconds to nanoseconds, from box to box, what is said of it."""
    b.open(server.url + "trace?view=goroutine")
    settled(b, "keys")
    view = "document.querySelector('.tl-view')"
    check("it tells what it is", b.run(f"return [{view}.getAttribute('role'), !!{view}.getAttribute('aria-label'), {view}.tabIndex]") ==
          ["application", True, 0])
    b.run(view + ".focus()")
    b.key("ArrowDown")
    has(b, "an arrow key selects", "box")
    said = "return document.querySelector('.tl [aria-live]').textContent"
    check("it is said", re.match(r"G\d+ .*, .* at \d", b.run(said)), b.run(said))
    first = param(b, "box")
    b.key("ArrowDown")
    waits(b, "the next track", "return new URLSearchParams(location.search).get('box') !== arguments[0]", first)
    b.key("ArrowUp")
    waits(b, "and back", "return new URLSearchParams(location.search).get('box') === arguments[0]", first)
    b.key("z")
    waits(b, "z zooms in on it", "const t = timeline; return Math.abs(t.painter.span / (t.selected.box.end - t.selected.box.start) - 1.4) < 0.1")
    settled(b, "z")
    at = param(b, "at")
    for key in ("ArrowRight", "ArrowRight", "ArrowRight"):
        b.key(key)
        settled(b, "walking on")
    waits(b, "to later boxes", "return Number(new URLSearchParams(location.search).get('at')) > arguments[0]", int(at))
    b.key("Escape")
    has(b, "Escape unselects", "box", False)
    b.key("0")
    has(b, "all of it", "start", False)
    for _ in range(40):
        if engine(b, "p.span") <= 20:
            break
        b.key("W")
        time.sleep(0.2)
    check("down to nanoseconds", engine(b, "p.span") == 20, engine(b, "p.span"))
    settled(b, "20 ns")
    b.picture(os.path.join(PICTURES, "nanoseconds.png"))
    at = engine(b, "p.t0")
    b.key("d")
    waits(b, "d goes on", "return timeline.painter.t0 > arguments[0]", at)
    b.key("S")
    waits(b, "S goes far back", "return timeline.painter.span > 100")
    b.key("0")
    has(b, "0 shows all again", "start", False)
    for key, page in (("1", ""), ("3", "goroutines"), ("4", "usertasks"), ("2", "trace")):
        b.key(key)
        waits(b, f"key {key}", "return location.pathname.endsWith('/' + arguments[0])", page)
        settled(b, f"key {key}")
    b.key("?")
    waits(b, "? helps", "return document.querySelector('dialog[open], [role=dialog]')?.textContent.includes('Follow')"
          " || document.querySelector('dialog[open], [role=dialog]')?.textContent.includes('follow')")
    b.key("Escape")
    waits(b, "Escape closes it", "return !document.querySelector('dialog[open], [role=dialog]')")
    b.run("document.querySelector('.seen').open = true")
    waits(b, "what is in sight, as a list", "return document.querySelectorAll('.seen li').length > 1")


def arrows(b, server):
    """Who woke whom, from the picture to the other end of the arrow and back."""
    b.open(server.url + "trace?view=goroutine")
    settled(b, "arrows")
    woken = b.run("""return fetch('./data/arrows?view=goroutine&start=0&end=100000000000&max=10000').then(r => r.json()).then(a => {
        const i = a.from_g.findIndex((g, i) => a.kind[i] === 0 && g >= 0 && a.to_g[i] >= 0 && g !== a.to_g[i] && a.to[i] >= 0 && a.from[i] >= 0);
        return [a.from_g[i], a.to_g[i], a.from_time[i], a.to_time[i]]; })""")
    by, g, begin, end = woken
    room = max(2000, 3 * (end - begin))
    b.open(f"{server.url}trace?view=goroutine&start={begin - room}&end={end + room}&box=goroutine.{g}.0&at={end}")
    settled(b, "who was woken")
    waits(b, "arrows are drawn", "return timeline.over.shown > 0")
    waits(b, "who woke it", "return document.querySelector('.details-of .wake button')?.textContent.includes(arguments[0])", f"G{by} ")
    b.run("document.querySelector('.details-of .wake button').click()")
    waits(b, "a click goes there", "return new URLSearchParams(location.search).get('box') === arguments[0]", f"goroutine.{by}.0")
    waits(b, "it tells whom it woke", "return [...document.querySelectorAll('.woke button')].some(e => e.textContent.includes(arguments[0]))", f"G{g} ")


def questions(b, server):
    """What the README asks, by clicks only."""
    b.open(server.url)
    settled(b, "overview")
    card = "[...document.querySelectorAll('.card')].find(c => c.querySelector('h2').textContent.startsWith(arguments[0]))"
    slow = b.run(f"return {card}.querySelector('.answer').textContent", "What was slow")
    check("why was it slow", "for a lock in Catalogue::price, held by T" in slow and "Catalogue::save" in slow, slow)
    b.run(f"{card}.querySelector('.places a').click()", "What was slow")
    held = "return document.querySelector('.details-of')?.textContent.match(/Held by (T\\d+).*in Catalogue::save/)?.[1]"
    waits(b, "one click: the wait, and who held the lock", held)
    settled(b, "a slow request")
    holder = b.run(held)
    b.picture(os.path.join(PICTURES, "slow-request.png"))
    b.open(server.url)
    settled(b, "overview again")
    held_by = b.run("return document.querySelector('.waits tbody tr').textContent")
    check("who holds the lock", "Catalogue::price" in held_by and "held by Catalogue::save" in held_by, held_by)
    b.run("document.querySelector('.waits tbody a').click()")
    waits(b, "one click: the longest wait for it", held)
    b.run("document.querySelector('.details-of .wake button').click()")
    waits(b, "another: what the holder did", "return new URLSearchParams(location.search).get('box') === `goroutine.${arguments[0].slice(1)}.0`"
          " && /Catalogue::save/.test(document.querySelector('.details-of')?.textContent)", holder)
    settled(b, "what the holder did")


def collector(b, server):
    b.open(server.url)
    settled(b, "overview of Go's")
    card = "[...document.querySelectorAll('.card')].find(c => c.querySelector('h2').textContent.startsWith('Is the garbage'))"
    answer = b.run(f"return {card}.querySelector('.answer').textContent")
    check("is the collector to blame", re.match(r"(Yes|In part|A little|Hardly): it used [\d.]+% of the processors", answer), answer)
    length = b.run(f"return {card}.querySelector('.places-length').textContent")
    b.run(f"{card}.querySelector('.places a').click()")
    waits(b, "one click: the longest stop", "return window.timeline?.painter.main && new URLSearchParams(location.search).has('start')")
    settled(b, "a stop of the world")
    span = engine(b, "p.span")
    b.open(server.url + "gc")
    settled(b, "the collector")
    check("the page of the collector has it", length in b.run("return document.querySelector('main').textContent"), length)
    check("it fills a part of the picture", 0 < span < 1e9, span)


def recorded(folder):
    """The trace of the example of the README; none where it cannot be made."""
    program, trace = os.path.join(folder, "requests"), os.path.join(folder, "requests.trace")
    done = subprocess.run(["c++", "-O2", "-g", "-pthread", os.path.join(ROOT, "examples/requests.cc"), "-o", program,
                           "-I" + os.path.join(ROOT, "include"), "-L" + BUILD, "-lsonde", "-Wl,-rpath," + BUILD],
                          capture_output=True, text=True, check=False)
    check("the example is built", done.returncode == 0, done.stderr)
    done = subprocess.run([SONDE, "record", "-e", "trace", "-o", trace, "--", program], capture_output=True, text=True, check=False)
    check("the example is recorded", done.returncode == 0, done.stderr)
    return trace


def search(b, server):
    b.open(server.url + "trace")
    settled(b, "search")
    b.key("/")
    box = b.find("#search")
    box.type("main\\.pipe")
    waits(b, "what matches", "return document.querySelectorAll('.search-found li').length > 0")
    has(b, "it is in the address", "q")
    found = b.run("return [...document.querySelectorAll('.found-text')].map(e => e.textContent)")
    check("only what matches", found and all("main.pipe" in f for f in found), found)
    check("others are pale", engine(b, "p.matched('main.pipeline.func1') && !p.matched('main.main')"))
    b.key("Enter")
    waits(b, "Enter goes there", "return document.querySelector('.details-of, .page h1:not(.unseen)')")
    settled(b, "what was found")
    b.open(server.url + "trace")
    settled(b, "search again")
    b.key("/")
    b.find("#search").type("main\\.")
    waits(b, "more matches", "return document.querySelectorAll('.search-found li').length > 1")
    b.key("Enter")
    waits(b, "the first of them", "return !document.querySelector('.loading, .reading')")
    one = b.url
    b.key("Escape")
    b.key("n")
    waits(b, "n: the next match", "return location.href !== arguments[0]", one)
    b.open(server.url + "trace?q=(")
    settled(b, "no regexp")


def sizes(b, server):
    for width, height in ((360, 740), (1024, 768), (1600, 900)):
        b.size(width, height)
        for dark in (False, True):
            b.dark(dark)
            for path in ("", "trace", "trace?view=goroutine", "goroutines", "usertask?id=1", "gc"):
                b.open(server.url + path)
                settled(b, f"{path or '/'} at {width}")
                wide = b.run("return document.documentElement.scrollWidth")
                check(f"{path or '/'} fits into {width}", wide <= width, wide)
                time.sleep(0.2)
                name = re.sub(r"\W+", "-", path) or "overview"
                b.picture(os.path.join(PICTURES, f"{name}-{width}-{'dark' if dark else 'light'}.png"))
    b.dark(False)
    b.size(1280, 800)


def main():
    if not os.path.isdir(TRACES):
        print(f"skipped: no sample traces in {TRACES}")
        sys.exit(77)
    trace = os.path.join(TRACES, "mixed_1_27.trace")
    try:
        with Browser(1280, 800) as b, Server(trace) as server:
            pages(b, server)
            numbers(b, server, trace)
            timeline(b, server)
            keys(b, server)
            arrows(b, server)
            collector(b, server)
            search(b, server)
            sizes(b, server)
        with tempfile.TemporaryDirectory() as folder, Browser(1280, 800) as b, Server(recorded(folder)) as server:
            questions(b, server)
        with Browser(1280, 800) as b:
            for name in ("stress_1_11_good", "http_1_21_good", "mixed_1_22.trace"):
                with Server(os.path.join(TRACES, name)) as server:
                    for path in ("", "trace", "trace?view=goroutine", "goroutines", "latency", "gc", "mmu", "sched"):
                        b.open(server.url + path)
                        settled(b, f"{name}: {path or '/'}")
    except Skip as e:
        print(f"skipped: {e}")
        sys.exit(77)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
