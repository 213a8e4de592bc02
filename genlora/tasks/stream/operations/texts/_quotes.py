"""Quotations: the words, the speaker, other marks."""

from ..._parts import Classifier, Condition, Operation
from ._parts import shaped, slot

_QUOTE = ("quote text",)


OPERATIONS = (
    Operation(
        "quote.words",
        _QUOTE,
        "text",
        slot("quote"),
        (
            "copy what stands inside the quotation marks, without the marks",
            "extract the words that were said",
            "keep the quotation alone, no quotation marks",
        ),
        ("the text inside the quotation marks", "the words that were said, without quotation marks"),
        ("what exactly was said?",),
    ),
    Operation(
        "quote.speaker",
        _QUOTE,
        "text",
        slot("who"),
        ("name the person who is quoted, first and last name", "extract the speaker", "say whose words they are"),
        ("the full name of the speaker", "the person who is quoted"),
        ("who said it?",),
    ),
    Operation(
        "quote.surname",
        _QUOTE,
        "word",
        lambda v, _: v.data["slots"]["who"].split()[1],
        (
            "write only the surname of the speaker",
            "give the last name of the person quoted",
            "extract the family name of whoever is quoted",
        ),
        ("the surname of the speaker", "the last name of the person who is quoted"),
        ("what is the speaker's last name?",),
    ),
    Operation(
        "quote.colon",
        _QUOTE,
        "text",
        shaped("{who}: {quote}"),
        (
            "write the speaker, a colon and the words, without quotation marks",
            "turn {the} into a line of a script: name, colon, text (no quotes)",
            "set it as dialogue: <full name>: <words>",
        ),
        (
            "a line <speaker>: <words>, no quotation marks",
            "the quotation as dialogue, <full name>: <words>",
        ),
    ),
    Operation(
        "quote.credit",
        _QUOTE,
        "text",
        shaped("{quote} ({who})"),
        (
            "write the words without quotation marks and then the speaker in parentheses",
            "put it as <words> (<speaker>), quotation marks left out",
            "set it for a poster: the bare words, then (first and last name)",
        ),
        (
            "the words, then the speaker in parentheses, no quotation marks",
            "the bare words followed by (<full name>)",
        ),
    ),
    Operation(
        "quote.single",
        _QUOTE,
        "text",
        lambda v, _: v.text.replace('"', "'") if "'" not in v.text else None,
        (
            "replace the double quotation marks by single ones",
            "change every \" to ' and nothing else",
            "set the quotation in 'single' quotes instead of \"double\" ones",
        ),
        (
            "{the} with single instead of double quotation marks",
            "the same text with ' in place of every \"",
        ),
    ),
    Operation(
        "quote.shout",
        _QUOTE,
        "text",
        lambda v, _: v.text.replace(v.data["slots"]["quote"], v.data["slots"]["quote"].upper()),
        (
            "put the words inside the quotation marks into capitals, the rest stays as it is",
            "capitalise all letters of the quoted text only",
            "shout the words between the quotation marks, all around them unchanged",
        ),
        (
            "{the} with only the quoted words in capitals",
            "the same text, its quotation in upper case",
        ),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
