"""Name lines, signatures, addresses, notes on persons: one field of many, or some of them in another order."""

from collections.abc import Callable

from .._parts import Classifier, Condition, Operation, Params, Value
from ._texts_parts import shaped, slot

_CONTACT, _ADDRESS, _PERSON = ("contact text",), ("address text",), ("person text",)
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
        ),
        ("a login of four surname letters and two first-name letters, lower case",),
    ),
    Operation(
        "contact.first and initial",
        _NAMED,
        "code",
        lambda v, _: f"{v.data['slots']['first']} {v.data['slots']['last'][0]}.",
        (
            "write the first name and only the initial of the surname, with a dot",
            "shorten the surname to its first letter, as in Jane D.",
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
        ("copy the title before the name", "write the form of address, e.g. Ms or Dr., as it stands there"),
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
        ),
        ('the greeting "Dear <title> <surname>," for a letter', "a formal salutation like Dear Ms Doe,"),
    ),
    Operation(
        "contact.hi",
        _CONTACT,
        "code",
        shaped("Hi {first},"),
        ("write an informal greeting: Hi, first name, comma", 'begin an e-mail to a friend: "Hi <first name>,"'),
        ('the greeting "Hi <first name>,"', "an informal salutation like Hi Jane,"),
    ),
    Operation(
        "contact.mail",
        _CONTACT,
        "code",
        _lower("{first}.{last}@{host}"),
        (
            "guess the e-mail address: first.last in lower case, @{host}",
            "build the address first.last@{host} for the person, small letters",
        ),
        ("the address first.last@{host} in lower case",),
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
        ),
        ("the badge text in the form Jane Doe / Acme",),
    ),
    Operation(
        "contact.role of",
        _CONTACT,
        "text",
        shaped("{last} ({role})"),
        (
            "write the surname and the position in brackets",
            "shorten {the} to the form Doe (Head of Sales)",
        ),
        ("surname and position in the form Doe (Head of Sales)",),
    ),
    Operation(
        "postal.number",
        _ADDRESS,
        "number",
        slot("number"),
        ("write the house number, not the post code", "extract the number of the house"),
        ("the house number", "the number of the house in the street"),
        ("what is the house number?",),
    ),
    Operation(
        "postal.code",
        _ADDRESS,
        "code",
        slot("code"),
        ("write the post code, not the house number", "extract the five-digit postal code"),
        ("the post code", "the postal code of five digits"),
        ("what is the post code?",),
    ),
    Operation(
        "postal.street",
        _ADDRESS,
        "text",
        slot("street"),
        ("write the street without the house number", "extract the name of the street"),
        ("the street, no number", "the name of the street"),
        ("in which street is it?",),
    ),
    Operation(
        "postal.city",
        _ADDRESS,
        "text",
        slot("city"),
        ("write the city", "extract the town from {the}"),
        ("the city", "the town of the address"),
        ("in which city is it?",),
    ),
    Operation(
        "postal.street number",
        _ADDRESS,
        "code",
        shaped("{street} {number}"),
        (
            "write the street and then the house number",
            "put the house number behind the street name",
            "give street and number in the continental order, e.g. Main Street 5",
        ),
        ("street and house number, the number last", "the street line in the form Main Street 5"),
    ),
    Operation(
        "postal.city code",
        _ADDRESS,
        "code",
        shaped("{city} {code}"),
        ("write the city and then the post code", "give the last line of the label: city, space, post code"),
        ("the city followed by the post code",),
    ),
    Operation(
        "postal.code city",
        _ADDRESS,
        "code",
        shaped("{code} {city}"),
        ("write the post code and then the city", "give the last line of the label: post code, space, city"),
        ("the post code followed by the city",),
    ),
    Operation(
        "postal.area",
        _ADDRESS,
        "code",
        lambda v, _: v.data["slots"]["code"][:2],
        ("write the first two digits of the post code", "give the postal area: two digits at the start of the code"),
        ("the first two digits of the post code",),
    ),
    Operation(
        "postal.one line",
        _ADDRESS,
        "code",
        shaped("{number} {street}, {city}"),
        (
            "write house number and street, a comma, then the city",
            "shorten {the} to number street, city (no name, no code)",
        ),
        ("the address as number street, city",),
    ),
    Operation(
        "person.name",
        _PERSON,
        "word",
        slot("name"),
        ("write the name of the person", "extract who {the} is about"),
        ("the name of the person", "the name in {the}"),
        ("what is the person called?",),
    ),
    Operation(
        "person.age",
        _PERSON,
        "number",
        slot("age"),
        ("write the age as a number", "extract how old the person is"),
        ("the age in years", "how old the person is"),
        ("how old is the person?",),
    ),
    Operation(
        "person.job",
        _PERSON,
        "word",
        slot("job"),
        ("write the job, without an article", "extract the occupation or trade"),
        ("the occupation", "the job that is named"),
        ("which job is named?",),
    ),
    Operation(
        "person.city",
        _PERSON,
        "word",
        slot("city"),
        ("write the city", "extract the place"),
        ("the city that is named", "the place in {the}"),
        ("which city is named?",),
    ),
    Operation(
        "person.name age",
        _PERSON,
        "code",
        shaped("{name} ({age})"),
        ("write the name with the age in brackets", "combine name and age as in Eve (30)"),
        ("name and age in the form Eve (30)",),
    ),
    Operation(
        "person.name city",
        _PERSON,
        "list",
        shaped("{name}, {city}"),
        ("write the name and the city, with a comma between", "combine person and place as in Eve, Rome"),
        ("name and city, comma-separated",),
    ),
    Operation(
        "person.row",
        _PERSON,
        "code",
        shaped("{name};{age};{job};{city}"),
        (
            "write name;age;job;city for the table",
            "turn {the} into one row with semicolons: name, age, job, city (no spaces)",
        ),
        ("the row name;age;job;city", "the four fields name, age, job and city with semicolons between"),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
