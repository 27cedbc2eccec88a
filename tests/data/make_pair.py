#!/usr/bin/env python3
"""Write pair/: profiles of one made-up program, before and after a change of it.

before.pb.gz and after.pb.gz have the same functions, other stacks and values; in
"after" the program was loaded elsewhere, a library is new, and lines moved.
after_ms.pb.gz is "after" with its times in milliseconds and a third type of value.
"""
import gzip
import os
import random

HERE = os.path.dirname(os.path.abspath(__file__))


def number(n):
    n &= (1 << 64) - 1
    out = b""
    while True:
        low, n = n & 127, n >> 7
        out += bytes([low | (128 if n else 0)])
        if not n:
            return out


def field(n, v):
    return number(n << 3) + number(v) if v else b""


def block(n, content):
    return number(n << 3 | 2) + number(len(content)) + content


def packed(n, values):
    return block(n, b"".join(map(number, values)))


class Profile:
    def __init__(self):
        self.strings = {"": 0}
        self.rows = b""

    def text(self, s):
        return self.strings.setdefault(s, len(self.strings))

    def add(self, n, content):
        self.rows += block(n, content)

    def write(self, name):
        table = b"".join(block(6, s.encode()) for s in self.strings)
        os.makedirs(os.path.join(HERE, "pair"), exist_ok=True)
        with open(os.path.join(HERE, "pair", name), "wb") as f:
            f.write(gzip.compress(self.rows + table, 9, mtime=0))


FUNCTIONS = [f"{space}{name}" for space in ("", "db::", "net/http.", "std::vector<int>::")
             for name in ("run", "read", "parse", "push")]
USERS = ["anna", "bert", "carl"]


def make(name, seed, start, is_after, in_ms):
    rng = random.Random(seed)
    p = Profile()
    types = [("samples", "count"), ("cpu", "milliseconds" if in_ms else "nanoseconds")]
    if in_ms:
        types.append(("waits", "count"))
    for kind, unit in types:
        p.add(1, field(1, p.text(kind)) + field(2, p.text(unit)))
    mappings = [(start, "/bin/program"), (0x7f0000000000, "/lib/libold.so")]
    if is_after:
        mappings.append((0x7f5500000000, "/lib/libnew.so"))
    for i, (at, file) in enumerate(mappings):
        p.add(3, field(1, i + 1) + field(2, at) + field(3, at + 0x10000)
              + field(5, p.text(file)) + field(6, p.text(f"id{file[-5:]}")) + field(7, 1))
    for i, function in enumerate(FUNCTIONS):
        p.add(5, field(1, i + 1) + field(2, p.text(function)) + field(3, p.text("_" + function))
              + field(4, p.text(f"/src/{'abcd'[i % 4]}.cc")) + field(5, 10 * i + 1))
    n_locations = 48
    for i in range(n_locations):
        at, _ = mappings[i % len(mappings)]
        lines = [i % 16] if i % 5 else [(i + 3) % 16, i % 16]
        content = field(1, i + 1) + field(2, i % len(mappings) + 1) + field(3, at + 0x100 + 16 * i)
        for k, function in enumerate(lines):
            content += block(4, field(1, function + 1)
                             + field(2, 10 * function + 2 + i % 3 + is_after) + field(3, i % 4 + k))
        p.add(4, content)
    stacks = random.Random(5)  # the same in both
    for _ in range(70):
        stack = [stacks.randrange(n_locations) + 1 for _ in range(stacks.randrange(1, 7))]
        count = rng.choice([0, 1, 1, 1, 1, 1]) * rng.randrange(1, 100)
        nanoseconds = count * rng.randrange(100000, 10000000)
        values = [count, nanoseconds // 1000000 if in_ms else nanoseconds]
        if in_ms:
            values.append(rng.randrange(3))
        labels = b""
        if stacks.random() < 0.5:
            labels += block(3, field(1, p.text("user")) + field(2, p.text(stacks.choice(USERS))))
        if stacks.random() < 0.3:
            labels += block(3, field(1, p.text("zone")) + field(2, p.text("eu")))
        if stacks.random() < 0.4:
            labels += block(3, field(1, p.text("bytes")) + field(3, 1 << stacks.randrange(20)))
        if stacks.random() < 0.2:
            labels += block(3, field(1, p.text("latency")) + field(3, stacks.randrange(1, 9000))
                            + field(4, p.text("milliseconds")))
        p.add(2, packed(1, stack) + packed(2, values) + labels)
    p.rows += field(9, (1700000000 + 3600 * is_after) * 10**9) + field(10, 20 * 10**9)
    p.add(11, field(1, p.text("cpu")) + field(2, p.text("milliseconds" if in_ms else "nanoseconds")))
    p.rows += field(12, 10 if in_ms else 10000000)
    p.write(name)


make("before.pb.gz", 1, 0x400000, False, False)
make("after.pb.gz", 2, 0x560000000000, True, False)
make("after_ms.pb.gz", 3, 0x560000000000, True, True)
