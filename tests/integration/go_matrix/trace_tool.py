"""The reference for traces: `go tool trace`, of SONDE_GO_TRACE or built by a toolchain."""
import fcntl
import os
import re

from toolchains import go_build, go_roots


def go_trace():
    """Its path, or None.  It is kept below the build folder."""
    given = os.environ.get("SONDE_GO_TRACE")
    if given:
        return given
    def version(root):
        return [int(part) for part in re.findall(r"\d+", os.path.basename(root))]
    roots = sorted(go_roots(), key=version)
    # Before there is no tool that reads the traces of today.
    if not roots or version(roots[-1]) < [1, 26]:
        return None
    build = os.path.abspath(os.environ["SONDE_BUILD_ROOT"])
    tool = os.path.join(build, "go-trace-" + os.path.basename(roots[-1]))
    with open(tool + ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several tests at once, one builds it
        if not os.path.exists(tool) and go_build(roots[-1], build, tool, what="cmd/trace").returncode:
            return None
    return tool
