"""Sentences whose truth is known, asked as a user would: what `auto` chooses, what it expects, and what is right.

    python benchmarks/sentences.py --words FOLDER --split test -o benchmarks/results/sentences.json

Sources: the bank's tasks in other words (S1), near misses of them, practical tasks, the catalogue's test tasks, and
specs of the stream whose operation (far) or input type (near) nobody trained on. Answers are rated by forcing: right is
what greedy decoding would get right. The test split is asked once; tables and weights are chosen on the others.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
from common import machine

from genlora import GenLora
from genlora.api import load_banks_base
from genlora.evaluate import (
    ReferenceRequest,
    calibration_error,
    rate_experts,
    rate_fewshot,
    reference_requests,
    spearman,
)
from genlora.generators import Generated

RESAMPLES = 10_000


def interval(values: np.ndarray) -> list[float]:
    """The mean over tasks, with the 90 % bootstrap interval over tasks."""
    drawn = values[np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))].mean(1)
    return [round(float(x), 4) for x in (values.mean(), *np.quantile(drawn, [0.05, 0.95]))]


def expert_of(generated: Generated) -> str | None:
    """The expert that was chosen; None where the few-shot adapter was, which has no neighbours."""
    return generated.neighbours[0].name if generated.made_by["chosen"] == "expert" else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--words", type=Path, help="folder of word tasks")
    parser.add_argument("--split", choices=["calibration", "test"], default="test")
    parser.add_argument("--wording", type=int, choices=[0, 1, 2], default=0, help="which wording of each request")
    parser.add_argument("--specs", type=int, default=60, help="of each held-out part of the stream")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    began = time.perf_counter()
    with GenLora() as lora:
        base = load_banks_base(lora.bank, device=args.device)
        requests = reference_requests(
            lora.bank.names(), words_folder=args.words, specs=args.specs, split=args.split, wording=args.wording
        )
        made = [lora.generate(r.description, allow_harmful="measured").generated for r in requests]
        quick = [lora.generate(r.description, quick=True, allow_harmful="measured").generated for r in requests]
        print(f"{len(requests)} adapters after {time.perf_counter() - began:.0f} s", flush=True)
        few = rate_fewshot(base, lora.engine("fewshot").state, requests)
        plain = rate_fewshot(base, None, requests)
        print(f"few-shot and base asked after {time.perf_counter() - began:.0f} s", flush=True)
        asked = [
            (name, r)
            for r, m, q in zip(requests, made, quick, strict=True)
            for name in dict.fromkeys([*filter(None, (expert_of(m), expert_of(q), r.own))])
        ]
        found = rate_experts(base, {n: lora.bank.state(n) for n, _ in asked}, asked)
        rated = {(name, id(r)): x for (name, r), x in zip(asked, found, strict=True)}

    def right(generated: Generated, r: ReferenceRequest, i: int) -> float:
        name = expert_of(generated)
        return few[i][0] if name is None else rated[name, id(r)]

    rows = []
    for i, (r, m, q) in enumerate(zip(requests, made, quick, strict=True)):
        rows.append(
            {
                "name": r.name,
                "source": r.source,
                "description": r.description,
                "chosen": m.made_by["chosen"],
                "expert": expert_of(m),
                "own": r.own or None,
                "gaps": m.made_by.get("gaps"),
                "expected": m.expected.to_json() if m.expected else None,
                "right": right(m, r, i),
                "quick": {"chosen": q.made_by["chosen"], "expected": q.expected.value, "right": right(q, r, i)},
                "own expert": rated[r.own, id(r)] if r.own else None,
                "fewshot": few[i],
                "base": plain[i],
            }
        )
    args.output.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "machine": machine(args.device),
        "split": args.split,
        "wording": args.wording,
        **summary(rows),
        "requests": rows,
    }
    args.output.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    text = markdown(report)
    args.output.with_suffix(".md").write_text(text, encoding="utf-8")
    print(text)


def markdown(report: dict) -> str:
    """The table for people: percent right with 90 % intervals over tasks."""
    ways = [w for w in next(iter(report["sources"].values())) if w != "n" and not w.startswith("expert")]
    ways = [w for w in ways if not w.startswith("own")] + ["own expert"]
    sources = report["sources"]
    lines = [
        f"Split {report['split']}, wording {report['wording']}. {', '.join(map(str, report['machine'].values()))}.",
        "",
    ]
    lines += [
        "| % right | " + " | ".join(f"{s} ({sources[s]['n']})" for s in sources) + " |",
        "|---" * (len(sources) + 1) + "|",
    ]
    for way in ways:
        cells = [sources[s].get(way) for s in sources]
        lines.append(
            f"| {way} | "
            + " | ".join("" if c is None else f"{c[0]:.1%} ({c[1]:.0%} to {c[2]:.0%})".replace("%", "") for c in cells)
            + " |"
        )
    for share in ("expert used", "expert used, quick", "own expert chosen"):
        cells = [sources[s].get(share) for s in sources]
        lines.append(f"| {share} | " + " | ".join("" if c is None else f"{100 * c:.0f}" for c in cells) + " |")
    judged = ", ".join(f"{name} {value}" for name, value in report["expected accuracy"].items())
    return "\n".join([*lines, "", f"Expected accuracy: {judged}.", ""])


def summary(rows: list[dict]) -> dict:
    """Means over tasks with intervals, by source, and how well the expected accuracy was known."""
    out: dict = {}
    for source in dict.fromkeys(r["source"] for r in rows):
        some = [r for r in rows if r["source"] == source]
        ways = {
            "auto": [r["right"] for r in some],
            "auto, quick": [r["quick"]["right"] for r in some],
            **{f"fewshot, {k} examples": [r["fewshot"][k] for r in some] for k in some[0]["fewshot"]},
            **{f"base, {k} examples": [r["base"][k] for r in some] for k in some[0]["base"]},
        }
        if some[0]["own"]:
            ways["own expert"] = [r["own expert"] for r in some]
        out[source] = {
            "n": len(some),
            **{way: interval(np.array(x)) for way, x in ways.items()},
            "expert used": round(float(np.mean([r["chosen"] == "expert" for r in some])), 4),
            "expert used, quick": round(float(np.mean([r["quick"]["chosen"] == "expert" for r in some])), 4),
        }
        if some[0]["own"]:
            out[source]["own expert chosen"] = round(float(np.mean([r["expert"] == r["own"] for r in some])), 4)
    known = [r for r in rows if r["expected"]]
    said, true = [r["expected"]["value"] for r in known], [r["right"] for r in known]
    inside = [r["expected"]["low"] - 1e-9 <= r["right"] <= r["expected"]["high"] + 1e-9 for r in known]
    judged = {
        "calibration error": round(calibration_error(said, true), 4),
        "rank correlation": round(spearman(said, true), 4),
        "inside the interval": round(float(np.mean(inside)), 4),
    }
    return {"sources": out, "expected accuracy": judged}


if __name__ == "__main__":
    main()
