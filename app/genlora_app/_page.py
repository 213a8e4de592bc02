"""The page: tabs, and what happens when something is pressed. Every handler answers errors of ours in place."""

from typing import TYPE_CHECKING

import gradio as gr

from genlora.errors import GenloraError

from . import _views as views
from ._api import publish
from ._browse import bank_tab
from ._create import Current, create_tab
from ._merging import merge_tab
from ._scoring import score_tab
from ._studio import Studio

if TYPE_CHECKING:
    from genlora.api.pictures import ImageStudio

MAX_QUEUE = 32
"""Requests that may wait; more are refused at once."""
SESSION_S = 3600
"""How long a session's state is kept after its last use."""


def build(studio: Studio, images: "ImageStudio | None" = None) -> gr.Blocks:
    """The whole app on a studio, queue set, ready to launch; with a text-to-image model, its tab too."""
    with gr.Blocks(title="genlora", analytics_enabled=False, fill_width=True) as page:
        publish(studio)  # first, so that its names are taken from the handlers below, which are private
        gr.HTML(views.header(studio.base.layout.name, len(studio.experts)))
        current = Current(gr.State("", time_to_live=SESSION_S), [])
        with gr.Tabs():
            with gr.Tab("Create", id="create"):
                create_tab(studio, current)
            with gr.Tab("Score", id="score"):
                score_tab(studio, current)
            with gr.Tab("Merge", id="merge"):
                merge_tab(studio, current)
            with gr.Tab("Bank", id="bank"):
                bank_tab(studio)
            if images is not None:
                from .pictures import subject_tab

                with gr.Tab("Pictures", id="pictures"):
                    subject_tab(images, studio.folder)
        wire_current(studio, current)
    return page.queue(max_size=MAX_QUEUE, default_concurrency_limit=1)


def wire_current(studio: Studio, current: Current) -> None:
    """When there is another adapter, every tab says so."""

    def show(id: str) -> list[str]:
        try:
            made = studio.get(id) if id else None
        except GenloraError:
            made = None
        return [str(views.current_view(made))] * len(current.shown)

    current.id.change(show, current.id, current.shown, api_visibility="private", show_progress="hidden", queue=False)
