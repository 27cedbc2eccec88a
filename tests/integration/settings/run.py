#!/usr/bin/env python3
"""Saved configurations: `sonde pprof -config`, the shell's commands, bad files, and the same
file in the hands of go tool pprof's web page."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", "."))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
SONDE = os.path.abspath(os.environ.get("SONDE", os.path.join(BUILD, "sonde")))
PROFILE = os.path.join(ROOT, "tests/data/pprof/cpu.pb.gz")
passed = failed = skipped = 0


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"{name}: {what}")


def skip(why):
    global skipped
    skipped += 1
    print("SKIP", why)


class Folder:
    """A configuration folder of its own."""

    def __init__(self, path):
        self.path = path
        self.file = os.path.join(path, "pprof", "settings.json")
        self.env = dict(os.environ, XDG_CONFIG_HOME=path, TERM="dumb")

    def write(self, text):
        os.makedirs(os.path.dirname(self.file), exist_ok=True)
        with open(self.file, "w", encoding="utf-8") as f:
            f.write(text)

    def read(self):
        with open(self.file, encoding="utf-8") as f:
            return f.read()

    def sonde(self, *argv, lines=()):
        return subprocess.run([SONDE, "pprof", *argv, PROFILE], input="".join(l + "\n" for l in lines),
                              capture_output=True, text=True, env=self.env, timeout=60)


def shown(run):
    """The names in the last column of a table."""
    return [l.split()[5] for l in run.stdout.splitlines() if re.match(r" +[\d.]+m?s? +[\d.]+%", l)]


def test_shell(folder):
    plain = folder.sonde("-top", "-cum", "-nodecount=2")
    check("plain", plain.returncode == 0 and len(shown(plain)) == 2, plain)
    run = folder.sonde(lines=["sort=cum", "nodecount=2", "saveconfig two of them", "config Default",
                              "configs", "config two of them", "top", "configs"])
    check("shell: status", run.returncode == 0, run)
    check("shell: saved", f"Saved in {folder.file}" in run.stderr, run.stderr)
    check("shell: default", "* Default\n  two of them: sort=cum nodecount=2\n" in run.stderr,
          run.stderr)
    check("shell: used", "  Default\n* two of them: sort=cum nodecount=2\n" in run.stderr, run.stderr)
    check("shell: report", shown(run) == shown(plain), run.stdout)
    check("shell: help", "saveconfig" in folder.sonde(lines=["help"]).stderr)
    with open(folder.file, encoding="utf-8") as f:
        saved = json.load(f)["configs"]
    check("shell: file", [(c["name"], c["sort"], c["nodecount"]) for c in saved] ==
          [("two of them", "cum", 2)], saved)

    run = folder.sonde("-config=two of them", "-top")
    check("-config", run.stdout == plain.stdout, run.stdout)
    run = folder.sonde("-nodecount=1", "-config", "two of them", "-top")
    check("-config: flags win", shown(run) == shown(plain)[:1], run.stdout)
    run = folder.sonde("-config=Default", "-top")
    check("-config=Default", run.stdout == folder.sonde("-top").stdout, run.stdout)
    run = folder.sonde("-config=nix", "-top")
    check("-config=nix", run.returncode == 2 and run.stdout == "" and run.stderr ==
          f"sonde: there is no configuration 'nix' in {folder.file}; there is: Default, two of them\n",
          run)

    run = folder.sonde(lines=["deleteconfig two of them", "deleteconfig two of them", "configs"])
    check("shell: deleted", "* Default\n" in run.stderr and "two of them:" not in run.stderr and
          f"there is no configuration 'two of them' in {folder.file}\n" in run.stderr, run.stderr)
    check("shell: empty file", folder.read() == '{\n  "configs": []\n}', folder.read())


def test_bad_files(folder):
    """One line that says where; the file is left alone and the session goes on."""
    for text, why in [("", "line 1: it ends too early"),
                      ('{"configs": [\n{"name": "a",\n"nodecount": "x"}]}', "line 3: a number was expected"),
                      ('{"configs": [{"name": "\\u001b]0;x\\u0007", "sort": "x"}]}',
                       'line 1: unknown value of "sort"'),
                      ("[" * 100000, "line 1: an object was expected"),
                      ('{"x":' + "[" * 100000, "line 1: it is nested too deeply")]:
        folder.write(text)
        line = f"cannot read '{folder.file}': {why}\n"
        run = folder.sonde("-config=a", "-top")
        check(f"-config: {why}", (run.returncode, run.stdout, run.stderr) == (2, "", f"sonde: {line}"), run)
        run = folder.sonde(lines=["nodecount=1", "configs", "config a", "saveconfig a", "deleteconfig a",
                                  "top"])
        check(f"shell: {why}", run.returncode == 0 and run.stderr.count(line) == 4 and
              len(shown(run)) == 1, run.stderr)
        check(f"kept: {why}", folder.read() == text)
    folder.write('{"configs": [{"name": "\\u001b]0;x\\u0007", "trim": true}]}')
    run = folder.sonde(lines=["configs"])
    check("control characters", "\x1b" not in run.stderr and "\\x1b]0;x\\x07" in run.stderr, run.stderr)


class WebPage:
    def __init__(self, folder):
        with socket.socket() as s:
            s.bind(("localhost", 0))
            port = s.getsockname()[1]
        self.url = f"http://localhost:{port}"
        self.process = subprocess.Popen(
            [GO_PPROF, f"-http=localhost:{port}", "-no_browser", PROFILE], env=folder.env,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(100):
            try:
                self.get("top")
                return
            except OSError:
                time.sleep(0.1)
        self.close()
        raise TimeoutError("the web page does not come up")

    def get(self, page, **query):
        with urllib.request.urlopen(f"{self.url}/ui/{page}?{urllib.parse.urlencode(query)}",
                                    timeout=30) as answer:
            return answer.read().decode()

    def close(self):
        self.process.kill()
        self.process.wait()


# An option, what is typed in the shell, and its parameter in the web page.
OPTIONS = [("call_tree=true", "calltree=t"), ("unit=ms", "unit=ms"), ("sort=cum", "sort=cum"),
           ("trim=false", "trim=f"), ("nodecount=7", "n=7"), ("nodefraction=0.00000012", "nf=0.00000012"),
           ("edgefraction=0.125", "ef=0.125"), ("focus=a<b>&\"\\\x7f\u2028é", "f=a<b>&\"\\\x7f\u2028é"),
           ("ignore=i", "i=i"), ("prune_from=p", "prunefrom=p"), ("hide=h", "h=h"), ("show=s", "s=s"),
           ("show_from=sf", "sf=sf"), ("tagfocus=1kb:", "tf=1kb:"), ("tagignore=ti", "ti=ti"),
           ("tagshow=ts", "ts=ts"), ("taghide=th", "th=th"), ("noinlines=1", "noinlines=t"),
           ("showcolumns=1", "showcolumns=t"), ("granularity=lines", "g=lines"), ("mean=1", "mean=t"),
           ("drop_negative=1", "dropneg=t"), ("relative_percentages=1", "rel=t"),
           ("intel_syntax=1", "intel=t"), ("nodecount=0", "n=0"), ("edgefraction=1e21", "ef=1e21")]


def test_web_page(theirs, ours):
    page = WebPage(theirs)
    try:
        lines = []
        for i, (typed, parameter) in enumerate(OPTIONS):
            name, value = parameter.split("=", 1)
            page.get("saveconfig", config=f"{i} <{typed}>", **{name: value})
            lines += ["config Default", typed, f"saveconfig {i} <{typed}>"]
        run = ours.sonde(lines=lines)
        check("web page: status", run.returncode == 0, run.stderr)
        got, want = ours.read(), theirs.read()
        check("web page: the same file", got == want, f"{got}\n--- not ---\n{want}")
        page.get("deleteconfig", config=f"0 <{OPTIONS[0][0]}>")
        ours.sonde(lines=[f"deleteconfig 0 <{OPTIONS[0][0]}>"])
        check("web page: deleted", ours.read() == theirs.read(), ours.read())
        # it reads ours
        ours.sonde(lines=["focus=seen", "saveconfig from sonde"])
        shutil.copy(ours.file, theirs.file)
        menu = page.get("top")
        check("web page: menu", "from sonde" in menu and "f=seen" in menu, menu[:2000])
    finally:
        page.close()


def main():
    global GO_PPROF
    with tempfile.TemporaryDirectory() as folder:
        a, b = os.path.join(folder, "a"), os.path.join(folder, "b")
        test_shell(Folder(a))
        test_bad_files(Folder(a))
        GO_PPROF = os.environ.get("SONDE_GO_PPROF")
        if GO_PPROF and os.access(GO_PPROF, os.X_OK):
            shutil.rmtree(a)
            test_web_page(Folder(a), Folder(b))
        else:
            skip("no pprof of Go (SONDE_GO_PPROF) to compare the file with")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
