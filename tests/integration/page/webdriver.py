"""webdriver: a browser (Debian's chromium and chromedriver), driven by W3C WebDriver.

    with Browser(width=1024, height=768, dark=False) as browser:
        browser.open("http://localhost:1234/ui/")
        browser.wait("return document.title == 'x'")
        browser.find("button.x").click()

Skip says why there is none."""

import base64
import http.client
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Tab": "\ue004", "Shift": "\ue008", "Control": "\ue009",
        "Home": "\ue011", "End": "\ue010", "ArrowLeft": "\ue012", "ArrowUp": "\ue013",
        "ArrowRight": "\ue014", "ArrowDown": "\ue015", "Delete": "\ue017", "F10": "\ue03a",
        "Backspace": "\ue003", "Space": " "}


class Skip(Exception):
    """There is no browser here."""


class Element:
    def __init__(self, browser, reference):
        self.browser, self.reference = browser, reference
        self.id = reference[ELEMENT]

    def _ask(self, method, path, body=None):
        return self.browser.ask(method, f"/element/{self.id}{path}", body)

    def click(self):
        self._ask("POST", "/click", {})

    def type(self, text):
        self._ask("POST", "/value", {"text": text})

    def clear(self):
        self._ask("POST", "/clear", {})

    @property
    def text(self):
        return self._ask("GET", "/text")

    def attribute(self, name):
        return self._ask("GET", f"/attribute/{name}")

    @property
    def box(self):
        return self._ask("GET", "/rect")


class Browser:
    def __init__(self, width=1024, height=768, dark=False):
        driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
        if not driver or not chromium:
            raise Skip("no chromium or chromedriver (Debian: chromium, chromium-driver)")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.driver = subprocess.Popen([driver, f"--port={self.port}"], stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL, start_new_session=True)
        self.session = None
        try:
            self._begin(chromium, width, height, dark)
        except BaseException:
            self.close()
            raise

    def _begin(self, chromium, width, height, dark):
        args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                "--hide-scrollbars", "--force-device-scale-factor=1", "--no-first-run",
                f"--window-size={width},{height}", f"--user-data-dir={self.folder.name}"]
        if dark:
            args.append("--blink-settings=preferredColorScheme=0")
        wanted = {"browserName": "chrome", "goog:chromeOptions": {"args": args, "binary": chromium},
                  "goog:loggingPrefs": {"browser": "ALL"}}
        end = time.monotonic() + 60
        while True:
            try:
                answer = self._send("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
                break
            except ConnectionError:
                if time.monotonic() > end or self.driver.poll() is not None:
                    raise Skip("chromedriver does not start") from None
                time.sleep(0.1)
        self.session = answer["sessionId"]
        self.size(width, height)

    def _send(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{value['error']}: {value['message'].splitlines()[0]}")
        return value

    def ask(self, method, path, body=None):
        return self._send(method, f"/session/{self.session}{path}", body)

    def size(self, width, height):
        """Of what the page sees, not of the window."""
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                 mobile=width < 500)

    def cdp(self, command, **params):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def dark(self, on):
        self.cdp("Emulation.setEmulatedMedia",
                 features=[{"name": "prefers-color-scheme", "value": "dark" if on else "light"}])

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def back(self):
        self.ask("POST", "/back", {})

    def forward(self):
        self.ask("POST", "/forward", {})

    @property
    def url(self):
        return self.ask("GET", "/url")

    def run(self, script, *args):
        """What the script returns; elements come and go as Element."""
        def out(v):
            return v.reference if isinstance(v, Element) else v

        def back(v):
            if isinstance(v, dict) and ELEMENT in v:
                return Element(self, v)
            return [back(x) for x in v] if isinstance(v, list) else v
        return back(self.ask("POST", "/execute/sync", {"script": script, "args": [out(a) for a in args]}))

    def wait(self, script, *args, seconds=60):
        """Until the script returns something true: that."""
        end = time.monotonic() + seconds
        while True:
            value = self.run(script, *args)
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"not within {seconds} s: {script}")
            time.sleep(0.05)

    def find(self, css, seconds=30):
        return self.wait("return document.querySelector(arguments[0])", css, seconds=seconds)

    def all(self, css):
        return self.run("return [...document.querySelectorAll(arguments[0])]", css)

    def key(self, name, *held):
        """Press and release a key, a character or one of KEYS, with others held."""
        def at(kind, k):
            return {"type": kind, "value": KEYS.get(k, k)}
        actions = [at("keyDown", k) for k in held] + [at("keyDown", name), at("keyUp", name)]
        actions += [at("keyUp", k) for k in reversed(held)]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": actions}]})

    def mouse(self, x, y, *, click=False, button=0, twice=False):
        actions = [{"type": "pointerMove", "duration": 0, "x": int(x), "y": int(y)}]
        for _ in range((2 if twice else 1) if click or twice else 0):
            actions += [{"type": "pointerDown", "button": button}, {"type": "pointerUp", "button": button}]
        self.ask("POST", "/actions", {"actions": [{"type": "pointer", "id": "mouse", "actions": actions}]})

    def picture(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("GET", "/screenshot")))

    def console(self):
        """What the page said since the last call: errors and warnings, one text each."""
        entries = self.ask("POST", "/se/log", {"type": "browser"})
        return [e["message"] for e in entries if e["level"] in ("SEVERE", "WARNING")]

    def close(self):
        if self.session:
            try:
                self.ask("DELETE", "")
            except (OSError, RuntimeError, ValueError):
                pass
        self.driver.terminate()
        try:
            self.driver.wait(10)
        except subprocess.TimeoutExpired:
            self.driver.kill()
        self.folder.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
