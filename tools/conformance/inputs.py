"""The profiles that command lines are tried on, and what their expressions are made of."""
import os
import re
import random

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = os.path.join(ROOT, "tests", "data")
CORPUS = os.path.join(ROOT, "tests", "fuzz", "corpus")


class Input:
    """A profile: `name` is how excuses call it, `path` how a command line does when it
    runs in `folder`.  `is_odd`: what it holds is read differently on purpose, so that only
    each report is tried, without options."""

    def __init__(self, name, folder, path, is_odd=False):
        self.name, self.folder, self.path, self.is_odd = name, folder, path, is_odd
        self.full = os.path.join(folder, path)
        self.names = self.labels = None
        self.types = []

    def learn(self, reference):
        """What the profile has, as the reference's raw report shows it: names of functions,
        files and mappings; labels as (key, values); names of the values."""
        answer = reference(["-raw", "-symbolize=none", self.path], self.folder)
        self.is_odd |= answer.status != 0  # refused
        text = answer.stdout.decode("utf-8", "replace")
        samples, _, locations = text.partition("\nLocations\n")
        found = set()
        for line in locations.splitlines():
            found.update(word for word in line.split()[1:] if re.search("[A-Za-z]", word))
        self.names = sorted(found) or ["none"]
        labels = {}
        head = re.search(r"^Samples:\n(.*)$", samples, re.M)
        self.types = [word.split("/")[0] for word in head[1].split()] if head else []
        for line in samples.splitlines():
            if line.startswith(" " * 16):
                for key, values in re.findall(r"(\S+):\[([^]]*)\]", line):
                    labels.setdefault(key, set()).update(values.split())
        # To Go the replacement character in a regexp matches a broken byte.
        self.labels = sorted((key, sorted(values)) for key, values in labels.items()
                             if "\ufffd" not in key + "".join(values))


def listed(folder, pattern="."):
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    return [n for n in names if re.search(pattern, n) and os.path.isfile(os.path.join(folder, n))]


# Formats of ours, and damage that is taken otherwise (doc/differences.md has the reasons).
ODD = {"corpus/folded", "corpus/jemalloc", "corpus/zstd", "corpus/cpu_cut", "bad/jemalloc.txt"}
GO_COMMENTS = re.compile(rb"^#(\t0x.*| labels: .*|\t\.\.\.)\n", re.M)


def without_comments(given, folder):
    """Go's texts name their frames in comments, which the reference passes over.  The same
    text without them, or None if it has none."""
    text = contents(given)
    plain = GO_COMMENTS.sub(b"", text)
    if plain == text or b"\0" in text:
        return None
    name = given.name.replace("/", "_")
    with open(os.path.join(folder, name), "wb") as f:
        f.write(plain)
    return Input(f"plain/{name}", folder, name)


def contents(given):
    with open(given.full, "rb") as f:
        return f.read()


def all_inputs(testdata, goroot, more, folder):
    """Every profile in a format that the reference reads, and some others.  `folder` is for
    files that are made."""
    found = []
    for sub in ("pprof", "go", "odd", "pair", "legacy"):
        kind = r"^[^.]*\.pb(\.gz)?$|\.txt$" if sub != "legacy" else "."
        for name in listed(os.path.join(DATA, sub), kind):
            found.append(Input(f"{sub}/{name}", DATA, f"{sub}/{name}"))
    for sub in ("legacy", "pprof_read"):
        for name in listed(os.path.join(CORPUS, sub)):
            found.append(Input(f"corpus/{name}", CORPUS, f"{sub}/{name}"))
    for name in listed(os.path.join(DATA, "bad")):
        found.append(Input(f"bad/{name}", DATA, f"bad/{name}"))
    for sub in ("profile", "driver", "cases", "fuzz", "fuzz/corpus"):
        path = os.path.join(testdata, "pprof", sub)
        for name in listed(path, r"^(?!.*\.(string|out|txt)$)"):
            if sub == "cases" and os.path.exists(os.path.join(DATA, "pprof", name)):
                continue  # the same profile
            found.append(Input(f"testdata/{sub}/{name}", path, name))
    pgo = os.path.join(goroot or "/", "src/cmd/compile/default.pgo")
    if os.path.exists(pgo):
        found.append(Input("default.pgo", DATA, pgo))
    for path in more:
        found.append(Input(f"given/{os.path.basename(path)}", DATA, os.path.realpath(path)))
    found = list({contents(given): given for given in reversed(found)}.values())[::-1]
    for given in list(found):
        plain = without_comments(given, folder)
        given.is_odd = bool(plain) or given.name in ODD
        found += [plain] if plain else []
    return found


def pattern(rng, names):
    """A regexp that matches something of the profile, all of it, or nothing."""
    name = rng.choice(names)
    kind = rng.randrange(12)
    words = re.findall(r"\w+", name) or ["x"]
    if kind < 3:
        return re.escape(name)
    if kind < 7:
        return rng.choice(words)
    if kind == 7:
        return rng.choice(words) + "|" + re.escape(rng.choice(names))
    if kind == 8:
        return "^" + re.escape(name[: rng.randrange(1, len(name) + 1)])
    if kind == 9:
        return "(?i)" + rng.choice(words).upper()
    if kind == 10:
        return rng.choice([".", ".*", "^$", "zzz_nothing", "[", "(", r"\.(c|go|h)", "^[^:]*$"])
    return re.escape(name[-rng.randrange(1, len(name) + 1):]) + "$"


def a_pattern(given):
    """The same one each time, with matches: the first word of a name in the middle."""
    rng = random.Random(given.name)
    for _ in range(20):
        words = re.findall(r"[A-Za-z_]\w+", rng.choice(given.names))
        if words:
            return rng.choice(words)
    return "."
