"""The first tab: a task becomes an adapter, and both models answer side by side."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from genlora.api import GenerateJob, KeptAdapter
from genlora.descriptions import MAX_CHARS
from genlora.errors import CancelledError, GenloraError

from . import _result as result
from . import _views as views
from ._asking import MAX_MESSAGE_CHARS, Exchange, Inputs
from ._browse import card_of
from ._examples import MAX_TEXT_CHARS, parse_examples
from ._stops import Stops
from ._studio import Studio

MAX_EXCHANGES = 20
FIRST_TOKENS = 32
"""Longest of the first answers, in tokens: they show the difference, and three pairs fit a screen."""
HEAVY = "heavy"
"""One of these at a time: making, scoring and merging share the processor."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True)
class Current:
    """The adapter that all tabs work on."""

    id: gr.State
    shown: list[gr.HTML]
    """Where the other tabs name it."""


@dataclass(frozen=True)
class Form:
    """What the user says."""

    description: gr.Textbox
    examples: gr.Textbox
    make: gr.Button
    stop: gr.Button
    """There while an adapter is fitted to examples."""
    problem: gr.HTML

    @classmethod
    def drawn(cls) -> "Form":
        """The form, top down."""
        description = gr.Textbox(
            value="",
            label="What should the model do?",
            placeholder="Describe the task in a sentence or two, as you would ask a colleague.",
            lines=2,
            max_lines=8,
            max_length=MAX_CHARS,
            elem_id="gl-description",
        )
        gr.HTML(views.chips(views.EXAMPLE_TASKS, "Try one"))
        examples = gr.Textbox(
            value="",
            label="An example, if you have one",
            info="One often helps more than any words. Several: one a line, or a text file dropped here. To more than "
            "eight the adapter is fitted, in half a minute.",
            placeholder="wolf => wolves",
            lines=2,
            max_lines=8,
            max_length=MAX_TEXT_CHARS,
            elem_id="gl-examples",
            elem_classes="gl-drop",
        )
        make = gr.Button("Generate", variant="primary", elem_id="gl-make")
        stop = gr.Button("Stop", visible=False, elem_id="gl-make-stop")
        return cls(description, examples, make, stop, gr.HTML("", elem_id="gl-problem"))


@dataclass(frozen=True)
class Panel:
    """What the page answers, in the order in which it is read."""

    answers: gr.HTML
    talking: gr.Column
    message: gr.Textbox
    ask: gr.Button
    unasked: gr.HTML
    talk: gr.HTML
    accuracy: gr.HTML
    downloads: gr.Row
    peft: gr.DownloadButton
    gguf: gr.DownloadButton

    @classmethod
    def drawn(cls) -> "Panel":
        """Answers, a line to ask more, expected accuracy, downloads."""
        answers = gr.HTML(result.empty_result(), elem_id="gl-answers")
        with gr.Column(visible=False, elem_classes="gl-talking") as talking:
            with gr.Row(elem_classes="gl-ask"):
                message = gr.Textbox(
                    value="",
                    show_label=False,
                    container=False,
                    label="Message",
                    placeholder="An input of your own",
                    max_length=MAX_MESSAGE_CHARS,
                    scale=6,
                    min_width=160,
                    lines=1,
                    max_lines=6,
                    elem_id="gl-message",
                )
                ask = gr.Button("Ask both", scale=1, min_width=100, elem_id="gl-ask")
            unasked = gr.HTML("", elem_id="gl-unasked")
            talk = gr.HTML("", elem_id="gl-talk")
        accuracy = gr.HTML("", elem_id="gl-accuracy")
        with gr.Row(visible=False, elem_classes="gl-downloads") as downloads:
            peft = gr.DownloadButton("Download adapter (PEFT)", size="sm", elem_id="gl-peft")
            gguf = gr.DownloadButton("Download GGUF", size="sm", elem_id="gl-gguf")
        return cls(answers, talking, message, ask, unasked, talk, accuracy, downloads, peft, gguf)


@dataclass(frozen=True)
class Folds:
    """What is there for those who want to know more."""

    tell: gr.Checkbox
    length: gr.Slider
    made_by: gr.HTML
    plane: gr.HTML
    card: gr.HTML
    receipt: gr.HTML

    @classmethod
    def drawn(cls, studio: Studio) -> "Folds":
        """Closed accordions."""
        with gr.Accordion("Neighbours and map of the bank", open=False, elem_id="gl-near"):
            with gr.Row(elem_classes="gl-columns"):
                with gr.Column(scale=5, min_width=300):
                    made_by = gr.HTML("")
                with gr.Column(scale=6, min_width=300):
                    plane = gr.HTML(views.map_view(studio.map), js_on_load=views.EXPERT_JS, elem_id="gl-map")
                    card = gr.HTML(views.map_hint(), elem_id="gl-map-card")
        with gr.Accordion("Receipt: everything that made the adapter", open=False, elem_id="gl-receipt-fold"):
            receipt = gr.HTML('<p class="gl-fine">There is one as soon as there is an adapter.</p>')
        with gr.Accordion("How both models are asked", open=False), gr.Row(elem_classes="gl-options"):
            tell = gr.Checkbox(
                True, label="Tell the base what the task is, to be fair to it", container=False, min_width=280
            )
            length = gr.Slider(
                8, 256, 64, step=8, label="Longest answer to an input of yours, in tokens", min_width=280, buttons=[]
            )
        return cls(tell, length, made_by, plane, card, receipt)


def create_tab(studio: Studio, current: Current) -> None:
    """Build the tab."""
    with gr.Row(elem_classes="gl-columns"):
        with gr.Column(scale=4, min_width=300):
            form = Form.drawn()
        with gr.Column(scale=7, min_width=320):
            panel = Panel.drawn()
    with gr.Column(elem_classes="gl-folds"):
        folds = Folds.drawn(studio)
    first = _wire_making(studio, current, form, panel, folds)
    more = _wire_talking(studio, current, panel, folds)

    def show(evt: gr.EventData) -> str:
        return card_of(studio, str(evt.expert))

    folds.plane.select(show, None, folds.card, queue=False, **QUIET)
    # Answers to the task before are of no use to anybody.
    gr.on([form.make.click], None, cancels=[first, more], **QUIET)


def _wire_making(studio: Studio, current: Current, form: Form, panel: Panel, folds: Folds) -> Any:
    """Generate, then ask; returns the event that asks."""
    abouts = {r.name: r.description for r in studio.experts}
    asking = gr.State((Inputs(), ""), time_to_live=3600)  # what to ask, and the text of the examples box
    outputs: dict[str, Any] = {
        "problem": form.problem,
        "stop": form.stop,
        "answers": panel.answers,
        "talking": panel.talking,
        "unasked": panel.unasked,
        "talk": panel.talk,
        "accuracy": panel.accuracy,
        "downloads": panel.downloads,
        "peft": panel.peft,
        "gguf": panel.gguf,
        "made_by": folds.made_by,
        "plane": folds.plane,
        "card": folds.card,
        "receipt": folds.receipt,
        "asking": asking,
        "current": current.id,
    }

    def change(**new: Any) -> list[Any]:
        return [new.get(name, gr.skip()) for name in outputs]

    def cleared(**new: Any) -> list[Any]:
        """Nothing of the adapter before is left on the page."""
        nothing = {"problem": "", "unasked": "", "talk": "", "accuracy": "", "made_by": "", "receipt": ""}
        hidden: dict[str, Any] = {"talking": gr.Column(visible=False), "downloads": gr.Row(visible=False)}
        bare = {"plane": str(views.map_view(studio.map)), "card": str(views.map_hint())}
        hidden["stop"] = gr.Button("Stop", visible=False)
        return change(**{**nothing, **hidden, **bare, "current": "", **new})

    stops = Stops("It was stopped. Nothing was made.")

    def generate(task: str, shown: str, request: gr.Request) -> Iterator[list[Any]]:
        task, shown = task or "", shown or ""
        session = str(request.session_hash)
        stops.clear(session)
        yield cleared(answers=str(result.working_view(task)))
        try:
            found = parse_examples(shown) if shown.strip() else ()
            made = studio.begin(task, found)
            if isinstance(made, GenerateJob):
                for share in studio.fitted(made, lambda: stops.check(session)):
                    seen = str(result.working_view(task, share))
                    yield change(answers=seen, stop=gr.Button("Stop", visible=True, interactive=True))
                made = made.future.result()
            near, asked, files = studio.near(made), studio.inputs(made, found), studio.downloads(made)
        except GenloraError as err:
            yield cleared(problem=str(_problem(err)), answers=str(result.empty_result()))
            return
        yield change(
            stop=gr.Button(visible=False),
            answers=str(result.answers_view(made, asked, (), shown)),
            talking=gr.Column(visible=True),
            accuracy=str(result.accuracy_view(made)),
            downloads=gr.Row(visible=True),
            peft=gr.DownloadButton(value=str(files.peft)),
            gguf=gr.DownloadButton(value=str(files.gguf) if files.gguf else None, visible=files.gguf is not None),
            made_by=str(result.made_view(made, near, abouts)),
            plane=str(views.map_view(studio.map, near)),
            receipt=str(result.receipt_view(made)),
            asking=(asked, shown),
            current=made.id,
        )

    async def ask_first(id: str, what: tuple[Inputs, str], told: bool) -> AsyncIterator[Any]:
        asked, shown = what
        if not id or not asked.rows:
            yield gr.skip()
            return
        try:
            made = studio.get(id)
            async for step in studio.ask(made, asked, tell_base=told, max_tokens=FIRST_TOKENS):
                yield str(result.answers_view(made, asked, step, shown))
        except GenloraError as err:
            yield str(views.error_notice(err))

    def stop(request: gr.Request) -> Any:
        stops.ask(str(request.session_hash))
        return gr.Button("Stopping ...", interactive=False)

    form.stop.click(stop, None, [form.stop], queue=False, **QUIET)
    making = gr.on(
        [form.make.click],
        generate,
        [form.description, form.examples],
        list(outputs.values()),
        concurrency_id=HEAVY,
        concurrency_limit=1,
        trigger_mode="always_last",
        **QUIET,
    )
    return making.success(
        ask_first,
        [current.id, asking, folds.tell],
        panel.answers,
        concurrency_limit=4,
        concurrency_id="talk",
        trigger_mode="multiple",
        **QUIET,
    )


def _problem(err: GenloraError) -> Markup:
    """What is said where nothing was made; that it was stopped is no fault."""
    return views.notice(str(err), "info") if isinstance(err, CancelledError) else views.error_notice(err)


def _wire_talking(studio: Studio, current: Current, panel: Panel, folds: Folds) -> Any:
    """An input of the user's own, put to both; returns the event."""
    exchanges = gr.State([], time_to_live=3600)

    async def answer(id: str, text: str, told: bool, tokens: float, before: Any) -> AsyncIterator[list[Any]]:
        kept = [e for whose, e in before if whose == id]
        try:
            made: KeptAdapter = studio.get(id)
            now: Exchange | None = None
            async for now in studio.talk(made, text or "", tell_base=told, max_tokens=int(tokens)):
                yield ["", str(result.talk_view([*kept, now])), gr.skip(), gr.skip()]
        except GenloraError as err:
            yield [str(views.error_notice(err)), gr.skip(), gr.skip(), gr.skip()]
            return
        if now is not None:
            kept = [*kept, now][-MAX_EXCHANGES:]
            yield ["", str(result.talk_view(kept)), [(id, e) for e in kept], ""]

    return gr.on(
        [panel.ask.click, panel.message.submit],
        answer,
        [current.id, panel.message, folds.tell, folds.length, exchanges],
        [panel.unasked, panel.talk, exchanges, panel.message],
        concurrency_limit=4,
        concurrency_id="talk",
        **QUIET,
    )
