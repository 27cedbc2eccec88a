#!/usr/bin/env python3
"""The web page in a browser: every view and menu on real profiles, its numbers beside those of
the text reports; empty, tiny and hostile profiles; by keyboard; at three widths, light and dark.

Pictures of what was seen are kept in the build folder (page-pictures)."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse

from webdriver import Browser, Skip

ROOT = os.path.abspath(os.environ["SONDE_SOURCE_ROOT"])
BUILD = os.path.abspath(os.environ["SONDE_BUILD_ROOT"])
SONDE = os.path.abspath(os.environ["SONDE"])
PICTURES = os.path.join(BUILD, "page-pictures")
GO_CPU = os.path.join(ROOT, "tests/data/go/cpu.pb.gz")
GO_HEAP = os.path.join(ROOT, "tests/data/go/heap.pb.gz")
TAGS = os.path.join(ROOT, "tests/data/pprof/heap_tags.pb.gz")
passed = failed = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {what}")


class Server:
    """`sonde pprof -http` on a free port, with settings of its own."""

    def __init__(self, *args):
        self.home = tempfile.mkdtemp()
        env = {**os.environ, "XDG_CONFIG_HOME": self.home, "TZ": "UTC"}
        self.process = subprocess.Popen([SONDE, "pprof", "-http=localhost:0", "-no_browser", *args],
                                        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True, env=env)
        self.url = None
        for line in self.process.stderr:
            if line.startswith("Serving web UI on "):
                self.url = line.split()[-1] + "/ui/"
                break

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        self.process.stderr.close()
        shutil.rmtree(self.home, ignore_errors=True)


def text(*args):
    done = subprocess.run([SONDE, "pprof", *args], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env={**os.environ, "TZ": "UTC"}, check=False)
    return done.stdout


def top_rows(*args):
    """flat, flat%, sum%, cum, cum%, name of each line of the text report."""
    row = re.compile(r"^\s*(\S+)\s+(\S+%)\s+(\S+%)\s+(\S+)\s+(\S+%)\s+(.*?)(?: \((?:partial-)?inline\))?$")
    return [m.groups() for m in map(row.match, text("-top", *args).splitlines()) if m]


def shown(browser, view, refused=False):
    """The page has what the address says, and nothing failed; or the server refused it, as it
    does where there is nothing of the kind, and the page says so."""
    browser.wait("""const main = document.querySelector('main');
        return main && main.getAttribute('aria-busy') === 'false' && !main.querySelector('.loading')""")
    trouble = browser.run("return document.querySelector('.failure, .error')?.textContent")
    said = browser.console()
    if refused:
        said = [m for m in said if "400 (Bad Request)" not in m]
    check(view, refused or not trouble, trouble)
    check(view, not said, said)


def visit(browser, server, view, query="", picture="", refused=False):
    browser.open(server.url + view + ("?" + query if query else ""))
    shown(browser, f"{view}?{query}", refused)
    if picture:
        browser.picture(os.path.join(PICTURES, picture + ".png"))


def click_menu(browser, menu, item):
    """Choose an item of a menu of the header."""
    browser.run("""[...document.querySelectorAll('header button')].find(
        b => (b.getAttribute('aria-label') ?? b.textContent).startsWith(arguments[0])).click()""", menu)
    browser.wait("return document.querySelector('[role=menu]')")
    found = browser.run("""const i = [...document.querySelectorAll('[role=menu] [role^=menuitem]')].find(
        i => i.textContent.includes(arguments[0])); i?.click(); return i != null""", item)
    check(f"menu {menu}", found, f"no item {item}")
    return found


def query_of(browser):
    return urllib.parse.parse_qs(urllib.parse.urlsplit(browser.url).query, keep_blank_values=True)


def top_is_the_text(browser, server):
    visit(browser, server, "top", picture="top")
    cells = browser.run("""return [...document.querySelectorAll('.rows [role=row]')].map(
        r => [...r.querySelectorAll('[role=gridcell]')].map(c => c.textContent.trim()))""")
    rows = top_rows("-nodecount=500", GO_CPU)
    check("top", len(cells) >= min(len(rows), 10), f"{len(cells)} rows, {len(rows)} in the text")

    def same(share):  # as printed, or 2.0% for 2%
        return share.rstrip("%").rstrip("0").rstrip(".")
    for got, want in zip(cells, rows):
        check("top", [got[0], got[3], got[5]] == [want[0], want[3], want[5]], f"{got} is not {want}")
        check("top", [same(got[i]) for i in (1, 2, 4)] == [same(want[i]) for i in (1, 2, 4)], f"{got}: {want}")


def every_view(browser, server):
    views = browser.run("return fetch('./data/profile').then(r => r.json()).then(m => m.views)")
    names = [v["name"] for v in views]
    check("views", names[:3] == ["flamegraph", "graph", "top"] and len(names) == 10, names)
    for view in views:
        if view["missing"]:
            continue
        function = view["name"] in ("peek", "source", "disasm", "sandwich")
        visit(browser, server, view["name"], "p=mallocgc" if function else "", picture=view["name"])
        title = browser.run("return document.title")
        check(view["name"], view["title"] in title, title)
    # By their keys.
    visit(browser, server, "flamegraph")
    for view in views:
        if view["missing"] is None and view["key"]:
            browser.run("document.activeElement.blur()")
            browser.key(view["key"])
            browser.wait("return location.pathname.endsWith('/' + arguments[0])", view["name"], seconds=30)
            shown(browser, view["name"] + " by its key")


def into_picture(browser):
    browser.wait("const e = document.querySelector('main [tabindex=\"0\"]'); e?.focus(); return e", seconds=30)


def flame(browser, server):
    total = re.search(r"Total samples = (\S+)", text("-top", GO_CPU))[1]
    visit(browser, server, "flamegraph")
    browser.wait("return performance.getEntriesByName('painted').length")
    crumbs = browser.find(".flame-crumbs").text
    check("flame", total in crumbs, f"{crumbs}: not {total}")
    # The alternative for those who do not see it has the text report's sums.
    rows = {r[5]: r for r in top_rows("-cum", "-nodecount=0", "-nodefraction=0", "-filefunctions", GO_CPU)}
    name = next(n for n in rows if "mallocgc" in n).split()[0]
    visit(browser, server, "flamegraph", "p=" + urllib.parse.quote(re.escape(name) + "$"))
    share = next(r[4] for n, r in rows.items() if n.split()[0] == name)
    check("flame pivot", share in browser.find(".flame-crumbs").text, f"{share} is not told")
    browser.find("main canvas")
    # A click pivots, and back is back.
    visit(browser, server, "flamegraph")
    box = browser.find("main canvas").box
    browser.mouse(box["x"] + box["width"] / 3, box["y"] + 36 + 9)
    browser.mouse(box["x"] + box["width"] / 3, box["y"] + 36 + 9, click=True)
    browser.wait("return new URL(location).searchParams.get('p')", seconds=30)
    shown(browser, "flame after a click")
    browser.back()
    browser.wait("return !new URL(location).searchParams.get('p')", seconds=30)
    shown(browser, "flame, back")
    browser.forward()
    browser.wait("return new URL(location).searchParams.get('p')", seconds=30)
    # By keyboard: into the picture, down, pivot, out again.
    visit(browser, server, "flamegraph")
    into_picture(browser)
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        browser.key(key)
    browser.wait("return new URL(location).searchParams.get('p')", seconds=30)
    shown(browser, "flame by keyboard")
    into_picture(browser)
    browser.key("Escape")
    browser.wait("return !new URL(location).searchParams.get('p')", seconds=30)


def search(browser, server):
    visit(browser, server, "flamegraph")
    browser.key("/")
    browser.wait("return document.activeElement.id === 'search'", seconds=30)
    browser.find("#search").type("^runtime\\.")
    browser.wait("return /%/.test(document.querySelector('.told')?.textContent)", seconds=30)
    browser.wait("return new URL(location).searchParams.get('q')", seconds=30)
    shown(browser, "search")
    told = browser.wait("const t = document.querySelector('.told').textContent; return !/least/.test(t) && t")
    focused = re.search(r"Showing nodes accounting for \S+, (\S+%)", text(
        "-top", "-nodecount=0", "-nodefraction=0", "-focus=^runtime\\.", GO_CPU))
    check("search", focused and focused[1].rstrip("%").rstrip("0") in told, f"{told}: {focused and focused[1]}")
    browser.find("#search").clear()
    browser.find("#search").type("(")
    browser.wait("return document.querySelector('#search').getAttribute('aria-invalid') === 'true'", seconds=30)
    shown(browser, "a regexp that is none")


def menus(browser, server):
    visit(browser, server, "top")
    browser.key("/")
    browser.find("#search").type("mallocgc")
    browser.wait("return new URL(location).searchParams.get('q')", seconds=30)
    for item, param in (("Focus", "f"), ("Ignore", "i"), ("Hide", "h"), ("Show from", "sf")):
        visit(browser, server, "top", "q=mallocgc")
        if click_menu(browser, "Refine", item):
            browser.wait("return new URL(location).searchParams.get(arguments[0])", param, seconds=30)
            shown(browser, "Refine " + item)
            check("Refine " + item, browser.run("return document.querySelectorAll('.chip').length") >= 1, "no chip")
    browser.find(".chip-remove").click()
    browser.wait("return !new URL(location).searchParams.get('sf')", seconds=30)
    # A configuration: saved, chosen, forgotten.
    visit(browser, server, "top", "f=runtime")
    if click_menu(browser, "Config", "Save as"):
        browser.find("dialog input, [role=dialog] input").type("mine")
        browser.key("Enter")
        browser.wait("return !document.querySelector('dialog[open], [role=dialog]')", seconds=30)
        configs = browser.run("return fetch('./data/profile').then(r => r.json()).then(m => m.configs)")
        check("configs", "mine" in [c["name"] for c in configs], configs)
        visit(browser, server, "top")
        click_menu(browser, "Config", "mine")
        browser.wait("return new URL(location).searchParams.get('f') === 'runtime'", seconds=30)
    click_menu(browser, "View", "Graph")
    browser.wait("return location.pathname.endsWith('/graph')", seconds=30)
    shown(browser, "View Graph")
    check("menus keep", "runtime" in query_of(browser).get("f", []), browser.url)
    # Help, details and options open and close by keyboard.
    for key, name in (("?", "help"), (".", "details"), (",", "options")):
        browser.run("document.activeElement.blur()")
        browser.key(key)
        browser.wait("return document.querySelector('dialog[open], [role=dialog]')", seconds=30)
        browser.picture(os.path.join(PICTURES, name + ".png"))
        browser.key("Escape")
        browser.wait("return !document.querySelector('dialog[open], [role=dialog]')", seconds=30)
        check(name, True)


def samples(browser):
    with Server(GO_HEAP) as server:
        visit(browser, server, "flamegraph", picture="heap")
        if click_menu(browser, "Sample", "alloc_space"):
            browser.wait("return new URL(location).searchParams.get('si') === 'alloc_space'", seconds=30)
            shown(browser, "alloc_space")
            total = re.search(r"of (\S+) total", text("-top", "-sample_index=alloc_space", GO_HEAP))[1]
            title = browser.find(".context").text
            check("alloc_space", total in title, f"{title}: not {total}")
    with Server(TAGS) as server:
        visit(browser, server, "tags", picture="tags")
        shown_tags = browser.find("main").text
        for value in re.findall(r"^\s+\S+ \(.*?\): (\S+)", text("-tags", TAGS), re.M):
            check("tags", value in shown_tags, value)
        browser.find(".tag-bar").click()
        browser.wait("return new URL(location).searchParams.get('tf')", seconds=30)
        shown(browser, "a tag in focus")
    with Server("-diff_base", TAGS, TAGS) as server:
        visit(browser, server, "diff", picture="diff")
    with Server(GO_CPU, os.path.join(ROOT, "tests/data/go/cpu.pb.gz")) as server:
        visit(browser, server, "timeline", picture="timeline")


def odd_profiles(browser, folder):
    def packed(name, *lines):
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        return path
    hostile = "<script>document.title='taken'</script>"
    attribute = "\"><img src=x onerror=\"document.title='taken'\">"
    profiles = {
        "one": packed("one.folded", "main;f 1"),
        "hostile": packed("hostile.folded", f"main;{hostile};{attribute} 7", f"main;{hostile} 2", "main;javascript:alert(1) 3"),
        "long": packed("long.folded", "main;" + ";".join("N" * 3000 + str(i) for i in range(40)) + " 5"),
    }
    for name, path in profiles.items():
        with Server("-symbolize=none", path) as server:
            for view in ("flamegraph", "top", "graph", "peek", "sandwich", "source", "disasm"):
                visit(browser, server, view, "p=main" if view in ("peek", "sandwich") else "",
                      refused=view == "disasm")  # there is no binary
                check(f"{name} {view}", "taken" not in browser.run("return document.title.replace(/<.*>/s, '')"), "a name ran")
                check(f"{name} {view}", not browser.run("return document.querySelectorAll('main script, main img').length"),
                      "a name became an element")
            visit(browser, server, "top", picture=name)
            if name == "hostile":
                check("hostile", hostile in browser.run("return document.querySelector('main').textContent"), "the name is not shown as it is")
    empty = os.path.join(folder, "empty.pb.gz")
    text("-proto", "-output", empty, "-focus=nothing_of_this_name", GO_CPU)
    with Server(empty) as server:
        for view in ("flamegraph", "top", "graph", "tags"):
            visit(browser, server, view, picture="empty-" + view)


def sizes(browser, server):
    for width in (360, 1024, 1600):
        browser.size(width, 740)
        for dark in (False, True):
            browser.dark(dark)
            for view in ("flamegraph", "top", "graph"):
                visit(browser, server, view, picture=f"{view}-{width}-{'dark' if dark else 'light'}")
                wide = browser.run("return document.documentElement.scrollWidth - innerWidth")
                check(f"{view} at {width}", wide <= 0, f"{wide} dots wider than the window")
    browser.dark(False)
    browser.size(1280, 800)


def alone(browser, folder):
    path = os.path.join(folder, "report.html")
    text("-html", "-output", path, GO_CPU)
    check("-html", os.path.exists(path), "was not written")
    browser.open("file://" + path)
    browser.find("canvas")
    time.sleep(0.5)
    check("-html", not browser.console(), "the page complains")
    browser.picture(os.path.join(PICTURES, "alone.png"))
    with open(path, encoding="utf-8") as f:
        page = f.read()
    loads = re.findall(r"(?:src|href)=[\"']?(https?:|//)", page)
    check("-html", not loads, "it loads from elsewhere")


def main():
    try:
        browser = Browser(1280, 800)
    except Skip as e:
        print(f"SKIP: {e}")
        sys.exit(77)
    with browser, tempfile.TemporaryDirectory() as folder:
        browser.dark(False)
        with Server(GO_CPU) as server:
            visit(browser, server, "flamegraph")
            for part in (every_view, top_is_the_text, flame, search, menus, sizes):
                try:
                    part(browser, server)
                except (TimeoutError, RuntimeError) as e:
                    check(part.__name__, False, f"{e} at {browser.url}")
        for part in ((samples, browser), (odd_profiles, browser, folder), (alone, browser, folder)):
            try:
                part[0](*part[1:])
            except (TimeoutError, RuntimeError) as e:
                check(part[0].__name__, False, f"{e} at {browser.url}")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
