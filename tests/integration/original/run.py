#!/usr/bin/env python3
"""-proto of one packed file, with nothing that changes it, is that file; with anything that does,
and of any other source, it is made anew.  Both mean the same: what is made anew is what -raw
shows of it."""

import gzip
import os
import subprocess
import sys
import tempfile
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../go_matrix"))
from message import field  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
DATA = os.path.abspath(os.path.join(os.environ.get("SONDE_SOURCE_ROOT", "."), "tests/data"))
WORK = tempfile.mkdtemp(prefix="sonde-original-")
ENV = dict(os.environ, HOME=WORK, PPROF_BINARY_PATH=WORK, PPROF_TMPDIR=WORK)
passed = failed = 0

GO, CPP = os.path.join(DATA, "go/cpu.pb.gz"), os.path.join(DATA, "pprof/cpu.pb.gz")
TAGS, HEAP = os.path.join(DATA, "pprof/heap_tags.pb.gz"), os.path.join(DATA, "pprof/heap.pb.gz")
# What leaves the profile as it is, though not its reports.
KEEPS = ["", "-mean", "-call_tree", "-unit=ms", "-nodecount=1", "-nodefraction=0.5", "-lines", "-cum",
         "-relative_percentages", "-trim=false", "-sample_index=0", "-trim_path=/usr",
         "-source_path=/src", "-compact_labels", "-symbolize=none", "-divide_by=1"]
# A profile, and what changes it.
CHANGES = [(CPP, flag) for flag in (
    "-focus=mangled1000", "-ignore=mangled1000", "-hide=mangled1000", "-show=mangled1000",
    "-show_from=mangled3002", "-prune_from=mangled3000", "-divide_by=2", "-add_comment=more",
    "-tagshow=key1", "-taghide=key1", "-tagfocus=tag1", "-tagignore=tag1", "-tagroot=key1",
    "-tagleaf=key1", "-noinlines")] + [
        (TAGS, "-tagshow=request"), (TAGS, "-tagroot=request"), (GO, "-buildid=0123"),
        (GO, "-focus=burnSort"), (HEAP, "-divide_by=0.5")]


def check(name, ok, what=""):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print(f"FAILED {name}: {what}")


def run(*args, stdin=None, ok=True):
    p = subprocess.run([SONDE, "pprof", *args], capture_output=True, env=ENV, input=stdin, timeout=60,
                       check=False)
    if ok and p.returncode:
        check(" ".join(args), False, p.stderr.decode())
    return p


def read(path):
    with open(path, "rb") as f:
        return f.read()


def write(name, data):
    path = os.path.join(WORK, name)
    with open(path, "wb") as f:
        f.write(data)
    return path


def raw(path, *flags):
    return run("-raw", "-symbolize=none", *flags, path).stdout


def proto(*args):
    """The profile that -proto makes: its file and its bytes."""
    data = run("-proto", *args).stdout
    return write("out.pb.gz", data), data


def test_kept():
    for path in (GO, CPP, TAGS, HEAP):
        original = read(path)
        for flag in KEEPS:
            args = [flag] if flag else []
            check(f"{path} {flag}", proto(*args, path)[1] == original, "it is not the file")
        to = os.path.join(WORK, "to.pb.gz")
        run("-proto", f"-output={to}", path)
        check(f"{path} -output", read(to) == original)
        # What the writer makes of the same profile, which is unpacked here.
        anew, _ = proto(write("plain.pb", gzip.decompress(original)))
        check(f"{path} made anew", raw(anew) == raw(path))


def test_changed():
    for path, flag in CHANGES:
        out, data = proto(flag, path)
        check(f"{path} {flag}", data != read(path), "it is the file as it was")
        if not flag.startswith(("-divide_by", "-tagroot", "-tagleaf", "-tagshow", "-taghide")):
            check(f"{path} {flag}: -raw", raw(out) == raw(path, flag))
        plain, again = proto(flag, write("plain.pb", gzip.decompress(read(path))))
        check(f"{path} {flag}: unpacked", gzip.decompress(again) == gzip.decompress(data) and
              raw(plain) == raw(out))
    for args in ((f"-base={CPP}", CPP), (f"-diff_base={CPP}", CPP), (CPP, CPP), (sys.executable, CPP)):
        check(f"-proto {args}", proto(*args)[1] != read(CPP))
    # What cannot be read is not what is left.
    note = write("note.txt", b"no profile")
    for args in ((note, CPP), (CPP, note)):
        out, data = proto(*args)
        check(f"-proto {args}", data != read(note) and raw(out) == raw(CPP))
    # The frames that a profile asks to drop are dropped, unless all are wanted.
    drops = field(7, strings_of(plain_of(CPP))) + plain_of(CPP) + field(6, b"mangled3001")
    path = write("drops.pb.gz", gzip.compress(drops))
    for flags in ((), ("-all_frames",)):
        out, data = proto(*flags, path)
        check(f"drop_frames {flags}", data != read(path))
        check(f"drop_frames {flags}: -raw", raw(out) == raw(path, *flags))
    check("drop_frames: told apart", raw(path) != raw(path, "-all_frames"))


def test_sources():
    """What is no single packed piece is packed anew."""
    plain = plain_of(CPP)
    half = len(plain) // 2
    sources = {"unpacked": plain, "two.gz": gzip.compress(plain[:half]) + gzip.compress(plain[half:]),
               "empty.gz": gzip.compress(b"") + gzip.compress(plain),
               "end.gz": gzip.compress(plain) + gzip.compress(b"")}
    for name, data in sources.items():
        path = write(name, data)
        out, got = proto(path)
        check(f"{name}: anew", got != data)
        check(f"{name}: one piece", pieces(got) == 1)
        check(f"{name}: -raw", raw(out) == raw(CPP))
    legacy, _ = proto(os.path.join(DATA, "folded.txt"))
    check("folded", raw(legacy) == raw(os.path.join(DATA, "folded.txt")))
    named = write("named.gz", gzip.compress(plain, 1))
    check("level 1 is kept", proto(named)[1] == read(named))
    # Names of C++ are demangled, so that the profile is another.
    mangled = write("mangled.gz", gzip.compress(plain.replace(b"mangled1000", b"_ZN1a3bbbEv")))
    out, got = proto(mangled)
    check("demangled", got != read(mangled) and b"a::bbb" in raw(out))
    for name in ("truncated.pb.gz", "crc.pb.gz"):
        p = run("-proto", os.path.join(DATA, "bad", name), ok=False)
        check(f"{name}: refused", p.returncode == 2 and not p.stdout and name.encode() in p.stderr, p.stderr)
    p = run("-proto", write("rubbish.gz", read(CPP) + b"rubbish"), ok=False)
    check("rubbish at the end: refused", p.returncode == 2 and not p.stdout, p.stderr)


def test_shell():
    """The file is handed on as long as it is what was loaded."""
    path = write("loaded.pb.gz", read(CPP))
    to = os.path.join(WORK, "shell.pb.gz")
    with subprocess.Popen([SONDE, "pprof", path], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.PIPE, env=ENV, text=True) as shell:
        def command(line):
            shell.stdin.write(f"{line}\nfocus\n")
            shell.stdin.flush()

        def made():
            """A report to a file is told of before it is written; the next line's answer comes after it."""
            while "focus" not in (line := shell.stderr.readline()) and line:
                pass
            return read(to)
        command(f"proto > {to}")
        check("shell: the file", made() == read(CPP))
        command(f"proto mangled1000 > {to}")
        check("shell: focused", made() != read(CPP) and raw(to) == raw(CPP, "-focus=mangled1000"))
        write("loaded.pb.gz", read(GO))
        command(f"proto > {to}")
        check("shell: the file is another one", made() != read(GO) and raw(to) == raw(CPP))
        shell.communicate("quit\n", timeout=20)


# --- profiles ---

def plain_of(path):
    return gzip.decompress(read(path))


def strings_of(data):
    """How many strings a profile has."""
    at = n = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at, value, shift = at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                return value
    while at < len(data):
        key = number()
        size = number()
        n += key >> 3 == 6
        at += size if key & 7 == 2 else 0
    return n


def pieces(data):
    n = 0
    while data:
        z = zlib.decompressobj(31)
        z.decompress(data)
        data, n = z.unused_data, n + 1
    return n


def main():
    test_kept()
    test_changed()
    test_sources()
    test_shell()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
