"""Prices that change, orders, goods in stock: sentences and lines of shops and offices."""

from genlora.tasks import Draw

from ..._parts import InputType, Params, Value
from ._frames import fill, framed, style, texts

_ORDER = {"quantity": "quantity", "product": "products", "customer": "company", "number": "number", "day": "day"}
_STOCK = {
    "quantity": "quantity",
    "product": "products",
    "more": "quantity",
    "other": "products",
    "city": "city",
    "day": "day",
}


def _price(name: str, a: str, the: str) -> InputType:
    """Frames that begin with + are for prices that rise, those with - for prices that fall."""
    slots = {"old": "amount", "new": "amount", "product": "product", "day": "day"}

    def layout(draw: Draw) -> Params:
        frames = texts(f"frames: {name}")
        made = style(draw)
        return {**made, "money": made["money"][:1], "frames": draw.some(frames, draw.between(3, len(frames)))}

    def drawn(draw: Draw, layout: Params) -> Value | None:
        frame = draw.pick(layout["frames"])
        value = fill(draw, frame.lstrip("+-"), layout, slots)
        if value is None:
            return None
        old, new = value.data["raw"]["old"], value.data["raw"]["new"]
        if not old / 2 <= new <= 2 * old:
            return None  # nobody writes of other changes
        return None if frame[0] == ("-" if new > old else "+") else value

    return InputType(name, "price text", a, the, drawn, layout)


INPUTS = (
    _price("price sentence", "a sentence about a price that changes", "the sentence"),
    _price("price tag", "a line from a price list", "the line"),
    _price("price notice", "a notice about a new price", "the notice"),
    framed("order sentence", "order text", "a sentence about an order", "the sentence", _ORDER),
    framed("order slip", "order text", "an order line", "the line", _ORDER),
    framed("order message", "order text", "a message with an order", "the message", _ORDER),
    framed("stock sentence", "stock text", "a sentence about two kinds of goods", "the sentence", _STOCK),
    framed("stock line", "stock text", "a line about two kinds of goods", "the line", _STOCK),
)
