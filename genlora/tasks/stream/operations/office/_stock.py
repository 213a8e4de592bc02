"""Two kinds of goods with a quantity each."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..texts._parts import slot

_STOCK = ("stock text",)


def _goods(best: Callable[[int, int], int]) -> Callable[[Value, Params], str | None]:
    def found(value: Value, _: Params) -> str | None:
        wanted = best(value.data["raw"]["quantity"], value.data["raw"]["more"])
        name = "product" if value.data["raw"]["quantity"] == wanted else "other"
        return value.data["slots"][name]

    return found


OPERATIONS = (
    Operation("stock.first quantity", _STOCK, "number", slot("quantity")),
    Operation("stock.second quantity", _STOCK, "number", slot("more")),
    Operation("stock.first product", _STOCK, "text", slot("product")),
    Operation("stock.second product", _STOCK, "text", slot("other")),
    Operation(
        "stock.more",
        _STOCK,
        "text",
        lambda v, p: _goods(max)(v, p) if v.data["raw"]["quantity"] != v.data["raw"]["more"] else None,
    ),
    Operation(
        "stock.fewer",
        _STOCK,
        "text",
        lambda v, p: _goods(min)(v, p) if v.data["raw"]["quantity"] != v.data["raw"]["more"] else None,
    ),
    Operation("stock.total", _STOCK, "number", lambda v, _: str(v.data["raw"]["quantity"] + v.data["raw"]["more"])),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
