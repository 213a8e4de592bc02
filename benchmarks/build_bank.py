"""Make the shipped bank again: train, measure, store, and export with a codec.

    python benchmarks/build_bank.py --run runs/bank --words FOLDER --like checkpoints/bank-log.json -o checkpoints/bank
    python benchmarks/build_bank.py --run runs/bank                      # BIG-bench and rule-made tasks alone

With `--like LOG` the tasks are those of that log (the shipped bank's 72); without it, every training task of the
catalogue, several times as many. A run that was stopped goes on where it was. `--words` is a folder of word-task JSON
files; without it those entries are left out. Refused experts stay in the log (`checkpoints/bank-log.json`) with the
reason.
"""

import argparse
import json
import logging
import shutil
import time
from dataclasses import asdict
from pathlib import Path

import torch
from common import machine

from genlora.api import best_dtype, grow_bank, store_calibration
from genlora.bank import Bank, TaskEmbedder, export_bank
from genlora.base import load_base, resolve_embedder
from genlora.evaluate import Admission
from genlora.tasks import catalogue_tasks
from genlora.train import ExpertConfig, ExpertTick

CONFIG = ExpertConfig(
    lr=4e-3, pack_rows=8, pack_tokens=168, max_rows=560, eval_every=14, patience=3, slots=8, validation_rows=40
)

LEAST = 0.5
"""An expert that is right on less of its own task leaves the bank: 12 of 68 did."""


def say_tick(t: ExpertTick) -> None:
    if t.step % 20 == 0:
        print(f"{t.done}/{t.total} done, {t.rows_per_s:.1f} rows/s, at most {t.eta_s / 60:.0f} min left", flush=True)


def say_measured(a: Admission) -> None:
    print(f"{a.name}: own {a.own:.2f} base {a.base:.2f} majority {a.majority:.2f}: {a.reason}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True, help="folder of checkpoints; resumed when it exists")
    parser.add_argument("--words", type=Path, default=None)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--only-finished", action="store_true", help="measure and store what is trained, train no more")
    parser.add_argument("--like", type=Path, default=None, metavar="LOG", help="train the tasks of this log only")
    parser.add_argument("--codec", default="mixed")
    parser.add_argument("-o", "--output", type=Path, default=None, help="where the exported bank goes")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    logging.getLogger("genlora").setLevel(logging.INFO)
    began = time.perf_counter()
    base = load_base(None, device=args.device, dtype=best_dtype(args.device), attn_implementation="eager")
    base.model.requires_grad_(False)
    tasks = catalogue_tasks("bank", words_folder=args.words)
    if args.only_finished:
        finished = {p.stem for p in (args.run / "done").glob("*.safetensors")}
        tasks = [t for t in tasks if t.name in finished]
    if args.like:
        wanted = {e["name"] for e in json.loads(args.like.read_text())["experts"]}
        tasks = [t for t in tasks if t.name in wanted]
    raw = args.run / "bank"
    bank = Bank.open(raw) if raw.exists() else Bank.create(raw, base.layout, base.fingerprint)
    embedder = TaskEmbedder(resolve_embedder())
    grown = grow_bank(
        bank, base, tasks, CONFIG, args.run, embedder=embedder, least=LEAST, on_tick=say_tick, on_measured=say_measured
    )
    store_calibration(bank)
    parents = {t.name: t.parent for t in tasks}
    admitted = [a.name for a in grown.admitted]
    report = {
        "machine": machine(args.device),
        "seconds": round(time.perf_counter() - began),
        "threads": torch.get_num_threads(),
        "trained": len(grown.measured),
        "admitted": len(admitted),
        "parents": len({parents[n] for n in admitted}),
        "experts": [asdict(a) for a in sorted(grown.measured, key=lambda a: a.name)],
        "left_out": grown.failed,
    }
    print(f"{report['trained']} trained, {report['admitted']} admitted, {report['parents']} parents")
    if args.output is not None:
        if args.output.exists():
            shutil.rmtree(args.output)
        export_bank(bank, args.output, codec=args.codec)
        with Bank.open(args.output) as shipped:  # a codec moves the factors a little, so it is calibrated as it ships
            store_calibration(shipped)
        log = args.output.with_name("bank-log.json")
        log.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
        size = sum(p.stat().st_size for p in args.output.rglob("*") if p.is_file())
        print(f"{args.output}: {size / 2**20:.1f} MiB, log in {log}")
    bank.close()


if __name__ == "__main__":
    main()
