"""Profiles taken on the spot: a small server (service/) built with each Go that is found,
its profiles as files and as both programs read them over HTTP.

The Go's are $GOROOT, those in $SONDE_GO_ROOTS (separated by colons) and /usr/lib/go-*."""
import glob
import http.server
import os
import re
import shutil
import subprocess
import threading
import urllib.request

from .case import OUT, Case
from .inputs import Input, without_comments
from .reference import go_environment

SERVICE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "service")
PROFILES = ["profile?seconds=2", "heap", "allocs", "block", "mutex", "goroutine", "threadcreate"]
REPORTS = ["top", "tree", "traces", "raw", "dot", "proto", "tags", "comments", "topproto",
           "callgrind", "peek=main", "list=main", "disasm=main", "weblist=main"]
OPTIONS = [[], ["-cum", "-lines"], ["-focus=main", "-noinlines"], ["-call_tree", "-addresses"]]


def toolchains():
    """{version: GOROOT}"""
    roots = [os.environ.get("GOROOT", ""), *os.environ.get("SONDE_GO_ROOTS", "").split(":")]
    found = {}
    for root in [*roots, *sorted(glob.glob("/usr/lib/go-*"))]:
        try:
            with open(os.path.join(root, "VERSION"), encoding="utf-8") as f:
                version = f.readline().strip()
        except OSError:
            continue
        if os.access(os.path.join(root, "bin/go"), os.X_OK):
            found.setdefault(version, root)
    return found


class Service:
    """The server, running.  `files`: its profiles as they were taken once."""

    def __init__(self, version, root, folder):
        self.version = version
        self.folder = os.path.join(folder, version)
        source = os.path.join(folder, "source")
        if not os.path.isdir(source):
            shutil.copytree(SERVICE, source)
        os.mkdir(self.folder)
        self.program = os.path.join(self.folder, "service")
        env = go_environment(root)
        env.setdefault("GOCACHE", os.path.join(folder, "cache"))
        subprocess.run([os.path.join(root, "bin/go"), "build", "-o", self.program, "."], cwd=source,
                       env=env, check=True, stdin=subprocess.DEVNULL)
        self.process = subprocess.Popen([self.program], stdout=subprocess.PIPE, text=True)
        self.url = f"http://{self.process.stdout.readline().strip()}/debug/pprof/"
        self.files = []
        for what in PROFILES:
            name = what.split("?")[0]
            self.take(what, f"{name}.pb.gz")
            if name != "profile":
                self.take(f"{name}?debug=1", f"{name}.txt")

    def take(self, what, name):
        path = os.path.join(self.folder, name)
        with urllib.request.urlopen(self.url + what, timeout=60) as answer, open(path, "wb") as f:
            f.write(answer.read())
        self.files.append(name)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Replay:
    """Serves the files at the paths where a Go program has its profiles, so that both
    programs get the same bytes."""

    def __init__(self, folder):
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                version, _, name = self.path.partition("?")[0].strip("/").partition("/debug/pprof/")
                try:
                    with open(os.path.join(folder, version, name + ".pb.gz"), "rb") as f:
                        data = f.read()
                except OSError:
                    self.send_error(404)
                    return
                self.send_response(200)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, version, name):
        return f"http://127.0.0.1:{self.server.server_port}/{version}/debug/pprof/{name}"


def file_cases(service, made):
    """Each file with each report, without and with the program."""
    for name in service.files:
        given = Input(f"live/{service.version}/{name}", service.folder, name)
        for taken in [given, without_comments(given, made)] if name.endswith(".txt") else [given]:
            if not taken:
                continue
            for report in REPORTS:
                for options in OPTIONS:
                    for program in ([], [service.program]):
                        args = [f"-{report}", *options, *program, taken.path]
                        if report.startswith("weblist"):
                            args.insert(1, f"-output={OUT}")
                        yield Case(report.split("=")[0], " ".join(options + program), [taken.name],
                                   taken.folder, args)


def replay_cases(service, replay):
    """The same bytes over HTTP."""
    for what in PROFILES:
        name = what.split("?")[0]
        url = replay.url(service.version, name)
        for options in ([], ["-seconds=1"], [f"-base={url}"], [f"-diff_base={url}", "-timeout=5"],
                        [url], ["-symbolize=remote"]):
            for report in ("top", "raw", "proto"):
                yield Case(report, " ".join(options), [f"replay/{service.version}/{name}"],
                           service.folder, [f"-{report}", *options, url])


def compare_running(service, reference, program):
    """Both read the running server, one after the other: (name, text of a difference).
    What is asked of the answers is what does not change."""
    for what in PROFILES:
        name = what.split("?")[0]
        options = ["-seconds=1"] if name == "profile" else []
        args = ["-top", "-nodecount=0", "-nodefraction=0", *options, service.url + name]
        want, got = (run(args, service.folder) for run in (reference, program))
        facts = [still(answer, name) for answer in (want, got)]
        same = facts[0] == facts[1] and want.status == got.status == 0
        yield name, "" if same else f"FAILED: {name} of the running server: {facts} {got.stderr}"


def still(answer, name):
    """File, build ID and type; of goroutines, those of the program that only wait."""
    text = answer.stdout.decode("utf-8", "replace")
    found = re.findall(r"^(?:File|Build ID|Type): .*", text, re.M)
    if name == "goroutine":
        found += sorted(set(re.findall(r"main\.(?:descend|main)\b", text)))
    return found
