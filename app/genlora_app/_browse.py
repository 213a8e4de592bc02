"""The tab that shows what the bank holds."""

from collections.abc import Sequence
from typing import Any

import gradio as gr

from genlora.bank import ExpertRecord, expert_card
from genlora.errors import GenloraError

from . import _reports as reports
from . import _views as views
from ._studio import Studio

ALL = "All families"
MAX_TILES = 120
MAX_WORDS_CHARS = 200


def bank_tab(studio: Studio) -> None:
    """Build the tab."""
    families = sorted({r.family for r in studio.experts if r.family})
    colours = {d.family: d.colour for d in studio.map.dots}
    first = studio.experts[0].name if studio.experts else None
    with gr.Row(elem_classes="gl-columns"):
        with gr.Column(scale=7, min_width=320):
            with gr.Row():
                words = gr.Textbox(
                    value="",
                    label="Search",
                    placeholder="plural, dates, ...",
                    max_length=MAX_WORDS_CHARS,
                    min_width=160,
                    elem_id="gl-words",
                )
                family = gr.Dropdown([ALL, *families], value=ALL, label="Family", min_width=160)
            tiles = gr.HTML(
                reports.bank_view(studio.experts[:MAX_TILES], colours), js_on_load=views.EXPERT_JS, elem_id="gl-tiles"
            )
        with gr.Column(scale=5, min_width=320, elem_classes="gl-sticky"):
            card = gr.HTML(
                reports.card_view(expert_card(studio.lora.bank, first)) if first else "", elem_id="gl-expert"
            )

    def find(text: str, wanted: str) -> str:
        return str(reports.bank_view(matching(studio.experts, text or "", wanted or ALL)[:MAX_TILES], colours))

    def show(evt: gr.EventData) -> str:
        return card_of(studio, str(evt.expert))

    options: dict[str, Any] = {"api_visibility": "private", "queue": False, "show_progress": "hidden"}
    gr.on([words.change, family.change], find, [words, family], tiles, **options)
    tiles.select(show, None, card, **options)


def matching(records: Sequence[ExpertRecord], text: str, family: str = ALL) -> list[ExpertRecord]:
    """Experts of a family (or all) whose name, family or descriptions hold every word of the text."""
    words = text.casefold().split()
    out = []
    for r in records:
        whole = " ".join((r.name, r.family, *r.descriptions)).casefold()
        if family in (ALL, "", r.family) and all(w in whole for w in words):
            out.append(r)
    return out


def card_of(studio: Studio, name: str) -> str:
    """The card of an expert, or why there is none."""
    try:
        return str(reports.card_view(expert_card(studio.lora.bank, name)))
    except GenloraError as err:
        return str(views.error_notice(err))
