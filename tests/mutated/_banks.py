"""Mangled banks: refused or told in words, or used exactly as before; what is used otherwise, `verify` finds too."""

import hashlib
import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from genlora.bank import Bank, FlatIndex, verify_bank
from genlora.errors import GenloraError

from ..bank.world import new_bank, record, state, unit
from ._tally import Mutator, Subject, in_words

COLUMNS = {
    "expert": ("name", "generation", "record", "blob", "slot", "sha256"),
    "embedding": ("expert", "rows"),
    "vector": ("expert", "mean"),
    "meta": ("key", "value", "sha256"),
}
VALUES = (
    "NULL",
    "0",
    "-1",
    "1e300",
    "''",
    "'x'",
    "x'ff'",
    "x''",
    "CAST(x'ff' AS TEXT)",
    "zeroblob(1536)",
    "zeroblob(300000000)",
    "printf('%.*c', 100000, 'x')",
    "'{}'",
    "'null'",
    "'../../x'",
)
SCHEMAS = (
    "CREATE VIEW more AS SELECT 1",
    "CREATE TABLE more (a)",
    "CREATE TRIGGER t AFTER INSERT ON expert BEGIN DELETE FROM expert; END",
    "DROP TABLE vector",
    "ALTER TABLE expert ADD COLUMN more",
    "ALTER TABLE vector RENAME TO hidden; CREATE VIEW vector AS SELECT expert, mean FROM hidden",
    "DROP TABLE embedding; CREATE VIEW embedding AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
    " SELECT i AS expert, zeroblob(1536) AS rows FROM n",
    "DROP INDEX expert_blob",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = 7",
    "PRAGMA application_id = 1",
    "PRAGMA journal_mode = WAL",
)


def _files(folder: Path) -> list[Path]:
    return sorted(p for p in folder.rglob("*") if p.is_file())


def bits(folder: Path, rng: random.Random) -> None:
    path = rng.choice(_files(folder))
    data = bytearray(path.read_bytes())
    for _ in range(rng.choice((1, 1, 5, 200))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    path.write_bytes(data)


def database_pages(folder: Path, rng: random.Random) -> None:
    """A page of the database is zero, random, or another page."""
    path = folder / "bank.sqlite"
    data = bytearray(path.read_bytes())
    at, other = (4096 * rng.randrange(len(data) // 4096) for _ in range(2))
    data[at : at + 4096] = rng.choice((bytes(4096), rng.randbytes(4096), data[other : other + 4096]))
    path.write_bytes(data)


def lengths(folder: Path, rng: random.Random) -> None:
    path = rng.choice(_files(folder))
    size = path.stat().st_size
    os.truncate(path, rng.choice((0, 1, size // 2, size - 1, size + 1, size + 4096, 1 << 33, 1 << 40)))


def places(folder: Path, rng: random.Random) -> None:
    """Files are gone, have changed places, or are something else."""
    path, other = rng.choice(_files(folder)), rng.choice(_files(folder))
    kept = folder.parent / "kept"
    shutil.move(path, kept)
    match rng.randrange(7):
        case 0:
            pass
        case 1 if other != path:
            shutil.copy(other, path)
        case 2:
            os.mkfifo(path)
        case 3:
            path.symlink_to(rng.choice(("/dev/zero", "/nowhere", path.name)))
        case 4:
            path.mkdir()
        case 5:
            path.symlink_to(kept)
        case _:
            path.write_bytes(rng.randbytes(rng.choice((0, 10, 5000))))


@contextmanager
def _database(folder: Path) -> Iterator[sqlite3.Connection]:
    db = sqlite3.connect(folder / "bank.sqlite")
    with suppress(sqlite3.Error), db:
        yield db
    db.close()


def rows(folder: Path, rng: random.Random) -> None:
    """One value of one row is another: odd, of another row, or with a character changed."""
    table = rng.choice(sorted(COLUMNS))
    column = rng.choice(COLUMNS[table])
    other = f"(SELECT {column} FROM {table} ORDER BY random() LIMIT 1)"
    changed = f"CAST(replace({column}, '{rng.choice('0123456789aeiou')}', '7') AS TEXT)"
    value = rng.choice((rng.choice(VALUES), other, changed))
    with _database(folder) as db:
        ids = [row[0] for row in db.execute(f"SELECT {'key' if table == 'meta' else 'rowid'} FROM {table}")]
        at = "key" if table == "meta" else "rowid"
        db.execute(f"UPDATE OR IGNORE {table} SET {column} = {value} WHERE {at} = ?", (rng.choice(ids),))


def whole_rows(folder: Path, rng: random.Random) -> None:
    """Rows are gone, or there is one more."""
    table = rng.choice(sorted(COLUMNS))
    at = "key" if table == "meta" else "rowid"
    with _database(folder) as db:
        if table == "expert" and rng.random() < 0.5:
            db.execute(
                "INSERT INTO expert (name, generation, record, blob, slot, sha256)"
                " SELECT 'expert-x', generation, record, blob, slot, sha256 FROM expert LIMIT 1"
            )
        else:
            ids = [row[0] for row in db.execute(f"SELECT {at} FROM {table}")]
            db.execute(f"DELETE FROM {table} WHERE {at} = ?", (rng.choice(ids),))


def metadata(folder: Path, rng: random.Random) -> None:
    """A metadata row of another form whose digest fits."""
    key = rng.choice(("state", "bank", "layout", "fingerprint", "user:norms", "user:embedder"))
    value = rng.choice(("null", "[]", "{}", "7", '"text"', '{"rank": 0}', '{"generation": -1}', "[[[[]]]]", "{"))
    digest = hashlib.sha256(f"{key}\0{value}".encode()).hexdigest()
    with _database(folder) as db:
        db.execute("UPDATE meta SET value = ?, sha256 = ? WHERE key = ?", (value, digest, key))


def schema(folder: Path, rng: random.Random) -> None:
    with _database(folder) as db:
        db.executescript(rng.choice(SCHEMAS))


def crafted_index(folder: Path, rng: random.Random) -> None:
    """An index of other vectors or names, whose own digest fits."""
    with Bank.open(folder, readonly=True) as bank:
        index = bank.index()
        names, vectors = list(index.names), index.vectors()  # pyright: ignore[reportAttributeAccessIssue]
        revision = bank.revision
    i, j = rng.sample(range(len(names)), 2)
    match rng.randrange(4):
        case 0:
            names[i], names[j] = names[j], names[i]
        case 1:
            vectors[[i, j]] = vectors[[j, i]]
        case 2:
            names, vectors = names[:-1], vectors[:-1]
        case _:
            vectors[i] = unit(rng.randrange(1000))[0]
    (folder / "cache" / "index.bin").write_bytes(FlatIndex(names, vectors, revision=revision).to_bytes())


KINDS: dict[str, Mutator] = {
    f.__name__.replace("_", " "): f
    for f in (bits, database_pages, lengths, places, rows, whole_rows, metadata, schema, crafted_index)
}


class _Heard(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(record.getMessage())


class Banks:
    """A bank of nine experts, with its index; and a judge of mangled copies."""

    def __init__(self, root: Path) -> None:
        self.clean = root / "clean-bank"
        with new_bank(self.clean) as bank:
            for i in range(9):
                bank.add(record(i), state(i))
            bank.index()
        self.known = self._use(self.clean)

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject("bank", self.clean, KINDS, self.verdict),)

    @staticmethod
    def _use(folder: Path) -> Any:
        """What a reader takes out of a bank, each thing on its own: its value, or that it was refused."""

        def part(get: Any) -> Any:
            try:
                return get()
            except GenloraError as err:
                return in_words(err)

        with Bank.open(folder, readonly=True) as bank:
            found = {
                "search": part(
                    lambda: [[(n.name, round(n.similarity, 5)) for n in bank.search(q, 3)] for q in unit(3, 4)]
                ),
                "cards": part(lambda: [(r.name, r.descriptions, r.licence, r.blob, r.rank) for r in bank.records()]),
                "base": part(lambda: (bank.fingerprint.id, bank.rank, bank.targets, bank.revision)),
                "bounds": part(bank.norm_bounds),
            }
            names = part(bank.names)
            found["names"] = "refused" if names == "refused" else "listed"
            for name in () if found["names"] == "refused" else names:
                sums = part(lambda name=name: [float(p.delta().sum()) for p in bank.state(name).values()])
                found[f"weights of {name}"] = sums
            return found

    def verdict(self, folder: Path) -> str:
        heard, logger = _Heard(), logging.getLogger("genlora")
        logger.addHandler(heard)
        try:
            try:
                found = self._use(folder)
            except GenloraError as err:
                found = in_words(err)
            with suppress(GenloraError):  # "no bank there"
                sound = verify_bank(folder).ok
        finally:
            logger.removeHandler(heard)
        if isinstance(found, str):
            return found
        if "traceback" in found.values():
            return "traceback"
        # An expert that is no longer listed is a difference; one that is refused by name is told.
        listed = found["names"] == "refused" or found.keys() >= self.known.keys()
        same = listed and all(found[k] in (self.known.get(k), "refused") for k in found)
        if same:
            return "harmless" if found == self.known else "refused"
        if heard.said and not sound:
            return "refused"
        # A forged row of metadata whose digest fits is found by `verify`; bounds for new experts change no answer.
        changed = {k for k in found if found[k] not in (self.known.get(k), "refused")}
        return "another" if changed == {"bounds"} and not sound else "silent damage"
