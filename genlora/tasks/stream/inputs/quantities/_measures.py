"""Measures with units, pairs and lists of them."""

from collections.abc import Callable

from ..._parts import Draw, InputType, Params, Value, picked
from ..times._shapes import note
from ._shapes import KINDS, UNITS, Measure, Unit

_BY_KIND = {kind: tuple(u for u in UNITS.values() if u.kind == kind) for kind in KINDS}
_PAIR_KINDS = ("length", "weight", "volume", "data size")
_SPELLED = ("length", "weight", "volume", "temperature", "area", "data size")


def some_measure(draw: Draw, unit: Unit) -> Measure:
    """A number that people give in this unit: mostly whole, one decimal where the unit is large, frost too."""
    if unit.kind == "temperature":
        return Measure(draw.between(-15, unit.most) * 10, unit)
    if unit.most <= 100 and draw.chance(0.35):
        return Measure(draw.between(2, unit.most * 10), unit)
    whole = draw.between(1, unit.most)
    return Measure((whole * 10 if unit.most < 300 or draw.chance(0.3) else -(-whole // 10) * 100), unit)


def spelled(m: Measure) -> str:
    """2.5 kilograms, 1 metre."""
    return f"{m.number} {m.unit.name if m.tenths == 10 else m.unit.plural}"


def _signed(draw: Draw, m: Measure, layout: Params) -> str:
    return f"{m.number}{draw.pick(layout['gaps'])}{m.unit.sign}"


def _notes_of(unit: Unit) -> str:
    """People walk kilometres and cut boards to centimetres."""
    return unit.sign if unit.sign in ("km", "ha", "t") else unit.kind.split()[0]


def _written(kind: str | None, form: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, layout: Params) -> Value:
        m = some_measure(draw, draw.pick(_BY_KIND[kind or draw.pick(KINDS)]))
        if form == "spelled":
            return Value(m, spelled(m))
        text = _signed(draw, m, layout)
        return Value(m, note(draw, f"{_notes_of(m.unit)} notes", amount=text) if form == "note" else text)

    return drawn


_gap = picked(gaps=(" ", " ", ("", " "), ("",)))


def _a(kind: str) -> str:
    return f"{'an' if kind == 'area' else 'a'} {kind}"


def _any_labelled(draw: Draw, layout: Params) -> Value:
    kind = draw.pick(tuple(_LABELS))
    m = some_measure(draw, draw.pick(_BY_KIND[kind]))
    return Value(m, f"{draw.pick(_LABELS[kind])}{layout['eq']}{_signed(draw, m, layout)}")


_LABELS = {
    "length": ("length", "width", "height", "distance"),
    "weight": ("weight", "net weight", "load"),
    "volume": ("volume", "capacity", "content"),
    "temperature": ("temperature", "temp.", "outside"),
    "data size": ("size", "download", "memory"),
    "speed": ("speed", "limit", "wind"),
    "area": ("area", "floor space", "plot"),
}


def _pair_layout(draw: Draw) -> Params:
    kind = draw.pick(_PAIR_KINDS)
    near = {"length": ("m", "cm", "mm"), "weight": ("kg", "g"), "volume": ("l", "ml", "cl"), "data size": ("GB", "MB")}
    return {
        "units": near[kind],
        "sep": draw.pick((" vs ", " and ", " / ", ", ", " or ", " | ")),
        **_gap(draw),
    }


def _pair(draw: Draw, layout: Params) -> Value | None:
    one, two = (some_measure(draw, UNITS[draw.pick(layout["units"])]) for _ in range(2))
    if one.size == two.size:
        return None
    texts = [_signed(draw, m, layout) for m in (one, two)]
    return Value(((one, texts[0]), (two, texts[1])), layout["sep"].join(texts))


def _list_layout(draw: Draw) -> Params:
    unit = draw.pick(("km", "m", "cm", "kg", "g", "l", "ml", "MB", "GB", "km/h"))
    n = draw.between(3, 4)
    return {
        "unit": unit,
        "n": n,
        "more": draw.between(0, 1),
        "sep": draw.pick((", ", "; ", " | ", "\n", " / ")),
        **_gap(draw),
    }


def _list(draw: Draw, layout: Params) -> Value | None:
    unit = UNITS[layout["unit"]]
    found = [Measure(draw.between(1, 60) * 10, unit) for _ in range(layout["n"] + draw.between(0, layout["more"]))]
    if len(set(found)) < len(found):
        return None
    items = tuple((m, _signed(draw, m, layout)) for m in found)
    return Value(items, layout["sep"].join(text for _, text in items))


INPUTS = (
    *(
        InputType(
            f"{kind} short",
            kind,
            _a(kind),
            f"the {kind}",
            _written(kind, "short"),
            _gap,
        )
        for kind in KINDS
    ),
    *(
        InputType(
            f"{kind} spelled", kind, f"{_a(kind)} with its unit written out", f"the {kind}", _written(kind, "spelled")
        )
        for kind in _SPELLED
    ),
    *(
        InputType(
            f"{kind} note", kind, f"a note with {_a(kind)}", f"the {kind} in the note", _written(kind, "note"), _gap
        )
        for kind in KINDS
    ),
    InputType("measure", "measure", "a measure", "the measure", _written(None, "short"), _gap),
    InputType("measure spelled", "measure", "a measure in words", "the measure", _written(None, "spelled")),
    InputType(
        "measure labelled",
        "measure",
        "a labelled value",
        "the value",
        _any_labelled,
        lambda d: {**_gap(d), "eq": d.pick((": ", " = ", " ", "="))},
    ),
    InputType("two measures", "two measures", "two measures", "the two measures", _pair, _pair_layout),
    InputType("measure list", "measures", "a list of measures", "the list", _list, _list_layout),
)
