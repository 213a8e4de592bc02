"""Name lines and signatures: one field of many, or some of them in another order."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ._parts import shaped, slot

_CONTACT = ("contact text",)
_NAMED = ("contact text", "address text")


def _lower(template: str) -> Callable[[Value, Params], str | None]:
    def written(value: Value, p: Params) -> str | None:
        s = {k: "".join(c for c in x.lower() if c.isalpha()) for k, x in value.data["slots"].items()}
        return template.format(**s, **p)

    return written


OPERATIONS = (
    Operation("contact.last first", _NAMED, "code", shaped("{last}, {first}")),
    Operation("contact.first name", _NAMED, "word", slot("first")),
    Operation("contact.last name", _NAMED, "word", slot("last")),
    Operation("contact.full name", _NAMED, "text", shaped("{first} {last}")),
    Operation(
        "contact.last capitals",
        _NAMED,
        "code",
        lambda v, _: f"{v.data['slots']['first']} {v.data['slots']['last'].upper()}",
    ),
    Operation("contact.user name", _NAMED, "code", _lower("{first}.{last}")),
    Operation(
        "contact.short user",
        _NAMED,
        "code",
        lambda v, _: (
            (v.data["slots"]["last"][:4] + v.data["slots"]["first"][:2]).lower()
            if len(v.data["slots"]["last"]) >= 4
            else None
        ),
    ),
    Operation(
        "contact.first and initial",
        _NAMED,
        "code",
        lambda v, _: f"{v.data['slots']['first']} {v.data['slots']['last'][0]}.",
    ),
    Operation("contact.role", _CONTACT, "text", slot("role")),
    Operation("contact.company", _CONTACT, "text", slot("company")),
    Operation("contact.title", _CONTACT, "code", slot("title")),
    Operation("contact.dear", _CONTACT, "code", shaped("Dear {title} {last},")),
    Operation("contact.hi", _CONTACT, "code", shaped("Hi {first},")),
    Operation(
        "contact.mail",
        _CONTACT,
        "code",
        _lower("{first}.{last}@{host}"),
        params=picked(host=("mail.com", "example.org", "firm.net", "office.io", "team.eu")),
    ),
    Operation("contact.badge", _CONTACT, "code", shaped("{first} {last} / {company}")),
    Operation("contact.role of", _CONTACT, "text", shaped("{last} ({role})")),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
