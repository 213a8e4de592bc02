"""URLs and links: their parts, their parameters, and small changes."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..records._shapes import two_parts
from ..words._parts_of import part

_ANY = ("url", "link")


def _piece(value: Value, name: str) -> str | None:
    if name == "section":
        return value.data["segments"][0]
    return value.data[name] or None


_parameter = picked(key=("page", "lang", "sort", "id", "q", "limit", "ref", "user"))


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 2)
    return {"n": n, "nth": ("first", "second")[n - 1]}


_new = picked(
    extra=("utm=mail", "lang=en", "page=2", "ref=app", "v=2", "debug=1", "print=yes"),
    host=("localhost", "staging.acme.io", "example.org", "test.local", "intranet"),
    last=("edit", "all", "latest", "new", "export", "7"),
)


def _with_extra(value: Value, p: Params) -> str | None:
    if p["extra"].split("=")[0] in value.data["query"]:
        return None
    return f"{value.data['url']}{'&' if value.data['asked'] else '?'}{p['extra']}"


def _secure(value: Value, _: Params) -> str | None:
    scheme, rest = value.data["scheme"], value.data["url"].partition("://")[2]
    return f"{scheme}s://{rest}" if scheme in ("http", "ws") else value.data["url"]


OPERATIONS = (
    part("url.host", _ANY, "host"),
    part("url.domain", _ANY, "domain"),
    part("url.subdomain", _ANY, "sub"),
    part("url.scheme", _ANY, "scheme"),
    part("url.path", _ANY, "path"),
    part("url.last segment", _ANY, lambda v, _: v.data["segments"][-1]),
    Operation(
        "url.nth segment",
        _ANY,
        "code",
        lambda v, p: v.data["segments"][p["n"] - 1] if len(v.data["segments"]) >= p["n"] else None,
        params=_nth,
    ),
    part("url.port", _ANY, "port"),
    part("url.ending", _ANY, "ending"),
    Operation("url.parameter", _ANY, "code", lambda v, p: v.data["query"].get(p["key"]), params=_parameter),
    part("url.query", _ANY, "asked"),
    part("url.parameter names", _ANY, lambda v, _: ", ".join(v.data["query"]) or None, answer="code"),
    part("url.count parameters", _ANY, lambda v, _: str(len(v.data["query"])), answer="number"),
    part("url.count segments", _ANY, lambda v, _: str(len(v.data["segments"])), answer="number"),
    part("url.without query", _ANY, lambda v, _: v.data["base"] + v.data["path"]),
    part("url.base", _ANY, "base"),
    part("url.no scheme", _ANY, lambda v, _: v.data["url"].partition("://")[2]),
    part("url.secure", _ANY, _secure),
    Operation("url.add parameter", _ANY, "code", _with_extra, params=_new),
    Operation(
        "url.new host",
        _ANY,
        "code",
        lambda v, p: v.data["url"].replace(f"//{v.data['host']}", f"//{p['host']}", 1),
        params=_new,
    ),
    Operation(
        "url.new last",
        _ANY,
        "code",
        lambda v, p: v.data["base"] + "/" + "/".join([*v.data["segments"][:-1], p["last"]]),
        params=_new,
    ),
    two_parts(
        "url.shaped",
        _ANY,
        ("host", "path"),
        ("scheme", "domain"),
        ("domain", "section"),
        ("host", "section"),
        get=_piece,
    ),
    part("link.text", ("link",), "label"),
    part("link.address", ("link",), "url"),
    part("link.plain", ("link",), lambda v, _: f"{v.data['label']}: {v.data['url']}"),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
