"""The page in a real Chromium: the main path, an error, a download, scores, and nothing asked of the network."""

import os
import shutil
import zipfile
from pathlib import Path

import pytest

from .conftest import collect

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("allow_sockets"), pytest.mark.timeout(300)]

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
).split()
EVIL = '<img src=x onerror="window.pwned=1"> ${window.pwned=2} {{value}} sort the words of a list'


@pytest.fixture(scope="module")
def browser():
    sync = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not Path(CHROMIUM).is_file():
        pytest.skip(f"needs a Chromium: none at {CHROMIUM}; name one in CHROMIUM")
    with sync.sync_playwright() as play:
        found = play.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield found
        found.close()
    collect()


@pytest.fixture
def page(browser, demo):
    """The demo's page; afterwards: everything that was asked for lies on loopback, and no script failed."""
    found = browser.new_page(viewport={"width": 1400, "height": 900})
    asked: list[str] = []
    broken: list[str] = []
    found.on("request", lambda r: asked.append(r.url))
    found.on("pageerror", lambda e: broken.append(str(e)))
    found.goto(demo.url)
    found.wait_for_selector("#gl-description textarea")
    yield found
    found.close()
    assert [u for u in asked if not u.startswith((demo.url, "data:", "blob:"))] == []
    assert len(asked) > 5
    assert broken == []


def make(page, text: str) -> None:
    page.fill("#gl-description textarea", text)
    page.click("#gl-make")


def test_the_main_path_and_a_download(page, studio, tmp_path):
    page.get_by_text("Write the plural of the noun.").first.click()  # an example fills the box
    page.wait_for_function("document.querySelector('#gl-description textarea').value.startsWith('Write the plural')")
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-coverage")
    made = studio.create("sort the words of a list")
    expected = made.expected_accuracy
    said = "unknown" if expected is None else f"{100 * expected.value:.0f}"
    assert said in page.inner_text(".gl-figure strong")
    assert page.locator(".gl-dot").count() == 8
    assert page.locator(".gl-near").count() == 4
    assert page.inner_text(".gl-you") == "your task"
    page.fill("#gl-message textarea", "pear apple")
    page.click("#gl-ask")
    page.wait_for_selector(".gl-talk article")
    page.wait_for_function("!document.querySelector('.gl-typing')")
    base, ours = page.locator(".gl-answer").all_inner_texts()
    assert base != ours
    with page.expect_download() as waited:
        page.click("#gl-peft")
    waited.value.save_as(tmp_path / "got.zip")
    assert (tmp_path / "got.zip").read_bytes() == studio.downloads(made).peft.read_bytes()
    assert zipfile.is_zipfile(tmp_path / "got.zip")


def test_an_error_is_said_beside_the_form_and_goes_away(page):
    page.click("#gl-make")
    page.wait_for_selector("#gl-problem .gl-error")
    assert "describe it in a sentence" in page.inner_text("#gl-problem")
    assert not page.locator("#gl-message").is_visible()
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-coverage")
    page.wait_for_selector("#gl-problem .gl-error", state="detached")


def test_own_examples_are_scored_and_a_bad_line_is_named(page):
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-coverage")
    page.get_by_role("tab", name="Score").click()
    page.wait_for_selector("#gl-own textarea")
    assert "sort the words of a list" in page.locator(".gl-current:visible").inner_text()
    page.fill("#gl-own textarea", "b a => a b\nno arrow")
    page.click("#gl-score")
    page.wait_for_selector("#gl-score-problem .gl-error")
    assert "Example line 2" in page.inner_text("#gl-score-problem")
    page.fill("#gl-own textarea", "b a => a b\nz y => y z")
    page.click("#gl-score")
    page.wait_for_selector(".gl-report table")
    assert page.locator(".gl-report tbody tr").count() == 2


def test_a_dropped_file_is_read_in_the_browser(page):
    page.get_by_text("Or show a few examples instead").click()
    page.wait_for_selector("#gl-examples textarea")
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(['pear => apple\\n'], 'mine.txt', {type: 'text/plain'}));
          const area = document.querySelector('#gl-examples textarea');
          area.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: data}));
        }"""
    )
    page.wait_for_function("document.querySelector('#gl-examples textarea').value === 'pear => apple\\n'")


def test_the_bank_can_be_searched_and_read(page):
    page.get_by_role("tab", name="Bank").click()
    page.wait_for_selector(".gl-tile")
    page.fill("#gl-words textarea, #gl-words input", "opposite")
    page.wait_for_function("document.querySelectorAll('.gl-tile').length === 1")
    page.click(".gl-tile")
    page.wait_for_function("document.querySelector('#gl-expert h3').innerText === 'antonym'")


def test_what_was_typed_is_never_run(page):
    make(page, EVIL)
    page.wait_for_selector(".gl-coverage")
    page.fill("#gl-message textarea", EVIL)
    page.click("#gl-ask")
    page.wait_for_selector(".gl-talk article")
    page.wait_for_function("!document.querySelector('.gl-typing')")
    assert page.inner_text(".gl-said") == EVIL
    page.get_by_role("tab", name="Score").click()
    assert EVIL[:40] in page.locator(".gl-current:visible").inner_text()
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize("width", [400, 1400])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_fits_the_screen_in_both_themes(browser, demo, width, theme):
    page = browser.new_page(viewport={"width": width, "height": 850}, color_scheme=theme)
    page.goto(demo.url)
    page.wait_for_selector("#gl-description textarea")
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-coverage")
    wide = page.evaluate("document.documentElement.scrollWidth")
    colours = (
        "getComputedStyle(document.querySelector('.gl-top h1')).color, getComputedStyle(document.body).backgroundColor"
    )
    ink, paper = page.evaluate(f"[{colours}]")
    sticking_out = page.evaluate(
        "[...document.querySelectorAll('body *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1)"
        ".map(e => e.tagName + '.' + e.className + '#' + e.id + ' ' + e.getBoundingClientRect().right).slice(0, 8)"
    )
    content = page.locator(".gl-top").bounding_box()
    page.close()
    assert content is not None and content["width"] > 0.9 * min(width, 1300)
    assert wide <= width, sticking_out
    assert abs(luminance(ink) - luminance(paper)) > 150


def luminance(colour: str) -> float:
    """0 to 255, of rgb(r, g, b)."""
    r, g, b = (float(x) for x in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
