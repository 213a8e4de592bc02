"""Request bodies that nobody should send."""

import json


def odd_inputs() -> list[tuple[str, bytes]]:
    """200 request bodies that nobody should send, up to 10 MB, with the route each goes to."""
    adapters, chat, text = "/v1/adapters", "/v1/chat/completions", "/v1/completions"
    large = 10_000_000
    out: list[tuple[str, bytes]] = []
    for path in (adapters, chat, text):
        out += [
            (path, b""),
            (path, b"\0" * large),
            (path, b"[" * large),
            (path, b"[" * 900_000),
            (path, b'{"a":' * 200_000),
            (path, b"[" + b"[]," * 300_000 + b"[]]"),
            (path, b"{" + b"".join(b'"k%d":0,' % i for i in range(80_000)) + b'"k":0}'),
            (path, b"9" * 900_000),
            (path, b'{"a": 1e999}'),
            (path, b'{"a": NaN}'),
            (path, b"\xff\xfe" * 1000),
            (path, b'"' + b"x" * large + b'"'),
            (path, b"null"),
            (path, b"{}"),
            (path, b"{} {}"),
            (path, b'{"model": '),
            (path, b'{"description": {"$ref": "x"}}'),
            (path, '{"\u202e": 1}'.encode()),
            (path, b"\xef\xbb\xbf{}"),
        ]
    texts = [
        "",
        " ",
        "\n" * 1000,
        "\0",
        "a\0b",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "...",
        "?!",
        "\u200b",
        "\u202e",
        "x" * 4001,
    ]
    texts += ["x" * n for n in (10_000, 32_001, 100_000, 1_000_000, large)]
    texts += [
        "\u0301" * 5000,
        "e\u0301" * 300_000,
        "\U0001f600" * 200_000,
        "a " * 500_000,
        "\ufdfa" * 300_000,
        " " * large,
    ]
    texts += [chr(c) for c in (*range(1, 9), 0x80, 0x9F, 0x2028, 0xFFFE, 0xE000)]
    out += [(adapters, json.dumps({"description": t}).encode()) for t in texts]
    out += [
        (adapters, b'{"description": "' + s + b'"}')
        for s in (rb"\ud800", rb"\udfff", rb"a\ud83d", b"\xed\xa0\x80", rb"\u0000")
    ]
    for wrong in (0, 1.5, True, None, [], {}, ["sort"], {"text": "sort"}, "x" * 5000):
        out += [
            (adapters, json.dumps({"description": wrong}).encode()),
            (adapters, json.dumps({"examples": wrong}).encode()),
        ]
        out += [(text, json.dumps({"model": "base", "prompt": wrong}).encode())]
        out += [(chat, json.dumps({"model": "base", "messages": wrong}).encode())]
        out += [(chat, json.dumps({"model": wrong, "messages": [{"role": "user", "content": "a"}]}).encode())]
    for n in (65, 10_000, 40_000):
        out += [(adapters, json.dumps({"examples": [{"input": "a", "output": "b"}] * n}).encode())]
    for n in (257, 30_000, 300_000):
        out += [(chat, json.dumps({"model": "base", "messages": [{"role": "user", "content": "a"}] * n}).encode())]
        out += [(chat, json.dumps({"model": "base", "messages": [0] * n}).encode())]
        out += [(text, json.dumps({"model": "base", "prompt": [-1] * n}).encode())]
        out += [(text, json.dumps({"model": "base", "prompt": ["a"] * n}).encode())]
        out += [(text, json.dumps({"model": "base", "prompt": "a", "stop": ["a"] * n}).encode())]
    for size in (3_000, 60_000, 300_000, 3_000_000):
        for letter in ("a", "a ", "\u0e01", "🙂"):
            content = letter * (size // len(letter))
            out += [(chat, json.dumps({"model": "base", "messages": [{"role": "user", "content": content}]}).encode())]
            out += [(text, json.dumps({"model": "base", "prompt": content}, ensure_ascii=False).encode())]
    return (out * 2)[:200] if len(out) < 200 else out[:200]
