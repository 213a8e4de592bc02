"""Whole lists rewritten: other case, numbering, quotes, code, summaries."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..facts._places import LISTS, at, joined, place


def _over(work: Callable[[Sequence[str]], str | None]) -> Callable[[Value, Params], str | None]:
    return lambda value, _: work(value.data)


def _each(edit: Callable[[str, Params], str], glue: str = ", ") -> Callable[[Value, Params], str | None]:
    return lambda value, p: glue.join(edit(w, p) for w in value.data)


def _mark(draw: Draw) -> Params:
    mark, name = draw.pick((("#", "#"), ("@", "@"), ("no-", "no-"), ("my_", "my_"), ("-", "a minus"), ("*", "*")))
    return {"mark": mark, "name": name}


_tail = picked(tail=(".txt", ".csv", "!", "?", "_id", "-1", ";", ".png", ".com", " x2"))


def _wrap(draw: Draw) -> Params:
    left, right, name = draw.pick(
        (('"', '"', "double quotes"), ("'", "'", "single quotes"), ("[", "]", "square brackets"), ("<", ">", "< and >"))
    )
    return {"left": left, "right": right, "name": name}


def _numbering(draw: Draw) -> Params:
    shape = draw.pick(("{}. ", "{}) ", "({}) ", "{}: ", "#{} ", "{}-"))
    return {"shape": shape, "example": shape.format(1) + "...", "second": shape.format(2) + "..."}


def _glue(draw: Draw) -> Params:
    glue, shown = draw.pick(
        (
            (" AND ", '"AND" in capitals, spaces around it,'),
            (" OR ", '"OR" in capitals, spaces around it,'),
            ("|", '"|" without spaces'),
            ("/", '"/" without spaces'),
            (";", "a semicolon without a space"),
            ("; ", "a semicolon and a space"),
            (" > ", '" > "'),
            (" & ", '" & "'),
            (" + ", '" + "'),
            ("--", 'a double hyphen ("--")'),
        )
    )
    return {"glue": glue, "shown": shown}


OPERATIONS = (
    Operation("list.capitalise", LISTS, "code", _each(lambda w, _: w[0].upper() + w[1:])),
    Operation("list.upper one", LISTS, "code", at(lambda x, i, _: [*x[:i], x[i].upper(), *x[i + 1 :]]), params=place),
    Operation("list.bold one", LISTS, "code", at(lambda x, i, _: [*x[:i], f"**{x[i]}**", *x[i + 1 :]]), params=place),
    Operation(
        "list.number",
        LISTS,
        "code",
        lambda v, p: joined([p["shape"].format(i) + w for i, w in enumerate(v.data, start=1)]),
        params=_numbering,
    ),
    Operation(
        "list.letter marks",
        LISTS,
        "code",
        lambda v, _: " ".join(f"{'abcdefghij'[i]}) {w}" for i, w in enumerate(v.data)),
    ),
    Operation("list.prefix each", LISTS, "code", _each(lambda w, p: p["mark"] + w), params=_mark),
    Operation("list.suffix each", LISTS, "code", _each(lambda w, p: w + p["tail"]), params=_tail),
    Operation("list.wrap each", LISTS, "code", _each(lambda w, p: f"{p['left']}{w}{p['right']}"), params=_wrap),
    Operation("list.sql", LISTS, "code", lambda v, _: "(" + joined([f"'{w}'" for w in v.data]) + ")"),
    Operation("list.json", LISTS, "code", lambda v, _: "[" + joined([f'"{w}"' for w in v.data]) + "]"),
    Operation("list.glue", LISTS, "code", lambda v, p: p["glue"].join(v.data), params=_glue),
    Operation("list.or", LISTS, "text", _over(lambda x: f"{joined(x[:-1])} or {x[-1]}")),
    Operation("list.others", LISTS, "text", _over(lambda x: f"{x[0]} and {len(x) - 1} others" if len(x) > 2 else None)),
    Operation("list.more", LISTS, "text", _over(lambda x: f"{x[0]}, {x[1]} +{len(x) - 2}" if len(x) > 2 else None)),
    Operation("list.ends", LISTS, "text", _over(lambda x: f"{x[0]} to {x[-1]}")),
    Operation("list.twice", LISTS, "list", _over(lambda x: joined([w for w in x for _ in (0, 1)]))),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
