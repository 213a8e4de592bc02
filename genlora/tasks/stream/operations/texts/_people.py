"""Name lines and signatures: one field of many, or some of them in another order."""

from collections.abc import Callable

from ..._parts import Classifier, Condition, Operation, Params, Value
from ._parts import shaped, slot

_CONTACT = ("contact text",)
_NAMED = ("contact text", "address text")


def _lower(template: str) -> Callable[[Value, Params], str | None]:
    def written(value: Value, p: Params) -> str | None:
        s = {k: "".join(c for c in x.lower() if c.isalpha()) for k, x in value.data["slots"].items()}
        return template.format(**s, **p)

    return written


OPERATIONS = (
    Operation(
        "contact.last first",
        _NAMED,
        "code",
        shaped("{last}, {first}"),
        (
            "write the name as surname, comma, first name, so that it can be sorted",
            "turn the name around for the index: last name, first name",
            "give the person in the form Doe, Jane, without title",
        ),
        ("the name in the form Doe, Jane", "surname and first name with a comma between"),
    ),
    Operation(
        "contact.first name",
        _NAMED,
        "word",
        slot("first"),
        ("write only the first name", "extract the given name from {the}", "fill the field First name"),
        ("the first name", "the given name, without surname"),
        ("what is the first name?",),
    ),
    Operation(
        "contact.last name",
        _NAMED,
        "word",
        slot("last"),
        ("write only the surname", "extract the family name from {the}", "fill the field Last name"),
        ("the surname", "the family name, without first name"),
        ("what is the last name?",),
    ),
    Operation(
        "contact.full name",
        _NAMED,
        "text",
        shaped("{first} {last}"),
        (
            "write first and last name, without a title",
            "extract the full name of the person (no title)",
            "reduce {the} to the name: given name and surname only",
        ),
        ("the full name without a title", "given name and surname"),
    ),
    Operation(
        "contact.last capitals",
        _NAMED,
        "code",
        lambda v, _: f"{v.data['slots']['first']} {v.data['slots']['last'].upper()}",
        (
            "write the name with the surname in capitals, e.g. Jane DOE",
            "give first name and SURNAME, the latter in block letters",
            "set the name for the guest list: first name, surname in upper case",
        ),
        ("the name in the form Jane DOE", "first name, then the surname in capitals"),
    ),
    Operation(
        "contact.user name",
        _NAMED,
        "code",
        _lower("{first}.{last}"),
        (
            "make a user name of the person: first.last in lower case",
            "write the login jane.doe for the person in {the}",
            "derive the account name: given name, dot, family name, all small",
        ),
        ("a login of the form jane.doe", "the name in lower case with a dot between"),
    ),
    Operation(
        "contact.short user",
        _NAMED,
        "code",
        lambda v, _: (
            (v.data["slots"]["last"][:4] + v.data["slots"]["first"][:2]).lower()
            if len(v.data["slots"]["last"]) >= 4
            else None
        ),
        (
            "make a short login: the first four letters of the surname and two of the first name, lower case",
            "join four letters of the last name and two of the given name, small letters, no space",
            "build the six-letter login of our network: surname (4 letters) plus first name (2 letters), all small",
        ),
        (
            "a login of four surname letters and two first-name letters, lower case",
            "the six-letter login: 4 letters of the surname, 2 of the first name, all small",
        ),
    ),
    Operation(
        "contact.first and initial",
        _NAMED,
        "code",
        lambda v, _: f"{v.data['slots']['first']} {v.data['slots']['last'][0]}.",
        (
            "write the first name and only the initial of the surname, with a dot",
            "shorten the surname to its first letter, as in Jane D.",
            "abbreviate the family name to one letter and a dot, the first name stays",
        ),
        ("the name in the form Jane D.", "first name and surname initial"),
    ),
    Operation(
        "contact.role",
        _CONTACT,
        "text",
        slot("role"),
        ("write the job title", "extract what the person does", "fill the field Position"),
        ("the position of the person", "the job title"),
        ("what position does the person hold?",),
    ),
    Operation(
        "contact.company",
        _CONTACT,
        "text",
        slot("company"),
        ("write the name of the company", "extract the employer", "fill the field Organisation"),
        ("the company", "the employer's name"),
        ("for which company does the person work?",),
    ),
    Operation(
        "contact.title",
        _CONTACT,
        "code",
        slot("title"),
        (
            "copy the title before the name",
            "write the form of address, e.g. Ms or Dr., as it stands there",
            "extract what stands in front of the first name",
        ),
        ("the title before the name", "the form of address"),
        ("which title stands before the name?",),
    ),
    Operation(
        "contact.dear",
        _CONTACT,
        "code",
        shaped("Dear {title} {last},"),
        (
            "write a formal greeting: Dear, title, surname, comma",
            'begin a letter to the person: "Dear <title> <last name>,"',
            'open a formal letter, in the form "Dear Ms Doe,"',
        ),
        ('the greeting "Dear <title> <surname>," for a letter', 'a formal salutation like "Dear Ms Doe,"'),
    ),
    Operation(
        "contact.hi",
        _CONTACT,
        "code",
        shaped("Hi {first},"),
        (
            "write an informal greeting: Hi, first name, comma",
            'begin an e-mail to a friend: "Hi <first name>,"',
            'open a casual e-mail, in the form "Hi Jane,"',
        ),
        ('the greeting "Hi <first name>,"', 'an informal salutation like "Hi Jane,"'),
    ),
    Operation(
        "contact.mail",
        _CONTACT,
        "code",
        _lower("{first}.{last}@{host}"),
        (
            "guess the e-mail address: first.last in lower case, @{host}",
            "build the address first.last@{host} for the person, small letters",
            "derive the person's address at {host}: given name, dot, family name, all small",
        ),
        (
            "the address first.last@{host} in lower case",
            "an e-mail address like jane.doe@{host}",
        ),
        params=lambda d: {"host": d.pick(("mail.com", "example.org", "firm.net", "office.io", "team.eu"))},
    ),
    Operation(
        "contact.badge",
        _CONTACT,
        "code",
        shaped("{first} {last} / {company}"),
        (
            "write the badge: first and last name, space, slash, space, company",
            "combine name and company for the name tag, as in Jane Doe / Acme",
            "print the name tag: <first> <last> / <company>",
        ),
        (
            "the badge text in the form Jane Doe / Acme",
            "first and last name, a slash between spaces, the company",
        ),
    ),
    Operation(
        "contact.role of",
        _CONTACT,
        "text",
        shaped("{last} ({role})"),
        (
            "write the surname and the position in brackets",
            "shorten {the} to the form Doe (Head of Sales)",
            "note who does what: surname, then the job title in parentheses",
        ),
        (
            "surname and position in the form Doe (Head of Sales)",
            "the surname with the job title in parentheses",
        ),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
