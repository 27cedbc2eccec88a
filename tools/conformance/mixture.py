"""Random command lines: several options at once, expressions made of the profile's names."""
import random

from .case import OUT, Case
from .inputs import pattern

REPORTS = ["top", "text", "tree", "traces", "raw", "dot", "proto", "tags", "comments", "topproto",
           "callgrind", "peek", "list", "weblist"]
UNITS = ["minimum", "auto", "ns", "us", "ms", "s", "sec", "seconds", "hours", "hrs", "min", "B",
         "bytes", "kB", "kilobytes", "MB", "GB", "TB", "PB", "gcu", "microgcu", "count", "sample",
         "samples", "unit", "objects", "zz", "", "NS", "Kb"]
FILTERS = ["focus", "ignore", "hide", "show", "show_from", "prune_from"]


def tag_option(rng, given):
    """A random tag filter, half of them on tags of the profile."""
    labels = given.labels or [("none", ["1"])]
    key, values = rng.choice(labels)
    value = rng.choice(values)
    option = rng.choice(["tagfocus", "tagignore", "tagshow", "taghide", "tagroot", "tagleaf"])
    if option in ("tagroot", "tagleaf"):
        other, _ = rng.choice(labels)
        return f"-{option}={rng.choice([key, key, key + ',' + other, 'zzz,' + key, 'zzz', ','])}"
    if option in ("tagshow", "taghide"):
        return f"-{option}={rng.choice([key, key[:2], '^' + key + '$', '.', 'zzz', 'e', '('])}"
    number = rng.choice([value if value.isdigit() else "5", "1", "100", "-3", "+7"])
    number += rng.choice(["", "", "kb", "mb", "b", "bytes", "ms", "s", "zz"])
    what = rng.choice([value, value[:2], value + "," + rng.choice(values), key + ":" + value, "zzz",
                       "", ".", "[", key + "," + value, number, number + ":", ":" + number,
                       number + ":" + rng.choice(["5", "1mb", "10s", number]), "1:2:3"])
    return f"-{option}={rng.choice(['', '', key + '=', 'zzz=', '='])}{what}"


def mixture(rng, given, others, sources):
    """A random command line on `given`, with the `others` as bases and further sources."""
    near = [given] * 4 + others
    inputs, names, args = [given.name], [given.path], []
    report = rng.choice(REPORTS)
    if report in ("peek", "list", "weblist"):
        args.append(f"-{report}={pattern(rng, given.names)}")
        if report != "peek":
            args += rng.choice([[], [f"-source_path={rng.choice(sources)}"],
                                [f"-trim_path={rng.choice(['/', '/usr', '/proc/self/cwd', 'x'])}"]])
    else:
        args.append(f"-{report}")
    if rng.random() < 0.5:
        args.append(rng.choice(["-functions", "-filefunctions", "-files", "-lines", "-addresses"]))
    for chance, flag in (
            (0.3, "-cum"), (0.25, "-noinlines"), (0.2, "-relative_percentages"),
            (0.15, "-compact_labels"), (0.15, "-trim=false"),
            (0.2, f"-nodecount={rng.choice([0, 1, 2, 5, 10, 40, 1000, -2])}"),
            (0.15, f"-nodefraction={rng.choice([0, 0.001, 0.02, 0.1, 0.5, 1, 2])}"),
            (0.15, f"-edgefraction={rng.choice([0, 0.001, 0.02, 0.1, 0.5, 1])}"),
            (0.2, f"-unit={rng.choice(UNITS)}"),
            (0.2, "-sample_index=" + rng.choice(["0", "1", "2", "3", "-1", "nothing"]
                                                + given.types * 2)),
            (0.05, rng.choice(["-inuse_space", "-alloc_objects", "-contentions", "-total_delay",
                               "-mean_delay"])),
            (0.1, "-mean"), (0.1, "-drop_negative"), (0.1, "-showcolumns"), (0.15, "-call_tree"),
            (0.1, f"-divide_by={rng.choice([2, 0.3, 10, 1e-3, 1e6, 7, 0, -1])}"),
            (0.05 if report != "weblist" else 1, "-output=" + OUT)):
        if rng.random() < chance:
            args.append(flag)
    for option in FILTERS:
        if rng.random() < 0.2:
            args.append(f"-{option}={pattern(rng, given.names)}")
    if rng.random() < 0.25:
        base = rng.choice(near)
        inputs.append(base.name)
        args.append(f"-{rng.choice(['base', 'diff_base'])}={base.path}")
    for chance, flag in ((0.1, "-normalize"), (0.1, "-all_frames"), (0.05, "-add_comment=told")):
        if rng.random() < chance:
            args.append(flag)
    while rng.random() < (0.3 if given.labels else 0.05):
        args.append(tag_option(rng, given))
    if rng.random() < 0.1:
        args = ["-" + arg for arg in args]
    while rng.random() < 0.12:
        other = rng.choice(near)
        inputs.append(other.name)
        names.append(other.path)
    option = " ".join(args[1:] + names[1:])
    args.append("-symbolize=none")
    if rng.random() < 0.05:
        names.insert(0, "/bin/sh")  # the binary
    return Case(report, option, inputs, given.folder, args + names)


def mixtures(seed, given, others, sources, n):
    rng = random.Random(f"{seed}/mixture/{given.name}")
    return [mixture(rng, given, others, sources) for _ in range(n)]
