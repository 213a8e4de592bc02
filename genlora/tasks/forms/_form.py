"""The answer form: what a legal answer looks like, as a value that can be saved, checked, and held to."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Self, get_args

from genlora.errors import ManifestError

from ._grammar import (
    DIGIT,
    Chars,
    Grammar,
    Times,
    chain,
    choice,
    class_escaped,
    gbnf_of,
    maybe,
    regex_of,
)

FormKind = Literal["labels", "integer", "number", "pattern", "text"]

MAX_LABELS, MAX_TEXT, MAX_AFFIX, MAX_KEYS = 64, 200, 60, 16
_MAX_DIGITS = 18

_PLACES: dict[str, Grammar] = {
    "YYYY": Times(DIGIT, 4, 4),
    "YY": Times(DIGIT, 2, 2),
    "MM": choice((chain("0", Chars("1-9")), chain("1", Chars("0-2")))),
    "DD": choice((chain("0", Chars("1-9")), chain(Chars("12"), DIGIT), chain("3", Chars("01")))),
    "M": choice((chain("1", Chars("0-2")), Chars("1-9"))),
    "D": choice((chain(Chars("12"), DIGIT), chain("3", Chars("01")), Chars("1-9"))),
    "HH": choice((chain(Chars("01"), DIGIT), chain("2", Chars("0-4")))),
    "mm": chain(Chars("0-5"), DIGIT),
    "SS": chain(Chars("0-5"), DIGIT),
    "N": DIGIT,
}
"""What each name in a pattern stands for; every other character stands for itself."""
_PLACE = re.compile("|".join(_PLACES))

_ANSWERS_HOLD = frozenset(". ,-^!?%")
"""Where one of these follows a text, the text may hold it too; a quote or bracket ends it."""


@dataclass(frozen=True)
class AnswerForm:
    """A legal answer: one of some labels, a number, a date pattern or a line of text, inside fixed texts or JSON.

    Raises `ManifestError` for parts that make no form.
    """

    kind: FormKind
    """What stands inside; *text* is any one line, and is only a form inside something."""
    labels: tuple[str, ...] = ()
    """All legal answers, for *labels*."""
    pattern: str = ""
    """For *pattern*: YYYY, YY, MM, M, DD, D, HH, mm, SS and N (a digit); other characters stand for themselves."""
    keys: tuple[str, ...] = ()
    """The keys of a JSON object, in order: of one key `kind` is the value's, several hold any values."""
    before: str = ""
    """Every answer begins with it."""
    after: str = ""
    """Every answer ends with it."""
    spaced: bool = False
    """Whether a space may stand between `before` or `after` and the rest, or not."""

    def __post_init__(self) -> None:
        for fault in self._faults():
            raise ManifestError(f"answer form: {fault}")

    def _faults(self) -> Iterator[str]:
        if self.kind not in get_args(FormKind):
            yield f"kind {str(self.kind)[:40]!r}, expected one of {', '.join(get_args(FormKind))}."
        if (self.kind == "labels") != bool(self.labels) or (self.kind == "pattern") != bool(self.pattern):
            yield f"{self.kind} needs its own field and no other's: labels have `labels`, a pattern has `pattern`."
        if len(self.labels) > MAX_LABELS or len(set(self.labels)) != len(self.labels):
            yield f"{len(self.labels)} labels, expected at most {MAX_LABELS} different ones."
        if len(self.keys) > MAX_KEYS or len(set(self.keys)) != len(self.keys):
            yield f"{len(self.keys)} keys, expected at most {MAX_KEYS} different ones."
        for text in (*self.labels, *self.keys, self.pattern):
            if text != text.strip() or (not text and text is not self.pattern) or len(text) > MAX_TEXT:
                yield f"{text[:40]!r} is empty, over {MAX_TEXT} characters, or has space at an end."
        for text in (*self.labels, *self.keys, self.pattern, self.before, self.after):
            if not text.isprintable():
                yield f"{text[:40]!r} holds control characters."
        if max(len(self.before), len(self.after)) > MAX_AFFIX:
            yield f"the text before or after is over {MAX_AFFIX} characters."
        if self.kind == "text" and not (self.keys or self.before or self.after):
            yield "any text is no form. Give keys, or what stands before or after."
        if len(self.keys) > 1 and self.kind != "text":
            yield "several keys hold any values: expected kind text."

    @cached_property
    def grammar(self) -> Grammar:
        """All legal answers."""
        gap = maybe(" ") if self.spaced else ""
        inner = self._object() if self.keys else self._core()
        return chain(self.before, gap if self.before else "", inner, gap if self.after else "", self.after)

    def _core(self) -> Grammar:
        match self.kind:
            case "labels":
                return choice(self.labels)
            case "integer":
                return chain(maybe("-"), Times(DIGIT, 1, _MAX_DIGITS))
            case "number":
                part = chain(Chars(".,"), Times(DIGIT, 1, _MAX_DIGITS))
                return chain(maybe(Chars("+-")), Times(DIGIT, 1, _MAX_DIGITS), Times(part, 0, 6), maybe("%"))
            case "pattern":
                return _pattern(self.pattern)
            case "text":
                closing = self.after if len(self.after) == 1 and self.after not in _ANSWERS_HOLD else ""
                return _line(class_escaped(closing))

    def _object(self) -> Grammar:
        """A JSON object on one line; a space after colons and commas or none."""
        parts: list[Grammar | str] = ["{"]
        for i, key in enumerate(self.keys):
            parts += [*((",", maybe(" ")) if i else ()), f"{_json(key)}:", maybe(" "), self._value()]
        return chain(*parts, "}")

    def _value(self) -> Grammar:
        if self.kind == "labels":
            plain = [x for x in self.labels if x in ("true", "false") or re.fullmatch(r"0|-?[1-9][0-9]*", x)]
            return choice((*map(_json, self.labels), *plain))
        if self.kind == "text":
            string = chain('"', Times(_STRING_PART, 0, MAX_TEXT), '"')
            scalar = choice((string, _JSON_NUMBER, "true", "false", "null"))
            if len(self.keys) == 1:
                return scalar
            return choice((scalar, chain("[", maybe(chain(scalar, Times(chain(",", maybe(" "), scalar), 0, 20))), "]")))
        quoted = chain('"', self._core(), '"')
        return quoted if self.kind == "pattern" else choice((_JSON_NUMBER, quoted))

    @cached_property
    def regex(self) -> str:
        """A regular expression that whole answers match: for Python, llguidance and vLLM."""
        return regex_of(self.grammar)

    @cached_property
    def gbnf(self) -> str:
        """The same language as a grammar file of llama.cpp."""
        return f"root ::= {gbnf_of(self.grammar)}\n"

    def json_schema(self) -> dict[str, Any] | None:
        """What an answer is as a JSON schema, for servers that hold to nothing else; None where it is no JSON."""
        if not self.keys:
            return None
        match self.kind:
            case "labels":
                value: dict[str, Any] = {"enum": list(self.labels)}
            case "integer" | "number":
                value = {"type": self.kind}
            case "pattern":
                value = {"type": "string", "pattern": f"^{regex_of(self._core())}$"}
            case "text":
                scalar = ["string", "number", "boolean", "null"]
                several = {"type": [*scalar, "array"], "items": {"type": scalar}}
                value = several if len(self.keys) > 1 else {"type": scalar}
        return {
            "type": "object",
            "properties": dict.fromkeys(self.keys, value),
            "required": list(self.keys),
            "additionalProperties": False,
        }

    @cached_property
    def _compiled(self) -> re.Pattern[str]:
        return re.compile(self.regex)

    def legal(self, answer: str) -> bool:
        """Whether an answer is of this form; space at its ends does not count."""
        return self._compiled.fullmatch(answer.strip()) is not None

    @property
    def is_choice(self) -> bool:
        """Whether the legal answers are the labels themselves."""
        return self.kind == "labels" and not (self.keys or self.before or self.after)

    def summary(self) -> str:
        """In a few words, for people."""
        core = {
            "labels": "one of " + ", ".join(self.labels),
            "integer": "a whole number",
            "number": "a number",
            "pattern": self.pattern,
            "text": "one line of text",
        }[self.kind]
        if self.keys:
            keys = ", ".join(self.keys)
            return f"JSON with the key{'s' if len(self.keys) > 1 else ''} {keys}" + (
                f", {core}" if self.kind != "text" else ""
            )
        around = [f"after {self.before!r}"] if self.before else []
        around += [f"before {self.after!r}"] if self.after else []
        return ", ".join([core, *around])

    def to_json(self) -> dict[str, Any]:
        """The fields that are set, as JSON values."""
        fields = {
            "kind": self.kind,
            "labels": list(self.labels),
            "pattern": self.pattern,
            "keys": list(self.keys),
            "before": self.before,
            "after": self.after,
            "spaced": self.spaced,
        }
        return {k: v for k, v in fields.items() if v}

    @classmethod
    def from_json(cls, data: Any) -> Self:
        """What `to_json` wrote. Raises `ManifestError`."""
        if not isinstance(data, dict):
            raise ManifestError(f"answer form: {type(data).__name__}, expected an object.")
        extra = data.keys() - {"kind", "labels", "pattern", "keys", "before", "after", "spaced"}
        if extra:
            raise ManifestError(f"answer form: key {min(extra)[:40]!r} is not known. A newer genlora may have made it.")
        for key in ("labels", "keys"):
            value = data.get(key, [])
            if not isinstance(value, list) or not all(isinstance(x, str) for x in value):
                raise ManifestError(f"answer form: `{key}` is not a list of texts.")
        for key in ("kind", "pattern", "before", "after"):
            if not isinstance(data.get(key, ""), str):
                raise ManifestError(f"answer form: `{key}` is not text.")
        if not isinstance(data.get("spaced", False), bool):
            raise ManifestError("answer form: `spaced` is not true or false.")
        return cls(**{**data, "kind": data.get("kind", ""), **{k: tuple(data.get(k, ())) for k in ("labels", "keys")}})


_STRING_PART = choice((Chars('"\\\\\\x00-\\x1f', excluded=True), chain("\\", Chars('"\\\\/bfnrt'))))
_JSON_NUMBER = chain(
    maybe("-"),
    choice(("0", chain(Chars("1-9"), Times(DIGIT, 0, _MAX_DIGITS - 1)))),
    maybe(chain(".", Times(DIGIT, 1, _MAX_DIGITS))),
)


def _json(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _pattern(pattern: str) -> Grammar:
    parts: list[Grammar | str] = []
    end = 0
    for found in _PLACE.finditer(pattern):
        parts += [pattern[end : found.start()], _PLACES[found.group()]]
        end = found.end()
    return chain(*parts, pattern[end:])


def _line(without: str) -> Grammar:
    """One line without some characters, and without space at its ends."""
    edge, middle = Chars(f"\\n\\r\\t {without}", excluded=True), Chars(f"\\n\\r{without}", excluded=True)
    return chain(edge, maybe(chain(Times(middle, 0, MAX_TEXT - 2), edge)))
