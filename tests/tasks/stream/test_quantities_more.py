"""Right answers about ratios, points, ordinals, Roman numerals, coordinates and pairs of measures, written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.inputs.quantities._shapes import UNITS, Measure

PLACE = {"lat": 4821, "lon": -1637, "parts": ("48.21", "-16.37")}
PAIR = ((Measure(1200, UNITS["cm"]), "120 cm"), (Measure(505, UNITS["cm"]), "50.5 cm"))
MIXED = ((Measure(10, UNITS["m"]), "1 m"), (Measure(500, UNITS["cm"]), "50 cm"))
ANSWERS = [
    ("ratio.fraction", (6, 8), {}, "6/8"),
    ("ratio.words", (6, 8), {}, "6 to 8"),
    ("ratio.scaled", (6, 8), {"n": 2}, "12:16"),
    ("ratio.left share", (4, 6), {}, "2/5"),
    ("points.half", (17, 20), {}, "10"),
    ("points.bonus", (17, 20), {"n": 3}, "20/20"),
    ("points.bonus", (18, 20), {"n": 3}, None),
    ("points.lost share", (17, 20), {}, "15%"),
    ("points.lost share", (17, 60), {}, None),
    ("ordinal.two later", 21, {}, "23rd"),
    ("ordinal.numbered", 5, {}, "No. 5"),
    ("ordinal.padded", 14, {}, "014"),
    ("roman.small letters", 14, {}, "xiv"),
    ("roman.double", 12, {}, "XXIV"),
    ("roman.double", 21, {}, None),
    ("roman.plus", 14, {"n": 5}, "19"),
    ("place.degrees", PLACE, {}, "48,-16"),
    ("place.degrees", {**PLACE, "lat": 4850}, {}, None),
    ("place.object", PLACE, {}, '{"lat": 48.21, "lon": -16.37}'),
    ("place.letters", PLACE, {}, "48.21N 16.37W"),
    ("measure.total", PAIR, {}, "170.5 cm"),
    ("measure.total", MIXED, {}, None),
]
CONDITIONS = [
    ("ratio lowest terms", (3, 4), (6, 8), {}),
    ("points full", (17, 20), (16, 20), {"n": 3}),
    ("ordinal odd", 7, 8, {}),
    ("roman subtracts", 14, 15, {}),
    ("roman subtracts", 40, 38, {}),
]


def answer(name, data, params):
    return operations()[name].do(Value(data, ""), {"Y": "Y", "N": "N", **params})


@pytest.mark.parametrize(("name", "data", "params", "wanted"), ANSWERS)
def test_answers(name, data, params, wanted):
    assert answer(name, data, params) == wanted


@pytest.mark.parametrize(("name", "yes", "no", "params"), CONDITIONS)
def test_conditions(name, yes, no, params):
    assert answer(f"label.{name}", yes, params) == "Y"
    assert answer(f"label.{name}", no, params) == "N"
