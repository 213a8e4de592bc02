"""What travels: an order from the server, an update from a client. Adapters and a few numbers, as safetensors.

Whatever arrives is checked before it is used: names and shapes against the base's layout, sizes, finite values.
"""

import math
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from genlora.adapter import MAX_RANK, AdapterState, BaseLayout, LoraPair, check_norms, read_record, record_bytes
from genlora.errors import AdapterShapeError, BaseMismatchError, ManifestError, TrainingError

KEY = "genlora-federated"
FORMAT = "genlora-federated-1"
LOOK = "look"
"""In place of an aggregation: clients tell their losses of the global adapter and train nothing."""
KINDS = ("LoRA factors A and B", "numbers of training and held-out rows", "mean loss before and after")
"""What leaves a client, in words: all of it."""


@dataclass(frozen=True, eq=False)
class Order:
    """What the server asks a client for."""

    number: int
    """Of the round, 0 first."""
    method: str
    fingerprint: str
    """Of the base that all of them have."""
    config: dict[str, Any]
    """Settings of local training."""
    state: AdapterState | None
    """The global adapter; None before there is one."""

    def to_bytes(self) -> bytes:
        """As it travels."""
        record = {"format": FORMAT, "number": self.number, "method": self.method, "fingerprint": self.fingerprint}
        return record_bytes(_tensors(self.state), {**record, "config": self.config}, key=KEY)

    @classmethod
    def from_bytes(cls, data: bytes, layout: BaseLayout) -> "Order":
        """What arrived, checked. Raises `ManifestError`, `BaseMismatchError`, `AdapterFormatError`."""
        tensors, record = _read(data, "the server's order")
        same_base(record.get("fingerprint"), layout, "the server's order")
        state = _state(tensors, layout, "the server's order") if tensors else None
        number, method, config = record.get("number"), record.get("method"), record.get("config")
        if type(number) is not int or not isinstance(method, str) or not isinstance(config, dict):
            raise ManifestError("the server's order: has no number, method or settings. Is it of another version?")
        return cls(number, method, str(record["fingerprint"]), config, state)


@dataclass(frozen=True, eq=False)
class Update:
    """What a client sends back."""

    client: str
    number: int
    fingerprint: str
    rows: int
    """Its training rows: what its share of the mean is by."""
    held: int
    """Rows that it keeps out of training and tells its losses on; 0 where it has too few, and tells of all."""
    before: float
    """Mean label loss there of the global adapter as it arrived."""
    after: float
    """The same of its update."""
    state: AdapterState | None
    """None where it was only asked to look."""

    def to_bytes(self) -> bytes:
        """As it travels."""
        numbers = {"client": self.client, "number": self.number, "fingerprint": self.fingerprint, "rows": self.rows}
        record = {"format": FORMAT, **numbers, "held": self.held, "before": self.before, "after": self.after}
        return record_bytes(_tensors(self.state), record, key=KEY)

    @classmethod
    def from_bytes(cls, data: bytes, layout: BaseLayout, *, where: str, number: int) -> "Update":
        """What arrived, checked. Raises `ManifestError`, `BaseMismatchError`, `AdapterFormatError`, `TrainingError`."""
        tensors, record = _read(data, where)
        same_base(record.get("fingerprint"), layout, where)
        rows, held = _count(record.get("rows"), 1), _count(record.get("held"), 0)
        before, after = _loss(record.get("before")), _loss(record.get("after"))
        if rows is None or held is None or before is None or after is None:
            raise ManifestError(f"{where}: names no rows or losses, expected counts and two finite numbers.")
        if record.get("number") != number:
            raise TrainingError(f"{where}: is of round {record.get('number')!r}, expected {number}. Was it sent late?")
        state = _state(tensors, layout, where) if tensors else None
        return cls(str(record.get("client")), number, layout.fingerprint, rows, held, before, after, state)


def _count(found: Any, least: int) -> int | None:
    return found if type(found) is int and found >= least else None


def _loss(found: Any) -> float | None:
    return found if type(found) is float and math.isfinite(found) else None


def same_base(found: Any, layout: BaseLayout, where: str) -> None:
    """Raise `BaseMismatchError` unless `found` is the fingerprint of the base with `layout`."""
    if found != layout.fingerprint:
        raise BaseMismatchError(
            f"{where}: is of the base {str(found)[:16]!r}, but this one is {layout.name} "
            f"({layout.fingerprint[:16]}). All clients and the server need the same base."
        )


def _tensors(state: AdapterState | None) -> dict[str, Tensor]:
    out = {}
    for path, pair in (state or AdapterState({})).folded().items():
        out |= {f"{path}.a": pair.a, f"{path}.b": pair.b}
    return out


def _read(data: bytes, where: str) -> tuple[dict[str, Tensor], dict[str, Any]]:
    tensors, record = read_record(data, where=where, key=KEY)
    if record.get("format") != FORMAT:
        raise ManifestError(f"{where}: format is {str(record.get('format'))[:60]!r}, expected {FORMAT!r}.")
    return tensors, record


def _state(tensors: dict[str, Tensor], layout: BaseLayout, where: str) -> AdapterState:
    pairs = {}
    for path in sorted({name.rpartition(".")[0] for name in tensors}):
        spec, a, b = layout.by_path.get(path), tensors.get(f"{path}.a"), tensors.get(f"{path}.b")
        if spec is None or a is None or b is None:
            raise AdapterShapeError(f"{where}: {path[:80]!r} is no projection of {layout.name} with an A and a B.")
        pair = LoraPair(a.float(), b.float())
        if (pair.d_in, pair.d_out) != (spec.d_in, spec.d_out) or not 1 <= pair.rank <= MAX_RANK:
            raise AdapterShapeError(
                f"{where}: {path} is {pair.d_out} x {pair.d_in} of rank {pair.rank}, "
                f"expected {spec.d_out} x {spec.d_in}."
            )
        pairs[path] = pair
    state = AdapterState(pairs)
    check_norms(state, {}, where=where)
    return state
