"""Answer forms: how the same answer is to be written, and the words that ask for it."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass

from genlora.tasks._draw import Draw

from ._parts import AnswerKind, Params, Value, picked

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
).split()
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
_PREFIXES = ("Answer:", "Result:", "->", "=>", "Output:", "A:", "=", "#", "Value:", ">>")
_KEYS = ("answer", "result", "value", "output", "label", "item", "out", "res", "text", "data", "found", "field")
_UNITS = ("items", "points", "pcs", "units", "kg", "EUR", "km", "pages", "votes", "days", "%", "cm")
_SEPARATORS = (" | ", " -> ", ": ", " = ", "; ", " / ")


def number_words(n: int) -> str:
    """0 to 99 in words, e.g. forty-two."""
    if n < 20:
        return _ONES[n]
    tens, ones = divmod(n, 10)
    return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")


@dataclass(frozen=True)
class WrittenForm:
    """A way of writing an answer. `say` are clauses that follow "..., " or stand alone as an imperative sentence."""

    name: str
    fits: tuple[AnswerKind, ...]
    write: Callable[[str, Value, Params], str | None]
    """(answer, input, params) -> what is to be written; None where this answer cannot be written so."""
    say: tuple[str, ...] = ()
    params: Callable[[Draw], Params] = lambda _: {}


def _quoted(answer: str, _: Value, p: Params) -> str | None:
    return None if p["left"] in answer or p["right"] in answer else f"{p['left']}{answer}{p['right']}"


def _quotes(draw: Draw) -> Params:
    name, left, right = draw.pick(
        (
            ("double quotes", '"', '"'),
            ("single quotes", "'", "'"),
            ("square brackets", "[", "]"),
            ("parentheses", "(", ")"),
            ("angle brackets", "<", ">"),
            ("asterisks", "*", "*"),
            ("double asterisks", "**", "**"),
            ("backticks", "`", "`"),
            ("curly braces", "{", "}"),
        )
    )
    return {"marks": name, "left": left, "right": right}


def _in_words(answer: str, _: Value, p: Params) -> str | None:
    return number_words(int(answer)) if answer.isascii() and answer.isdigit() and int(answer) < 100 else None


def _padded(answer: str, _: Value, p: Params) -> str | None:
    return answer.zfill(p["width"]) if answer.isascii() and answer.isdigit() and len(answer) <= p["width"] else None


_AS_JSON = ('as JSON with the key "{key}"', 'as a JSON object with one key, "{key}"', 'write JSON: {{"{key}": ...}}')
_PLAIN_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?")
_ALL: tuple[AnswerKind, ...] = ("word", "text", "number", "list", "code", "label")
_CASED: tuple[AnswerKind, ...] = ("word", "text", "list", "label")

FORMS = (
    WrittenForm("bare", _ALL, lambda a, _, p: a, ("only the answer", "nothing else", "no explanation", "just that")),
    WrittenForm(
        "marks",
        ("word", "text", "number", "code"),
        _quoted,
        ("in {marks}", "put the answer in {marks}", "write it in {marks}", "wrap it in {marks}"),
        _quotes,
    ),
    WrittenForm(
        "capitals",
        _CASED,
        lambda a, _, p: a.upper(),
        ("in capitals", "in upper case", "write it in capital letters", "ALL CAPS"),
    ),
    WrittenForm(
        "lower case", _CASED, lambda a, _, p: a.lower(), ("in lower case", "use small letters only", "all lowercase")
    ),
    WrittenForm(
        "prefix",
        _ALL,
        lambda a, _, p: f"{p['prefix']} {a}",
        ('begin with "{prefix}"', 'put "{prefix}" and a space before it', 'start the answer with "{prefix}"'),
        picked(prefix=_PREFIXES),
    ),
    WrittenForm(
        "full stop",
        ("word", "text", "number", "list"),
        lambda a, _, p: a if a.endswith(".") else f"{a}.",
        ("end with a full stop", "put a period at the end", "with a full stop after it"),
    ),
    WrittenForm(
        "json",
        ("word", "text", "code", "label"),
        lambda a, _, p: json.dumps({p["key"]: a}, ensure_ascii=False),
        _AS_JSON,
        picked(key=_KEYS),
    ),
    WrittenForm(
        "json number",
        ("number",),
        lambda a, _, p: f'{{"{p["key"]}": {a}}}' if _PLAIN_NUMBER.fullmatch(a) else None,
        _AS_JSON,
        picked(key=_KEYS),
    ),
    WrittenForm(
        "key value",
        _ALL,
        lambda a, _, p: f"{p['key']}{p['eq']}{a}",
        ("as {key}{eq}<answer>", "in the form {key}{eq}...", "write {key}{eq} and then the answer"),
        picked(key=_KEYS, eq=("=", ": ", ":", "=>")),
    ),
    WrittenForm(
        "with input",
        ("word", "number", "code", "label"),
        lambda a, v, p: f"{v.text}{p['sep']}{a}" if len(v.text) <= 24 and "\n" not in v.text else None,
        ('repeat the input, then "{mark}", then the answer', 'write the input first, then "{mark}" and the answer'),
        lambda d: {"sep": (s := d.pick(_SEPARATORS)), "mark": s.strip()},
    ),
    WrittenForm(
        "unit",
        ("number",),
        lambda a, _, p: f"{a} {p['unit']}",
        ('add "{unit}" after the number', "give it in {unit}, with the unit", 'followed by "{unit}"'),
        picked(unit=_UNITS),
    ),
    WrittenForm("in words", ("number",), _in_words, ("in words", "spell the number out", "write the number as a word")),
    WrittenForm(
        "padded",
        ("number",),
        _padded,
        ("with {width} digits, zeros in front", "padded with zeros to {width} digits"),
        picked(width=range(3, 6)),
    ),
    WrittenForm(
        "sentence",
        ("word", "number", "code"),
        lambda a, _, p: f"{p['lead']} {a}.",
        ('as a sentence that begins "{lead}"', 'say "{lead} ..." and end with a full stop'),
        picked(lead=("It is", "The answer is", "That would be", "I say", "The result is", "You want")),
    ),
    WrittenForm(
        "tag",
        ("word", "text", "number", "code", "label"),
        lambda a, _, p: f"<{p['key']}>{a}</{p['key']}>",
        ("inside <{key}> tags", "wrapped as <{key}>...</{key}>"),
        picked(key=_KEYS),
    ),
    WrittenForm(
        "spaced",
        ("word",),
        lambda a, _, p: " ".join(a) if a.isalpha() and len(a) <= 8 else None,
        ("with a space between the letters", "letter by letter, spaces between"),
    ),
    WrittenForm(
        "separator",
        ("list",),
        lambda a, _, p: a.replace(", ", p["sep"]) if ", " in a else None,
        ('with "{mark}" between the items', 'separate the items by "{mark}"'),
        lambda d: dict(
            zip(
                ("sep", "mark"),
                d.pick(((" | ", "|"), ("; ", ";"), (" - ", "-"), ("/", "/"), (" > ", ">"), ("+", "+"))),
                strict=True,
            )
        ),
    ),
)
BARE = FORMS[0]
