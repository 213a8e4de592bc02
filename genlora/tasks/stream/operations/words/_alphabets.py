"""Letters: their place, neighbours, NATO code words and Morse."""

from collections.abc import Callable

from ..._facts import general, sequence
from ..._parts import Classifier, Condition, Operation, Params, Value
from ..lists._sequences import place_in, step

GREEK, CODE_WORD, LETTER = ("Greek letter",), ("code word",), ("letter",)
_ABC = "abcdefghijklmnopqrstuvwxyz"


def _shift(steps: int) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        at = _ABC.index(value.data) + steps
        return _ABC[at] if 0 <= at < 26 else None

    return do


OPERATIONS = (
    Operation("seq.greek next", GREEK, "word", step("greek", 1), knowledge=True),
    Operation("seq.greek before", GREEK, "word", step("greek", -1), knowledge=True),
    Operation("seq.greek place", GREEK, "number", place_in("greek"), knowledge=True),
    Operation("seq.code word", LETTER, "word", lambda v, _: sequence("nato")[_ABC.index(v.data)], knowledge=True),
    Operation("seq.code letter", CODE_WORD, "code", lambda v, _: v.data[0]),
    Operation("seq.code next", CODE_WORD, "word", step("nato", 1), knowledge=True),
    Operation("seq.code before", CODE_WORD, "word", step("nato", -1), knowledge=True),
    Operation("seq.morse", LETTER, "code", lambda v, _: general("morse")[v.data], knowledge=True),
    Operation("seq.letter place", LETTER, "number", lambda v, _: str(_ABC.index(v.data) + 1)),
    Operation("seq.letter next", LETTER, "code", _shift(1)),
    Operation("seq.letter before", LETTER, "code", _shift(-1)),
    Operation("seq.letter two on", LETTER, "code", _shift(2)),
    Operation("seq.column", LETTER, "number", lambda v, _: str(_ABC.index(v.data))),
)

CONDITIONS = (
    Condition(
        "first half",
        LETTER,
        lambda v, _: v.data <= "m",
        ("{the} is in the first half of the alphabet (a to m)", "{the} comes before n"),
        ("{the} is in the second half of the alphabet (n to z)", "{the} comes after m"),
    ),
    Condition(
        "vowel letter",
        LETTER,
        lambda v, _: v.data in "aeiou" if v.data != "y" else None,
        ("{the} is a vowel", "{the} is one of a, e, i, o, u"),
        ("{the} is a consonant", "{the} is not a vowel"),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
