"""What a test counts and says: checks that passed or failed, skips with their reason."""
import subprocess
import sys

passed, failed, skipped = 0, 0, 0


def check(name, ok, *shown):
    global passed, failed
    passed, failed = passed + bool(ok), failed + (not ok)
    if not ok:
        print("FAILED", name, *[str(text)[:1500] for text in shown])


def skip(name, why):
    global skipped
    skipped += 1
    print("SKIPPED", name, why)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def end():
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)
