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


def build_environment(root, **more):
    """For go build.  What is built is kept below the build folder, for all tests and all Gos; most of it
    is of use to others only where cgo is off, as it is here."""
    cache = os.path.join(os.path.abspath(os.environ.get("SONDE_BUILD_ROOT", "build")), "go-cache")
    os.makedirs(cache, exist_ok=True)
    env = {k: v for k, v in os.environ.items() if not k.startswith("GO")}
    env.update(GOROOT=root, GOTOOLCHAIN="local", GOFLAGS="-mod=mod", GO111MODULE="on", GOPROXY="off",
               GOCACHE=os.environ.get("GOCACHE", cache), HOME=cache)
    return {**env, "CGO_ENABLED": "0", **more}


def go_build(root, folder, output, *options, what=".", **more):
    """go build of `what` in `folder`; what became of it.  `more`: of the environment."""
    return subprocess.run([os.path.join(root, "bin", "go"), "build", *options, "-o", output, what],
                          cwd=folder, env=build_environment(root, **more), capture_output=True, text=True,
                          errors="replace", timeout=600, check=False)
