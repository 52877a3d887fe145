"""A real Chromium, Debian's, which the host has or which is unpacked into the cache."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tools import debian


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window. Its sandbox needs rights that a container does not give."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=str(debian.path("chromium")),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
        )
        try:
            yield browser
        finally:
            browser.close()


def inaccessible(page: Page) -> list[str]:
    """What axe-core finds that keeps people out, one line each; empty where nothing does."""
    axe = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    # Run in the page's world but not by the page, so that its policy against foreign scripts stays on.
    page.evaluate(axe)
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [
        f"{one['impact']}: {one['id']} at {one['nodes'][0]['target']}"
        for one in found
        if one["impact"] in ("serious", "critical")
    ]
