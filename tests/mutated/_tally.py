"""What became of mangled things: counts, and each that went wrong."""

import contextlib
import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from genlora.errors import GenloraError

WRONG = ("traceback", "hang", "silent damage")
VERDICTS = ("refused", "harmless", "another", *WRONG)
"""`another`: what was changed is what is read, and it is known as something else than the clean one."""
Mutator = Callable[[Path, random.Random], object]


@dataclass(frozen=True)
class Subject:
    """Something clean to be mangled, and a judge of what becomes of a mangled copy."""

    name: str
    clean: Path
    kinds: Mapping[str, Mutator]
    verdict: Callable[[Path], str]


@dataclass
class Tally:
    """What became of the mutations, by kind; and each that went wrong, with the reason."""

    counts: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def add(self, kind: str, verdict: str, told: str = "") -> None:
        self.counts[kind, verdict] += 1
        if verdict in WRONG:
            self.wrong.append(f"{kind}: {verdict}: {told}")

    def table(self) -> str:
        """One row a kind, one column a verdict."""
        kinds = sorted({kind for kind, _ in self.counts})
        width = max(map(len, kinds))
        rows = [f"{'kind':<{width}} " + " ".join(f"{v:>13}" for v in VERDICTS)]
        rows += [f"{k:<{width}} " + " ".join(f"{self.counts[k, v]:>13}" for v in VERDICTS) for k in kinds]
        totals = [sum(n for (_, found), n in self.counts.items() if found == v) for v in VERDICTS]
        return "\n".join([*rows, f"{f'all {sum(totals):,}':<{width}} " + " ".join(f"{n:>13}" for n in totals)])


class Hang(BaseException):
    """A reader took longer than any reader may."""


@contextlib.contextmanager
def within(seconds: int) -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def in_words(err: GenloraError) -> str:
    return "refused" if str(err).strip() and "Traceback" not in str(err) else "traceback"
