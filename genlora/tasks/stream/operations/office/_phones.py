"""Phone numbers: their parts, and one shape for all of them."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..._tables import groups_of
from ..words._parts_of import part

_US, _WORLD = ("us phone",), ("world phone",)
_PHONES = ("us phone", "world phone")


def _tail(draw: Draw) -> Params:
    return {"n": draw.between(2, 4)}


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
    Operation(
        "phone.last",
        _PHONES,
        "code",
        lambda v, p: v.data["digits"][-p["n"] :],
        ("give the last {n} digits", "write the final {n} digits, no separators", "keep {n} digits from the end"),
        ("the last {n} digits of {the}", "the final {n} digits in one go"),
        ("what are the last {n} digits?",),
        _tail,
    ),
    part(
        "phone.digits",
        _PHONES,
        lambda v, _: "".join(c for c in v.text if c.isdigit()),
        (
            "keep the digits only",
            "remove spaces, hyphens, dots, brackets and any plus sign",
            "write all digits of {the} in one go",
        ),
        ("the digits of {the} and nothing else", "{the} as digits only"),
        ("what is {the} without anything but digits?",),
    ),
    part(
        "phone.spaces",
        _PHONES,
        lambda v, _: " ".join("".join(c if c.isdigit() else " " for c in v.text).split()),
        ("write the groups of digits with single spaces between, nothing else", "replace all punctuation by one space"),
        ("the groups of digits with a space between", "{the} with spaces as the only separators, no signs"),
        ("what is {the} with spaces as its only separators?",),
    ),
    part(
        "phone.area",
        _US,
        "area",
        (
            "get the area code",
            "write the first three digits of the ten-digit number",
            "extract the three-digit area code",
        ),
        ("the area code in {the}", "the three digits of the area"),
        ("what is the area code?",),
    ),
    part(
        "phone.local",
        _US,
        "local",
        ("give the seven digits after the area code, no separators", "drop the area code: seven digits in one go"),
        ("the seven local digits, nothing between", "{the} without area code, digits only"),
    ),
    Operation(
        "phone.shape",
        _US,
        "code",
        _reshaped,
        (
            "output {the} in the shape {shown}",
            "normalise it to the form {shown}",
            "reformat {the} like this: {shown}",
        ),
        ("{the} written like {shown}", "the same number in the form {shown}"),
        ("what does {the} look like in the form {shown}?",),
        _area_shape,
    ),
    part(
        "phone.country code",
        _WORLD,
        "country",
        ("show the country calling code, no plus and no zeros", "write the two digits that stand for the country"),
        ("the country code in {the}, two digits", "the calling code without + or 00"),
        ("which calling code does {the} have (two digits)?",),
    ),
    part(
        "phone.national",
        _WORLD,
        lambda v, _: f"0{v.data['national']}",
        (
            "write it as a national number: 0, then all digits after the country code",
            "replace the country code by a 0, digits only",
        ),
        ("the national form: a zero and the digits behind the country code",),
    ),
    part(
        "phone.plus",
        _WORLD,
        lambda v, _: f"+{v.data['digits']}",
        (
            "write +, the country code and all other digits without separators",
            "normalise it to +digits (no spaces, no 00)",
        ),
        ("{the} as + and digits, nothing between", "the number in the form +4712345678"),
        ("what is {the} in the form +digits?",),
    ),
    Operation(
        "phone.country",
        _WORLD,
        "text",
        lambda v, _: groups_of("codes", "calling codes")[v.data["country"]][0],
        ("name the country of the calling code", "say which country {the} belongs to"),
        ("the country of {the}", "the country that the calling code stands for"),
        ("from which country is {the}?",),
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
