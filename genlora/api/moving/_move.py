"""One transfer from seeds to adapter: prepared (inputs and answers), trained, and finished (figures and page)."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterState
from genlora.files import canonical_json, sha256_bytes
from genlora.progress import Progress
from genlora.tasks import Example
from genlora.train import Trained, project

from ._bases import Bases
from ._options import TransferOptions
from ._page import samples_page
from ._run import TransferRun
from ._steps import (
    Moving,
    agreement,
    candidates_of,
    distances,
    train_on,
    training_told,
    write_answers,
    write_inputs,
)

_ON_CARD = 4
"""Made-up inputs of each kind that the expert's card shows."""


@dataclass(frozen=True, eq=False)
class Transferred:
    """An expert on its new base, and how it got there."""

    state: AdapterState
    report: dict[str, Any]
    """As in the run folder's report.json."""
    page: bytes
    """HTML: what was made up, kept, rejected and answered; empty where nothing was."""

    def summary(self) -> str:
        """A few lines for people."""
        r = self.report
        lines = [f"{r['expert']}: from {r['source']} to {r['target']} by {r['method']}"]
        if r["method"] == "project":
            lines.append(
                f"nothing was trained; error of the alignment {r['alignment_error']:.2f} (0 is perfect, 1 says "
                f"nothing) over {r['shared_tokens']} tokens that both bases know"
            )
            return "\n".join(lines)
        d, a = r["distance_to_seeds"], r["agreement"]
        lines += [
            f"seeds: {r['real_examples_read']} real examples, and nothing else of the data",
            f"inputs: {r['counts']['kept']} kept of {r['counts']['asked']} written "
            f"({r['counts']['acceptance']:.0%} of those judged), filtered by {r['filter']}",
            f"distance to the seeds (MMD): kept {_number(d['kept'])}, rejected {_number(d['rejected'])}",
            f"agrees with the source expert on {_share(a['share'])} of {a['rows']} made-up inputs it was not trained "
            "on; how right it is on real ones is not known from here",
        ]
        return "\n".join(lines)


def _number(value: float | None) -> str:
    return "too few to tell" if value is None else f"{value:.3f}"


def _share(value: float | None) -> str:
    return "an unknown share" if value is None else f"{value:.0%}"


@dataclass(frozen=True, eq=False)
class Prepared:
    """All that is needed to train."""

    moving: Moving
    run: TransferRun
    told: dict[str, Any]
    inputs: dict[str, Any]
    """The step `inputs`."""
    answers: dict[str, Any]
    """The step `answers`."""

    @property
    def rows(self) -> list[Example]:
        """Made-up inputs with the source expert's answers."""
        return [Example(text, said) for text, said in self.answers["rows"]]


def begin(moving: Moving, bases: Bases, options: TransferOptions, where: Path) -> tuple[TransferRun, dict[str, Any]]:
    """The run folder of a transfer, and what its report begins with. Raises `ConfigError` for another one's folder."""
    target = bases.target  # first of all: a base that cannot be asked is refused before hours of work
    source = bases.source
    told = {
        "expert": moving.name,
        "source": source.layout.name,
        "target": target.layout.name,
        "source_fingerprint": source.layout.fingerprint,
        "target_fingerprint": target.layout.fingerprint,
        **options.told(),
    }
    seeds = b"".join(
        json.dumps({"input": e.input, "output": e.output}, ensure_ascii=False).encode() + b"\n" for e in moving.seeds
    )
    judge = None if moving.discriminator is None else moving.discriminator.digest
    run = TransferRun(where, {**told, "seeds": sha256_bytes(seeds), "discriminator": judge})
    run.write("seeds.jsonl", seeds)
    return run, told


def prepare(moving: Moving, bases: Bases, options: TransferOptions, where: Path, *, progress: Progress) -> Prepared:
    """Inputs and answers of one expert; what is in the run folder already is read."""
    run, told = begin(moving, bases, options, where)
    writer = bases.source if options.writer == "source" else bases.target
    inputs = write_inputs(moving, options, writer, lambda: bases.judge(moving, options), run, progress)
    kept = [c.item for c in candidates_of(inputs) if c.kept][: options.count]
    answers = write_answers(moving, kept, bases.source, run, progress)
    return Prepared(moving, run, told, inputs, answers)


def finish(done: Prepared, trained: Trained, bases: Bases, *, progress: Progress) -> Transferred:
    """The report and the sample page of a trained adapter."""
    moving, run, rows = done.moving, done.run, done.rows
    candidates = candidates_of(done.inputs)
    report = {
        **done.told,
        "real_examples_read": len(moving.seeds),
        "filter": done.inputs["filter"],
        "counts": done.inputs["counts"],
        "answers_dropped": done.answers["dropped"],
        "trained_on": len(rows),
        "distance_to_seeds": run.step("distances", lambda: distances(moving.texts, candidates, bases.embedder)),
        "training": training_told(trained),
        "agreement": run.step("agreement", lambda: agreement(bases.target, trained.state, rows, progress)),
    }
    worst = sorted((c for c in candidates if not c.kept), key=lambda c: c.score)
    report["shown"] = {
        "kept": [[e.input, e.output] for e in rows[:_ON_CARD]],
        "rejected": [c.item for c in worst[:_ON_CARD]],
    }
    page = samples_page(moving, report, candidates, rows).encode()
    run.write("report.json", canonical_json(report))
    run.write("samples.html", page)
    return Transferred(trained.state, report, page)


def projected(moving: Moving, bases: Bases, options: TransferOptions, where: Path) -> Transferred:
    """The expert's weights on the target, without training."""
    run, told = begin(moving, bases, options, where)
    found = project(moving.state, bases.source, bases.target)
    report = {
        **told,
        "real_examples_read": 0,
        "shared_tokens": found.shared,
        "alignment_error": round(found.error, 4),
    }
    run.write("report.json", canonical_json(report))
    return Transferred(found.state, report, b"")


def move(moving: Moving, bases: Bases, options: TransferOptions, where: Path, *, progress: Progress) -> Transferred:
    """All steps of one transfer in the run folder `where`; those that are done already are read."""
    if options.method == "project":
        return projected(moving, bases, options, where)
    done = prepare(moving, bases, options, where, progress=progress)
    trained = train_on(moving, done.rows, options, bases.target, done.run, progress)
    return finish(done, trained, bases, progress=progress)
