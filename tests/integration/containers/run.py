#!/usr/bin/env python3
"""Programs in real containers (runc: namespaces of all kinds, users too, and a cgroup), read
from outside with every kind.  Needs root and runc.  Ends in the counts.
"""
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "go_matrix"))
from toolchains import go_build, go_versions  # noqa: E402

SONDE = os.path.abspath(os.environ.get("SONDE", "build/sonde"))
BUILD = os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build"))
FIRST_ID = 100000  # of the users in the container
LIMIT = 120
counts = {"passed": 0, "failed": 0, "skipped": 0}


def check(name, ok, why=""):
    counts["passed" if ok else "failed"] += 1
    if not ok:
        print(f"FAILED {name}: {why}", flush=True)


def skip(name, why):
    counts["skipped"] += 1
    print(f"SKIPPED {name}: {why}", flush=True)


def run(*command, **options):
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=LIMIT, check=False, **options)


def top(source, *flags):
    done = run(SONDE, "pprof", "-top", "-nodecount=0", "-nodefraction=0", *flags, source)
    return done.stdout + done.stderr


class Container:
    """`command` in a root of its own, which is `folder`, as root of a user namespace."""

    def __init__(self, folder, *command, env=()):
        self.id = secrets.token_hex(32)
        self.bundle = os.path.dirname(folder)
        self.state = os.path.join(self.bundle, "state")
        config = os.path.join(self.bundle, "config.json")
        if os.path.exists(config):
            os.unlink(config)
        done = run("runc", "spec", "--bundle", self.bundle)
        if done.returncode:
            raise OSError(done.stderr.strip())
        with open(config, encoding="utf-8") as file:
            spec = json.load(file)
        spec["process"].update(terminal=False, args=list(command), env=["PATH=/", *env])
        spec["root"] = {"path": folder, "readonly": False}
        spec["linux"]["cgroupsPath"] = f"/{self.id}"
        spec["linux"]["namespaces"].append({"type": "user"})
        one = {"containerID": 0, "hostID": FIRST_ID, "size": 65536}
        spec["linux"].update(uidMappings=[one], gidMappings=[one])
        with open(config, "w", encoding="utf-8") as file:
            json.dump(spec, file)
        self.process = subprocess.Popen(
            ["runc", "--root", self.state, "run", "--bundle", self.bundle, self.id],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = self.process.stdout.readline()
        if line != "ready\n":
            self.end()
            raise OSError(line.strip() or "no container can be made")
        state = json.loads(run("runc", "--root", self.state, "state", self.id).stdout)
        self.pid = state["pid"]

    def end(self):
        run("runc", "--root", self.state, "delete", "--force", self.id)
        self.process.wait(timeout=LIMIT)
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()


def record(container, folder, kinds, *options):
    done = run(SONDE, "record", "-p", str(container.pid), "-e", kinds, "--seconds", "3", "-o", folder,
               *options)
    return done.stderr


def check_all(name, container, folder):
    """The whole system: the container is a label."""
    path = os.path.join(folder, "all.pb.gz")
    run(SONDE, "record", "-e", "cpu", "-a", "--seconds", "2", "-o", path)
    text = run(SONDE, "pprof", "-tags", path).stdout
    check(f"{name} -a", re.search(rf"container: Total.*\n(.*\n)*.*: {container.id[:12]}\n", text)
          and container.id in text, text)


def build_go(out):
    versions = go_versions()
    if not versions:
        return "no Go toolchain: set SONDE_GO_ROOTS to GOROOTs, joined with ':'"
    _, root = max(versions.items())
    return go_build(root, os.path.join(HERE, "inside"), out, "-ldflags=-s -w").stderr.strip()


def test_go(root, folder):
    why = build_go(os.path.join(root, "inside"))
    if why:
        skip("Go", why)
        return
    with Container(root, "/inside") as c:
        where = os.path.join(folder, "go")
        told = record(c, where, "cpu,goroutine,heap,block,mutex,threadcreate", "--enable")
        for kind, name in (("cpu", "main.burns"), ("goroutine", "main.locks"), ("heap", "main.grows"),
                           ("block", "main.locks"), ("mutex", "main.locks"),
                           ("threadcreate", "")):  # of those Go often keeps no stacks
            text = top(f"{where}/{kind}.pb.gz")
            check(f"Go {kind}", f" {name}\n" in text + "\n" if name else
                  re.search(r" of [1-9]\d* total", text), told + text)
        text = run(SONDE, "pprof", "-tags", f"{where}/cpu.pb.gz").stdout
        check("Go labels", re.search(r": burns\n", text), told + text)
        check_all("Go", c, folder)


def test_native(root, folder):
    with Container(root, "/waits") as c:
        where = os.path.join(folder, "native")
        told = record(c, where, "cpu,goroutine,block")
        for kind, name in (("cpu", "computes"), ("goroutine", "takes"), ("block", "naps")):
            text = top(f"{where}/{kind}.pb.gz")
            check(f"native {kind}", f" {name}\n" in text and "File: waits\n" in text, told + text)
        check_all("native", c, folder)


def test_libsonde(root, _):
    with Container(root, "/target", "burn", env=["LD_PRELOAD=/libsonde.so"]) as c:
        for _ in range(100):
            if os.path.exists(f"/proc/{c.pid}/root/tmp/sonde-0/1.sock"):
                break
            time.sleep(0.1)
        for kind, name in (("cpu?seconds=2", "burns"), ("goroutine", "waits_for_a_line"),
                           ("threadcreate", "start")):
            text = top(f"pid:{c.pid}/{kind}")
            check(f"libsonde {kind}", f" {name}\n" in text + "\n", text)
        text = top(f"pid:{c.pid}/heap")
        check("libsonde heap", "Type: inuse_space" in text, text)


def make_root(folder):
    """A root with two programs, what they are linked with, and libsonde."""
    root = os.path.join(folder, "root")
    for name in "proc", "sys", "dev", "tmp":
        os.makedirs(os.path.join(root, name))
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    sources = os.path.join(HERE, "..", "attach")
    for name in "target", "waits":
        done = run(os.environ.get("CC", "cc"), "-std=gnu17", "-D_GNU_SOURCE", "-O2", "-g",
                   "-fomit-frame-pointer", "-pthread", f"{sources}/{name}.c", "-o", f"{root}/{name}")
        if done.returncode:
            sys.exit(done.stderr)
    shutil.copy(f"{BUILD}/libsonde.so", root)
    for name in "target", "libsonde.so":
        for path in re.findall(r"(/\S+) \(0x", run("ldd", f"{root}/{name}").stdout):
            os.makedirs(os.path.dirname(root + path), exist_ok=True)
            shutil.copy(os.path.realpath(path), root + path)
    for path, _, names in os.walk(root):
        for name in ["", *names]:
            os.chown(os.path.join(path, name), FIRST_ID, FIRST_ID)
    return root


def main():
    if os.geteuid() != 0 or not shutil.which("runc"):
        print("runc is not installed" if os.geteuid() == 0 else "needs root")
        return 77
    with tempfile.TemporaryDirectory(prefix="sonde-containers-") as folder:
        os.chmod(folder, 0o755)
        root = make_root(folder)
        for test in test_go, test_native, test_libsonde:
            try:
                test(root, folder)
            except OSError as why:
                skip(test.__name__, why)
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return counts["failed"] > 0


if __name__ == "__main__":
    sys.exit(main())
