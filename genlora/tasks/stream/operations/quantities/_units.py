"""Converting measures, and limits on them."""

from ..._parts import Classifier, Condition, Draw, Operation, Params, Value
from ..._wording import Wording
from ...inputs.quantities._shapes import UNITS, Measure
from .._bands import Bands, band_label


def converted(m: Measure, sign: str) -> str | None:
    """The number of `m` in another unit of its kind; None beyond three decimals, or where nothing is to convert."""
    unit = UNITS[sign]
    if unit.kind != m.unit.kind or unit == m.unit:
        return None
    thousandths, rest = divmod(m.size * 100, unit.size)
    if rest or thousandths >= 10**10:
        return None
    return f"{thousandths / 1000:.3f}".rstrip("0").rstrip(".")


def _convert(one: str, other: str, factor: str) -> Operation:
    unit, target = UNITS[one], UNITS[other]

    def do(value: Value, _: Params) -> str | None:
        return converted(value.data, other) if value.data.unit == unit else None

    return Operation(
        f"convert.{one} to {other}",
        (unit.kind,),
        "code",
        do,
        wording=Wording(
            (
                f"convert {{the}} from {unit.plural} to {target.plural} (number only)",
                f"give {{the}} in {other}, number only",
                f"express the {unit.plural} as {target.plural}, digits only ({factor})",
                f"fill the {other} column from the {one} value: just the number",
            ),
            (f"{{the}} in {target.plural}, without the unit", f"the number of {target.plural} ({factor})"),
            (f"how many {target.plural} is that? Number only",),
        ),
    )


def _to_unit(sign: str) -> Operation:
    target = UNITS[sign]
    return Operation(
        f"convert.all to {sign}",
        (target.kind,),
        "code",
        lambda v, _: found and f"{found} {sign}" if (found := converted(v.data, sign)) else None,
        wording=Wording(
            (
                f"write {{the}} in {target.plural}, in the style 5 {sign}",
                f"bring {{the}} to {sign} whatever unit it comes in (number, space, {sign})",
                f"normalise {{the}} so that all our data are in {target.plural} (with {sign} after the number)",
            ),
            (f"{{the}} in {target.plural}, like 5 {sign}", f"{{the}} converted to {sign}, with the unit"),
        ),
    )


_CONVERSIONS = (
    ("km", "m", "1 km = 1000 m"),
    ("m", "km", "1000 m = 1 km"),
    ("m", "cm", "1 m = 100 cm"),
    ("cm", "m", "100 cm = 1 m"),
    ("cm", "mm", "1 cm = 10 mm"),
    ("mm", "cm", "10 mm = 1 cm"),
    ("kg", "g", "1 kg = 1000 g"),
    ("g", "kg", "1000 g = 1 kg"),
    ("t", "kg", "1 t = 1000 kg"),
    ("l", "ml", "1 l = 1000 ml"),
    ("ml", "l", "1000 ml = 1 l"),
    ("cl", "ml", "1 cl = 10 ml"),
    ("GB", "MB", "1 GB = 1000 MB"),
    ("MB", "GB", "1000 MB = 1 GB"),
    ("MB", "KB", "1 MB = 1000 KB"),
    ("ha", "m\u00b2", "1 ha = 10000 m\u00b2"),
)


def _price(sign: str) -> Operation:
    unit = UNITS[sign]

    def do(value: Value, p: Params) -> str | None:
        m: Measure = value.data
        return str(m.tenths // 10 * p["n"]) if m.unit == unit and m.tenths % 10 == 0 else None

    return Operation(
        f"price.per {sign}",
        (unit.kind,),
        "number",
        do,
        params=lambda draw: {"n": draw.pick((2, 3, 4, 5, 10, 20))},
        wording=Wording(
            (
                f"work out the price of {{the}} at {{n}} EUR per {unit.name} (number only)",
                f"multiply the number of {unit.plural} by {{n}}, the price of one (number only)",
            ),
            (f"the price in EUR if one {unit.name} costs {{n}}, number only",),
            (f"what does it cost if one {unit.name} is {{n}} EUR? Number only",),
        ),
    )


OPERATIONS = (
    *(_convert(*c) for c in _CONVERSIONS),
    *map(_to_unit, ("m", "cm", "mm", "kg", "g", "l", "ml", "MB")),
    Operation("convert.to kelvin", ("temperature",), "code", lambda v, _: str(v.data.tenths // 10 + 273)),
    *map(_price, ("kg", "m", "l", "m\u00b2", "t", "km")),
)


def _above(kind: str, sign: str, *limits: int) -> tuple[Condition, Condition]:
    """Two conditions whose limit is in one unit while the measures come in several."""
    unit = UNITS[sign]

    def drawn(draw: Draw) -> Params:
        n = draw.pick(limits)
        return {"n": n, "size": n * 10 * unit.size}

    return (
        Condition(
            f"{kind} over",
            (kind,),
            lambda v, p: v.data.size > p["size"],
            (f"{{the}} is more than {{n}} {sign}", f"{{the}} is over the limit of {{n}} {sign}"),
            (f"{{the}} is {{n}} {sign} or less", f"{{the}} keeps within {{n}} {sign}"),
            params=drawn,
        ),
        Condition(
            f"{kind} under",
            (kind,),
            lambda v, p: v.data.size < p["size"],
            (f"{{the}} is less than {{n}} {sign}", f"{{the}} stays below {{n}} {sign}"),
            (f"{{the}} is {{n}} {sign} or more", f"{{the}} reaches {{n}} {sign}"),
            params=drawn,
        ),
    )


CONDITIONS = (
    *_above("length", "m", 1, 2, 5, 10, 50),
    *_above("weight", "kg", 1, 2, 5, 10, 20, 30),
    *_above("volume", "l", 1, 2, 5, 10),
    *_above("temperature", "\u00b0C", 0, 5, 10, 15, 20, 25, 30),
    *_above("data size", "MB", 100, 200, 500, 1000, 2000),
    *_above("speed", "km/h", 30, 50, 70, 80, 100, 120),
    *_above("area", "m\u00b2", 50, 80, 100, 150),
    Condition(
        "temperature frost",
        ("temperature",),
        lambda v, _: v.data.tenths < 0,
        ("{the} is below zero", "{the} has a minus sign"),
        ("{the} is zero or above", "{the} has no minus sign"),
    ),
)


_Limits = tuple[tuple[int, int], ...]
_Names = tuple[str, str, str]


def _bands(name: str, kind: str, sign: str, about: str, limits: _Limits, *names: _Names) -> Bands:
    unit = UNITS[sign]

    def classify(value: Value, p: Params) -> str:
        size = value.data.size
        return "low" if size < p["low"] * 10 * unit.size else "middle" if size <= p["high"] * 10 * unit.size else "high"

    return Bands(
        name,
        (kind,),
        classify,
        {
            "low": f"it is below {{low}} {sign}",
            "middle": f"it is {{low}} to {{high}} {sign}",
            "high": f"it is above {{high}} {sign}",
        },
        about,
        lambda draw: dict(zip(("low", "high"), draw.pick(limits), strict=True)),
        tuple(dict(zip(("low", "middle", "high"), words, strict=True)) for words in names),
    )


_BANDS = (
    _bands(
        "temperature band",
        "temperature",
        "\u00b0C",
        "how warm it is",
        ((0, 20), (5, 15), (10, 25), (5, 25), (15, 30), (2, 8), (18, 24)),
        ("cold", "mild", "hot"),
        ("heat", "off", "cool"),
        ("blue", "green", "red"),
    ),
    _bands(
        "weight parcel",
        "weight",
        "kg",
        "the parcel class",
        ((1, 5), (2, 10), (1, 10), (5, 20), (2, 20)),
        ("letter", "parcel", "freight"),
        ("S", "M", "L"),
    ),
    _bands(
        "speed band",
        "speed",
        "km/h",
        "the speed class",
        ((30, 70), (50, 100), (50, 120), (30, 130), (70, 100)),
        ("slow", "normal", "fast"),
        ("ok", "warn", "fine"),
    ),
    _bands(
        "length band",
        "length",
        "m",
        "the size class",
        ((1, 5), (1, 10), (2, 20), (1, 50)),
        ("short", "medium", "long"),
        ("bike", "van", "truck"),
    ),
    _bands(
        "data band",
        "data size",
        "MB",
        "the way to send the file",
        ((10, 100), (25, 500), (100, 1000), (50, 2000)),
        ("mail", "link", "disk"),
        ("small", "medium", "large"),
    ),
    _bands(
        "area band",
        "area",
        "m\u00b2",
        "the size class",
        ((50, 100), (40, 120), (80, 150), (60, 200)),
        ("small", "medium", "large"),
        ("A", "B", "C"),
    ),
    _bands(
        "volume band",
        "volume",
        "l",
        "the container",
        ((1, 5), (1, 10), (2, 20), (5, 30)),
        ("bottle", "canister", "barrel"),
        ("small", "medium", "large"),
    ),
)
OPERATIONS = (*OPERATIONS, *map(band_label, _BANDS))
CLASSIFIERS: tuple[Classifier, ...] = ()
