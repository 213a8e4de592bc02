"""DataDream on small pictures: a classifier trained on what a text-to-image model draws, once it saw a few real ones.

    python benchmarks/datadream.py --seeds 2 --shots 8 --sheets FOLDER

As in `small_vision.py shots`, another camera mixes the colours, and 16 of 32 classes (background x expression) come
with a few real pictures each. These train a LoRA of the shipped text-to-image model; the two towers are adapted to
pictures that it draws of each class, with and without that LoRA, with and without a judge (the towers adapted to the
real pictures), and beside the real ones. Told: accuracy on other real pictures of the classes, and how far the drawn
ones lie from them (MMD of the frozen encoder's features). `--sheets` keeps what was drawn, to look at.
"""

import argparse
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, machine, save_result
from small_vision import CAMERA, CLASSES, RANK, chosen, class_of, pictures, seen_by, words_of

from genlora.adapter import AdapterState
from genlora.adapter.live import attached
from genlora.api.pictures import ImageStudio
from genlora.errors import TrainingError
from genlora.images import Diffusion, EncoderConfig, PictureEncoder, to_image
from genlora.images.mini import SCENE, Renderer, caption
from genlora.train import bandwidth, mmd
from genlora.train.methods import SingleConfig
from genlora.train.pictures import (
    TowersConfig,
    TwoTowers,
    adapt_towers,
    dream,
    fit_shots,
    fit_towers,
    shot_accuracy,
)

POOL = 1200
"""Pictures of the other camera that shots are taken from; the rest is the test."""
ACROSS = 12
"""Pictures in a row of a sheet."""


class Camera:
    """Pictures of the other camera, seen by the frozen encoder, and towers that know the old one only."""

    def __init__(self) -> None:
        renderer, self.encoder = Renderer(32), PictureEncoder(EncoderConfig(side=64, grid=4))
        drawn, shown = pictures(1600, 0, renderer)
        self.towers: TwoTowers = fit_towers(self.seen(drawn), words_of(shown), TowersConfig())
        raw, shown = pictures(2 * POOL, 2, renderer)
        self.pictures = torch.einsum("ck,nkhw->nchw", CAMERA, raw)
        self.captions, self.labels = shown.captions(), class_of(shown)
        self.features = self.seen(self.pictures)

    def seen(self, some: torch.Tensor) -> torch.Tensor:
        """The encoder's tokens."""
        return seen_by(self.encoder, some, camera=False)


class Arms:
    """One seed's classes and shots, and what towers learn from drawn pictures of them."""

    def __init__(self, camera: Camera, seed: int, each: int) -> None:
        self.camera, self.seed = camera, seed
        order = torch.randperm(len(CLASSES), generator=torch.Generator().manual_seed(100 + seed)).tolist()
        self.classes = sorted(order[: len(order) // 2])
        self.names = [CLASSES[c] for c in self.classes]
        self.places = torch.tensor([self.classes.index(c) if c in self.classes else -1 for c in camera.labels.tolist()])
        self.shots = chosen(camera.labels[:POOL], self.classes, each)
        self.test = (self.places >= 0) & (torch.arange(len(self.places)) >= POOL)
        self.real = camera.features[self.test].mean(1).numpy()
        self.width = bandwidth(self.real)
        self.rows: list[dict[str, Any]] = []
        self.tell("the old camera's", None)
        shots = camera.features[self.shots], self.places[self.shots]
        self.judge = self.tell("real shots", shots)

    def tell(self, how: str, learnt: tuple[torch.Tensor, torch.Tensor] | None, **more: Any) -> AdapterState | None:
        """Adapt the towers to these features and labels, and note how right they are then."""
        towers, state, far = self.camera.towers, None, None
        if learnt is not None:
            config = SingleConfig(rank=RANK, steps=60, lr=3.2e-3, seed=self.seed)
            state = adapt_towers(towers, *learnt, self.names, config).state
            far = mmd(learnt[0].mean(1).numpy(), self.real, self.width)
        right = shot_accuracy(towers, self.camera.features[self.test], self.places[self.test], self.names, state)
        count = 0 if learnt is None else len(learnt[1])
        self.rows.append({"how": how, "seed": self.seed, "accuracy": right, "mmd": far, "pictures": count, **more})
        print(self.rows[-1], flush=True)
        return state

    def scores(self, some: torch.Tensor, wanted: Sequence[int]) -> list[float]:
        """By how much the wanted class is likelier than any other to the towers that saw the real shots."""
        with attached(self.camera.towers, self.judge):
            logits = self.camera.towers(self.camera.seen(some), self.names)
        at = torch.tensor(wanted)[:, None]
        return (logits.gather(1, at)[:, 0] - logits.scatter(1, at, float("-inf")).amax(1)).tolist()

    def draw(self, model: Diffusion, steps: int, each: int, sheets: Path | None) -> None:
        """Every arm with drawn pictures."""
        camera, shots = self.camera, self.shots
        began = time.process_time()
        lora = fit_shots(
            model, camera.pictures[shots], [camera.captions[i] for i in shots.tolist()], steps=steps, seed=self.seed
        )
        took = time.process_time() - began
        said = [captions_of(c) for c in self.classes]
        for how, rows, scores in (
            ("the generator as it is", None, None),
            ("the generator as it is, judged", None, self.scores),
            ("its LoRA", lora, None),
            ("its LoRA, judged", lora, self.scores),
        ):
            try:
                found = dream(model, said, each, rows, scores=scores, seed=1000 * self.seed)
            except TrainingError as err:  # a class of which nothing passed: told, and no figure
                self.rows.append({"how": how, "seed": self.seed, "failed": str(err)})
                print(self.rows[-1], flush=True)
                continue
            learnt = camera.seen(found.pictures), torch.tensor(found.classes)
            more = {"counts": found.counts.to_json(), "lora_s": took if rows else 0.0}
            self.tell(how, learnt, **more)
            if rows:
                both = torch.cat([learnt[0], camera.features[shots]]), torch.cat([learnt[1], self.places[shots]])
                self.tell(f"{how}, and real shots", both, **more)
            if sheets is not None:
                sheet(found.pictures[:: max(1, len(found.classes) // 48)][:48], sheets / f"{self.seed}-{how}.png")


def captions_of(number: int) -> list[str]:
    """A class's captions in the model's words: all its sizes and positions."""
    backgrounds, expressions, sizes, positions = (range(len(values)) for values in SCENE.values())
    b, e = divmod(number, len(expressions))
    assert b in backgrounds
    return [caption([b, e, s, p]) for s in sizes for p in positions]


def sheet(some: torch.Tensor, path: Path) -> None:
    """Pictures side by side, each point four wide."""
    big = some.repeat_interleave(4, -1).repeat_interleave(4, -2)
    rows = len(big) // ACROSS
    grid = big[: rows * ACROSS].unflatten(0, (rows, ACROSS)).permute(2, 0, 3, 1, 4)
    to_image(grid.reshape(3, rows * big.shape[-2], ACROSS * big.shape[-1])).save(path)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Markdown, means over seeds."""
    lines = ["| towers adapted to | pictures | kept of judged | MMD to real ones | accuracy |", "|---|---|---|---|---|"]
    told = [r for r in rows if "accuracy" in r]
    for how in dict.fromkeys(r["how"] for r in told):
        mine = [r for r in told if r["how"] == how]
        far = [r["mmd"] for r in mine if r["mmd"] is not None]
        kept = [r["counts"]["acceptance"] for r in mine if "counts" in r]
        cells = [
            f"{statistics.fmean(r['pictures'] for r in mine):.0f}",
            f"{statistics.fmean(kept):.0%}" if kept else "",
            f"{statistics.fmean(far):.3f}" if far else "",
            f"{statistics.fmean(r['accuracy'] for r in mine):.1%}",
        ]
        lines.append(f"| {how} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--shots", type=int, default=8)
    parser.add_argument("--steps", type=int, default=300, help="Of the generator's LoRA.")
    parser.add_argument("--drawn", type=int, default=24, help="Pictures of each class that are drawn.")
    parser.add_argument("--sheets", type=Path, default=None)
    parser.add_argument("-o", "--output", type=Path, default=RESULTS)
    args = parser.parse_args()
    torch.set_grad_enabled(False)
    began = time.process_time()
    camera, model, rows = Camera(), ImageStudio.open().model, list[dict[str, Any]]()
    for seed in range(args.seeds):
        arms = Arms(camera, seed, args.shots)
        with torch.enable_grad():
            arms.draw(model, args.steps, args.drawn, args.sheets)
        rows += arms.rows
    told = table(rows)
    head = {"machine": machine(), "processor_s": round(time.process_time() - began, 1)}
    sizes = {"shots": args.shots, "lora_steps": args.steps, "drawn_each": args.drawn}
    save_result("datadream", {**head, **sizes, "rows": rows}, told, args.output)
    print(told)


if __name__ == "__main__":
    main()
