"""Amounts of money, price lists, and lines of an invoice."""

from collections.abc import Callable

from ..._parts import Draw, InputType, Params, Value, picked
from ..._tables import table
from ..times._shapes import note
from ._shapes import MONEY_SHAPES, SYMBOLS, Money, Price, plain, short

_RANGES = ((1, 99), (1, 99), (10, 500), (10, 500), (100, 2000), (1000, 20_000), (20_000, 90_000))
"""Of any size in one spec, so that every bound has amounts on both sides."""
_CENTS = ((0,), (0, 50), (0, 25, 50, 75), (0, 10, 20, 50, 90, 99), (0, 5, 49, 95))
_CODES = tuple(SYMBOLS)
_GROUP = 8
"""Goods come in groups that are sold together: the table holds them one group after the other."""


def _some_money(draw: Draw, layout: Params) -> Money:
    low, high = draw.pick(_RANGES)
    whole = draw.between(low, high)
    if whole > 1000 and draw.chance(0.5):
        whole -= whole % 100
    return Money(whole * 100 + draw.pick(layout["cents"]), draw.pick(_CODES))


_cents = picked(cents=_CENTS)


def _alone(shape: str) -> Callable[[Draw, Params], Value | None]:
    def drawn(draw: Draw, layout: Params) -> Value | None:
        m = _some_money(draw, layout)
        text = MONEY_SHAPES[shape](m)
        return None if text is None else Value(m, text)

    return drawn


def _thousands(draw: Draw, layout: Params) -> Value | None:
    if draw.chance(0.3):
        m = Money(draw.between(2, 999) * 100, draw.pick(_CODES))
        return Value(m, f"{SYMBOLS[m.code]}{short(m.cents)}")
    m = Money(draw.between(10, 990) * 10_000, draw.pick(_CODES))
    text = MONEY_SHAPES["thousands"](m)
    return None if text is None else Value(m, text)


def _whole(draw: Draw) -> Params:
    return {"cents": (0,)}


def _in_note(draw: Draw, layout: Params) -> Value | None:
    m = _some_money(draw, layout)
    text = MONEY_SHAPES[layout["shape"]](m)
    return None if text is None else Value(m, note(draw, "money notes", money=text))


def _note_layout(draw: Draw) -> Params:
    shapes = ("symbol", "code after", "code before", "symbol after", "short code", "short symbol")
    return {**_cents(draw), "shape": draw.pick(shapes)}


def _some_things(draw: Draw, n: int) -> list[str]:
    goods = table("goods", of="quantities")
    start = draw.between(0, len(goods) // _GROUP - 1) * _GROUP
    return draw.some(goods[start : start + _GROUP], n)


def _price_layout(*forms: tuple[str, str]) -> Callable[[Draw], Params]:
    def drawn(draw: Draw) -> Params:
        form, sep = draw.pick(forms)
        return {
            "n": draw.between(3, 4),
            "step": draw.pick((10, 25, 50)),
            "most": draw.pick((20, 20, 40)),
            "sign": draw.pick(("", "", "\u20ac", "$", " EUR")),
            "form": form,
            "sep": sep,
        }

    return drawn


def _priced(cents: int, sign: str) -> str:
    text = plain(cents)
    return f"{text}{sign}" if sign.startswith(" ") else f"{sign}{text}"


def _some_prices(draw: Draw, layout: Params) -> dict[str, Price] | None:
    names = _some_things(draw, layout["n"])
    steps = [100 if draw.chance(0.35) else layout["step"] for _ in names]
    found = [draw.between(1, layout["most"] * 100 // step) * step for step in steps]
    if len(set(found)) < len(found):
        return None
    return {name: Price(c, _priced(c, layout["sign"])) for name, c in zip(names, found, strict=True)}


def _prices(draw: Draw, layout: Params) -> Value | None:
    things = _some_prices(draw, layout)
    if things is None:
        return None
    return Value(things, layout["sep"].join(layout["form"].format(thing=k, price=p.text) for k, p in things.items()))


def _json_prices(draw: Draw, layout: Params) -> Value | None:
    things = _some_prices(draw, {**layout, "sign": ""})
    if things is None:
        return None
    return Value(things, "{" + ", ".join(f'"{name}": {p.text}' for name, p in things.items()) + "}")


_MASS = "tea coffee juice rice bread paint glue rope socks gloves boots soup salad".split()
"""Goods of which nobody orders three."""
_IRREGULAR = {"mouse": "mice", "scarf": "scarves"}
_LINES = (
    "{qty} x {thing} at {price} {code}",
    "{thing}; {qty}; {price} {code}",
    "{qty} {thing} @ {sign}{price}",
    "item: {thing} | qty: {qty} | unit price: {price}",
    "{thing}, {qty} pcs, {sign}{price} each",
    "{qty}\u00d7 {thing} ({sign}{price} each)",
    "{thing}\t{qty}\t{price}",
    "Please order {qty} {thing} for {price} {code} each.",
    "pos. {pos}: {thing}, {qty} units, {price} {code}/unit",
)


def _line(draw: Draw, layout: Params) -> Value:
    thing = draw.pick([g for g in table("goods", of="quantities") if g not in _MASS])
    code = layout["code"]
    cents = draw.between(1, layout["most"]) * layout["step"]
    qty = draw.between(2, layout["qty"])
    many = _IRREGULAR.get(thing, f"{thing}s") if layout["many"] else thing
    text = layout["form"].format(
        qty=qty, thing=many, price=short(cents), code=code, sign=SYMBOLS[code], pos=draw.between(1, 9) * 10
    )
    return Value({"qty": qty, "thing": many, "cents": cents, "code": code, "written": short(cents)}, text)


def _line_layout(draw: Draw) -> Params:
    form = draw.pick(_LINES)
    step, most = draw.pick(((50, 20), (100, 20), (100, 60), (500, 20), (1000, 12)))
    many = form.startswith(("{qty}", "Please"))
    return {
        "form": form,
        "code": draw.pick(_CODES),
        "step": step,
        "most": most,
        "qty": draw.pick((6, 12)),
        "many": many,
    }


_SINGLE = (
    ("symbol", "an amount of money"),
    ("code after", "an amount with a currency code"),
    ("code before", "an amount with a currency code"),
    ("german", "an amount in German notation"),
    ("symbol after", "an amount of money"),
    ("short code", "an amount with a currency code"),
    ("short symbol", "a price"),
)

INPUTS = (
    *(InputType(f"money {s}", "money", a, "the amount", _alone(s), _cents) for s, a in _SINGLE),
    InputType("money name", "money", "an amount with the name of its currency", "the amount", _alone("name"), _whole),
    InputType("money thousands", "money", "an amount, thousands written with a k", "the amount", _thousands),
    InputType("money note", "money in text", "a note with an amount", "the amount in the note", _in_note, _note_layout),
    InputType(
        "price list",
        "prices",
        "a price list",
        "the price list",
        _prices,
        _price_layout(
            ("{thing} {price}", ", "), ("{thing}: {price}", ", "), ("{thing} {price}", "; "), ("{thing}={price}", ", ")
        ),
    ),
    InputType(
        "price lines",
        "prices",
        "a price list, one thing a line",
        "the list",
        _prices,
        _price_layout(
            ("{thing}: {price}", "\n"),
            ("- {thing}, {price}", "\n"),
            ("{thing} | {price}", "\n"),
            ("{price} {thing}", "\n"),
        ),
    ),
    InputType("price json", "prices", "prices as JSON", "the data", _json_prices, _price_layout(("", ""))),
    InputType("invoice line", "line", "a line of an order", "the line", _line, _line_layout),
)
