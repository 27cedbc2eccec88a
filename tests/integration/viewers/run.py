#!/usr/bin/env python3
"""Reports that another program shows, and pictures that other programs draw: what the
viewers and dot are given, what is told when they are missing."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import xml.dom.minidom

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
ROOT = os.environ.get("SONDE_SOURCE_ROOT", ".")
PROFILE = os.path.abspath(os.path.join(ROOT, "tests/data/go/heap.pb.gz"))
passed = failed = skipped = 0

# Notes its name and arguments, copies the last one, then what $DO says.
VIEWER = """#!/bin/sh
echo "${0##*/} $*" >> "$WORK/calls"
for last; do :; done
/bin/cp "$last" "$WORK/shown"
/usr/bin/stat -c %a "$last" > "$WORK/mode"
eval "$DO"
"""

# Notes its arguments, copies its stdin.
DOT = """#!/bin/sh
echo "$0 $*" >> "$WORK/calls"
/bin/cat > "$WORK/dot"
echo "drawn $1"
eval "$DO"
"""


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {what}")


def skip(name, why):
    global skipped
    skipped += 1
    print(f"SKIPPED {name}: {why}")


def write(path, text, mode=0o755):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as f:
        f.write(text)
    os.chmod(path, mode)


def read(name):
    try:
        with open(os.path.join(WORK, name), "rb") as f:
            return f.read()
    except OSError:
        return b""


def pprof(*args, stdin="", viewers=(), **env):
    """Only `viewers` are in PATH.  (status, stdout, stderr) and what was noted."""
    for name in ("calls", "shown", "mode", "dot"):
        if os.path.exists(os.path.join(WORK, name)):
            os.unlink(os.path.join(WORK, name))
    path = os.path.join(WORK, "path")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    for name in viewers:
        write(os.path.join(path, name), DOT if name == "dot" else VIEWER)
    keep = ("ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS")
    done = subprocess.run([SONDE, "pprof", *args, PROFILE], input=stdin.encode(), capture_output=True,
                          timeout=60, cwd=os.path.join(WORK, "cwd"),
                          env={**{k: os.environ[k] for k in keep if k in os.environ}, "PATH": path,
                               "HOME": WORK, "WORK": WORK, "TMPDIR": os.path.join(WORK, "tmp"), **env})
    return done.returncode, done.stdout, done.stderr.decode()


def calls():
    """[(program, arguments without the file, the file's name)]"""
    found = []
    for line in read("calls").decode().splitlines():
        name, *args = line.split()
        found.append((name, args[:-1], args[-1] if args else ""))
    return found


def left():
    return sorted(os.listdir(os.path.join(WORK, "tmp")))


def empty():
    for name in left():
        os.unlink(os.path.join(WORK, "tmp", name))


def is_one_line(err):
    """But for the program that -weblist would disassemble."""
    err = err.replace("sonde: cannot open '/tmp/burn/burn': No such file or directory\n", "")
    return err.count("\n") == 1 and err.startswith("sonde: ")


def of_format(kind, data):
    starts = {"svg": b"<?xml", "pdf": b"%PDF-1", "ps": b"%!PS-Adobe", "grind": b"positions: instr line\n",
              "html": b"<!DOCTYPE html>"}
    return data.startswith(starts[kind])


def each_viewer():
    has_cairo = pprof("-png")[0] == 0
    for report, program, args, kind in (("kcachegrind", "kcachegrind", [], "grind"), ("eog", "eog", [], "svg"),
                                        ("evince", "evince", [], "pdf"), ("gv", "gv", ["--noantialias"], "ps"),
                                        ("web", "firefox", [], "svg"), ("weblist", "firefox", [], "html")):
        flag = [f"-{report}=main"] if report == "weblist" else [f"-{report}"]
        if kind in ("pdf", "ps") and not has_cairo:
            skip(report, "no libcairo.so.2")
            continue
        status, out, err = pprof(*flag, viewers=[program])
        got = calls()
        check(report, status == 0 and not out, err)
        check(report, len(got) == 1 and got[0][:2] == (program, args), got)
        check(report, got and re.fullmatch(rf"{WORK}/tmp/pprof\d\d\d\.{kind}", got[0][2]), got)
        check(report, of_format(kind, read("shown")), read("shown")[:80])
        check(report + " is private", read("mode") == b"600\n", read("mode"))
        # It ended at once: it may have handed the file over to a program that runs.
        check(report, len(left()) == 1 and is_one_line(err) and left()[0] in err, (left(), err))
        empty()
        # Not there: one line, exit status 1, no file.
        status, out, err = pprof(*flag)
        check(report + " is missing", status == 1 and is_one_line(err) and "-output" in err and not left(), err)
        check(report + " is missing", ("browser" if program == "firefox" else program) in err, err)
        # To a file: no viewer.
        path = os.path.join(WORK, "out." + kind)
        status, out, err = pprof(*flag, f"-output={path}", viewers=[program])
        check(report + " -output", status == 0 and not calls() and of_format(kind, read("out." + kind)), err)
        check(report + " -output", not left() and not out, left())
    status, out, err = pprof("-eog", viewers=["eog"], DO="exit 3")
    check("a viewer that fails", status == 1 and "eog ended with status 3" in err and left()[0] in err, err)
    empty()
    status, out, err = pprof("-eog", viewers=["eog"], DO="kill -9 $$")
    check("a viewer that is killed", status == 1 and "eog was ended by signal 9" in err, err)
    empty()
    status, out, err = pprof("-eog", viewers=["eog"], DO="/bin/sleep 3.5")
    check("a viewer that stays", status == 0 and not err and not left(), (left(), err))
    status, out, err = pprof("-eog", viewers=["eog"], TMPDIR=os.path.join(WORK, "none"))
    check("no folder for the file", status == 1 and is_one_line(err) and "No such file" in err and not calls(), err)


def browsers():
    order = ["chrome", "google-chrome", "chromium", "firefox", "sensible-browser"]
    for i, name in enumerate(order):
        pprof("-web", viewers=order[i:])
        check(f"{name} is tried before {order[i + 1:]}", [c[0] for c in calls()] == [name], calls())
    pprof("-web", viewers=order + ["mine"], BROWSER="mine")
    check("BROWSER comes first", [c[0] for c in calls()] == ["mine"], calls())
    pprof("-web", viewers=["mine"], BROWSER="mine --new-window")
    check("arguments in BROWSER", calls() and calls()[0][:2] == ("mine", ["--new-window"]), calls())
    pprof("-web", viewers=["chromium"], BROWSER="none")
    check("BROWSER is not there", [c[0] for c in calls()] == ["chromium"], calls())
    pprof("-web", viewers=["xdg-open"], DISPLAY=":9")
    check("xdg-open with a display", [c[0] for c in calls()] == ["xdg-open"], calls())
    pprof("-web", viewers=["xdg-open"], WAYLAND_DISPLAY="w")
    check("xdg-open with Wayland", [c[0] for c in calls()] == ["xdg-open"], calls())
    pprof("-web", viewers=["xdg-open", "sensible-browser"], DISPLAY=":9")
    check("xdg-open is the last", [c[0] for c in calls()] == ["sensible-browser"], calls())
    status, out, err = pprof("-web", viewers=["xdg-open"])
    check("xdg-open needs a display", status == 1 and is_one_line(err) and not calls(), err)
    empty()


def shell():
    """Viewers run beside the shell, and after it."""
    commands = f"kcachegrind\ntop > {WORK}/top.txt\nquit\n"
    waits = f'while ! [ -e {WORK}/go ]; do /bin/sleep 0.05; done; echo > {WORK}/gone'
    status, out, err = pprof(stdin=commands, viewers=["kcachegrind"], DO=f"exec >/dev/null 2>&1; {waits}")
    check("beside the shell", status == 0 and b"flat%" in read("top.txt") and not read("gone"), err)
    check("beside the shell", [c[0] for c in calls()] == ["kcachegrind"] and len(left()) == 1, (calls(), left()))
    write(os.path.join(WORK, "go"), "")
    end = time.time() + 20
    while not read("gone") and time.time() < end:
        time.sleep(0.05)
    check("it outlives the shell", read("gone") == b"\n")
    empty()
    status, out, err = pprof(stdin="eog\nweb\ntop1\n")
    check("missing in the shell", status == 0 and b"flat%" in out and "eog is not there; > FILE" in err and
          "no browser is there" in err, err)
    status, out, err = pprof(stdin=f"web > {WORK}/web.svg\nsvg\npng\ntop1\n", viewers=["firefox"])
    check("to a file in the shell", of_format("svg", read("web.svg")) and not calls(), err)
    check("a free name in the shell", of_format("svg", read("cwd/profile001.svg")), err)
    shutil.rmtree(os.path.join(WORK, "cwd"))
    os.mkdir(os.path.join(WORK, "cwd"))


def fake_dot():
    dot = pprof("-dot")[1]
    own = os.path.join(WORK, "tools", "dot")
    write(own, DOT)
    for report in ("svg", "png", "pdf", "ps", "gif"):
        for name, flags, env, program in (("PATH", ["-tools=dot"], {}, os.path.join(WORK, "path", "dot")),
                                          ("the program", ["-tools=dot:" + own], {}, own),
                                          ("the folder", ["-tools=dot:" + os.path.dirname(own)], {}, own),
                                          ("a list", ["-tools=nm:/x,dot:" + own + ",addr2line:/y"], {}, own),
                                          ("PPROF_TOOLS", [], {"PPROF_TOOLS": "dot:" + own}, own),
                                          ("-tools over PPROF_TOOLS", ["-tools=dot:" + own],
                                           {"PPROF_TOOLS": "dot:/none"}, own)):
            status, out, err = pprof("-" + report, *flags, viewers=["dot"], **env)
            drawn = f"drawn -T{report}\n".encode()
            check(f"-{report}, dot by {name}", status == 0 and out == drawn and not err, (status, out[:80], err))
            ran = read("calls").decode().split()
            check(f"-{report}, dot by {name}", len(ran) == 2 and shutil.which(ran[0]) == program and
                  read("dot") == dot, ran)
    pprof("-svg", viewers=["dot"])
    check("not asked, not run", not calls())
    pprof("-svg", "-tools=nm:/x,dotty:" + own, viewers=["dot"])
    check("tools that are not dot", not calls())
    status, out, err = pprof("-gif", viewers=["dot"])
    check("gif is always dot's", status == 0 and out == b"drawn -Tgif\n", err)
    status, out, err = pprof("-web", "-tools=dot:" + own, viewers=["firefox"])
    check("dot before a viewer", status == 0 and read("shown") == b"drawn -Tsvg\n", err)
    empty()
    status, out, err = pprof("-tools=dot:" + own, stdin=f"svg > {WORK}/by_dot\n")
    check("dot in the shell", read("by_dot") == b"drawn -Tsvg\n", err)
    for report, flags in (("gif", []), ("svg", ["-tools=dot"]), ("png", ["-tools=dot:/no/such/dot"])):
        path = os.path.join(WORK, "none.out")
        status, out, err = pprof("-" + report, "-output=" + path, *flags)
        check(f"-{report} without dot", status == 1 and is_one_line(err) and "graphviz" in err and
              not os.path.exists(path), err)
    status, out, err = pprof("-gif", viewers=["dot"], DO="exit 5")
    check("dot fails", status == 1 and is_one_line(err) and "dot ended with status 5" in err and not out, err)
    write(own, "#!/bin/sh\nexit 0\n")
    status, out, err = pprof("-svg", "-tools=dot:" + own)
    check("dot says nothing", status == 1 and is_one_line(err) and "dot drew nothing" in err,
          (status, err))
    write(own, "#!/bin/sh\n", mode=0o644)
    status, out, err = pprof("-svg", "-tools=dot:" + own)
    check("dot is no program", status == 1 and is_one_line(err) and "Permission denied" in err, err)


def real_dot():
    program = shutil.which("dot")
    if not program:
        skip("graphviz", "no dot (package graphviz)")
        return
    for report, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("gif", b"GIF8"), ("pdf", b"%PDF"), ("ps", b"%!PS")):
        status, out, err = pprof("-" + report, "-tools=dot:" + program)
        check(f"graphviz draws -{report}", status == 0 and out.startswith(start), err)
        if report == "svg":
            check("graphviz", b"Generated by graphviz" in out and b"MakeNoZero" in out, out[:200])
            drawn = xml.dom.minidom.parseString(out).documentElement
            view = [e for e in drawn.getElementsByTagName("g") if e.getAttribute("id") == "viewport"]
            check("its SVG can be moved", len(view) == 1 and len(drawn.getElementsByTagName("script")) == 1 and
                  view[0].getElementsByTagName("g")[0].getAttribute("id") == "graph0", out[:500])


def no_cairo():
    """A library that cannot be loaded, and one that is another."""
    folder = os.path.join(WORK, "lib")
    write(os.path.join(folder, "libcairo.so.2"), "")
    compiler = shutil.which("cc") or shutil.which("gcc")
    for name in ("empty", "other"):
        if name == "other":
            if not compiler:
                skip("another libcairo", "no C compiler")
                continue
            subprocess.run([compiler, "-shared", "-fPIC", "-x", "c", "-o",
                            os.path.join(folder, "libcairo.so.2"), "/dev/null"], check=True)
        for report in ("png", "pdf", "ps", "evince", "gv"):
            path = os.path.join(WORK, "none.out")
            status, out, err = pprof("-" + report, "-output=" + path, LD_LIBRARY_PATH=folder)
            check(f"-{report}, libcairo is {name}", status == 1 and is_one_line(err) and "libcairo2" in err and
                  not os.path.exists(path), (status, err))
        status, out, err = pprof("-svg", LD_LIBRARY_PATH=folder)
        check("svg needs no libcairo", status == 0 and of_format("svg", out), err)


def valid(kind, program, args, says):
    """A picture as other programs read it."""
    path = os.path.join(WORK, "picture." + kind)
    status, out, err = pprof("-" + kind, "-output=" + path)
    if "libcairo2" in err:
        return skip(kind, "no libcairo.so.2")
    if not shutil.which(program):
        return skip(f"-{kind} read by {program}", f"no {program}")
    done = subprocess.run([program, *(a.replace("@", path) for a in args)], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    check(f"-{kind} read by {program}", done.returncode == 0 and b"rror" not in done.stdout and
          re.search(says, done.stdout, re.S), done.stdout[:300])


def main():
    for name in ("tmp", "cwd"):
        os.makedirs(os.path.join(WORK, name))
    each_viewer()
    browsers()
    shell()
    fake_dot()
    real_dot()
    no_cairo()
    valid("png", "file", ["-b", "@"], rb"PNG image data, \d{3,} x \d{3,}, 8-bit")
    valid("pdf", "file", ["-b", "@"], b"PDF document")
    valid("pdf", "pdftotext", ["@", "-"], rb"MakeNoZero.*196\.86kB \(47\.88%\)")
    valid("pdf", "pdftoppm", ["-r", "40", "-png", "@"], b"PNG")
    valid("ps", "file", ["-b", "@"], b"PostScript")
    valid("ps", "gs", ["-q", "-dNOPAUSE", "-dBATCH", "-sDEVICE=bbox", "@"], rb"BoundingBox: \d\d? \d\d? [5-9]\d\d \d{4}\n")
    valid("svg", "xmllint", ["--noout", "@"], b"")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return failed != 0


WORK = os.path.realpath(tempfile.mkdtemp())
try:
    code = main()
finally:
    shutil.rmtree(WORK, ignore_errors=True)
sys.exit(code)
