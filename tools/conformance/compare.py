"""Runs both programs on a case and compares what they print and write."""
import difflib
import gzip
import os
import re
import shutil
import subprocess
import tempfile
import threading
import zlib

from .case import OUT

# Runs of the reference before its answer counts as one that does not vary; more of them
# when ours is the same lines in other order.
TRIES, MORE_TRIES = 16, 60
SECONDS_MAX = 100
TIMEOUT = -1  # the status of what did not end by then
# What stands in for programs that draw and show, first in PATH.
DOT = '#!/bin/sh\necho "dot $*"\ncat\n'
VIEWER = ('#!/bin/sh\nfor last; do :; done\n'
          'echo "${0##*/} $# ${last##*.}" >"$ORACLE_SHOWN"\ncat "$last" >>"$ORACLE_SHOWN"\n')
VIEWERS = ("kcachegrind", "eog", "evince", "gv", "browser")


class Answer:
    """What a program did: `key` is what has to be the same."""

    def __init__(self, status, stdout, stderr, notes=(), files=()):
        self.status, self.stdout, self.stderr = status, stdout, stderr
        self.notes, self.files = list(notes), dict(files)

    @property
    def key(self):
        return self.status != 0, self.stdout, self.notes, self.files

    def bag(self):
        """What is the same when nodes change places: no running sums, no numbers of nodes."""
        text = b"\n".join([self.stdout, *(self.files[name] for name in sorted(self.files))])
        text = re.sub(rb" +[\d.e-]+%|\bN\d+(_\d+)?\b|\bnode\d+\b", b"", text)
        return self.status != 0, sorted(text.splitlines()), self.notes


def unpacked(data):
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        return data


def read(path):
    with open(path, "rb") as f:
        return f.read()


def page_body(data):
    """Of a page what both have: after <body>."""
    return data[data.find(b"<body>\n") + 7:] if b"<body>\n" in data else data


def without_instructions(data):
    """Assembly is Go's there and the processor's here: what is left is where it is, how
    much is spent there, and of a page the lines it comes from."""
    data = re.sub(rb"^ {74};.*\n", b"", data, flags=re.M)
    # The reference does not see the last byte of a function: its last instruction is "?",
    # and so may be some that it makes of the rest.
    data = re.sub(rb"( [0-9a-f]+: \?.*\n)(?: +\S+ +\S+ +[0-9a-f]+: .*\n)+", rb"\1", data)
    return re.sub(rb"( [0-9a-f]+:) .*?(<span class=unimportant>.*)?$", rb"\1 \2", data, flags=re.M)


class Program:
    """One of the two.  A call runs it on the arguments."""

    def __init__(self, command, folder, before=()):
        self.command, self.before = command, list(before)
        self.folder = tempfile.mkdtemp(dir=folder)
        tools = os.path.join(self.folder, "tools")
        home = os.path.join(self.folder, "home")
        os.mkdir(tools)
        os.mkdir(home)
        for name in ("dot", *VIEWERS):
            with open(os.path.join(tools, name), "w", encoding="utf-8") as script:
                script.write(DOT if name == "dot" else VIEWER)
            os.chmod(script.name, 0o755)
        self.env = {k: v for k, v in os.environ.items()
                    if k not in ("PPROF_BINARY_PATH", "PPROF_TMPDIR", "PPROF_TOOLS",
                                 "DEBUGINFOD_URLS", "DISPLAY", "WAYLAND_DISPLAY")}
        self.env.update(TZ="UTC", LC_ALL="C", HOME=home, TERM="dumb", BROWSER="browser",
                        PATH=tools + ":" + os.environ.get("PATH", ""))

    def __call__(self, args, folder, script=None):
        work = os.path.join(self.folder, f"work{threading.get_ident()}")
        os.mkdir(work)
        try:
            return self._run(args, folder, script, work)
        finally:
            shutil.rmtree(work)

    def _plain(self, data, args, folder, work):
        """What is packed, unpacked; an input that is handed on as it is, as it is when encoded."""
        plain = unpacked(data)
        paths = [os.path.join(folder, arg) for arg in args] if plain != data else []
        if not any(os.path.isfile(path) and read(path) == data for path in paths):
            return plain
        path = os.path.join(work, "plain")
        with open(path, "wb") as f:
            f.write(plain)
        command = [*self.command, "-proto", "-symbolize=none", path]
        done = subprocess.run(command, env=self.env, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=SECONDS_MAX)
        os.unlink(path)
        return unpacked(done.stdout)

    def _run(self, args, folder, script, work):
        out = os.path.join(work, "out")
        env = {**self.env, "ORACLE_SHOWN": os.path.join(work, "shown"), "TMPDIR": work}
        command = self.command + self.before + [a.replace(OUT, out) for a in args]
        text = None if script is None else ("\n".join(script) + "\n").replace(OUT, out).encode()
        try:
            done = subprocess.run(command, cwd=folder if script is None else work, env=env,
                                  input=text, stdin=subprocess.DEVNULL if text is None else None,
                                  capture_output=True, timeout=SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return Answer(TIMEOUT, b"timeout", "")
        stderr = done.stderr.decode("utf-8", "replace").replace(work, "WORK")
        stdout = self._plain(done.stdout, args, folder, work).replace(work.encode(), b"WORK")
        if script is not None:
            stdout = stdout.replace(b"(pprof) ", b"")
        # The reference says this on stdout.
        stdout = re.sub(rb"^open .*: no such file or directory\n", b"", stdout, flags=re.M)
        files = {}
        for name in os.listdir(work):
            with open(os.path.join(work, name), "rb") as f:
                data = self._plain(f.read(), args, folder, work).replace(work.encode(), b"WORK")
            if name == "out" or script is not None:
                files[name] = page_body(data)
            elif name == "shown":
                files[name] = data.partition(b"\n")[0] + b"\n" + page_body(data)
        if re.search(r"-disasm\b|-weblist\b", " ".join(args)):
            stdout = without_instructions(stdout)
            files = {name: without_instructions(data) for name, data in files.items()}
        notes = [] if done.returncode and script is None else told(stderr)
        if script is not None:
            notes = listing(stderr)
        return Answer(done.returncode, stdout, stderr, notes, files)


def told(stderr):
    return sorted(re.findall(r"(\w+) expression matched no samples", stderr))


def listing(stderr):
    """Of the shell's messages: the list of options."""
    lines = [line[8:] if line.startswith("(pprof) ") else line for line in stderr.splitlines()]
    return [line.rstrip() for line in lines if re.match(r"  \w+ += ", line)]


def describe(case, want, got, n_lines=14):
    text = [f"FAILED in {case.folder}: {case}",
            f"  exit status: reference {want.status}, sonde {got.status}"]
    if want.notes != got.notes:
        text += [f"  notes: {line}" for line in
                 difflib.unified_diff(want.notes, got.notes, "reference", "sonde", lineterm="", n=0)]
    pairs = [("", want.stdout, got.stdout)]
    pairs += [(f" {name}", want.files.get(name, b""), got.files.get(name, b""))
              for name in sorted({*want.files, *got.files})]
    for name, a, b in pairs:
        diff = difflib.unified_diff(a.decode("latin-1").splitlines(),
                                    b.decode("latin-1").splitlines(), "reference" + name,
                                    "sonde" + name, lineterm="", n=1)
        text += [line[:200] for _, line in zip(range(n_lines), diff)]
    for who, run in (("reference", want), ("sonde", got)):
        text += [f"  {who}: {line[:200]}" for line in run.stderr.splitlines()[:3]]
    return "\n".join(text)


def compare(case, reference, program, excuse, n_lines=14):
    """("passed" | "failed" | "skipped" | "excused", text)."""
    got = program(case.args, case.folder, case.script)
    answers = []
    for n in range(MORE_TRIES):
        want = reference(case.args, case.folder, case.script)
        if want.status == TIMEOUT and got.status != TIMEOUT:
            return "skipped", "the reference does not end"
        if got.key == want.key:
            return "passed", ""
        if excuse:
            return "excused", f"excused: {excuse.name}"
        answers.append(want)
        if any(answer.key != want.key for answer in answers) and n >= 5:
            break
        if n + 1 == TRIES and want.bag() != got.bag():
            break
    if all(answer.key == answers[0].key for answer in answers):
        return "failed", describe(case, want, got, n_lines)
    # The reference leaves the order of nodes of the same name to chance.
    ours = got.bag()
    if any(answer.bag() == ours for answer in answers):
        return "passed", ""
    return "skipped", "the reference's answer varies"
