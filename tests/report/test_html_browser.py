"""The report in a real browser: it loads nothing, says no error, fits a phone, and opens on paper."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.report.chromium import CHROMIUM, Browser
from tests.report.test_html import PAGES, source

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not here")

LOOKED_AT = ("hostile", "two_causes", "no_problem", "inconclusive", "training", "two tables")

WEAK = """(() => {
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const weights = [0.2126, 0.7152, 0.0722];
  const light = (ink) => ink.match(/[\\d.]+/g).slice(0, 3).reduce((sum, v, at) => sum + linear(v / 255) * weights[at], 0);
  const ground = (part) => {
    for (; part; part = part.parentElement) {
      const found = getComputedStyle(part).backgroundColor;
      if (found.startsWith('rgb(')) return found;
    }
    return 'rgb(255, 255, 255)';
  };
  const weak = [];
  for (const part of document.querySelectorAll('body *')) {
    const said = [...part.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!said || part.closest('svg, script, style, .unseen, .confusion td')) continue;
    const [less, more] = [light(getComputedStyle(part).color), light(ground(part))].sort((a, b) => a - b);
    if ((more + 0.05) / (less + 0.05) < 4.5) weak.push([part.className, part.textContent.slice(0, 40), (more + 0.05) / (less + 0.05)]);
  }
  return weak;
})()"""
"""Every piece of text whose contrast with what is behind it is too small."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with Browser(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def shown(browser: Browser, name: str, folder: Path) -> Path:
    path = folder / "report.html"
    path.write_text(source(name), encoding="utf-8")
    browser.open(path)
    return path


def complaints(browser: Browser) -> list[object]:
    return [*browser.told("Runtime.exceptionThrown"), *browser.told("Runtime.consoleAPICalled"), *browser.told("Log.entryAdded")]


@pytest.mark.parametrize("name", LOOKED_AT)
def test_a_page_loads_nothing_else_and_says_no_error(browser: Browser, name: str, tmp_path: Path) -> None:
    path = shown(browser, name, tmp_path)
    browser.evaluate("document.querySelectorAll('summary, .all').forEach((part) => part.click())")
    asked = {told["request"]["url"] for told in browser.told("Network.requestWillBeSent")}
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert complaints(browser) == []
    assert browser.evaluate("document.querySelectorAll('script').length") == 1
    assert browser.evaluate("document.compatMode") == "CSS1Compat"


def test_the_policy_stops_a_script_that_got_in_all_the_same(browser: Browser, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    got_in = "<main><script>window.broken = 1</script><img src=x onerror='window.broken = 2'><style>body {display: none}</style>"
    path.write_text(source("two_causes").replace("<main", got_in + "<main", 1), encoding="utf-8")
    browser.open(path)
    assert browser.evaluate("window.broken") is None
    assert browser.evaluate("getComputedStyle(document.body).display") == "block"
    assert len(complaints(browser)) >= 3, "and says so"


@pytest.mark.parametrize("name", LOOKED_AT)
@pytest.mark.parametrize("width", [390, 1280])
def test_a_page_is_as_wide_as_its_window(browser: Browser, name: str, width: int, tmp_path: Path) -> None:
    browser.ask("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=width < 500)
    shown(browser, name, tmp_path)
    browser.evaluate("document.querySelectorAll('details').forEach((part) => { part.open = true; })")
    assert browser.evaluate("innerWidth") == width
    assert browser.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0
    outside = (
        "[...document.querySelectorAll('main *')].filter((part) => part.getBoundingClientRect().right > innerWidth + 1"
        " && !part.closest('.scroll') && !part.closest('.unseen') && !part.closest('.brief') && !part.closest('svg'))"
        ".map((part) => part.outerHTML.slice(0, 200))"
    )
    assert browser.evaluate(outside) == []
    browser.ask("Emulation.clearDeviceMetricsOverride")


def test_steps_open_together_and_close_again(browser: Browser, tmp_path: Path) -> None:
    shown(browser, "two_causes", tmp_path)
    closed = "document.querySelectorAll('.steps details:not([open])').length"
    button = "document.querySelector('.all')"
    assert browser.evaluate(closed) > 0
    browser.evaluate(f"{button}.click()")
    assert browser.evaluate(closed) == 0
    assert browser.evaluate(f"{button}.textContent") == "Close every step"
    browser.evaluate(f"{button}.click()")
    assert browser.evaluate(closed) == browser.evaluate("document.querySelectorAll('.steps details').length")


def test_the_keyboard_skips_to_the_conclusion_first(browser: Browser, tmp_path: Path) -> None:
    shown(browser, "two_causes", tmp_path)
    key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
    browser.ask("Input.dispatchKeyEvent", type="keyDown", **key)
    assert browser.evaluate("document.activeElement.className") == "skip"
    assert browser.evaluate("document.activeElement.getBoundingClientRect().top") >= 0, "and it can be seen"
    browser.evaluate("document.activeElement.click()")
    assert browser.evaluate("location.hash") == "#main"
    for _ in range(40):
        browser.ask("Input.dispatchKeyEvent", type="keyDown", **key)
        if browser.evaluate("document.activeElement.matches('.steps summary')"):
            break
    assert browser.evaluate("document.activeElement.matches('.steps summary')"), "a step can be opened without a mouse"
    assert browser.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_stands_out_from_its_ground(browser: Browser, scheme: str, tmp_path: Path) -> None:
    browser.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    shown(browser, "hostile", tmp_path)
    assert browser.evaluate(WEAK) == [], "contrast of at least 4.5 : 1 (WCAG 2.2, 1.4.3)"
    browser.ask("Emulation.setEmulatedMedia", features=[])


def test_on_paper_everything_is_open_but_the_numbers_behind_drawings(browser: Browser, tmp_path: Path) -> None:
    shown(browser, "hostile", tmp_path)
    closed = "document.querySelectorAll('details:not([open])').length"
    numbers = browser.evaluate("document.querySelectorAll('details.numbers').length")
    before = browser.evaluate(closed)
    assert before > numbers > 0
    browser.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert browser.evaluate(closed) == numbers
    browser.evaluate("dispatchEvent(new Event('afterprint'))")
    assert browser.evaluate(closed) == before
    printed = base64.b64decode(browser.ask("Page.printToPDF")["data"])
    assert printed.startswith(b"%PDF")
    assert browser.evaluate(closed) == before


def test_every_page_is_looked_at_or_of_a_kind_that_is() -> None:
    assert set(LOOKED_AT) <= set(PAGES)
