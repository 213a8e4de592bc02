"""Two words: compared, joined, put in order."""

from ..._parts import Classifier, Condition, Operation, Params, Value

_TWO = ("two words",)


def _longer(value: Value, _: Params) -> str:
    a, b = map(len, value.data)
    return "first" if a > b else "second" if b > a else "equal"


OPERATIONS = (
    Operation(
        "pair.longer",
        _TWO,
        "word",
        lambda v, _: None if len(v.data[0]) == len(v.data[1]) else max(v.data, key=len),
        ("give the longer word", "write whichever word has more letters", "compare the lengths and keep the longer"),
        ("the longer of {the}", "the word with more letters"),
        ("which word is longer?",),
    ),
    Operation(
        "pair.shorter",
        _TWO,
        "word",
        lambda v, _: None if len(v.data[0]) == len(v.data[1]) else min(v.data, key=len),
        ("give the shorter word", "write whichever word has fewer letters", "compare the lengths, keep the shorter"),
        ("the shorter of {the}", "the word with fewer letters"),
        ("which word is shorter?",),
    ),
    Operation(
        "pair.alphabet first",
        _TWO,
        "word",
        lambda v, _: None if v.data[0] == v.data[1] else min(v.data),
        (
            "give the word that comes first in the alphabet",
            "write the one a dictionary lists earlier",
            "sort the two in your head and write the one nearer to A",
        ),
        ("the alphabetically first word", "the word that is listed earlier in a dictionary"),
        ("which word comes first alphabetically?",),
    ),
    Operation(
        "pair.alphabet last",
        _TWO,
        "word",
        lambda v, _: None if v.data[0] == v.data[1] else max(v.data),
        (
            "give the word that comes last in the alphabet",
            "write the one a dictionary lists later",
            "sort the two in your head and write the one nearer to Z",
        ),
        ("the alphabetically last word", "the word that is listed later in a dictionary"),
        ("which word comes last alphabetically?",),
    ),
    Operation(
        "pair.first",
        _TWO,
        "word",
        lambda v, _: v.data[0],
        ("give the first word only", "keep the left word", "ignore the second word"),
        (
            "the first of {the}",
            "the word on the left, or at the top",
        ),
        ("which word comes first?",),
    ),
    Operation(
        "pair.second",
        _TWO,
        "word",
        lambda v, _: v.data[1],
        ("give the second word only", "keep the right word", "ignore the first word"),
        (
            "the second of {the}",
            "the word on the right, or at the bottom",
        ),
        ("which word comes second?",),
    ),
    Operation(
        "pair.difference",
        _TWO,
        "number",
        lambda v, _: str(abs(len(v.data[0]) - len(v.data[1]))),
        (
            "say by how many letters the words differ in length",
            "subtract the shorter length from the longer one",
            "compare the lengths and write the difference in letters",
        ),
        (
            "the difference between the lengths of the words",
            "how many letters one word has more than the other",
        ),
        ("by how many letters is one word longer than the other?",),
    ),
    Operation(
        "pair.letters together",
        _TWO,
        "number",
        lambda v, _: str(len(v.data[0]) + len(v.data[1])),
        (
            "count the letters of both words together",
            "say how long the words are when put together",
            "add up the lengths of the two words",
        ),
        (
            "the number of letters in both words together",
            "the sum of the two lengths",
        ),
        ("how many letters do the words have together?",),
    ),
    Operation(
        "pair.glue",
        _TWO,
        "word",
        lambda v, _: v.data[0] + v.data[1],
        (
            "write the words as one, without anything between",
            "make a compound: first word, second word, no space",
            "run the two words together, first one first",
        ),
        (
            "the two words written as one",
            "the first word directly followed by the second",
        ),
        ("how do the words look when written together?",),
    ),
    Operation(
        "pair.glue back",
        _TWO,
        "word",
        lambda v, _: v.data[1] + v.data[0],
        (
            "write the words as one, the second word in front",
            "make a compound that begins with the second word",
            "run the two words together, second one first",
        ),
        (
            "the two words written as one, the second in front",
            "the second word directly followed by the first",
        ),
        ("how do the words look when the second is written directly before the first?",),
    ),
    Operation(
        "pair.hyphen",
        _TWO,
        "code",
        lambda v, _: f"{v.data[0]}-{v.data[1]}",
        (
            "join the words by a hyphen",
            "hyphenate the two words",
            "write the first word, a hyphen and the second word, no spaces",
        ),
        ("the two words with a hyphen between", "the hyphenated pair"),
        ("how do the words look with a hyphen between them?",),
    ),
    Operation(
        "pair.initials",
        _TWO,
        "code",
        lambda v, _: (v.data[0][0] + v.data[1][0]).upper(),
        (
            "write the two initials in capitals, without a space",
            "abbreviate the pair by its first letters (capitals)",
            "make a two-letter code of the first letters, upper case",
        ),
        (
            "the initials of the two words, as capitals",
            "a two-letter code made of the first letters, in capitals",
        ),
        ("which initials do the words have, as capitals?",),
    ),
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
