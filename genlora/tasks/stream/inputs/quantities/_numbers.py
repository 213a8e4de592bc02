"""Percentages, fractions, ratios, ordinals, Roman numerals, scores, ranges, points, coordinates."""

from collections.abc import Callable

from ..._parts import Draw, InputType, Params, Value, picked
from ..._tables import table
from ..times._shapes import note, ordinal, words_for_note

_ROMAN = ((10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"))
_TENS = ("", "X", "XX", "XXX", "XL")


def roman(n: int) -> str:
    """1 to 49 in Roman numerals."""
    tens, ones = divmod(n, 10)
    out = _TENS[tens]
    for size, sign in _ROMAN[1:]:
        while ones >= size:
            out, ones = out + sign, ones - size
    return out


def _percent(draw: Draw, layout: Params) -> Value:
    n = draw.between(1, 99) if draw.chance(0.6) else draw.between(1, 20) * 5
    return Value(n, f"{n}{layout['sign']}")


_percent_layout = picked(sign=("%", "%", " %", " percent", " per cent", " pct"))


def _percent_note(draw: Draw, layout: Params) -> Value:
    n = draw.between(1, 99) if draw.chance(0.6) else draw.between(1, 20) * 5
    return Value(n, note(draw, "percent notes", percent=f"{n}{layout['sign']}"))


_DENOMINATORS = (2, 3, 4, 5, 6, 8, 10, 12, 15, 16, 20, 25)


def _fraction(draw: Draw, layout: Params) -> Value:
    bottom = draw.pick(_DENOMINATORS)
    top = draw.between(1, bottom - 1)
    return Value((top, bottom), layout["form"].format(top, bottom))


def _fraction_note(draw: Draw, layout: Params) -> Value:
    bottom = draw.pick(_DENOMINATORS)
    top = draw.between(1, bottom - 1)
    things = {"name": draw.pick(table("names", of="quantities")), "v": draw.between(2, 9)}
    return Value((top, bottom), layout["form"].format(f=f"{top}/{bottom}", **things))


_FRACTION_NOTES = (
    "{name} ate {f} of the cake.",
    "Tank {v} is {f} full.",
    "Use {f} cup of sugar for {v} people",
    "{f} of team {v} voted yes.",
)


def _ratio(draw: Draw, layout: Params) -> Value:
    k = draw.pick((1, 2, 2, 3, 4, 5, 10))
    one, two = draw.between(1, 9) * k, draw.between(1, 9) * k
    return Value((one, two), layout["form"].format(one, two))


def _ordinal(draw: Draw, layout: Params) -> Value:
    n = draw.between(1, layout["most"])
    return Value(n, layout["form"].format(ordinal(n)))


def _ordinal_note(draw: Draw, layout: Params) -> Value:
    n = draw.between(1, layout["most"])
    form = draw.pick(
        (
            "{name} came {nth} out of {n} runners.",
            "Office {n}, {nth} floor",
            "The {nth} meeting of team {v}",
            "{name} is {nth} on the waiting list.",
            "{nth} reminder for invoice {n}",
            "Seat {v} in the {nth} row",
        )
    )
    return Value(n, form.format(nth=ordinal(n), **words_for_note(draw)))


def _roman(draw: Draw, layout: Params) -> Value:
    n = draw.between(1, 40)
    return Value(n, roman(n))


def _roman_note(draw: Draw, layout: Params) -> Value:
    n = draw.between(2, 40)
    form = draw.pick(
        (
            "chapter {r}, page {n}",
            "Volume {r}, shelf {v}",
            "Act {r}, scene {v}",
            "Appendix {r} ({v} pages)",
            "part {r} of {n}",
            "Annex {r}, by {name}",
            "Section {r}: costs in {town}",
        )
    )
    return Value(n, form.format(r=roman(n), **words_for_note(draw)))


def _goals(draw: Draw) -> tuple[int, int]:
    return draw.between(0, 5), draw.between(0, 5)


def _score(draw: Draw, layout: Params) -> Value:
    home, away = _goals(draw)
    one, two = draw.some(table("teams", of="quantities"), 2)
    text = layout["form"].format(one=one, two=two, home=home, away=away)
    return Value({"home": home, "away": away, "one": one, "two": two}, text)


def _half_time(draw: Draw, layout: Params) -> Value:
    home, away = _goals(draw)
    early, late = draw.between(0, home), draw.between(0, away)
    one, two = draw.some(table("teams", of="quantities"), 2)
    text = layout["form"].format(one=one, two=two, home=home, away=away, early=early, late=late)
    return Value({"home": home, "away": away, "one": one, "two": two}, text)


_SCORES = (
    "{one} - {two} {home}:{away}",
    "{one} {home}, {two} {away}",
    "{one} vs {two}: {home}-{away}",
    "{one} {home} - {away} {two}",
    "home: {one} ({home})\naway: {two} ({away})",
)
_HALF_TIMES = (
    "{one} - {two} {home}:{away} ({early}:{late})",
    "{one} v {two}, half-time {early}-{late}, final {home}-{away}",
    "Final score: {one} {home}, {two} {away} (half-time {early}-{late})",
)


def _range_layout(draw: Draw) -> Params:
    forms = ("{}-{}", "{} - {}", "from {} to {}", "{}..{}", "{} to {}", "[{}, {}]", "between {} and {}")
    return {"form": draw.pick(forms)}


_RANGES = ((0, 20, 9), (1, 50, 12), (10, 90, 20), (100, 400, 50))


def _ends(draw: Draw, ranges: int) -> tuple[int, int]:
    """From one of the first `ranges` ranges: of any size in one spec, so that bounds have ranges on both sides."""
    low, high, width = _RANGES[draw.between(0, ranges - 1)]
    start = draw.between(low, high)
    return start, start + draw.between(2, width)


def _range(draw: Draw, layout: Params) -> Value:
    start, end = _ends(draw, 4)
    return Value((start, end), layout["form"].format(start, end))


def _range_note(draw: Draw, layout: Params) -> Value:
    start, end = _ends(draw, 3)
    return Value((start, end), layout["form"].format(s=start, e=end, **words_for_note(draw)))


def _range_note_layout(draw: Draw) -> Params:
    forms = (
        "{name}: read pages {s}-{e}",
        "For {s} to {e} players, box {n}",
        "Rows {s}-{e} are empty, file {n}",
        "Print pages {s} - {e}, {v} copies",
        "Delivery to {town} in {s}-{e} days",
    )
    return {"form": draw.pick(forms)}


def _points(draw: Draw, layout: Params) -> Value:
    top = draw.pick((20, 40, 50, 50, 60, 80, 100, 100))
    reached = draw.between(top // 5, top)
    name = draw.pick(table("names", of="quantities"))
    return Value((reached, top), layout["form"].format(n=reached, top=top, name=name))


def _place(draw: Draw, layout: Params) -> Value:
    lat, lon = draw.between(-6000, 6999), draw.between(-12000, 17999)
    digits = layout["digits"]
    parts = [f"{x / 100:.{digits}f}" for x in (lat, lon)]
    if layout["form"] == "letters":
        parts = [f"{p.lstrip('-')}\u00b0 {'NE'[i] if not p.startswith('-') else 'SW'[i]}" for i, p in enumerate(parts)]
        return Value({"lat": lat, "lon": lon, "parts": tuple(parts)}, ", ".join(parts))
    return Value({"lat": lat, "lon": lon, "parts": tuple(parts)}, layout["form"].format(*parts))


def _place_layout(draw: Draw) -> Params:
    forms = ("{}, {}", "{};{}", "lat {} lon {}", "lat={}&lng={}", "geo:{},{}", "[{}, {}]", "letters", "letters")
    return {"form": draw.pick(forms), "digits": 2}


_most = picked(most=(31, 40, 99, 120))


def _one_of(*forms: str) -> Callable[[Draw], Params]:
    return lambda draw: {"form": draw.pick(forms)}


INPUTS = (
    InputType("percentage", "percent", "a percentage", "the percentage", _percent, _percent_layout),
    InputType(
        "percentage note",
        "percent",
        "a note with a percentage",
        "the percentage in the note",
        _percent_note,
        picked(sign=("%", "%", " percent")),
    ),
    InputType(
        "fraction",
        "fraction",
        "a fraction",
        "the fraction",
        _fraction,
        _one_of("{}/{}", "{} / {}"),
    ),
    InputType(
        "fraction note",
        "fraction",
        "a note with a fraction",
        "the fraction in the note",
        _fraction_note,
        _one_of(*_FRACTION_NOTES),
    ),
    InputType("ratio", "ratio", "a ratio", "the ratio", _ratio, _one_of("{}:{}", "{} : {}", "{} to {}")),
    InputType(
        "ordinal",
        "ordinal",
        "an ordinal number",
        "the ordinal",
        _ordinal,
        lambda d: {**_most(d), "form": d.pick(("{}", "{}", "the {}", "{} place", "{} floor"))},
    ),
    InputType("ordinal note", "ordinal", "a note with an ordinal", "the ordinal in the note", _ordinal_note, _most),
    InputType("Roman numeral", "roman", "a Roman numeral", "the numeral", _roman),
    InputType("Roman note", "roman", "a heading with a Roman numeral", "the Roman numeral in the heading", _roman_note),
    InputType("score", "score", "the result of a match", "the result", _score, _one_of(*_SCORES)),
    InputType(
        "score half-time",
        "score",
        "the result of a match with the half-time score",
        "the final result",
        _half_time,
        _one_of(*_HALF_TIMES),
    ),
    InputType("number range", "range", "a range of numbers", "the range", _range, _range_layout),
    InputType(
        "range note",
        "range",
        "a note with a range",
        "the range in the note",
        _range_note,
        _range_note_layout,
    ),
    InputType(
        "points",
        "points",
        "points reached out of the maximum",
        "the score",
        _points,
        _one_of("{n}/{top}", "{n} of {top}", "{n} out of {top} points", "{n} / {top}"),
    ),
    InputType(
        "points note",
        "points",
        "a test result",
        "the score",
        _points,
        _one_of(
            "{name}: {n}/{top}",
            "{name} got {n} out of {top} points.",
            "Test 12, {name}, {n} of {top} points",
            "{name};{n};{top}",
            "student: {name}\npoints: {n}\nmaximum: {top}",
        ),
    ),
    InputType("coordinates", "place", "coordinates (latitude first)", "the coordinates", _place, _place_layout),
)
