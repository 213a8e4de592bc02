"""Order ids, article codes, phone numbers."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.codes._ids import order_id
from ..records._shapes import two_parts
from ..words._parts_of import part

_ORDER, _SKU = ("order id",), ("sku",)


def _piece(value: Value, name: str) -> str | None:
    return str(value.data[name])


def _prefix(draw: Draw) -> Params:
    return {"prefix": draw.pick(("ORD", "INV", "PO", "RMA", "TKT", "REQ", "ARC", "NEW", "OLD"))}


def _year(draw: Draw) -> Params:
    return {"year": str(draw.between(2021, 2027))}


def _counted(step: int) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        n = value.data["n"] + step
        return order_id(value.data, number=f"{n:0{value.data['width']}}") if n > 0 else None

    return do


def _color(draw: Draw) -> Params:
    return {
        "color": draw.pick(("BLK", "BLU", "RED", "WHT", "GRN", "GRY")),
        "size": draw.pick(("XS", "S", "M", "L", "XL")),
    }


OPERATIONS = (
    part(
        "id.prefix",
        _ORDER,
        "prefix",
        (
            "give the type letters such as ORD or INV",
            "write which kind of document {the} names: ORD, INV, PO, RMA, TKT, REQ, SO or QT, as it says",
        ),
        ("the letters for the kind of document (ORD, INV ...)", "the document type in {the}, letters only"),
        ("which document type stands in {the} (ORD, INV ...)?",),
    ),
    part(
        "id.year",
        _ORDER,
        "year",
        ("output the year", "write the four-digit year in {the}", "say from which year {the} is"),
        ("the year in {the}", "the four digits of the year"),
        ("from which year is {the}?",),
    ),
    part(
        "id.number",
        _ORDER,
        "number",
        ("fetch the running number with its zeros", "write the digits after the year, zeros included"),
        ("the running number, leading zeros kept", "the digits that follow the year"),
        ("what is the running number, zeros included?",),
    ),
    part(
        "id.bare number",
        _ORDER,
        lambda v, _: str(v.data["n"]),
        ("give the running number without leading zeros", "print the number after the year as a plain number"),
        ("the running number, leading zeros dropped", "the plain number after the year"),
        ("what is the running number without zeros in front?",),
        "number",
    ),
    part(
        "id.next",
        _ORDER,
        _counted(1),
        (
            "print the id that follows: number plus one, same length",
            "count the running number up by one, rest unchanged",
        ),
        ("the next id in the series, same form", "{the} with its running number raised by one"),
        ("which id comes next?",),
    ),
    part(
        "id.previous",
        _ORDER,
        _counted(-1),
        (
            "give the id before it: number minus one, same length",
            "count the running number down by one, rest unchanged",
        ),
        ("the previous id in the series, same form", "{the} with its running number lowered by one"),
        ("which id comes before?",),
    ),
    Operation(
        "id.new prefix",
        _ORDER,
        "code",
        lambda v, p: order_id(v.data, prefix=p["prefix"]) if v.data["prefix"] != p["prefix"] else None,
        ("replace the type letters (ORD, INV ...) by {prefix}", "let {the} be of the type {prefix}, rest unchanged"),
        ("{the} with {prefix} as its document type", "the same id as {prefix}"),
        params=_prefix,
    ),
    Operation(
        "id.new year",
        _ORDER,
        "code",
        lambda v, p: order_id(v.data, year=p["year"]) if v.data["year"] != p["year"] else None,
        ("change the year to {year}", "write {the} for the year {year}, rest unchanged"),
        ("{the} with {year} as its year", "the same id in the year {year}"),
        params=_year,
    ),
    part(
        "id.plain",
        _ORDER,
        lambda v, _: "".join(c for c in v.text if c.isalnum()),
        ("remove every separator", "write letters and digits of {the} in one go"),
        ("{the} without hyphens, slashes and underscores", "letters and digits only, in their order"),
        ("what is {the} without any separator?",),
    ),
    part(
        "id.lower",
        _ORDER,
        lambda v, _: v.text.lower().replace("/", "-").replace("_", "-"),
        ("write {the} for a web address: small letters, hyphens as the only separator", "make a URL slug of {the}"),
        ("{the} in lower case with hyphens as separators", "a slug of {the}"),
    ),
    part(
        "id.short",
        _ORDER,
        lambda v, _: f"{v.data['prefix']}{v.data['year'][2:]}-{v.data['n']}",
        (
            "write the type letters, the last two digits of the year, a hyphen, the number without zeros (ORD26-57)",
            "shorten {the} to the form INV25-8",
        ),
        ("{the} in the short form INV25-8", "type, two-digit year, hyphen, number without leading zeros"),
        ("what is {the} in the short form, as in INV25-8?",),
    ),
    two_parts("id.shaped", _ORDER, _piece, ("prefix", "year"), ("year", "number"), ("prefix", "number")),
    part(
        "sku.item",
        _SKU,
        "item",
        ("get the article letters at the start", "output the first part of {the}"),
        ("the first part of {the}", "the letters that stand for the article"),
        ("which article is it (first part)?",),
    ),
    part(
        "sku.color",
        _SKU,
        "color",
        ("give the second part, the colour letters", "write the three letters between first and second separator"),
        ("the second part of {the}", "the letters that stand for the colour"),
        ("which colour letters are in {the}?",),
    ),
    part(
        "sku.size",
        _SKU,
        "size",
        ("show the size", "write the part before the number: XS, S, M, L or XL"),
        ("the size in {the}", "the third part of {the}"),
        ("which size is it?",),
    ),
    part(
        "sku.number",
        _SKU,
        "number",
        ("return the digits at the end", "print the last part of {the}"),
        ("the number at the end of {the}", "the last part of {the}"),
        ("which number stands at the end?",),
    ),
    Operation(
        "sku.new size",
        _SKU,
        "code",
        lambda v, p: (
            v.data["sep"].join((v.data["item"], v.data["color"], p["size"], v.data["number"]))
            if p["size"] != v.data["size"]
            else None
        ),
        ("write the code of the same article in size {size}", "change the size to {size}, everything else unchanged"),
        ("{the} for size {size}", "the same article code with {size} as its third part"),
        ("what is {the} for size {size}?",),
        _color,
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
        (
            "write the code of the same article in {color}",
            "change the second part to {color}, everything else unchanged",
        ),
        ("{the} for the colour {color}", "the same article code with {color} as its second part"),
        ("what is {the} in {color}?",),
        _color,
    ),
    two_parts("sku.shaped", _SKU, _piece, ("item", "size"), ("color", "size"), ("item", "number")),
)

CONDITIONS = (
    Condition(
        "id type",
        _ORDER,
        lambda v, p: v.data["prefix"] == p["prefix"],
        ("{the} contains {prefix}", "the document type is {prefix}"),
        ("another document type is given", "{the} does without {prefix}"),
        params=lambda d: {"prefix": d.pick(("ORD", "INV", "PO", "RMA", "TKT", "REQ", "SO", "QT"))},
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
