"""Addresses and notes on persons, field by field."""

from ..._parts import Classifier, Condition, Operation
from ._parts import shaped, slot

_ADDRESS, _PERSON = ("address text",), ("person text",)


OPERATIONS = (
    Operation(
        "postal.number",
        _ADDRESS,
        "number",
        slot("number"),
        ("write the house number, not the post code", "extract the number of the house", "fill the field House number"),
        ("the house number", "the number of the house in the street"),
        ("what is the house number?",),
    ),
    Operation(
        "postal.code",
        _ADDRESS,
        "code",
        slot("code"),
        ("write the post code, not the house number", "extract the five-digit postal code", "fill the field Post code"),
        ("the post code", "the postal code of five digits"),
        ("what is the post code?",),
    ),
    Operation(
        "postal.street",
        _ADDRESS,
        "text",
        slot("street"),
        (
            "write the street without the house number",
            "extract the name of the street",
            "fill the field Street, number left out",
        ),
        ("the street, no number", "the name of the street"),
        ("in which street is it?",),
    ),
    Operation(
        "postal.city",
        _ADDRESS,
        "text",
        slot("city"),
        ("write the city", "extract the town from {the}", "fill the field City"),
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
        (
            "write the city and then the post code",
            "give the last line of the label: city, space, post code",
            "format the place as <city> <post code>",
        ),
        (
            "the city followed by the post code",
            "city and post code, in this order",
        ),
    ),
    Operation(
        "postal.code city",
        _ADDRESS,
        "code",
        shaped("{code} {city}"),
        (
            "write the post code and then the city",
            "give the last line of the label: post code, space, city",
            "format the place as <post code> <city>",
        ),
        (
            "the post code followed by the city",
            "post code and city, in this order",
        ),
    ),
    Operation(
        "postal.area",
        _ADDRESS,
        "code",
        lambda v, _: v.data["slots"]["code"][:2],
        (
            "write the first two digits of the post code",
            "give the postal area: two digits at the start of the code",
            "cut the post code after two digits",
        ),
        (
            "the first two digits of the post code",
            "the two digits that the post code begins with",
        ),
    ),
    Operation(
        "postal.one line",
        _ADDRESS,
        "code",
        shaped("{number} {street}, {city}"),
        (
            "write house number and street, a comma, then the city",
            "shorten {the} to number street, city (no name, no code)",
            "reduce {the} to house number and street, then a comma and the city",
        ),
        (
            "the address as number street, city",
            "house number and street, a comma and the city",
        ),
    ),
    Operation(
        "person.name",
        _PERSON,
        "word",
        slot("name"),
        ("write the name of the person", "extract who {the} is about", "fill the field Name"),
        ("the name of the person", "the name in {the}"),
        ("what is the person called?",),
    ),
    Operation(
        "person.age",
        _PERSON,
        "number",
        slot("age"),
        ("write the age as a number", "extract how old the person is", "fill the field Age"),
        ("the age in years", "the person's age\""),
        ("how old is the person?",),
    ),
    Operation(
        "person.job",
        _PERSON,
        "word",
        slot("job"),
        ("write the job, without an article", "extract the occupation or trade", "fill the field Job"),
        ("the occupation", "the job that is named"),
        ("which job is named?",),
    ),
    Operation(
        "person.city",
        _PERSON,
        "word",
        slot("city"),
        ("write the city", "extract the place", "fill the field City"),
        ("the city that is named", "the place in {the}"),
        ("which city is named?",),
    ),
    Operation(
        "person.name age",
        _PERSON,
        "code",
        shaped("{name} ({age})"),
        (
            "write the name with the age in brackets",
            "combine name and age as in Eve (30)",
            "list the person as <name> (<age>)",
        ),
        (
            "name and age in the form Eve (30)",
            "the name, then the age in brackets",
        ),
    ),
    Operation(
        "person.name city",
        _PERSON,
        "list",
        shaped("{name}, {city}"),
        (
            "write the name and the city, with a comma between",
            "combine person and place as in Eve, Rome",
            "list the person as <name>, <city>",
        ),
        (
            "name and city, comma-separated",
            "the person and the place with a comma between",
        ),
    ),
    Operation(
        "person.row",
        _PERSON,
        "code",
        shaped("{name};{age};{job};{city}"),
        (
            "write name;age;job;city for the table",
            "turn {the} into one row with semicolons: name, age, job, city (no spaces)",
            "convert {the} for the import: <name>;<age>;<job>;<city>",
        ),
        ("the row name;age;job;city", "the four fields name, age, job and city with semicolons between"),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()

CLASSIFIERS: tuple[Classifier, ...] = ()
