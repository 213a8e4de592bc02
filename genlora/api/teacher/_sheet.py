"""What a teacher wrote, as a page to look at: no scripts, nothing from elsewhere, and no text of its own as markup."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

from genlora.train import Synthesised

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a;"
    "background:#fff}table{border-collapse:collapse;width:100%}td,th{text-align:left;vertical-align:top;"
    "padding:.4rem .6rem;border-bottom:1px solid #ccc;white-space:pre-wrap;overflow-wrap:anywhere}"
    "@media(prefers-color-scheme:dark){body{color:#e6e6e6;background:#161616}td,th{border-color:#444}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def examples_page(description: str, told: Mapping[str, Any], found: Synthesised) -> str:
    """HTML: the description, where the examples come from, those that were kept, and those it disagreed on."""
    form = "" if found.form is None else f"<p>Answers were held to this form: {html.escape(found.form.summary())}.</p>"
    counts = found.counts
    dropped = (
        f"{counts.asked} asked for, {counts.parsed} read, {counts.unreadable} unreadable, {counts.duplicate} there "
        f"already, {counts.off_form} not of the answers' form, {counts.disagreed} disagreed on, {counts.kept} kept."
    )
    kept = table(("Input", "Answer"), [(e.input, e.output) for e in found.examples])
    doubtful = table(("Input", "First answer", "Second answer"), [(e.input, e.output, s) for e, s in found.doubtful])
    left_out = f"<h2>Left out: it disagreed with itself</h2>{doubtful}" if found.doubtful else ""
    body = (
        f"<p>{html.escape(description)}</p>\n"
        f"<p>Written by <code>{html.escape(str(told['model']))}</code> at "
        f"<code>{html.escape(str(told['endpoint']))}</code>; no person has checked them. {dropped}</p>\n{form}"
        "<p>Wrong ones? Take them out of <code>examples.jsonl</code> and fit again with <code>--examples</code>.</p>\n"
        f"<h2>Kept</h2>{kept}\n{left_out}"
    )
    return page("Examples from a teacher", body)


def page(title: str, body: str) -> str:
    """A whole HTML page around `body`, which is markup already; `title` is text."""
    return (
        "<!doctype html>\n<html lang=en><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{_POLICY}">'
        "<meta name=viewport content='width=device-width'>"
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style>\n"
        f"<h1>{html.escape(title)}</h1>\n{body}</html>\n"
    )


def table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts as markup."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in names)
    body = "".join("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows)
    return f"<table><tr>{head}</tr>\n{body}</table>"
