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
    Operation("trip.from", _TRIP, "word", slot("from")),
    Operation("trip.to", _TRIP, "word", slot("to")),
    Operation("trip.from to", _TRIP, "code", shaped("{from}-{to}")),
    Operation("trip.way back", _TRIP, "code", shaped("{to} -> {from}")),
    Operation("trip.codes", _TRIP, "code", _codes),
    Operation("trip.first city", _TRIP, "word", lambda v, _: mentioned(v, _CITIES, 0)),
    Operation("trip.second city", _TRIP, "word", lambda v, _: mentioned(v, _CITIES, 1)),
    Operation("trip.cities", _TRIP, "list", lambda v, _: ", ".join(sorted(v.data["slots"][c] for c in _CITIES))),
    Operation("trip.who", _TRIP, "word", slot("who")),
    Operation("trip.who to", _TRIP, "list", shaped("{who}, {to}")),
    Operation("trip.who from", _TRIP, "list", shaped("{who}, {from}")),
    Operation("trip.sentence", _TRIP, "text", shaped("{who} travels to {to}.")),
    Operation("trip.swap", _TRIP, "text", _swapped),
    Operation("trip.put to", _TRIP, "text", put("to", "city"), params=some_city),
    Operation("trip.put from", _TRIP, "text", put("from", "city"), params=some_city),
    Operation("trip.put who", _TRIP, "text", put("who", "name"), params=some_name),
    Operation("trip.country to", _TRIP, "text", lambda v, _: _country("to", v), knowledge=True),
    Operation("trip.country from", _TRIP, "text", lambda v, _: _country("from", v), knowledge=True),
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
