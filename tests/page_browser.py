"""The served page in headless Chromium, with everything that it complains of and asks for."""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SLOW = 60_000  # a loaded machine needs seconds to draw a page for the first time


@dataclass(frozen=True, slots=True)
class Visit:
    """An open page, with everything that it complained of and every address that it asked for."""

    page: Page
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def foreign(self, *addresses: str) -> list[str]:
        """Return what was asked of anybody but *addresses*."""
        own = (*addresses, "data:", "blob:")
        return [url for url in self.requests if not url.startswith(own)]


@contextmanager
def launched() -> Iterator[Browser]:
    """Run the Chromium of this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    path = next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        if path is None and not Path(playwright.chromium.executable_path).exists():
            pytest.fail("no Chromium on this machine; run scripts/browser, which installs one")
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def visiting(browser: Browser) -> Iterator[Visit]:
    """Open an empty page, of a visitor without cookies."""
    page = browser.new_page(viewport={"width": 1280, "height": 1000})
    page.set_default_timeout(SLOW)
    made = Visit(page)
    page.on("console", lambda m: made.errors.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: made.errors.append(str(error)))
    page.on("request", lambda request: made.requests.append(request.url))
    yield made
    page.close()


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(
    environment: dict[str, str], directory: Path | None = None, port: int | None = None
) -> Iterator[str]:
    """Serve the page as a process in *directory*; give its address."""
    port = port or free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "dashboard"],
        env=os.environ | environment | {"OUTCRY_DASHBOARD__PORT": str(port)},
        cwd=directory,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        # Streamlit names its address when it listens, and nothing before that.
        assert any("URL" in line for line in iter(process.stdout.readline, ""))
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
