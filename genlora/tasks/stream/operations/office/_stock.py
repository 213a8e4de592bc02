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
    Operation(
        "stock.first quantity",
        _STOCK,
        "number",
        slot("quantity"),
        (
            "write the quantity of the product named first",
            "give the number that belongs to the first kind of goods",
            "read off how many pieces of the product at the first place there are",
        ),
        ("the quantity of the first product", "the number of pieces of the first kind"),
        ("how many pieces of the first product are there?",),
    ),
    Operation(
        "stock.second quantity",
        _STOCK,
        "number",
        slot("more"),
        (
            "write the quantity of the product named second",
            "give the number that belongs to the second kind of goods",
            "read off how many pieces of the product at the second place there are",
        ),
        ("the quantity of the second product", "the number of pieces of the second kind"),
        ("how many pieces of the second product are there?",),
    ),
    Operation(
        "stock.first product",
        _STOCK,
        "text",
        slot("product"),
        (
            "name the first kind of goods",
            "copy the product that is mentioned first",
            "extract the first of the two products, without its number",
        ),
        ("the product named first", "the first kind of goods"),
        ("which product is mentioned first?",),
    ),
    Operation(
        "stock.second product",
        _STOCK,
        "text",
        slot("other"),
        (
            "name the second kind of goods",
            "copy the product that is mentioned second",
            "extract the second of the two products, without its number",
        ),
        ("the product named second", "the second kind of goods"),
        ("which product is mentioned second?",),
    ),
    Operation(
        "stock.more",
        _STOCK,
        "text",
        lambda v, p: _goods(max)(v, p) if v.data["raw"]["quantity"] != v.data["raw"]["more"] else None,
        (
            "name the product of which there are more pieces",
            "compare both quantities: name the product with the larger one",
            "write which kind of goods is the more numerous",
        ),
        ("the product with the larger quantity", "the product that comes in the larger number"),
        ("of which product are there more pieces?",),
    ),
    Operation(
        "stock.fewer",
        _STOCK,
        "text",
        lambda v, p: _goods(min)(v, p) if v.data["raw"]["quantity"] != v.data["raw"]["more"] else None,
        (
            "name the product of which there are fewer pieces",
            "compare both quantities: name the product with the smaller one",
            "write which kind of goods is the less numerous",
        ),
        ("the product with the smaller quantity", "the product that comes in the smaller number"),
        ("of which product are there fewer pieces?",),
    ),
    Operation(
        "stock.total",
        _STOCK,
        "number",
        lambda v, _: str(v.data["raw"]["quantity"] + v.data["raw"]["more"]),
        (
            "add up the two quantities",
            "say how many pieces there are in all",
            "give the number of pieces, both products taken together",
        ),
        ("the total number of pieces", "the sum of both quantities"),
        ("how many pieces are there in all?",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
