"""Strict JSON: three hundred malformed manifests give three hundred clear errors (A8)."""

import json
import random

import numpy as np
import pytest

from genlora.errors import ManifestError
from genlora.files import MAX_JSON_BYTES, canonical_json, parse_json, read_json

SOUND = {"name": "expert", "rank": 8, "gain": 0.25, "tags": ["a", "b"], "nested": {"x": [1, 2, {"y": None}]}}


def malformed() -> list[bytes]:
    rng = random.Random(8)
    text = canonical_json(SOUND)
    cases = [text[:-2][:cut] for cut in range(len(text) - 2)]  # cut before the closing brace
    cases += [
        b"\xff\xfe" + text,
        b"\xef\xbb\xbf" + text,
        text.decode().encode("utf-16"),
        text.decode().encode("utf-32"),
    ]
    for bad in (b"NaN", b"Infinity", b"-Infinity", b"nan", b"1e999", b"-1e999", b"01", b"1.", b".5", b"+1", b"0x10"):
        cases += [b'{"a": ' + bad + b"}", b"[" + bad + b"]"]
    for bad in (b"'a'", b"a", b"True", b"None", b"undefined", b"// x", b"/* x */", b"{,}", b"[1,]", b"[,1]", b'{"a":}'):
        cases += [bad, b"[" + bad + b"]", b'{"k": ' + bad + b"}"]
    cases += [b'{"a": 1, "a": 1}', b'{"x": {"a": 1, "b": 2, "a": 3}}', b'[{"k": 1, "k": 2}]', b'{"a":1,"\\u0061":2}']
    for depth in (17, 100, 10_000, 200_000):
        cases += [b"[" * depth + b"]" * depth, b'{"a":' * depth + b"1" + b"}" * depth]
    cases += [b'"' + b"x" * MAX_JSON_BYTES + b'"', b" " * (MAX_JSON_BYTES + 1), text + text, text + b"x", b"{}{}"]
    cases += [b'"\n"', b'"\x00"', b'"\\x41"', b'"\\u12"', b'"\xed\xa0\x80"', b"\x00", b"", b" ", b"\xc0\x80"]
    while len(cases) < 300:
        at = rng.randrange(len(text) - 1)
        cases.append(text[:at] + rng.choice([b"\xff", b"\x00", b"\x80"]) + text[at:])
    return cases[:300] if len(cases) > 300 else cases


def refused(read, cases: list[bytes]) -> int:
    count = 0
    for data in cases:
        try:
            read(data)
        except ManifestError as err:
            count += str(err).startswith("manifest.json: ") and "xpected" in str(err)
    return count


def test_a8_every_malformed_manifest_is_a_clear_error():
    cases = malformed()
    assert len(cases) == 300
    assert refused(lambda d: parse_json(d, where="manifest.json"), cases) == 300


def test_a8_the_naive_reader_takes_some():
    taken = 0
    for data in malformed():
        try:
            json.loads(data)
            taken += 1
        except (ValueError, RecursionError):
            continue
    assert taken > 10


def test_sound_manifests_come_back_whole():
    assert parse_json(canonical_json(SOUND), where="manifest.json") == SOUND
    deep = b"[" * 16 + b"]" * 16
    assert parse_json(deep, where="manifest.json")
    assert parse_json(b'"brackets in text: [[[[[[[[[[[[[[[[[[[[["', where="x").startswith("brackets")


def test_a_missing_manifest_is_named(tmp_path):
    with pytest.raises(ManifestError, match=r"manifest\.json: cannot be read"):
        read_json(tmp_path / "manifest.json")
    (tmp_path / "big.json").write_bytes(b" " * (MAX_JSON_BYTES + 10))
    with pytest.raises(ManifestError, match=r"larger than 1,048,576 bytes, expected a JSON file"):
        read_json(tmp_path / "big.json")


def some_json(draw, depth=0):
    """Any value that JSON can hold, of odd numbers and characters."""
    kind = draw.randrange(9 if depth < 5 else 6)
    if kind < 3:
        return draw.choice([None, True, False, 0, -1, 10**30, 0.0, -0.0, 1e-7, 1e16, 1e22, draw.random()])
    if kind < 6:
        return "".join(draw.choice('ab"\\\n\t\x00\x1fé\u2028😀/') for _ in range(draw.randrange(6)))
    if kind == 6:
        return {some_json(draw, 9) if draw.random() < 0.02 else f"k{i}é": some_json(draw, depth + 1) for i in range(3)}
    return draw.choice([list, tuple])(some_json(draw, depth + 1) for _ in range(draw.randrange(4)))


def by_the_library(value):
    return (json.dumps(value, sort_keys=True, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def said(call, value):
    try:
        return call(value)
    except (TypeError, ValueError) as err:
        return type(err)


def test_canonical_json_is_what_the_library_writes():
    draw = random.Random(0)
    values = [some_json(draw) for _ in range(3000)]
    circle = []
    circle.append(circle)
    odd = [{}, [], (), {"a": {}}, {1: 2}, {None: 1}, float("nan"), {"a": [float("inf")]}, circle, {"x": {1, 2}}]
    deep = json.loads("[" * 300 + "]" * 300)
    for value in (*values, *odd, deep, np.float64(2.5), {"a": np.int64(1)}, {"b": 1, 2: 3}):
        assert said(canonical_json, value) == said(by_the_library, value), value


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("[" * 16 + "]" * 16, True),
        ("[" * 17 + "]" * 17, False),
        ('{"a": [' * 8 + "1" + "]}" * 8, True),
        ('["' + "[" * 99 + '"]', True),
        ('["\\"' + "[" * 99 + '"]', True),
        ('["\\\\"' + ", []" * 99 + "]", True),
        ('["\\\\", ' + "[" * 16 + "]" * 17, False),
    ],
)
def test_depth_is_counted_outside_strings(text, fine):
    if fine:
        parse_json(text.encode(), where="x")
        return
    with pytest.raises(ManifestError, match="nested deeper than 16"):
        parse_json(text.encode(), where="x")


def test_a_text_that_never_ends_is_refused_at_once():
    with pytest.raises(ManifestError, match="not strict JSON"):
        parse_json(b'["' + b'\\"' * 500_000 + b"[" * 20, where="x", max_bytes=4 << 20)
