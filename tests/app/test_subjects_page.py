"""The tab of pictures in a real Chromium: files are read in the browser, and both models draw."""

import pytest
from PIL import Image

from ..image_world import needs_images
from .test_browser import browser as browser

pytestmark = [
    needs_images,
    pytest.mark.browser,
    pytest.mark.usefixtures("allow_sockets"),
    pytest.mark.timeout(300),
]


@pytest.fixture
def page(browser, studio, image_folder):
    from genlora_app import DemoOptions, serve_demo

    from genlora import ImageStudio

    with serve_demo(DemoOptions(port=0), studio=studio, images=ImageStudio.open(image_folder)) as running:
        found = browser.new_page(viewport={"width": 1400, "height": 900})
        asked, broken = [], []
        found.on("request", lambda r: asked.append(r.url))
        found.on("pageerror", lambda e: broken.append(str(e)))
        found.goto(running.url)
        found.get_by_role("tab", name="Pictures").click()
        found.wait_for_selector("#gl-files")
        yield found
        found.close()
        assert [u for u in asked if not u.startswith((running.url, "data:", "blob:"))] == []
        assert not any("/upload" in u for u in asked) and broken == []


def test_from_files_to_two_pictures_and_a_lora(page, tmp_path):
    for number, colour in enumerate(("red", "green")):
        image = Image.new("RGB", (900, 600), colour)
        image.paste("white", (300, 200, 500, 400))
        image.save(tmp_path / f"{number}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    page.click("#gl-draw")
    page.wait_for_selector("#gl-draw-problem [role=alert]")
    assert "no picture of the subject" in page.inner_text("#gl-draw-problem").lower()

    page.set_input_files("#gl-files", [tmp_path / "notes.txt"])
    page.wait_for_function("document.querySelector('#gl-draw-problem').innerText.toLowerCase().includes('picture 1')")
    page.set_input_files("#gl-files", [tmp_path / "0.png", tmp_path / "1.png"])
    page.wait_for_function("document.querySelectorAll('#gl-chosen img').length === 2")
    width = page.evaluate("document.querySelector('#gl-chosen img').naturalWidth")
    assert width == 256, "made small in the browser"

    page.click("#gl-draw")
    page.wait_for_function("document.querySelectorAll('#gl-drawn img').length === 2")
    assert "with the subject's LoRA" in page.inner_text("#gl-drawn")
    with page.expect_download() as got:
        page.click("#gl-lora")
    assert got.value.suggested_filename.endswith(".zip")


def test_a_character_that_no_training_has_seen_in_one_click(page):
    page.click("#gl-subject")
    page.wait_for_function("document.querySelectorAll('#gl-chosen img').length === 3")
    page.click("#gl-draw")
    page.wait_for_function("document.querySelectorAll('#gl-drawn img').length === 2")
