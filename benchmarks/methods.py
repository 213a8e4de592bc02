"""What a step of each training method costs over plain LoRA's, on the default base.

python benchmarks/methods.py [--slots 4] [-o benchmarks/results/methods.json]

As `genlora bank train` measures it for a card: steps of rate 0 of both on the same batch, the quicker of two each. What
a method does once before its first step (gradients, decompositions, searches) is timed apart.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

from genlora.api import best_dtype
from genlora.base import load_base, resolve_base
from genlora.tasks import catalogue_tasks
from genlora.train import ExpertConfig, ExpertTrainer, MethodConfig, all_methods


def config_of(seam: str, name: str) -> MethodConfig:
    """A method with the others at their defaults."""
    names = {"rules": (name,)} if seam == "rule" else {seam: name}
    return MethodConfig(**names, **({"structure": "xs"} if name == "lora-sb" else {}))


def measure(base: object, method: MethodConfig, slots: int, folder: Path) -> dict[str, float]:
    """Seconds before the first step for each expert, and a step's time over plain LoRA's."""
    tasks = [t for t in catalogue_tasks("bank") if t.source.startswith("rule:")][:slots]
    config = ExpertConfig(method=method, slots=slots, max_rows=1)
    begun = {}

    class Stop(Exception):
        pass

    trainer = ExpertTrainer(base, tasks, config, folder)  # type: ignore[arg-type]
    plan = trainer.plan
    if plan is None:
        return {"start_s": 0.0, "step_ratio": 1.0}
    start = time.perf_counter()
    times = plan.measure

    def timed(*args: object) -> None:
        begun["start_s"] = round((time.perf_counter() - start) / slots, 2)
        times(*args)  # type: ignore[arg-type]
        raise Stop

    plan.measure = timed  # type: ignore[method-assign]
    try:
        list(trainer.run())
    except Stop:
        pass
    return {**begun, "step_ratio": round(plan.ratio or 0.0, 2)}


def main() -> None:
    """Measure every method."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--slots", type=int, default=4)
    parser.add_argument("--methods", nargs="*", default=None)
    parser.add_argument("-o", "--output", type=Path, default=Path("benchmarks/results/methods.json"))
    args = parser.parse_args()
    base = load_base(str(resolve_base()), dtype=best_dtype(), attn_implementation="eager")
    base.model.requires_grad_(False)
    found = {}
    for m in all_methods():
        if args.methods and m.name not in args.methods:
            continue
        with tempfile.TemporaryDirectory() as folder:
            found[f"{m.seam} {m.name}"] = measure(base, config_of(m.seam, m.name), args.slots, Path(folder) / "run")
        print(m.seam, m.name, found[f"{m.seam} {m.name}"], flush=True)
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps({"slots": args.slots, "methods": found}, indent=2) + "\n")


if __name__ == "__main__":
    main()
