"""Who runs the crash harnesses: the bank, and the naive writer that each of them must catch."""

import hashlib
import json
import os
import sqlite3
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from world import fingerprint, layout, new_bank

from genlora.bank import Bank, place_of
from genlora.bank._factors import RawPack, encode_raw, read_blob
from genlora.bank.shared import PostgresDatabase, shared_exists


class NaiveBank:
    """What one writes first: blob and manifest in place, no fsync, no rename. Every harness must catch it."""

    def __init__(self, root):
        self.root = Path(root)
        self.root.mkdir(exist_ok=True)
        self.manifest = self.root / "manifest.json"

    def _read(self):
        return json.loads(self.manifest.read_text()) if self.manifest.exists() else {}

    def add(self, rec, st):
        blobs = self._read()
        blobs[rec.name] = {"file": f"{rec.name}.safetensors", "description": rec.description * 40}
        with self.manifest.open("w") as f:
            json.dump(blobs, f, indent=1)
        fd = os.open(self.root / f"{rec.name}.safetensors", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.write(fd, encode_raw(st))  # may write short on a full disk
        os.close(fd)

    def names(self):
        return sorted(self._read())

    def state(self, name):
        path = self.root / self._read()[name]["file"]
        return RawPack(read_blob(path.read_bytes(), where=name)[0], where=name).decode(0)

    def leftovers(self):
        return []

    def close(self):
        pass


class RealBank:
    """The bank under test, with what the harness asks of it."""

    def __init__(self, root):
        self.bank = Bank.open(root) if Path(root).exists() else new_bank(root)
        self.add, self.names, self.state, self.close = self.bank.add, self.bank.names, self.bank.state, self.bank.close

    def leftovers(self):
        used = {self.bank.get(n).blob for n in self.bank.names()}
        files = {p.name for p in self.bank.files.blobs.iterdir()}
        strays = [p.name for p in self.bank.files.root.iterdir() if p.name.startswith(".genlora-tmp-")]
        ok = sqlite3.connect(self.bank.files.database).execute("PRAGMA integrity_check").fetchone()[0]
        return sorted(files - {f"{d}.safetensors" for d in used}) + strays + ([] if ok == "ok" else [ok])


class PostgresBank(RealBank):
    """A shared bank: its schema is named after the folder, which holds its blobs."""

    def __init__(self, root):
        root = Path(root)
        root.mkdir(exist_ok=True)
        self.blobs = root / "blobs"
        schema = "t" + hashlib.sha256(str(root).encode()).hexdigest()[:16]
        self.url = f"{os.environ['GENLORA_TEST_SERVER']}&schema={schema}"
        if not shared_exists(place_of(self.url)):
            Bank.create(self.url, layout(), fingerprint(), rank=4, blobs=str(self.blobs)).close()
        self.bank = Bank.open(self.url)
        self.add, self.names, self.state, self.close = self.bank.add, self.bank.names, self.bank.state, self.bank.close

    def leftovers(self):
        with self.bank.atomic():  # the server may take a moment to notice that a writer was killed
            pass
        self.bank.sweep()
        used = {f"{self.bank.get(n).blob}.safetensors" for n in self.bank.names()}
        noted = self.bank.database.read("SELECT blob FROM pending")
        return sorted({p.name for p in self.blobs.iterdir()} - used - {"genlora-bank.json"}) + noted


class NaiveOrder(PostgresBank):
    """The record first, then the blob that it names."""

    def __init__(self, root):
        super().__init__(root)
        self.add = self.add_backwards

    def add_backwards(self, rec, st):
        kept, put = [], self.bank.blobs.put
        self.bank.blobs.put = lambda data, **_: (kept.append(data), (hashlib.sha256(data).hexdigest(), True))[1]
        try:
            self.bank.add(rec, st)
        finally:
            self.bank.blobs.put = put
        for data in kept:
            put(data)


class NoLock(PostgresBank):
    """Writers that do not take turns."""

    def __init__(self, root):
        PostgresDatabase._key = property(lambda self: os.getpid())
        super().__init__(root)


KINDS = {
    "bank": RealBank,
    "naive": NaiveBank,
    "postgres": PostgresBank,
    "postgres-naive": NaiveOrder,
    "postgres-no-lock": NoLock,
}
