"""URLs and links: their parts, their parameters, and small changes."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..records._shapes import two_parts
from ..words._parts_of import part

_ANY = ("url", "link")


def _piece(value: Value, name: str) -> str | None:
    if name == "section":
        return value.data["segments"][0]
    return value.data[name] or None


def _parameter(draw: Draw) -> Params:
    return {"key": draw.pick(("page", "lang", "sort", "id", "q", "limit", "ref", "user"))}


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 2)
    return {"n": n, "nth": ("first", "second")[n - 1]}


def _new(draw: Draw) -> Params:
    return {
        "extra": draw.pick(("utm=mail", "lang=en", "page=2", "ref=app", "v=2", "debug=1", "print=yes")),
        "host": draw.pick(("localhost", "staging.acme.io", "example.org", "test.local", "intranet")),
        "last": draw.pick(("edit", "all", "latest", "new", "export", "7")),
    }


def _with_extra(value: Value, p: Params) -> str | None:
    if p["extra"].split("=")[0] in value.data["query"]:
        return None
    return f"{value.data['url']}{'&' if value.data['asked'] else '?'}{p['extra']}"


def _secure(value: Value, _: Params) -> str | None:
    scheme, rest = value.data["scheme"], value.data["url"].partition("://")[2]
    return f"{scheme}s://{rest}" if scheme in ("http", "ws") else value.data["url"]


OPERATIONS = (
    part(
        "url.host",
        _ANY,
        "host",
        (
            "give the host of {the}, without scheme, port and path",
            "extract the full host name from {the}, subdomain included",
            "write which server {the} points to (host name only)",
        ),
        ("the host name in {the}", "the host, subdomain included and port left out"),
        ("which host does {the} point to?",),
    ),
    part(
        "url.domain",
        _ANY,
        "domain",
        (
            "output the registered domain of {the}, without any subdomain",
            "cut {the} down to name and ending of the domain, e.g. example.com",
            "output the domain only; drop www and other subdomains",
        ),
        ("the domain without subdomain", "the domain name and its ending, nothing in front"),
        ("what is the domain of {the}, subdomain left out?",),
    ),
    part(
        "url.subdomain",
        _ANY,
        "sub",
        ("fetch the subdomain of {the}", "write what stands before the domain in the host name, without the dot"),
        ("the subdomain in {the}", "the first label of the host"),
        ("what is the subdomain?",),
    ),
    part(
        "url.scheme",
        _ANY,
        "scheme",
        (
            "give the protocol of {the}",
            "write the scheme, the part before ://",
            "say by which protocol {the} is opened",
        ),
        ("the scheme of {the}", "the protocol at the start of {the}, without ://"),
        ("which protocol does {the} use?",),
    ),
    part(
        "url.path",
        _ANY,
        "path",
        (
            "print the path of {the}, from the slash after the host, without the query",
            "extract the path only, leading slash included, parameters left out",
        ),
        ("the path of {the} with its leading slash, without parameters",),
        ("what is the path, without parameters?",),
    ),
    part(
        "url.last segment",
        _ANY,
        lambda v, _: v.data["segments"][-1],
        (
            "give the last part of the path",
            "print what follows the final slash, without any parameters",
            "extract the last path segment of {the}",
        ),
        ("the last segment of the path", "the end of the path, after its final slash"),
        ("what is the last path segment?",),
    ),
    Operation(
        "url.nth segment",
        _ANY,
        "code",
        lambda v, p: v.data["segments"][p["n"] - 1] if len(v.data["segments"]) >= p["n"] else None,
        ("get the {nth} part of the path", "write path segment number {n}", "extract the {nth} path segment of {the}"),
        ("the {nth} segment of the path", "segment number {n} after the host"),
        ("what is the {nth} path segment?",),
        _nth,
    ),
    part(
        "url.port",
        _ANY,
        "port",
        ("give the port in {the}", "write the number after the colon of the host", "extract the port number"),
        ("the port number in {the}", "the port"),
        ("which port does {the} name?",),
    ),
    part(
        "url.ending",
        _ANY,
        "ending",
        ("show the top-level domain, without the dot", "write the letters after the last dot of the host name"),
        ("the top-level domain of {the}, no dot", "the ending of the domain, such as com"),
        ("which top-level domain is it?",),
    ),
    Operation(
        "url.parameter",
        _ANY,
        "code",
        lambda v, p: v.data["query"].get(p["key"]),
        (
            'return the value of the query parameter "{key}"',
            "read {key} from the query of {the}",
            "extract what {key} is set to after the question mark",
        ),
        ("the value of the parameter {key}", "{key} as given in the query of {the}"),
        ("what is the parameter {key} set to?",),
        _parameter,
    ),
    part(
        "url.query",
        _ANY,
        "asked",
        ("give the query string, without the question mark", "extract everything after the ?"),
        ("the query string of {the}, no question mark", "the part of {the} behind the question mark"),
    ),
    part(
        "url.parameter names",
        _ANY,
        lambda v, _: ", ".join(v.data["query"]) or None,
        (
            "list the names of the query parameters, comma-separated",
            "name the parameters of {the} without their values",
        ),
        ("a list of the parameter names, without values", "the names of the query parameters, comma-separated"),
        ("which query parameters does {the} have?",),
        "code",
    ),
    part(
        "url.count parameters",
        _ANY,
        lambda v, _: str(len(v.data["query"])),
        ("count the query parameters (0 if there are none)", "say how many parameters follow the question mark"),
        ("the number of query parameters",),
        ("how many query parameters are there?",),
        "number",
    ),
    part(
        "url.count segments",
        _ANY,
        lambda v, _: str(len(v.data["segments"])),
        ("count the parts of the path", "say how many segments the path of {the} has, query not counted"),
        ("the number of path segments", "how deep the path of {the} is, in segments"),
        ("how many segments does the path have?",),
        "number",
    ),
    part(
        "url.without query",
        _ANY,
        lambda v, _: v.data["base"] + v.data["path"],
        (
            "write the URL without its parameters",
            "cut off the question mark with all that follows, if there is one",
            "clean the URL for our sheet: no query string",
        ),
        ("the URL without query string", "the plain URL, tracking parameters removed"),
        ("what is the URL without its parameters?",),
    ),
    part(
        "url.base",
        _ANY,
        "base",
        (
            "shorten the URL to scheme, host and port, no path",
            "cut the URL off right before its path, no slash at the end",
        ),
        ("the base of the URL: scheme, host and port if given", "the origin (scheme://host, with the port if any)"),
        ("what are scheme, host and port of the URL, in one piece?",),
    ),
    part(
        "url.no scheme",
        _ANY,
        lambda v, _: v.data["url"].partition("://")[2],
        ("output the URL without the protocol and ://", "drop everything up to the two slashes, slashes included"),
        ("the URL without its scheme", "the URL from the host on"),
    ),
    part(
        "url.secure",
        _ANY,
        _secure,
        (
            "write the URL with its secure protocol: http becomes https, ws becomes wss, others stay",
            "upgrade http to https and ws to wss, leaving every other URL unchanged",
        ),
        ("the URL with http replaced by https and ws by wss, otherwise unchanged",),
    ),
    Operation(
        "url.add parameter",
        _ANY,
        "code",
        _with_extra,
        (
            "add the parameter {extra} to the URL",
            "append {extra} to the query, with ? or & as needed",
            "tag the URL with {extra} at its end (use & if there is a query already, else ?)",
        ),
        ("the URL with {extra} as its last parameter", "the URL after {extra} was added to the query"),
        params=_new,
    ),
    Operation(
        "url.new host",
        _ANY,
        "code",
        lambda v, p: v.data["url"].replace(f"//{v.data['host']}", f"//{p['host']}", 1),
        (
            "replace the host by {host}, keeping the rest of the URL",
            "point the URL to {host}: same scheme, port, path and query",
        ),
        ("the URL with {host} as its host", "the same URL on the host {host}"),
        params=_new,
    ),
    Operation(
        "url.new last",
        _ANY,
        "code",
        lambda v, p: v.data["base"] + "/" + "/".join([*v.data["segments"][:-1], p["last"]]),
        (
            'replace the last path segment by "{last}", without any query',
            'write the URL with "{last}" as the end of its path, without parameters',
        ),
        ('the URL with its last segment changed to "{last}", no query',),
        params=_new,
    ),
    two_parts(
        "url.shaped", _ANY, _piece, ("host", "path"), ("scheme", "domain"), ("domain", "section"), ("host", "section")
    ),
    part(
        "link.text",
        ("link",),
        "label",
        (
            "output the text that readers see",
            "print the label of {the}, not the address",
            "extract the words to click on",
        ),
        ("the visible text of {the}", "the label of {the}"),
        ("which text is shown for {the}?",),
    ),
    part(
        "link.address",
        ("link",),
        "url",
        (
            "fetch the address only, without the text",
            "extract the URL that {the} leads to",
            "unwrap {the}: just its URL",
        ),
        ("the URL of {the}", "the address that {the} opens"),
        ("where does {the} lead?",),
    ),
    part(
        "link.plain",
        ("link",),
        lambda v, _: f"{v.data['label']}: {v.data['url']}",
        ("write the text, a colon and a space, and the URL", "make {the} readable in plain text, as text: URL"),
        ("{the} in plain text, written as text: URL",),
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
