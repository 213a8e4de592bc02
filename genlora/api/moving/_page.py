"""A transfer's sample page: what was made up, what was kept, what the expert answered. No scripts, nothing remote."""

import html
from collections.abc import Sequence
from typing import Any

from genlora.tasks import Example
from genlora.train import Candidate

from ..teacher._sheet import page, table
from ._steps import Moving

_SHOWN = 100


def samples_page(
    moving: Moving, report: dict[str, Any], candidates: Sequence[Candidate[str]], rows: Sequence[Example]
) -> str:
    """HTML: the seeds, inputs that were kept with the expert's answers, and those that were rejected."""
    counts, a, d = report["counts"], report["agreement"], report["distance_to_seeds"]
    scores = {c.item: c.score for c in candidates}
    kept = [(e.input, e.output, f"{scores.get(e.input, 0):+.2f}") for e in rows[:_SHOWN]]
    worst = sorted((c for c in candidates if not c.kept), key=lambda c: c.score)[:_SHOWN]
    share = "an unknown share" if a["share"] is None else f"{a['share']:.0%}"
    verdict = (
        f"The new adapter says what the source expert says on {share} of {a['rows']} made-up inputs that it "
        "was not trained on. How right it is on real inputs is not known from here."
    )
    told = (
        f"{counts['asked']} written, {counts['unreadable']} not of the seeds' shape, {counts['duplicate']} there "
        f"already, {counts['rejected']} rejected, {counts['kept']} kept; filtered by {report['filter']}. Distance to "
        f"the seeds (MMD): kept {_number(d['kept'])}, rejected {_number(d['rejected'])}."
    )
    body = (
        f"<p>{html.escape(moving.description)}</p>\n"
        f"<p>From <code>{html.escape(report['source'])}</code> to <code>{html.escape(report['target'])}</code>. "
        f"{html.escape(verdict)}</p>\n<p>{html.escape(told)}</p>\n"
        f"<h2>Seeds: all that was read of the real data</h2>{table(('Input', 'Answer'), _pairs(moving.seeds))}\n"
        f"<h2>Kept</h2>{table(('Input', 'What the expert answers', 'Score'), kept)}\n"
    )
    if worst:
        lines = [(c.item, f"{c.score:+.2f}") for c in worst]
        body += f"<h2>Rejected</h2>{table(('Input', 'Score'), lines)}\n"
    return page(f"{moving.name} on another base", body)


def _number(value: float | None) -> str:
    return "too few to tell" if value is None else f"{value:.3f}"


def _pairs(examples: Sequence[Example]) -> list[tuple[str, str]]:
    return [(e.input, e.output) for e in examples]
