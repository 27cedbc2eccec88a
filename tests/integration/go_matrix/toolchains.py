"""The Go toolchains that tests use."""
import glob
import os
import re
import shutil
import subprocess


def go_roots():
    named = os.environ.get("SONDE_GO_ROOTS")
    if named:
        return [root for root in named.split(":") if root]
    roots = [os.environ.get("GOROOT", "")]
    go = shutil.which("go")
    if go:
        roots.append(subprocess.run([go, "env", "GOROOT"], capture_output=True, text=True,
                                    timeout=60).stdout.strip())
    roots += sorted(glob.glob("/usr/lib/go-[0-9]*"))
    found = []
    for root in roots:
        if root and os.path.exists(os.path.join(root, "bin", "go")):
            root = os.path.realpath(root)
            if root not in found:
                found.append(root)
    return found


def go_versions():
    """{minor: GOROOT}, one of each version."""
    found = {}
    for root in go_roots():
        version = subprocess.run([os.path.join(root, "bin", "go"), "env", "GOVERSION"], capture_output=True,
                                 text=True, timeout=60, check=False,
                                 env={**os.environ, "GOROOT": root, "GOTOOLCHAIN": "local",
                                      "HOME": os.environ.get("HOME", "/tmp")}).stdout
        match = re.match(r"go1\.(\d+)", version)
        if match and int(match.group(1)) >= 19:
            found.setdefault(int(match.group(1)), root)
    return found


def build_environment(root, cache, **more):
    """For go build: `cache` is a folder that stays for the next time."""
    os.makedirs(cache, exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("GO")}
    env.update(GOROOT=root, GOTOOLCHAIN="local", GOFLAGS="-mod=mod", GO111MODULE="on", GOPROXY="off",
               GOCACHE=os.environ.get("GOCACHE", cache), HOME=cache, **more)
    return env
