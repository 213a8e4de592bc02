"""Lines of an order: quantity, thing, price."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ...inputs.quantities._shapes import plain, short
from .._bands import Bands, band_label

OPERATIONS = (
    Operation(
        "line.quantity",
        ("line",),
        "number",
        lambda v, _: str(v.data["qty"]),
        ("give the quantity", "extract how many pieces are ordered, digits only", "fill the qty field"),
        ("the quantity, digits only", "the number of pieces"),
        ("how many pieces are ordered?",),
    ),
    Operation(
        "line.thing",
        ("line",),
        "text",
        lambda v, _: v.data["thing"],
        ("name what is ordered, as written", "extract the article only", "copy the name of the item"),
        ("the name of the item, as written", "what is ordered, without numbers"),
        ("what is being ordered?",),
    ),
    Operation(
        "line.unit price",
        ("line",),
        "code",
        lambda v, _: v.data["written"],
        ("give the price of one piece, number only, as written", "extract the unit price without its currency"),
        ("the unit price as written, without currency", "what one piece costs (number only)"),
        ("what does one piece cost? Number only",),
    ),
    Operation(
        "line.total",
        ("line",),
        "code",
        lambda v, _: short(v.data["qty"] * v.data["cents"]),
        (
            "work out the total: quantity times unit price, number only, .00 left out",
            "multiply quantity by price (a bare number; drop the decimals if they are zero)",
            "compute what {the} adds up to, as a number such as 120 or 7.50",
        ),
        ("quantity times unit price, as a number such as 120 or 7.50", "the total of {the}, number only (no .00)"),
    ),
    Operation(
        "line.total with cents",
        ("line",),
        "code",
        lambda v, _: plain(v.data["qty"] * v.data["cents"]),
        ("work out the total with two decimals, no currency", "fill the sum column: quantity times price, like 120.00"),
        ("the total of {the} with two decimals, no currency",),
    ),
    Operation(
        "line.csv",
        ("line",),
        "code",
        lambda v, _: f"{v.data['thing']};{v.data['qty']};{v.data['written']}",
        (
            "turn {the} into item;quantity;unit price, without currency",
            "write {the} as CSV with semicolons: name, quantity, unit price (numbers as written)",
        ),
        ("{the} as item;quantity;price, without currency",),
    ),
    Operation(
        "line.short",
        ("line",),
        "code",
        lambda v, _: f"{v.data['qty']} x {v.data['thing']}",
        (
            "leave the price out: quantity, x, item, like 2 x lamp",
            "write {the} for packing, in the style 4 x pens",
        ),
        ("quantity and item in the style 4 x pens",),
    ),
    Operation(
        "line.one more",
        ("line",),
        "number",
        lambda v, _: str(v.data["qty"] + 1),
        ("raise the quantity by one: give the new quantity", "give the quantity if one more is ordered"),
        ("the quantity plus one",),
    ),
)

CONDITIONS = (
    Condition(
        "line total above",
        ("line",),
        lambda v, p: v.data["qty"] * v.data["cents"] > 100 * p["n"],
        ("quantity times price is more than {n}", "the total of {the} is above {n}"),
        ("quantity times price is {n} or less", "the total of {the} is at most {n}"),
        params=lambda d: {"n": d.pick((20, 30, 50, 100, 150, 200))},
    ),
    Condition(
        "line quantity above",
        ("line",),
        lambda v, p: v.data["qty"] >= p["n"],
        ("{n} pieces or more are ordered", "the quantity is at least {n}"),
        ("fewer than {n} pieces are ordered", "the quantity is below {n}"),
        params=lambda d: {"n": d.pick((3, 4, 5, 6))},
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
