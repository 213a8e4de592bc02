"""Two plain measures of advice: is it laid out as asked, and does it name the facts that the reference names?"""

import re
from collections.abc import Sequence

from genlora.errors import TaskError

_MARKS = (
    re.compile(r"^#{1,6} \S", re.M),
    re.compile(r"^ {0,3}(?:[-*+]|\d{1,3}[.)]) +\S.*\n(?:.*\n)*? {0,3}(?:[-*+]|\d{1,3}[.)]) +\S", re.M),
    re.compile(r"(?<![\w*])\*\*\S(?:[^*\n]*\S)?\*\*(?![\w*])"),
    re.compile(r"^```", re.M),
    re.compile(r"^\|.+\|\s*\n\|(?:\s*:?-+:?\s*\|)+", re.M),
    re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
)
"""A heading, a list of two items or more, bold text, a code fence, a table, a link."""
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")


def is_markdown(text: str) -> bool:
    """Whether a text uses Markdown: a heading, a list, bold text, a code fence, a table or a link."""
    return any(mark.search(text) for mark in _MARKS)


def markdown_rate(texts: Sequence[str]) -> float:
    """The share of texts that use Markdown, 0 to 1. Raises `TaskError` for none."""
    if not texts:
        raise TaskError("there are no texts to score, expected at least one.")
    return sum(map(is_markdown, texts)) / len(texts)


def facts(reference: str) -> frozenset[str]:
    """What a reference answer sets in bold, in lower case: the facts that an answer is held to."""
    return frozenset(" ".join(found.split()).lower() for found in _BOLD.findall(reference))


def domain_accuracy(answers: Sequence[str], references: Sequence[str]) -> float:
    """The mean share of the references' facts that the answers name, in any case or layout, 0 to 1.

    It says nothing of what else an answer claims. Raises `TaskError` where the two differ in number or no reference has
    a fact.
    """
    if len(answers) != len(references):
        raise TaskError(f"{len(answers)} answers for {len(references)} references; expected one each.")
    shares = []
    for answer, reference in zip(answers, references, strict=True):
        wanted = facts(reference)
        said = " ".join(answer.replace("*", "").split()).lower()
        if wanted:
            shares.append(sum(fact in said for fact in wanted) / len(wanted))
    if not shares:
        raise TaskError("no reference sets a fact in **bold**, so there is nothing to hold answers to.")
    return sum(shares) / len(shares)
