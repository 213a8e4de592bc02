"""Yes or no, and which of several, about URLs and links."""

from ..._parts import Classifier, Condition, Operation, Params, Value, picked

_ANY = ("url", "link")
_COUNTRIES = {
    "de": "Germany",
    "fr": "France",
    "se": "Sweden",
    "nl": "the Netherlands",
}


_parameter = picked(key=("page", "lang", "sort", "id", "q", "limit", "ref", "user"))


OPERATIONS: tuple[Operation, ...] = ()

CONDITIONS = (
    Condition(
        "url secure",
        _ANY,
        lambda v, _: v.data["scheme"] in ("https", "wss", "sftp"),
        ("the protocol is https, wss or sftp", "{the} uses a secure protocol (https, wss, sftp)"),
        ("the protocol is not encrypted", "the protocol is neither https nor wss nor sftp"),
    ),
    Condition(
        "url port",
        _ANY,
        lambda v, _: bool(v.data["port"]),
        ("{the} names a port", "there is a port number after the host"),
        ("no port is given", "{the} has no port"),
    ),
    Condition(
        "url query",
        _ANY,
        lambda v, _: bool(v.data["query"]),
        ("{the} has query parameters", "there is a question mark in {the}"),
        ("{the} has no parameters", "{the} ends with its path"),
    ),
    Condition(
        "url parameter",
        _ANY,
        lambda v, p: p["key"] in v.data["query"],
        ('{the} has a parameter "{key}"', "{key} is among the query parameters"),
        ("there is no parameter {key}", '{the} lacks "{key}" in its query'),
        params=_parameter,
    ),
    Condition(
        "url ending",
        _ANY,
        lambda v, p: v.data["ending"] == p["ending"],
        ("the domain ends in .{ending}", "the top-level domain is {ending}"),
        ("it has another top-level domain", "the domain does not end in .{ending}"),
        params=picked(ending=("com", "io", "net", "org", "de", "dev")),
    ),
    Condition(
        "url subdomain",
        _ANY,
        lambda v, _: bool(v.data["sub"]),
        ("the host has a subdomain", "something stands in front of the domain, such as www."),
        ("the host is a bare domain", "there is no subdomain"),
    ),
)


def _numbered(value: Value, _: Params) -> str:
    last = value.data["segments"][-1]
    return "number" if last.isdigit() else "nested" if len(value.data["segments"]) > 1 else "top"


def _part_of_site(value: Value, _: Params) -> str | None:
    groups = {
        "shop": ("shop", "products", "orders", "cart", "pricing", "invoices"),
        "people": ("users", "login", "settings", "teams"),
        "reading": ("blog", "docs", "articles", "news", "help", "about"),
    }
    first = value.data["segments"][0]
    return next((g for g, names in groups.items() if first in names), None)


CLASSIFIERS = (
    Classifier(
        "url level",
        _ANY,
        _numbered,
        {
            "number": "the path ends in a number",
            "nested": "the path has several segments and ends in a word",
            "top": "the path is a single word",
        },
        "the kind of page",
        {"number": "detail", "nested": "list", "top": "main"},
    ),
    Classifier(
        "url section",
        _ANY,
        _part_of_site,
        {
            "shop": "the path starts with products, orders, cart, pricing or invoices",
            "people": "the path starts with users, login, settings or teams",
            "reading": "the path starts with blog, docs, articles, news, help or about",
        },
        "the section of the site",
        {"shop": "store", "people": "account", "reading": "content"},
    ),
    Classifier(
        "url country",
        _ANY,
        lambda v, _: v.data["ending"] if v.data["ending"] in _COUNTRIES else None,
        {k: f"the domain belongs to {name}" for k, name in _COUNTRIES.items()},
        "the country of {the}",
        {k: k.upper() for k in _COUNTRIES},
        knowledge=True,
    ),
)
