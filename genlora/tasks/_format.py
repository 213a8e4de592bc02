"""The form that the answers of a task share."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+%?")


@dataclass(frozen=True)
class AnswerFormat:
    """What all known answers keep to."""

    max_lines: int
    max_words: int
    max_chars: int
    numeric: bool
    """Whether every answer is a number."""

    def fits(self, answer: str) -> bool:
        """Not empty, within the lines, within twice the words and characters (one word stays one), and a number where
        all are.
        """
        text = answer.strip()
        words = len(text.split())
        most_words = self.max_words if self.max_words == 1 else 2 * self.max_words
        return (
            bool(text)
            and len(text.splitlines()) <= self.max_lines
            and words <= most_words
            and len(text) <= max(16, 2 * self.max_chars)
            and (not self.numeric or _NUMBER.fullmatch(text.rstrip(".")) is not None)
        )


def answer_format(answers: Iterable[str]) -> AnswerFormat:
    """The form of `answers`."""
    texts = [a.strip() for a in answers] or [""]
    return AnswerFormat(
        max_lines=max(1, *(len(t.splitlines()) for t in texts)),
        max_words=max(len(t.split()) for t in texts),
        max_chars=max(map(len, texts)),
        numeric=all(_NUMBER.fullmatch(t) for t in texts),
    )
