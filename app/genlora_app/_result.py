"""What the page shows of one adapter: answers, expected accuracy, who made it. The same rules as in `_views`."""

import json
from collections.abc import Mapping, Sequence

from markupsafe import Markup

from genlora.api import KeptAdapter, small_receipt

from ._asking import ASKED, Exchange, Inputs
from ._studio import Near
from ._views import joined, notice, shown
from ._words import (
    accuracy_helps,
    accuracy_level,
    accuracy_title,
    accuracy_words,
    generator_title,
    generator_words,
    own_warnings,
    percent,
)

MAX_LINK_CHARS = 4_000
"""Longest request that the page's address carries: browsers and proxies cut longer ones."""


def empty_result() -> Markup:
    """Before the first adapter: what will stand here."""
    rows = Markup('<div class="gl-row"><i></i><i></i><i></i></div>') * ASKED
    return Markup(
        '<section class="gl-answers gl-sketch"><p><strong>One sentence, two models.</strong> Press one of the tasks, '
        "or describe your own and press Generate. Base and adapted model then answer the same inputs here, side by "
        'side, and you see how often the adapter is expected to be right.</p><div aria-hidden="true">'
        '<div class="gl-row gl-head"><span>Input</span><span>Base</span><span>With your adapter</span></div>'
        "{rows}</div></section>"
    ).format(rows=rows)


def working_view(text: str, share: float | None = None) -> Markup:
    """While an adapter is made: for which task, and how far a fit to examples has come (0 to 1)."""
    wait = Markup('<div class="gl-wait" role="status" aria-label="working"><i></i><i></i><i></i></div>')
    if share is not None:
        wait = Markup(
            '<p class="gl-fine" role="status">Fitting it to your examples, about half a minute: {share:.0%}</p>'
            '<progress class="gl-fitting" max="1" value="{share:.3f}" aria-label="fitted so far"></progress>'
        ).format(share=share)
    return Markup(
        '<section class="gl-answers"><p class="gl-whose"><span>Making an adapter for</span><strong>{text}</strong></p>'
        "{wait}</section>"
    ).format(text=shown(text, 200) or "your examples", wait=wait)


def answers_view(made: KeptAdapter, inputs: Inputs, exchanges: Sequence[Exchange], examples: str = "") -> Markup:
    """Base and adapted answers side by side, under the task that they belong to.

    `examples` is what the examples box held: with the description it makes the page's address.
    """
    told = made.generated.description
    link = (told or "", examples.strip())
    address = Markup("")
    if sum(map(len, link)) <= MAX_LINK_CHARS:
        address = Markup(' data-task="{}" data-examples="{}"').format(*link)
    base = "told the task" if exchanges and exchanges[0].told else "not told the task"
    head = Markup(
        '<div class="gl-row gl-head"><span>Input</span><span>Base <small>{base}</small></span>'
        "<span>With your adapter</span></div>"
    ).format(base=base)
    return Markup(
        '<section class="gl-answers"{address}><p class="gl-whose"><span>Task</span><strong>{told}</strong></p>'
        '{head}<div aria-live="polite">{rows}</div>{tally}<p class="gl-fine">{whose}</p></section>'
    ).format(
        address=address,
        told=shown(told or "The one your examples show", 200),
        head=head if exchanges else "",
        rows=joined(_row(e) for e in exchanges),
        tally=_tally(exchanges),
        whose=_whose(inputs),
    )


def talk_view(exchanges: Sequence[Exchange]) -> Markup:
    """What the user asked besides, the newest first."""
    return Markup('<div class="gl-talk" aria-live="polite">{}</div>').format(joined(_row(e) for e in exchanges[::-1]))


def _row(e: Exchange) -> Markup:
    right = Markup("<small>right: {}</small>").format(shown(e.right, 120)) if e.right is not None else ""
    return Markup('<div class="gl-row"><div class="gl-said">{message}{right}</div>{base}{ours}</div>').format(
        message=shown(e.message, 400), right=right, base=_answer(e, "base", "Base"), ours=_answer(e, "adapted", "Yours")
    )


def _answer(e: Exchange, way: str, name: str) -> Markup:
    text = getattr(e, way)
    mark = {True: ("gl-yes", "\u2713", "right"), False: ("gl-no", "\u2717", "not exactly right")}.get(e.is_right(way))  # type: ignore[arg-type]
    shown_mark = (
        Markup('<b class="gl-mark {}" title="{}" aria-label="{}">{}</b>').format(mark[0], mark[2], mark[2], mark[1])
        if mark
        else ""
    )
    more = "\u2009\u2026" if way in e.cut else ""
    silent = not text and e.done
    return Markup('<div class="gl-answer gl-{way}{state}" data-name="{name}"><p>{text}{more}</p>{mark}</div>').format(
        way=way,
        state=" gl-silent" if silent else "" if e.done else " gl-typing",
        name=name,
        text="(said nothing)" if silent else text,
        more=more,
        mark=shown_mark,
    )


def _tally(exchanges: Sequence[Exchange]) -> Markup:
    known = [e for e in exchanges if e.is_right("base") is not None]
    if not known:
        return Markup("")
    n = len(known)
    base, ours = (sum(bool(e.is_right(w)) for e in known) for w in ("base", "adapted"))
    return Markup(
        '<p class="gl-tally"><span>Exactly right</span><span>{base} of {n}</span><strong>{ours} of {n}</strong></p>'
    ).format(base=base, ours=ours, n=n)


def _whose(inputs: Inputs) -> Markup:
    if inputs.own:
        return Markup("Your own examples; the adapter was made from them.")
    if not inputs.rows:
        return Markup("The bank has no inputs for this task. Ask one of your own.")
    if inputs.known:
        return Markup(
            "Inputs kept aside when the expert <b>{}</b> was trained; so the right answers are known."
        ).format(inputs.whose)
    return Markup(
        "Inputs of the nearest expert, <b>{}</b>. Nobody has told what is right for your task, so nothing is marked: "
        "ask inputs of your own."
    ).format(inputs.whose)


def accuracy_view(made: KeptAdapter) -> Markup:
    """Expected accuracy with its interval, and what would help where it is low."""
    expected = made.expected_accuracy
    low, high = (0.0, 1.0) if expected is None else (expected.low, expected.high)
    helps = accuracy_helps(made)
    return Markup(
        '<section class="gl-accuracy gl-{level}"><div><h3>Expected accuracy</h3><p class="gl-figure"><strong>{value}'
        '</strong><span>{title}</span></p><div class="gl-meter" role="img" aria-label="expected accuracy {value}, '
        'between {from_} and {to}"><i style="margin-left:{low:.1f}%;width:{width:.1f}%"></i></div></div>'
        "<div><p>{words}</p>{helps}</div></section>{warnings}"
    ).format(
        level=accuracy_level(expected),
        value="unknown" if expected is None else percent(expected.value),
        title=accuracy_title(expected),
        from_=percent(low),
        to=percent(high),
        low=100 * low,
        width=100 * (high - low),
        words=accuracy_words(made),
        helps=_helps(helps),
        warnings=joined(notice(w, "info") for w in own_warnings(made)),
    )


def _helps(helps: Mapping[str, float | None]) -> Markup:
    if not helps:
        return Markup("")
    items = joined(
        Markup('<button type="button" class="gl-help" data-focus="gl-examples">{what}{then}</button>').format(
            what=what[:1].upper() + what[1:],
            then="" if value is None else Markup(": about <b>{}</b>").format(percent(value)),
        )
        for what, value in helps.items()
    )
    return Markup('<p class="gl-helps"><span>What would help</span>{}</p>').format(items)


def made_view(made: KeptAdapter, near: Sequence[Near], abouts: Mapping[str, str]) -> Markup:
    """Generator and neighbours; `abouts` are the experts' descriptions."""
    rows = joined(
        Markup(
            '<li class="{unused}"><span class="gl-rank">{i}</span><div><strong>{name}</strong>'
            '<span>{about}</span></div><div class="gl-share"><span>{weight}</span>'
            "<span>similarity {similarity:.2f}</span></div></li>"
        ).format(
            i=i,
            unused="" if n.weight else "gl-unused",
            name=n.name,
            about=abouts.get(n.name, ""),
            weight=f"weight {percent(n.weight)}" if n.weight else "not used",
            similarity=n.similarity,
        )
        for i, n in enumerate(near, 1)
    )
    return Markup(
        '<div class="gl-result"><section><h3>Made by</h3><p class="gl-lead">{title}</p><p>{words}</p></section>'
        '<section><h3>Nearest experts</h3><ol class="gl-neighbours">{rows}</ol></section></div>'
    ).format(title=generator_title(made), words=generator_words(made), rows=rows)


def receipt_view(made: KeptAdapter) -> Markup:
    """The receipt, as it lies beside the adapter, without the base's whole identity."""
    told = json.dumps(small_receipt(made.receipt), indent=2, ensure_ascii=False)
    return Markup('<pre class="gl-receipt" tabindex="0">{}</pre>').format(told)
