"""Lines of an order: quantity, thing, price."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value, picked
from ...inputs.quantities._shapes import plain, short
from .._bands import Bands, band_label

OPERATIONS = (
    Operation("line.quantity", ("line",), "number", lambda v, _: str(v.data["qty"])),
    Operation("line.thing", ("line",), "text", lambda v, _: v.data["thing"]),
    Operation("line.unit price", ("line",), "code", lambda v, _: v.data["written"]),
    Operation("line.total", ("line",), "code", lambda v, _: short(v.data["qty"] * v.data["cents"])),
    Operation("line.total with cents", ("line",), "code", lambda v, _: plain(v.data["qty"] * v.data["cents"])),
    Operation("line.csv", ("line",), "code", lambda v, _: f"{v.data['thing']};{v.data['qty']};{v.data['written']}"),
    Operation("line.short", ("line",), "code", lambda v, _: f"{v.data['qty']} x {v.data['thing']}"),
    Operation("line.one more", ("line",), "number", lambda v, _: str(v.data["qty"] + 1)),
)

CONDITIONS = (
    Condition(
        "line total above",
        ("line",),
        lambda v, p: v.data["qty"] * v.data["cents"] > 100 * p["n"],
        ("quantity times price is more than {n}", "the total of {the} is above {n}"),
        ("quantity times price is {n} or less", "the total of {the} is at most {n}"),
        params=picked(n=(20, 30, 50, 100, 150, 200)),
    ),
    Condition(
        "line quantity above",
        ("line",),
        lambda v, p: v.data["qty"] >= p["n"],
        ("{n} pieces or more are ordered", "the quantity is at least {n}"),
        ("fewer than {n} pieces are ordered", "the quantity is below {n}"),
        params=picked(n=(3, 4, 5, 6)),
    ),
)


def _discount(value: Value, p: Params) -> str:
    n = value.data["qty"]
    return "none" if n < p["low"] else "some" if n < p["high"] else "more"


def _steps(draw: Draw) -> Params:
    low, high = draw.pick(((3, 5), (4, 6), (3, 6), (4, 8), (5, 9)))
    return {"low": low, "high": high, "last": high - 1}


_BANDS = (
    Bands(
        "line discount",
        ("line",),
        _discount,
        {
            "none": "the quantity is below {low}",
            "some": "the quantity is {low} to {last}",
            "more": "the quantity is {high} or more",
        },
        "the discount",
        _steps,
        ({"none": "0%", "some": "5%", "more": "10%"}, {"none": "none", "some": "small", "more": "big"}),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
