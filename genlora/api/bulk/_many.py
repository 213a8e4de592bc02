"""Many descriptions at once: an adapter each, made once however often the run is begun, and a report of those that
could not be used.

Nothing is synced on its own: all of it is at the end. What is there already is known by the digest of all that decides
it, and by its files' own digests.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

from genlora.adapter import AdapterFiles, room_for_files
from genlora.descriptions import BadItem, Item
from genlora.errors import GenloraError, StorageError
from genlora.files import sha256_file, sync_tree
from genlora.generators import Request
from genlora.jobs import DoneJobs, Here, Pool
from genlora.tasks import Example

from .._adapter import GeneratedAdapter
from .._receipt import read_receipt

DONE_FILE = ".genlora-batch.jsonl"
"""What is complete in a folder of adapters. No adapter can have its name."""
ROOM_BYTES = 256 << 20
"""Of adapters, and of their files, that many requests share: kept while a batch is made."""
_NOT_OF_REQUESTS = ("dtype", "generator", "allow_harmful", "min_accuracy", "shots", "progress")
"""Options of `generate` that a generator is not asked with."""

Generate = Callable[..., GeneratedAdapter]
Made = GeneratedAdapter | str
"""An adapter, or why there is none."""


@dataclass(frozen=True)
class ItemResult:
    """One of many descriptions, done."""

    item: Item
    folder: Path
    """Its adapter's folder; of an expert, the bank and its name."""
    adapter: GeneratedAdapter


@dataclass(frozen=True)
class ItemKept:
    """One of many descriptions whose adapter was there already, whole and of the same bytes."""

    item: Item
    folder: Path


@dataclass(frozen=True)
class ItemFailure:
    """One of many descriptions that could not be used, and why."""

    line: int
    name: str
    reason: str


Settled = ItemResult | ItemKept | ItemFailure


class Target(Protocol):
    """Where adapters go."""

    @property
    def at_once(self) -> int:
        """How many items are written in one change."""
        ...

    def kept(self, item: Item, job: str) -> Path | None:
        """Where the job's result lies already, whole; None where it does not."""
        ...

    def put(self, item: Item, job: str, made: GeneratedAdapter) -> Path:
        """Write it, inside `change`; where it lies. Raises `GenloraError`."""
        ...

    def change(self) -> AbstractContextManager[None]:
        """What is put inside is there when the block ends."""
        ...

    def end(self) -> None:
        """Make all of it durable."""
        ...


class FolderTarget:
    """A PEFT folder for each adapter, named by the item, in one folder."""

    at_once = 1

    def __init__(self, out: Path, *, gguf: bool, force: bool) -> None:
        self.out, self._gguf, self._force = out, gguf, force
        self._done = DoneJobs(out / DONE_FILE)
        self._wrote = False

    def kept(self, item: Item, job: str) -> Path | None:
        """See `Target`. Every file's digest is looked at: a power cut leaves files of the right name and no bytes."""
        known, folder = self._done.get(job), self.out / item.name
        if known is None or known.get("name") != item.name:
            return None
        try:
            if sha256_file(folder / AdapterFiles.RECEIPT) != known["receipt"]:
                return None
            files = read_receipt(folder / AdapterFiles.RECEIPT)["files"]
            whole = all(sha256_file(folder / name) == digest for name, digest in files.items())
        except (GenloraError, OSError, KeyError):
            return None
        return folder if whole else None

    def put(self, item: Item, job: str, made: GeneratedAdapter) -> Path:
        """See `Target`."""
        folder = made.save(self.out / item.name, gguf=self._gguf, force=self._force, durable=False)
        self._wrote = True
        self._done.put(job, {"name": item.name, "receipt": sha256_file(folder / AdapterFiles.RECEIPT)})
        return folder

    def change(self) -> AbstractContextManager[None]:
        """See `Target`: each folder is whole by itself."""
        return nullcontext()

    def end(self) -> None:
        """See `Target`."""
        if self._wrote:
            sync_tree(self.out)


def check_options(options: Mapping[str, Any]) -> None:
    """Raise at once for an option that no description could be used with."""
    Request(
        description="a check of the options",
        **{k: v for k, v in options.items() if k not in _NOT_OF_REQUESTS},
    )


def asked(item: Item, options: Mapping[str, Any]) -> dict[str, Any]:
    """What `generate` is asked with for an item: the run's options, and its own over them."""
    own = dict(item.options)
    if "examples" in own:
        own["examples"] = [Example(given, answer) for given, answer in own["examples"]]
    return {**options, **own}


def make_one(generate: Generate, item: Item, options: Mapping[str, Any]) -> Made:
    """The item's adapter, or in words why it cannot be made."""
    try:
        return generate(item.description, **asked(item, options))
    except GenloraError as err:
        if isinstance(err.__cause__, OSError) and isinstance(err, StorageError):
            raise  # a disk that refuses everything
        return str(err)


def generate_many(
    begin: Callable[[], Callable[[Item], Made]],
    items: Iterable[Item | BadItem],
    target: Target,
    job_of: Callable[[Item], str],
    *,
    pool: Pool | None = None,
) -> Iterator[Settled]:
    """See `GenLora.generate_many`; `begin` gives what makes an item's adapter, `job_of` an item's digest."""
    waiting: deque[tuple[Item, str, ItemKept | ItemFailure | None]] = deque()

    def open_jobs() -> Iterator[Item]:
        for item in items:
            if isinstance(item, BadItem):
                waiting.append((Item(item.line, "", ""), "", ItemFailure(item.line, "", item.reason)))
                continue
            try:
                job = job_of(item)
            except GenloraError as err:  # such as a generator of its own that there is not
                waiting.append((item, "", ItemFailure(item.line, item.name, str(err))))
                continue
            there = target.kept(item, job)
            waiting.append((item, job, None if there is None else ItemKept(item, there)))
            if there is None:
                yield item

    def in_order() -> Iterator[_Found]:
        for made in (pool or Here()).run(begin, open_jobs()):
            while (first := waiting.popleft())[2] is not None:
                yield first[0], first[1], first[2]
            yield first[0], first[1], made
        yield from ((item, job, found) for item, job, found in waiting if found is not None)

    found = in_order()
    try:
        while some := list(islice(found, target.at_once)):
            yield from _written(target, some)
    finally:
        target.end()


_Found = tuple[Item, str, "ItemKept | ItemFailure | Made"]


def _written(target: Target, some: list[_Found]) -> list[Settled]:
    """What became of some items in a row."""
    if not any(isinstance(made, GeneratedAdapter) for _, _, made in some):
        return [_settled(item, made) for item, _, made in some if not isinstance(made, GeneratedAdapter)]
    with target.change():
        return [
            _put(target, item, job, made) if isinstance(made, GeneratedAdapter) else _settled(item, made)
            for item, job, made in some
        ]


def _settled(item: Item, made: ItemKept | ItemFailure | str) -> ItemKept | ItemFailure:
    return ItemFailure(item.line, item.name, made) if isinstance(made, str) else made


def _put(target: Target, item: Item, job: str, made: GeneratedAdapter) -> ItemResult | ItemFailure:
    try:
        return ItemResult(item, target.put(item, job, made), made)
    except StorageError as err:
        if not isinstance(err.__cause__, OSError):  # it exists already: only this one is lost
            return ItemFailure(item.line, item.name, str(err))
        raise
    except GenloraError as err:
        return ItemFailure(item.line, item.name, str(err))


@contextmanager
def room_for_many(engine: Any) -> Iterator[None]:
    """Keep more of what requests share than a server would, as long as the block runs."""
    alone = getattr(engine, "alone", None)
    with room_for_files(ROOM_BYTES):
        if alone is None:
            yield
            return
        before, alone.limit = alone.limit, ROOM_BYTES
        try:
            yield
        finally:
            alone.limit = before
            alone.make_room(0)
