"""IP addresses, endpoints, HTTP requests and status codes."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
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


_last = picked(n=(0, 1, 10, 100, 200, 254, 255))


_method = picked(method=("GET", "POST", "PUT", "DELETE", "PATCH"))


_port = picked(port=("80", "443", "8080", "22", "5432"))


def _piece(value: Value, name: str) -> str | None:
    return value.data["segments"][0] if name == "resource" else value.data[name]


def _joined(octets: tuple[int, ...]) -> str:
    return ".".join(map(str, octets))


def _code(value: Value) -> str:
    return value.data["status"] if isinstance(value.data, dict) else value.data


_limit = picked(n=(50, 100, 200, 300, 500, 800))


OPERATIONS = (
    Operation("ip.octet", _IP, "code", lambda v, p: str(v.data["octets"][p["n"]]), params=_octet),
    part("ip.network", _IP, lambda v, _: _joined(v.data["octets"][:3])),
    part("ip.subnet", _IP, lambda v, _: f"{_joined(v.data['octets'][:3])}.0/24"),
    Operation("ip.new last", _IP, "code", lambda v, p: f"{_joined(v.data['octets'][:3])}.{p['n']}", params=_last),
    part("ip.next", _IP, lambda v, _: _joined((*v.data["octets"][:3], v.data["octets"][3] + 1))),
    part("ip.previous", _IP, lambda v, _: _joined((*v.data["octets"][:3], v.data["octets"][3] - 1))),
    part("ip.dashes", _IP, lambda v, _: f"ip-{'-'.join(map(str, v.data['octets']))}"),
    part("ip.reversed", _IP, lambda v, _: _joined(v.data["octets"][::-1])),
    part("endpoint.ip", ("endpoint",), "ip"),
    part("endpoint.port", ("endpoint",), "port"),
    Operation("endpoint.new port", ("endpoint",), "code", lambda v, p: f"{v.data['ip']}:{p['port']}", params=_port),
    Operation(
        "endpoint.service",
        ("endpoint",),
        "text",
        lambda v, _: next(iter(groups_of("codes", "ports").get(v.data["port"], ())), None),
        knowledge=True,
    ),
    part("http.method", _CALL, "method"),
    part("http.path", _CALL, "path"),
    part("http.resource", _CALL, lambda v, _: v.data["segments"][0]),
    part("http.last", _CALL, lambda v, _: v.data["segments"][-1]),
    part("http.version", ("request",), lambda v, _: v.data["version"].partition("/")[2]),
    part("http.curl", _CALL, lambda v, _: f"curl -X {v.data['method']} localhost{v.data['target']}"),
    part("http.status", ("access",), "status"),
    part("http.duration", ("access",), "ms", answer="number"),
    part("http.client", ("access",), "ip"),
    two_parts("http.shaped", ("access",), ("method", "status"), ("status", "path"), ("method", "resource"), get=_piece),
    two_parts(
        "http.call shaped", ("request",), ("method", "path"), ("method", "resource"), ("version", "method"), get=_piece
    ),
    Operation("status.meaning", ("status",), "text", lambda v, _: STATUS_TEXT[v.data], knowledge=True),
    part("status.code", ("status line",), lambda v, _: v.data),
    part("status.reason", ("status line",), lambda v, _: STATUS_TEXT[v.data], answer="text"),
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
        params=picked(n=(50, 100, 127, 128, 150, 200)),
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
