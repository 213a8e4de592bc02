"""Numbers that name things: orders, phones, licence plates, postal codes, hashtags, numbers in other bases."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value, picked
from ..._tables import table

_LETTERS = "ABCDEFGHJKLMNPRSTUVWXYZ"


def _word(draw: Draw, name: str) -> str:
    return draw.pick(table(name, of="codes"))


def _digits(draw: Draw, n: int) -> str:
    return str(draw.between(1, 9)) + "".join(str(draw.between(0, 9)) for _ in range(n - 1))


def _letters(draw: Draw, n: int) -> str:
    return "".join(draw.pick(_LETTERS) for _ in range(n))


def _order(draw: Draw, p: Params) -> Value:
    n = draw.between(1, 8998)
    data = {
        "prefix": _word(draw, "order prefixes"),
        "year": str(draw.between(2021, 2027)),
        "number": f"{n:0{p['width']}}",
        "n": n,
        "width": p["width"],
        "shape": p["shape"],
        "department": "",
    }
    if "{department}" in p["shape"]:
        data["department"] = _word(draw, "departments")
    return Value(data, p["shape"].format(**data))


def order_id(data: dict[str, object], **changed: object) -> str:
    """The id in its own shape, some parts changed."""
    return str(data["shape"]).format(**{**data, **changed})


def _orders(*shapes: str) -> Callable[[Draw], Params]:
    return lambda d: {"shape": d.pick(shapes), "width": d.between(4, 6)}


def _sku(draw: Draw, p: Params) -> Value:
    data = {
        "item": draw.pick(("TSH", "JKT", "CAP", "BAG", "MUG", "SCK", "LMP", "PEN")),
        "color": draw.pick(("BLK", "BLU", "RED", "WHT", "GRN", "GRY")),
        "size": draw.pick(("XS", "S", "M", "L", "XL")),
        "number": _digits(draw, 3),
    }
    text = p["sep"].join((data["item"], data["color"], data["size"], data["number"]))
    return Value({**data, "sep": p["sep"]}, text)


def _us_phone(draw: Draw, p: Params) -> Value:
    area, middle, last = _digits(draw, 3), _digits(draw, 3), _digits(draw, 4)
    text = p["shape"].format(a=area, b=middle, c=last)
    return Value({"area": area, "local": middle + last, "digits": area + middle + last, "last": last}, text)


def _world_phone(draw: Draw, p: Params) -> Value:
    country = draw.pick(("44", "49", "33", "39", "34", "47", "46", "45", "31", "48", "81", "55", "91", "61", "41"))
    groups = [_digits(draw, 2), *("".join(str(draw.between(0, 9)) for _ in range(n)) for n in p["groups"])]
    national = "".join(groups)
    text = f"{p['plus']}{country}{p['sep']}{p['sep'].join(groups)}"
    return Value({"country": country, "national": national, "digits": country + national, "last": national[-4:]}, text)


def _plate(draw: Draw, p: Params) -> Value:
    data = {
        "a": _letters(draw, p["first"]),
        "b": _digits(draw, p["digits"]),
        "c": _letters(draw, p["last"]) if p["last"] else "",
    }
    parts = [x for x in data.values() if x]
    return Value({"letters": data["a"] + data["c"], "digits": data["b"], "parts": parts}, p["sep"].join(parts))


def _plates(draw: Draw) -> Params:
    first, digits, last = draw.pick(((2, 3, 2), (3, 3, 0), (2, 4, 0), (1, 3, 2), (2, 5, 0)))
    return {"first": first, "digits": digits, "last": last, "sep": draw.pick((" ", "-", ""))}


def _uk_code(draw: Draw, _: Params) -> Value:
    area = draw.pick(("SW", "N", "E", "LS", "M", "B", "EH", "G", "OX", "CB", "BS", "CF"))
    district, sector, unit = str(draw.between(1, 20)), str(draw.between(0, 9)), _letters(draw, 2)
    left, right = f"{area}{district}", f"{sector}{unit}"
    return Value({"left": left, "right": right, "area": area}, f"{left} {right}")


def _city_code(draw: Draw, p: Params) -> Value:
    data = {
        "code": _digits(draw, p["n"]),
        "city": _word(draw, "cities"),
        "country": draw.pick(("D", "A", "F", "N", "I", "DK")),
    }
    return Value(data, p["shape"].format(**data))


def _post(draw: Draw, p: Params) -> Value:
    tags = draw.some(table("hashtags", of="codes"), draw.between(p["low"], 3))
    if draw.chance(0.3):
        tags = [t.capitalize() for t in tags]
    text = draw.pick(table("posts", of="codes"))
    mention = _word(draw, "users") if draw.chance(0.4) else ""
    whole = " ".join([text, *([f"@{mention}"] if mention else []), *(f"#{t}" for t in tags)])
    return Value({"text": text, "tags": tags, "mention": mention}, whole)


def _based(base: int) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, p: Params) -> Value:
        n = draw.between(1, p["most"])
        return Value(n, f"{p['mark']}{n:{'b' if base == 2 else 'x' if base == 16 else 'd'}}")

    return drawn


def _most(*limits: int, marks: tuple[str, ...] = ("",)) -> Callable[[Draw], Params]:
    return lambda d: {"most": d.pick(limits), "mark": d.pick(marks)}


INPUTS = (
    InputType(
        "order id",
        "order id",
        "an order id",
        "the id",
        _order,
        _orders("{prefix}-{year}-{number}", "{prefix}/{year}/{number}", "{prefix}_{year}_{number}"),
    ),
    InputType(
        "department id",
        "order id",
        "the number of a document",
        "the number",
        _order,
        _orders("{department}-{prefix}-{year}-{number}", "{prefix}-{year}-{number}/{department}"),
    ),
    InputType("sku", "sku", "an article code", "the code", _sku, picked(sep="--/.")),
    InputType(
        "us phone",
        "us phone",
        "a US phone number",
        "the phone number",
        _us_phone,
        picked(shape=("({a}) {b}-{c}", "{a}-{b}-{c}", "{a}.{b}.{c}", "{a} {b} {c}", "+1 {a} {b} {c}", "1-{a}-{b}-{c}")),
    ),
    InputType(
        "world phone",
        "world phone",
        "an international phone number",
        "the phone number",
        _world_phone,
        picked(plus=("+", "+", "00"), sep=(" ", " ", "-"), groups=((2, 2, 2), (3, 3), (3, 4))),
    ),
    InputType("plate", "plate", "a licence plate", "the plate", _plate, _plates),
    InputType("uk postcode", "uk postcode", "a British postcode", "the postcode", _uk_code),
    InputType(
        "city line",
        "city line",
        "the last line of a postal address",
        "the line",
        _city_code,
        picked(n=range(4, 6), shape=("{code} {city}", "{country}-{code} {city}", "{city} {code}", "{city}, {code}")),
    ),
    InputType("post", "post", "a post with hashtags", "the post", _post, picked(low=range(1, 3))),
    InputType(
        "binary number",
        "binary",
        "a binary number",
        "the binary number",
        _based(2),
        _most(31, 63, 127, marks=("", "", "0b")),
    ),
    InputType(
        "hex number",
        "hex",
        "a hexadecimal number",
        "the hex number",
        _based(16),
        _most(63, 255, 255, marks=("", "0x", "#")),
    ),
)
