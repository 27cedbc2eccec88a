#!/usr/bin/env python3
"""bench_shell: commands typed into the shell on a loaded 51 MB profile, Sonde beside the peer.

    bench_shell.py GO_PPROF SONDE

GO_PPROF is a command ("go tool pprof", or the path of a built pprof), or "" when there
is none: then only our figures are printed.  RUNS (5) and PEER_RUNS (1) say how often each
command is typed.
"""
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time

COMMANDS = ["top", "top -cum", "tree", "peek [a-z]1234$", "list [a-z]1234$", "top encoding", "dot", "tags"]


class Shell:
    def __init__(self, command):
        self.process = subprocess.Popen(command, bufsize=0, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)
        threading.Thread(target=self.drain, daemon=True).start()
        self.told = b""
        self.loaded = self.time()

    def drain(self):
        while os.read(self.process.stdout.fileno(), 1 << 20):
            pass

    def time(self, command=None):
        """Milliseconds until the answer is there: the help that is asked for after it."""
        begin = time.perf_counter()
        self.process.stdin.write(((command + "\n" if command else "") + "help gif\n").encode())
        while b"GIF" not in self.told:
            more = os.read(self.process.stderr.fileno(), 1 << 16)
            if not more:
                sys.exit(f"bench_shell: the shell ended: {self.told.decode('utf-8', 'replace')[-300:]}")
            self.told += more
        self.told = self.told[self.told.index(b"GIF") + 3:]
        return (time.perf_counter() - begin) * 1000

    def quit(self):
        self.process.stdin.write(b"quit\n")
        self.process.wait()


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    peer, sonde = sys.argv[1].split(), sys.argv[2]
    n, n_peer = int(os.environ.get("RUNS", "5")), int(os.environ.get("PEER_RUNS", "1"))
    gen = os.environ.get("GEN_PROFILE", os.path.join(os.path.dirname(sonde), "bench/gen_profile"))
    os.environ.update(LC_ALL="C", TZ="UTC", PAGER="")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["HOME"] = os.environ["PPROF_TMPDIR"] = folder
        large = os.path.join(folder, "large.pb.gz")
        subprocess.run([gen, "cpu51", large], check=True, stdout=subprocess.DEVNULL)
        ours = Shell([sonde, "pprof", large])
        theirs = Shell([*peer, "-symbolize=none", large]) if peer else None
        print("median (least..most) of sonde; of the peer; x = times what sonde takes")
        for command in [None] + COMMANDS:
            times = [ours.time(command) for _ in range(n)] if command else [ours.loaded]
            line = f"  {command or '(the start)':20s} {statistics.median(times):8.1f} ms " \
                   f"({min(times):.1f}..{max(times):.1f})"
            if theirs:
                peers = [theirs.time(command) for _ in range(n_peer)] if command else [theirs.loaded]
                line = f"{line:52s} {statistics.median(peers):9.0f} ms " \
                       f"{statistics.median(peers) / statistics.median(times):8.1f} x"
            print(line, flush=True)
        ours.quit()
        if theirs:
            theirs.quit()


main()
