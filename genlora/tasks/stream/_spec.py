"""One task of the stream, drawn from (seed, number) alone."""

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal

from genlora.errors import TaskError
from genlora.tasks._draw import Draw
from genlora.tasks._task import Example

from ._forms import BARE, FORMS, WrittenForm
from ._grammar import Said, describe
from ._held_out import is_far, is_near
from ._parts import InputType, Operation, Params, Value
from ._registry import operations, types_of

StreamSplit = Literal["train", "near", "far"]
GROUP = 8
"""Specs come in groups of eight: the first two share their inputs, so do the next two; the other four stand alone."""
_SHARES = {"label": 0.24, "filter": 0.13, "plain": 0.47, "knowledge": 0.16}
"""How often each kind of operation is drawn."""
_FILTERS = ("keep", "drop", "count", "find")
_LONGEST_INPUT, _LONGEST_ANSWER = 240, 90
_DRAWS_PER_ROW = 30
_FEWEST_ROWS = 10
_HOPELESS = 300
"""An operation that has answered none of so many inputs will not do for a spec."""


def _share(operation: Operation) -> str:
    if operation.knowledge:
        return "knowledge"
    if operation.answer == "label":
        return "label"
    return "filter" if operation.family in _FILTERS and "." in operation.name else "plain"


def _usable(operation: Operation, split: StreamSplit) -> tuple[InputType, ...]:
    """Input types on which `operation` belongs to `split`."""
    types = types_of(operation.on)
    if is_far(operation.name):
        return types if split == "far" else ()
    if split == "far":
        return ()
    return tuple(t for t in types if is_near(operation.name, t.name) == (split == "near"))


@cache
def drawable(split: StreamSplit) -> dict[str, dict[str, tuple[InputType, ...]]]:
    """{share: {operation: its input types}} of a split, in a stable order."""
    out: dict[str, dict[str, tuple[InputType, ...]]] = {share: {} for share in _SHARES}
    for name, operation in sorted(operations().items()):
        types = _usable(operation, split)
        if types:
            out[_share(operation)][name] = types
    return out


@dataclass(frozen=True)
class Spec:
    """operation x input type x answer form, with a description and rows on demand."""

    seed: int
    number: int
    split: StreamSplit
    operation: Operation
    input_type: InputType
    layout: Params
    params: Params
    form: WrittenForm
    form_params: Params
    inputs_key: str
    """Specs with the same key draw the same inputs: then only the description tells what is wanted."""

    @property
    def name(self) -> str:
        return f"stream-{self.split}-{self.seed}-{self.number}"

    @property
    def labels(self) -> tuple[str, ...]:
        """The legal answers of a labelling spec; empty for others."""
        if self.operation.answer != "label":
            return ()
        if "labels" in self.params:
            return tuple(self.params["labels"].values())
        return (self.params["Y"], self.params["N"])

    def answer(self, value: Value) -> str | None:
        """What is right for `value`, in the spec's form; None where it has no answer."""
        found = self.operation.do(value, self.params)
        if found is None or not found.strip():
            return None
        written = self.form.write(found, value, self.form_params)
        return None if written is None or len(written) > _LONGEST_ANSWER else written

    def _drawn(self, which: str) -> Iterator[tuple[str, str]]:
        seen: set[str] = set()
        draw = Draw(f"{self.inputs_key} {which}")
        answered = False
        for attempt in range(5000):
            if attempt == _HOPELESS and not answered:
                return
            value = self.input_type.draw(draw, self.layout)
            if value is None or value.text in seen or len(value.text) > _LONGEST_INPUT:
                continue
            seen.add(value.text)
            answer = self.answer(value)
            if answer is not None:
                answered = True
                yield value.text, answer

    def rows(self, n: int, *, part: int = 0) -> list[Example]:
        """Up to `n` examples with different inputs, the same for the same (spec, part); other parts give others.

        Labels are balanced, and no free answer is more than a third of them where the inputs allow it.
        """
        kinds = max(len(self.labels), 1)
        most = -(-n // kinds) if kinds > 1 else max(2, n // 3)
        counts: Counter[str] = Counter()
        taken: list[Example] = []
        spare: list[Example] = []
        for i, (text, answer) in enumerate(self._drawn(f"rows {part}")):
            if len(taken) == n or i >= _DRAWS_PER_ROW * n:
                break
            example = Example(text, answer, choices=self._choices)
            if counts[answer] < most:
                counts[answer] += 1
                taken.append(example)
            else:
                spare.append(example)
        return (taken + spare)[:n]

    @cached_property
    def _choices(self) -> tuple[str, ...]:
        if not self.labels or self.form.name == "with input":
            return ()
        blank = Value(None, "")
        return tuple(w for x in self.labels if (w := self.form.write(x, blank, self.form_params)) is not None)

    @property
    def meaning(self) -> str:
        """Equal for specs that ask the same in the same form."""
        return (
            f"{self.operation.name} {sorted(self.params.items())} {self.form.name} {sorted(self.form_params.items())}"
        )

    def siblings(self, draw: Draw) -> list["Spec"]:
        """Specs on the same inputs that differ in one slot: the parameters of the operation, or the answer form."""
        out = []
        for change in ("params", "form"):
            for _ in range(8):
                params, form, form_params = self.params, self.form, self.form_params
                if change == "params":
                    params = self.operation.params(draw)
                else:
                    form = draw.pick([f for f in FORMS if self.operation.answer in f.fits])
                    form_params = form.params(draw)
                made = replace(self, params=params, form=form, form_params=form_params)
                if made.meaning != self.meaning and len(made.rows(3)) == 3:
                    out.append(made)
                    break
        return out

    def description(self, wording: int = 0) -> str:
        """One way of saying it; every number gives another."""
        draw = Draw(f"genlora stream {self.seed} {self.split} {self.number} say {wording}")
        # Rules of a classifier speak of {the} input too, inside a slot of their own.
        filled = {
            k: v.replace("{the}", self.input_type.the) if isinstance(v, str) else v for k, v in self.params.items()
        }
        slots = {**filled, "the": self.input_type.the, "a": self.input_type.a}
        form = draw.pick(self.form.say).format(**self.form_params) if self.form.say else None
        if self.form is BARE and draw.chance(0.8):
            form = None
        shown = next(self._drawn("shown"), None)
        phrases = self.operation.phrases
        said = Said(
            say=draw.pick(phrases.say).format(**slots),
            noun=draw.pick(phrases.noun).format(**slots),
            ask=draw.pick(phrases.ask).format(**slots) if phrases.ask else None,
            a=self.input_type.a.format(**{**self.layout, **slots}),
            form=form,
            shown=shown,
        )
        return describe(said, draw)


def spec(seed: int, number: int, *, split: StreamSplit = "train") -> Spec:
    """The spec with this number of the stream `seed`; the same on every machine.

    `split` draws trained specs, *near* (operation and input type never met together, or label words never seen) or
    *far* (operations never trained) ones. Raises `TaskError` for a negative number.
    """
    if number < 0:
        raise TaskError(f"spec number {number} is negative; expected 0 or more.")
    place = number % GROUP
    if place in (1, 3):
        first = spec(seed, number - 1, split=split)
        return _partner(first, seed, number, split)
    for attempt in range(200):
        draw = Draw(f"genlora stream {seed} {split} {number} {attempt}")
        groups = {k: v for k, v in drawable(split).items() if v}
        share = _weighted(draw, {k: _SHARES[k] for k in groups})
        name = _operation(draw, tuple(groups[share]))
        made = _make(draw, seed, number, split, operations()[name], groups[share][name], None)
        if made is not None:
            return made
    raise TaskError(f"no spec {number} of the {split} stream could be drawn. This is a bug in the stream's content.")


def _partner(first: Spec, seed: int, number: int, split: StreamSplit) -> Spec:
    """Another operation on the same inputs; where there is none, the same inputs answered in another form."""
    for attempt in range(60):
        draw = Draw(f"genlora stream {seed} {split} {number} {attempt}")
        names = [
            (name, types)
            for group in drawable(split).values()
            for name, types in group.items()
            if first.input_type in types and (attempt > 30 or name != first.operation.name)
        ]
        if not names:
            break
        name, _ = draw.pick(names)
        made = _make(draw, seed, number, split, operations()[name], (first.input_type,), first)
        if made is not None:
            return made
    return spec(seed, number + GROUP // 2, split=split) if number % GROUP == 3 else spec(seed, number + 3, split=split)


def _make(
    draw: Draw,
    seed: int,
    number: int,
    split: StreamSplit,
    operation: Operation,
    types: tuple[InputType, ...],
    like: Spec | None,
) -> Spec | None:
    kind = draw.pick(types)
    layout = like.layout if like else kind.layout(draw)
    params = operation.params(draw)
    forms = [f for f in FORMS if operation.answer in f.fits]
    form = BARE if draw.chance(0.6) else draw.pick(forms)
    made = Spec(
        seed,
        number,
        split,
        operation,
        kind,
        layout,
        params,
        form,
        form.params(draw),
        like.inputs_key if like else f"genlora stream {seed} {split} {number} inputs",
    )
    rows = made.rows(_FEWEST_ROWS)
    if len(rows) < _FEWEST_ROWS or len({r.output for r in rows}) < 2:
        return None
    return made


def _operation(draw: Draw, names: tuple[str, ...]) -> str:
    """A family by the square root of its size, then one of its operations: large families do not drown small ones."""
    families: dict[str, list[str]] = {}
    for name in names:
        families.setdefault(name.partition(".")[0], []).append(name)
    return draw.pick(families[_weighted(draw, {k: math.sqrt(len(v)) for k, v in families.items()})])


def _weighted(draw: Draw, shares: dict[str, float]) -> str:
    at = draw.between(0, 9999) / 10000 * sum(shares.values())
    for name, share in shares.items():
        at -= share
        if at < 0:
            return name
    return next(iter(shares))
