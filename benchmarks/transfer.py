"""Trans-LoRA for real: experts of the bank moved to another base without their data, beside all controls.

    python benchmarks/transfer.py --to BASE --work FOLDER --tasks catalogue:r-currency catalogue:r-extract-city

Every step of every task is a file in `--work`, so the same command goes on after a kill, and may run for hours in the
background. For each task: a discriminator on the source base is trained from the training split (its only reader);
then the expert is moved from five seeds, and the same target is trained on the controls' rows in the same batches.

| arm | what the target base is trained on |
|---|---|
| real | the training split: what transfer tries to do without |
| filtered | made-up inputs that discriminator and the expert's own confidence kept, with its answers: the transfer |
| looks only | as many that the discriminator kept alone |
| unfiltered | as many made-up inputs as they came, answered by the source expert |
| own answers | the filtered inputs, answered by the target base itself, described |
| seeds only | the five seeds |

Beside them stand the described and the bare target base, the source expert on its own base, and the projection.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, machine, save_result

from genlora.adapter import AdapterState
from genlora.api import TransferOptions, load_banks_base, load_banks_embedder, open_bank, train_discriminators, transfer
from genlora.api.moving._steps import answers_of
from genlora.base import LoadedBase, load_base
from genlora.evaluate import answer, held_out
from genlora.files import atomic_write, canonical_json
from genlora.progress import silent
from genlora.tasks import Example, Task, load_tasks, sample
from genlora.train import Discriminator, ExpertConfig, ExpertTrainer, SeedJudge, bandwidth, mmd, project

SEEDS = 5
ARMS = ("real", "filtered", "looks only", "unfiltered", "own answers", "seeds only")


class Counted(Sequence[Example]):
    """A task's real examples that count how many of them were looked at."""

    def __init__(self, examples: Sequence[Example]) -> None:
        self._examples = examples
        self.read: set[int] = set()

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: Any) -> Any:
        chosen = range(len(self))[index]
        self.read |= set(chosen) if isinstance(chosen, range) else {chosen}
        return self._examples[index]


@dataclass(frozen=True)
class Fixed(Task):
    """A task whose rows are all trained on, with validation rows of its own."""

    checked: tuple[Example, ...] = ()

    def split(self, which: Any) -> tuple[Example, ...]:
        return self.examples if which == "train" else self.checked


class Bench:
    """One pair of bases, task by task."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.work: Path = args.work
        self.bank = open_bank(args.bank)
        self.source = load_banks_base(self.bank, dtype=torch.float32, device=args.device)
        self.target = load_base(args.to, dtype=torch.float32, device=args.device, attn_implementation="eager")
        self.embedder = load_banks_embedder(self.bank)

    def once(self, task: Task, name: str, make: Any) -> Any:
        """The JSON of a step, made now or read."""
        path = self.work / task.name / f"{name}.json"
        if path.exists():
            return json.loads(path.read_text())
        began = time.perf_counter()
        made = make()
        atomic_write(path, canonical_json(made))
        print(f"{time.strftime('%H:%M:%S')} {task.name}: {name} ({time.perf_counter() - began:.0f} s)", flush=True)
        return made

    def score(
        self, base: LoadedBase, task: Task, state: AdapterState | None, *, described: bool = False
    ) -> list[float]:
        """Strict scores on the test split, by bare prompts or described ones."""
        examples = held_out(task, self.args.test)
        said = answer(base, task, examples, state=state, description=task.descriptions[0] if described else None)
        return [float(s) for s in said.scores.strict]

    def run(self, task: Task) -> dict[str, Any]:
        """All arms of one task."""
        args, folder = self.args, self.work / task.name
        expert = self.bank.state(task.name)
        scores = {
            "target bare": self.once(task, "score-bare", lambda: self.score(self.target, task, None)),
            "target described": self.once(
                task, "score-described", lambda: self.score(self.target, task, None, described=True)
            ),
            "source expert": self.once(task, "score-source", lambda: self.score(self.source, task, expert)),
            "projected": self.once(
                task,
                "score-projected",
                lambda: self.score(self.target, task, project(expert, self.source, self.target).state),
            ),
        }
        judges = folder / "discriminators"
        trained = self.once(
            task,
            "discriminator",
            lambda: (
                train_discriminators(
                    self.bank, self.source, [task], judges, folder / "discriminator.run", each=args.each
                ).accuracy
            ),
        )
        real = Counted(sample(task.split("train"), 1 << 20, seed=0))
        seeds = [real[i] for i in range(SEEDS)]
        config = ExpertConfig(lr=args.lr, max_rows=args.rows, slots=len(ARMS), eval_every=args.eval_every)
        options = TransferOptions(count=args.count, config=config, filter="auto")
        moved = transfer(
            task.name,
            args.to,
            folder / "filtered",
            seeds=seeds,
            bank=args.bank,
            discriminator=judges if trained else None,
            run=folder / "filtered.run",
            device=args.device,
            options=options,
            force=True,
        )
        read = len(real.read)  # before the controls look at more
        rows = self.rows(task, folder, seeds, real)
        for arm, state in self.train(task, rows, config, folder / "controls"):
            scores[arm] = self.once(
                task, f"score-{arm.replace(' ', '-')}", lambda s=state: self.score(self.target, task, s)
            )
        scores["filtered"] = self.once(task, "score-filtered", lambda: self.score(self.target, task, moved.state))
        distances = self.once(task, "distances", lambda: self.distances(task, folder, seeds))
        report = moved.report
        return {
            "task": task.name,
            "family": task.family,
            "test": len(scores["filtered"]),
            "scores": {k: sum(v) / len(v) for k, v in scores.items()},
            "by_example": scores,
            "real_examples_read": read,
            "counts": report["counts"],
            "discriminator": trained,
            "filter": report["filter"],
            "agreement": report["agreement"],
            "distances": distances,
            "alignment_error": round(project(expert, self.source, self.target).error, 3),
        }

    def rows(self, task: Task, folder: Path, seeds: list[Example], real: Counted) -> dict[str, list[Example]]:
        """What each control is trained on."""
        step = json.loads((folder / "filtered.run" / "inputs.json").read_text())
        kept = [text for text, score in step["candidates"] if score >= 0][: self.args.count]
        first = [text for text, _ in step["candidates"]][: len(kept)]
        filtered = json.loads((folder / "filtered.run" / "answers.json").read_text())["rows"]
        expert = self.bank.state(task.name)

        everything = [text for text, _ in step["candidates"]]

        def looks() -> list[str]:
            judge = Discriminator.read(folder / "discriminators" / f"{task.name}.safetensors")
            found = judge.on(self.source, where=task.name).scores(everything)
            return [t for t, s in zip(everything, found, strict=True) if s >= 0][: len(kept)]

        def expert_says(inputs: Sequence[str]) -> list[list[str]]:
            known = dict(map(tuple, filtered))
            new = [t for t in inputs if t not in known]
            said = known | {e.input: e.output for e in answers_of(self.source, expert, new, silent)[0]}
            return [[t, said[t]] for t in inputs if t in said]

        def target_says() -> list[list[str]]:
            examples = [Example(text, said) for text, said in filtered]
            found = answer(self.target, task, examples, description=task.descriptions[0])
            return [[e.input, a] for e, a in zip(examples, found.answers, strict=True) if a.strip()]

        return {
            "real": list(real[:]),
            "looks only": [Example(*r) for r in self.once(task, "rows-looks", lambda: expert_says(looks()))],
            "unfiltered": [Example(*r) for r in self.once(task, "rows-unfiltered", lambda: expert_says(first))],
            "own answers": [Example(*r) for r in self.once(task, "rows-own", target_says)],
            "seeds only": seeds,
        }

    def train(
        self, task: Task, rows: dict[str, list[Example]], config: ExpertConfig, run: Path
    ) -> Iterator[tuple[str, AdapterState]]:
        """Adapters of the controls, all in the same batches."""
        names = {arm.replace(" ", "-"): arm for arm in rows}
        tasks: list[Task] = []
        for name, arm in names.items():
            plain = {"descriptions": task.descriptions, "family": task.family, "parent": name, "metric": task.metric}
            if arm not in self.args.arms:
                continue
            if arm == "real":
                tasks.append(Fixed(name, examples=tuple(rows[arm]), checked=task.split("validation"), **plain))
            elif arm == "seeds only":
                tasks.append(Fixed(name, examples=tuple(rows[arm]), checked=tuple(rows[arm]), **plain))
            elif len(rows[arm]) >= 24:
                tasks.append(Task(name, examples=tuple(rows[arm]), **plain))
        for found in ExpertTrainer(self.target, tasks, config, run).run():
            yield names[found.name], found.state

    def distances(self, task: Task, folder: Path, seeds: list[Example]) -> dict[str, float | int | None]:
        """MMD to real test inputs of what was kept, of everything, and of what the seeds' similarity would keep."""
        step = json.loads((folder / "filtered.run" / "inputs.json").read_text())
        everything = [text for text, _ in step["candidates"]]
        kept = [text for text, score in step["candidates"] if score >= 0]
        rejected = [text for text, score in step["candidates"] if score < 0]
        alike = SeedJudge([s.input for s in seeds], self.embedder.embed).scores(everything)
        near = [t for t, s in zip(everything, alike, strict=True) if s >= 0]
        real = self.embedder.embed([e.input for e in held_out(task, 120)])
        width = bandwidth(real)
        sets = {"kept": kept, "rejected": rejected, "all": everything, "like the seeds": near}
        found = {k: mmd(self.embedder.embed(v), real, width) for k, v in sets.items()}
        return {k: None if math.isnan(v) else round(v, 4) for k, v in found.items()} | {"like_the_seeds": len(near)}


ORDER = (
    "target bare",
    "target described",
    "source expert",
    "real",
    "filtered",
    "looks only",
    "unfiltered",
    "own answers",
    "seeds only",
    "projected",
)


def table(rows: Sequence[dict[str, Any]], args: argparse.Namespace) -> str:
    """Markdown: one line a task, the mean below, and the issue's figures."""
    head = "| task | " + " | ".join(ORDER) + " | kept / asked | MMD kept / all |\n"
    lines = [head + "|---" * (len(ORDER) + 3) + "|"]
    for r in rows:
        cells = [f"{100 * r['scores'][k]:.0f}" if k in r["scores"] else "-" for k in ORDER]
        c, d = r["counts"], r["distances"]
        lines.append(f"| {r['task']} | {' | '.join(cells)} | {c['kept']} / {c['asked']} | {d['kept']} / {d['all']} |")
    mean = {k: [r["scores"][k] for r in rows if k in r["scores"]] for k in ORDER}
    means = {k: sum(v) / len(v) for k, v in mean.items() if v}
    lines.append("| mean | " + " | ".join(f"{100 * means[k]:.1f}" if k in means else "-" for k in ORDER) + " | | |")
    gap = means["real"] - means["target described"]
    share = (means["filtered"] - means["target described"]) / gap if gap else float("nan")
    lines += [
        "",
        f"Transferred minus source expert: {100 * (means['filtered'] - means['source expert']):+.1f} points; minus the "
        f"target described: {100 * (means['filtered'] - means['target described']):+.1f}; minus unfiltered: "
        f"{100 * (means['filtered'] - means['unfiltered']):+.1f}; recovered share of (real - target described): "
        f"{100 * share:.0f} %. Real examples read beyond the seeds: "
        f"{sum(r['real_examples_read'] - SEEDS for r in rows)}.",
        f"{len(rows)} tasks, {rows[0]['test']} test inputs each, {args.count} made-up inputs, {args.rows} rows seen.",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run or go on."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--to", required=True, help="target base")
    parser.add_argument("--work", type=Path, required=True, help="folder for every step")
    parser.add_argument("--tasks", nargs="+", required=True)
    parser.add_argument("--words", type=Path)
    parser.add_argument("--bank", type=Path)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--test", type=int, default=60)
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--each", type=int, default=96)
    parser.add_argument("--rows", type=int, default=640)
    parser.add_argument("--eval-every", type=int, default=10)
    parser.add_argument("--lr", type=float, default=4e-3)
    parser.add_argument("--arms", nargs="+", default=list(ARMS), help="controls that are trained")
    parser.add_argument("--name", default="transfer")
    parser.add_argument("--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    tasks = load_tasks(args.tasks, words_folder=args.words)
    bench, rows = Bench(args), []
    for task in tasks:
        rows.append(bench.run(task))
        result = {
            "machine": machine(args.device),
            "source": bench.source.layout.name,
            "target": bench.target.layout.name,
            "settings": {k: getattr(args, k) for k in ("test", "count", "each", "rows", "lr")},
            "tasks": rows,
        }
        save_result(args.name, result, table(rows, args), args.output)
        print(table(rows, args), flush=True)


if __name__ == "__main__":
    main()
