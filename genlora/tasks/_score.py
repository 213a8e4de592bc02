"""How answers are scored: strictly as written, or leniently as a reader would.

strict: the answer is a right answer, character for character, after stripping white space at the ends.
lenient: case, punctuation, articles, white space and anything after the first line do not count, unless case or
punctuation is what the example is about; a choice may be named inside a sentence or begun unambiguously.
"""

import functools
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from genlora.errors import TaskError

from ._task import Example, Metric, Split, Task

_ARTICLES = {"a", "an", "the"}
_DROPPED = re.compile(r"['`\u2018\u2019\u00b4]|(?<=\d),(?=\d{3}(?!\d))|(?<=\b[^\W\d_])\.(?=[^\W\d_]\b)")
_SPACED = re.compile(
    r"(?<!\d)\.|\.(?!\d)|[,;:!?\"()\[\]{}*_\\\u201c-\u201e\u00ab\u00bb\u2026]|(?<=\w)[-\u2010-\u2014](?=\w)"
)
_WORDS = re.compile(r"\w+")


def first_line(answer: str) -> str:
    """The first line that is not blank, stripped."""
    return next((line.strip() for line in answer.splitlines() if line.strip()), "")


@functools.lru_cache(maxsize=1 << 16)
def normalise(text: str, *, articles: bool = False) -> str:
    """Case, punctuation, articles and white space taken out; idempotent.

    Decimal points, signs and operators stay ('-3.5' is not '35'); a text of nothing else keeps what it has. With
    `articles=True` a, an and the stay.
    """
    text = " ".join(unicodedata.normalize("NFKC", text).split())
    for _ in range(8):  # case folding and composition can undo each other once or twice
        before, text = text, _normal_step(text, articles)
        if text == before:
            break
    return text


def _normal_step(text: str, articles: bool) -> str:
    folded = " ".join(unicodedata.normalize("NFKC", text.casefold()).split())
    if not any(map(str.isalnum, folded)):
        return folded  # brackets and operators are the answer here
    words = _SPACED.sub(" ", _DROPPED.sub("", folded)).split()
    kept = words if articles else [w for w in words if w not in _ARTICLES] or words
    return " ".join(kept) or folded


def _contains(words: Sequence[str], part: Sequence[str]) -> bool:
    n = len(part)
    return any(tuple(words[i : i + n]) == tuple(part) for i in range(len(words) - n + 1))


def _begins(text: str, beginning: str) -> bool:
    return text.startswith(beginning) and (len(beginning) >= 3 or text.startswith(f"{beginning} "))


def chosen(answer: str, choices: Sequence[str]) -> str | None:
    """Which of `choices` an answer names, leniently; None when it names none or more than one.

    In order: the choice itself; equal after `normalise`; an unambiguous beginning (whole words, or three characters);
    the only one named inside the first line, where a choice inside a longer named one ('valid' in 'not valid') does not
    count.
    """
    if answer.strip() in choices:
        return answer.strip()
    line = first_line(answer)
    for articles in (True, False):
        same = {c for c in choices if normalise(c, articles=articles) == normalise(line, articles=articles)}
        if len(same) == 1:
            return same.pop()
        if same:
            return None
    only_articles = any(set(normalise(c).split()) <= _ARTICLES for c in choices)
    said = normalise(line, articles=only_articles)
    named = {c: normalise(c, articles=only_articles) for c in choices}
    words = said.split()
    begun = [c for c, text in named.items() if said and _begins(text, said)]
    if len(begun) == 1:
        return begun[0]
    inside = {c: text.split() for c, text in named.items() if text and _contains(words, text.split())}
    longest = [c for c, p in inside.items() if not any(q != p and _contains(q, p) for q in inside.values())]
    return longest[0] if len(longest) == 1 else None


def rouge_l(answer: str, reference: str, *, strict: bool = False) -> float:
    """ROUGE-L F1 over words (Lin 2004): lower-cased words without punctuation, or white-space tokens when strict."""
    said, ref = (t.split() if strict else _WORDS.findall(t.casefold()) or t.split() for t in (answer, reference))
    if not said or not ref:
        return 0.0
    row = [0] * (len(ref) + 1)
    for word in said:
        diagonal = 0
        for j, other in enumerate(ref, 1):
            above = row[j]
            row[j] = diagonal + 1 if word == other else max(above, row[j - 1])
            diagonal = above
    return 2 * row[-1] / (len(said) + len(ref))


def score(metric: Metric, answer: str, example: Example, *, strict: bool = False) -> float:
    """0 to 1: how right `answer` is for `example`. Exact and choice give 0 or 1; ROUGE-L the best over all answers."""
    if metric == "rouge-l":
        said = answer.strip()
        return max(rouge_l(said, right, strict=strict) for right in example.answers)
    if strict:
        return float(answer.strip() in {a.strip() for a in example.answers})
    if metric == "choice" and example.choices:
        return float(chosen(answer, example.choices) in example.answers)
    if form_matters(example):
        return float(" ".join(first_line(answer).split()) in {" ".join(a.split()) for a in example.answers})
    right = {normalise(a) for a in example.answers}
    return float(normalise(first_line(answer)) in right or normalise(answer) in right)


def form_matters(example: Example) -> bool:
    """Whether an example is about case or punctuation: its answer stands in the input, but spelled otherwise.

    'lion' to 'Lion' is such a one, and 'lion' to 'L'; a quotation that only starts or ends as a sentence is not.
    Lenient scoring then keeps case and punctuation, or an echo would be right.
    """
    shown = example.input
    if shown in example.answers:
        return False
    words = normalise(shown, articles=True).split()
    parts = [normalise(a, articles=True).split() for a in example.answers]
    if words in parts:
        return True
    if len(words) == 1:
        return not any(a in shown for a in example.answers) and any(
            len(p) == 1 and len(p[0]) == 1 and p[0] in words[0] for p in parts
        )
    plain = (a.rstrip(".,;:!?") for a in example.answers)
    if any(a in shown or a[:1].swapcase() + a[1:] in shown for a in plain):
        return False  # quoted from the input, as a sentence of its own
    return any(_contains(words, p) for p in parts)


def format_valid(answer: str, example: Example, task: Task) -> bool:
    """Whether an answer has the form the task asks for, right or wrong.

    A choice: the first line is one of the options, and no more is said. A free answer: not empty, and within the
    lines, words and characters (numbers, one word, length) that the task's training answers keep to.
    """
    if task.metric == "choice" and example.choices:
        return normalise(answer) in {normalise(c) for c in example.choices}
    return answer.strip() in example.answers or task.answer_format.fits(answer)


@dataclass(frozen=True)
class Scores:
    """How a list of answers did, one number for each example."""

    strict: tuple[float, ...]
    lenient: tuple[float, ...]
    valid: tuple[bool, ...]

    @property
    def strict_mean(self) -> float:
        return sum(self.strict) / max(1, len(self.strict))

    @property
    def lenient_mean(self) -> float:
        return sum(self.lenient) / max(1, len(self.lenient))

    @property
    def format_valid_rate(self) -> float:
        return sum(self.valid) / max(1, len(self.valid))


def score_answers(task: Task, examples: Sequence[Example], answers: Sequence[str]) -> Scores:
    """Score `answers[i]` for `examples[i]` in every reading. Raises `TaskError` when their numbers differ."""
    if len(examples) != len(answers):
        raise TaskError(f"{task.name}: {len(answers)} answers for {len(examples)} examples, expected one each.")
    pairs = list(zip(answers, examples, strict=True))
    return Scores(
        strict=tuple(score(task.metric, a, e, strict=True) for a, e in pairs),
        lenient=tuple(score(task.metric, a, e) for a, e in pairs),
        valid=tuple(format_valid(a, e, task) for a, e in pairs),
    )


def majority_answer(task: Task, split: Split = "train") -> str:
    """The answer that is right most often in a split (of equals the alphabetically first); '' for an empty split."""
    counts = Counter(a for e in task.split(split) for a in set(e.answers))
    return min(counts, key=lambda a: (-counts[a], a), default="")
