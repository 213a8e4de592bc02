"""Next, previous, opposite, numbered: letters, Greek letters, planets, directions; spelling alphabets."""

from collections.abc import Callable

from .._facts import after, general, sequence
from .._parts import Classifier, Condition, Operation, Params, Value

_ABC = "abcdefghijklmnopqrstuvwxyz"
_GREEK, _PLANET, _POINT, _NATO, _LETTER = (
    ("Greek letter",),
    ("planet",),
    ("direction",),
    ("code word",),
    ("letter",),
)


def _step(name: str, steps: int, *, around: bool = False) -> Callable[[Value, Params], str | None]:
    return lambda value, _: after(name, value.data, steps, around=around)


def _place(name: str) -> Callable[[Value, Params], str | None]:
    return lambda value, _: str(sequence(name).index(value.data) + 1)


def _shift(steps: int) -> Callable[[Value, Params], str | None]:
    def do(value: Value, _: Params) -> str | None:
        at = _ABC.index(value.data) + steps
        return _ABC[at] if 0 <= at < 26 else None

    return do


_SHORT = {
    "north": "N",
    "northeast": "NE",
    "east": "E",
    "southeast": "SE",
    "south": "S",
    "southwest": "SW",
    "west": "W",
    "northwest": "NW",
}
_DEGREES = {point: 45 * i for i, point in enumerate(_SHORT)}

OPERATIONS = (
    Operation(
        "seq.greek next",
        _GREEK,
        "word",
        _step("greek", 1),
        ("give the Greek letter that comes next", "name the letter after {the} in the Greek alphabet"),
        ("the next letter of the Greek alphabet", "the Greek letter after {the}"),
        ("which Greek letter follows?",),
        knowledge=True,
    ),
    Operation(
        "seq.greek before",
        _GREEK,
        "word",
        _step("greek", -1),
        ("give the Greek letter that comes just before", "name the letter before {the} in the Greek alphabet"),
        ("the previous letter of the Greek alphabet", "the Greek letter before {the}"),
        ("which Greek letter precedes it?",),
        knowledge=True,
    ),
    Operation(
        "seq.greek place",
        _GREEK,
        "number",
        _place("greek"),
        ("say at which place of the Greek alphabet {the} stands", "number {the}: alpha is 1, beta is 2 and so on"),
        ("the place of {the} in the Greek alphabet",),
        ("which number does {the} have in the Greek alphabet?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet out",
        _PLANET,
        "word",
        _step("planets", 1),
        ("name the next planet, going away from the sun", "give the neighbour of {the} on the outer side"),
        ("the next planet farther from the sun", "the outer neighbour of {the}"),
        ("which planet comes next, counted from the sun?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet in",
        _PLANET,
        "word",
        _step("planets", -1),
        ("name the next planet towards the sun", "give the neighbour of {the} on the inner side"),
        ("the next planet nearer to the sun", "the inner neighbour of {the}"),
        ("which planet comes just before it, counted from the sun?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet place",
        _PLANET,
        "number",
        _place("planets"),
        ("say which planet from the sun it is, as a number", "number {the}, counting from Mercury as 1"),
        ("the place of {the}, counted from the sun",),
        ("which planet from the sun is it, as a number?",),
        knowledge=True,
    ),
    Operation(
        "seq.planet only",
        _PLANET,
        "word",
        lambda v, _: v.data,
        ("write the name of the planet only", "extract the planet", "copy nothing but the planet"),
        ("the planet that is mentioned", "the name of the planet"),
        ("which planet is mentioned?",),
    ),
    Operation(
        "seq.direction back",
        _POINT,
        "word",
        _step("directions", 4, around=True),
        ("give the opposite direction", "turn round: write where one looks after half a turn", "reverse {the}"),
        ("the opposite of {the}", "the direction to go back"),
        ("what is the opposite direction?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction right",
        _POINT,
        "word",
        _step("directions", 2, around=True),
        ("write the direction after a quarter turn to the right", "turn {the} clockwise by 90 degrees"),
        ("the direction a quarter turn to the right of {the}",),
        ("where do you face after turning right by 90 degrees?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction left",
        _POINT,
        "word",
        _step("directions", -2, around=True),
        ("write the direction after a quarter turn to the left", "turn {the} anticlockwise by 90 degrees"),
        ("the direction a quarter turn to the left of {the}",),
        ("where do you face after turning left by 90 degrees?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction short",
        _POINT,
        "code",
        lambda v, _: _SHORT[v.data],
        ("abbreviate the direction: N, NE, E ...", "write the direction as on a compass, one or two capital letters"),
        ("the abbreviation of {the}, such as NE", "the compass letters of {the}"),
        ("how is {the} abbreviated on a compass?",),
    ),
    Operation(
        "seq.direction degrees",
        _POINT,
        "number",
        lambda v, _: str(_DEGREES[v.data]),
        ("give the direction in degrees: north is 0, east is 90", "write the compass bearing of {the} as a number"),
        ("the bearing of {the} in degrees (north 0, east 90)",),
        ("how many degrees is {the}, if north is 0 and east is 90?",),
        knowledge=True,
    ),
    Operation(
        "seq.direction only",
        _POINT,
        "word",
        lambda v, _: v.data,
        ("write the direction only", "extract the direction as a word", "copy nothing but the compass direction"),
        ("the direction that is mentioned",),
        ("which direction is mentioned?",),
    ),
    Operation(
        "seq.code word",
        _LETTER,
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
        _NATO,
        "word",
        lambda v, _: v.data[0],
        ("write the letter that {the} stands for", "decode it: one capital letter", "note only the letter meant"),
        ("the letter that {the} stands for, as a capital",),
        ("which letter is meant?",),
    ),
    Operation(
        "seq.code next",
        _NATO,
        "word",
        _step("nato", 1),
        ("give the code word of the next letter", "continue the radio alphabet: what comes after {the}"),
        ("the NATO word that follows {the}", "the code word of the next letter"),
        ("which code word comes next?",),
        knowledge=True,
    ),
    Operation(
        "seq.code before",
        _NATO,
        "word",
        _step("nato", -1),
        ("give the code word of the previous letter", "go one step back in the radio alphabet"),
        ("the NATO word that precedes {the}", "the code word of the previous letter"),
        ("which code word comes just before?",),
        knowledge=True,
    ),
    Operation(
        "seq.morse",
        _LETTER,
        "code",
        lambda v, _: general("morse")[v.data],
        ("write {the} in Morse code with dots and hyphens", "give the Morse signs of {the} (. and -)"),
        ("{the} in Morse code, with . and -",),
        ("what is {the} in Morse code?",),
        knowledge=True,
    ),
    Operation(
        "seq.letter place",
        _LETTER,
        "number",
        lambda v, _: str(_ABC.index(v.data) + 1),
        ("say at which place of the alphabet {the} stands", "number {the}: a is 1, b is 2 and so on"),
        ("the place of {the} in the alphabet",),
        ("which number does {the} have in the alphabet?",),
    ),
    Operation(
        "seq.letter next",
        _LETTER,
        "word",
        _shift(1),
        ("write the next letter of the alphabet, in lower case", "give the small letter that follows {the}"),
        ("the letter after {the}, in lower case",),
        ("which letter comes next (small)?",),
    ),
    Operation(
        "seq.letter before",
        _LETTER,
        "word",
        _shift(-1),
        ("write the previous letter of the alphabet, in lower case", "give the small letter that precedes {the}"),
        ("the letter before {the}, in lower case",),
        ("which letter comes just before (small)?",),
    ),
    Operation(
        "seq.letter two on",
        _LETTER,
        "word",
        _shift(2),
        ("skip one letter and write the next, in lower case", "go two letters forward from {the} (small letter)"),
        ("the letter two places after {the}, in lower case",),
    ),
    Operation(
        "seq.column",
        _LETTER,
        "number",
        lambda v, _: str(_ABC.index(v.data)),
        ("convert the spreadsheet column {the} to an index that starts at 0", "give the zero-based number of {the}"),
        ("the zero-based index of {the} (a is 0)",),
    ),
)

CONDITIONS = (
    Condition(
        "first half",
        _LETTER,
        lambda v, _: v.data <= "m",
        ("{the} is in the first half of the alphabet (a to m)", "{the} comes before n"),
        ("{the} is in the second half of the alphabet (n to z)", "{the} comes after m"),
    ),
    Condition(
        "vowel letter",
        _LETTER,
        lambda v, _: v.data in "aeiou" if v.data != "y" else None,
        ("{the} is a vowel", "{the} is one of a, e, i, o, u"),
        ("{the} is a consonant", "{the} is not a vowel"),
    ),
    Condition(
        "inner planet",
        _PLANET,
        lambda v, _: sequence("planets").index(v.data) < 4,
        ("the planet is one of the four inner ones", "it is Mars or nearer to the sun"),
        ("the planet is one of the four outer ones", "it is farther from the sun than Mars"),
        knowledge=True,
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
