"""words: some seconds of the work that Python programs do, to be recorded.

    sonde record -- python3 words.py

What is seen is the interpreter at work: its loop, dictionaries, sorting, regular
expressions, JSON, hashing and compression."""

import hashlib
import json
import random
import re
import sys
import time
import zlib

WORD = re.compile(r"[a-z]+(?=ing\b|ed\b)")


def make_text(rng, n):
    stems = ["work", "talk", "read", "walk", "profil", "sampl", "measur", "count"]
    ends = ["ing", "ed", "s", ""]
    return " ".join(rng.choice(stems) + rng.choice(ends) for _ in range(n))


def count_words(text):
    counts = {}
    for word in text.split():
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def one_round(rng):
    text = make_text(rng, 20000)
    counts = count_words(text)
    stems = WORD.findall(text)
    packed = zlib.compress(json.dumps({"counts": counts, "stems": stems}).encode(), 6)
    again = json.loads(zlib.decompress(packed))
    return hashlib.sha256(str(sorted(again["stems"])).encode()).hexdigest()


def main():
    rng = random.Random(1)
    end = time.monotonic() + float(sys.argv[1] if len(sys.argv) > 1 else 3)
    rounds = 0
    while time.monotonic() < end:
        one_round(rng)
        rounds += 1
    print(f"{rounds} rounds")


main()
