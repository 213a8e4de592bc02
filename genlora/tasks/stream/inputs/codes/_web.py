"""What the web is written in: URLs and links, e-mail addresses, IP addresses, HTTP requests and status codes."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value, picked
from ..._tables import table

_STATUS = {
    "200": "OK",
    "201": "Created",
    "204": "No Content",
    "301": "Moved Permanently",
    "302": "Found",
    "304": "Not Modified",
    "400": "Bad Request",
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "409": "Conflict",
    "429": "Too Many Requests",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable",
    "504": "Gateway Timeout",
}
STATUS_TEXT = _STATUS
_METHODS = ("GET", "GET", "POST", "PUT", "PATCH", "DELETE")
_DESKS = ("info", "support", "sales", "billing", "jobs")
_LABELS = ("Docs", "our shop", "read more", "Sign up", "status page", "the guide", "Pricing", "contact us", "Blog")


def _word(draw: Draw, name: str) -> str:
    return draw.pick(table(name, of="codes"))


def _segments(draw: Draw, low: int, high: int) -> list[str]:
    found = draw.some(table("segments", of="codes"), draw.between(low, high))
    if len(found) > 1 and draw.chance(0.4):
        found[-1] = str(draw.between(2, 999))
    return found


def _parameters(draw: Draw, n: int) -> dict[str, str]:
    values = {
        "page": str(draw.between(1, 30)),
        "lang": _word(draw, "langs"),
        "sort": draw.pick(("price", "name", "date", "asc", "desc")),
        "id": str(draw.between(10, 999)),
        "q": draw.pick(table("items", of="codes")),
        "limit": draw.pick(("5", "10", "20", "50")),
        "ref": draw.pick(("mail", "app", "ad", "home")),
        "user": _word(draw, "users"),
    }
    return {k: values[k] for k in draw.some(tuple(values), n)}


def _url(draw: Draw, p: Params) -> tuple[dict[str, object], str]:
    domain = _word(draw, "domains")
    sub = _word(draw, "subdomains") if draw.chance(p["sub"]) else ""
    host = f"{sub}.{domain}" if sub else domain
    port = draw.pick(("3000", "5000", "8000", "8080", "8443", "9000")) if draw.chance(p["port"]) else ""
    scheme = draw.pick(p["schemes"])
    segments = _segments(draw, 1, 3)
    query = _parameters(draw, draw.between(1, 2)) if draw.chance(p["query"]) else {}
    path = "/" + "/".join(segments)
    asked = "&".join(f"{k}={v}" for k, v in query.items())
    base = f"{scheme}://{host}{':' + port if port else ''}"
    data = {
        "scheme": scheme,
        "host": host,
        "sub": sub,
        "domain": domain,
        "ending": domain.rpartition(".")[2],
        "port": port,
        "path": path,
        "segments": segments,
        "query": query,
        "asked": asked,
        "base": base,
    }
    return data, base + path + (f"?{asked}" if asked else "")


def _plain_url(draw: Draw, p: Params) -> Value:
    data, url = _url(draw, p)
    return Value({**data, "url": url}, url)


def _link(shape: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, p: Params) -> Value:
        data, url = _url(draw, p)
        label = draw.pick(_LABELS)
        return Value({**data, "url": url, "label": label}, shape.format(label=label, url=url))

    return drawn


def _url_layout(draw: Draw) -> Params:
    return {
        "sub": draw.pick((0.3, 0.6, 0.9)),
        "port": draw.pick((0.1, 0.3, 0.6)),
        "query": draw.pick((0.3, 0.6, 0.9)),
        "schemes": ("https", "http"),
    }


def _server_layout(draw: Draw) -> Params:
    return {
        "sub": 0.9,
        "port": 0.9,
        "query": draw.pick((0.2, 0.4)),
        "schemes": draw.pick((("ftp", "sftp", "https"), ("ws", "wss"), ("http", "https", "ws"))),
    }


def _address(draw: Draw) -> dict[str, str]:
    first, last = draw.pick(table("names", of="codes")), draw.pick(table("surnames", of="codes"))
    domain = _word(draw, "domains")
    shape = draw.between(0, 4)
    if shape == 0:
        user = draw.pick(_DESKS)
    elif shape == 1:
        user = f"{first[0]}{last}".lower()
    else:
        user = f"{first}.{last}".lower()
        if draw.chance(0.3):
            user += str(draw.between(1, 99))
    return {
        "first": first,
        "last": last,
        "user": user,
        "domain": domain,
        "company": domain.rpartition(".")[0],
        "ending": domain.rpartition(".")[2],
        "address": f"{user}@{domain}",
    }


def _email(draw: Draw, p: Params) -> Value:
    data = _address(draw)
    text = p["shape"].format(**data)
    return Value(data, text)


def _emails(draw: Draw, p: Params) -> Value:
    n = draw.between(3, 4)
    found = tuple(f"{u}@{_word(draw, 'domains')}" for u in draw.some(table("users", of="codes"), n))
    return Value(found, p["sep"].join(found))


def _maybe_email(draw: Draw, _: Params) -> Value:
    """An address, right or spoilt in one visible way."""
    good = _address(draw)["address"]
    user, _at, domain = good.partition("@")
    fault, text = draw.pick(
        (
            ("no at", f"{user}{domain}"),
            ("no domain", f"{user}@"),
            ("no user", f"@{domain}"),
            ("two at", f"{user}@@{domain}"),
            ("space", f"{user} @{domain}"),
            ("no ending", f"{user}@{domain.split('.')[0]}"),
        )
    )
    if draw.chance(0.5):
        fault, text = "", good
    return Value({"ok": not fault, "fault": fault}, text)


def _octets(draw: Draw) -> tuple[int, ...]:
    start = draw.pick(((10, draw.between(0, 9)), (192, 168), (172, 16), (draw.between(11, 223), draw.between(1, 254))))
    return (*start, draw.between(0, 99), draw.between(1, 254))


def _ip(draw: Draw, _: Params) -> Value:
    octets = _octets(draw)
    text = ".".join(map(str, octets))
    return Value({"ip": text, "octets": octets}, text)


def _ip_port(draw: Draw, p: Params) -> Value:
    octets = _octets(draw)
    text = ".".join(map(str, octets))
    port = draw.pick(("22", "80", "443", "3306", "5432", "6379", "8080", "9000", "53", "25"))
    return Value({"ip": text, "octets": octets, "port": port}, p["shape"].format(ip=text, port=port))


def _maybe_ip(draw: Draw, _: Params) -> Value:
    blocks = list(map(str, _octets(draw)))
    i = draw.between(0, 3)
    fault = "" if draw.chance(0.5) else draw.pick(("large", "few", "many", "letters"))
    if fault == "large":
        blocks[i] = str(draw.between(256, 999))
    elif fault == "few":
        del blocks[i]
    elif fault == "many":
        blocks.insert(i, str(draw.between(1, 99)))
    elif fault == "letters":
        blocks[i] = draw.pick(("x", "a1", "1b", "abc"))
    return Value({"ok": not fault, "fault": fault, "blocks": tuple(blocks)}, ".".join(blocks))


def _request(draw: Draw, p: Params) -> Value:
    segments = _segments(draw, 1, 3)
    query = _parameters(draw, 1) if draw.chance(0.3) else {}
    asked = "&".join(f"{k}={v}" for k, v in query.items())
    path = "/" + "/".join(segments)
    data = {
        "method": draw.pick(_METHODS),
        "path": path,
        "segments": segments,
        "query": query,
        "target": path + (f"?{asked}" if asked else ""),
        "version": draw.pick(("HTTP/1.1", "HTTP/1.0", "HTTP/2")),
        "status": draw.pick(tuple(_STATUS)),
        "ms": str(draw.between(2, 950)),
        "ip": ".".join(map(str, _octets(draw))),
    }
    return Value(data, p["shape"].format(**data))


def _status(*shapes: str) -> Callable[[Draw, Params], Value]:
    """The form differs from input to input: there are too few codes for one form."""

    def drawn(draw: Draw, _: Params) -> Value:
        code = draw.pick(tuple(_STATUS))
        return Value(code, draw.pick(shapes).format(code=code, text=_STATUS[code]))

    return drawn


def _shape(*shapes: str) -> Callable[[Draw], Params]:
    return lambda d: {"shape": d.pick(shapes)}


INPUTS = (
    InputType("web address", "url", "a web address", "the address", _plain_url, _url_layout),
    InputType("server url", "url", "a URL", "the URL", _plain_url, _server_layout),
    InputType("markdown link", "link", "a Markdown link", "the link", _link("[{label}]({url})"), _url_layout),
    InputType("html link", "link", "an HTML link", "the link", _link('<a href="{url}">{label}</a>'), _url_layout),
    InputType("email address", "email", "an e-mail address", "the address", _email, _shape("{address}")),
    InputType(
        "email sender",
        "email",
        "the sender of a mail",
        "the sender line",
        _email,
        _shape("{first} {last} <{address}>", "From: {first} {last} <{address}>", '"{last}, {first}" <{address}>'),
    ),
    InputType(
        "email list",
        "emails",
        "a list of e-mail addresses",
        "the list",
        _emails,
        picked(sep=(", ", "; ", "\n", " ")),
    ),
    InputType("email candidate", "maybe email", "something typed as an e-mail address", "the entry", _maybe_email),
    InputType("ip address", "ip", "an IP address", "the address", _ip),
    InputType(
        "ip with port",
        "endpoint",
        "an IP address with a port",
        "the endpoint",
        _ip_port,
        _shape("{ip}:{port}", "{ip} port {port}"),
    ),
    InputType("ip candidate", "maybe ip", "something typed as an IPv4 address", "the entry", _maybe_ip),
    InputType(
        "request line",
        "request",
        "an HTTP request line",
        "the request",
        _request,
        _shape("{method} {target} {version}"),
    ),
    InputType(
        "access line",
        "access",
        "a line of an access log",
        "the line",
        _request,
        _shape(
            "{ip} {method} {target} {status} {ms}ms",
            '{ip} - "{method} {target}" {status} {ms}ms',
            "{method} {target} -> {status} ({ms} ms) from {ip}",
            "status={status} method={method} path={target} ms={ms} ip={ip}",
        ),
    ),
    InputType(
        "status code",
        "status",
        "an HTTP status code",
        "the code",
        _status("{code}", "{code}", "HTTP {code}", "status {code}", "status={code}", "code: {code}", "({code})"),
    ),
    InputType(
        "status line",
        "status line",
        "the status line of a response",
        "the line",
        _status(*(f"HTTP/{v} {{code}} {{text}}" for v in ("1.0", "1.1", "2", "3"))),
    ),
)
