"""Scripts for the shell: every command and option, alone and in the ways users write them."""
import re

from .case import OUT, Case
from .inputs import a_pattern, pattern
from .matrix import VALUES

COMMANDS = ["callgrind", "comments", "dot", "raw", "tags", "text", "top", "topproto", "traces",
            "tree", "proto"]
WITH_REGEXP = ["list", "peek", "disasm", "weblist"]
ARGUMENTS = ["", "3", "10 -cum", "--cum", "-cum 5", "{a}", "-{b}", "{a} -{b}", "{a} {b}",
             "-{a} -{b} 4", "(", "5 > " + OUT, ">" + OUT, "> " + OUT + " {a}", ">", "zzz_nothing",
             "-zzz", "-", "99999999999", "0", "-1"]
DIALOGS = [
    ["top", "", "  ", "top", "//: remark", "top //: remark", "nonsense", "top"],
    ["focus={a}", "top", "tree", ":", "top", "o"],
    ["focus={a}", "ignore={b}", "hide={b}", "tagfocus=1:", "tagignore=x", "o", ":", "o", "top"],
    ["focus", "focus=", "focus =  {a}  ", "top", "o"],
    ["nodecount=3", "top", "top 5", "top", "nodecount=-1", "top", "nodecount=x", "nodecount"],
    ["cum", "top", "flat", "top"], ["lines", "top", "functions", "top"],
    ["sort=cum", "top", "sort=flat", "top5", "sort=x", "sort"],
    ["granularity=lines", "top", "o", "granularity=files", "top", "granularity=x", "top"],
    ["granularity=lines", "granularity=", "top", "o"],
    ["noinlines", "o", "noinlines=0", "o", "noinlines=yes", "o", "noinlines=perhaps"],
    ["call_tree", "tree", "dot", "call_tree=f", "dot"],
    ["compact_labels=false", "top", "compact_labels", "top", "trim=false", "tree", "trim", "tree"],
    ["unit=ms", "top", "unit=kb", "top", "unit=auto", "top", "unit=", "top", "o"],
    ["sample_index=0", "top", "sample_index=1", "top", "sample_index=9", "sample_index=-1",
     "sample_index=bogus", "sample_index=", "top", "o"],
    ["mean", "top", "mean=false", "divide_by=10", "top", "divide_by=x", "divide_by=0", "top"],
    ["nodefraction=0.1", "edgefraction=0.2", "tree", "dot", "nodefraction=1e-3", "o"],
    ["relative_percentages", "top {a}", "show={a}", "top", "show_from={a}", "top", "prune_from={a}",
     "top", "o"],
    ["tagshow=.", "tags", "taghide=.", "tags", "taghide=", "tagroot={k}", "top", "tagroot=",
     "tagleaf={k}", "tree", "o"],
    ["tags", "tags {k}", "tags -{k}", "tags 1:", "tags zzz", "tags > " + OUT],
    ["top5", "top0", "text3", "tree4", "peek5 {a}", "raw1", "traces2", "top-5", "top5x", "5top"],
    ["output=" + OUT, "top", "output=", "top", "o"],
    ["source_path=.", "list .", "trim_path=/", "list {a}", "o"],
    ["intel_syntax", "showcolumns", "normalize", "drop_negative", "o", "top"],
    ["drop_negative=true //: remark", "focus={a} //: remark", "o", "top"],
    ["list", "peek", "list >", "peek {a} > " + OUT, "list {a} 3", "peek {a} {b} -{a}"],
    ["top", "quit", "top"], ["top", "exit", "top"], ["top", "q", "top"], ["top", "quit now", "top"],
    ["options", "o", "o now", " o ", " top "],
    ["top=5", "peek=", "=x", "x=y", "TOP", "Focus=x", "top\t3\t-cum"],
]


def scripts(given, rng):
    """Lists of lines for a profile."""
    words = {"a": a_pattern(given), "b": pattern(rng, given.names).replace(" ", "."),
             "k": given.labels[0][0] if given.labels else "none"}

    def filled(line):
        return re.sub(r"\{(\w)\}", lambda m: words[m[1]], line)

    found = []
    for command in COMMANDS + WITH_REGEXP:
        first = f"{command} {{a}}" if command in WITH_REGEXP else command
        for argument in ARGUMENTS:
            if command != "weblist" or ">" in argument:  # it starts a browser
                found.append([f"{first} {argument}".strip()])
    for name, values in VALUES.items():
        found.append([line for value in values for line in (f"{name}={value}", "top")] + ["o"])
    for types in [given.types] if given.types else []:
        found.append([line for name in types for line in
                      (name, "top", f"total_{name}", "top", f"mean_{name}", "top", "o")])
    return [[filled(line) for line in script] for script in found + DIALOGS]


def cases(given, rng):
    for script in scripts(given, rng):
        yield Case("shell", " ; ".join(script), [given.name], given.folder,
                   ["-symbolize=none", given.full], script)
