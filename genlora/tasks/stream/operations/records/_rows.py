"""Rows without a header: a column by its place, or by the names that the description gives to the columns."""

from collections.abc import Callable, Sequence

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
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
        (
            "give the {column}; the columns are {columns}",
            "extract the {column} (columns: {columns})",
            "read {the} as {columns}, writing only the {column}",
            "pull the {column} out of {the}, whose columns are {columns}",
        ),
        ("the {column} (columns: {columns})", "the {column} of {the}, which holds {columns}"),
        ("with the columns {columns}, what is the {column}?",),
        _named(kind),
    )


OPERATIONS = (
    Operation(
        "row.nth",
        _BOTH,
        "code",
        lambda v, p: v.data[p["n"] - 1],
        (
            "output the {nth} column",
            "copy the {nth} cell of {the}",
            "cut column {n} out of {the}",
            "return only what stands in the {nth} field",
        ),
        ("the {nth} column", "cell number {n} of {the}"),
        ("what is in the {nth} column?",),
        _nth,
    ),
    Operation(
        "row.from end",
        _BOTH,
        "code",
        lambda v, p: v.data[-p["n"]],
        ("fetch the {back} column", "copy the {back} cell of {the}", "return only the {back} field"),
        ("the {back} column", "the {back} cell of {the}"),
        ("what is in the {back} column?",),
        lambda d: {"n": (n := d.between(1, 3)), "back": ("last", "second to last", "third to last")[n - 1]},
    ),
    Operation(
        "row.pair",
        _BOTH,
        "code",
        lambda v, p: f"{v.data[p['i']]}, {v.data[p['j']]}",
        (
            "give the {one} and then the {two} column, separated by a comma and a space",
            "write the {one} cell, a comma, and the {two} cell",
            "join the {one} cell to the {two} one, in this order, by a comma and a space",
        ),
        ("the {one} and the {two} column, in this order, a comma and a space between",),
        ("what are the {one} and the {two} cell, comma between?",),
        params=_two,
    ),
    Operation(
        "row.without",
        _BOTH,
        "code",
        lambda v, p: ", ".join(c for i, c in enumerate(v.data) if i != p["n"] - 1),
        (
            "remove the {nth} column, joining the others by commas",
            "print the cells without the {nth} one, comma-separated",
            "drop column {n}; list the rest with commas",
        ),
        ("all columns but the {nth}, comma-separated", "the cells without number {n}, joined by commas"),
        ("what is left without the {nth} column, comma-separated?",),
        params=_nth,
    ),
    Operation(
        "row.reverse",
        _BOTH,
        "code",
        lambda v, _: ", ".join(v.data[::-1]),
        ("write the cells from right to left, joined by commas", "reverse the columns, commas between them"),
        ("the columns in reverse order, comma-separated", "a comma list of the cells from last to first"),
        ("what does {the} look like with its columns reversed, commas between?",),
    ),
    Operation(
        "row.commas",
        _BOTH,
        "code",
        lambda v, _: None if (t := ", ".join(v.data)) == v.text else t,
        ("write the cells with a comma and a space between them", "convert {the} to cells joined by commas and spaces"),
        ("{the} with a comma and a space between the cells", "a list of the cells: comma, space, comma, space"),
    ),
    _by_name("row.person named", "person row"),
    _by_name("row.order named", "order row"),
    two_parts("row.person shaped", ("person row",), _cell(PERSON), PERSON),
    two_parts("row.order shaped", ("order row",), _cell(ORDER), ("item", "qty", "id"), ("item", "price", "id")),
    Operation(
        "row.from",
        ("person row",),
        "text",
        lambda v, _: f"{v.data[0]} from {v.data[1]}",
        (
            'write who it is and the city, with "from" between',
            'introduce the person as "... from ..." with name and city',
        ),
        ('the name, the word "from", and the city', 'a label such as "Kim from Bonn" for the person in {the}'),
    ),
    Operation(
        "row.card",
        ("person row",),
        "text",
        lambda v, _: f"{v.data[0]} ({v.data[2]}), {v.data[3]}",
        ("write name, age in parentheses, comma, team", "make a short line like: Kim (33), sales"),
        ("the name with the age in parentheses, then a comma and the team", "a line in the form name (age), team"),
    ),
    Operation(
        "row.times",
        ("order row",),
        "code",
        lambda v, _: f"{v.data[2]} x {v.data[1]}",
        ("write the quantity, an x and the item, such as 3 x lamp", "shorten {the} to quantity x item"),
        ("the quantity and the item in the form 3 x lamp", "what was ordered, written as quantity x item"),
        ("what was ordered, as quantity x item?",),
    ),
    Operation(
        "row.total",
        ("order row",),
        "number",
        lambda v, _: str(int(v.data[2]) * int(v.data[3])) if int(v.data[2]) <= 12 and int(v.data[3]) <= 20 else None,
        (
            "multiply the last two columns",
            "work out the total: the third column is the quantity, the fourth the price of one",
            "compute the amount to pay (quantity in column 3 times price in column 4)",
        ),
        ("quantity times price, the last two columns", "the product of the last two cells"),
        ("what do the last two columns give when multiplied?",),
    ),
    Operation(
        "row.invoice line",
        ("order row",),
        "code",
        lambda v, _: f"{v.data[1]}: {v.data[3]} EUR",
        (
            "output the item, a colon, and the price with EUR (the price is the last column)",
            "make a price tag of {the}: item, colon, last column, EUR",
        ),
        ("the item and its price in the form lamp: 12 EUR",),
    ),
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
        params=lambda d: {"team": d.pick(("sales", "support", "finance", "legal", "design", "research"))},
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
