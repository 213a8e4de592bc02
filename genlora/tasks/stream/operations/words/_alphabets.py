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
    Operation(
        "seq.greek next",
        GREEK,
        "word",
        step("greek", 1),
        (
            "give the Greek letter that comes next",
            "name the letter after {the} in the Greek alphabet",
            "go on in the Greek alphabet: one letter further, written as a word",
        ),
        ("the next letter of the Greek alphabet", "the Greek letter after {the}"),
        ("which Greek letter follows?",),
        knowledge=True,
    ),
    Operation(
        "seq.greek before",
        GREEK,
        "word",
        step("greek", -1),
        (
            "give the Greek letter that comes just before",
            "name the letter before {the} in the Greek alphabet",
            "go back in the Greek alphabet by one letter, written as a word",
        ),
        ("the previous letter of the Greek alphabet", "the Greek letter before {the}"),
        ("which Greek letter precedes it?",),
        knowledge=True,
    ),
    Operation(
        "seq.greek place",
        GREEK,
        "number",
        place_in("greek"),
        (
            "say at which place of the Greek alphabet {the} stands",
            "number {the}: alpha is 1, beta is 2 and so on",
            "count through the Greek alphabet up to {the} and write the number",
        ),
        (
            "the place of {the} in the Greek alphabet",
            "the number of {the} among the Greek letters",
        ),
        ("which number does {the} have in the Greek alphabet?",),
        knowledge=True,
    ),
    Operation(
        "seq.code word",
        LETTER,
        "word",
        lambda v, _: sequence("nato")[_ABC.index(v.data)],
        (
            "say the letter on the radio: its NATO code word",
            "spell {the} with the NATO alphabet",
            "give the word that pilots use for {the}",
        ),
        ("the NATO code word for {the}", "the radio word of {the}"),
        ("which NATO code word stands for {the}?",),
        knowledge=True,
    ),
    Operation(
        "seq.code letter",
        CODE_WORD,
        "code",
        lambda v, _: v.data[0],
        ("write the letter that {the} stands for", "decode it: one capital letter", "note only the letter meant"),
        (
            "the letter that {the} stands for, as a capital",
            "one capital letter: the one meant by the code word",
        ),
        ("which letter is meant?",),
    ),
    Operation(
        "seq.code next",
        CODE_WORD,
        "word",
        step("nato", 1),
        (
            "give the code word of the next letter",
            "continue the radio alphabet: what comes after {the}",
            "write the NATO word for the letter after this one",
        ),
        ("the NATO word that follows {the}", "the code word of the next letter"),
        ("which code word comes next?",),
        knowledge=True,
    ),
    Operation(
        "seq.code before",
        CODE_WORD,
        "word",
        step("nato", -1),
        (
            "give the code word of the previous letter",
            "go one step back in the radio alphabet",
            "write the NATO word for the letter before this one",
        ),
        ("the NATO word that precedes {the}", "the code word of the previous letter"),
        ("which code word comes just before?",),
        knowledge=True,
    ),
    Operation(
        "seq.morse",
        LETTER,
        "code",
        lambda v, _: general("morse")[v.data],
        (
            "write {the} in Morse code with dots and hyphens",
            "give the Morse signs of {the} (. and -)",
            "telegraph the letter: . for short, - for long",
        ),
        (
            "{the} in Morse code, with . and -",
            "the Morse signs for {the}",
        ),
        ("what is {the} in Morse code?",),
        knowledge=True,
    ),
    Operation(
        "seq.letter place",
        LETTER,
        "number",
        lambda v, _: str(_ABC.index(v.data) + 1),
        (
            "say at which place of the alphabet {the} stands",
            "number {the}: a is 1, b is 2 and so on",
            "turn {the} into a number from 1 to 26",
        ),
        (
            "the place of {the} in the alphabet",
            "the number of {the} in the alphabet, from 1 to 26",
        ),
        ("which number does {the} have in the alphabet?",),
    ),
    Operation(
        "seq.letter next",
        LETTER,
        "code",
        _shift(1),
        (
            "write the next letter of the alphabet, in lower case",
            "give the small letter that follows {the}",
            "go one letter further in the alphabet and write it small",
        ),
        (
            "the letter after {the}, in lower case",
            "the small letter that comes next",
        ),
        ("which letter comes next (small)?",),
    ),
    Operation(
        "seq.letter before",
        LETTER,
        "code",
        _shift(-1),
        (
            "write the previous letter of the alphabet, in lower case",
            "give the small letter that precedes {the}",
            "go one letter back in the alphabet and write it small",
        ),
        (
            "the letter before {the}, in lower case",
            "the small letter that comes just before",
        ),
        ("which letter comes just before (small)?",),
    ),
    Operation(
        "seq.letter two on",
        LETTER,
        "code",
        _shift(2),
        (
            "skip one letter and write the next, in lower case",
            "go two letters forward from {the} (small letter)",
            "write the letter that comes after the next one, small",
        ),
        (
            "the letter two places after {the}, in lower case",
            "the small letter two steps further",
        ),
        ("which letter comes two places later (small)?",),
    ),
    Operation(
        "seq.column",
        LETTER,
        "number",
        lambda v, _: str(_ABC.index(v.data)),
        (
            "convert the spreadsheet column {the} to an index that starts at 0",
            "give the zero-based number of {the}",
            "count from a as 0 and write the number of {the}",
        ),
        (
            "the zero-based index of {the} (a is 0)",
            "the number of {the}, counted from a as 0",
        ),
    ),
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
