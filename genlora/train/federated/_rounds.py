"""The server's side: rounds of orders and updates, aggregated, each kept so that a killed run goes on."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from genlora.adapter import (
    MAX_RANK,
    AdapterState,
    BaseLayout,
    LoraPair,
    aggregate,
    aggregation_named,
    read_record,
    record_bytes,
    weighted_sum,
)
from genlora.errors import ConfigError, GenloraError, ManifestError, TrainingError
from genlora.files import atomic_write, storage_errors
from genlora.runs import begin_run

from ..rows._stacked import common_start
from ._client import FRESH, ClientConfig
from ._wire import KINDS, LOOK, Order, Update

log = logging.getLogger(__name__)

KEY = "round"


@dataclass(frozen=True, kw_only=True)
class FederatedConfig:
    """What all rounds share."""

    rounds: int = 3
    aggregate: str = "flora"
    """A name of `genlora.adapter.AGGREGATIONS`."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Of the aggregation, such as {"lam": 0.01}."""
    client: ClientConfig = field(default_factory=ClientConfig)
    least: int = 0
    """Clients that must answer a round; 0 is all of them. Who dies is left out of that round."""

    def __post_init__(self) -> None:
        known = aggregation_named(self.aggregate).options
        if odd := sorted(set(self.options) - set(known)):
            raise ConfigError(
                f"aggregation {self.aggregate} has no option {odd[0]!r}; it has: {', '.join(known) or 'none'}."
            )
        if self.rounds < 1 or self.least < 0:
            raise ConfigError(f"rounds is {self.rounds} and least {self.least}, expected at least 1 and 0.")

    def to_json(self) -> dict[str, Any]:
        """All of it, for the run's record."""
        return {**asdict(self), "options": dict(self.options), "client": self.client.to_json()}


@dataclass(frozen=True)
class RoundReport:
    """One round, in numbers."""

    number: int
    clients: Mapping[str, Mapping[str, Any]]
    """{client: rows, rank, bytes sent to it and by it, loss before and after}."""
    failed: Mapping[str, str]
    """Who gave no update, and why."""
    loss: float
    """Mean of the clients' losses of the global adapter as it was sent out, by their rows."""
    error: float
    """Relative distance of what the aggregation made from the weighted sum of the updates."""
    lost: float
    """Share of the global adapter's energy that was cut to keep its rank."""
    rank: int
    """Of the global adapter afterwards."""

    def to_json(self) -> dict[str, Any]:
        """As JSON, at most six digits that count."""
        return _short(asdict(self))


@dataclass(frozen=True, eq=False)
class Federated:
    """The adapter after the last round, and all rounds."""

    state: AdapterState
    rounds: tuple[RoundReport, ...]
    loss: float
    """Mean of the clients' losses of it, by their rows."""
    told: Mapping[str, int]
    """Bytes by which each client told its loss."""

    def card(self, config: FederatedConfig) -> dict[str, Any]:
        """What the adapter's card says: rounds, clients' sizes, and what left them."""
        names = sorted({name for r in self.rounds for name in r.clients})
        of = {n: [r.clients[n] for r in self.rounds if n in r.clients] for n in names}
        clients = {
            n: {
                "rows": rows[-1]["rows"],
                "held_out": rows[-1]["held"],
                "rank": rows[-1]["rank"],
                "rounds": len(rows),
                "bytes_sent": sum(r["bytes_sent"] for r in rows) + self.told.get(n, 0),
                "bytes_received": sum(r["bytes_received"] for r in rows),
            }
            for n, rows in of.items()
        }
        return {
            "aggregate": config.aggregate,
            "options": dict(config.options),
            "rounds": len(self.rounds),
            "clients": clients,
            "left_the_clients": {"kinds": list(KINDS), "bytes": sum(c["bytes_sent"] for c in clients.values())},
            "loss": _short(self.loss),
            "history": [
                {"loss": r.loss, "error": r.error, "lost": r.lost, "rank": r.rank, "failed": dict(r.failed)}
                for r in (_rounded(r) for r in self.rounds)
            ],
        }


Ask = Callable[[bytes], bytes]
"""How a client is reached: it gets an order's bytes and gives an update's bytes."""
Reply = tuple[str, bytes | str]
"""A client's name, and its update's bytes or why it has none."""


class Server:
    """The global adapter between rounds, and the run's folder."""

    def __init__(
        self, layout: BaseLayout, config: FederatedConfig, clients: Mapping[str, int | None], run: Path
    ) -> None:
        """`clients`: {name: its own rank, or None for everybody's}."""
        if not clients:
            raise ConfigError("there are no clients, expected one or more.")
        self.layout, self.config, self.run = layout, config, run
        self.ranks = {name: rank or config.client.rank for name, rank in sorted(clients.items())}
        specs = layout.of(config.client.targets)
        if not specs:
            raise ConfigError(f"{layout.name} has no modules named {', '.join(config.client.targets)}.")
        self.most = min(MAX_RANK, *(min(s.d_in, s.d_out) for s in specs))
        """No update of these modules has a larger rank."""
        if (widest := max(self.ranks.values())) > self.most:
            raise ConfigError(f"a client's rank is {widest}, more than a module of {layout.name} has ({self.most}).")
        identity = {"config": config.to_json(), "clients": self.ranks, "fingerprint": layout.fingerprint}
        begin_run(run, identity)
        self.reports: list[RoundReport] = []
        self.state = self._resume()
        self._updates: dict[str, tuple[Update, int]] = {}
        """Updates of the round to come, with their sizes."""

    @property
    def number(self) -> int:
        """Of the round to come."""
        return len(self.reports)

    @property
    def fresh(self) -> bool:
        """Whether clients begin each round anew, beside the global adapter."""
        return self.config.aggregate in FRESH

    def order(self) -> Order:
        """What every client is asked in the round to come; after the last one, how good the adapter is."""
        c = self.config
        method = c.aggregate if self.number < c.rounds else LOOK
        return Order(self.number, method, self.layout.fingerprint, c.client.to_json(), self.state)

    def kept(self, name: str) -> bytes | None:
        """A client's update of the round to come, where it arrived before the run was stopped."""
        path = self._round(self.number) / f"{name}.safetensors"
        return path.read_bytes() if path.exists() else None

    def keep(self, name: str, data: bytes) -> None:
        """Check a client's update and keep it for `close_round`. Raises what `Update.from_bytes` raises."""
        found = Update.from_bytes(data, self.layout, where=f"client {name}", number=self.number)
        if self.number < self.config.rounds:
            ranks = {p.rank for p in (found.state or {}).values()}
            if ranks != {self.ranks[name]}:
                raise TrainingError(
                    f"client {name}: its update is of rank {sorted(ranks)}, expected {self.ranks[name]}."
                )
            folder = self._round(self.number)
            with storage_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
            atomic_write(folder / f"{name}.safetensors", data, durable=False)
        self._updates[name] = found, len(data)

    def _answered(self, failed: Mapping[str, str]) -> dict[str, tuple[Update, int]]:
        """The updates that were kept, by name. Raises `TrainingError` where there are too few."""
        least = self.config.least or len(self.ranks)
        answers, self._updates = dict(sorted(self._updates.items())), {}
        if len(answers) < least:
            who = "; ".join(f"{n}: {why}" for n, why in failed.items())
            raise TrainingError(
                f"round {self.number + 1}: {len(answers)} of {len(self.ranks)} clients answered, {least} are needed. "
                f"{who} Run it again to go on from here, or accept fewer with --least."
            )
        return answers

    def close_round(self, failed: Mapping[str, str]) -> RoundReport:
        """Aggregate a round's updates and keep the result. Raises `TrainingError` where too few clients answered."""
        answers = self._answered(failed)
        order = len(self.order().to_bytes())
        shares = _shares([u for u, _ in answers.values()])
        parts = [u.state for u, _ in answers.values() if u.state is not None]
        made = aggregate(self.config.aggregate, parts, shares, **self._options(answers))
        state, lost = made.state, made.report.get("lost", 0.0)
        if self.fresh:
            state, lost = self._merged(state)
        report = RoundReport(
            number=self.number,
            clients={
                n: {
                    "rows": u.rows,
                    "held": u.held,
                    "rank": self.ranks[n],
                    "bytes_received": order,
                    "bytes_sent": size,
                    "before": u.before,
                    "after": u.after,
                }
                for n, (u, size) in answers.items()
            },
            failed=dict(failed),
            loss=_mean_loss(answers),
            error=made.report["error"],
            lost=lost,
            rank=max(p.rank for p in state.values()),
        )
        tensors = {f"{p}.{x}": getattr(q, x) for p, q in state.folded().items() for x in ("a", "b")}
        atomic_write(self._global(self.number), record_bytes(tensors, asdict(report), key=KEY))
        self.reports.append(report)
        self.state = state
        return report

    def finish(self, failed: Mapping[str, str]) -> Federated:
        """The result, once clients were asked how good it is. Raises `TrainingError` where too few answered."""
        answers = self._answered(failed)
        assert self.state is not None
        told = {n: size for n, (_, size) in answers.items()}
        return Federated(self.state, tuple(self.reports), _mean_loss(answers), told)

    def _options(self, updates: Iterable[str]) -> dict[str, Any]:
        """The aggregation's options; a stack that is wider than any update can be is cut, without loss."""
        total = sum(self.ranks[n] for n in updates)
        return {**self.config.options, **({"rank": self.most} if self.fresh and total > self.most else {})}

    def _merged(self, state: AdapterState) -> tuple[AdapterState, float]:
        """The global adapter with a round's stack added: exact for as long as its rank allows."""
        if self.state is None:
            return state, 0.0
        wide = max(p.rank for p in self.state.values()) + max(p.rank for p in state.values())
        if wide <= self.most:
            return aggregate("flora", [self.state, state], [1.0, 1.0]).state, 0.0
        return weighted_sum([self.state, state], [1.0, 1.0], rank=self.most)

    def _resume(self) -> AdapterState | None:
        state = None if self.fresh else self._first()
        while (path := self._global(len(self.reports))).exists():
            try:
                tensors, record = read_record(path.read_bytes(), where=str(path), key=KEY)
                self.reports.append(RoundReport(**record))
                paths = sorted({name.rpartition(".")[0] for name in tensors})
                state = AdapterState({p: LoraPair(tensors[f"{p}.a"], tensors[f"{p}.b"]) for p in paths})
            except (ManifestError, KeyError, TypeError) as err:
                raise TrainingError(
                    f"{path}: not a round of this run ({err}). Delete it to do that round again."
                ) from err
        return state

    def _first(self) -> AdapterState:
        """What clients that go on from each other begin with: one A for all, B zero."""
        c = self.config.client
        start = common_start(self.layout, c.targets, max(self.ranks.values()), seed=c.seed)
        d_out = {p: self.layout.by_path[p].d_out for p in start}
        return AdapterState({p: LoraPair(a, torch.zeros(d_out[p], len(a))) for p, a in start.items()})

    def _round(self, number: int) -> Path:
        return self.run / "rounds" / f"{number + 1:03d}"

    def _global(self, number: int) -> Path:
        return self.run / "rounds" / f"{number + 1:03d}.safetensors"


def run_rounds(
    server: Server, clients: Mapping[str, Ask], *, on_round: Callable[[RoundReport], None] = lambda report: None
) -> Federated:
    """All rounds that are left, one client after the other.

    A client that raises a `GenloraError` has failed for that round; what is not one of ours is a bug and is raised.
    Raises `TrainingError` where too few answered.
    """

    def ask(order: bytes, names: Sequence[str]) -> Iterator[Reply]:
        for name in names:
            try:
                yield name, clients[name](order)
            except GenloraError as err:
                yield name, str(err)

    return drive(server, ask, on_round=on_round)


def drive(
    server: Server,
    ask: Callable[[bytes, Sequence[str]], Iterable[Reply]],
    *,
    on_round: Callable[[RoundReport], None] = lambda report: None,
) -> Federated:
    """All rounds that are left, over any transport.

    `ask` puts an order to the clients named and gives each one's reply as it arrives; who gives none has failed. Raises
    `TrainingError` where too few answered.
    """
    while True:
        order, last = server.order().to_bytes(), server.number == server.config.rounds
        kept = {n: data for n in server.ranks if (data := server.kept(n)) is not None}
        for name, data in kept.items():
            server.keep(name, data)
        failed = {n: "gave no answer" for n in server.ranks if n not in kept}
        for name, reply in ask(order, list(failed)):
            failed.pop(name)
            try:
                if isinstance(reply, str):
                    raise TrainingError(reply)
                server.keep(name, reply)
            except GenloraError as err:
                log.warning("round %d: client %s gave nothing: %s", server.number + 1, name, err)
                failed[name] = str(err)
        if last:
            return server.finish(failed)
        on_round(server.close_round(failed))


def _shares(updates: Sequence[Update]) -> list[float]:
    total = sum(u.rows for u in updates)
    return [u.rows / total for u in updates]


def _mean_loss(answers: Mapping[str, tuple[Update, int]]) -> float:
    updates = [u for u, _ in answers.values()]
    return sum(s * u.before for s, u in zip(_shares(updates), updates, strict=True))


def _rounded(report: RoundReport) -> RoundReport:
    return RoundReport(**report.to_json())


def _short(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {k: _short(v) for k, v in value.items()}
    return [_short(v) for v in value] if isinstance(value, Sequence) and not isinstance(value, str) else value
