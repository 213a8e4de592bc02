"""The tab of pictures: what the browser sends is read with limits, what is drawn is shown and nothing else."""

import base64
import io
import zipfile

import pytest
from PIL import Image

from genlora.errors import ConfigError, PictureError

from ..image_world import needs_images
from .hostile import ATTRIBUTES, HOSTILE, TAGS, Seen

pytestmark = needs_images
PROMPT = "a photo of a big happy critter in the centre , on a blue background"


@pytest.fixture(scope="module")
def images(image_folder):
    from genlora import ImageStudio

    return ImageStudio.open(image_folder)


@pytest.fixture(scope="module")
def lines(images):
    from genlora_app.pictures import data_url

    from genlora.api.pictures import unseen_subject

    return "\n".join(map(data_url, unseen_subject(images.model.side, 1)))


def test_pictures_come_as_text_and_go_as_text(images, lines, tmp_path):
    from genlora_app.pictures import personalised

    shown, file = personalised(images, tmp_path, lines, PROMPT, "hybrid", 3.0, 4.0, 0)
    again, same = personalised(images, tmp_path, lines, PROMPT, "hybrid", 3.0, 4.0, 0)
    assert shown == again and file == same
    urls = Seen(shown).attributes["src"]
    assert len(urls) == 2 and urls[0] != urls[1]
    for url in urls:
        assert Image.open(io.BytesIO(base64.b64decode(url.partition("base64,")[2]))).size == (32, 32)
    with zipfile.ZipFile(file) as archive:
        assert set(archive.namelist()) == {"pytorch_lora_weights.safetensors", "receipt.json"}
    other, _ = personalised(images, tmp_path, lines, PROMPT, "cfg", 3.0, 4.0, 0)
    assert other != shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no picture"),
        ("not a picture: a.txt", "picture 1: is not a picture"),
        ("data:image/png;base64,@@@", "picture 1: is not a picture"),
        ("data:image/png;base64,aGVsbG8=", "picture 1: is not a picture"),
        ("data:text/html;base64,aGVsbG8=", "picture 1: is not a picture"),
        ("file:///etc/passwd", "picture 1: is not a picture"),
        ("\n".join(["data:image/png;base64,aGVsbG8="] * 5), "5 pictures"),
    ],
)
def test_what_no_browser_made_is_refused(text, says):
    from genlora_app.pictures import pictures_of

    with pytest.raises(PictureError, match=says):
        pictures_of(text)


@pytest.mark.parametrize("text", HOSTILE)
def test_a_prompt_is_shown_and_never_run(text):
    from genlora_app.pictures import gallery

    seen = Seen(gallery(text, [Image.new("RGB", (4, 4))], (text,)))
    assert seen.tags <= TAGS | {"img"} and set(seen.attributes) <= ATTRIBUTES | {"src", "alt"}
    assert seen.attributes["src"][0].startswith("data:image/png;base64,")
    assert text in seen.text


def test_the_page_has_the_tab_where_there_is_a_model(studio, images, image_folder):
    from genlora_app import DemoOptions, build
    from genlora_app._launch import _images

    def tabs(page):
        return [b.label for b in page.blocks.values() if type(b).__name__ == "Tab"]

    with_tab, without = build(studio, images), build(studio)
    assert tabs(with_tab) == [*tabs(without), "Pictures"]
    named = {d.api_name for d in with_tab.fns.values() if d.api_visibility == "public"}
    assert named == {d.api_name for d in without.fns.values() if d.api_visibility == "public"}
    for page in (with_tab, without):
        page.close(verbose=False)
    said = []
    found = _images(DemoOptions(images=image_folder), said.append)
    assert found is not None and found.generator is not None and said
    with pytest.raises(ConfigError, match="no hypernetwork"):
        _images(DemoOptions(images=image_folder / "pipeline"), said.append)


def test_no_tab_where_none_ships(monkeypatch, tmp_path):
    from genlora_app import DemoOptions
    from genlora_app._launch import _images

    from genlora.api.pictures import _studio

    monkeypatch.delenv("GENLORA_IMAGES", raising=False)
    monkeypatch.setattr(_studio, "_PACKAGE", tmp_path / "a" / "b")
    assert _images(DemoOptions(), lambda what: None) is None
