"""Phone numbers: their parts, and one shape for all of them."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import groups_of
from ..words._parts_of import part

_US, _WORLD = ("us phone",), ("world phone",)
_PHONES = ("us phone", "world phone")


_tail = picked(n=range(2, 5))


def _area_shape(draw: Draw) -> Params:
    shape, shown = draw.pick(
        (
            ("({a}) {b}-{c}", "(555) 123-4567"),
            ("{a}-{b}-{c}", "555-123-4567"),
            ("{a}.{b}.{c}", "555.123.4567"),
            ("+1 {a} {b} {c}", "+1 555 123 4567"),
            ("+1{a}{b}{c}", "+15551234567"),
            ("{a} {b}{c}", "555 1234567"),
        )
    )
    return {"shape": shape, "shown": shown}


def _reshaped(value: Value, p: Params) -> str | None:
    d = value.data["digits"]
    return None if (t := p["shape"].format(a=d[:3], b=d[3:6], c=d[6:])) == value.text else t


OPERATIONS = (
    Operation("phone.last", _PHONES, "code", lambda v, p: v.data["digits"][-p["n"] :], params=_tail),
    part("phone.digits", _PHONES, lambda v, _: "".join(c for c in v.text if c.isdigit())),
    part("phone.spaces", _PHONES, lambda v, _: " ".join("".join(c if c.isdigit() else " " for c in v.text).split())),
    part("phone.area", _US, "area"),
    part("phone.local", _US, "local"),
    Operation("phone.shape", _US, "code", _reshaped, params=_area_shape),
    part("phone.country code", _WORLD, "country"),
    part("phone.national", _WORLD, lambda v, _: f"0{v.data['national']}"),
    part("phone.plus", _WORLD, lambda v, _: f"+{v.data['digits']}"),
    Operation(
        "phone.country",
        _WORLD,
        "text",
        lambda v, _: groups_of("codes", "calling codes")[v.data["country"]][0],
        knowledge=True,
    ),
)

CONDITIONS = (
    Condition(
        "phone zero",
        _PHONES,
        lambda v, _: "0" in v.data["last"],
        ("there is a 0 among the last four digits", "the last four digits contain a zero"),
        ("the last four digits have no 0", "no zero is among the last four digits"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "phone land",
        _WORLD,
        lambda v, _: v.data["country"] if v.data["country"] in ("44", "49", "33", "47") else None,
        {
            "44": "the number is British",
            "49": "the number is German",
            "33": "the number is French",
            "47": "it is Norwegian",
        },
        "the country of {the}",
        {"44": "UK", "49": "DE", "33": "FR", "47": "NO"},
        knowledge=True,
    ),
)
