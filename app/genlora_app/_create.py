"""The first tab: a task becomes an adapter, and both models answer side by side."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr

from genlora.api import KeptAdapter
from genlora.descriptions import MAX_CHARS
from genlora.errors import GenloraError

from . import _views as views
from ._examples import MAX_TEXT_CHARS, parse_examples
from ._studio import MAX_MESSAGE_CHARS, Exchange, Studio

MAX_EXCHANGES = 20
HEAVY = "heavy"
"""One of these at a time: making, scoring and merging share the processor."""


@dataclass(frozen=True)
class Current:
    """The adapter that all tabs work on."""

    id: gr.State
    shown: list[gr.HTML]
    """Where the other tabs name it."""


def create_tab(studio: Studio, current: Current) -> None:
    """Build the tab."""
    abouts = {r.name: r.description for r in studio.experts}
    with gr.Row(elem_classes="gl-columns"):
        with gr.Column(scale=5, min_width=320):
            description = gr.Textbox(
                value="",
                label="What should the model do?",
                placeholder="Describe the task in a sentence or two, as you would ask a colleague.",
                lines=3,
                max_lines=8,
                max_length=MAX_CHARS,
                elem_id="gl-description",
            )
            tasks = gr.HTML(views.chips(views.EXAMPLE_TASKS, "Try"), js_on_load=views.CHIP_JS)
            with gr.Accordion("Examples, beside the description or instead of it", open=False):
                examples = gr.Textbox(
                    value="",
                    label="Examples, one a line",
                    info='"input => output", or JSON Lines. A text file may be dropped here. With a description, one '
                    "to eight of them stand before every question, at no training cost.",
                    placeholder="wolf => wolves\ncity => cities\nchild => children",
                    lines=5,
                    max_lines=12,
                    max_length=MAX_TEXT_CHARS,
                    elem_id="gl-examples",
                    elem_classes="gl-drop",
                )
            make = gr.Button("Generate adapter", variant="primary", elem_id="gl-make")
            problem = gr.HTML("", elem_id="gl-problem")
            result = gr.HTML(views.empty_result(), elem_id="gl-result")
            with gr.Row(visible=False, elem_classes="gl-downloads") as downloads:
                peft = gr.DownloadButton("Download adapter (PEFT)", size="sm", elem_id="gl-peft")
                gguf = gr.DownloadButton("Download GGUF", size="sm", elem_id="gl-gguf")
        with gr.Column(scale=6, min_width=320):
            plane = gr.HTML(views.map_view(studio.map), elem_id="gl-map")
    with gr.Column(visible=False, elem_classes="gl-section") as chat:
        gr.HTML("<h2>Ask both</h2>")
        with gr.Row(elem_classes="gl-ask"):
            message = gr.Textbox(
                value="",
                show_label=False,
                label="Message",
                placeholder="An input for the task",
                max_length=MAX_MESSAGE_CHARS,
                scale=6,
                min_width=220,
                lines=1,
                max_lines=6,
                elem_id="gl-message",
            )
            ask = gr.Button("Ask", variant="primary", scale=1, min_width=90, elem_id="gl-ask")
        samples = gr.HTML("", js_on_load=views.CHIP_JS, elem_id="gl-samples")
        with gr.Row(elem_classes="gl-options"):
            tell = gr.Checkbox(
                True, label="Tell the base what the task is, to be fair to it", container=False, min_width=280
            )
            length = gr.Slider(8, 256, 64, step=8, label="Longest answer, in tokens", min_width=280, buttons=[])
        unasked = gr.HTML("", elem_id="gl-unasked")
        talk = gr.HTML("", elem_id="gl-talk")
    exchanges = gr.State([], time_to_live=3600)

    outputs: list[Any] = [
        problem, result, plane, downloads, peft, gguf, chat, samples, exchanges, talk, unasked, current.id,
    ]  # fmt: skip

    def generate(task: str, shown: str, progress: Any = gr.Progress()) -> Iterator[list[Any]]:  # noqa: B008
        task, shown = task or "", shown or ""
        progress(0.2, desc="Finding neighbours and writing the adapter")
        try:
            found = parse_examples(shown) if shown.strip() else ()
            made = studio.create(task, found)
            progress(0.8, desc="Preparing the downloads")
            near, files = studio.near(made), studio.downloads(made)
        except GenloraError as err:
            yield [str(views.error_notice(err)), *[gr.skip()] * (len(outputs) - 1)]
            return
        yield [
            "",
            str(views.result_view(made, near, abouts)),
            str(views.map_view(studio.map, near)),
            gr.Row(visible=True),
            gr.DownloadButton(value=str(files.peft)),
            gr.DownloadButton(value=str(files.gguf) if files.gguf else None, visible=files.gguf is not None),
            gr.Column(visible=True),
            str(views.chips(_samples(studio, made), "Inputs of the nearest expert")),
            [],
            "",
            "",
            made.id,
        ]

    gr.on(
        [make.click], generate, [description, examples], outputs,
        api_visibility="private", concurrency_id=HEAVY, concurrency_limit=1, show_progress_on=[result],
    )  # fmt: skip
    tasks.select(_picked, None, description, api_visibility="private", queue=False, show_progress="hidden")
    samples.select(_picked, None, message, api_visibility="private", queue=False, show_progress="hidden")

    async def answer(id: str, text: str, told: bool, tokens: float, before: list[Exchange]) -> AsyncIterator[list[Any]]:
        try:
            made = studio.get(id)
            text = text or ""
            now: Exchange | None = None
            async for now in studio.talk(made, text, tell_base=told, max_tokens=int(tokens)):
                yield ["", str(views.talk_view([*before, now])), gr.skip(), gr.skip()]
        except GenloraError as err:
            yield [str(views.error_notice(err)), gr.skip(), gr.skip(), gr.skip()]
            return
        if now is not None:
            kept = [*before, now][-MAX_EXCHANGES:]
            yield ["", str(views.talk_view(kept)), kept, ""]

    gr.on(
        [ask.click, message.submit], answer, [current.id, message, tell, length, exchanges],
        [unasked, talk, exchanges, message],
        api_visibility="private", concurrency_limit=4, concurrency_id="talk", show_progress="hidden",
    )  # fmt: skip


def _picked(evt: gr.EventData) -> str:
    """The text of the chip that was clicked."""
    return str(evt.text)[:MAX_CHARS]


def _samples(studio: Studio, made: KeptAdapter) -> list[str]:
    """Inputs of the nearest expert, held out when it was trained."""
    neighbours = made.generated.neighbours
    kept = next(
        (r.metrics.get("samples", []) for r in studio.experts if neighbours and r.name == neighbours[0].name), []
    )
    return [s["input"] for s in kept if isinstance(s, dict) and isinstance(s.get("input"), str)][:4]
