"""E-mail addresses, alone, with a name, and in lists."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import table
from ..records._shapes import two_parts
from ..words._parts_of import part

_ONE = ("email",)
_MANY = ("emails",)
_COUNTRIES = {"de": "Germany", "fr": "France", "se": "Sweden", "nl": "the Netherlands"}
_DESKS = ("info", "support", "sales", "billing", "jobs")


def _person(name: str) -> Callable[[Value, Params], str | None]:
    """First or last name, where the address spells them: anna.berg@..."""

    def do(value: Value, _: Params) -> str | None:
        return value.data[name] if "." in value.data["user"] else None

    return do


def _full(value: Value, _: Params) -> str | None:
    return f"{value.data['first']} {value.data['last']}" if "." in value.data["user"] else None


def _domain(draw: Draw) -> Params:
    return {"domain": draw.pick(table("domains", of="codes"))}


_new_domain = picked(domain=("acme.io", "newmail.org", "example.com", "corp.net", "team.dev"))


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 3)
    return {"n": n, "nth": ("first", "second", "third")[n - 1]}


def _user(address: str) -> str:
    return address.partition("@")[0]


def _host(address: str) -> str:
    return address.partition("@")[2]


def _at_domain(value: Value, p: Params) -> str | None:
    found = [a for a in value.data if _host(a) == p["domain"]]
    return found[0] if len(found) == 1 else None


_ending = picked(ending=("com", "io", "org", "net", "de", "dev", "eu"))


def _by_ending(value: Value, p: Params) -> str | None:
    found = [a for a in value.data if a.endswith(f".{p['ending']}")]
    return found[0] if len(found) == 1 else None


OPERATIONS = (
    part("email.user", _ONE, "user"),
    part("email.domain", _ONE, "domain"),
    part("email.company", _ONE, "company"),
    part("email.ending", _ONE, "ending"),
    part("email.first name", _ONE, _person("first")),
    part("email.last name", _ONE, _person("last")),
    part("email.full name", _ONE, _full),
    part("email.handle", _ONE, lambda v, _: f"@{v.data['user']}"),
    part("email.mailto", _ONE, lambda v, _: f"mailto:{v.data['address']}"),
    part("email.capitals", _ONE, lambda v, _: v.data["address"].upper()),
    Operation("email.move", _ONE, "code", lambda v, p: f"{v.data['user']}@{p['domain']}", params=_new_domain),
    two_parts("email.shaped", _ONE, ("user", "domain"), ("user", "company"), ("company", "ending")),
    Operation(
        "emails.nth user",
        _MANY,
        "code",
        lambda v, p: _user(v.data[p["n"] - 1]) if len(v.data) >= p["n"] else None,
        params=_nth,
    ),
    Operation(
        "emails.nth domain",
        _MANY,
        "code",
        lambda v, p: _host(v.data[p["n"] - 1]) if len(v.data) >= p["n"] else None,
        params=_nth,
    ),
    Operation("emails.at", _MANY, "code", _at_domain, params=_domain),
    Operation("emails.ending", _MANY, "code", _by_ending, params=_ending),
    part("emails.users", _MANY, lambda v, _: ", ".join(map(_user, v.data)), answer="code"),
    part("emails.domains", _MANY, lambda v, _: ", ".join(map(_host, v.data)), answer="code"),
    part("emails.sorted users", _MANY, lambda v, _: ", ".join(sorted(map(_user, v.data))), answer="code"),
)

CONDITIONS = (
    Condition(
        "email valid",
        ("maybe email",),
        lambda v, _: v.data["ok"],
        ("{the} is a well-formed e-mail address", "{the} has the form name@domain.ending"),
        ("{the} is malformed", "it cannot be an e-mail address"),
    ),
    Condition(
        "email invalid",
        ("maybe email",),
        lambda v, _: not v.data["ok"],
        ("{the} is broken as an e-mail address", "{the} is no valid e-mail address"),
        ("the address is well formed", "it has one @ and a proper domain"),
    ),
    Condition(
        "email digits",
        _ONE,
        lambda v, _: any(c.isdigit() for c in v.data["address"]),
        ("the e-mail address contains a digit", "there are digits before the @"),
        ("it has no digits", "the e-mail address is free of digits"),
    ),
    Condition(
        "email dot",
        _ONE,
        lambda v, _: "." in v.data["user"],
        ("there is a dot before the @", "the user part contains a dot"),
        ("there is no dot before the @", "the user part has no dot"),
    ),
    Condition(
        "email desk",
        _ONE,
        lambda v, _: v.data["user"] in _DESKS,
        ("the mailbox belongs to a desk (info, support, sales, billing or jobs)",),
        ("it is the mailbox of a person", "the part before the @ is somebody's name"),
    ),
    Condition(
        "email ending",
        _ONE,
        lambda v, p: v.data["ending"] == p["ending"],
        ("the e-mail address ends in .{ending}", "its top-level domain is {ending}"),
        ("it has another ending", "the e-mail address does not end in .{ending}"),
        params=_ending,
    ),
)


def _desk(value: Value, _: Params) -> str | None:
    user = value.data["user"]
    if user in ("support", "sales", "billing"):
        return user
    return None if user in _DESKS else "person"


CLASSIFIERS = (
    Classifier(
        "email desk kind",
        _ONE,
        _desk,
        {
            "support": "the mailbox is support@",
            "sales": "the mailbox is sales@",
            "billing": "the mailbox is billing@",
            "person": "the mailbox bears the name of a person",
        },
        "the queue for {the}",
        {"support": "help", "sales": "deals", "billing": "money", "person": "direct"},
    ),
    Classifier(
        "email country",
        _ONE,
        lambda v, _: v.data["ending"] if v.data["ending"] in _COUNTRIES else None,
        {k: f"the domain is from {name}" for k, name in _COUNTRIES.items()},
        "the country behind {the}",
        {k: name.removeprefix("the ") for k, name in _COUNTRIES.items()},
        knowledge=True,
    ),
)
