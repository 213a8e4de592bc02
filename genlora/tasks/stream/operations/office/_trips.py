"""Who goes where and when: two cities, a name, a day and a time in each text."""

from genlora.tasks import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..._tables import stored
from ...inputs.texts._frames import written_time
from ..texts._parts import exchanged, mentioned, put, raw, shaped, slot, some_city, some_name

_TRIP = ("trip text", "trip note text")
_CITIES = ("from", "to")


def _country(name: str, value: Value) -> str | None:
    return stored("texts", "countries").get(value.data["slots"][name])


def _swapped(value: Value, _: Params) -> str | None:
    return exchanged(value.text, value.data["slots"]["from"], value.data["slots"]["to"])


def _codes(value: Value, _: Params) -> str | None:
    return "-".join(value.data["slots"][c][:3].upper() for c in _CITIES)


def _hour(draw: Draw) -> Params:
    n = draw.between(9, 18)
    return {"n": n, "at": written_time(n * 60, draw.pick(("24", "12")))}


def _before(value: Value, p: Params) -> bool | None:
    minutes = raw("time")(value)
    return None if minutes is None or minutes == p["n"] * 60 else minutes < p["n"] * 60


def _same_country(value: Value, _: Params) -> bool | None:
    one, other = (_country(c, value) for c in _CITIES)
    return None if one is None or other is None else one == other


OPERATIONS = (
    Operation(
        "trip.from",
        _TRIP,
        "word",
        slot("from"),
        (
            "name the city where the trip starts",
            "extract the place of departure from {the}",
            "write only the origin, not the destination",
            "fill the field From",
        ),
        ("the city of departure", "the place where it starts", "the origin"),
        ("where does the trip start?", "which city is left behind?"),
    ),
    Operation(
        "trip.to",
        _TRIP,
        "word",
        slot("to"),
        (
            "name the city where the trip ends",
            "extract the destination from {the}",
            "write only the place of arrival, not the origin",
            "fill the field To",
        ),
        ("the city of arrival", "the place where it ends", "the destination"),
        ("where does the trip end?", "which city is the goal?"),
    ),
    Operation(
        "trip.from to",
        _TRIP,
        "code",
        shaped("{from}-{to}"),
        (
            "write the route as origin-destination, with a hyphen and no spaces",
            "join the two cities with a hyphen, departure first",
            "reduce {the} to the route in the form Rome-Turin",
        ),
        ("the route in the form origin-destination", "departure and arrival, joined by a hyphen"),
    ),
    Operation(
        "trip.way back",
        _TRIP,
        "code",
        shaped("{to} -> {from}"),
        (
            "write the way back, as city -> city",
            'plan the return trip: destination, " -> ", origin',
            "turn the route around and show it with an arrow (->)",
        ),
        ("the return route as city -> city", "the route turned around, with -> between the cities"),
    ),
    Operation(
        "trip.codes",
        _TRIP,
        "code",
        _codes,
        (
            "abbreviate both cities to their first three letters in capitals, origin-destination",
            "make a route code such as ROM-TUR, departure first",
            "write the first three letters of each city in capitals, with a hyphen, place of departure first",
        ),
        ("the route as two three-letter codes, like ROM-TUR", "a code of three capitals per city, origin first"),
    ),
    Operation(
        "trip.first city",
        _TRIP,
        "word",
        lambda v, _: mentioned(v, _CITIES, 0),
        (
            "copy the city that is mentioned first in {the}",
            "write the first of the two place names, whatever its role",
            "give whichever city {the} names before the other one",
        ),
        ("the city that {the} mentions first", "the first place name in {the}"),
        ("which city is mentioned first?",),
    ),
    Operation(
        "trip.second city",
        _TRIP,
        "word",
        lambda v, _: mentioned(v, _CITIES, 1),
        (
            "copy the city that is mentioned second in {the}",
            "write the last of the two place names, whatever its role",
            "give whichever city {the} names after the other one",
        ),
        ("the city that {the} mentions second", "the last place name in {the}"),
        ("which city is mentioned last?",),
    ),
    Operation(
        "trip.cities",
        _TRIP,
        "list",
        lambda v, _: ", ".join(sorted(v.data["slots"][c] for c in _CITIES)),
        (
            "list both cities in alphabetical order",
            "extract the place names, sorted from A to Z",
            "sort the origin and the destination alphabetically, with a comma between",
        ),
        ("the two cities in alphabetical order", "both place names from A to Z"),
    ),
    Operation(
        "trip.who",
        _TRIP,
        "word",
        slot("who"),
        (
            "name the person in {the}",
            "extract the name of the traveller or driver",
            "write the first name that occurs",
        ),
        ("the name of the person", "the one person who is named"),
        ("who is on the road?",),
    ),
    Operation(
        "trip.who to",
        _TRIP,
        "list",
        shaped("{who}, {to}"),
        (
            "write the person and the destination, with a comma between",
            "combine name and place of arrival, like Eve, Rome",
            "tell reception who arrives where, in the form name, city",
        ),
        ("the person and the destination, comma-separated", "name, place of arrival"),
    ),
    Operation(
        "trip.who from",
        _TRIP,
        "list",
        shaped("{who}, {from}"),
        (
            "write the person and the place of departure, with a comma between",
            "combine name and origin, like Eve, Rome",
            "tell the garage who is picked up where, in the form name, city",
        ),
        ("the person and the origin, comma-separated", "name, place of departure"),
    ),
    Operation(
        "trip.sentence",
        _TRIP,
        "text",
        shaped("{who} travels to {to}."),
        (
            'write a sentence "<name> travels to <destination>."',
            'shorten {the} to the pattern "Eve travels to Rome."',
            "boil it down to one sentence about who goes where: <name> travels to <city>.",
        ),
        (
            '{the} in the form "Eve travels to Rome."',
            'one sentence like "Eve travels to Rome." with the real name and destination',
        ),
    ),
    Operation(
        "trip.swap",
        _TRIP,
        "text",
        _swapped,
        (
            "exchange the two cities, with the rest of {the} unchanged",
            "copy {the} with both place names switched",
            "rewrite {the} for the opposite direction: swap the cities, nothing else",
        ),
        ("{the} with its two cities exchanged", "the same text with origin and destination switched"),
    ),
    Operation(
        "trip.put to",
        _TRIP,
        "text",
        put("to", "city"),
        (
            "replace the destination by {city}, nothing else changed",
            "correct {the}: the trip goes to {city}",
            "copy {the} with {city} as the place of arrival",
        ),
        (
            "{the} with {city} as the destination",
            "the text of {the}, but bound for {city}",
        ),
        params=some_city,
    ),
    Operation(
        "trip.put from",
        _TRIP,
        "text",
        put("from", "city"),
        (
            "replace the place of departure by {city}, nothing else changed",
            "correct {the}: the trip starts in {city}",
            "copy {the} with {city} as the origin",
        ),
        (
            "{the} with {city} as the place of departure",
            "the text of {the}, but with the start in {city}",
        ),
        params=some_city,
    ),
    Operation(
        "trip.put who",
        _TRIP,
        "text",
        put("who", "name"),
        (
            "replace the person by {name}, nothing else changed",
            "correct {the}: it is {name} who goes",
            "copy {the} with the name {name} in it instead",
        ),
        (
            "{the} with {name} in place of the person",
            "the text of {the} with its name changed to {name}",
        ),
        params=some_name,
    ),
    Operation(
        "trip.country to",
        _TRIP,
        "text",
        lambda v, _: _country("to", v),
        (
            "name the country of the destination",
            "write in which country the trip ends",
            "look up which country the destination belongs to",
        ),
        ("the country in which the trip ends", "the country of the destination"),
        ("in which country does the trip end?",),
        knowledge=True,
    ),
    Operation(
        "trip.country from",
        _TRIP,
        "text",
        lambda v, _: _country("from", v),
        (
            "name the country where the trip starts",
            "write in which country the place of departure lies",
            "look up which country the place of departure belongs to",
        ),
        ("the country in which the trip starts", "the country of the origin"),
        ("in which country does the trip start?",),
        knowledge=True,
    ),
)

CONDITIONS = (
    Condition(
        "trip before",
        _TRIP,
        _before,
        ("the time is before {at}", "the departure is earlier than {at}"),
        ("the time is after {at}", "the departure is later than {at}"),
        params=_hour,
    ),
    Condition(
        "trip destination first",
        _TRIP,
        lambda v, _: mentioned(v, _CITIES, 0) == v.data["slots"]["to"],
        ("the destination is named before the place of departure",),
        ("the place of departure is named before the destination",),
    ),
    Condition(
        "trip abroad",
        _TRIP,
        lambda v, p: None if (same := _same_country(v, p)) is None else not same,
        ("the two cities lie in different countries", "the trip crosses a border"),
        ("both cities lie in the same country", "the trip stays within one country"),
        knowledge=True,
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
