"""The matrix: each report with each setting of each option on each input.

Reports and options are the program's own (`sonde pprof -help`) as far as the reference
has them too, so that one which is added is compared."""
import os
import re
import subprocess

from .case import OUT, Case
from .inputs import DATA, a_pattern, pattern

SMALL = os.path.join(DATA, "odd", "good.pb.gz")

# Pictures: the reference has dot draw them, so here Sonde is asked for the same; a stand-in
# for dot (compare.py) prints what it is given.
PICTURES = {"svg", "png", "gif", "pdf", "ps"}
# Shown by a program, for which there is a stand-in too.  The reference waits a second.
VIEWERS = {"kcachegrind", "eog", "evince", "gv", "web"}

# Reports of which only a few settings are tried: what they print is the work of another,
# and no input has the program that disasm needs.
ALIKE = PICTURES | VIEWERS | {"text", "disasm"}

# Settings that need nothing of the profile: the option's name and its values.
VALUES = {
    "nodecount": ["0", "1", "5", "-1", "-7", "1000"],
    "nodefraction": ["0", "0.1", "1"],
    "edgefraction": ["0", "0.2", "1"],
    "divide_by": ["7", "0.5", "-1", "0"],
    "unit": ["auto", "minimum", "ns", "us", "ms", "s", "hrs", "B", "kb", "mb", "gb", "count",
             "gcu", "bogus"],
    "sample_index": ["0", "1", "2", "-1", "bogus"],
    "source_path": [".", "go:testdata"],
    "trim_path": ["/", "/usr", "/proc/self/cwd"],
    "symbolize": ["none", "no", "local", "fastlocal", "remote", "force", "demangle=none",
                  "demangle=full", "demangle=templates", "demangle=default",
                  "none:demangle=full", "local:force", "bogus"],
    "buildid": ["abcdef"],
    "add_comment": ["told", "#hidden"],
    "timeout": ["5"],
    "seconds": ["5"],
    "tls_cert": ["/nonexistent"],
    "tls_key": ["/nonexistent"],
    "tls_ca": ["/nonexistent"],
    "tools": ["dot,objdump:/usr/bin/objdump"],
    "output": [OUT],
}
# More than one at a time, where one does nothing without the other, or differs with it.
TOGETHER = [
    ["-noinlines", "-lines"], ["-noinlines", "-addresses"], ["-noinlines", "-filefunctions"],
    ["-files", "-cum"], ["-lines", "-cum"], ["-showcolumns", "-lines"],
    ["-showcolumns", "-addresses"], ["-call_tree", "-lines"], ["-call_tree", "-nodecount=5"],
    ["-call_tree", "-trim=false"], ["-mean", "-sample_index=0"], ["-trim=false", "-nodecount=3"],
    ["-trim=false", "-edgefraction=1"], ["-unit=ms", "-divide_by=3"],
    ["-nodecount=5", "-nodefraction=0.05"], ["-functions", "-lines"], ["-flat", "-cum"],
]
WITH_REGEXP = {"list", "peek", "disasm", "weblist"}
REGEXP_OPTIONS = ["focus", "ignore", "hide", "show", "show_from", "prune_from"]
RANGES = ["1", "5:", ":5", "1:100", "1kb:", ":1mb", "1kb:2gb", "100ms:", ":10s", "-3:", "+7",
          "16b:16b", "1:2:3", "bytes=1kb:", "request=:1mb", "zzz=1:"]


def help_sections(program):
    """{heading: [names]} of `sonde pprof -help`."""
    text = subprocess.run([*program, "-help"], capture_output=True, text=True).stdout
    sections, names = {}, []
    for line in text.splitlines():
        heading = re.match(r"(\S.*?)(?: \(.*\))?:$", line)
        name = re.match(r"  -(\w+)", line)
        if heading:
            names = sections.setdefault(heading[1], [])
        elif name:
            names.append(name[1])
    return sections


def help_text(command, shell):
    """-h, or what the shell says to `help`."""
    script = "help\n" if shell else None
    args = ["-symbolize=none", SMALL] if shell else ["-h"]
    done = subprocess.run([*command, *args], input=script, capture_output=True, text=True)
    return done.stdout + done.stderr


def reference_words(program, shell=False):
    """Every report, option and other thing that has a line in the reference's help."""
    word = r"[a-z]\w*(?:/[\w^/]+)?|:" if shell else r"-\w+|PPROF_\w+|none|local|fastlocal|remote|force"
    found = re.findall(rf"^(?:\(pprof\))? {{2,}}({word})=?(?:$| )", help_text([program], shell), re.M)
    return sorted({word for names in found for word in names.split("/")} - {"type"})


def help_words(program, shell=False):
    return set(re.findall(r"-?[\w:^-]+", help_text(program, shell).replace("=", " ")))


def explained(command, words):
    """Those of the words about which the shell has more to say."""
    found = set()
    for word in words:
        done = subprocess.run([*command, "-symbolize=none", SMALL], input=f"help {word}\n",
                              capture_output=True, text=True)
        if "Unknown command" not in done.stderr:
            found.add(word)
    return found


class Matrix:
    def __init__(self, program, reference):
        sections = help_sections(program)
        known = {word.lstrip("-") for word in reference_words(reference)}
        self.reports = [name for name in sections["reports"] if name in known]
        self.options = [name for name in sections["options"]]
        self.choices = sections["granularity"] + sections["sort"]
        self.short = sections["short forms"]

    def settings(self, given, rng, others):
        """Lists of arguments: each option alone, with each of its values, and some together."""
        found = [[]]
        for name in self.options:
            if name in VALUES:
                found += [[f"-{name}={value}"] for value in VALUES[name]]
            elif name in REGEXP_OPTIONS:
                found += [[f"-{name}={value}"] for value in
                          (a_pattern(given), pattern(rng, given.names), pattern(rng, given.names),
                           ".", "zzz_nothing", "(")]
            elif name in ("tagfocus", "tagignore"):
                found += [[f"-{name}={value}"] for value in self.tags(given, rng) + RANGES]
            elif name in ("tagshow", "taghide"):
                key = rng.choice(given.labels)[0] if given.labels else "none"
                found += [[f"-{name}={value}"] for value in (key, key[:2], ".", "zzz", "(")]
            elif name in ("tagroot", "tagleaf"):
                keys = [key for key, _ in given.labels]
                found += [[f"-{name}={value}"] for value in
                          (keys[:1] + [",".join(keys[:3])] if keys else []) + ["zzz", ","]]
            elif name in ("base", "diff_base"):
                found += self.bases(name, given, rng, others)
            else:
                found += [[f"-{name}"], [f"-{name}=false"]]
        found += [[f"-{name}"] for name in self.choices + self.short]
        found += [[f"-sample_index={name}"] for name in given.types]
        found += [[f"-sample_index=total_{given.types[0]}"]] if given.types else []
        found += [["-relative_percentages", f"-focus={a_pattern(given)}"],
                  [f"-focus={a_pattern(given)}", f"-ignore={pattern(rng, given.names)}"],
                  [f"-show={a_pattern(given)}", "-noinlines", "-lines"],
                  [f"-focus={a_pattern(given)}", "-trim=false"]]
        return found + TOGETHER

    @staticmethod
    def bases(name, given, rng, others):
        own = f"-{name}={given.path}"
        other = f"-{name}={rng.choice(others).full if others else given.path}"
        return [[own], [own, "-normalize"], [own, "-drop_negative"], [own, "-mean"],
                [other], [other, "-normalize"], [other, "-drop_negative"], [other, "-cum", "-lines"],
                [other, "-divide_by=3"], [other, "-relative_percentages"], [f"-{name}="],
                [f"-{name}=/nonexistent.pb.gz"]]

    @staticmethod
    def tags(given, rng):
        found = []
        for _ in range(3 if given.labels else 0):
            key, values = rng.choice(given.labels)
            value = rng.choice(values)
            found += [value, f"{key}={value}", f"{key}:{value}", f"{key}={value},{values[0]}"]
        return found + ["zzz", "(", "", "zzz=1"]

    def cases(self, given, rng, others):
        """Every case of one input."""
        others = [other for other in others if not other.is_odd]
        self.path_names = {other.full: other.name for other in others}
        settings = [[]] if given.is_odd else self.settings(given, rng, others)
        for report in self.reports:
            for options in settings:
                if report not in ALIKE or options in ([], ["-lines", "-cum"]):
                    yield self.case(report, options, given)
            if report in PICTURES | VIEWERS or given.is_odd:
                continue
            yield self.case(report, [], given, "/bin/sh")
            if others:
                yield self.case(report, [], given, rng.choice(others))
            yield self.case(report, [], given, given, given)
            yield self.case(report, [], given, "/nonexistent.pb.gz")

    def case(self, report, options, given, *more):
        """`more`: a program to put before, or inputs to merge with."""
        flag = f"-{report}"
        if report in WITH_REGEXP:
            flag += f"={a_pattern(given)}"
        args = [flag, *options]
        if not any(option.startswith("-symbolize") for option in options):
            args.append("-symbolize=none")
        if report in PICTURES | VIEWERS and not any("-tools" in option for option in options):
            args.append("-tools=dot")
        inputs = [given.name] + [m.name for m in more if not isinstance(m, str)]
        inputs += [self.path_names[path] for path in (option.partition("=")[2] for option in options)
                   if path in self.path_names]
        names = [given.path] + [m.full for m in more if not isinstance(m, str)]
        if more and more[0] == "/bin/sh":
            names.insert(0, "/bin/sh")
        elif more and isinstance(more[0], str):
            names += more
        return Case(report, " ".join(options + names[1:]), inputs, given.folder, args + names)
