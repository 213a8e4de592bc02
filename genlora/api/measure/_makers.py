"""Where an evaluation's adapters come from: a bank and its generators, and experts trained on the evaluated tasks."""

import hashlib
import random
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from genlora.adapter import AdapterState, LoraPair, peft_files, update_norms
from genlora.base import LoadedBase
from genlora.errors import GenloraError, TaskError
from genlora.evaluate import AdapterUnderTest, Method, Novelty, Variant
from genlora.files import sha256_bytes
from genlora.generators import Generated, PromptMode, Request, combine
from genlora.jobs import Pool
from genlora.mixture import Arrow
from genlora.tasks import PromptFormat, Task
from genlora.train import ExpertConfig, ExpertTick, train_groups

from .._genlora import GenLora

OWN_CONFIG = ExpertConfig(
    lr=4e-3, pack_rows=8, pack_tokens=168, max_rows=560, eval_every=14, patience=3, slots=8, validation_rows=40
)
"""How own experts are trained: as the experts of the shipped bank."""


class BankMaker:
    """Adapters of every kind for an evaluation. Experts of the bank are read once; own experts are given."""

    def __init__(
        self, lora: GenLora, own: dict[str, AdapterState], *, why_no_own: dict[str, str] | None = None
    ) -> None:
        self.lora = lora
        self.own = own
        self.why_no_own = why_no_own or {}

    @cached_property
    def experts(self) -> dict[str, AdapterState]:
        """All experts of the bank."""
        return {name: self.lora.bank.state(name) for name in self.lora.bank.names()}

    @cached_property
    def novelty(self) -> Novelty:
        """Compares generated adapters with the bank's."""
        return Novelty(self.experts)

    @cached_property
    def _average(self) -> tuple[AdapterState, float]:
        states = list(self.experts.values())
        return combine(states, [1 / len(states)] * len(states), rank=self.lora.bank.rank)

    @cached_property
    def _arrow(self) -> Arrow:
        return Arrow(list(self.experts.values()))

    def available(self, method: Method) -> str:
        """Why a generator cannot be used (not there, not trained, of another base), or ''."""
        if method.kind != "generator":
            return ""
        try:
            self.lora.engine(method.generator)
        except GenloraError as err:
            return str(err)
        return ""

    def warm(self, methods: Sequence[Method]) -> None:
        """Make one adapter with each generator, so that what is loaded once does not count as latency."""
        for method in methods:
            if method.kind in ("generator", "nearest"):
                self._generated(method.generator or "aggregate", Variant("one", "sort the words of a list"))

    def routed(self, base: LoadedBase) -> AbstractContextManager[None]:
        """All experts, routed by Arrow."""
        return self._arrow.attached(base.model)

    def candidates(self, task: Task, description: str, n: int) -> list[tuple[str, AdapterState]]:
        """The n nearest experts."""
        vector, _ = self.lora.embed(description)
        found = self.lora.bank.search(vector, n)
        return [(x.name, self.experts[x.name]) for x in found]

    def make(self, method: Method, task: Task, variant: Variant) -> AdapterUnderTest:
        """The adapter of a method for a task; `TaskError` where a task has no own expert."""
        match method.kind:
            case "own":
                if task.name not in self.own:
                    why = self.why_no_own.get(task.name, "it was not trained")
                    raise TaskError(f"{task.name}: no own expert: {why}")
                return self._made(self.own[task.name], {})
            case "random":
                name = self._choose(task.name, variant.seed)
                return self._made(self.experts[name], {"expert": name})
            case "noise":
                return self._made(self._noise(task.name, variant.seed), {})
            case "average":
                state, discarded = self._average
                return self._made(state, {"discarded": round(discarded, 6), **self._nearest(state)})
            case "arrow":
                return AdapterUnderTest(None, {"experts": len(self.experts), "top_k": self._arrow.top_k}, "arrow")
            case "nearest":
                return self._generated("aggregate", variant, top_k=1)
            case _:
                asked: dict[str, PromptMode | None] = {"bundle": None, "described": "described"}
                prompt = asked.get(method.prompt, "bare")
                return self._generated(method.generator, variant, prompt=prompt)

    def _choose(self, task: str, seed: int) -> str:
        rng = random.Random(hashlib.sha256(f"{task}\0{seed}".encode()).digest())
        return rng.choice(list(self.experts))

    def _noise(self, task: str, seed: int) -> AdapterState:
        """Random factors, module by module as long as the mean expert."""
        digest = hashlib.sha256(f"noise\0{task}\0{seed}".encode()).digest()
        rng = torch.Generator().manual_seed(int.from_bytes(digest[:6], "big"))
        pairs = {}
        for path, length in self._lengths.items():
            like = next(iter(self.experts.values()))[path]
            a = torch.randn(like.rank, like.d_in, generator=rng)
            b = torch.randn(like.d_out, like.rank, generator=rng)
            pairs[path] = LoraPair(a, b * (length / float((b @ a).norm())))
        return AdapterState(pairs)

    @cached_property
    def _lengths(self) -> dict[str, float]:
        norms = [update_norms(s) for s in self.experts.values()]
        return {path: float(np.mean([n[path] for n in norms])) for path in norms[0]}

    def _generated(self, generator: str, variant: Variant, **options: Any) -> AdapterUnderTest:
        text = variant.description
        engine = self.lora.engine(generator)
        began = time.perf_counter()
        vector, _ = self.lora.embed(text or "")
        request = Request(description=text or None, seed=variant.seed, **options)
        made: Generated = engine.generate(request, vector)
        files = peft_files(made.adapter, self.lora.bank.layout)
        spent = (time.perf_counter() - began) * 1e3
        about: dict[str, Any] = {
            "coverage": made.coverage.value,
            "neighbours": [n.name for n in made.neighbours],
            "generate_ms": round(spent, 3),
            "bytes": sum(map(len, files.values())),
            **{k: v for k, v in made.made_by.items() if isinstance(v, str)},
            **self._nearest(made.adapter),
        }
        prompt = PromptFormat.of(text or None, described=made.prompt == "described")
        return replace(self._made(made.adapter, about), prompt=prompt)

    def _nearest(self, state: AdapterState) -> dict[str, Any]:
        found = self.novelty.nearest(state)
        return {"nearest": found.name, "cosine": found.cosine}

    def _made(self, state: AdapterState, about: dict[str, Any]) -> AdapterUnderTest:
        return AdapterUnderTest(state, about, _digest(state))


def _digest(state: AdapterState) -> str:
    parts = [
        path.encode() + np.float64(p.scale).tobytes() + p.a.numpy().tobytes() + p.b.numpy().tobytes()
        for path, p in state.items()
    ]
    return sha256_bytes(b"".join(parts))


def own_experts(
    base: LoadedBase,
    tasks: Sequence[Task],
    run: Path,
    *,
    pool: Pool | None = None,
    on_tick: Callable[[ExpertTick], None] | None = None,
) -> tuple[dict[str, AdapterState], dict[str, str]]:
    """An expert for each task, trained (by `pool` elsewhere) or found in the run folder; and why there is none for the
    others.
    """
    groups = list(train_groups(base, tasks, OWN_CONFIG, run, pool=pool, on_tick=on_tick))
    states = {t.name: t.state for group in groups for t in group.experts}
    return states, {name: why for group in groups for name, why in group.failed.items()}
