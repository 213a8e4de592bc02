"""The CVAE generator: how much of the experts it keeps, and what it does for tasks that are held out.

    python benchmarks/cvae.py --artefact checkpoints/generators/cvae --raw RAW_BANK --words FOLDER
    python benchmarks/cvae.py --held-out            (product space alone: no base, two minutes)

Seen tasks: accuracy of the expert itself, of its coefficients decoded, of encoder and decoder, and of a draw for a
description that was trained on and for one that was not. Held out: relative error in product space against the true
expert, each parent's experts left out in turn, next to the nearest expert, top-K and the plain mean.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import machine, save_result

from genlora.api import best_dtype, calibration_of, default_bank
from genlora.bank import Bank
from genlora.generators import CvaeGenerator, JointBasis, Request, fit_basis, load_artefact, softmax
from genlora.train import CvaeFitConfig
from genlora.train._cvae_data import CvaeData, condition_of, cvae_data
from genlora.train._fit_cvae import CvaeFit
from genlora.train.loop._lightning import Step

WAYS = ("expert", "basis", "reconstructed", "drawn, trained wording", "drawn, unseen wording")


def seen(args: argparse.Namespace) -> dict[str, Any]:
    """Accuracy on seen tasks, size and speed."""
    from genlora.base import load_base
    from genlora.evaluate import answer, held_out
    from genlora.tasks import catalogue_tasks

    base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation="eager")
    artefact = load_artefact(args.artefact, "cvae")
    tasks = {t.name: t for t in catalogue_tasks("bank", words_folder=args.words)}
    with Bank.open(args.bank or default_bank(), readonly=True) as bank, Bank.open(args.raw, readonly=True) as raw:
        cvae = CvaeGenerator(bank, calibration_of(bank), artefact)
        names = [n for n in sorted(bank.names()) if n in tasks and n in raw.names()]
        names = names[:: max(1, len(names) // args.tasks)][: args.tasks]
        rows, times = [], []
        for name in names:
            vectors = np.asarray(bank.get(name).embeddings, np.float32)
            states: dict[str, Any] = {"expert": raw.state(name)}
            states["basis"] = cvae.basis.state(cvae.basis.library[cvae.row[name]], bank.rank)[0]
            states["reconstructed"] = cvae.reconstruct(name, vectors[0])
            for way, row in (("drawn, trained wording", vectors[0]), ("drawn, unseen wording", vectors[-1])):
                start = time.perf_counter()
                states[way] = cvae.generate(Request(description=tasks[name].descriptions[0]), row).adapter
                times.append((time.perf_counter() - start) * 1e3)
            examples = held_out(tasks[name], args.examples)
            found = {w: answer(base, tasks[name], examples, state=states[w]).scores.strict_mean for w in WAYS}
            rows.append({"task": name, "n": len(examples), **found})
            print(name, {k: round(v, 3) for k, v in found.items()}, flush=True)
    mean = {w: float(np.mean([r[w] for r in rows])) for w in WAYS}
    size = sum(p.stat().st_size for p in args.artefact.iterdir())
    experts = sum(p.stat().st_size for p in Path(args.raw).rglob("*") if p.is_file())
    return {
        "tasks": rows,
        "mean": mean,
        "of_the_experts": {w: mean[w] / mean["expert"] for w in WAYS},
        "artefact_bytes": size,
        "experts_bytes": experts,
        "generate_ms": {"p50": float(np.median(times[2:])), "worst": max(times[2:])},
    }


def trained(data: CvaeData, config: CvaeFitConfig) -> CvaeFit:
    """A fit without Lightning: the folds are small."""
    module = CvaeFit(data, config)
    optimizer, schedule = module.optimizers(config.steps)
    for i in range(config.steps):
        optimizer.zero_grad()
        module.losses(Step(i, torch.Generator().manual_seed(i)))["loss"].backward()
        optimizer.step()
        schedule.step()
    return module.eval()


def part(data: CvaeData, keep: list[int]) -> CvaeData:
    """The data of some experts."""
    chosen = {k: tuple(getattr(data, k)[i] for i in keep) for k in ("names", "parents", "vectors", "unseen")}
    return replace(data, **chosen, w=data.w[keep], centres=data.centres[keep])


def held(args: argparse.Namespace) -> dict[str, Any]:
    """Relative error in product space on experts whose parents are left out."""
    with Bank.open(args.bank or default_bank(), readonly=True) as bank:
        basis: JointBasis = fit_basis(bank.state(n) for n in sorted(bank.names()))
        data, _ = cvae_data(bank, basis, CvaeFitConfig())
    configs = {
        "cvae standard": CvaeFitConfig(steps=args.steps),
        "cvae learned, text": CvaeFitConfig(prior="learned", steps=args.steps),
        "cvae learned": CvaeFitConfig(prior="learned", text=False, steps=args.steps),
    }
    errors: dict[str, list[float]] = {}
    parents = sorted(set(data.parents))
    for fold in range(args.folds):
        out = set(parents[fold :: args.folds])
        keep = [i for i, p in enumerate(data.parents) if p not in out]
        train = part(data, keep)
        networks = {k: trained(train, c).networks["text"] for k, c in configs.items()}
        for i in set(range(len(data.names))) - set(keep):
            for vector in (data.vectors[i][0], *data.unseen[i]):
                similarity = train.centres @ vector
                order = np.argsort(-similarity, kind="stable")[:4]
                weights = torch.tensor(softmax([float(similarity[j]) for j in order], 0.1))
                made = {
                    "plain mean": train.w.mean(0),
                    "nearest": train.w[order[0]],
                    "top-K": (weights[:, None] * train.w[order]).sum(0),
                }
                with torch.no_grad():
                    for k, c in configs.items():
                        condition = condition_of(train, c, 0, vector, leave=False)
                        made[k] = networks[k].sample(condition[None], torch.Generator().manual_seed(0))[0]
                for k, w in made.items():
                    errors.setdefault(k, []).append(float((w - data.w[i]).norm() / data.w[i].norm()))
        print(f"fold {fold + 1}", {k: round(float(np.mean(v)), 3) for k, v in errors.items()}, flush=True)
    return {k: float(np.mean(v)) for k, v in errors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--artefact", type=Path, default=Path("checkpoints/generators/cvae"))
    parser.add_argument("--bank", type=Path, default=None)
    parser.add_argument("--raw", type=Path, default=None, help="bank with the experts as trained; default: the bank")
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--tasks", type=int, default=16)
    parser.add_argument("--examples", type=int, default=60)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--held-out", action="store_true", help="product space alone")
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    args.raw = args.raw or args.bank or default_bank()
    result: dict[str, Any] = {"machine": machine(args.device), "held_out": held(args)}
    table = "| made by | relative error on held-out experts, product space |\n|---|---|\n"
    table += "".join(f"| {k} | {v:.3f} |\n" for k, v in result["held_out"].items())
    if not args.held_out:
        result["seen"] = found = seen(args)
        table += "\n| seen tasks | accuracy | of the experts' |\n|---|---|---|\n"
        table += "".join(f"| {w} | {found['mean'][w]:.3f} | {found['of_the_experts'][w]:.1%} |\n" for w in WAYS)
        table += (
            f"\nArtefact {found['artefact_bytes'] / 2**20:.1f} MiB, experts {found['experts_bytes'] / 2**20:.1f} MiB; "
            f"generate, warm: p50 {found['generate_ms']['p50']:.0f} ms.\n"
        )
    print(table)
    save_result("cvae", result, table, args.output)


if __name__ == "__main__":
    main()
