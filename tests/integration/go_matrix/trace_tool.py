"""The reference for traces: `go tool trace`, of SONDE_GO_TRACE or built by a toolchain."""
import os
import re
import subprocess

from toolchains import build_environment, go_roots


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
    if not os.path.exists(tool):
        done = subprocess.run([os.path.join(roots[-1], "bin/go"), "build", "-o", tool, "cmd/trace"],
                              cwd=build, capture_output=True, text=True,
                              env=build_environment(roots[-1], os.path.join(build, "go-cache")))
        if done.returncode:
            return None
    return tool
