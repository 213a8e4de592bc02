"""Labels that are listed: "yes or no", "one of: a, b or c", "(X/Y)", "is it X or Y?"."""

import re
from functools import cache

from ._label_words import KNOWN, LABEL, LABELS_END, ONE_LABEL, VERBS, certain, known

_ORS = rf"{LABEL}(?:,\s+{LABEL}){{0,40}},?\s+or\s+{LABEL}"
_SINGLE_ORS = rf"{ONE_LABEL}(?:,\s+{ONE_LABEL}){{0,40}},?\s+or\s+{ONE_LABEL}"
_COMMAS = rf"{LABEL}(?:,\s+{LABEL}){{0,40}},?\s+(?:or|and)\s+{LABEL}|{ONE_LABEL}(?:,\s+{ONE_LABEL}){{2,40}}"
_SIGNS = rf"{LABEL}(?:\s*/\s*{LABEL}){{1,40}}|{LABEL}(?:\s*\|\s*{LABEL}){{1,40}}"
_EITHER = rf"(?P<list>{_ORS}|{_SIGNS})"
_ANY = rf"(?P<list>{_ORS}|{_SIGNS}|{_COMMAS})"

_DO = r"(?:^|(?<=[.?!;:,(])\s+|\b(?:and|then|please|to|always|just|must|should|can|it|that)\s+|['\u2019]ll\s+)"
"""What stands before a verb that tells what to do."""
_DECIDE = (
    r"(?:decide|tell|check|say|judge|determine|state|see|classify|label|identify|verify|find out|report|detect|assess|"
    r"categori[sz]e|recogni[sz]e|sort|put|rate|grade|name|choose|pick|map|route|is|are|does|do|did|was|can|should|would|"
    r"has|have|whether|which|what)"
)
_NOUN = (
    r"(?:labels|outputs|words|answers|values|classes|categories|tags|verdicts|outcomes|options|choices|functions|bins|"
    r"intents|desks|types|kinds|groups|buckets|queues|teams)"
)
_THIS = rf"(?:(?:an?\s+)?{ONE_LABEL})"
_LISTS = (
    rf"{_DO}(?:answers?|repl(?:y|ies)|responds?|says?)(?:\s+(?:with|just|only|either|plainly|simply|me))*:?\s+"
    rf"{_EITHER}{LABELS_END}",
    rf"\b(?:one of|either|choos(?:e|ing) (?:from|among|between)|choose:?|pick (?:from|among|one:)|out of)"
    rf"(?:\s+(?:these|the following|the \w+))?(?:\s+{_NOUN})?\s*:?\s+{_ANY}{LABELS_END}",
    rf"(?<!further )(?<!other )(?<!more )\b{_NOUN}\b(?:\s+(?:to use|are|is|exist|being|called|named))*"
    rf"(?::| are| is)\s+{_ANY}{LABELS_END}",
    rf"\bone of (?:the )?(?:\w+ ){{0,3}}\w+:\s+{_ANY}{LABELS_END}",
    rf"\b(?:verdict|polarity|category|class|tag|label|tone|labels),?\s+(?:either\s+)?{_EITHER}{LABELS_END}",
    r"\bthe (?:two|three|four|five|six) (?:labels|verdicts|classes|categories|tags|outcomes|options):?\s+"
    rf"(?P<list>{_COMMAS}){LABELS_END}",
    rf"\b(?:classify|categori[sz]e|label|tag|mark|rate|judge|sort|grade|flag)\b[^.;:?\n]*?\s(?:as|into)\s+"
    rf"(?:either\s+|one of:?\s+)?{_ANY}{LABELS_END}",
    rf"\b(?:label|tag|mark|rate|call)\s+(?:[\w'\u2019]+\s+){{1,6}}?(?P<list>{_SINGLE_ORS}){LABELS_END}",
    rf"[?]\s+\(?{_ANY}{LABELS_END}",
    rf"\b{_DECIDE}\b[^.;?\n]*?(?::|->|=>)\s+{_EITHER}{LABELS_END}",
    rf"\b(?:decide|classify|detect|judge|determine|identify|recogni[sz]e)\b[^.;?\n]*?\b"
    rf"(?:outputs?|writes?|gives?|returns?|types?)\s+{_EITHER}{LABELS_END}",
    rf"\b(?:which|what|kind|type|class|group|category|label|tag|tone|mood|intent)\b[^.;:?\n]*:\s+"
    rf"(?P<list>{ONE_LABEL}(?:,\s+{ONE_LABEL}){{2,40}})\s*[.?]?$",
    rf"\s\?\s*(?P<list>{ONE_LABEL}\s*:\s*{ONE_LABEL})\s*$",
    r"\b(?:whether|if|is|say)\s+(?:it|this|that)(?:\s+is)?\s+"
    rf"(?P<list>{_THIS}(?:,\s+{_THIS}){{0,20}},?\s+or\s+{_THIS}){LABELS_END}",
    r"\b(?:whether|(?:decide|say|tell|tell me|see|know|judge|check) if)\s[^.;:?,\n]*?\s(?:is|are)\s+"
    rf"(?P<list>{_SINGLE_ORS}){LABELS_END}",
    rf"(?:^|[.!]\s+)(?:is|are)\s[^.;:?,\n]*?\s(?P<list>{_SINGLE_ORS})\?$",
    rf"\((?P<list>{_SIGNS})\)",
)
_ANYWHERE = (
    rf"(?:->|=>|→|:)\s*(?:one of )?(?P<list>{_SIGNS})\s*\??$",
    rf"{_DO}(?:answer|reply|tell me|say|state|write|type|output|respond)(?:\s+(?:with|only|just))*\s+"
    rf"(?P<list>{ONE_LABEL}\s+or\s+{ONE_LABEL})"
    r"(?=\s+(?:whether|if|only|to the|depending|based)\b|, (?:was|is|did|does)\b)",
    r"(?:^|[.?!:,;(]\s*|\b(?:answer|reply|say|with|verdict|only|check|just|either)\s+)"
    rf"(?P<list>{ONE_LABEL}(?:\s+or\s+|\s*/\s*|\s*\|\s*){ONE_LABEL}){LABELS_END}",
    rf"\b(?:whether|which|what|classify|decide|category|label|kind|type|tone|mood|class|sentiment|emotion|say if)\b"
    rf"[^()]*\((?P<list>{_ORS}|{_COMMAS})\)\s*[.?]?$",
)
"""Only for labels that are known as such."""
_SPLIT = re.compile(r"\s+:\s+|\s*,\s*(?:or\s+|and\s+)?|\s+or\s+|\s+and\s+|\s*/\s*|\s*\|\s*", re.IGNORECASE)
_MIDDLE = re.compile(
    r"(?:,|/|\||\b(?:or|and|nor|than|otherwise|else|such as|like|e\.g\.|further|other|also|not))\s*$", re.I
)
"""A list that follows one of these is part of a longer one, or not all there is."""
_MORE = re.compile(
    rf"^\s*,|\b(?:{VERBS}|copy|close|rewrite|repeat|explain|list)\b|\botherwise\b|\belse\b|\bor\b", re.IGNORECASE
)
"""Where it follows a list, more is asked, or more is legal."""
_TAKEN_APART = re.compile(
    r"\b(?:parts|fields|columns|both|join|swap|combine|in the order|whose|where)\b", re.IGNORECASE
)
"""Where it precedes a list, the list is of parts of the input."""
_QUOTED_WORD = re.compile(r"[\"“'`](\w+)[\"”'`]")


def listed(text: str) -> tuple[str, ...]:
    """The labels of the first list that can be nothing else."""
    for patterns, must_be_known in ((_LISTS, False), (_ANYWHERE, True)):
        for pattern in patterns:
            for match in _compiled(pattern).finditer(text):
                labels = _read(text, match)
                if labels and (not must_be_known or known(labels)):
                    return labels
    return ()


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when it is first needed: all of them take half a second."""
    return re.compile(pattern, re.IGNORECASE)


def _read(text: str, match: re.Match[str]) -> tuple[str, ...]:
    said = match["list"].strip()
    before, after = text[: match.start("list")], text[match.end("list") :]
    aside = before.count("(") > before.count(")") and not before.rstrip().endswith("(")
    if aside or _TAKEN_APART.search(before):
        return ()
    pair = frozenset(x.casefold() for x in _SPLIT.split(said)) in KNOWN and before.count(",") == 1
    middle = _MIDDLE.search(before.rstrip("( "))
    if (
        (middle and not (pair and middle.group().strip() == ","))
        or _MORE.search(after)
        or len(re.findall(r"\sor\s", said)) > 1
    ):
        return ()
    parts = _SPLIT.split(said)
    labels = certain([re.sub(r"^an?\s+", "", x) for x in parts])
    if said[0] in "\"“'`" and set(_QUOTED_WORD.findall(text)) - set(labels):
        return ()
    return labels
