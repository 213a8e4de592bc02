"""Training methods on small pictures: a few-shot protocol on frozen features, and restoration of unseen damage.

python benchmarks/small_vision.py shots [--seeds 3] [-o benchmarks/results]
python benchmarks/small_vision.py restore [--seeds 3] [-o benchmarks/results]

shots: two towers are trained on captions of the mini renderer's critters (EfficientNet's tokens, frozen). Then another
camera mixes the colours. Half of the 32 classes (background x expression) are shown, a few pictures each; the others
are only named. Each method adapts both towers at each rate of its grid; validation pictures of the shown classes choose
the rate. Told: accuracy on shown classes, on those only named, their harmonic mean, and what is left of the old
camera's accuracy over all classes (forgetting), means over seeds.

restore: restorers pre-trained on random orders of four kinds of damage (PROD) and on each kind alone; then the same
adapter (rank 4, ranks by contribution, or plain) from a few pairs of a kind that none of them saw; decibels on others.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, machine, save_result

from genlora.images import PROD, EncoderConfig, PictureEncoder, degrade
from genlora.images.mini import SCENE, Picture, Renderer, draw_scenes, draw_subjects
from genlora.train import MethodConfig
from genlora.train.methods import SingleConfig
from genlora.train.pictures import (
    RestorerConfig,
    TowersConfig,
    TwoTowers,
    adapt_restorer,
    adapt_towers,
    fit_restorer,
    fit_towers,
    restored_decibels,
    shot_accuracy,
)

RANK = 4
SHOT_METHODS = {
    "LoRA": (RANK, MethodConfig()),
    "LoRA of rank 1": (1, MethodConfig()),
    "Block-LoRA, 4 blocks": (RANK, MethodConfig(structure="block", options={"blocks": 4})),
    "Comp-LoRA": (RANK, MethodConfig(structure="complement", options={"energy": 0.5})),
    "GLAD": (RANK, MethodConfig(rules=("glad",))),
}
RATES = (1e-3, 3.2e-3, 1e-2)
CAMERA = torch.tensor([[0.55, 0.45, 0.0], [0.0, 0.55, 0.45], [0.45, 0.0, 0.55]])
"""How the other camera mixes red, green and blue."""
CLASSES = [f"a {e} critter on a {b} background" for b in SCENE["background"] for e in SCENE["expression"]]
UNSEEN = ("haze", "rain")


def pictures(n: int, seed: int, renderer: Renderer) -> tuple[torch.Tensor, Picture]:
    """Pictures of training subjects, and what they show."""
    rng = torch.Generator().manual_seed(seed)
    picture = Picture(draw_subjects(n, rng), draw_scenes(n, rng))
    return renderer.draw(picture), picture


def class_of(picture: Picture) -> torch.Tensor:
    """Background times expression, as `CLASSES` has them."""
    return picture.scenes[:, 0] * len(SCENE["expression"]) + picture.scenes[:, 1]


def seen_by(encoder: PictureEncoder, drawn: torch.Tensor, *, camera: bool) -> torch.Tensor:
    """Tokens of pictures, through the other camera if asked."""
    if camera:
        drawn = torch.einsum("ck,nkhw->nchw", CAMERA, drawn)
    return torch.cat([encoder.tokens(part) for part in drawn.split(64)])


def chosen(label: torch.Tensor, classes: Sequence[int], each: int) -> torch.Tensor:
    """Indices of the first `each` pictures of every class."""
    return torch.cat([(label == c).nonzero()[:each, 0] for c in classes])


def shots(seeds: int, each: int, steps: int) -> dict[str, Any]:
    """The few-shot protocol: rows of every method, rate and seed."""
    renderer, encoder = Renderer(32), PictureEncoder(EncoderConfig(side=64, grid=4))
    drawn, shown = pictures(1600, 0, renderer)
    towers = fit_towers(seen_by(encoder, drawn, camera=False), words_of(shown), TowersConfig())
    old, old_shown = pictures(640, 1, renderer)
    new, new_shown = pictures(2400, 2, renderer)
    before = seen_by(encoder, old, camera=False), class_of(old_shown)
    features, label = seen_by(encoder, new, camera=True), class_of(new_shown)
    rows: list[dict[str, Any]] = []
    for seed in range(seeds):
        world = World(towers, before, features, label, seed, each)
        rows.append(
            {"method": "none", "rate": 0.0, "validation": 0.0, "seconds": 0.0, "numbers": 0, **world.told(None)}
        )
        for name, (rank, method) in SHOT_METHODS.items():
            for rate in RATES:
                config = SingleConfig(rank=rank, steps=steps, lr=rate, seed=seed, method=method)
                rows.append({"method": name, "rate": rate, **world.adapted(config)})
            print(seed, name, flush=True)
    return {"shots": each, "steps": steps, "rows": rows}


class World:
    """One seed's classes and pictures of the new camera, and the old camera's."""

    def __init__(
        self,
        towers: TwoTowers,
        old: tuple[torch.Tensor, torch.Tensor],
        features: torch.Tensor,
        label: torch.Tensor,
        seed: int,
        each: int,
    ) -> None:
        rng = torch.Generator().manual_seed(100 + seed)
        order = torch.randperm(len(CLASSES), generator=rng).tolist()
        half = len(features) // 2
        mixed = torch.randperm(half, generator=rng)
        pool, self.test = (features[:half][mixed], label[:half][mixed]), (features[half:], label[half:])
        self.towers, self.old, self.seed = towers, old, seed
        self.base, self.novel = sorted(order[: len(order) // 2]), sorted(order[len(order) // 2 :])
        train = chosen(pool[1], self.base, each)
        rest = torch.ones(half, dtype=torch.bool)
        rest[train] = False
        self.train, self.validation = (pool[0][train], pool[1][train]), (pool[0][rest], pool[1][rest])

    def accuracy(self, part: tuple[torch.Tensor, torch.Tensor], classes: Sequence[int], state: Any) -> float:
        """Among these classes, of the pictures that show one of them."""
        mine = torch.isin(part[1], torch.tensor(classes))
        place = torch.tensor([classes.index(c) for c in part[1][mine].tolist()])
        return shot_accuracy(self.towers, part[0][mine], place, [CLASSES[c] for c in classes], state)

    def told(self, state: Any) -> dict[str, Any]:
        """What is reported of an adapter."""
        found = {
            "base": self.accuracy(self.test, self.base, state),
            "novel": self.accuracy(self.test, self.novel, state),
        }
        return {"seed": self.seed, **found, "old": self.accuracy(self.old, range(len(CLASSES)), state)}

    def adapted(self, config: SingleConfig) -> dict[str, Any]:
        """An adapter of the shown classes, and what it does."""
        places = torch.tensor([self.base.index(c) for c in self.train[1].tolist()])
        began = time.process_time()
        made = adapt_towers(self.towers, self.train[0], places, [CLASSES[c] for c in self.base], config)
        took = time.process_time() - began
        validation = self.accuracy(self.validation, self.base, made.state)
        return {"validation": validation, "seconds": took, "numbers": made.numbers, **self.told(made.state)}


def words_of(picture: Picture) -> list[str]:
    """Captions in the classes' form, with size and position, so that both towers know more than the classes."""
    out = []
    for b, e, size, position in picture.scenes.tolist():
        words = [values[i] for values, i in zip(SCENE.values(), (b, e, size, position), strict=True)]
        out.append(f"a {words[2]} {words[1]} critter in the {words[3]} on a {words[0]} background")
    return out


def shots_table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown, each method at each rate, means over seeds; the rate that validation chose in bold."""
    lines = ["| method | rate | shown | only named | harmonic mean | old camera | trained numbers | seconds |"]
    lines.append("|---|---|---|---|---|---|---|---|")
    for name in dict.fromkeys(r["method"] for r in rows):
        rates = sorted({r["rate"] for r in rows if r["method"] == name})
        best = max(rates, key=lambda x: statistics.fmean(v["validation"] for v in at(rows, name, x)))
        for rate in rates:
            mine = at(rows, name, rate)
            base, novel, old, took = (statistics.fmean(r[k] for r in mine) for k in ("base", "novel", "old", "seconds"))
            spread = statistics.stdev(r["novel"] for r in mine) if len(mine) > 1 else 0.0
            harmonic = statistics.fmean(2 * r["base"] * r["novel"] / (r["base"] + r["novel"]) for r in mine)
            cells = f"{base:.1%} | {novel:.1%} ± {spread:.1%} | {harmonic:.1%} | {old:.1%}"
            shown = f"**{rate:g}**" if rate == best and len(rates) > 1 else f"{rate:g}"
            lines.append(f"| {name} | {shown} | {cells} | {mine[0]['numbers']:,} | {took:.1f} |")
    return "\n".join(lines) + "\n"


def at(rows: Sequence[dict[str, Any]], name: str, rate: float) -> list[dict[str, Any]]:
    """Rows of one method at one rate."""
    return [r for r in rows if r["method"] == name and r["rate"] == rate]


def restore(seeds: int, steps: int) -> dict[str, Any]:
    """Decibels on unseen damage by pre-training, allocation and seed."""
    drawn, _ = pictures(360, 5, Renderer(32))
    clean, few, test = drawn[:250], drawn[250:266], drawn[266:314]
    allocations = {
        "uniform": MethodConfig(),
        "contribution": MethodConfig(allocate="contribution", options={"steps": 4, "points": 4, "batches": 2}),
    }
    rows = []
    for seed in range(seeds):
        for trained in (PROD, *((k,) for k in PROD)):
            restorer = fit_restorer(clean, trained, RestorerConfig(seed=seed, steps=steps), most=len(trained))
            name = "PROD" if len(trained) > 1 else trained[0]
            for kind in UNSEEN:
                rng = torch.Generator().manual_seed(50 + seed)
                shown, asked = degrade(few, [kind], rng), degrade(test, [kind], rng)
                row = {"trained": name, "kind": kind, "seed": seed, "before": restored_decibels(restorer, asked, test)}
                for allocation, method in allocations.items():
                    config = SingleConfig(rank=RANK, steps=120, lr=5e-3, seed=seed, method=method)
                    made = adapt_restorer(restorer, shown, few, config)
                    row[allocation] = restored_decibels(restorer, asked, test, made.state)
                    row[f"{allocation} numbers"] = made.numbers
                rows.append(row)
            print(seed, name, flush=True)
    return {"steps": steps, "rows": rows}


def restore_table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown: means over seeds, and PROD against the mean and the best single kind."""
    lines = [
        "| unseen | pre-trained on | before, dB | adapted, uniform | adapted, by contribution |",
        "|---|---|---|---|---|",
    ]
    names = list(dict.fromkeys(r["trained"] for r in rows))
    for kind in UNSEEN:
        after = {}
        for name in names:
            mine = [r for r in rows if r["trained"] == name and r["kind"] == kind]
            values = [statistics.fmean(r[k] for r in mine) for k in ("before", "uniform", "contribution")]
            after[name] = values[2]
            lines.append(f"| {kind} | {name} | " + " | ".join(f"{v:.2f}" for v in values) + " |")
        single = {n: v for n, v in after.items() if n != "PROD"}
        best = max(single, key=lambda n: single[n])
        mean = statistics.fmean(single.values())
        told = f"PROD over the mean of single kinds {after['PROD'] - mean:+.2f} dB, over the best ({best}) "
        lines.append(f"| {kind} | | | | {told}{after['PROD'] - single[best]:+.2f} dB |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Run one of the two."""
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("shots", "restore"))
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--steps", type=int, default=0, help="Of an adaptation, or of a pre-training.")
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    began = time.process_time()
    if args.what == "shots":
        found = shots(args.seeds, args.shots, args.steps or 60)
        table = shots_table(found["rows"])
    else:
        found = restore(args.seeds, args.steps or 400)
        table = restore_table(found["rows"])
    result = {"machine": machine(), "processor_s": round(time.process_time() - began, 1), **found}
    save_result(f"small-vision-{args.what}", result, table, args.output)
    print(table)


if __name__ == "__main__":
    main()
