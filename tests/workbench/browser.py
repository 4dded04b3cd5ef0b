"""A page of the workbench in Chromium, which tells what went wrong in it."""

import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


def chromium():
    """Where Debian's Chromium is; None where there is none."""
    return os.environ.get("CHROMIUM") or shutil.which("chromium")


def need_browser():
    """Skip, with the reason, where no browser can be driven."""
    pytest.importorskip(
        "playwright", reason="playwright drives the browser; pip install playwright"
    )
    if chromium() is None:
        pytest.skip("there is no Chromium here; apt-get install chromium")


@contextmanager
def browsing():
    """A new Chromium; one at a time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
        try:
            yield browser
        finally:
            browser.close()


class Page:
    """A tab: what it asked for, and what it complained of."""

    def __init__(self, context, serving, *, width=1280, height=900):
        self.tab = context.new_page()
        self.tab.set_viewport_size({"width": width, "height": height})
        self.serving = serving
        self.problems, self.asked = [], []
        self.tab.on("console", self._note)
        self.tab.on("pageerror", lambda error: self.problems.append(str(error)))
        self.tab.on("request", lambda request: self.asked.append(request.url))

    def _note(self, message):
        if message.type in ("error", "warning"):
            self.problems.append(message.text)

    def open(self, path="/"):
        self.tab.goto(self.serving.address + path)
        return self

    def log_in(self, token):
        self.open("/")
        self.tab.fill("#token", token)
        self.tab.click("button.main")
        self.tab.wait_for_selector("#ask")
        self.problems.clear()  # the browser complains of the answer 401
        return self

    def send(self, **files):
        """Choose recordings and press the button."""
        for name, paths in files.items():
            paths = paths if isinstance(paths, list) else [paths]
            self.tab.set_input_files(f"#{name}", [str(path) for path in paths])
        self.tab.click("#ask button.main")
        return self

    def wait(self, selector, timeout_s=300):
        return self.tab.wait_for_selector(selector, timeout=1000 * timeout_s)

    def text(self, selector):
        return self.tab.text_content(selector)

    def player(self, what):
        """A value of the player, which the stage of the page knows."""
        return self.tab.evaluate(f"document.querySelector('.stage').player.{what}")

    def until(self, is_so, timeout_s=300):
        """Wait until the page is so; its policy lets no text be run in it to find out."""
        end = time.monotonic() + timeout_s
        while not is_so():
            assert time.monotonic() < end, f"not so within {timeout_s} s"
            self.tab.wait_for_timeout(20)

    def outside(self):
        """Addresses of other places that were asked for."""
        own = (self.serving.address, "data:", "blob:", "about:")
        return [url for url in self.asked if not url.startswith(own)]

    def violations(self):
        """What axe-core finds wrong for people who cannot see or use a mouse."""
        import axe_playwright_python

        script = Path(axe_playwright_python.__file__).parent / "axe.min.js"
        self.tab.evaluate(script.read_text())
        options = {"runOnly": {"type": "tag", "values": AXE_RULES}}
        found = self.tab.evaluate("options => axe.run(document, options)", options)
        return {
            one["id"]: [node["html"][:200] for node in one["nodes"]] for one in found["violations"]
        }
