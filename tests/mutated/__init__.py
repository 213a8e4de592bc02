"""Mangled caches, bases, adapters, banks and example files, by the thousand, and what became of each.

Each is refused in words, harmless, or known as another. Never a traceback, a hang or silent damage: a base that passes
for the clean one and computes otherwise, an adapter that is read otherwise than PEFT reads the very folder, a bank or
cache that is used otherwise than it was written.
"""

import random
import shutil
import tempfile
import warnings
from collections.abc import Collection
from pathlib import Path

from ._banks import Banks
from ._models import Models
from ._rest import Caches, Examples
from ._tally import Hang, Subject, Tally, within

HANG_S = 300
WORLDS = {"models": Models, "banks": Banks, "caches": Caches, "examples": Examples}


def judge(subject: Subject, kind: str, rng: random.Random, tally: Tally) -> None:
    """Mangle a copy of a subject in one way, and count what became of it."""
    name = f"{subject.name}, {kind}"
    with tempfile.TemporaryDirectory(dir=subject.clean.parent) as made:
        folder = Path(shutil.copytree(subject.clean, Path(made, "it")))
        subject.kinds[kind](folder, rng)
        names = sorted(p.name for p in folder.iterdir())
        try:
            with within(HANG_S), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                verdict = subject.verdict(folder)
            tally.add(name, verdict, ", ".join(names)[:300])
        except Hang:
            tally.add(name, "hang", ", ".join(names)[:300])
        except Exception as err:
            tally.add(name, "traceback", f"{type(err).__name__}: {err}"[:300])


def run(root: Path, count: int, *, seed: int = 0, worlds: Collection[str] = tuple(WORLDS)) -> Tally:
    """`count` mutations, each kind of each subject in turn; equal seeds mangle equally."""
    subjects = [s for name in worlds for s in WORLDS[name](root).subjects()]
    plan, tally = [(s, kind) for s in subjects for kind in s.kinds], Tally()
    for i in range(count):
        subject, kind = plan[i % len(plan)]
        judge(subject, kind, random.Random(f"{seed} {i}"), tally)
    return tally
