"""E-mails: sender, receiver, greeting, deadline, the text alone."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ...inputs.texts._chat import upper_first
from ._parts import shaped, slot

_LETTER, _MAIL = ("letter text",), ("letter text", "memo text")


def _dropped(name: str) -> Callable[[Value, Params], str | None]:
    """The text without the slot, in one line."""

    def written(value: Value, _: Params) -> str | None:
        rest = value.text.replace(value.data["slots"][name], "", 1).strip()
        return " ".join(rest.split())

    return written


OPERATIONS = (
    Operation(
        "mail.receiver",
        _MAIL,
        "text",
        slot("to"),
        (
            "name the person who gets {the}, with title if there is one",
            "extract the addressee, just as {the} writes the name",
            "say to whom it was written",
        ),
        ("the receiver, as {the} writes the name", "the person to whom it is addressed, title included"),
        ("to whom is it written?",),
    ),
    Operation(
        "mail.sender",
        _MAIL,
        "text",
        slot("sender"),
        (
            "name the person who wrote {the}",
            "extract the sender, just as {the} writes the name",
            "say whom an answer must go to",
        ),
        ("the sender, as {the} writes the name", "the person who wrote it"),
        ("who wrote it?",),
    ),
    Operation(
        "mail.way",
        _MAIL,
        "code",
        shaped("{sender} > {to}"),
        (
            "write sender > receiver, both as they are written",
            "note for the register who wrote to whom, with > between the names",
            "log the mail as <sender> > <receiver>",
        ),
        (
            "sender and receiver with > between them",
            "the direction of {the}, in the form A > B",
        ),
    ),
    Operation(
        "mail.deadline",
        _MAIL,
        "code",
        slot("day"),
        (
            "copy the day or date that is named",
            "extract the deadline as it is written",
            "fill the field Due",
        ),
        ("the deadline, as it is written", "the day or date in {the}"),
        ("by what day is it needed?",),
    ),
    Operation(
        "mail.thing",
        _MAIL,
        "text",
        slot("thing"),
        (
            "name the document that {the} is about, without an article",
            "extract what the sender wants, just the noun",
            "write the keyword for the archive: the document in question, no article",
        ),
        ("the document that {the} is about, no article", 'the thing the sender is after, leaving out "the"'),
        ('which document is it about? Leave out "the"',),
    ),
    Operation(
        "mail.subject",
        _MAIL,
        "text",
        lambda v, _: f"{upper_first(v.data['slots']['thing'])}, due {v.data['slots']['day']}",
        (
            'write a subject line of the form "Budget, due Friday"',
            "give {the} a subject: the document with a capital, a comma, due and the day as written",
            "fill in the missing subject in the form <Document>, due <day>",
        ),
        (
            'a subject line of the form "Budget, due Friday"',
            "the document, capitalised, followed by a comma, due and the day",
        ),
    ),
    Operation(
        "mail.body",
        _MAIL,
        "text",
        slot("body"),
        (
            "copy only the text between head and end: no names, no greeting",
            "strip greeting, sign-off and header lines from {the}",
            "keep just what the sender has to say",
        ),
        ("the body of {the}, without greeting, sign-off or header", "the bare text, no names around it"),
    ),
    Operation(
        "mail.no greeting",
        _LETTER,
        "text",
        _dropped("greeting"),
        (
            "remove the greeting at the start, all else in one line",
            "copy {the} in one line without its opening words of address",
            "cut the salutation off, on a single line",
        ),
        (
            "{the} in one line, without the greeting",
            "the text after the greeting, on one line",
        ),
    ),
    Operation(
        "mail.no closing",
        _LETTER,
        "text",
        _dropped("closing"),
        (
            "remove the sign-off with the sender's name, all else in one line",
            "copy {the} in one line, but stop before the closing formula",
            "cut off the closing and the name after it, on a single line",
        ),
        (
            "{the} in one line, without the sign-off and the name",
            "all that precedes the sign-off, on one line",
        ),
    ),
    Operation(
        "mail.greeting",
        _LETTER,
        "code",
        slot("greeting"),
        (
            "copy the greeting with its mark",
            "keep only the words of address at the start, punctuation included",
            "extract how the reader is addressed, mark included",
        ),
        ("the greeting, punctuation included", "the opening words of address with their mark"),
        ("how does {the} greet its reader? Keep the punctuation",),
    ),
    Operation(
        "mail.closing",
        _LETTER,
        "text",
        slot("closing"),
        (
            "copy the sign-off together with the name",
            "keep only the closing formula and who signed",
            "extract the last words: the formula and the name",
        ),
        ("the sign-off with the name", "the closing formula, name included"),
        ("how does {the} end? Formula and name",),
    ),
    Operation(
        "mail.reply",
        _MAIL,
        "code",
        lambda v, _: f"Dear {v.data['slots']['sender']},",
        (
            "begin the answer with Dear, the sender as signed, a comma",
            'write the first line of a reply to the sender, "Dear <name>,"',
            'address the sender in return, in the form "Dear <name as signed>,"',
        ),
        (
            'the first line of a reply, "Dear <sender>,"',
            'a salutation for the answer, "Dear <sender as signed>,"',
        ),
    ),
    Operation(
        "mail.first name",
        _MAIL,
        "word",
        lambda v, _: v.data["slots"]["sender"].split()[0],
        (
            "write only the first name of the sender",
            "give the given name of whoever wrote {the}",
            "find out who wrote it, first name only",
        ),
        ("the first name of the sender", "the sender's given name"),
        ("what is the sender's first name?",),
    ),
)

CONDITIONS = (
    Condition(
        "mail formal",
        _LETTER,
        lambda v, _: v.data["formal"],
        ("{the} is formal", "the writer keeps a polite distance", "the tone is official"),
        ("{the} is informal", "the writer is on easy terms with the reader", "the tone is casual"),
    ),
    Condition(
        "mail title",
        _MAIL,
        lambda v, _: "." in v.data["slots"]["to"] or v.data["slots"]["to"].startswith(("Ms ", "Mr ")),
        ("the reader is addressed with a title", "the receiver is called Ms, Mr, Dr. or Prof."),
        ("the reader is addressed by the first name", "the receiver has no title"),
    ),
    Condition(
        "mail asks",
        _MAIL,
        lambda v, _: "?" in v.data["slots"]["body"],
        ("{the} contains a question mark", 'there is a "?" in {the}'),
        ("{the} has no question mark", 'there is no "?" in {the}'),
    ),
)


CLASSIFIERS: tuple[Classifier, ...] = ()
