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
    Operation("mail.receiver", _MAIL, "text", slot("to")),
    Operation("mail.sender", _MAIL, "text", slot("sender")),
    Operation("mail.way", _MAIL, "code", shaped("{sender} > {to}")),
    Operation("mail.deadline", _MAIL, "code", slot("day")),
    Operation("mail.thing", _MAIL, "text", slot("thing")),
    Operation(
        "mail.subject",
        _MAIL,
        "text",
        lambda v, _: f"{upper_first(v.data['slots']['thing'])}, due {v.data['slots']['day']}",
    ),
    Operation("mail.body", _MAIL, "text", slot("body")),
    Operation("mail.no greeting", _LETTER, "text", _dropped("greeting")),
    Operation("mail.no closing", _LETTER, "text", _dropped("closing")),
    Operation("mail.greeting", _LETTER, "code", slot("greeting")),
    Operation("mail.closing", _LETTER, "text", slot("closing")),
    Operation("mail.reply", _MAIL, "code", lambda v, _: f"Dear {v.data['slots']['sender']},"),
    Operation("mail.first name", _MAIL, "word", lambda v, _: v.data["slots"]["sender"].split()[0]),
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
