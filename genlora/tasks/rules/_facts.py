"""Rules about words and facts that have to be known: pairs from tables of our own, in sentences of our own."""

from .._draw import Draw
from ._data import Rule, words
from ._grammar import line, same_line
from ._kinds import table
from ._strings import article


def _pair(draw: Draw, group: str) -> tuple[str, str]:
    left, right = draw.pick(table(group)).split(":")
    return left, right


def _gender_swap(draw: Draw) -> tuple[str, str]:
    return same_line(draw, draw.pick(table("gender lines")), *_pair(draw, "genders"))


def _opposite_direction(draw: Draw) -> tuple[str, str]:
    key, template = draw.pick(table("direction lines")).split("|")
    pair = next(pair for pair in table("directions") if pair.startswith(f"{key}:")).split(":")
    one, other = pair if draw.chance(0.5) else pair[::-1]
    return same_line(draw, template, one, other)


def _nationality(draw: Draw) -> tuple[str, str]:
    thing, (country, adjective) = draw.pick(table("from nations")), _pair(draw, "nations")
    return f"{article(thing)} {thing} from {country}", f"{article(adjective)} {adjective} {thing}"


def _british(draw: Draw) -> tuple[str, str]:
    american, frame = draw.pick(list(zip(table("british words"), table("british"), strict=True)))
    template, british = frame.split("|")
    return same_line(draw, template.replace(american, "{x}"), american, british)


def _animal_sound(draw: Draw) -> tuple[str, str]:
    animal, sound = _pair(draw, "sounds")
    return f"the {draw.pick(table('sound adjectives'))} {animal}", f"{sound}"


def _job_place(draw: Draw) -> tuple[str, str]:
    job, place = _pair(draw, "job places")
    return line(draw, draw.pick(table("job lines")), x=job), place


def _element_symbols(draw: Draw) -> tuple[str, str]:
    picked = [pair.split(":") for pair in draw.some(table("elements"), 2)]
    return " and ".join(name for name, _ in picked), ", ".join(symbol for _, symbol in picked)


def _nato(draw: Draw) -> tuple[str, str]:
    picked = draw.some(table("nato"), draw.between(2, 3))
    return "".join(name[0] for name in picked), " ".join(picked)


def _currency_name(draw: Draw) -> tuple[str, str]:
    country, money = _pair(draw, "currencies")
    return line(draw, draw.pick(table("travel lines")), x=country), money


def _capital_country(draw: Draw) -> tuple[str, str]:
    city, country = _pair(draw, "capitals")
    return line(draw, draw.pick(table("travel lines")), x=city), country.removeprefix("the ")


def _spanish_count(draw: Draw) -> tuple[str, str]:
    index, (noun, english) = draw.between(2, 20), _pair(draw, "spanish nouns")
    return f"{table('spanish numbers')[index - 2]} {noun}", f"{index} {english}"


def _odd_one_out(draw: Draw) -> tuple[str, str]:
    many, one = draw.some(("animal", "clothing", "tool", "vehicle", "food"), 2)
    odd = draw.pick(table(f"kind {one}"))
    mixed = draw.some([*draw.some(table(f"kind {many}"), 3), odd], 4)
    return ", ".join(mixed), odd


def _pick_kind(draw: Draw, kind: str) -> tuple[str, str]:
    wanted = draw.pick(table(f"kind {kind}"))
    others = [k for k in ("animal", "clothing", "tool", "vehicle", "food") if k != kind]
    rest = [draw.pick(table(f"kind {draw.pick(others)}")) for _ in range(3)]
    return ", ".join(draw.some([wanted, *rest], 4)), wanted


def _pick_city(draw: Draw) -> tuple[str, str]:
    city = draw.pick(words("cities"))
    rest = [draw.pick(words("surnames")), draw.pick(words("women") + words("men")), draw.pick(words("months"))]
    return ", ".join(draw.some([city, *rest], 4)), city


FACT_RULES: dict[str, Rule] = {
    "gender-swap": Rule(_gender_swap),
    "opposite-direction": Rule(_opposite_direction),
    "nationality": Rule(_nationality),
    "british-spelling": Rule(_british),
    "animal-sound": Rule(_animal_sound, count=480),
    "job-place": Rule(_job_place),
    "element-symbols": Rule(_element_symbols),
    "nato": Rule(_nato),
    "country-currency": Rule(_currency_name),
    "capital-country": Rule(_capital_country),
    "spanish-count": Rule(_spanish_count, count=500),
    "odd-one-out": Rule(_odd_one_out),
    "pick-vehicle": Rule(lambda draw: _pick_kind(draw, "vehicle")),
    "pick-tool": Rule(lambda draw: _pick_kind(draw, "tool")),
    "pick-city": Rule(_pick_city),
}
