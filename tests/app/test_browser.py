"""The page in a real Chromium: the main path, an error, a download, scores, and nothing asked of the network."""

import os
import shutil
import time
import zipfile
from pathlib import Path

import pytest

from genlora.api import GenerateJob

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


def answered(page, text: str) -> None:
    """Wait until both models have answered for the task `text`."""
    page.wait_for_function(
        """text => document.querySelector('#gl-answers [data-task]')?.dataset.task === text
           && document.querySelectorAll('#gl-answers .gl-adapted').length === 3
           && !document.querySelector('.gl-typing')""",
        arg=text,
    )


def test_from_a_chip_to_answers_in_one_click_on_one_screen(page):
    page.set_viewport_size({"width": 1280, "height": 800})
    chip = page.locator(".gl-chip").first
    task = chip.get_attribute("data-try")
    chip.click()
    answered(page, task)
    assert page.input_value("#gl-description textarea") == task
    for shown in ("#gl-description", "#gl-make", "#gl-answers .gl-base >> nth=2", "#gl-answers .gl-adapted >> nth=2"):
        box = page.locator(shown).bounding_box()
        assert box["y"] >= 0 and box["y"] + box["height"] <= 800, shown
    bases, ours = (page.locator(f"#gl-answers .gl-{way}") for way in ("base", "adapted"))
    for i in range(3):  # side by side
        left, right = bases.nth(i).bounding_box(), ours.nth(i).bounding_box()
        assert left["x"] + left["width"] <= right["x"] and abs(left["y"] - right["y"]) < 20
    assert page.locator("#gl-answers").bounding_box()["x"] > page.locator("#gl-make").bounding_box()["x"] + 300
    assert page.evaluate("scrollY") == 0
    accuracy, answers = (page.locator(s).bounding_box() for s in ("#gl-accuracy", "#gl-answers"))
    assert accuracy["y"] >= answers["y"] + answers["height"]
    assert not page.locator(".gl-plane").is_visible() and not page.locator(".gl-receipt").is_visible()


def test_a_chip_and_generate_at_once_do_not_race(page):
    task = page.locator(".gl-chip").nth(1).get_attribute("data-try")
    page.evaluate("document.querySelectorAll('.gl-chip')[1].click(); document.querySelector('#gl-make').click()")
    answered(page, task)
    assert page.locator("#gl-problem .gl-error").count() == 0


def test_right_and_wrong_are_marked_where_the_task_is_the_banks(page):
    make(page, "sort the words of a list")
    answered(page, "sort the words of a list")
    assert page.locator("#gl-answers .gl-no").count() == 6
    assert "0 of 3" in page.inner_text(".gl-tally")
    make(page, "sort some words of a long list")
    answered(page, "sort some words of a long list")
    assert page.locator("#gl-answers .gl-mark, .gl-tally").count() == 0


def test_the_main_path_and_a_download(page, studio, tmp_path):
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-accuracy")
    made = studio.create("sort the words of a list")
    expected = made.expected_accuracy
    said = "unknown" if expected is None else f"{100 * expected.value:.0f}"
    assert said in page.inner_text(".gl-figure strong")
    page.fill("#gl-message textarea", "pear apple")
    page.click("#gl-ask")
    page.wait_for_selector("#gl-talk .gl-row")
    page.wait_for_function("!document.querySelector('.gl-typing')")
    assert page.inner_text("#gl-talk .gl-base") != page.inner_text("#gl-talk .gl-adapted")
    with page.expect_download() as waited:
        page.click("#gl-peft")
    waited.value.save_as(tmp_path / "got.zip")
    assert (tmp_path / "got.zip").read_bytes() == studio.downloads(made).peft.read_bytes()
    assert zipfile.is_zipfile(tmp_path / "got.zip")


def test_neighbours_map_and_receipt_unfold(page, studio):
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-accuracy")
    page.get_by_text("Neighbours and map").click()
    page.wait_for_selector(".gl-plane")
    assert page.locator(".gl-dot").count() == 8
    assert page.locator(".gl-near").count() == 4
    assert page.inner_text(".gl-you") == "your task"
    page.locator(".gl-dot[data-expert=antonym]").click()
    page.wait_for_selector("#gl-map-card h3")
    assert page.inner_text("#gl-map-card h3") == "antonym"
    page.get_by_text("Receipt: everything").click()
    page.wait_for_selector(".gl-receipt")
    assert studio.create("sort the words of a list").receipt["request"]["description"] in page.inner_text(".gl-receipt")


def test_the_address_shows_the_task_again(page, browser, demo):
    page.fill("#gl-examples textarea", "b a => a b")
    make(page, "sort & the words? of a list")
    answered(page, "sort & the words? of a list")
    page.wait_for_function("location.search.includes('task=')")
    address = page.url
    page.reload()
    answered(page, "sort & the words? of a list")
    assert page.input_value("#gl-examples textarea") == "b a => a b"
    other = browser.new_page()
    other.goto(address)
    answered(other, "sort & the words? of a list")
    assert other.input_value("#gl-description textarea") == "sort & the words? of a list"
    assert other.url == address
    other.close()


def test_control_enter_generates_and_asks(page):
    page.fill("#gl-description textarea", "sort the words of a list")
    page.press("#gl-description textarea", "Control+Enter")
    answered(page, "sort the words of a list")
    page.fill("#gl-message textarea", "pear apple")
    page.press("#gl-message textarea", "Control+Enter")
    page.wait_for_selector("#gl-talk .gl-row")


def test_an_error_is_said_beside_the_form_and_clears_the_task_before(page):
    page.click("#gl-make")
    page.wait_for_selector("#gl-problem .gl-error")
    assert "describe it in a sentence" in page.inner_text("#gl-problem")
    assert not page.locator("#gl-message").is_visible()
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-accuracy")
    page.wait_for_selector("#gl-problem .gl-error", state="detached")
    make(page, "???" + "!" * 3)
    page.wait_for_selector("#gl-problem .gl-error")
    assert page.locator("#gl-answers [data-task], .gl-accuracy, #gl-talk .gl-row").count() == 0
    assert not page.locator("#gl-message").is_visible() and not page.locator("#gl-peft").is_visible()


def test_a_long_paste_says_that_it_is_cut(page):
    page.focus("#gl-description textarea")
    page.evaluate(
        """() => {
          const area = document.querySelector('#gl-description textarea');
          const data = new DataTransfer();
          data.setData('text', 'x'.repeat(4100));
          area.dispatchEvent(new ClipboardEvent('paste', {bubbles: true, cancelable: true, clipboardData: data}));
        }"""
    )
    page.wait_for_selector(".gl-cut")
    assert page.inner_text(".gl-cut") == "Cut: 4,000 characters fit here, and 4,100 came."
    page.keyboard.type("a")
    page.wait_for_selector(".gl-cut", state="detached")


def test_own_examples_are_scored_and_a_bad_line_is_named(page):
    make(page, "sort the words of a list")
    page.wait_for_selector(".gl-accuracy")
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
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File(['pear => apple\\n'], 'mine.txt', {type: 'text/plain'}));
          const area = document.querySelector('#gl-examples textarea');
          area.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: data}));
        }"""
    )
    page.wait_for_function("document.querySelector('#gl-examples textarea').value === 'pear => apple\\n'")


def test_a_merge_shows_its_steps_and_can_be_stopped(page, studio, monkeypatch):
    real = studio.merge

    def slowly(made, quantize, *, on_step):
        def step(*said):
            time.sleep(0.2)
            on_step(*said)

        return real(made, quantize, on_step=step)

    monkeypatch.setattr(studio, "merge", slowly)
    text = "sort the words of a list"
    make(page, text)
    answered(page, text)
    page.set_default_timeout(15_000)
    page.get_by_role("tab", name="Merge").click()
    page.get_by_label("none:").check()
    page.click("#gl-merge")
    page.wait_for_function("/Step 1 of 6: base and adapter, [1-9]/.test(document.body.innerText)")
    page.click("#gl-merge-stop")
    page.wait_for_function("document.querySelector('#gl-merge-problem').innerText.includes('was stopped')")
    page.wait_for_selector("#gl-merge", state="visible")
    assert not page.locator("#gl-merge-stop").is_visible() and not page.locator("#gl-model").is_visible()
    monkeypatch.setattr(studio, "merge", real)
    page.click("#gl-merge")
    page.wait_for_selector("#gl-model", state="visible")
    assert page.locator("#gl-merge-problem").inner_text().strip() == ""


def test_a_fit_to_examples_tells_how_far_it_is_and_can_be_stopped(page, monkeypatch):
    real = GenerateJob.tick

    def slowly(job, stage, progress):
        time.sleep(0.3)
        real(job, stage, progress)

    monkeypatch.setattr(GenerateJob, "tick", slowly)
    page.set_default_timeout(30_000)
    page.fill("#gl-examples textarea", "\n".join(f"pear {i} fig => fig pear {i}" for i in range(10)))
    make(page, "sort the words of a line")
    page.wait_for_function("document.querySelector('.gl-fitting')?.value > 0")
    page.click("#gl-make-stop")
    page.wait_for_function("document.querySelector('#gl-problem').innerText.includes('was stopped')")
    page.wait_for_selector("#gl-make-stop", state="hidden")
    assert page.locator("#gl-answers [data-task], #gl-problem .gl-error").count() == 0
    monkeypatch.setattr(GenerateJob, "tick", real)
    page.click("#gl-make")
    answered(page, "sort the words of a line")
    assert page.locator("#gl-problem").inner_text().strip() == "" and not page.locator("#gl-make-stop").is_visible()


def test_the_bank_can_be_searched_and_read(page):
    page.get_by_role("tab", name="Bank").click()
    page.wait_for_selector(".gl-tile")
    page.fill("#gl-words textarea, #gl-words input", "opposite")
    page.wait_for_function("document.querySelectorAll('.gl-tile').length === 1")
    page.click(".gl-tile")
    page.wait_for_function("document.querySelector('#gl-expert h3').innerText === 'antonym'")
    page.click("#gl-expert .gl-try")
    answered(page, "give a word of opposite meaning")
    assert page.locator("#gl-description").is_visible()


def test_what_was_typed_is_never_run(page):
    make(page, EVIL)
    page.wait_for_selector(".gl-accuracy")
    page.fill("#gl-message textarea", EVIL)
    page.click("#gl-ask")
    page.wait_for_selector("#gl-talk .gl-row")
    page.wait_for_function("!document.querySelector('.gl-typing')")
    assert page.inner_text("#gl-talk .gl-said") == EVIL
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
    page.wait_for_selector(".gl-accuracy")
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


def contrast(page, selector: str) -> float:
    """Of an element's text on its own ground, 1 to 21 (WCAG 2, 1.4.3: at least 4.5)."""
    style = f"getComputedStyle(document.querySelector('{selector}'))"
    shades = []
    for colour in page.evaluate(f"[{style}.color, {style}.backgroundColor]"):
        parts = [float(x) / 255 for x in colour[colour.index("(") + 1 : -1].split(",")[:3]]
        r, g, b = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        shades.append(0.2126 * r + 0.7152 * g + 0.0722 * b)
    return (max(shades) + 0.05) / (min(shades) + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_button_can_be_read_under_the_pointer_too(browser, demo, theme):
    page = browser.new_page(color_scheme=theme)
    page.goto(demo.url)
    page.wait_for_selector("#gl-make")
    before = contrast(page, "#gl-make")
    page.hover("#gl-make")
    page.wait_for_timeout(400)
    under = contrast(page, "#gl-make")
    page.close()
    assert before >= 4.5 and under >= 4.5, (before, under)


def test_on_a_phone_the_answers_come_to_the_top(page):
    page.set_viewport_size({"width": 400, "height": 860})
    chip = page.locator(".gl-chip").first
    chip.click()
    answered(page, chip.get_attribute("data-try"))
    page.wait_for_timeout(300)
    assert abs(page.locator("#gl-answers").bounding_box()["y"]) < 60
    for i in range(3):
        box = page.locator("#gl-answers .gl-adapted").nth(i).bounding_box()
        assert 0 <= box["y"] and box["y"] + box["height"] <= 860


def luminance(colour: str) -> float:
    """0 to 255, of rgb(r, g, b)."""
    r, g, b = (float(x) for x in colour[colour.index("(") + 1 : -1].split(",")[:3])
    return 0.2126 * r + 0.7152 * g + 0.0722 * b
