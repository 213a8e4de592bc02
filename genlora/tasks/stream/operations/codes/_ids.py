"""Order ids, article codes, phone numbers."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ...inputs.codes._ids import order_id
from ..records._shapes import two_parts
from ..words._parts_of import part

_ORDER, _SKU = ("order id",), ("sku",)


_prefix = picked(prefix=("ORD", "INV", "PO", "RMA", "TKT", "REQ", "ARC", "NEW", "OLD"))


def _year(draw: Draw) -> Params:
    return {"year": str(draw.between(2021, 2027))}


def _counted(step: int) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        n = value.data["n"] + step
        return order_id(value.data, number=f"{n:0{value.data['width']}}") if n > 0 else None

    return do


_color = picked(color=("BLK", "BLU", "RED", "WHT", "GRN", "GRY"), size=("XS", "S", "M", "L", "XL"))


OPERATIONS = (
    part("id.prefix", _ORDER, "prefix"),
    part("id.year", _ORDER, "year"),
    part("id.number", _ORDER, "number"),
    part("id.bare number", _ORDER, lambda v, _: str(v.data["n"]), answer="number"),
    part("id.next", _ORDER, _counted(1)),
    part("id.previous", _ORDER, _counted(-1)),
    Operation(
        "id.new prefix",
        _ORDER,
        "code",
        lambda v, p: order_id(v.data, prefix=p["prefix"]) if v.data["prefix"] != p["prefix"] else None,
        params=_prefix,
    ),
    Operation(
        "id.new year",
        _ORDER,
        "code",
        lambda v, p: order_id(v.data, year=p["year"]) if v.data["year"] != p["year"] else None,
        params=_year,
    ),
    part("id.plain", _ORDER, lambda v, _: "".join(c for c in v.text if c.isalnum())),
    part("id.lower", _ORDER, lambda v, _: v.text.lower().replace("/", "-").replace("_", "-")),
    part("id.short", _ORDER, lambda v, _: f"{v.data['prefix']}{v.data['year'][2:]}-{v.data['n']}"),
    two_parts("id.shaped", _ORDER, ("prefix", "year"), ("year", "number"), ("prefix", "number")),
    part("sku.item", _SKU, "item"),
    part("sku.color", _SKU, "color"),
    part("sku.size", _SKU, "size"),
    part("sku.number", _SKU, "number"),
    Operation(
        "sku.new size",
        _SKU,
        "code",
        lambda v, p: (
            v.data["sep"].join((v.data["item"], v.data["color"], p["size"], v.data["number"]))
            if p["size"] != v.data["size"]
            else None
        ),
        params=_color,
    ),
    Operation(
        "sku.new color",
        _SKU,
        "code",
        lambda v, p: (
            v.data["sep"].join((v.data["item"], p["color"], v.data["size"], v.data["number"]))
            if p["color"] != v.data["color"]
            else None
        ),
        params=_color,
    ),
    two_parts("sku.shaped", _SKU, ("item", "size"), ("color", "size"), ("item", "number")),
)

CONDITIONS = (
    Condition(
        "id type",
        _ORDER,
        lambda v, p: v.data["prefix"] == p["prefix"],
        ("{the} contains {prefix}", "the document type is {prefix}"),
        ("another document type is given", "{the} does without {prefix}"),
        params=picked(prefix=("ORD", "INV", "PO", "RMA", "TKT", "REQ", "SO", "QT")),
    ),
    Condition(
        "id since",
        _ORDER,
        lambda v, p: int(v.data["year"]) >= int(p["year"]),
        ("the year is {year} or later", "{the} is not older than {year}"),
        ("the year is before {year}", "{the} is from an earlier year than {year}"),
        params=lambda d: {"year": str(d.between(2022, 2026))},
    ),
    Condition(
        "id even",
        _ORDER,
        lambda v, _: v.data["n"] % 2 == 0,
        ("the running number is even", "the number after the year ends in 0, 2, 4, 6 or 8"),
        ("the running number is odd", "the number after the year ends in an odd digit"),
    ),
    Condition(
        "sku color",
        _SKU,
        lambda v, p: v.data["color"] == p["color"],
        ("the second part is {color}", "the article is {color}"),
        ("the second part is another one", "the article is not {color}"),
        params=_color,
    ),
    Condition(
        "sku large",
        _SKU,
        lambda v, _: v.data["size"] in ("L", "XL"),
        ("the size is L or XL", "it is one of the two large sizes"),
        ("the size is XS, S or M", "it is smaller than L"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "id desk",
        _ORDER,
        lambda v, _: {"INV": "money", "ORD": "sales", "SO": "sales", "PO": "buying", "RMA": "returns"}.get(
            v.data["prefix"]
        ),
        {
            "money": "the type is INV",
            "sales": "the type is ORD or SO",
            "buying": "the type is PO",
            "returns": "the type is RMA",
        },
        "the desk for {the}",
        {"money": "accounting", "sales": "sales", "buying": "purchasing", "returns": "returns"},
    ),
    Classifier(
        "sku size",
        _SKU,
        lambda v, _: {"XS": "small", "S": "small", "M": "medium"}.get(v.data["size"], "large"),
        {"small": "the size is XS or S", "medium": "the size is M", "large": "the size is L or XL"},
        "the size group",
        {"small": "small", "medium": "medium", "large": "large"},
    ),
)
