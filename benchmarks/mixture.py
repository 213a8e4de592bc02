"""One sparse mixture of bank experts against each own expert, the plain average and Arrow, on held-out examples.

    python benchmarks/mixture.py
    python benchmarks/mixture.py --sets "alike inputs" --top-k 2 --steps 40 --no-speed --name mixture-trained

Bare prompts, so that the input alone says which task it is. The first set's inputs look different from task to task;
the second set's do not (a noun phrase, a name, a sentence), so a router has to guess. Test examples, strict
scores, greedy. Routers are fitted on training examples; "trained" adds steps of the routers alone.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from common import machine, save_result

from genlora.adapter import AdapterState, attached, weighted_sum
from genlora.api import best_dtype, default_bank
from genlora.bank import Bank
from genlora.base import LoadedBase, load_base
from genlora.engine import Engine, Sampling
from genlora.evaluate import answer_as_is, held_out
from genlora.mixture import Arrow, Mixture, MixtureTraining, build_mixture, of_mixture, trained
from genlora.tasks import Task, catalogue_task, prompt_ids

SETS = {
    "distinct inputs": ("r-camel-to-snake", "r-date-iso-to-long", "r-currency", "r-animal-young"),
    "alike inputs": ("r-a-an", "r-comparative", "r-acronym", "r-count-words"),
}


def score(base: LoadedBase, tasks: Sequence[Task], n: int, attach: Callable[[Task], Any]) -> dict[str, float]:
    """Strict score of each task, 0 to 1, of whatever `attach(task)` puts on the base."""
    out = {}
    for task in tasks:
        with attach(task):
            out[task.name] = answer_as_is(base, task, held_out(task, n)).scores.strict_mean
    return out


def own_share(mixture: Mixture, base: LoadedBase, tasks: Sequence[Task], n: int) -> tuple[float, float]:
    """At the last token of each test prompt: share of blocks whose first choice is the task's own expert, and the
    mutual information between task and first choice in bits, mean over the blocks.
    """
    experts = len(mixture.names)
    counts = {site: torch.zeros(len(tasks), experts) for site in mixture.sites}
    with of_mixture(mixture).attached(base.model) as mix, torch.inference_mode():
        for row, task in enumerate(tasks):
            for e in held_out(task, n):
                base.model.base_model(input_ids=torch.tensor([prompt_ids(base.tokenizer, e.input)]), use_cache=False)
                for path, site in mix.items():
                    assert site.routing is not None
                    counts[path][row, int(site.routing.probabilities[-1].argmax())] += 1
    right = [float(c.diagonal().sum() / c.sum()) for c in counts.values()]
    bits = []
    for c in counts.values():
        joint = c / c.sum()
        apart = joint.sum(0, keepdim=True) * joint.sum(1, keepdim=True)
        bits.append(float((joint * (joint / apart).log2()).nan_to_num().sum()))
    return sum(right) / len(right), sum(bits) / len(bits)


def one_set(bank: Bank, base: LoadedBase, names: Sequence[str], options: Any) -> dict[str, Any]:
    """All ways on one set of experts."""
    tasks = [catalogue_task(n) for n in names]
    states: dict[str, AdapterState] = {n: bank.state(n) for n in names}
    examples = {t.name: t.split("train") for t in tasks}
    n = options.examples
    average = weighted_sum(list(states.values()), [1 / len(names)] * len(names), rank=bank.rank)[0]
    arrow = Arrow(list(states.values()), top_k=min(3, len(names)))
    scores = {
        "base": score(base, tasks, n, lambda _: attached(base.model, None)),
        "own expert": score(base, tasks, n, lambda t: attached(base.model, states[t.name])),
        "plain average": score(base, tasks, n, lambda _: attached(base.model, average)),
        "Arrow": score(base, tasks, n, lambda _: arrow.attached(base.model)),
    }
    took, routers = {}, {}
    for top_k in options.top_k:
        began = time.perf_counter()
        mixture = build_mixture(bank, names, base, examples, top_k=top_k)
        made = {f"mixture, k = {top_k}": mixture}
        took[f"fit, k = {top_k}"] = time.perf_counter() - began
        if options.steps:
            began = time.perf_counter()
            config = MixtureTraining(steps=options.steps, lr=options.lr)
            made[f"mixture, k = {top_k}, trained"] = trained(mixture, base, examples, config)
            took[f"train, k = {top_k}"] = time.perf_counter() - began
        for way, one in made.items():
            scores[way] = score(base, tasks, n, lambda _, one=one: of_mixture(one).attached(base.model))
            share, bits = own_share(one, base, tasks, min(n, 10))
            routers[way] = {"own_first": round(share, 4), "bits": round(bits, 4)}
    return {"experts": list(names), "scores": scores, "routers": routers, "took_s": took}


def speed(bank: Bank, base: LoadedBase, names: Sequence[str]) -> dict[str, float]:
    """Tokens per second of the engine: 16 requests of 32 tokens on the base, one expert, and a mixture."""
    from genlora.engine import Adapter

    examples = {n: catalogue_task(n).split("train") for n in names}
    mixture = build_mixture(bank, names, base, examples, top_k=2, per_expert=4)
    out = {}
    prompts = [prompt_ids(base.tokenizer, f"Say something about the number {i}.") for i in range(16)]
    with Engine(replace(base, eos_ids=())) as engine:  # every answer has 32 tokens
        for way, adapter in {
            "base": None,
            "one expert": Adapter(names[0], bank.state(names[0])),
            "mixture": mixture,
        }.items():
            for _ in range(2):  # the first pass warms up
                began = time.perf_counter()
                streams = [engine.submit(p, Sampling(max_tokens=32), adapter=adapter) for p in prompts]
                tokens = sum(len(s.result().tokens) for s in streams)
                out[way] = tokens / (time.perf_counter() - began)
    return out


def table(result: dict[str, Any]) -> str:
    """Markdown."""
    parts = ["# A mixture of bank experts against its parts"]
    for title, found in result["sets"].items():
        names = found["experts"]
        head = ["", *names, "mean"]
        rows = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
        for way, by_task in found["scores"].items():
            cells = [f"{100 * by_task[n]:.0f}" for n in names]
            rows.append("| " + " | ".join([way, *cells, f"{100 * sum(by_task.values()) / len(names):.1f}"]) + " |")
        parts += [
            f"## {title}",
            f"Strict score in %, {result['examples']} test examples each, bare prompts.",
            "\n".join(rows),
        ]
        told = [
            f"{w}: own expert first in {100 * r['own_first']:.0f} % of blocks, {r['bits']:.2f} bits"
            for w, r in found["routers"].items()
        ]
        parts.append("At a prompt's last token: " + "; ".join(told) + ".")
        parts.append("Built in " + ", ".join(f"{v:.0f} s ({k})" for k, v in found["took_s"].items()) + ".")
    if result.get("speed"):
        parts.append(
            "Engine, 16 requests at once: "
            + ", ".join(f"{w} {v:.0f} tokens/s" for w, v in result["speed"].items())
            + "."
        )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--examples", type=int, default=30, help="test examples of each task")
    parser.add_argument("--top-k", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=0, help="training steps of the routers after the fit")
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=list(SETS))
    parser.add_argument("--no-speed", action="store_true")
    parser.add_argument("--name", default="mixture", help="of the result")
    parser.add_argument("--output", type=Path, default=None)
    options = parser.parse_args()
    torch.manual_seed(0)
    with Bank.open(default_bank(), readonly=True) as bank:
        base = load_base(dtype=best_dtype(), attn_implementation="eager")
        sets = {title: one_set(bank, base, SETS[title], options) for title in options.sets}
        result = {
            "machine": machine(),
            "examples": options.examples,
            "steps": options.steps,
            "sets": sets,
            "dtype": str(best_dtype()).removeprefix("torch."),
        }
        if not options.no_speed:
            result["speed"] = speed(bank, base, next(iter(SETS.values())))
    text = table(result)
    print(text)
    print(save_result(options.name, result, text, options.output))


if __name__ == "__main__":
    main()
