"""IP addresses, endpoints, HTTP requests and status codes."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..._tables import groups_of
from ...inputs.codes._web import STATUS_TEXT
from ..records._shapes import two_parts
from ..words._parts_of import part

_IP = ("ip", "endpoint")
_CALL = ("request", "access")
_STATUS = ("status", "status line")
_NTH = ("first", "second", "third", "last")


def _octet(draw: Draw) -> Params:
    n = draw.between(0, 3)
    return {"n": n, "nth": _NTH[n]}


def _last(draw: Draw) -> Params:
    return {"n": draw.pick((0, 1, 10, 100, 200, 254, 255))}


def _method(draw: Draw) -> Params:
    return {"method": draw.pick(("GET", "POST", "PUT", "DELETE", "PATCH"))}


def _port(draw: Draw) -> Params:
    return {"port": draw.pick(("80", "443", "8080", "22", "5432"))}


def _piece(value: Value, name: str) -> str | None:
    return value.data["segments"][0] if name == "resource" else value.data[name]


def _joined(octets: tuple[int, ...]) -> str:
    return ".".join(map(str, octets))


def _code(value: Value) -> str:
    return value.data["status"] if isinstance(value.data, dict) else value.data


def _limit(draw: Draw) -> Params:
    return {"n": draw.pick((50, 100, 200, 300, 500, 800))}


OPERATIONS = (
    Operation(
        "ip.octet",
        _IP,
        "code",
        lambda v, p: str(v.data["octets"][p["n"]]),
        (
            "show the {nth} of the four numbers in the IP address",
            "output the {nth} octet",
            "extract the {nth} block of the IP address",
        ),
        ("the {nth} octet of the IP address", "the {nth} of its four numbers"),
        ("what is the {nth} octet?",),
        _octet,
    ),
    part(
        "ip.network",
        _IP,
        lambda v, _: _joined(v.data["octets"][:3]),
        ("return the first three octets, dots between", "cut off the last block of the IP address with its dot"),
        ("the IP address without its last octet", "the first three blocks, joined by dots"),
        ("which network is it (first three octets)?",),
    ),
    part(
        "ip.subnet",
        _IP,
        lambda v, _: f"{_joined(v.data['octets'][:3])}.0/24",
        (
            "write the /24 network: last octet 0, then /24",
            "turn the IP address into its /24 subnet, such as 10.1.2.0/24",
        ),
        ("the /24 network of the IP address", "the subnet in the form a.b.c.0/24"),
        ("which /24 network contains the IP address?",),
    ),
    Operation(
        "ip.new last",
        _IP,
        "code",
        lambda v, p: f"{_joined(v.data['octets'][:3])}.{p['n']}",
        ("replace the last octet by {n}; write the IP address alone", "write the IP address that ends in .{n} instead"),
        ("the IP address with {n} as its last block", "the IP address in the same network that ends in .{n}"),
        params=_last,
    ),
    part(
        "ip.next",
        _IP,
        lambda v, _: _joined((*v.data["octets"][:3], v.data["octets"][3] + 1)),
        ("give the next IP address (last number plus one)", "count the last octet up by one"),
        ("the IP address that follows", "the next IP address in the network"),
        ("which IP address comes next?",),
    ),
    part(
        "ip.previous",
        _IP,
        lambda v, _: _joined((*v.data["octets"][:3], v.data["octets"][3] - 1)),
        ("output the IP address just before it (last number minus one)", "count the last octet down by one"),
        ("the IP address that precedes it", "the previous IP address in the network"),
        ("which IP address comes before?",),
    ),
    part(
        "ip.dashes",
        _IP,
        lambda v, _: f"ip-{'-'.join(map(str, v.data['octets']))}",
        ('print the host name: "ip-" and the four numbers joined by hyphens', "turn 10.0.0.7 style into ip-10-0-0-7"),
        ("the host name in the form ip-10-0-0-7", "the IP address as ip-a-b-c-d"),
    ),
    part(
        "ip.reversed",
        _IP,
        lambda v, _: _joined(v.data["octets"][::-1]),
        ("write the four numbers in reverse order, dots between", "reverse the octets for a reverse lookup"),
        ("the octets in reverse order, dots between", "the IP address with its blocks reversed"),
        ("what is the IP address with its blocks in reverse order?",),
    ),
    part(
        "endpoint.ip",
        ("endpoint",),
        "ip",
        ("fetch the IP address without the port", "drop the port", "extract the address part of {the}"),
        ("the IP address alone", "{the} without its port"),
        ("what is the IP address?",),
    ),
    part(
        "endpoint.port",
        ("endpoint",),
        "port",
        ("give the port without the address", "write only the port number", "extract the port of {the}"),
        ("the port alone", "the port number in {the}"),
        ("which port is it?",),
    ),
    Operation(
        "endpoint.new port",
        ("endpoint",),
        "code",
        lambda v, p: f"{v.data['ip']}:{p['port']}",
        ("write address:port with the port changed to {port}", "replace the port by {port}, in the form ip:port"),
        ("the address with port {port}, as ip:port",),
        ("how is {the} written as ip:port with port {port}?",),
        _port,
    ),
    Operation(
        "endpoint.service",
        ("endpoint",),
        "text",
        lambda v, _: next(iter(groups_of("codes", "ports").get(v.data["port"], ())), None),
        (
            "name the service or protocol that usually listens on this port",
            "say what normally runs on the port, e.g. Redis",
            "translate the port into the protocol or database it belongs to",
        ),
        ("the usual service on that port, such as MySQL", "the protocol or database that the port stands for"),
        ("what usually runs on this port?",),
        knowledge=True,
    ),
    part(
        "http.method",
        _CALL,
        "method",
        ("print the HTTP method", "write the verb of {the}, such as GET", "extract which method was used"),
        ("the HTTP method", "the verb of {the}"),
        ("which HTTP method is it?",),
    ),
    part(
        "http.path",
        _CALL,
        "path",
        ("give the requested path, without parameters", "extract the path only; drop a query if there is one"),
        ("the requested path without its query", "the path in {the}, parameters left out"),
        ("which path was requested, without parameters?",),
    ),
    part(
        "http.resource",
        _CALL,
        lambda v, _: v.data["segments"][0],
        (
            "get the first part of the path, without slashes",
            "write which resource is asked for: the first path segment",
        ),
        ("the first segment of the requested path", "the top-level resource in {the}"),
        ("what is the first path segment?",),
    ),
    part(
        "http.last",
        _CALL,
        lambda v, _: v.data["segments"][-1],
        (
            "give the last part of the path, without slashes or parameters",
            "output the final segment of the requested path",
        ),
        ("the last segment of the requested path", "what the path ends in, query left out"),
        ("what is the last path segment?",),
    ),
    part(
        "http.version",
        ("request",),
        lambda v, _: v.data["version"].partition("/")[2],
        ("show the HTTP version number only", "write the number after HTTP/"),
        ("the HTTP version, number only", "the number behind HTTP/"),
        ("which HTTP version is used?",),
    ),
    part(
        "http.curl",
        _CALL,
        lambda v, _: f"curl -X {v.data['method']} localhost{v.data['target']}",
        (
            "write the curl command for it: curl -X METHOD localhost/path",
            "make a curl call against localhost with the same method, path and query (curl -X ...)",
        ),
        ("a curl command, curl -X METHOD localhost/path, with the same query",),
    ),
    part(
        "http.status",
        ("access",),
        "status",
        ("return the status code of the response", "extract the three-digit HTTP status"),
        ("the HTTP status code", "the status of the response, digits only"),
        ("which status code was returned?",),
    ),
    part(
        "http.duration",
        ("access",),
        "ms",
        ("give the duration in milliseconds, number only", "extract how many milliseconds it took, without the unit"),
        ("the time taken, a bare number of milliseconds", "the number of milliseconds"),
        ("how many milliseconds did it take?",),
        "number",
    ),
    part(
        "http.client",
        ("access",),
        "ip",
        ("output the IP address of the client", "extract who called: the IP address"),
        ("the client's IP address", "the IP address in {the}"),
        ("which IP address did the call come from?",),
    ),
    two_parts("http.shaped", ("access",), _piece, ("method", "status"), ("status", "path"), ("method", "resource")),
    two_parts(
        "http.call shaped", ("request",), _piece, ("method", "path"), ("method", "resource"), ("version", "method")
    ),
    Operation(
        "status.meaning",
        ("status",),
        "text",
        lambda v, _: STATUS_TEXT[v.data],
        (
            "fetch the standard text of {the}, e.g. OK",
            "print the reason phrase that belongs to {the}",
            "translate {the} into its official words",
        ),
        ("the reason phrase for {the}", "the standard wording of {the}, such as Bad Request"),
        ("what does {the} stand for?",),
        knowledge=True,
    ),
    part(
        "status.code",
        ("status line",),
        lambda v, _: v.data,
        ("give the number only", "extract the status code, three digits"),
        ("the three-digit code in {the}", "the status code alone"),
        ("which code is it?",),
    ),
    part(
        "status.reason",
        ("status line",),
        lambda v, _: STATUS_TEXT[v.data],
        ("print the words after the code", "extract the reason phrase"),
        ("the text after the status code", "the reason given in {the}"),
        ("which reason does {the} give?",),
        "text",
    ),
)

CONDITIONS = (
    Condition(
        "ip valid",
        ("maybe ip",),
        lambda v, _: v.data["ok"],
        ("{the} is a valid IPv4 address", "{the} consists of four numbers from 0 to 255 with dots between"),
        ("{the} is not a valid IPv4 address", "it is malformed"),
    ),
    Condition(
        "ip invalid",
        ("maybe ip",),
        lambda v, _: not v.data["ok"],
        ("{the} cannot be an IPv4 address", "a number is over 255, missing, extra or no number at all"),
        ("{the} is a correct IPv4 address", "all four numbers are fine"),
    ),
    Condition(
        "ip private",
        _IP,
        lambda v, _: v.data["octets"][0] == 10 or v.data["octets"][:2] == (192, 168),
        ("the IP address starts with 10. or 192.168.", "it is internal (10.x.x.x or 192.168.x.x)"),
        ("it starts with anything else", "it is neither 10.x.x.x nor 192.168.x.x"),
    ),
    Condition(
        "ip last over",
        _IP,
        lambda v, p: v.data["octets"][3] > p["n"],
        ("the last number of the IP address is over {n}", "the last octet is greater than {n}"),
        ("the last octet is {n} or less", "the IP address ends in {n} or a smaller number"),
        params=lambda d: {"n": d.pick((50, 100, 127, 128, 150, 200))},
    ),
    Condition(
        "http method",
        _CALL,
        lambda v, p: v.data["method"] == p["method"],
        ("the method is {method}", "{the} is a {method} request"),
        ("another method is used", "it is no {method} request"),
        params=_method,
    ),
    Condition(
        "http read only",
        _CALL,
        lambda v, _: v.data["method"] == "GET",
        ("{the} only reads (GET)", "nothing is changed, because the method is GET"),
        ("{the} writes (POST, PUT, PATCH or DELETE)", "the method is not GET"),
    ),
    Condition(
        "http ok",
        ("access", *_STATUS),
        lambda v, _: _code(v)[0] in "23",
        ("the status is 2xx or 3xx", "the code is below 400"),
        ("the status is 4xx or 5xx", "the code is 400 or above"),
    ),
    Condition(
        "http our fault",
        ("access", *_STATUS),
        lambda v, _: _code(v)[0] == "5",
        ("the status starts with 5", "it is a server error (5xx)"),
        ("the status does not start with 5", "it is no server error"),
    ),
    Condition(
        "http slow",
        ("access",),
        lambda v, p: int(v.data["ms"]) > p["n"],
        ("it took longer than {n} ms", "the duration is over {n} milliseconds"),
        ("it took {n} ms or less", "the duration is at most {n} milliseconds"),
        params=_limit,
    ),
)

CLASSIFIERS = (
    Classifier(
        "http class",
        ("access", *_STATUS),
        lambda v, _: _code(v)[0],
        {
            "2": "the status starts with 2",
            "3": "the status starts with 3",
            "4": "the status starts with 4",
            "5": "the status starts with 5",
        },
        "the class of the response",
        {"2": "success", "3": "redirect", "4": "client error", "5": "server error"},
    ),
    Classifier(
        "http action",
        _CALL,
        lambda v, _: {"GET": "read", "POST": "create", "DELETE": "delete"}.get(v.data["method"], "update"),
        {
            "read": "the method is GET",
            "create": "the method is POST",
            "update": "the method is PUT or PATCH",
            "delete": "the method is DELETE",
        },
        "the effect of the call",
        {"read": "read", "create": "create", "update": "update", "delete": "delete"},
    ),
)
