"""Old and new prices, and orders: which number, which product, which of both."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._frames import texts
from ..texts._parts import put, shaped, slot

_PRICE, _ORDER = ("price text",), ("order text",)


def _figure(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(value.data["raw"][name])


def _price_at(best: Callable[[int, int], int]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        wanted = best(value.data["raw"]["old"], value.data["raw"]["new"])
        return next(value.data["slots"][k] for k in ("old", "new") if value.data["raw"][k] == wanted)

    return found


OPERATIONS = (
    Operation("price.new", _PRICE, "code", slot("new")),
    Operation("price.old", _PRICE, "code", slot("old")),
    Operation("price.new figure", _PRICE, "number", _figure("new")),
    Operation("price.old figure", _PRICE, "number", _figure("old")),
    Operation("price.change", _PRICE, "code", shaped("{old} -> {new}")),
    Operation("price.new then old", _PRICE, "code", shaped("{new} (was {old})")),
    Operation("price.lower", _PRICE, "code", _price_at(min)),
    Operation("price.higher", _PRICE, "code", _price_at(max)),
    Operation("price.product", _PRICE, "text", slot("product")),
    Operation(
        "price.record",
        _PRICE,
        "code",
        lambda v, _: ";".join((v.data["slots"]["product"], str(v.data["raw"]["old"]), str(v.data["raw"]["new"]))),
    ),
    Operation("price.sentence", _PRICE, "text", shaped("The {product} now costs {new}.")),
    Operation("order.quantity", _ORDER, "number", slot("quantity")),
    Operation("order.number", _ORDER, "code", slot("number")),
    Operation("order.product", _ORDER, "text", slot("product")),
    Operation("order.customer", _ORDER, "text", slot("customer")),
    Operation("order.pack", _ORDER, "code", shaped("{quantity} x {product}")),
    Operation("order.record", _ORDER, "code", shaped("{number};{customer};{quantity}")),
    Operation("order.label", _ORDER, "code", shaped("{customer} #{number}")),
    Operation("order.thanks", _ORDER, "text", shaped("Thank you for order {number}.")),
    Operation(
        "order.put quantity", _ORDER, "text", put("quantity", "n"), params=lambda d: {"n": str(d.between(61, 99))}
    ),
    Operation(
        "order.put customer",
        _ORDER,
        "text",
        put("customer", "firm"),
        params=lambda d: {"firm": d.pick(texts("companies"))},
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
