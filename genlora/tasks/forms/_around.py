"""What a description says of the text around the answer: JSON keys, tags, quotes, a beginning, a unit, capitals."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

_START = r"(?:^|(?<=[.,;:?!(\n])\s*|(?<=[\"'>)])\s+)"
"""Where a clause of its own may begin."""
_END = r"(?=\s*(?:[.,;!)\n]|$))"
"""Where it ends."""
_PUT = (
    r"(?:and )?(?:(?:please )?(?:put|write|wrap|enclose|give|return|reply|answer|present|output)"
    r"(?: with)?(?: it| that| this| the answer| the result| your answer)?,? )?"
)
_MARKS = {
    "double quotes": ('"', '"'),
    "quotation marks": ('"', '"'),
    "single quotes": ("'", "'"),
    "square brackets": ("[", "]"),
    "parentheses": ("(", ")"),
    "round brackets": ("(", ")"),
    "angle brackets": ("<", ">"),
    "double asterisks": ("**", "**"),
    "asterisks": ("*", "*"),
    "backticks": ("`", "`"),
    "curly braces": ("{", "}"),
    "curly brackets": ("{", "}"),
}


@dataclass(frozen=True)
class Around:
    """What was read, and what is left of the description."""

    rest: str
    keys: tuple[str, ...] = ()
    before: str = ""
    after: str = ""
    spaced: bool = False
    case: str = ""
    """upper or lower, where all of the answer is to be in it."""
    numeric: bool = False
    """Whether only a number fits inside: a unit follows."""
    width: int = 0
    """Digits of a number that is padded with zeros; 0 for others."""


Read = Callable[[re.Match[str]], dict[str, object] | None]


def _keys(found: re.Match[str]) -> dict[str, object] | None:
    named = re.findall(r"[\"'`]([^\"'`\s]{1,40})[\"'`]", found["keys"])
    if not named:
        named = [w for w in re.split(r"\s*,\s*(?:and\s+)?|\s+and\s+", found["keys"].strip()) if w]
    if not named or not all(re.fullmatch(r"[\w.-]{1,40}", w) for w in named) or len(set(named)) < len(named):
        return None
    return {"keys": tuple(named)}


def _object(found: re.Match[str]) -> dict[str, object] | None:
    named = re.findall(r"[\"']([^\"']{1,40})[\"']\s*:", found["object"])
    return {"keys": tuple(named)} if named and len(set(named)) == len(named) else None


def _prefix(found: re.Match[str]) -> dict[str, object] | None:
    text = found["text"]
    if not text.strip() or not (text[-1].isalnum() or text[-1] in ": >"):
        return None  # '#' may stand for '#tag' or for '# tag'
    return {"before": text.rstrip(), "spaced": True}


def _key_value(found: re.Match[str]) -> dict[str, object] | None:
    return {"before": found["text"]}


def _tag(found: re.Match[str]) -> dict[str, object] | None:
    return {"before": f"<{found['tag']}>", "after": f"</{found['tag']}>"}


def _marks(found: re.Match[str]) -> dict[str, object] | None:
    left, right = _MARKS[found["marks"].lower()]
    return {"before": left, "after": right}


def _unit(found: re.Match[str]) -> dict[str, object] | None:
    return {"after": found["unit"], "spaced": True, "numeric": True}


def _sentence(found: re.Match[str]) -> dict[str, object] | None:
    return {"before": f"{found['text'].strip()} ", "after": "."}


_QUOTED = r"[\"“](?P<text>[^\"“”]{1,40})[\"”]"
_JSON_LEAD = (
    r"(?:as|in|into|write|return|output|give|reply with|answer with|respond with|produce)(?: an?| one| the)?"
    r"(?: single)? JSON(?: object)?"
)
_RULES: tuple[tuple[str, Read], ...] = (
    (
        rf"(?:{_START}{_PUT}|\s){_JSON_LEAD},?(?: with| that has| having| of)?(?: exactly)?"
        rf"(?: one| two| three| four| five)?(?: the| a)?(?: keys?| fields?),? (?P<keys>[\w.\"'`, -]{{1,120}}?){_END}",
        _keys,
    ),
    (
        rf"(?:{_START}{_PUT}|\s)(?:{_JSON_LEAD}:?|as) (?:like |of the form )?(?P<object>\{{[^{{}}]{{1,200}}\}}){_END}",
        _object,
    ),
    (
        rf"{_START}{_PUT}(?:inside|in|within|between|wrapped in|enclosed in) (?:an? |the )?"
        rf"<(?P<tag>[A-Za-z][\w-]{{0,20}})>(?: tags?)?{_END}",
        _tag,
    ),
    (
        rf"{_START}{_PUT}(?:wrapped |written )?(?:as|in the form) <(?P<tag>[A-Za-z][\w-]{{0,20}})>\s*(?:\.\.\.|…)\s*"
        rf"</(?P=tag)>{_END}",
        _tag,
    ),
    (
        rf"{_START}{_PUT}(?:as|in the form|in the format) (?P<text>[A-Za-z]\w{{0,20}}(?:=>|=|: ?))"
        rf"(?:<(?:answer|result|value)>|\.\.\.|…){_END}",
        _key_value,
    ),
    (rf"{_START}write (?P<text>[A-Za-z]\w{{0,20}}(?:=>|=|: ?)) and then the answer{_END}", _key_value),
    (rf"{_START}as a sentence that begins {_QUOTED}{_END}", _sentence),
    (
        rf"{_START}say [\"“](?P<text>[^\"“”]{{1,40}}?) ?(?:\.\.\.|…)[\"”] and end with a (?:full stop|period){_END}",
        _sentence,
    ),
    (
        rf"{_START}(?:and )?(?:always )?(?:begin|start)(?: (?:it|the answer|your answer|the line))? with {_QUOTED}"
        rf"{_END}",
        _prefix,
    ),
    (rf"{_START}(?:and )?put {_QUOTED}(?: and a space)? (?:before|in front of) (?:it|the answer){_END}", _prefix),
    (rf"{_START}{_PUT}in (?P<marks>{'|'.join(_MARKS)}){_END}", _marks),
    (
        rf"{_START}(?:and )?(?:add [\"“](?P<unit>[^\"“”\d.,]{{1,12}})[\"”] after the number){_END}",
        _unit,
    ),
    (rf"{_START}(?:and )?give it in (?P<unit>[^\s\d.,]{{1,12}}), with the unit{_END}", _unit),
    (rf"{_START}(?:and )?followed by [\"“](?P<unit>[^\"“”\d.,\s]{{1,12}})[\"”]{_END}", _unit),
    (
        rf"{_START}(?:(?:and )?(?:end|close) with a (?:full stop|period)|put a (?:full stop|period) at the end|"
        rf"with a (?:full stop|period) (?:after it|at the end)){_END}",
        lambda _: {"after": "."},
    ),
    (
        rf"{_START}{_PUT}(?:all )?(?:in )?(?:capitals|capital letters|all caps|all capitals|upper ?case|"
        rf"uppercase letters)(?: letters)?(?: only)?{_END}",
        lambda _: {"case": "upper"},
    ),
    (
        rf"{_START}{_PUT}(?:(?:all )?(?:in )?(?:lower ?case|small letters)(?: letters)?(?: only)?"
        rf"|use small letters only){_END}",
        lambda _: {"case": "lower"},
    ),
    (
        rf"{_START}{_PUT}(?:with (?P<width>\d) digits, zeros in front|"
        rf"padded with zeros to (?P<width2>\d) digits){_END}",
        lambda m: {"width": int(m["width"] or m["width2"]), "numeric": True},
    ),
    (
        rf"{_START}(?:only the answer|the answer only|nothing else|no explanations?|just that|nothing more|"
        rf"(?:and|with) nothing else|(?:and )?(?:reply|answer) with (?:just |only )?that (?:one )?word|"
        rf"without (?:any )?explanations?|no other text|one word(?: only)?){_END}",
        lambda _: {},
    ),
)
_COMPILED = tuple((re.compile(pattern, re.IGNORECASE), read) for pattern, read in _RULES)

_UNREAD = re.compile(
    rf"{_START}(?:(?:and )?(?:(?:begin|start|end|close|finish|follow)\b[^.]*\bwith|prefix|precede|wrap|enclose|"
    r"surround)\b|format (?:it|the answer|your answer)\b|repeat the input|write the input first|spell (?:it|the)"
    r"|in words|write the number as a word|followed by"
    r"|(?:as|in|to) (?:an? )?(?:sentence|JSON|XML|HTML|YAML|CSV|markdown|table|bullet)"
    r"|with a (?:space|full stop|period|comma|leading|trailing)|letter by letter|in (?:the )?(?:form|format|style)\b)"
    r"|<\w+>",
    re.IGNORECASE,
)
"""Words that ask for something around the answer: where they are left over, the form is not known."""


def read_around(description: str) -> Around | None:
    """What stands around the answer; None where the description asks for something that was not understood."""
    found = Around(description.strip())
    for pattern, read in _COMPILED:
        match = pattern.search(found.rest)
        if match is None:
            continue
        said = read(match)
        if said is None or any(getattr(found, name) for name in said):
            return None
        if any((found.keys, found.before, found.after)) and any(k in said for k in ("keys", "before", "after")):
            return None  # two things around it: in which order?
        found = replace(found, rest=_without(found.rest, match), **said)  # pyright: ignore[reportArgumentType]
    return None if _UNREAD.search(found.rest) else found


def _without(text: str, match: re.Match[str]) -> str:
    """`text` with a clause cut out, and the comma or brackets that held it."""
    left, right = text[: match.start()].rstrip(), text[match.end() :].lstrip()
    if left.endswith("(") and right.startswith(")"):
        left, right = left[:-1].rstrip(), right[1:].lstrip()
    if left.endswith((",", ";")) and (not right or right[0] in ".,;)"):
        left = left[:-1]
    if left.endswith((".", "?", "!")) and right[:1] in (".", ",", ";"):
        right = right[1:].lstrip()
    joint = "" if not right or right[0] in ".,;)" else " "
    return f"{left}{joint}{right}".strip()
