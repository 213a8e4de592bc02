"""Right answers about money, prices, measures, percentages, scores, ranges, written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.inputs.quantities._numbers import roman
from genlora.tasks.stream.inputs.quantities._shapes import UNITS, Measure, Money, Price


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, data, params, text=""):
    return operations()[name].do(Value(data, text), {"Y": "Y", "N": "N", "labels": Same(), **params})


def measure(number, sign):
    return Measure(round(number * 10), UNITS[sign])


EUR = Money(123_450, "EUR")
USD = Money(1_250_000, "USD")
MONEY = [
    ("money.number", EUR, {}, "1234.50"),
    ("money.number grouped", EUR, {}, "1,234.50"),
    ("money.number grouped", Money(99_900, "EUR"), {}, None),
    ("money.whole", EUR, {}, "1234"),
    ("money.rounded", Money(1999, "EUR"), {}, "20"),
    ("money.rounded", EUR, {}, None),
    ("money.cents part", EUR, {}, "50"),
    ("money.in cents", EUR, {}, "123450"),
    ("money.code", USD, {}, "USD"),
    ("money.symbol", EUR, {}, "€"),
    ("money.currency name", Money(1, "INR"), {}, "rupee"),
    ("money.to symbol", EUR, {}, "€1,234.50"),
    ("money.to code after", EUR, {}, "1234.50 EUR"),
    ("money.to code before", EUR, {}, "EUR 1,234.50"),
    ("money.to German", EUR, {}, "1.234,50"),
    ("money.short", USD, {}, "$12500"),
    ("money.short", EUR, {}, "€1234.50"),
    ("money.in thousands", USD, {}, "12.5k"),
    ("money.in thousands", EUR, {}, None),
    ("money.double", EUR, {}, "2469.00"),
    ("money.half", EUR, {}, "617.25"),
    ("money.half", Money(101, "EUR"), {}, None),
    ("money.plus", EUR, {"n": 5}, "1239.50"),
    ("money.minus", EUR, {"n": 5}, "1229.50"),
    ("money.minus", Money(500, "EUR"), {"n": 5}, None),
    ("money.plus percent", EUR, {"n": 20}, "1481.40"),
    ("money.minus percent", EUR, {"n": 10}, "1111.05"),
    ("money.minus percent", Money(101, "EUR"), {"n": 10}, None),
    ("money.tip", EUR, {"n": 10}, "123.45"),
    ("money.split", EUR, {"n": 3}, "411.50"),
    ("money.split", Money(100, "EUR"), {"n": 3}, None),
    ("money.exchange", EUR, {"n": 4}, "4938.00"),
]
PRICES = {"tea": Price(250, "€2.50"), "cake": Price(400, "€4.00"), "soup": Price(320, "€3.20")}
LINE = {"qty": 3, "thing": "chairs", "cents": 4050, "code": "EUR", "written": "40.50"}
BUYING = [
    ("price.of", PRICES, {"thing": "cake"}, "€4.00"),
    ("price.of", PRICES, {"thing": "pen"}, None),
    ("price.dearest", PRICES, {}, "cake"),
    ("price.second dearest", PRICES, {}, "soup"),
    ("price.highest", PRICES, {}, "€4.00"),
    ("price.sum of two", PRICES, {"one": "tea", "two": "cake"}, "6.50"),
    ("price.sum of two", PRICES, {"one": "tea", "two": "pen"}, None),
    ("price.dearer of two", PRICES, {"one": "tea", "two": "soup"}, "soup"),
    ("price.several", PRICES, {"thing": "tea", "n": 3}, "7.50"),
    ("price.total", PRICES, {}, "9.70"),
    ("price.thing at", PRICES, {"cents": 320}, "soup"),
    ("price.names", PRICES, {}, "tea, cake, soup"),
    ("price.amounts", PRICES, {}, "€2.50, €4.00, €3.20"),
    ("price.descending", PRICES, {}, "cake, soup, tea"),
    ("price.ascending", PRICES, {}, "tea, soup, cake"),
    ("price.without dearest", PRICES, {}, "tea, soup"),
    ("price.first thing", PRICES, {}, "€2.50"),
    ("price.last thing", PRICES, {}, "€3.20"),
    ("line.quantity", LINE, {}, "3"),
    ("line.thing", LINE, {}, "chairs"),
    ("line.unit price", LINE, {}, "40.50"),
    ("line.total", LINE, {}, "121.50"),
    ("line.total", {**LINE, "cents": 4000}, {}, "120"),
    ("line.total with cents", {**LINE, "cents": 4000}, {}, "120.00"),
    ("line.csv", LINE, {}, "chairs;3;40.50"),
    ("line.short", LINE, {}, "3 x chairs"),
    ("line.one more", LINE, {}, "4"),
]
PAIR = ((measure(5, "km"), "5 km"), (measure(90, "m"), "90 m"))
WEIGHTS = tuple((measure(n, "kg"), f"{n} kg") for n in (12, 30, 4))
MEASURES = [
    ("measure.number", measure(2.5, "kg"), {}, "2.5"),
    ("measure.unit", measure(2.5, "kg"), {}, "kg"),
    ("measure.unit name", measure(2.5, "kg"), {}, "kilogram"),
    ("measure.spaced", measure(2.5, "kg"), {}, "2.5 kg"),
    ("measure.tight", measure(-3, "°C"), {}, "-3°C"),
    ("measure.spelled", measure(1, "m"), {}, "1 metre"),
    ("measure.spelled", measure(2.5, "kg"), {}, "2.5 kilograms"),
    ("measure.brackets", measure(5, "kg"), {}, "[kg] 5"),
    ("measure.double", measure(2.5, "kg"), {}, "5 kg"),
    ("measure.half", measure(5, "kg"), {}, "2.5 kg"),
    ("measure.half", measure(2.5, "kg"), {}, None),
    ("measure.plus", measure(-3, "°C"), {"n": 2}, "-1 °C"),
    ("measure.minus", measure(5, "kg"), {"n": 2}, "3 kg"),
    ("measure.several", measure(2.5, "kg"), {"n": 3}, "7.5 kg"),
    ("measure.larger", PAIR, {}, "5 km"),
    ("measure.smaller", PAIR, {}, "90 m"),
    ("measure.first of two", PAIR, {}, "5 km"),
    ("measure.second of two", PAIR, {}, "90 m"),
    ("measure.sign between", PAIR, {}, ">"),
    ("measures.largest", WEIGHTS, {}, "30 kg"),
    ("measures.smallest", WEIGHTS, {}, "4 kg"),
    ("measures.ascending", WEIGHTS, {}, "4 kg, 12 kg, 30 kg"),
    ("measures.numbers", WEIGHTS, {}, "12, 30, 4"),
    ("measures.sum", WEIGHTS, {}, "46 kg"),
    ("convert.km to m", measure(2.5, "km"), {}, "2500"),
    ("convert.km to m", measure(2.5, "m"), {}, None),
    ("convert.m to km", measure(90, "m"), {}, "0.09"),
    ("convert.m to cm", measure(2.5, "m"), {}, "250"),
    ("convert.cm to m", measure(85, "cm"), {}, "0.85"),
    ("convert.cm to mm", measure(2.5, "cm"), {}, "25"),
    ("convert.mm to cm", measure(35, "mm"), {}, "3.5"),
    ("convert.kg to g", measure(2.5, "kg"), {}, "2500"),
    ("convert.g to kg", measure(450, "g"), {}, "0.45"),
    ("convert.t to kg", measure(3, "t"), {}, "3000"),
    ("convert.l to ml", measure(1.5, "l"), {}, "1500"),
    ("convert.ml to l", measure(250, "ml"), {}, "0.25"),
    ("convert.cl to ml", measure(75, "cl"), {}, "750"),
    ("convert.GB to MB", measure(2, "GB"), {}, "2000"),
    ("convert.MB to GB", measure(500, "MB"), {}, "0.5"),
    ("convert.MB to KB", measure(5, "MB"), {}, "5000"),
    ("convert.ha to m²", measure(2.5, "ha"), {}, "25000"),
    ("convert.all to m", measure(85, "cm"), {}, "0.85 m"),
    ("convert.all to m", measure(85, "m"), {}, None),
    ("convert.all to cm", measure(85, "mm"), {}, "8.5 cm"),
    ("convert.all to mm", measure(2, "m"), {}, "2000 mm"),
    ("convert.all to kg", measure(450, "g"), {}, "0.45 kg"),
    ("convert.all to g", measure(2.5, "kg"), {}, "2500 g"),
    ("convert.all to l", measure(75, "cl"), {}, "0.75 l"),
    ("convert.all to ml", measure(75, "cl"), {}, "750 ml"),
    ("convert.all to MB", measure(300, "KB"), {}, "0.3 MB"),
    ("convert.to kelvin", measure(-3, "°C"), {}, "270"),
    ("price.per kg", measure(12, "kg"), {"n": 3}, "36"),
    ("price.per m", measure(12, "m"), {"n": 3}, "36"),
    ("price.per l", measure(12, "ml"), {"n": 3}, None),
    ("price.per m²", measure(80, "m²"), {"n": 10}, "800"),
    ("price.per t", measure(2.5, "t"), {"n": 3}, None),
    ("price.per km", measure(7, "km"), {"n": 3}, "21"),
]
COUNTS = [
    ("percent.number", 35, {}, "35"),
    ("percent.decimal", 5, {}, "0.05"),
    ("percent.fraction", 15, {}, "3/20"),
    ("percent.rest", 35, {}, "65%"),
    ("percent.sign", 35, {}, "35%"),
    ("percent.words", 35, {}, "35 percent"),
    ("percent.of", 35, {"n": 200}, "70"),
    ("percent.of", 35, {"n": 50}, None),
    ("percent.plus", 35, {"n": 10}, "45%"),
    ("fraction.simplify", (6, 8), {}, "3/4"),
    ("fraction.simplify", (3, 4), {}, None),
    ("fraction.decimal", (3, 4), {}, "0.75"),
    ("fraction.decimal", (1, 3), {}, None),
    ("fraction.top", (6, 8), {}, "6"),
    ("fraction.bottom", (6, 8), {}, "8"),
    ("fraction.reciprocal", (6, 8), {}, "8/6"),
    ("fraction.rest", (6, 8), {}, "2/8"),
    ("ratio.simplify", (6, 8), {}, "3:4"),
    ("ratio.swap", (6, 8), {}, "8:6"),
    ("ratio.parts", (6, 8), {}, "14"),
    ("ratio.left", (6, 8), {}, "6"),
    ("ratio.right", (6, 8), {}, "8"),
    ("points.reached", (17, 20), {}, "17"),
    ("points.maximum", (17, 20), {}, "20"),
    ("points.missing", (17, 20), {}, "3"),
    ("points.percent", (17, 20), {}, "85%"),
    ("points.percent", (17, 60), {}, None),
    ("points.slash", (17, 20), {}, "17/20"),
    ("ordinal.number", 23, {}, "23"),
    ("ordinal.next", 12, {}, "13th"),
    ("ordinal.previous", 2, {}, "1st"),
    ("ordinal.dot", 3, {}, "3."),
    ("ordinal.suffix only", 22, {}, "nd"),
    ("ordinal.from number", 111, {}, "111th"),
    ("roman.to number", 29, {}, "29"),
    ("roman.from number", 29, {}, "XXIX"),
    ("roman.from number", 41, {}, None),
    ("roman.next", 3, {}, "IV"),
    ("roman.previous", 9, {}, "VIII"),
    ("range.start", (3, 9), {}, "3"),
    ("range.end", (3, 9), {}, "9"),
    ("range.width", (3, 9), {}, "6"),
    ("range.count", (3, 9), {}, "7"),
    ("range.middle", (3, 9), {}, "6"),
    ("range.middle", (3, 8), {}, None),
    ("range.list", (3, 6), {}, "3, 4, 5, 6"),
    ("range.hyphen", (3, 9), {}, "3-9"),
    ("range.words", (3, 9), {}, "3 to 9"),
    ("range.interval", (3, 9), {}, "3 <= x <= 9"),
    ("range.up", (3, 9), {"n": 2}, "5-11"),
]
SCORE = {"home": 3, "away": 1, "one": "Rovers", "two": "United"}
DRAW = {"home": 2, "away": 2, "one": "Lions", "two": "Bears"}
PLACE = {"lat": 4821, "lon": -1637, "parts": ("48.21° N", "16.37° W")}
SCORES = [
    ("score.home goals", SCORE, {}, "3"),
    ("score.away goals", SCORE, {}, "1"),
    ("score.total", SCORE, {}, "4"),
    ("score.margin", SCORE, {}, "2"),
    ("score.winner", SCORE, {}, "Rovers"),
    ("score.winner", DRAW, {}, "draw"),
    ("score.loser", SCORE, {}, "United"),
    ("score.home team", SCORE, {}, "Rovers"),
    ("score.away team", SCORE, {}, "United"),
    ("score.only goals", SCORE, {}, "3:1"),
    ("score.swapped", SCORE, {}, "1:3"),
    ("score.home points", SCORE, {}, "3"),
    ("score.away points", DRAW, {}, "1"),
    ("score.away points", SCORE, {}, "0"),
    ("place.latitude", PLACE, {}, "48.21° N"),
    ("place.longitude", PLACE, {}, "16.37° W"),
    ("place.decimal", PLACE, {}, "48.21,-16.37"),
    ("place.swapped", PLACE, {}, "-16.37,48.21"),
    ("place.hemisphere", PLACE, {}, "NW"),
]
CONDITIONS = [
    ("money above", EUR, Money(100_000, "EUR"), {"n": 1000}),
    ("money below", EUR, USD, {"n": 5000}),
    ("money whole", USD, EUR, {}),
    ("money in currency", USD, EUR, {"code": "USD"}),
    ("money round hundred", USD, EUR, {}),
    ("prices thing listed", PRICES, {"pen": Price(1, "0.01")}, {"thing": "tea"}),
    ("prices one above", PRICES, {"pen": Price(300, "3.00")}, {"n": 3}),
    ("line total above", LINE, {**LINE, "qty": 2}, {"n": 100}),
    ("line quantity above", LINE, {**LINE, "qty": 2}, {"n": 3}),
    ("two measures first larger", PAIR, PAIR[::-1], {}),
    ("two measures same unit", WEIGHTS[:2], PAIR, {}),
    ("measure decimal", measure(2.5, "kg"), measure(2, "kg"), {}),
    ("measure above", measure(10.5, "kg"), measure(10, "kg"), {"n": 10}),
    ("percent above", 51, 50, {"n": 50}),
    ("percent below", 49, 50, {"n": 50}),
    ("fraction above half", (3, 5), (2, 5), {}),
    ("fraction lowest terms", (3, 4), (2, 4), {}),
    ("ratio left larger", (3, 2), (2, 3), {}),
    ("points passed", (10, 20), (9, 20), {"n": 50}),
    ("roman above", 11, 10, {"n": 10}),
    ("roman even", 4, 5, {}),
    ("ordinal within", 10, 11, {"n": 10}),
    ("range holds", (3, 9), (4, 9), {"n": 3}),
    ("range wide", (3, 9), (3, 8), {"n": 5}),
    ("place north", PLACE, {**PLACE, "lat": -1}, {}),
    ("place east", {**PLACE, "lon": 1}, PLACE, {}),
    ("score draw", DRAW, SCORE, {}),
    ("score many goals", {**SCORE, "home": 4}, SCORE, {"n": 4}),
    ("score clean sheet", {**SCORE, "away": 0}, SCORE, {}),
    ("temperature frost", measure(-1, "°C"), measure(0, "°C"), {}),
]
LIMITS = [
    ("length", measure(2, "m"), measure(210, "cm"), measure(190, "cm")),
    ("weight", measure(2, "kg"), measure(3, "kg"), measure(900, "g")),
    ("volume", measure(2, "l"), measure(2.5, "l"), measure(75, "cl")),
    ("temperature", measure(0, "°C"), measure(1, "°C"), measure(-1, "°C")),
    ("data size", measure(500, "MB"), measure(1, "GB"), measure(400, "MB")),
    ("speed", measure(50, "km/h"), measure(51, "km/h"), measure(49, "km/h")),
    ("area", measure(80, "m²"), measure(1, "ha"), measure(79, "m²")),
]
LOW_HIGH = {"low": 2, "high": 10}
BANDS = [
    ("money approval", EUR, {"low": 1000, "high": 2000}, "middle"),
    ("money account", USD, {}, "USD"),
    ("line discount", LINE, {"low": 3, "high": 5}, "some"),
    ("measure kind", measure(2, "ha"), {}, "area"),
    ("temperature band", measure(2, "°C"), LOW_HIGH, "middle"),
    ("weight parcel", measure(900, "g"), LOW_HIGH, "low"),
    ("speed band", measure(11, "km/h"), LOW_HIGH, "high"),
    ("length band", measure(1, "km"), LOW_HIGH, "high"),
    ("data band", measure(1, "GB"), LOW_HIGH, "high"),
    ("area band", measure(10, "m²"), LOW_HIGH, "middle"),
    ("volume band", measure(75, "cl"), LOW_HIGH, "low"),
    ("percent level", 2, LOW_HIGH, "middle"),
    ("points grade", (15, 20), {"A": 90, "B": 75, "C": 50}, "B"),
    ("points grade", (9, 20), {"A": 90, "B": 75, "C": 50}, "D"),
    ("score result", DRAW, {}, "draw"),
    ("range against number", (3, 9), {"n": 10}, "below"),
    ("range against number", (3, 9), {"n": 9}, "in"),
]
FILTERS = [
    ("measures above", WEIGHTS, {"n": 12}, "30 kg", "12 kg, 4 kg"),
    ("measures below", WEIGHTS, {"n": 12}, "4 kg", "12 kg, 30 kg"),
    ("things above price", PRICES, {"n": 3}, "cake, soup", "tea"),
    ("things below price", PRICES, {"n": 3}, "tea", "cake, soup"),
    ("things whole price", PRICES, {}, "cake", "tea, soup"),
]


@pytest.mark.parametrize(("name", "data", "params", "wanted"), [*MONEY, *BUYING, *MEASURES, *COUNTS, *SCORES])
def test_answers(name, data, params, wanted):
    assert answer(name, data, params) == wanted


@pytest.mark.parametrize(("name", "yes", "no", "params"), CONDITIONS)
def test_conditions(name, yes, no, params):
    assert answer(f"label.{name}", yes, params) == "Y"
    assert answer(f"label.{name}", no, params) == "N"


@pytest.mark.parametrize(("kind", "limit", "more", "less"), LIMITS)
def test_limits_count_across_units(kind, limit, more, less):
    size = {"size": limit.size}
    assert [answer(f"label.{kind} over", m, size) for m in (more, limit, less)] == ["Y", "N", "N"]
    assert [answer(f"label.{kind} under", m, size) for m in (more, limit, less)] == ["N", "N", "Y"]


@pytest.mark.parametrize(("name", "data", "params", "wanted"), BANDS)
def test_bands(name, data, params, wanted):
    assert answer(f"label.{name}", data, params) == wanted


@pytest.mark.parametrize(("name", "data", "params", "kept", "dropped"), FILTERS)
def test_filters(name, data, params, kept, dropped):
    assert answer(f"keep.{name}", data, params) == kept
    assert answer(f"drop.{name}", data, params) == dropped
    assert answer(f"count.{name}", data, params) == str(kept.count(", ") + 1)
    if name != "things below price":  # that would be the cheapest thing
        assert answer(f"find.{name}", data, params) == (kept if ", " not in kept else None)


def test_roman_numerals():
    assert [roman(n) for n in (1, 4, 9, 14, 19, 24, 38, 40, 41)] == "I IV IX XIV XIX XXIV XXXVIII XL XLI".split()
