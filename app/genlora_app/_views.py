"""The pieces of the page that Gradio has no component for, as HTML. Every text goes through markupsafe.

What people or models wrote is only ever an argument of `Markup.format`, which escapes it; templates are literals here.
"""

import math
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from genlora.api import KeptAdapter
from genlora.errors import GenloraError

from ._map import BankMap
from ._studio import Near
from ._words import page_words, percent

EXAMPLE_TASKS = (
    "Write the plural of the noun.",
    "What does the customer want? Answer refund, delivery, login, cancellation or invoice.",
    "Convert the time from AM/PM to the 24-hour clock.",
    "Turn the amount into a price with a dollar sign.",
    "Compose a sonnet about the sea.",
)
"""Held, held, held, related, and far away: expected accuracy has something to say about each."""


def joined(parts: Iterable[Markup]) -> Markup:
    """Pieces of markup, one after another."""
    return Markup("").join(parts)


def notice(text: str = "", kind: str = "error", title: str = "") -> Markup:
    """A message that stays until the next action; nothing for an empty text."""
    if not text:
        return Markup("")
    head = title or {"error": "That did not work", "info": "Note"}[kind]
    return Markup(
        '<div class="gl-notice gl-{kind}" role="alert"><strong>{head}</strong><span>{text}</span></div>'
    ).format(kind=kind, head=head, text=text)


def error_notice(err: GenloraError) -> Markup:
    """An error of ours: its text says what was found and what to do."""
    text = page_words(str(err))
    return notice(text[:1].upper() + text[1:])


def header(base: str, experts: int) -> Markup:
    """The top of the page."""
    return Markup(
        '<header class="gl-top"><h1>genlora</h1><p>A sentence becomes a LoRA adapter: no data, no training, no GPU.</p>'
        '<p class="gl-where"><span class="gl-live"></span>{base}<small>{experts} experts, all on this machine</small>'
        "</p></header>"
    ).format(base=base.rpartition("/")[2], experts=experts)


def chips(texts: Sequence[str], label: str) -> Markup:
    """Tasks to click; a click makes the adapter (script.js)."""
    parts = joined(
        Markup('<button type="button" class="gl-chip" data-try="{t}" title="{t}">{shown}</button>').format(
            t=t, shown=shown(t, 56)
        )
        for t in texts
    )
    return Markup('<div class="gl-chips"><span>{label}</span>{parts}</div>').format(label=label, parts=parts)


EXPERT_JS = """
element.addEventListener('click', e => {
  const found = e.target.closest('[data-expert]');
  if (!found) return;
  trigger('select', {expert: found.dataset.expert});
  if (innerWidth < 760) document.getElementById('gl-expert')?.scrollIntoView({behavior: 'smooth'});
});
"""


def map_hint() -> Markup:
    """Before a point of the map is clicked."""
    return Markup('<p class="gl-fine">Every point of the map is an expert of the bank. Click one to read its card.</p>')


def map_view(bank: BankMap, near: Sequence[Near] = ()) -> Markup:
    """The bank's map; with a request's neighbours, the request among them."""
    if not bank.dots:
        return Markup('<p class="gl-empty">This bank holds no experts yet.</p>')
    rank = {n.name: i for i, n in enumerate(near, 1)}
    place = bank.place({n.name: w for n, w in zip(near, pull(near), strict=True)})
    marks = bank.marks([n.name for n in near])
    lines: list[Markup] = []
    dots: list[Markup] = []
    for dot in bank.dots:
        number = rank.get(dot.name)
        x, y = marks.get(dot.name, (dot.x, dot.y))
        if number and place:
            lines.append(Markup('<line x1="{:.2f}" y1="{:.2f}" x2="{:.2f}" y2="{:.2f}"/>').format(*place, x, y))
        dots.append(
            Markup(
                '<button type="button" class="gl-dot{near}" style="left:{x:.2f}%;top:{y:.2f}%;--c:{colour}" '
                'data-expert="{name}" title="{name}: {about}" aria-label="{name}">{number}</button>'
            ).format(
                near=" gl-near" if number else " gl-far" if rank else "",
                x=x,
                y=y,
                colour=dot.colour,
                name=dot.name,
                about=dot.about,
                number=number or "",
            )
        )
    you = Markup("")
    if place:
        side = bank.label_side(place, marks)
        label = Markup("<b>your task</b>") if side else ""
        you = Markup('<span class="gl-you gl-{side}" style="left:{x:.2f}%;top:{y:.2f}%"><i></i>{label}</span>').format(
            side=side, x=place[0], y=place[1], label=label
        )
    legend = joined(
        Markup('<li><i style="--c:{colour}"></i>{family}</li>').format(colour=c, family=f) for f, c in bank.legend
    )
    if place:
        legend = Markup('<li><i class="gl-diamond"></i>your task</li>') + legend
    label = (
        f"Map of {len(bank.dots)} experts"
        if not near
        else f"Map of the bank: your task stands near {', '.join(n.name for n in near)}"
    )
    return Markup(
        '<figure class="gl-map" aria-label="{label}"><h3>The bank: one point an expert, near tasks near each other</h3>'
        '<div class="gl-plane"><svg viewBox="0 0 100 100" '
        'preserveAspectRatio="none" aria-hidden="true">{lines}</svg>{dots}{you}</div>'
        '<figcaption><ul class="gl-legend">{legend}</ul></figcaption></figure>'
    ).format(label=label, lines=joined(lines), dots=joined(dots), you=you, legend=legend)


def pull(near: Sequence[Near]) -> list[float]:
    """How strongly each neighbour draws the request to its place: softmax of similarities at 0.1, as weights are."""
    return [math.exp((n.similarity - near[0].similarity) / 0.1) for n in near]


def current_view(made: KeptAdapter | None) -> Markup:
    """Which adapter the other tabs work on."""
    if made is None:
        return Markup('<p class="gl-current gl-none">No adapter yet. Make one under <strong>Create</strong> first.</p>')
    return Markup(
        '<p class="gl-current"><span>Adapter</span><strong>{text}</strong>'
        "<small>{id}, expected accuracy {right}</small></p>"
    ).format(
        text=shown(made.generated.description or "made from your examples"),
        id=made.id,
        right="unknown" if made.expected_accuracy is None else percent(made.expected_accuracy.value),
    )


def shown(text: str, most: int = 120) -> str:
    """A text short enough for a line."""
    return text if len(text) <= most else text[: most - 3] + "..."
