"""Addresses and notes on persons, field by field."""

from ..._parts import Classifier, Condition, Operation
from ._parts import shaped, slot

_ADDRESS, _PERSON = ("address text",), ("person text",)


OPERATIONS = (
    Operation("postal.number", _ADDRESS, "number", slot("number")),
    Operation("postal.code", _ADDRESS, "code", slot("code")),
    Operation("postal.street", _ADDRESS, "text", slot("street")),
    Operation("postal.city", _ADDRESS, "text", slot("city")),
    Operation("postal.street number", _ADDRESS, "code", shaped("{street} {number}")),
    Operation("postal.city code", _ADDRESS, "code", shaped("{city} {code}")),
    Operation("postal.code city", _ADDRESS, "code", shaped("{code} {city}")),
    Operation("postal.area", _ADDRESS, "code", lambda v, _: v.data["slots"]["code"][:2]),
    Operation("postal.one line", _ADDRESS, "code", shaped("{number} {street}, {city}")),
    Operation("person.name", _PERSON, "word", slot("name")),
    Operation("person.age", _PERSON, "number", slot("age")),
    Operation("person.job", _PERSON, "word", slot("job")),
    Operation("person.city", _PERSON, "word", slot("city")),
    Operation("person.name age", _PERSON, "code", shaped("{name} ({age})")),
    Operation("person.name city", _PERSON, "list", shaped("{name}, {city}")),
    Operation("person.row", _PERSON, "code", shaped("{name};{age};{job};{city}")),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
