"""E-mail addresses, alone, with a name, and in lists."""

from collections.abc import Callable

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
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


def _piece(value: Value, name: str) -> str | None:
    return value.data[name]


def _domain(draw: Draw) -> Params:
    return {"domain": draw.pick(table("domains", of="codes"))}


def _new_domain(draw: Draw) -> Params:
    return {"domain": draw.pick(("acme.io", "newmail.org", "example.com", "corp.net", "team.dev"))}


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


def _ending(draw: Draw) -> Params:
    return {"ending": draw.pick(("com", "io", "org", "net", "de", "dev", "eu"))}


def _by_ending(value: Value, p: Params) -> str | None:
    found = [a for a in value.data if a.endswith(f".{p['ending']}")]
    return found[0] if len(found) == 1 else None


OPERATIONS = (
    part(
        "email.user",
        _ONE,
        "user",
        (
            "get the part of the e-mail address before the @",
            "extract the user name, i.e. what stands in front of the @",
            "write only the mailbox name, no domain",
        ),
        ("the user part of the e-mail address", "whatever comes before the @ in the e-mail address"),
        ("what comes before the @?",),
    ),
    part(
        "email.domain",
        _ONE,
        "domain",
        (
            "give the part of the e-mail address after the @",
            "extract the mail domain",
            "write only the domain, without the user and the @",
        ),
        ("the domain of the e-mail address", "whatever comes after the @"),
        ("at which domain is the mailbox?",),
    ),
    part(
        "email.company",
        _ONE,
        "company",
        (
            "show the name of the mail provider: the domain without its ending",
            "print what stands between the @ and the dot of the domain",
            "extract the company from {the}: after the @, up to the last dot",
        ),
        ("the domain without its ending", "the name between the @ and the last dot"),
        ("which name stands between the @ and the last dot?",),
    ),
    part(
        "email.ending",
        _ONE,
        "ending",
        ("return the top-level domain, without the dot", "write the letters after the last dot of the e-mail address"),
        ("the ending of the e-mail domain, no dot", "the top-level domain"),
        ("which top-level domain does the e-mail address have?",),
    ),
    part(
        "email.first name",
        _ONE,
        _person("first"),
        (
            "give the first name from first.last@..., with a capital",
            "read the given name out of the e-mail address (it comes before the dot), capitalised",
            "write the first name for the salutation, capital letter first",
        ),
        ("the first name of the owner, capitalised", "the given name that the e-mail address spells, with a capital"),
        ("what is the first name of the owner?",),
    ),
    part(
        "email.last name",
        _ONE,
        _person("last"),
        (
            "output the surname from first.last@..., with a capital and without digits",
            "read the family name out of the e-mail address (between dot and @), capitalised, digits dropped",
            "write the last name of the owner, capital letter first, no digits",
        ),
        ("the surname of the owner, capitalised", "the family name that the e-mail address spells, with a capital"),
        ("what is the surname of the owner?",),
    ),
    part(
        "email.full name",
        _ONE,
        _full,
        (
            "output the owner's first and last name, both capitalised",
            "guess the full name from first.last@...: capitals, a space between, no digits",
        ),
        ("the full name of the owner, first name first", "the name spelled by the e-mail address, as First Last"),
        ("what is the full name of the owner?",),
    ),
    part(
        "email.handle",
        _ONE,
        lambda v, _: f"@{v.data['user']}",
        ("make a chat handle: @ and the user name", "write @ followed by whatever precedes the @ of the address"),
        ("a handle made of @ and the user part", "the user part with @ in front"),
    ),
    part(
        "email.mailto",
        _ONE,
        lambda v, _: f"mailto:{v.data['address']}",
        ("write the address as a mailto link (mailto:...)", "put mailto: in front of the bare address"),
        ("the address as mailto:...", "a mailto link for the bare address"),
        ("what is the mailto link for the address?",),
    ),
    part(
        "email.capitals",
        _ONE,
        lambda v, _: v.data["address"].upper(),
        ("write the bare address in capitals", "change the address to upper case, leaving out any name"),
        ("the bare address in upper case",),
        ("what is the bare address in capitals?",),
    ),
    Operation(
        "email.move",
        _ONE,
        "code",
        lambda v, p: f"{v.data['user']}@{p['domain']}",
        (
            "print the address with {domain} as its new domain",
            "replace everything after the @ by {domain}, leaving out any name",
            "move the mailbox to {domain}: same user, bare address",
        ),
        ("the address of the same user at {domain}", "the bare address after a move to {domain}"),
        ("what is the address after a move to {domain}?",),
        _new_domain,
    ),
    two_parts("email.shaped", _ONE, _piece, ("user", "domain"), ("user", "company"), ("company", "ending")),
    Operation(
        "emails.nth user",
        _MANY,
        "code",
        lambda v, p: _user(v.data[p["n"] - 1]) if len(v.data) >= p["n"] else None,
        ("fetch the user name of the {nth} address", "write what is before the @ in address {n}"),
        ("the user part of the {nth} address", "the name before the @ of address number {n}"),
        ("what is the user name in the {nth} address?",),
        _nth,
    ),
    Operation(
        "emails.nth domain",
        _MANY,
        "code",
        lambda v, p: _host(v.data[p["n"] - 1]) if len(v.data) >= p["n"] else None,
        ("give the domain of the {nth} address", "write what follows the @ in address {n}"),
        ("the domain of the {nth} address", "the part after the @ of address number {n}"),
        ("what is the domain of the {nth} address?",),
        _nth,
    ),
    Operation(
        "emails.at",
        _MANY,
        "code",
        _at_domain,
        (
            "print the address at {domain}",
            "find who writes from {domain}: the whole address",
            "pick the entry of {the} that belongs to {domain}",
        ),
        ("the address at {domain}", "the only entry of {the} with the domain {domain}"),
        ("which address is at {domain}?",),
        _domain,
    ),
    Operation(
        "emails.ending",
        _MANY,
        "code",
        _by_ending,
        ("give the address that ends in .{ending}", "pick the entry of {the} with the top-level domain {ending}"),
        ("the address ending in .{ending}", "the one entry whose domain ends in .{ending}"),
        ("which address ends in .{ending}?",),
        _ending,
    ),
    part(
        "emails.users",
        _MANY,
        lambda v, _: ", ".join(map(_user, v.data)),
        ("list the user names only, comma-separated", "cut every address at its @, listing the left sides with commas"),
        ("the user names, comma-separated", "a comma list of what stands before each @"),
        ("who are the users, separated by commas?",),
        "code",
    ),
    part(
        "emails.domains",
        _MANY,
        lambda v, _: ", ".join(map(_host, v.data)),
        ("list the domains only, comma-separated", "cut every address at its @, listing the right sides with commas"),
        ("the domains, comma-separated", "a comma list of what stands after each @"),
        ("which domains are there, separated by commas?",),
        "code",
    ),
    part(
        "emails.sorted users",
        _MANY,
        lambda v, _: ", ".join(sorted(map(_user, v.data))),
        ("list the user names in alphabetical order, comma-separated", "sort the parts before the @ from a to z"),
        ("the user names sorted from a to z, comma-separated", "an alphabetical comma list of the users"),
        ("who are the users in alphabetical order?",),
        "code",
    ),
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
