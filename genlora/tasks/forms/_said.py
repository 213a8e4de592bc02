"""The answer form that a description names. Patterns, no parser: what is not certain is no form at all."""

import re
from typing import Literal

from genlora.errors import ManifestError

from ._around import Around, read_around
from ._example import SplitDescription, read_example
from ._form import AnswerForm
from ._labels import read_labels

MAX_READ = 600
"""Characters of the longest description that is read: others say more than one answer's form."""
_REPEATED = re.compile(r"(?<=[ (])(\S[^\n]{3,60}) (?:->|=>|→|becomes|gives) \1[^\w]")
"""An example whose answer repeats its input."""
_INTRODUCED = re.compile(
    r"^(?i:you (?:get|receive|are given)|(?:the )?inputs? (?:is|are)|i (?:send|give) you|given|my data)\b"
    r".*?\.\s+(?=[A-Z])",
    re.DOTALL,
)
"""A first sentence that only says what the input is."""
_MARKED = re.compile(r"(?:<\w+>|\w+\s?(?:=>|=|:)\s?|[^\w\s]{1,3}\s?)?")
_MARKED_AFTER = re.compile(r"(?:</\w+>|[^\w\s]{1,3})?")
"""What an example may show in front of a label, and after it."""
_NUMBER_ONLY = re.compile(
    r"(?<!or )(?<!or a )(?<!not )(?:\b(?P<whole>(?:as |with )an? (?:integer|whole number)(?: only)?)|"
    r"\b(?:just |only )?(?:as |with )(?:just |only )?an? (?:number|digit|figure)(?: only)?|"
    r"\b(?:number|digits?|figures) only|\b(?:only|just) (?:the|a) (?:number|digit))\s*(?=[.,;!)\n]|$)",
    re.IGNORECASE,
)
_COUNT = r"count\b(?! (?:\d|on|back|from|up|down|one|two|three|four|five|six|seven|ten)\b)"
_COUNTED = re.compile(
    r"^(?:please |can you tell me |tell me |say |i need (?:you to )?|i want you to |your task is to |give )*"
    rf"(?:{_COUNT}|how many (?:[\w'-]+ ){1, 6}?(?:are|does|do|has|have|there|in|come|occur)\b|"
    r"the number of\b|find out how many\b)"
    rf"|[.:?!] (?:{_COUNT}|say how many|tell me how many)\b",
    re.IGNORECASE,
)
_NOT_A_COUNT = re.compile(
    r"\b(?:in words|spell|per cent|percent|percentage|roman|ordinal|e\.g\.|for example|such as|like|each|every|with the"
    r" (?:most|fewest)|up|down|by (?:one|two|ten|\d+)|"
    r"(?:and|then) (?:name|list|give|write|say|tell|answer|reply)|which|of what|not|instead)\b|->|=>"
    r"|how many .* (?:are|were) (?:left|missing)"
    r"|number of the\b",
    re.IGNORECASE,
)
_DATE = r"(?:YYYY|YY|DD|MM|M|D)(?:[-./ ]?(?:YYYY|YY|DD|MM|M|D)){1,2}(?:[ T]HH:MM(?::SS)?)?|HH:MM(?::SS)?"
_DATED = re.compile(
    r"\b(?:as|to|into|in the (?:form|format|style|shape)|in|formatted(?: as)?|in ISO format,?|format)[ :(]+"
    rf"\"?(?P<shape>{_DATE})\"?"
    r"\s*(?=[.,;!)\n]|$)"
)
_ANY_DATE = re.compile(rf"\b(?:{_DATE})\b")
_ISO = re.compile(r"\b(?:as an?|in|to|into) ISO(?: 8601)?(?: date)?(?: format| form)?\s*(?=[.,;!)\n]|$)", re.IGNORECASE)


def form_said(description: str) -> AnswerForm | None:
    """The form that `description` names for its answers; None where it names none, or none that is certain."""
    if len(description) > MAX_READ or _REPEATED.search(description):
        return None
    shown = read_example(_INTRODUCED.sub("", description.strip(), count=1))
    around = read_around(shown.rest)
    if around is None:
        return None
    try:
        return _checked(_inside(around), shown)
    except ManifestError:  # over-long labels and the like: what was read is no form
        return None


def _checked(form: AnswerForm | None, shown: SplitDescription) -> AnswerForm | None:
    """`form` if the description's own example keeps to it, or as the example writes it."""
    if form is not None and shown.answer is None:
        shown = _after_arrow(form, shown.rest)
    if form is None or shown.answer is None or form.legal(shown.answer):
        return form
    return _as_shown(form, shown)


def _after_arrow(form: AnswerForm, text: str) -> SplitDescription:
    """What stands after the only arrow, if the labels stand before it: then it is an example's answer."""
    before, arrow, answer = text.rpartition(" -> ") if " -> " in text else text.rpartition(" => ")
    example = arrow and arrow not in before and all(x.casefold() in before.casefold() for x in form.labels)
    return SplitDescription(before, before, answer.rstrip(".)")) if example and form.labels else SplitDescription(text)


def _as_shown(form: AnswerForm, shown: SplitDescription) -> AnswerForm | None:
    """Labels written as the example writes one of them: in other letters, or inside something."""
    answer = shown.answer or ""
    for case in ("", "upper", "lower") if form.is_choice else ():
        labels = tuple(dict.fromkeys(_cased(x, case) for x in form.labels))
        for label in sorted(labels, key=len, reverse=True):
            before, found, after = answer.partition(label)
            inside = found and _MARKED.fullmatch(before) and _MARKED_AFTER.fullmatch(after)
            if inside and not (before.strip() and before.strip(" :=|/;>-") in shown.input):
                return AnswerForm("labels", labels=labels, before=before, after=after)
    return None


def _inside(around: Around) -> AnswerForm | None:
    wrapped = {"keys": around.keys, "before": around.before, "after": around.after, "spaced": around.spaced}
    several = len(around.keys) > 1
    if not several and not around.numeric and (labels := read_labels(around.rest)):
        cased = [_cased(x, around.case) for x in labels]
        return AnswerForm("labels", labels=tuple(dict.fromkeys(cased)), **wrapped)
    if around.width:
        return AnswerForm("pattern", pattern="N" * around.width, **wrapped)
    if around.numeric:
        return AnswerForm("number", **wrapped)
    if not several and (number := _number(around.rest)):
        return AnswerForm(number, **wrapped)
    if not several and (pattern := _date(around.rest)):
        return AnswerForm("pattern", pattern=pattern, **wrapped)
    return AnswerForm("text", **wrapped) if around.keys or around.before or around.after else None


def _cased(text: str, case: str) -> str:
    return text.upper() if case == "upper" else text.lower() if case == "lower" else text


def _number(text: str) -> Literal["integer", "number"] | None:
    said = _NUMBER_ONLY.search(text)
    if said is not None:
        return "integer" if said["whole"] else "number"
    return "integer" if _COUNTED.search(text) and not _NOT_A_COUNT.search(text) else None


def _date(text: str) -> str | None:
    """The pattern that a date is to be written in: the only one named, or the last, named as the aim."""
    shapes = list(_DATED.finditer(text))
    named = _ANY_DATE.findall(text)
    if _ISO.search(text) and not named:
        return "YYYY-MM-DD"
    if len(shapes) != 1 or not named or shapes[0]["shape"] != named[-1]:
        return None
    if len(named) > 1 and not re.search(r"\b(?:to|into|as)\b", text[shapes[0].start() :]):
        return None
    shape = shapes[0]["shape"]
    return shape.replace("HH:MM", "HH:mm")
