"""A tiny world for bank tests: a base of two layers, experts and embeddings from seeds."""

import hashlib
import sqlite3

import numpy as np
import torch

from genlora.adapter import AdapterState, BaseLayout, LoraPair, ModuleSpec
from genlora.bank import Bank, ExpertRecord
from genlora.base import Fingerprint

DIM = 384
LEAVES = ("q_proj", "k_proj", "v_proj", "o_proj")


def fingerprint(revision="a", name="tiny"):
    return Fingerprint(name, {"hidden_size": 16}, "tokenizer", "template", "shapes-" + revision, {})


def layout(base=None, *, width=16, layers=2):
    base = base or fingerprint()
    modules = tuple(
        ModuleSpec(f"model.layers.{i}.self_attn.{leaf}", width, width // 2 if leaf in ("k_proj", "v_proj") else width)
        for i in range(layers)
        for leaf in LEAVES
    )
    return BaseLayout(base.name, "llama", base.id, layers, 2, 1, width // 2, modules, "apache-2.0")


def state(seed, *, rank=4, leaves=("q_proj", "v_proj"), of=None):
    g = torch.Generator().manual_seed(seed)
    pairs = {
        m.path: LoraPair(
            torch.randn(rank, m.d_in, generator=g) / m.d_in**0.5, torch.randn(m.d_out, rank, generator=g) * 0.1
        )
        for m in (of or layout()).of(leaves)
    }
    return AdapterState(pairs)


def unit(seed, rows=1, dim=DIM):
    x = np.random.default_rng(seed).normal(size=(rows, dim))
    return (x / np.linalg.norm(x, axis=1, keepdims=True)).astype(np.float32)


def record(seed, name=None, **changes):
    fields = {
        "descriptions": (f"do task {seed}", f"task number {seed}, please"),
        "family": "tests",
        "licence": "cc0-1.0",
        "embeddings": unit(seed, 2),
        "embedder": "e" * 64,
    }
    return ExpertRecord(name=name or f"expert-{seed}", **(fields | changes))


def new_bank(path, **options):
    base = fingerprint()
    return Bank.create(path, layout(base), base, **({"rank": 4} | options))


def tree(folder):
    """Every file below a folder: relative name to digest."""
    return {
        str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in sorted(folder.rglob("*"))
        if f.is_file()
    }


def sql(root, statement):
    """Do something to a bank's database that no bank would."""
    with sqlite3.connect(root / "bank.sqlite") as db:
        db.execute(statement)
    db.close()


POISON = (float("nan"), float("inf"), -float("inf"), 1e30)


def poisoned(plain, values=POISON):
    """`plain` with one number changed: each of `values` first, midway and last in both factors of two modules."""
    for path in (min(plain), max(plain)):
        for factor in ("a", "b"):
            for value in values:
                for at in (0, 0.5, 1):
                    whole = {"a": plain[path].a.clone(), "b": plain[path].b.clone()}
                    flat = whole[factor].view(-1)
                    flat[round(at * (flat.numel() - 1))] = value
                    yield AdapterState({**plain, path: LoraPair(whole["a"], whole["b"])})
