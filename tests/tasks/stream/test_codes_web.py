"""URLs, mail addresses, IP addresses, HTTP: right answers written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.operations.codes import _checks as _codes_checks
from genlora.tasks.stream.operations.codes import _mail as _codes_mail
from genlora.tasks.stream.operations.codes import _net as _codes_net
from genlora.tasks.stream.operations.codes import _urls as _codes_urls
from genlora.tasks.stream.operations.codes import _urls_labels as _codes_urls_labels

MODULES = (_codes_checks, _codes_mail, _codes_net, _codes_urls, _codes_urls_labels)


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, value, params):
    return operations()[name].do(value, {"Y": "Y", "N": "N", "labels": Same(), **params})


_URL = "http://shop.greenhill.de:8080/orders/77?page=3&lang=en"
URL = Value(
    {
        "scheme": "http",
        "host": "shop.greenhill.de",
        "sub": "shop",
        "domain": "greenhill.de",
        "ending": "de",
        "port": "8080",
        "path": "/orders/77",
        "segments": ["orders", "77"],
        "query": {"page": "3", "lang": "en"},
        "asked": "page=3&lang=en",
        "base": "http://shop.greenhill.de:8080",
        "url": _URL,
        "label": "Docs",
    },
    f"[Docs]({_URL})",
)
MAIL = Value(
    {
        "first": "Anna",
        "last": "Berg",
        "user": "anna.berg7",
        "domain": "bluefox.net",
        "company": "bluefox",
        "ending": "net",
        "address": "anna.berg7@bluefox.net",
    },
    "Anna Berg <anna.berg7@bluefox.net>",
)
DESK = Value({"user": "sales", "domain": "acme.de", "ending": "de", "address": "sales@acme.de"}, "sales@acme.de")
MAILS = Value(("ben@acme.io", "anna@lumen.app", "carl@acme.com"), "ben@acme.io, anna@lumen.app, carl@acme.com")
IP = Value({"ip": "192.168.7.20", "octets": (192, 168, 7, 20), "port": "5432"}, "192.168.7.20:5432")
CALL = Value(
    {
        "method": "PUT",
        "path": "/users/42",
        "segments": ["users", "42"],
        "query": {"q": "mug"},
        "target": "/users/42?q=mug",
        "version": "HTTP/1.1",
        "status": "503",
        "ms": "120",
        "ip": "10.0.0.5",
    },
    "PUT /users/42?q=mug HTTP/1.1",
)
CODE = Value("404", "HTTP/1.1 404 Not Found")
NO_MAIL = Value({"ok": False, "fault": "two at"}, "ben@@acme.io")
NO_IP = Value({"ok": False, "fault": "large", "blocks": ("10", "300", "1", "2")}, "10.300.1.2")
NO_VERSION = Value({"ok": False, "fault": "few"}, "v1.2b")
TEXT = Value({"kind": "string", "key": "name", "value": '"mug"'}, 'name: "mug"')
NULL = Value({"kind": "null", "key": "", "value": "null"}, "null")
QUOTED = Value({"balanced": True, "marks": 4, "mark": '"', "inside": ["a b", "c"]}, 'say "a b" to "c"')
BROKEN = Value({"balanced": False, "marks": 1, "mark": "'", "inside": ["a"]}, "say 'a")
SHAPE = {"shape": "{a}: {b}"}

RIGHT = [
    ("url.host", URL, {}, "shop.greenhill.de"),
    ("url.domain", URL, {}, "greenhill.de"),
    ("url.subdomain", URL, {}, "shop"),
    ("url.scheme", URL, {}, "http"),
    ("url.path", URL, {}, "/orders/77"),
    ("url.last segment", URL, {}, "77"),
    ("url.nth segment", URL, {"n": 1}, "orders"),
    ("url.nth segment", URL, {"n": 3}, None),
    ("url.port", URL, {}, "8080"),
    ("url.ending", URL, {}, "de"),
    ("url.parameter", URL, {"key": "page"}, "3"),
    ("url.parameter", URL, {"key": "id"}, None),
    ("url.query", URL, {}, "page=3&lang=en"),
    ("url.parameter names", URL, {}, "page, lang"),
    ("url.count parameters", URL, {}, "2"),
    ("url.count segments", URL, {}, "2"),
    ("url.without query", URL, {}, "http://shop.greenhill.de:8080/orders/77"),
    ("url.base", URL, {}, "http://shop.greenhill.de:8080"),
    ("url.no scheme", URL, {}, "shop.greenhill.de:8080/orders/77?page=3&lang=en"),
    ("url.secure", URL, {}, "https://shop.greenhill.de:8080/orders/77?page=3&lang=en"),
    ("url.add parameter", URL, {"extra": "v=2"}, f"{_URL}&v=2"),
    ("url.add parameter", URL, {"extra": "page=2"}, None),
    ("url.new host", URL, {"host": "test.local"}, "http://test.local:8080/orders/77?page=3&lang=en"),
    ("url.new last", URL, {"last": "edit"}, "http://shop.greenhill.de:8080/orders/edit"),
    ("url.shaped", URL, {**SHAPE, "one": "section", "two": "host"}, "orders: shop.greenhill.de"),
    ("link.text", URL, {}, "Docs"),
    ("link.address", URL, {}, _URL),
    ("link.plain", URL, {}, f"Docs: {_URL}"),
    ("label.url secure", URL, {}, "N"),
    ("label.url port", URL, {}, "Y"),
    ("label.url query", URL, {}, "Y"),
    ("label.url parameter", URL, {"key": "id"}, "N"),
    ("label.url ending", URL, {"ending": "de"}, "Y"),
    ("label.url subdomain", URL, {}, "Y"),
    ("label.url level", URL, {}, "number"),
    ("label.url section", URL, {}, "shop"),
    ("label.url country", URL, {}, "de"),
    ("email.user", MAIL, {}, "anna.berg7"),
    ("email.domain", MAIL, {}, "bluefox.net"),
    ("email.company", MAIL, {}, "bluefox"),
    ("email.ending", MAIL, {}, "net"),
    ("email.first name", MAIL, {}, "Anna"),
    ("email.first name", DESK, {}, None),
    ("email.last name", MAIL, {}, "Berg"),
    ("email.full name", MAIL, {}, "Anna Berg"),
    ("email.handle", MAIL, {}, "@anna.berg7"),
    ("email.mailto", MAIL, {}, "mailto:anna.berg7@bluefox.net"),
    ("email.capitals", MAIL, {}, "ANNA.BERG7@BLUEFOX.NET"),
    ("email.move", MAIL, {"domain": "corp.net"}, "anna.berg7@corp.net"),
    ("email.shaped", MAIL, {**SHAPE, "one": "company", "two": "user"}, "bluefox: anna.berg7"),
    ("emails.nth user", MAILS, {"n": 2}, "anna"),
    ("emails.nth domain", MAILS, {"n": 3}, "acme.com"),
    ("emails.at", MAILS, {"domain": "lumen.app"}, "anna@lumen.app"),
    ("emails.ending", MAILS, {"ending": "io"}, "ben@acme.io"),
    ("emails.ending", MAILS, {"ending": "org"}, None),
    ("emails.users", MAILS, {}, "ben, anna, carl"),
    ("emails.domains", MAILS, {}, "acme.io, lumen.app, acme.com"),
    ("emails.sorted users", MAILS, {}, "anna, ben, carl"),
    ("label.email valid", NO_MAIL, {}, "N"),
    ("label.email invalid", NO_MAIL, {}, "Y"),
    ("label.email digits", MAIL, {}, "Y"),
    ("label.email dot", DESK, {}, "N"),
    ("label.email desk", DESK, {}, "Y"),
    ("label.email ending", DESK, {"ending": "com"}, "N"),
    ("label.email desk kind", DESK, {}, "sales"),
    ("label.email desk kind", MAIL, {}, "person"),
    ("label.email country", DESK, {}, "de"),
    ("ip.octet", IP, {"n": 3}, "20"),
    ("ip.network", IP, {}, "192.168.7"),
    ("ip.subnet", IP, {}, "192.168.7.0/24"),
    ("ip.new last", IP, {"n": 1}, "192.168.7.1"),
    ("ip.next", IP, {}, "192.168.7.21"),
    ("ip.previous", IP, {}, "192.168.7.19"),
    ("ip.dashes", IP, {}, "ip-192-168-7-20"),
    ("ip.reversed", IP, {}, "20.7.168.192"),
    ("endpoint.ip", IP, {}, "192.168.7.20"),
    ("endpoint.port", IP, {}, "5432"),
    ("endpoint.new port", IP, {"port": "80"}, "192.168.7.20:80"),
    ("endpoint.service", IP, {}, "PostgreSQL"),
    ("http.method", CALL, {}, "PUT"),
    ("http.path", CALL, {}, "/users/42"),
    ("http.resource", CALL, {}, "users"),
    ("http.last", CALL, {}, "42"),
    ("http.version", CALL, {}, "1.1"),
    ("http.curl", CALL, {}, "curl -X PUT localhost/users/42?q=mug"),
    ("http.status", CALL, {}, "503"),
    ("http.duration", CALL, {}, "120"),
    ("http.client", CALL, {}, "10.0.0.5"),
    ("http.shaped", CALL, {**SHAPE, "one": "status", "two": "resource"}, "503: users"),
    ("http.call shaped", CALL, {**SHAPE, "one": "method", "two": "path"}, "PUT: /users/42"),
    ("status.meaning", CODE, {}, "Not Found"),
    ("status.code", CODE, {}, "404"),
    ("status.reason", CODE, {}, "Not Found"),
    ("status.hundred", CODE, {}, "4xx"),
    ("status.first", CODE, {}, "4"),
    ("status.label", CODE, {}, "status_404"),
    ("status.json", CODE, {}, '{"status": 404}'),
    ("status.constant", CODE, {}, "NOT_FOUND"),
    ("label.status is", CODE, {"code": "401"}, "N"),
    ("label.ip valid", NO_IP, {}, "N"),
    ("label.ip invalid", NO_IP, {}, "Y"),
    ("label.ip private", IP, {}, "Y"),
    ("label.ip last over", IP, {"n": 20}, "N"),
    ("label.http method", CALL, {"method": "PUT"}, "Y"),
    ("label.http read only", CALL, {}, "N"),
    ("label.http ok", CALL, {}, "N"),
    ("label.http ok", Value("302", "302"), {}, "Y"),
    ("label.http our fault", CALL, {}, "Y"),
    ("label.http slow", CALL, {"n": 100}, "Y"),
    ("label.http class", CODE, {}, "4"),
    ("label.http action", CALL, {}, "update"),
    ("label.email fault", NO_MAIL, {}, "two at"),
    ("label.ip fault", NO_IP, {}, "large"),
    ("label.version fault", NO_VERSION, {}, "few"),
    ("entry.start", NO_IP, {"n": 4}, "10.3"),
    ("entry.end", NO_MAIL, {"n": 3}, ".io"),
    ("entry.dots", NO_IP, {}, "3"),
    ("entry.digits", NO_IP, {}, "7"),
    ("entry.capitals", NO_VERSION, {}, "V1.2B"),
    ("entry.at signs", NO_MAIL, {}, "2"),
    ("entry.blocks", NO_IP, {}, "4"),
    ("entry.largest", NO_IP, {}, "300"),
    ("label.entry digits", NO_VERSION, {}, "N"),
    ("literal.key", TEXT, {}, "name"),
    ("literal.value", TEXT, {}, '"mug"'),
    ("literal.unquoted", TEXT, {}, "mug"),
    ("literal.python", NULL, {}, "None"),
    ("label.literal named", NULL, {}, "N"),
    ("quotes.first", QUOTED, {}, "a b"),
    ("quotes.last", QUOTED, {}, "c"),
    ("quotes.last", BROKEN, {}, None),
    ("quotes.none", QUOTED, {}, "say a b to c"),
    ("quotes.other", QUOTED, {}, "say 'a b' to 'c'"),
    ("label.quotes several", QUOTED, {}, "Y"),
]


@pytest.mark.parametrize(("name", "value", "params", "right"), RIGHT, ids=[f"{r[0]} {i}" for i, r in enumerate(RIGHT)])
def test_the_answer_is_right(name, value, params, right):
    assert answer(name, value, params) == right


def test_every_operation_has_an_answer_here():
    made = {x.name for m in MODULES for x in m.OPERATIONS}
    labels = {f"label.{x.name}" for m in MODULES for x in (*m.CONDITIONS, *m.CLASSIFIERS)}
    assert made | labels == {r[0] for r in RIGHT}
