"""The tab that makes a LoRA from pictures of a subject and draws with it, the base's picture beside it.

The server takes no files: pictures are made small in the browser and come as text, one data URL a line (script.js).
"""

import base64
import binascii
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gradio as gr
from markupsafe import Markup

from genlora.api.pictures import EXAMPLE_PROMPT, ImageStudio, unseen_subject
from genlora.errors import GenloraError, PictureError
from genlora.files import sha256_bytes
from genlora.images import MOST_PICTURES, picture_from

from .. import _views as views
from .._create import HEAVY, QUIET
from .._files import write_whole, zip_bytes

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_CHARS = 900_000
"""Of all pictures together: a request of the page is at most a mebibyte."""
GUIDANCES = ("hybrid", "cfg", "base_uncond", "steering", "autoguidance")
_START = "data:image/"


def subject_tab(images: ImageStudio, folder: Path) -> None:
    """Build the tab; `folder` is where downloads are written."""
    with gr.Row(elem_classes="gl-columns"):
        with gr.Column(scale=4, min_width=320):
            gr.HTML(
                '<label class="gl-files">Pictures of one subject, up to four'
                '<input id="gl-files" type="file" accept="image/*" multiple></label>'
                '<p class="gl-fine">They are made small in the browser and go to this machine alone.</p>'
            )
            text = gr.Textbox(
                "", max_length=MAX_CHARS, show_label=False, elem_id="gl-pictures", elem_classes="gl-unseen"
            )
            example = gr.Button("Take a character that no training has seen", size="sm", elem_id="gl-subject")
            prompt = gr.Textbox(EXAMPLE_PROMPT, label="What to draw", max_length=1000, elem_id="gl-prompt")
            way = gr.Radio(list(GUIDANCES), value="hybrid", label="Guidance", elem_id="gl-guidance")
            words = gr.Slider(0, 10, 3, step=0.5, label="How much the prompt counts")
            subject = gr.Slider(0, 10, 3, step=0.5, label="How much the subject counts")
            seed = gr.Number(0, label="Seed", precision=0, minimum=0, maximum=1_000_000)
            run = gr.Button("Draw", variant="primary", elem_id="gl-draw")
            problem = gr.HTML("", elem_id="gl-draw-problem")
        with gr.Column(scale=7, min_width=320):
            chosen = gr.HTML("", elem_id="gl-chosen")
            drawn = gr.HTML(
                '<div class="gl-empty"><p>One forward pass makes a LoRA from the pictures. The base and the base with '
                "that LoRA then draw the same prompt from the same noise.</p></div>",
                elem_id="gl-drawn",
            )
            download = gr.DownloadButton("Download the LoRA", size="sm", visible=False, elem_id="gl-lora")

    def draw(found: str, asked: str, how: str, w_t: float, w_s: float, number: float) -> list[Any]:
        try:
            shown, file = personalised(images, folder, found, asked, how, w_t, w_s, int(number or 0))
        except GenloraError as err:
            return [str(views.error_notice(err)), gr.skip(), gr.skip()]
        return ["", str(shown), gr.DownloadButton(value=str(file), visible=True)]

    def look(found: str) -> list[Any]:
        try:
            return [str(gallery("The subject", pictures_of(found))) if found.strip() else "", ""]
        except GenloraError as err:
            return ["", str(views.error_notice(err))]

    def take(number: float) -> str:
        return "\n".join(data_url(image) for image in unseen_subject(images.model.side, int(number or 0)))

    text.change(look, text, [chosen, problem], queue=False, **QUIET)
    example.click(take, seed, text, **QUIET)
    run.click(
        draw,
        [text, prompt, way, words, subject, seed],
        [problem, drawn, download],
        api_visibility="private",
        concurrency_id=HEAVY,
        concurrency_limit=1,
        show_progress_on=[drawn],
    )


def personalised(
    images: ImageStudio, folder: Path, text: str, prompt: str, way: str, w_t: float, w_s: float, seed: int
) -> tuple[Markup, Path]:
    """The base's picture and the subject's as HTML, and a zip of the subject's LoRA."""
    adapter = images.personalize(list(pictures_of(text)))
    settings: dict[str, Any] = {"guidance": way, "text": float(w_t), "seed": max(0, seed)}
    if way in ("hybrid", "autoguidance"):
        settings["subject"] = float(w_s)
    base = images.imagine(prompt, None, **settings)
    mine = images.imagine(prompt, adapter, **settings)
    files = adapter.files()
    path = folder / f"lora-{sha256_bytes(files['receipt.json'])[:16]}.zip"
    if not path.is_file():
        write_whole(path, lambda part: zip_bytes(part, files))
    return gallery(prompt, [base.image, mine.image], ("the base", "with the subject's LoRA")), path


def pictures_of(text: str) -> "list[Image]":
    """The pictures in text, one data URL a line. Raises `PictureError`."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not lines:
        raise PictureError(f"no picture of the subject was chosen. Choose 1 to {MOST_PICTURES}.")
    if len(lines) > MOST_PICTURES:
        raise PictureError(f"{len(lines)} pictures were chosen; at most {MOST_PICTURES} are read.")
    return [picture_from(_decoded(line, number), where=f"picture {number}") for number, line in enumerate(lines, 1)]


def _decoded(line: str, number: int) -> bytes:
    head, _, data = line.partition(";base64,")
    try:
        if head.startswith(_START) and len(line) <= MAX_CHARS:
            return base64.b64decode(data, validate=True)
    except binascii.Error:
        pass
    raise PictureError(f"picture {number}: is not a picture that the browser made. Choose the file again.")


def data_url(image: "Image") -> str:
    """A picture as text that a page can show."""
    out = BytesIO()
    image.save(out, "PNG")
    return f"{_START}png;base64,{base64.b64encode(out.getvalue()).decode()}"


def gallery(title: str, images: "Sequence[Image]", names: Sequence[str] = ()) -> Markup:
    """Pictures in one row, each point as large as it takes, with a name below."""
    one = Markup('<figure class="gl-picture"><img src="{url}" alt="{name}"><figcaption>{name}</figcaption></figure>')
    shown = [
        one.format(url=data_url(image), name=names[i] if i < len(names) else str(i + 1))
        for i, image in enumerate(images)
    ]
    return Markup('<div class="gl-card"><h3>{title}</h3><div class="gl-pictures">{rows}</div></div>').format(
        title=title, rows=views.joined(shown)
    )
