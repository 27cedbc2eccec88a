#!/usr/bin/env python3
"""bundle: src/web/dist is what src/web's sources make, type-checked, tested and small.

Needs node and npm, and npm's registry (or its cache); without them this is skipped."""

import gzip
import os
import shutil
import subprocess
import sys
import tempfile

WEB = os.path.join(os.environ["SONDE_SOURCE_ROOT"], "src/web")
MOST_BYTES = {"app": 100_000, "trace": 80_000}  # of a page's script and style, packed
passed = failed = 0


def check(ok, what):
    global passed, failed
    if ok:
        passed += 1
    else:
        failed += 1
        print("FAILED:", what)


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def run(command, folder, seconds=300):
    try:
        return subprocess.run(command, cwd=folder, timeout=seconds, capture_output=True, text=True, check=False)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"not within {seconds} s")


def content(path):
    with open(path, "rb") as f:
        return f.read()


def main():
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        skip("no node and npm to build the page with")
    if int(run([node, "--version"], "/").stdout.lstrip("v").split(".")[0]) < 18:
        skip("node is older than 18")
    with tempfile.TemporaryDirectory() as folder:
        web = os.path.join(folder, "web")
        shutil.copytree(WEB, web, ignore=shutil.ignore_patterns("node_modules", "dist"))
        os.mkdir(os.path.join(web, "dist"))
        got = run([npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"], web)
        if got.returncode:
            skip("npm cannot fetch what the page is built with: " + (got.stderr.strip().splitlines() or ["?"])[-1])
        types = run([npm, "run", "--silent", "check"], web)
        check(types.returncode == 0, "types: " + types.stdout[:2000])
        units = run([node, "test/run.mjs"], web)
        check(units.returncode == 0, "unit tests: " + (units.stdout + units.stderr)[-4000:])
        made = run([node, "build.mjs"], web)
        check(made.returncode == 0, "build: " + made.stderr[:2000])
        names = sorted(os.listdir(os.path.join(web, "dist")))
        check(names == sorted(os.listdir(os.path.join(WEB, "dist"))), f"files of dist: {names}")
        for name in names:
            committed = os.path.join(WEB, "dist", name)
            same = os.path.exists(committed) and content(committed) == content(os.path.join(web, "dist", name))
            check(same, f"dist/{name} is not what the sources make: run node build.mjs in src/web, commit it")
        for page, most in MOST_BYTES.items():
            size = sum(len(gzip.compress(content(os.path.join(WEB, "dist", page + end)), 9)) for end in (".js", ".css"))
            check(size <= most, f"{page}.js and {page}.css take {size} bytes packed, {most} at most")
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(failed > 0)


main()
