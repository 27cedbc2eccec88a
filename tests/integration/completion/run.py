#!/usr/bin/env python3
"""The completions of bash, zsh and fish: what is offered for words with known answers."""

import atexit
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time

BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
SONDE = os.path.abspath(os.environ.get("SONDE", os.path.join(BUILD, "sonde")))
FOLDER = os.path.join(BUILD, "docs")
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


# What is typed, and what has to be offered: all of it for a list; at least that for a set.
CASES = [
    ("sonde ", ["help", "pprof", "record", "trace", "version"]),
    ("sonde pp", ["pprof"]),
    ("sonde help r", ["record"]),
    ("sonde nix ", []),
    ("sonde pprof -tree", {"-tree", "-treecsv", "-treejson"}),
    ("sonde pprof -cum", ["-cum"]),
    ("sonde pprof -filef", ["-filefunctions"]),
    ("sonde pprof -sample_index=", []),
    ("sonde pprof -trim=", ["false", "true"]),
    ("sonde pprof -symbolize=n", ["none"]),
    ("sonde pprof -top -output=al", ["alpha.pb.gz", "alps.pb.gz"]),
    ("sonde pprof -top -output al", ["alpha.pb.gz", "alps.pb.gz"]),
    ("sonde pprof -base be", ["beta file.pb.gz"]),
    ("sonde pprof -source_path=s", ["src/"]),
    ("sonde pprof -config=on", ["one"]),
    ("sonde pprof -config t", ["two words"]),
    ("sonde pprof -list main al", ["alpha.pb.gz", "alps.pb.gz"]),
    ("sonde pprof -trim al", ["alpha.pb.gz", "alps.pb.gz"]),
    ("sonde pprof -top alpha.pb.gz alp", ["alpha.pb.gz", "alps.pb.gz"]),
    ("sonde pprof alpha.pb.gz -to", []),
    ("sonde record -e ", ["allocs", "block", "cpu", "goroutine", "heap", "mutex", "threadcreate", "trace"]),
    ("sonde record -o alp", ["alpha.pb.gz", "alps.pb.gz"]),
    ("sonde record -p zz-nix-", ["zz-nix-9"]),
    ("sonde record -e heap -p zz-nix-", ["zz-nix-9"]),
    ("sonde record -F 100 gcc-nix-", ["gcc-nix-9"]),
    ("sonde record -- gcc-nix-", ["gcc-nix-9"]),
    ("sonde record gcc-nix-9 alp", ["alpha.pb.gz", "alps.pb.gz"]),
]
# Of bash alone: how it parts words at '=' and ':'.
BASH_CASES = [
    ("sonde pprof -disa", ["-disasm="]),
    ("sonde pprof --disa", ["--disasm="]),
    ("sonde pprof -symbolize=local:fo", ["force"]),
    ("sonde pprof -symbolize=local:demangle=fu", ["full"]),
    ("sonde pprof -symbolize local:fo", ["force"]),
    ("sonde pprof -top a:", ["b"]),
    ("sonde record --no", ["--no-browser", "--no-children"]),
]


def compare(shell, line, want, got):
    got = sorted(got)
    ok = want <= set(got) if isinstance(want, set) else got == want
    check(f"{shell}: {line!r}", ok, f"offers {got}, not {want}")


BASH = r"""
compopt() { :; }
source "$1"
shift
COMP_LINE=$1 COMP_POINT=${#1}
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_sonde
printf '%s\n' "${COMPREPLY[@]}"
"""


def bash_words(line):
    """As readline parts them (nothing is quoted here)."""
    words = re.findall(r"[=:]+|[^\s=:]+", line)
    return words + [""] if line[-1] == " " else words


def bash_offers(folder, line, words):
    run = subprocess.run(["bash", "-c", BASH, "bash", FOLDER + "/sonde", line] + words,
                         cwd=folder, capture_output=True, text=True, env=ENV)
    if run.stderr:
        check(f"bash: {line!r}", False, run.stderr.strip())
    # readline itself puts the '/' behind folders
    words = [w.replace("\\ ", " ") for w in run.stdout.split("\n") if w]
    return [w + "/" * os.path.isdir(os.path.join(folder, w)) for w in words]


def test_bash(folder):
    for line, want in CASES + BASH_CASES:
        compare("bash", line, want, bash_offers(folder, line, bash_words(line)))
    # ... with a COMP_WORDBREAKS that has no '='
    for line, want in [("sonde pprof -output=alpha", ["-output=alpha.pb.gz"]),
                       ("sonde pprof -symbolize=local:fo", ["-symbolize=local:force"])]:
        compare("bash", line, want, bash_offers(folder, line, line.split(" ")))


class Terminal:
    def __init__(self, folder, *argv):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(argv[0], argv, ENV)
        self.seen = ""

    def read_until(self, text, seconds=20):
        end = time.time() + seconds
        while text not in self.seen:
            ready, _, _ = select.select([self.fd], [], [], max(0, end - time.time()))
            try:
                data = os.read(self.fd, 65536) if ready else b""
            except OSError:
                data = b""
            if not data:
                return False
            self.seen += data.decode(errors="replace")
        self.seen = self.seen.split(text, 1)[1]
        return True

    def type(self, text):
        os.write(self.fd, text.encode())

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def has_terminal():
    try:
        for fd in pty.openpty():
            os.close(fd)
        return True
    except OSError:
        return False


def test_bash_terminal(folder):
    if not has_terminal():
        return skip("bash on a terminal: there is none to be had")
    """With readline itself: the blank behind a file, none behind '='."""
    t = Terminal(folder, "bash", "--norc", "--noprofile", "-i")
    t.type(f"bind 'set enable-bracketed-paste off'; . '{FOLDER}/sonde'\n")
    cases = [("sonde pp\t-foc\tx -outp\talph\t-to", "sonde pprof -focus=x -output=alpha.pb.gz -to"),
             ("sonde pprof -symb\tlocal:fo\t-top be\t",
              "-symbolize=local:force -top beta\\ file.pb.gz ")]
    for i, (keys, want) in enumerate(cases):
        t.type(f"\x15PS1='re''ady{i}> '\n")
        check("bash terminal: prompt", t.read_until(f"ready{i}> "), t.seen)
        t.type(keys)
        check(f"bash terminal: {keys!r}", t.read_until(want), repr(t.seen))
    t.close()


# zsh has no function that answers for a line: a terminal, and a compadd that tells.
ZSH = r"""
zmodload zsh/zpty
zpty z zsh -f -i
zpty -w z "PS1=; cd ${(q)1}; fpath=(${(q)2} \$fpath); autoload -Uz compinit; compinit -D -u"
zpty -w z 'compadd() {
    [[ "$*" == *-[OAD]* ]] && { builtin compadd "$@"; return }
    local -a __hits; builtin compadd -O __hits "$@"
    local h; for h in $__hits; do print -r -- "HIT<$h>"; done
    builtin compadd "$@"
}'
zpty -w z "answer() { zle expand-or-complete; print -r -- EN\\D }; zle -N answer; bindkey '^I' answer"
zpty -w z "zstyle ':completion:*' list-prompt ''; setopt no_beep no_list_ambiguous; print REA\\DY"
zpty -r -m z x '*READY*'
zpty -w -n z "$3"$'\t'
zpty -r -m z out '*END*'
print -r -- "$out"
"""


def zsh_offers(folder, line):
    run = subprocess.run(["zsh", "-f", "-c", ZSH, "zsh", folder, FOLDER, line], env=ENV,
                         capture_output=True, text=True, timeout=60)
    hits = {h.replace("\\ ", " ") for h in re.findall(r"HIT<(.*?)>", run.stdout)}
    # zsh itself puts the '/' behind folders
    return [h + "/" * os.path.isdir(os.path.join(folder, h)) for h in hits]


def fish_offers(folder, line):
    run = subprocess.run(["fish", "-N", "-c", 'source $argv[1]; complete -C "$argv[2]"',
                          FOLDER + "/sonde.fish", line], cwd=folder, env=ENV,
                         capture_output=True, text=True, timeout=60)
    offers = [w.split("\t")[0] for w in run.stdout.split("\n") if w]
    return [w.replace("\\ ", " ").rsplit("=", 1)[-1] for w in offers]


def main():
    global ENV
    for name in ("sonde", "_sonde", "sonde.fish"):
        if not os.path.exists(os.path.join(FOLDER, name)):
            print(f"{FOLDER}/{name} was not made")
            return 1
    with tempfile.TemporaryDirectory() as folder:
        os.makedirs(os.path.join(folder, "config", "pprof"))
        with open(os.path.join(folder, "config", "pprof", "settings.json"), "w") as f:
            json.dump({"configs": [{"name": "one"}, {"name": "two words"}, {"name": "$(touch x)"}]}, f)
        ENV = dict(os.environ, HOME=folder, XDG_CONFIG_HOME=os.path.join(folder, "config"), LC_ALL="C.UTF-8", TERM="xterm",
                   PATH=os.pathsep.join([os.path.join(folder, "bin"), os.path.dirname(SONDE),
                                         os.environ["PATH"]]))
        for name in ("alpha.pb.gz", "alps.pb.gz", "beta file.pb.gz", "a:b"):
            open(os.path.join(folder, name), "w").close()
        os.mkdir(os.path.join(folder, "src"))
        os.mkdir(os.path.join(folder, "bin"))
        shutil.copy("/bin/true", os.path.join(folder, "bin", "gcc-nix-9"))
        # a process with a name that is known
        shutil.copy(shutil.which("sleep"), os.path.join(folder, "bin", "zz-nix-9"))
        sleeper = subprocess.Popen([os.path.join(folder, "bin", "zz-nix-9"), "600"])
        atexit.register(sleeper.kill)
        test_bash(folder)
        compare("bash", "sonde pprof -config=", ["Default", "\\$\\(touch x\\)", "one", "two words"],
                bash_offers(folder, "sonde pprof -config=", ["sonde", "pprof", "-config", "="]))
        check("a name is no command", not os.path.exists(os.path.join(folder, "x")))
        test_bash_terminal(folder)
        if shutil.which("fish", path=ENV["PATH"]):
            for line, want in CASES:
                compare("fish", line, want, fish_offers(folder, line))
        else:
            skip("no fish is installed")
        if shutil.which("zsh", path=ENV["PATH"]):
            for line, want in CASES:
                compare("zsh", line, want, zsh_offers(folder, line))
        else:
            skip("no zsh is installed")
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
