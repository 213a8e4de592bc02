"""Lists with repeats, a list with one item named, two lists, and checklists."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._lexicon import VOCABULARIES, items
from ..._parts import InputType, Params, Value

_COMMAS = (", ", ", ", "; ", " | ", " / ", " ")


def _small(draw: Draw) -> Params:
    """Few different items, most of them several times."""
    vocabulary = draw.pick((*VOCABULARIES, "statuses", "statuses", "first names", "teams"))
    n = draw.between(2, 4)
    return {
        "vocabulary": vocabulary,
        "n": n,
        "pool": items(draw, vocabulary, n) if draw.chance(0.5) else None,
        "low": draw.between(4, 5),
        "sep": draw.pick((*_COMMAS, "\n")),
        "mark": draw.pick(("- ", "* ", "> ", "vote: ", "+1 ", "• ")),
        "start": draw.pick(("{}", "{:02}", "#{}", "09:{:02}", "row {}")),
        "colon": draw.pick((": ", " ", " - ", ") ")),
    }


def _repeated(draw: Draw, layout: Params) -> tuple[str, ...]:
    if not layout["pool"] and draw.chance(0.15):
        return items(draw, layout["vocabulary"], layout["low"])
    pool = layout["pool"] or items(draw, layout["vocabulary"], layout["n"] + draw.between(0, 1))
    return tuple(draw.pick(pool) for _ in range(layout["low"] + draw.between(0, 3)))


def _repeats(draw: Draw, layout: Params) -> Value:
    words = _repeated(draw, layout)
    return Value(words, layout["sep"].join(words))


def _ballots(draw: Draw, layout: Params) -> Value:
    words = _repeated(draw, layout)
    return Value(words, "\n".join(layout["mark"] + w for w in words))


def _log(draw: Draw, layout: Params) -> Value:
    words = _repeated(draw, layout)
    lines = [layout["start"].format(i) + layout["colon"] + w for i, w in enumerate(words, start=1)]
    return Value(words, "\n".join(lines))


def _some(draw: Draw, layout: Params) -> tuple[str, ...]:
    return items(draw, layout["vocabulary"], draw.between(layout["low"], layout["high"]))


def _lengths(draw: Draw) -> dict[str, object]:
    low = draw.between(3, 4)
    return {"vocabulary": draw.pick(VOCABULARIES), "low": low, "high": low + draw.between(1, 2)}


def _named(draw: Draw, layout: Params) -> Value:
    """A list, and an item that is mostly in it."""
    words = _some(draw, layout)
    item = draw.pick(words) if draw.chance(0.7) else items(draw, layout["vocabulary"], 1)[0]
    return Value((words, item), layout["shape"].format(layout["sep"].join(words), item))


def _item_layout(*shapes: str) -> Callable[[Draw], Params]:
    return lambda draw: {**_lengths(draw), "shape": draw.pick(shapes), "sep": draw.pick(_COMMAS[:4])}


def _both(draw: Draw, layout: Params) -> Value | None:
    """Two lists that share some items."""
    low = draw.between(2, 4)
    pool = items(draw, layout["vocabulary"], low + draw.between(1, 3))
    first = draw.some(pool, min(low, len(pool)))
    how = draw.between(0, 9)
    if how == 0:
        second = draw.some(first, len(first))
    elif how == 1:
        second = draw.some(first, max(1, len(first) - 1))
    elif how == 2:
        second = [w for w in pool if w not in first]
    else:
        second = draw.some(pool, draw.between(2, min(4, len(pool))))
    shown = [layout["sep"].join(x) for x in (first, second)]
    return Value((tuple(first), tuple(second)), layout["shape"].format(*shown)) if second else None


def _pair_layout(*shapes: str) -> Callable[[Draw], Params]:
    return lambda draw: {
        "vocabulary": draw.pick(VOCABULARIES),
        "shape": draw.pick(shapes),
        "sep": draw.pick((", ", ", ", " ", ",")),
    }


_TICKS = (
    ("[x] {}", "[ ] {}"),
    ("- [x] {}", "- [ ] {}"),
    ("✓ {}", "✗ {}"),
    ("{}: done", "{}: open"),
    ("{} (done)", "{} (open)"),
    ("{} - yes", "{} - no"),
    ("{}=1", "{}=0"),
    ("DONE {}", "TODO {}"),
)


def _tick_layout(draw: Draw) -> Params:
    done, todo = draw.pick(_TICKS)
    return {**_lengths(draw), "done": done, "todo": todo, "sep": draw.pick(("\n", "\n", ", ", "; "))}


def _checklist(draw: Draw, layout: Params) -> Value:
    words = _some(draw, layout)
    done = tuple(draw.chance(0.5) for _ in words)
    lines = [layout["done" if d else "todo"].format(w) for w, d in zip(words, done, strict=True)]
    return Value((words, done), layout["sep"].join(lines))


INPUTS = (
    InputType("list with repeats", "votes", "a list with repeated entries", "the list", _repeats, _small),
    InputType("ballots", "votes", "a list of votes, one per line", "the list", _ballots, _small),
    InputType("numbered entries", "votes", "a log with one entry per line", "the log", _log, _small),
    InputType(
        "list, then an item",
        "list and item",
        "a list and one item",
        "the list",
        _named,
        _item_layout("{} -> {}", "{} | item: {}", "{}\n{}", "list: {}; item: {}", "[{}] {}", "{} ({})", "in {}: {}"),
    ),
    InputType(
        "item, then a list",
        "list and item",
        "one item and then a list",
        "the list",
        _named,
        _item_layout("{1}: {0}", "{1} in {0}", "{1}\n{0}", "item={1} list={0}", "{1} <- [{0}]", "({1}) {0}"),
    ),
    InputType(
        "two lists",
        "two lists",
        "two lists",
        "the two lists",
        _both,
        _pair_layout("{} | {}", "{} || {}", "[{}] [{}]", "({}) ({})", "{}\n{}", "{{{}}} {{{}}}"),
    ),
    InputType(
        "labelled lists",
        "two lists",
        "two lists with labels",
        "the two lists",
        _both,
        _pair_layout("A: {}\nB: {}", "A = {}; B = {}", "list 1: {} / list 2: {}", "left: {}\nright: {}"),
    ),
    InputType(
        "old and new list",
        "two lists",
        "an old list and a new one",
        "the two lists",
        _both,
        _pair_layout("old: {}\nnew: {}", "before: {}\nafter: {}", "v1: {} -> v2: {}", "- {}\n+ {}", "was {}; is {}"),
    ),
    InputType("checklist", "checklist", "a checklist", "the list", _checklist, _tick_layout),
)
