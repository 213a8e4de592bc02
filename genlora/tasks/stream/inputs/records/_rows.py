"""Rows without a header: people and orders, columns found by their place."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value
from ._records import sample

PERSON = ("name", "city", "age", "team")
ORDER = ("id", "item", "qty", "price")


def _row(columns: tuple[str, ...]) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        cells = tuple(str(draw.between(2, 30)) if c == "price" else sample(c, draw) for c in columns)
        if "price" in columns:
            cells = (f"{layout['prefix']}{cells[0]}", *cells[1:])
        return Value(cells, f"{layout['left']}{layout['sep'].join(cells)}{layout['right']}")

    return drawn


def _layout(*seps: str, edge: str = "") -> Callable[[Draw], Params]:
    return lambda d: {
        "sep": d.pick(seps),
        "left": f"{edge} " if edge else "",
        "right": f" {edge}" if edge else "",
        "prefix": d.pick(("", "A-", "ORD", "#")),
    }


INPUTS = (
    InputType("person csv", "person row", "a CSV row", "the row", _row(PERSON), _layout(",", ",", ";", ", ")),
    InputType("person tsv", "person row", "a tab-separated row", "the row", _row(PERSON), _layout("\t")),
    InputType("person cells", "person row", "a table row", "the row", _row(PERSON), _layout(" | ", edge="|")),
    InputType("person line", "person row", "a line of a list", "the line", _row(PERSON), _layout(" / ", " - ", " · ")),
    InputType("order csv", "order row", "a CSV row", "the row", _row(ORDER), _layout(",", ",", ";", ", ")),
    InputType("order cells", "order row", "a table row", "the row", _row(ORDER), _layout(" | ", edge="|")),
    InputType("order line", "order row", "an order line", "the line", _row(ORDER), _layout(" / ", " : ", " · ", "\t")),
)
