"""Pictures of users: what is read, and what is refused with which words."""

import io

import pytest
import torch
from PIL import Image

from genlora.errors import PictureError
from genlora.images import _pictures, find_pictures, picture_from, read_picture, square_tensor, to_image

from ..image_world import needs_images

pytestmark = needs_images


def png(size=(40, 30), colour=(200, 30, 30), kind="PNG", mode="RGB"):
    image = Image.new(mode, size, colour)
    image.putpixel((1, 1), (0,) * len(image.getbands()))
    out = io.BytesIO()
    image.save(out, kind)
    return out.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_usual_formats_are_read(kind, tmp_path):
    path = tmp_path / "a.png"  # the bytes decide, not the name
    path.write_bytes(png(kind=kind))
    assert read_picture(path).size == (40, 30)


def test_what_is_transparent_lies_on_white():
    drawn, out = Image.new("RGBA", (40, 30), (10, 20, 30, 0)), io.BytesIO()
    drawn.putpixel((1, 1), (9, 9, 9, 255))
    drawn.save(out, "PNG")
    image = picture_from(out.getvalue(), where="x")
    assert image.getpixel((5, 5)) == (255, 255, 255) and image.getpixel((1, 1)) == (9, 9, 9)


def test_a_phone_s_picture_stands_upright():
    image, out = Image.new("RGB", (40, 20)), io.BytesIO()
    image.putpixel((0, 0), (255, 0, 0))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(out, "JPEG", exif=exif, quality=100)
    assert picture_from(out.getvalue(), where="x").size == (20, 40)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "is empty"),
        (b"GIF89a", "not a picture"),
        (b"<svg></svg>", "not a picture"),
        (png()[:60], "not a picture"),
        (png(size=(8, 40)), "at least 16"),
    ],
)
def test_what_cannot_be_read_is_refused(data, says, tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(data)
    with pytest.raises(PictureError, match=says) as error:
        read_picture(path)
    assert str(path) in str(error.value)


def test_one_colour_is_no_subject(tmp_path):
    out = io.BytesIO()
    Image.new("RGB", (40, 40), (9, 9, 9)).save(out, "PNG")
    with pytest.raises(PictureError, match="no subject"):
        picture_from(out.getvalue(), where="x")


def test_a_bomb_is_refused_before_it_is_decoded(monkeypatch):
    monkeypatch.setattr(_pictures, "MOST_POINTS", 1000)
    with pytest.raises(PictureError, match="at most 1,000"):
        picture_from(png(), where="x")


def test_a_huge_file_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(_pictures, "MOST_BYTES", 10)
    (tmp_path / "a.png").write_bytes(png())
    with pytest.raises(PictureError, match="larger than 10 bytes"):
        read_picture(tmp_path / "a.png")


def test_folders_give_their_pictures_in_order(tmp_path):
    with pytest.raises(PictureError, match="holds no picture"):
        find_pictures(tmp_path)
    for name in ("b.PNG", "a.jpg", "notes.txt", ".hidden.png"):
        (tmp_path / name).write_bytes(png())
    assert [p.name for p in find_pictures(tmp_path)] == ["a.jpg", "b.PNG"]
    for i in range(3):
        (tmp_path / f"{i}.png").write_bytes(png())
    with pytest.raises(PictureError, match="5 pictures"):
        find_pictures(tmp_path)
    with pytest.raises(PictureError, match="no picture"):
        find_pictures([])
    with pytest.raises(PictureError, match="cannot be read"):
        read_picture(tmp_path / "missing.png")


def test_pictures_and_tensors_go_back_and_forth():
    tensor = square_tensor(picture_from(png(), where="x"), 32)
    assert tensor.shape == (3, 32, 32) and 0 <= tensor.min() and tensor.max() <= 1
    again = square_tensor(to_image(tensor), 32)
    assert torch.allclose(again, tensor, atol=0.51 / 255)
