"""A client: it trains on its own rows and hands out an adapter. In this process or behind a network it is the same."""

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from genlora.adapter import AdapterState, aggregate
from genlora.base import LoadedBase
from genlora.errors import ManifestError, TrainingError
from genlora.tasks import Example, split_of

from .._steps import StepsConfig, look, rows_of, sliced, train_steps
from ._wire import LOOK, Order, Update

FRESH = ("flora",)
"""Aggregations whose clients begin each round anew, on a base that the global adapter is part of."""
LEAST_SPLIT = 20
"""Examples from which on a client keeps some of them out of training, to tell its losses on."""


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """How a client trains in one round."""

    steps: int = 0
    """Steps of a round; 0 is `epochs` times through its rows."""
    epochs: int = 1
    rank: int = 8
    targets: tuple[str, ...] = ("q_proj", "v_proj")
    lr: float = 2e-3
    described: bool = False
    """Put the description into the prompt."""
    description: str = ""
    max_tokens: int = 256
    seed: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it travels."""
        return {**asdict(self), "targets": list(self.targets)}

    @classmethod
    def from_json(cls, found: dict[str, Any]) -> "ClientConfig":
        """The inverse of `to_json`. Raises `ManifestError`."""
        try:
            return cls(**{**found, "targets": tuple(found["targets"])})
        except (KeyError, TypeError) as err:
            raise ManifestError(f"the server's order: its settings are not understood ({err}).") from err

    def steps_config(self, rows: int, number: int) -> StepsConfig:
        """The settings of round `number` on so many rows, the rate the same in every round."""
        most = StepsConfig.pack_rows
        steps = self.steps or max(1, self.epochs * -(-rows // most))
        # Every round has its own order of rows, and a fresh adapter its own A.
        seed = 1000 * self.seed + number
        shared = {"rank": self.rank, "targets": self.targets, "lr": self.lr, "max_tokens": self.max_tokens}
        return StepsConfig(steps=steps, warmup_steps=min(4, steps), seed=seed, **shared)


class Client:
    """Somebody's rows on a base."""

    def __init__(self, name: str, base: LoadedBase, examples: Sequence[Example], *, rank: int | None = None) -> None:
        self.name, self.base, self.rank = name, base, rank
        held = [e for e in examples if split_of(e.input) == "test"]
        self.held = held if len(examples) >= LEAST_SPLIT and held else []
        """Rows that are not trained on; losses are told of these."""
        self.examples = [e for e in examples if e not in self.held] if self.held else list(examples)

    def answer(self, order: bytes, on_step: Callable[[int, int], None] = lambda done, total: None) -> bytes:
        """Train as the order says and return the update; `on_step` is told (done, total).

        Raises what `Order.from_bytes` and `train_steps` raise, `TaskError` where no row fits.
        """
        asked = Order.from_bytes(order, self.base.layout)
        settings = ClientConfig.from_json(asked.config)
        settings = replace(settings, rank=self.rank or settings.rank)
        config = settings.steps_config(len(self.examples), asked.number)
        described = settings.description if settings.described else None
        rows = rows_of(self.base, self.examples, config, described)
        shown = rows_of(self.base, self.held, config, described) if self.held else rows
        count = len(rows.rows), len(shown.rows) if self.held else 0
        before = look(self.base, shown, asked.state, config).loss

        def answer(after: float, state: AdapterState | None) -> bytes:
            if not math.isfinite(before + after):
                raise TrainingError(
                    f"client {self.name}: its loss is {after}, expected a finite number. Lower the rate."
                )
            fingerprint = self.base.layout.fingerprint
            return Update(self.name, asked.number, fingerprint, *count, before, after, state).to_bytes()

        if asked.method == LOOK:
            return answer(before, None)
        fresh = asked.method in FRESH
        start = None if asked.state is None or fresh else sliced(asked.state, settings.rank)
        beneath = asked.state if fresh else None
        trained = train_steps(
            self.base,
            rows,
            config,
            start=start,
            beneath=beneath,
            on_step=lambda done, _: on_step(done, config.steps),
        )
        after = look(self.base, shown, _whole(beneath, trained.state), config).loss
        return answer(after, trained.state)


def _whole(beneath: AdapterState | None, state: AdapterState) -> AdapterState:
    """Both as one: factors side by side."""
    return state if beneath is None else aggregate("flora", [beneath, state], [1.0, 1.0]).state
