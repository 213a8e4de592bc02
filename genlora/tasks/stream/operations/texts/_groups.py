"""Yes-or-no properties and groups of persons, addresses and name lines."""

from ..._parts import Classifier, Condition, Operation, Params, Value, picked

_CONTACT, _ADDRESS, _PERSON = ("contact text",), ("address text",), ("person text",)
_NAMED = ("contact text", "address text")


_age = picked(n=(18, 21, 25, 30, 40, 50, 60, 65, 70))


OPERATIONS: tuple[Operation, ...] = ()

CONDITIONS = (
    Condition(
        "person older",
        _PERSON,
        lambda v, p: None if (n := v.data["raw"]["age"]) == p["n"] else n > p["n"],
        ("the person is older than {n}", "the age is above {n}"),
        ("the person is younger than {n}", "the age is below {n}"),
        params=_age,
    ),
    Condition(
        "address odd side",
        _ADDRESS,
        lambda v, _: v.data["raw"]["number"] % 2 == 1,
        ("the house number is odd", "the house number ends in 1, 3, 5, 7 or 9"),
        ("the house number is even", "the house number ends in 0, 2, 4, 6 or 8"),
    ),
    Condition(
        "address zone",
        _ADDRESS,
        lambda v, p: v.data["raw"]["code"] < p["n"] * 10000,
        ("the post code is below {n}0000", "the post code starts with a digit smaller than {n}"),
        ("the post code is {n}0000 or more", "the post code starts with {n} or a larger digit"),
        params=picked(n=range(3, 8)),
    ),
    Condition(
        "contact early letter",
        _NAMED,
        lambda v, _: v.data["slots"]["last"][0] < "M",
        ("the surname starts with a letter from A to L", "the last name belongs in the first half, A to L"),
        ("the surname starts with a letter from M to Z", "the last name belongs in the second half, M to Z"),
    ),
    Condition(
        "contact academic",
        _CONTACT,
        lambda v, _: v.data["slots"]["title"] in ("Dr.", "Prof."),
        ("the person has an academic title (Dr. or Prof.)", "Dr. or Prof. stands before the name"),
        ("the person has no academic title", "only Ms or Mr stands before the name"),
    ),
)


def _age_groups(low: int, high: int, names: tuple[str, str, str]) -> Classifier:
    """Three groups of ages; the description tells the bounds."""

    def group(value: Value, _: Params) -> str:
        n = value.data["raw"]["age"]
        return "young" if n < low else "middle" if n <= high else "old"

    return Classifier(
        f"age group {low} {high}",
        _PERSON,
        group,
        {
            "young": f"the person is younger than {low}",
            "middle": f"the age is from {low} to {high}",
            "old": f"the person is older than {high}",
        },
        "the age group of the person",
        dict(zip(("young", "middle", "old"), names, strict=True)),
    )


CLASSIFIERS = (
    _age_groups(25, 59, ("young", "adult", "senior")),
    _age_groups(30, 49, ("A", "B", "C")),
    _age_groups(40, 64, ("junior", "regular", "senior")),
    _age_groups(21, 66, ("reduced", "full", "free")),
    Classifier(
        "contact title",
        _CONTACT,
        lambda v, _: v.data["slots"]["title"] if v.data["slots"]["title"] in ("Dr.", "Prof.") else "none",
        {
            "Dr.": "the person is a doctor (Dr.)",
            "Prof.": "the person is a professor (Prof.)",
            "none": "the person is plain Ms or Mr",
        },
        "the kind of title",
        {"Dr.": "doctor", "Prof.": "professor", "none": "none"},
    ),
    Classifier(
        "contact drawer",
        _NAMED,
        lambda v, _: "first" if (c := v.data["slots"]["last"][0]) < "H" else "second" if c < "P" else "third",
        {
            "first": "the surname starts with A to G",
            "second": "the surname starts with H to O",
            "third": "the surname starts with P to Z",
        },
        "the drawer by surname",
        {"first": "A-G", "second": "H-O", "third": "P-Z"},
    ),
)
