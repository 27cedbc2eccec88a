"""The reference: the pprof of Go 1.27, and where its sources are."""
import glob
import os
import shutil
import subprocess


class NoReference(Exception):
    """Why there is none."""


class Reference:
    """`pprof` is a built program, `goroot` the folder of Go 1.27 (None if not known)."""

    def __init__(self, folder):
        self.go = None
        self.goroot = self._find_goroot()
        self.pprof = os.environ.get("SONDE_GO_PPROF")
        if self.pprof:
            if not os.access(self.pprof, os.X_OK):
                raise NoReference(f"{self.pprof} is not a program")
            return
        if not self.goroot:
            raise NoReference("no Go 1.27 toolchain (set GOROOT or SONDE_GO_PPROF)")
        self.pprof = os.path.join(folder, "pprof")
        done = subprocess.run([self.go, "build", "-o", self.pprof, "."],
                              cwd=os.path.join(self.goroot, "src/cmd/pprof"), text=True,
                              env=go_environment(self.goroot),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        if done.returncode:
            raise NoReference(f"cannot build cmd/pprof: {done.stdout.strip().splitlines()[-1:]}")

    def _find_goroot(self):
        """Of the first Go 1.27 that is found; its program is then self.go."""
        root = os.environ.get("GOROOT")
        candidates = [os.path.join(root, "bin/go")] if root else []
        candidates += [shutil.which("go"), *sorted(glob.glob("/usr/lib/go-*/bin/go"), reverse=True)]
        env = {k: v for k, v in os.environ.items() if k != "GOROOT"}
        for program in candidates:
            if not program or not os.access(program, os.X_OK):
                continue
            done = subprocess.run([program, "env", "GOROOT", "GOVERSION"], text=True,
                                  env={**env, "GOTOOLCHAIN": "local"}, capture_output=True)
            lines = done.stdout.split()
            # A tree that was moved does not say its new place.
            if len(lines) == 2 and lines[1].startswith("go1.27"):
                self.go = program
                return lines[0] if os.path.isdir(lines[0]) else root
        return None


def go_environment(goroot):
    return {**os.environ, "GOROOT": goroot, "GOTOOLCHAIN": "local", "GOFLAGS": "", "GOWORK": "off"}
