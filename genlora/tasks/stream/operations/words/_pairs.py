"""Two words: compared, joined, put in order."""

from ..._parts import Classifier, Condition, Operation, Params, Value

_TWO = ("two words",)


def _longer(value: Value, _: Params) -> str:
    a, b = map(len, value.data)
    return "first" if a > b else "second" if b > a else "equal"


OPERATIONS = (
    Operation(
        "pair.longer", _TWO, "word", lambda v, _: None if len(v.data[0]) == len(v.data[1]) else max(v.data, key=len)
    ),
    Operation(
        "pair.shorter", _TWO, "word", lambda v, _: None if len(v.data[0]) == len(v.data[1]) else min(v.data, key=len)
    ),
    Operation("pair.alphabet first", _TWO, "word", lambda v, _: None if v.data[0] == v.data[1] else min(v.data)),
    Operation("pair.alphabet last", _TWO, "word", lambda v, _: None if v.data[0] == v.data[1] else max(v.data)),
    Operation("pair.first", _TWO, "word", lambda v, _: v.data[0]),
    Operation("pair.second", _TWO, "word", lambda v, _: v.data[1]),
    Operation("pair.difference", _TWO, "number", lambda v, _: str(abs(len(v.data[0]) - len(v.data[1])))),
    Operation("pair.letters together", _TWO, "number", lambda v, _: str(len(v.data[0]) + len(v.data[1]))),
    Operation("pair.glue", _TWO, "word", lambda v, _: v.data[0] + v.data[1]),
    Operation("pair.glue back", _TWO, "word", lambda v, _: v.data[1] + v.data[0]),
    Operation("pair.hyphen", _TWO, "code", lambda v, _: f"{v.data[0]}-{v.data[1]}"),
    Operation("pair.initials", _TWO, "code", lambda v, _: (v.data[0][0] + v.data[1][0]).upper()),
)

CONDITIONS = (
    Condition(
        "pair same start",
        _TWO,
        lambda v, _: v.data[0][0] == v.data[1][0],
        ("both words start with the same letter", "the initials are equal"),
        ("the words start with different letters", "the initials differ"),
    ),
    Condition(
        "pair same end",
        _TWO,
        lambda v, _: v.data[0][-1] == v.data[1][-1],
        ("both words end with the same letter", "the last letters are equal"),
        ("the words end with different letters", "the last letters differ"),
    ),
    Condition(
        "pair same length",
        _TWO,
        lambda v, _: len(v.data[0]) == len(v.data[1]),
        ("both words have the same number of letters", "the words are equally long"),
        ("one word is longer than the other", "the words differ in length"),
    ),
    Condition(
        "pair equal",
        _TWO,
        lambda v, _: v.data[0] == v.data[1],
        ("the two words are the same", "the word is simply repeated"),
        ("the two words are different", "the second word is another one"),
    ),
    Condition(
        "pair inside",
        _TWO,
        lambda v, _: None if v.data[0] == v.data[1] else v.data[0] in v.data[1] or v.data[1] in v.data[0],
        ("one word is contained in the other", "the letters of one word stand together in the other"),
        ("neither word is contained in the other",),
    ),
    Condition(
        "pair in order",
        _TWO,
        lambda v, _: None if v.data[0] == v.data[1] else v.data[0] < v.data[1],
        ("the words are in alphabetical order", "the first word comes earlier in the dictionary"),
        ("the words are not in alphabetical order", "the second word comes earlier in the dictionary"),
    ),
    Condition(
        "pair first longer",
        _TWO,
        lambda v, _: None if len(v.data[0]) == len(v.data[1]) else len(v.data[0]) > len(v.data[1]),
        ("the first word is longer than the second",),
        ("the second word is longer than the first",),
    ),
)

CLASSIFIERS = (
    Classifier(
        "pair lengths",
        _TWO,
        _longer,
        {
            "first": "the first word is longer",
            "second": "the second word is longer",
            "equal": "both words have the same length",
        },
        "the longer word",
        {"first": "first", "second": "second", "equal": "equal"},
    ),
)
