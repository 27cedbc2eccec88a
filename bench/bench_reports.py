#!/usr/bin/env python3
"""bench_reports: every report of pprof, Sonde beside the peer in one run.

    bench_reports.py GO_PPROF SONDE [REGEXP]

GO_PPROF is a command ("go tool pprof", or the path of a built pprof), or "" when there
is none: then only our figures are printed.  Profiles: the Go compiler's own where GOROOT
has it, the 51 MB one that gen_profile makes, and sixteen smaller ones for a merge.
REGEXP: only rows that match.  RUNS (9) and PEER_RUNS (5; 1 on the large ones, which take
it a minute) set the number of runs.
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time

LONG_SECONDS = 3


def rows(pgo, large, base, parts):
    """Label, arguments of pprof, profiles, whether the peer takes long."""
    reports = [("top", ["-top"]), ("tree", ["-tree"]), ("peek", ["-peek={re}"]), ("dot", ["-dot"]),
               ("traces", ["-traces"]), ("raw", ["-raw"]), ("tags", ["-tags"]),
               ("list", ["-list={re}"]), ("callgrind", ["-callgrind"]), ("proto", ["-proto"]),
               ("topproto", ["-topproto"]), ("comments", ["-comments"]),
               ("disasm", ["-disasm={re}"]), ("focus + top", ["-focus={re}", "-top"]),
               ("call_tree + dot", ["-call_tree", "-dot"]), ("lines + top", ["-lines", "-top"])]
    for label, args in reports:
        if pgo and label != "disasm":
            yield f"compiler: {label}", [a.format(re="mallocgc$") for a in args], [pgo], False
    if pgo:
        yield "compiler: base + top", ["-top", f"-base={pgo}"], [pgo], False
        yield "compiler: merge of 16", ["-top"], [pgo] * 16, False
    for label, args in reports:
        if label != "disasm":
            yield f"51 MB: {label}", [a.format(re="[a-z]1234$") for a in args], [large], True
    yield "51 MB: base + top", ["-top", f"-base={base}"], [large], True
    yield "16 x 3 MB: merge", ["-top"], parts, True


def run(command, out, err):
    """Seconds and KiB of one run; the command is started without a shell."""
    to = [(os.POSIX_SPAWN_OPEN, fd, path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
          for fd, path in ((1, out), (2, err))]
    begin = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, file_actions=to)
    _, status, used = os.wait4(pid, 0)
    seconds = time.perf_counter() - begin
    if status:
        with open(err, encoding="utf-8", errors="replace") as f:
            sys.exit(f"bench_reports: failed: {' '.join(command)}\n{f.read(500)}")
    return seconds, used.ru_maxrss


def median_of(runs):
    return statistics.median(r[0] for r in runs), max(r[1] for r in runs) / 1024


def differ(ours, peer, folder):
    """Whether the two print something else.  Their outputs stay out of this process, whose
    size would count as that of those it starts."""
    outs = [os.path.join(folder, name) for name in ("ours", "peer")]
    for command, out in zip((ours, peer), outs):
        run(command, out, out + ".err")
    return subprocess.run(["cmp", "-s", *outs], check=False).returncode != 0


def bench(label, ours, peer, typed, n, n_peer, folder):
    """One row; the ratios of time and memory, None without a peer.  typed: the peer as its user
    starts it, through the go command: where that is a part of the time that shows."""
    err = os.path.join(folder, "err")
    mine, theirs, theirs_typed = [], [], []
    # In turn: a machine can be half as fast a few seconds later.
    n_peer = n_peer if peer else 1
    for i in range(n_peer):
        while len(mine) * n_peer < n * (i + 1):
            mine.append(run(ours, "/dev/null", err))
        if peer:
            theirs.append(run(peer, "/dev/null", err))
        if typed and theirs[0][0] < LONG_SECONDS:
            if i == 0:
                run(typed, "/dev/null", err)
            theirs_typed.append(run(typed, "/dev/null", err))
    t, mb = median_of(mine)
    line = f"  {label:26s} {t * 1000:8.1f} ms ({min(mine)[0] * 1000:.1f}..{max(mine)[0] * 1000:.1f})"
    line = f"{line:60s} {mb:5.0f} MB"
    if theirs:
        peer_t, peer_mb = median_of(theirs)
        line += f" {peer_t * 1000:10.0f} ms {peer_mb:6.0f} MB {peer_t / t:7.1f} x {peer_mb / mb:6.1f} x"
    if theirs_typed:
        typed_t, _ = median_of(theirs_typed)
        line += f"  typed: {typed_t * 1000:5.0f} ms {typed_t / t:6.1f} x"
    if n_peer > 1 and peer and "proto" not in label and differ(ours, peer, folder):
        line += "  (other output)"
    print(line, flush=True)
    return (peer_t / t, peer_mb / mb) if theirs else None


def main():
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    peer, sonde = sys.argv[1].split(), sys.argv[2]
    wanted = sys.argv[3] if len(sys.argv) > 3 else ""
    goroot = os.environ.get("GOROOT", "/nonexistent")
    pgo, go = os.path.join(goroot, "src/cmd/compile/default.pgo"), os.path.join(goroot, "bin/go")
    if not os.access(go, os.X_OK):
        go = None
    if not os.path.exists(pgo):
        print("no Go tree (GOROOT): its compiler's profile is left out")
        pgo = None
    gen = os.environ.get("GEN_PROFILE", os.path.join(os.path.dirname(sonde), "bench/gen_profile"))
    n, n_peer = int(os.environ.get("RUNS", "9")), int(os.environ.get("PEER_RUNS", "0"))
    os.environ.update(LC_ALL="C", TZ="UTC")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PPROF_TMPDIR"] = folder
        large, base = os.path.join(folder, "large.pb.gz"), os.path.join(folder, "base.pb.gz")
        subprocess.run([gen, "cpu51", large], check=True, stdout=subprocess.DEVNULL)
        subprocess.run([gen, "cpu3", base], check=True, stdout=subprocess.DEVNULL)
        parts = []
        for i in range(16):
            parts.append(os.path.join(folder, f"part{i}.pb.gz"))
            subprocess.run([gen, "cpu3", parts[-1], str(i)], check=True, stdout=subprocess.DEVNULL)
        print("median (least..most) and peak memory of sonde; of the peer; x = times what sonde takes")
        ratios = []
        for label, args, files, is_large in rows(pgo, large, base, parts):
            if not re.search(wanted, label):
                continue
            ours = [sonde, "pprof", *args, *files]
            theirs = [*peer, "-symbolize=none", *args, *files] if peer else None
            typed = [go, "tool", "pprof", *theirs[len(peer):]] if go and peer else None
            ratios.append(bench(label, ours, theirs, typed, n,
                                n_peer or (1 if is_large else 5), folder))
        if peer and ratios:
            print(f"  least: {min(r[0] for r in ratios):.1f} x time, "
                  f"{min(r[1] for r in ratios):.1f} x memory")


main()
