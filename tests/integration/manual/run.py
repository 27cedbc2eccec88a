#!/usr/bin/env python3
"""The manual pages: what the programs' helps name is in them, and they format cleanly."""

import os
import re
import shutil
import subprocess
import sys

BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
ROOT = os.path.abspath(os.environ.get("SONDE_SOURCE_ROOT", "."))
SONDE = os.path.abspath(os.environ.get("SONDE", os.path.join(BUILD, "sonde")))
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


def output(*argv):
    return subprocess.run(argv, capture_output=True, text=True, timeout=60)


def entries(page):
    """The flags that have an entry of their own, with what they take."""
    with open(page, encoding="utf-8") as f:
        heads = re.findall(r"^\.TP\n\.BI? (.*)$", f.read(), re.M)
    return [" ".join(h.replace("\\-", "-").replace("= ", "=").replace('"', "").split())
            for h in heads if h.startswith("\\-")]


def test_flags():
    for command in ("record", "pprof"):
        page = os.path.join(BUILD, "docs", f"sonde-{command}.1")
        told = output(SONDE, command, "-help").stdout
        flags = re.findall(r"^  (-\S+(?: [A-Z]+\b)?)", told, re.M)
        check(f"{command} -help", len(flags) > 3, told)
        in_page = entries(page)
        for flag in flags:
            check(f"{command} {flag}", in_page.count(flag) == 1,
                  f"is {in_page.count(flag)} times in {page}")
        check(f"{command}: no other", len(in_page) == len(flags), set(in_page) - set(flags))
        # the rows are what the help is made of
        rows = [line.split("\t") for line in output(SONDE, "registry").stdout.splitlines()]
        of = [r for r in rows if r[0] == "flag" and r[1] == command]
        check(f"{command}: rows", len(of) == len(flags), (len(of), len(flags)))
        check(f"{command}: columns", all(len(r) == 7 for r in of), of)


def test_format():
    pages = [os.path.join(BUILD, "docs", p) for p in ("sonde.1", "sonde-record.1", "sonde-pprof.1", "sonde-trace.1")]
    tools = [("groff", ["groff", "-ww", "-man", "-Tutf8"]),
             ("man", ["man", "--warnings", "-l"]),
             ("mandoc", ["mandoc", "-T", "lint", "-W", "error"])]
    for tool, argv in tools:
        if not shutil.which(tool):
            skip(f"{tool} is not installed")
            continue
        for page in pages:
            run = output(*argv, page)
            # man-db tells on stderr of what groff warns; mandoc on stdout
            said = run.stderr + (run.stdout if tool == "mandoc" else "")
            check(f"{tool} {os.path.basename(page)}", run.returncode == 0 and not said, said[:500])


def test_errors():
    """A template that names what there is not, or a text for no flag, does not pass."""
    gen = os.path.join(ROOT, "tools", "gen-docs")
    rows = os.path.join(BUILD, "docs", "registry.tsv")
    for text, why in [("@flags pprof reports nix\n", "'sonde pprof' has no nix"),
                      ("@flags nix reports\n", "'sonde nix' has no reports"),
                      ("@flags record options\n@more nix\nx\n@end\n", "@more of no flag: nix"),
                      ("@more top\nx\n", "has no @end"),
                      ("@nix\n", "what is '@nix'?")]:
        template = os.path.join(BUILD, "manual-test.in")
        with open(template, "w", encoding="utf-8") as f:
            f.write(text)
        run = output(sys.executable, gen, "man", rows, "1", template)
        os.unlink(template)
        check(f"gen-docs {text!r}", run.returncode == 1 and why in run.stderr, run.stderr)


def main():
    test_flags()
    test_format()
    test_errors()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
