"""The tab that scores an adapter on the user's own examples."""

from typing import Any

import gradio as gr

from genlora.errors import GenloraError

from . import _reports as reports
from . import _views as views
from ._create import HEAVY, Current
from ._examples import MAX_TEXT_CHARS, as_text, parse_examples
from ._studio import Studio


def score_tab(studio: Studio, current: Current) -> None:
    """Build the tab."""
    current.shown.append(gr.HTML(views.current_view(None), elem_classes="gl-now"))
    with gr.Row(elem_classes="gl-columns"):
        with gr.Column(scale=4, min_width=320):
            examples = gr.Textbox(
                value="",
                label="Your examples, one a line",
                info='"input => output", or JSON Lines. Two or more; twenty tell something. A text file may be '
                "dropped here.",
                placeholder="wolf => wolves\ncity => cities\nchild => children",
                lines=10,
                max_lines=20,
                max_length=MAX_TEXT_CHARS,
                elem_id="gl-own",
                elem_classes="gl-drop",
            )
            with gr.Row():
                fill = gr.Button("Fill with samples", size="sm", min_width=120)
                run = gr.Button("Score", variant="primary", min_width=120, elem_id="gl-score")
            problem = gr.HTML("", elem_id="gl-score-problem")
        with gr.Column(scale=7, min_width=320):
            report = gr.HTML(
                '<div class="gl-empty"><p>The base, the base that is told the task, and your adapter answer every '
                "example. "
                "Nothing is trained on them.</p></div>",
                elem_id="gl-report",
            )

    def score(id: str, text: str, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
        def step(what: str, done: int, total: int) -> None:
            progress((done, total), desc=what[:1].upper() + what[1:], unit="answers")

        try:
            made = studio.get(id)
            result = studio.score(made, parse_examples(text or "", least=2), on_step=step)
        except GenloraError as err:
            return [str(views.error_notice(err)), gr.skip()]
        return ["", str(reports.score_view(result))]

    def samples(id: str) -> list[Any]:
        try:
            made = studio.get(id)
        except GenloraError as err:
            return [gr.skip(), str(views.error_notice(err))]
        return [as_text(neighbours_samples(studio, [n.name for n in made.generated.neighbours])), ""]

    run.click(
        score,
        [current.id, examples],
        [problem, report],
        api_visibility="private",
        concurrency_id=HEAVY,
        concurrency_limit=1,
        show_progress_on=[report],
    )
    fill.click(samples, current.id, [examples, problem], api_visibility="private", queue=False, show_progress="hidden")


def neighbours_samples(studio: Studio, names: list[str]) -> list[tuple[str, str]]:
    """Held-out samples that the bank keeps with the nearest expert."""
    kept = {r.name: r.metrics.get("samples", []) for r in studio.experts}
    rows = [s for s in kept.get(names[0] if names else "", []) if isinstance(s, dict)]
    return [(str(s.get("input", "")), str(s.get("output", ""))) for s in rows]
