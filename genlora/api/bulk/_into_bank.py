"""Generated adapters as experts of a bank: the sentence is the task, its vector the request's own."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from genlora.bank import Bank, ExpertRecord, Transaction
from genlora.descriptions import Item
from genlora.errors import BankDamagedError, ConfigError
from genlora.generators import ExpectedAccuracy

from .._adapter import GeneratedAdapter
from .._receipt import base_of

if TYPE_CHECKING:
    from genlora.base import Fingerprint


class BankTarget:
    """An expert for each adapter; its provenance tells the job that made it, so that none is made twice."""

    at_once = 32
    """Experts of one transaction: what a kill costs at most. Counted in items, so that a run which was cut off and
    begun again ends in the same generations."""

    def __init__(self, bank: Bank, *, force: bool) -> None:
        self._bank, self._force = bank, force
        self._tx: Transaction | None = None
        self._base: Fingerprint | None = None

    def kept(self, item: Item, job: str) -> Path | None:
        """See `Target`."""
        if item.name not in self._bank:
            return None
        try:
            made = self._bank.get(item.name).provenance.get("generated")
        except BankDamagedError:
            return None
        return self._where(item) if isinstance(made, dict) and made.get("job") == job else None

    def _where(self, item: Item) -> Path:
        return Path(str(self._bank.where)) / item.name

    def put(self, item: Item, job: str, made: GeneratedAdapter) -> Path:
        """See `Target`. Raises `BankError` for what the bank cannot hold, or holds otherwise under that name."""
        if made.vector is None or made.description is None:
            raise ConfigError(f"{item.name}: has no description to be found by. Write one.")
        if self._base is None:
            self._base = base_of(made.body)
        assert self._tx is not None
        self._tx.add(
            record_of(item, job, made, made.body["embedder"]["sha256"]),
            made.state,
            made_for=self._base,
            replace=self._force,
        )
        return self._where(item)

    @contextmanager
    def change(self) -> Iterator[None]:
        """See `Target`."""
        with self._bank.atomic(sync_each=False) as self._tx:
            yield

    def end(self) -> None:
        """See `Target`: each transaction was durable when it ended."""


def record_of(item: Item, job: str, made: GeneratedAdapter, embedder: str) -> ExpertRecord:
    """The expert's record: where it came from, and what it was expected to be worth; it was not measured."""
    body = made.body
    expected: ExpectedAccuracy | None = made.expected_accuracy
    told: dict[str, Any] = {
        "job": job,
        "request": body["request"],
        "neighbours": [{"name": n.name, "weight": n.weight, "blob": n.blob} for n in made.neighbours],
        "made_by": body["made_by"],
        "bank": body["bank"]["revision"],
        "expected_accuracy": None if expected is None else expected.to_json(),
    }
    licences = body["licences"]["neighbours"] or body["licences"].get("training", [])
    assert made.vector is not None and made.description is not None
    return ExpertRecord(
        name=item.name,
        descriptions=(made.description,),
        embeddings=made.vector[None],
        embedder=embedder,
        family="generated",
        parent=item.name,
        source="generated",
        licence=" AND ".join(licences) or "unknown",
        provenance={"generated": told},
    )
