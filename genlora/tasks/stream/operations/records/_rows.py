"""Rows without a header: a column by its place, or by the names that the description gives to the columns."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._wording import Wording
from ...inputs.records._rows import ORDER, PERSON
from ._shapes import two_parts

_BOTH = ("person row", "order row")
_NTH = ("first", "second", "third", "fourth")
_CALLED = {
    "person row": ("name", "city", "age", "team"),
    "order row": ("order number", "item", "quantity", "unit price"),
}


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 4)
    return {"n": n, "nth": _NTH[n - 1]}


def _two(draw: Draw) -> Params:
    i, j = draw.some(range(4), 2)
    return {"i": i, "j": j, "one": _NTH[i], "two": _NTH[j]}


def _named(kind: str) -> Callable[[Draw], Params]:
    names = _CALLED[kind]

    def drawn(draw: Draw) -> Params:
        n = draw.between(0, 3)
        return {"n": n, "column": names[n], "columns": ", ".join(names)}

    return drawn


def _at_least(low: int, high: int) -> Callable[[Draw], Params]:
    return lambda d: {"n": d.between(low, high)}


def _cell(names: Sequence[str]) -> Callable[[Value, str], str | None]:
    return lambda value, name: value.data[names.index(name)]


def _by_name(name: str, kind: str) -> Operation:
    return Operation(
        name,
        (kind,),
        "code",
        lambda v, p: v.data[p["n"]],
        params=_named(kind),
        wording=Wording(
            (
                "give the {column}; the columns are {columns}",
                "extract the {column} (columns: {columns})",
                "read {the} as {columns}, writing only the {column}",
                "pull the {column} out of {the}, whose columns are {columns}",
            ),
            ("the {column} (columns: {columns})", "the {column} of {the}, which holds {columns}"),
            ("with the columns {columns}, what is the {column}?",),
        ),
    )


OPERATIONS = (
    Operation("row.nth", _BOTH, "code", lambda v, p: v.data[p["n"] - 1], params=_nth),
    Operation(
        "row.from end",
        _BOTH,
        "code",
        lambda v, p: v.data[-p["n"]],
        params=lambda d: {"n": (n := d.between(1, 3)), "back": ("last", "second to last", "third to last")[n - 1]},
    ),
    Operation("row.pair", _BOTH, "code", lambda v, p: f"{v.data[p['i']]}, {v.data[p['j']]}", params=_two),
    Operation(
        "row.without",
        _BOTH,
        "code",
        lambda v, p: ", ".join(c for i, c in enumerate(v.data) if i != p["n"] - 1),
        params=_nth,
    ),
    Operation("row.reverse", _BOTH, "code", lambda v, _: ", ".join(v.data[::-1])),
    Operation("row.commas", _BOTH, "code", lambda v, _: None if (t := ", ".join(v.data)) == v.text else t),
    _by_name("row.person named", "person row"),
    _by_name("row.order named", "order row"),
    two_parts("row.person shaped", ("person row",), PERSON, get=_cell(PERSON)),
    two_parts("row.order shaped", ("order row",), ("item", "qty", "id"), ("item", "price", "id"), get=_cell(ORDER)),
    Operation("row.from", ("person row",), "text", lambda v, _: f"{v.data[0]} from {v.data[1]}"),
    Operation("row.card", ("person row",), "text", lambda v, _: f"{v.data[0]} ({v.data[2]}), {v.data[3]}"),
    Operation("row.times", ("order row",), "code", lambda v, _: f"{v.data[2]} x {v.data[1]}"),
    Operation(
        "row.total",
        ("order row",),
        "number",
        lambda v, _: str(int(v.data[2]) * int(v.data[3])) if int(v.data[2]) <= 12 and int(v.data[3]) <= 20 else None,
    ),
    Operation("row.invoice line", ("order row",), "code", lambda v, _: f"{v.data[1]}: {v.data[3]} EUR"),
)

CONDITIONS = (
    Condition(
        "row older",
        ("person row",),
        lambda v, p: int(v.data[2]) >= p["n"],
        ("the person is {n} or older", "the third column is at least {n}"),
        ("the person is younger than {n}", "the third column is below {n}"),
        params=_at_least(25, 60),
    ),
    Condition(
        "row team",
        ("person row",),
        lambda v, p: v.data[3] == p["team"],
        ("the person works in {team}", "the last column says {team}"),
        ("the person is in another team", "the last column is not {team}"),
        params=picked(team=("sales", "support", "finance", "legal", "design", "research")),
    ),
    Condition(
        "row many",
        ("order row",),
        lambda v, p: int(v.data[2]) > p["n"],
        ("more than {n} pieces were ordered", "the quantity in the third column is over {n}"),
        ("{n} pieces or fewer were ordered", "the quantity is {n} at most"),
        params=_at_least(5, 30),
    ),
    Condition(
        "row expensive",
        ("order row",),
        lambda v, p: int(v.data[3]) > p["n"],
        ("the price in the last column is over {n}", "one piece costs more than {n}"),
        ("the last column is {n} or less", "one piece costs at most {n}"),
        params=_at_least(5, 25),
    ),
)


def _batch(value: Value, _: Params) -> str:
    n = int(value.data[2])
    return "small" if n < 10 else "medium" if n < 25 else "large"


CLASSIFIERS = (
    Classifier(
        "row batch",
        ("order row",),
        _batch,
        {
            "small": "the quantity in column 3 is under 10",
            "medium": "the quantity in column 3 is 10 to 24",
            "large": "the quantity in column 3 is 25 or more",
        },
        "the size of the order by its quantity (third column)",
        {"small": "S", "medium": "M", "large": "L"},
    ),
)
