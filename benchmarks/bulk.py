"""Seconds an adapter in bulk against one by one, in turns, in one process; and that the bytes are the same.

    python benchmarks/bulk.py [--bank PATH] [--count 1000] [--alone 100] [--read 4]

Descriptions are the bank's own and others' words, varied by number so that no two are equal. One by one is what a loop
over `generate(...).save(...)` takes, each folder durable before the next begins; in bulk is `generate_many`, with its
one sync at the end. Both warm. The same-task test asks the base for a second or so, each way: it is measured on few
(`--read`), and left out (`quick`) of the main figure.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from common import machine, save_result

from genlora import GenLora
from genlora.api import ItemFailure, ItemKept
from genlora.descriptions import Item

SHARE = 0.2
"""Of one by one's time an adapter: the target."""


def items_of(lora: GenLora, count: int, start: int = 0) -> list[Item]:
    """Sentences of the bank's experts, each made another by its number."""
    texts = [text for name in lora.bank.names() for text in lora.bank.get(name).descriptions]
    picked = [(i, texts[i * 37 % len(texts)]) for i in range(start, start + count)]
    return [Item(n, f"a{i:05d}", f"{text} (set {i})") for n, (i, text) in enumerate(picked, 1)]


def alone(lora: GenLora, items: list[Item], out: Path, **options: Any) -> tuple[list[float], dict[str, float]]:
    """Seconds of each, files durable; and the median milliseconds of each stage."""
    took, stages = [], dict[str, list[float]]()
    for item in items:
        start = time.perf_counter()
        made = lora.generate(item.description, **options)
        made.save(out / item.name)
        took.append(time.perf_counter() - start)
        for stage, ms in made.times_ms.items():
            stages.setdefault(stage, []).append(ms)
    return took, {stage: round(sum(ms) / len(items), 2) for stage, ms in stages.items()}


def bulk(lora: GenLora, items: list[Item], out: Path, **options: Any) -> tuple[float, dict[str, float], int]:
    """Seconds in all, the last sync too; mean milliseconds of each stage; how many failed."""
    stages, failed = dict[str, float](), 0
    start = time.perf_counter()
    for one in lora.generate_many(items, out, **options):
        if isinstance(one, ItemFailure | ItemKept):
            failed += 1
            continue
        for stage, ms in one.adapter.times_ms.items():
            stages[stage] = stages.get(stage, 0.0) + ms
    took = time.perf_counter() - start
    return took, {stage: round(ms / len(items), 2) for stage, ms in stages.items()}, failed


def compare(bank: str | None, out: Path, count: int, few: int, read: int) -> dict[str, Any]:
    with GenLora(bank) as lora:
        warm = items_of(lora, 16, start=10**6)
        alone(lora, warm, out / "warm", quick=True)
        half = few // 2
        first, stages = alone(lora, items_of(lora, half), out / "one", quick=True)
        many, bulk_stages, failed = bulk(lora, items_of(lora, count), out / "many", quick=True)
        second, _ = alone(lora, items_of(lora, few - half, start=half), out / "one", quick=True)
        start = time.perf_counter()
        kept = sum(isinstance(k, ItemKept) for k in lora.generate_many(items_of(lora, count), out / "many", quick=True))
        again = time.perf_counter() - start
        same = all(
            (out / "one" / f"a{i:05d}" / p.name).read_bytes() == p.read_bytes()
            for i in range(min(few, count))
            for p in (out / "many" / f"a{i:05d}").iterdir()
        )
        one = statistics.mean(first + second)
        result = {
            "experts": len(lora.bank),
            "count": count,
            "one_by_one_ms": round(1e3 * one, 1),
            "one_by_one_p50_ms": round(1e3 * statistics.median(first + second), 1),
            "bulk_ms": round(1e3 * many / count, 1),
            "share": round(many / count / one, 3),
            "stages_one_ms": stages,
            "stages_bulk_ms": bulk_stages,
            "failed": failed,
            "same_bytes": same,
            "kept_again": kept,
            "kept_ms": round(1e3 * again / count, 2),
        }
        if read:
            with_test, _ = alone(lora, items_of(lora, read + 1, start=2 * 10**6), out / "read")
            items = items_of(lora, read, start=3 * 10**6)
            took, _, _ = bulk(lora, items, out / "read-many")
            result["with_test_one_ms"] = round(1e3 * statistics.mean(with_test[1:]), 1)
            result["with_test_bulk_ms"] = round(1e3 * took / read, 1)
        return result


def table(r: dict[str, Any]) -> str:
    lines = [
        "# Adapters in bulk",
        "",
        f"{r['count']} descriptions, a bank of {r['experts']} experts; without the same-task test (`quick`):",
        "",
        "| what | ms an adapter |",
        "| --- | --- |",
        f"| one by one, each durable, mean (median {r['one_by_one_p50_ms']}) | {r['one_by_one_ms']} |",
        f"| in bulk, one sync at the end | {r['bulk_ms']} |",
        f"| found complete in a second run ({r['kept_again']} of {r['count']}) | {r['kept_ms']} |",
    ]
    if "with_test_one_ms" in r:
        lines.append(f"| one by one, with the same-task test | {r['with_test_one_ms']} |")
        lines.append(f"| in bulk, with it | {r['with_test_bulk_ms']} |")
    lines += [
        "",
        f"Share: {r['share']} (target {SHARE}). Bytes the same: {r['same_bytes']}. Failed: {r['failed']}.",
        "",
    ]
    lines += ["| stage | one by one, mean ms | in bulk |", "| --- | --- | --- |"]
    for stage, ms in r["stages_one_ms"].items():
        lines.append(f"| {stage} | {ms} | {r['stages_bulk_ms'].get(stage, 0.0)} |")
    return "\n".join([*lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--bank")
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--alone", type=int, default=100)
    parser.add_argument("--read", type=int, default=4)
    parser.add_argument("-o", "--output", type=Path, default=None)
    args = parser.parse_args()
    out = Path(tempfile.mkdtemp(dir=".", prefix="bulk-"))
    try:
        result = {"machine": machine(), **compare(args.bank, out, args.count, args.alone, args.read)}
    finally:
        shutil.rmtree(out)
    text = table(result)
    print(text)
    save_result("bulk", result, text, args.output)
    raise SystemExit(0 if result["same_bytes"] and result["share"] <= SHARE else "missed")


if __name__ == "__main__":
    main()
