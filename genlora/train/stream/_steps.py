"""What the steps of a fit on the stream hold: sequences by number, in this process or drawn ahead by others."""

import json
import logging
import multiprocessing
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

from torch.utils.data import DataLoader, Dataset

from genlora.base import LoadedBase
from genlora.tasks import Draw, Example, Task, training_texts
from genlora.tasks.stream import GROUP, spec

from ._config import StreamConfig

log = logging.getLogger(__name__)

_HALVES = ((0, 1, 4, 6), (2, 3, 5, 7))
"""Places of a group of eight specs in its two half groups: each has one pair that shares its inputs."""
_TRIES = 20

S = TypeVar("S")
"""What stands for one sequence."""


class TrainingTasks(Sequence[tuple[list[str], list[list[str]]]]):
    """Training descriptions and (input, output) of each task that has any.

    To another process they go as JSON that is parsed when first asked for: a worker that unpickled two hundred thousand
    examples would keep the next one from being started for seconds.
    """

    def __init__(self, tasks: Sequence[Task]) -> None:
        found = [(list(training_texts(t)), t.split("train")) for t in tasks]
        self._rows = [(told, [[e.input, e.output] for e in rows]) for told, rows in found if rows]
        self._text = ""

    def __getitem__(self, index: Any) -> Any:
        return self._parsed()[index]

    def __len__(self) -> int:
        return len(self._parsed())

    def _parsed(self) -> list[tuple[list[str], list[list[str]]]]:
        if self._text and not self._rows:
            self._rows = [(told, rows) for told, rows in json.loads(self._text)]
        return self._rows

    def __getstate__(self) -> dict[str, Any]:
        if not self._text:
            self._text = json.dumps(self._rows)
        return {"_text": self._text, "_rows": []}


class StreamSteps(ABC, Generic[S]):
    """Sequences of steps: what a step holds follows from its number alone. Subclasses say what a sequence is made of a
    task.
    """

    def __init__(self, base: LoadedBase, tasks: Sequence[Task], config: StreamConfig) -> None:
        self.config = config
        self.tokenizer = base.tokenizer
        self.tasks = TrainingTasks(tasks)
        self.examples = config.turns
        """Examples that a sequence is made of, at most."""

    def sequences(self, number: int) -> list[S]:
        """The sequences of step `number`."""
        out: list[S] = []
        for half in range(number * self.config.half_groups, (number + 1) * self.config.half_groups):
            for place in _HALVES[half % 2]:
                out += self._one(half // 2 * GROUP + place)
        return out

    @abstractmethod
    def sequence(self, draw: Draw, description: str, examples: Sequence[Example]) -> S | None:
        """One sequence of a task; None where nothing of it fits."""

    def _one(self, number: int) -> list[S]:
        c = self.config
        draw = Draw(f"genlora fewshot {c.seed} {number}")
        paired = number % GROUP < 4
        for _ in range(_TRIES):
            # Pairs are always of the stream: four places of eight, so the others take twice the catalogue's share.
            if self.tasks and not paired and draw.chance(2 * c.catalogue):
                descriptions, rows = draw.pick(self.tasks)
                description = draw.pick(descriptions)
                examples = [Example(said, answer) for said, answer in draw.some(rows, min(self.examples, len(rows)))]
            else:
                of_stream = number if not c.specs else number % c.specs
                found = spec(c.seed, of_stream)
                description = found.description(draw.between(0, 1 << 30))
                examples = found.rows(self.examples, part=draw.between(0, 1 << 30))
            made = self.sequence(draw, description, plain(examples))
            if made is not None:
                return [made]
            paired = False
        return []


def plain(examples: Sequence[Example]) -> list[Example]:
    """Those with input and answer and no white space around the answer."""
    return [e for e in examples if e.input and e.output and e.output == e.output.strip()]


class _Numbered(Dataset[list[Any]]):
    """Steps from `first` on, every `stride`th, as a data set without end."""

    def __init__(self, steps: StreamSteps[Any], first: int, stride: int) -> None:
        self.steps, self.first, self.stride = steps, first, stride

    def __getitem__(self, index: int) -> list[Any]:
        return self.steps.sequences(self.first + index * self.stride)

    def __len__(self) -> int:
        return 1 << 31


def _processes() -> Any:
    """How workers are started. A copy of a process that has a GPU open is not safe; a fresh one takes what it is handed
    only after it has imported torch, seven seconds for each, one after the other. So they are copies of a process that
    has imported it and nothing else.
    """
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    return context


class Ahead(Generic[S]):
    """Steps drawn by worker processes before they are asked for, in order; none gives them in this process.

    Drawing a sequence costs some 6 ms of one core: a CPU that trains does not notice, a GPU waits for it.
    """

    def __init__(self, steps: StreamSteps[S], *, workers: int = 0, stride: int = 1) -> None:
        self.steps, self.workers, self.stride = steps, workers, stride
        self.waited_s = 0.0
        """Spent waiting for sequences: what more workers could save."""
        self._next = -1
        self._drawn: Iterator[list[S]] = iter(())

    def sequences(self, number: int) -> list[S]:
        """Those of step `number`; asking for another than the one after the last begins anew."""
        began = time.perf_counter()
        if not self.workers:
            found = self.steps.sequences(number)
        else:
            if number != self._next:
                log.info("%d processes draw steps from %d on", self.workers, number)
                self._drawn = iter(
                    DataLoader(
                        _Numbered(self.steps, number, self.stride),
                        batch_size=None,
                        num_workers=self.workers,
                        prefetch_factor=4,
                        multiprocessing_context=_processes(),
                    )
                )
            found = next(self._drawn)
            self._next = number + self.stride
        self.waited_s += time.perf_counter() - began
        return found

    def close(self) -> None:
        """Stop the workers."""
        self._drawn, self._next = iter(()), -1
