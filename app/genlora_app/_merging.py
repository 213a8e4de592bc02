"""The tab that merges the adapter into a quantised copy of its base and shows what that cost."""

from typing import Any

import gradio as gr

from genlora.errors import CancelledError, GenloraError

from . import _reports as reports
from . import _views as views
from ._create import HEAVY, QUIET, Current
from ._stops import Stops
from ._studio import Studio, merge_choices

DEFAULT = "gguf-q8_0"
_SHARES = {"base and adapter": 22, "merging": 9, "comparing": 11, "reloading": 4, "packing": 3}
"""Seconds that the steps of a merge take on two cores, about (benchmarks/results/merge.json)."""
_GGUF = ("base and adapter", "merging", "reloading", "comparing", "packing")
_OTHERS = ("base and adapter", "merging", "comparing", "reloading", "comparing", "packing")


class Steps:
    """How far a merge has come: the steps of its form one after another. It never goes back, nor ahead of what is done.

    Args:
        quantize: the form that is merged into.
    """

    def __init__(self, quantize: str) -> None:
        self._plan = _GGUF if quantize.startswith("gguf") else _OTHERS
        self._at = 0
        self._done = 0

    def reached(self, what: str, done: int, total: int) -> tuple[float, str]:
        """Share of the whole, 0 to 1, and the step in words."""
        if what != self._plan[self._at] or done < self._done:
            self._at = next((i for i in range(self._at + 1, len(self._plan)) if self._plan[i] == what), self._at)
        self._done = done
        parts = [_SHARES[name] for name in self._plan]
        inside = done / total if total else 0.0
        share = (sum(parts[: self._at]) + inside * parts[self._at]) / sum(parts)
        count = f", {done} of {total}" if total else ""
        return share, f"Step {self._at + 1} of {len(self._plan)}: {self._plan[self._at]}{count}"


def merge_tab(studio: Studio, current: Current) -> None:
    """Build the tab."""
    current.shown.append(gr.HTML(views.current_view(None), elem_classes="gl-now"))
    choices = merge_choices()
    with gr.Row(elem_classes="gl-columns"):
        with gr.Column(scale=4, min_width=320):
            form = gr.Radio(
                choices,
                value=DEFAULT if DEFAULT in {c for _, c in choices} else choices[0][1],
                label="Store the merged model as",
                elem_id="gl-form",
                elem_classes="gl-stacked",
            )
            run = gr.Button("Merge and verify", variant="primary", elem_id="gl-merge")
            stop = gr.Button("Stop", visible=False, elem_id="gl-merge-stop")
            problem = gr.HTML("", elem_id="gl-merge-problem")
        with gr.Column(scale=7, min_width=320):
            report = gr.HTML(
                '<div class="gl-empty"><p>Merging writes one model that needs no adapter. It is compared with base '
                "and adapter "
                "side by side at a thousand positions, saved, read back and compared again: you see what rounding "
                "cost. "
                "It takes about a minute.</p></div>",
                elem_id="gl-merged",
            )
            download = gr.DownloadButton("Download the merged model", size="sm", visible=False, elem_id="gl-model")

    stops = Stops("The merge was stopped. Nothing was kept.")

    def begin(request: gr.Request) -> list[Any]:
        stops.clear(str(request.session_hash))
        return ["", gr.Button(visible=False), gr.Button("Stop", visible=True, interactive=True)]

    def end(request: gr.Request) -> Any:
        stops.ask(str(request.session_hash))
        return gr.Button("Stopping ...", interactive=False)

    def merge(id: str, quantize: str, request: gr.Request, progress: Any = gr.Progress()) -> list[Any]:  # noqa: B008
        steps, session = Steps(quantize), str(request.session_hash)

        def step(what: str, done: int, total: int) -> None:
            stops.check(session)
            share, said = steps.reached(what, done, total)
            progress(share, desc=said)

        try:
            stops.check(session)  # while it was waiting
            found = studio.merge(studio.get(id), quantize, on_step=step)
        except CancelledError as err:  # what was asked for, and no fault
            return [str(views.notice(str(err), "info")), gr.skip(), gr.skip()]
        except GenloraError as err:
            return [str(views.error_notice(err)), gr.skip(), gr.skip()]
        shown = reports.merge_view(found.report, found.file.stat().st_size)
        return ["", str(shown), gr.DownloadButton(value=str(found.file), visible=True)]

    begun = run.click(begin, None, [problem, run, stop], queue=False, **QUIET)
    done = begun.then(
        merge,
        [current.id, form],
        [problem, report, download],
        api_visibility="private",
        concurrency_id=HEAVY,
        concurrency_limit=1,
        show_progress_on=[report],
    )
    done.then(lambda: [gr.Button(visible=True), gr.Button(visible=False)], None, [run, stop], queue=False, **QUIET)
    stop.click(end, None, [stop], queue=False, **QUIET)
