"""Mangled caches and files of examples."""

import os
import random
from pathlib import Path

from genlora.cache import staged, usable
from genlora.errors import GenloraError
from genlora.files import sha256_file
from genlora.tasks import read_examples

from ._banks import bits, lengths, places
from ._tally import Mutator, Subject, in_words

CACHED: dict[str, Mutator] = {"bits": bits, "lengths": lengths, "places": places}


class Caches:
    """A folder of the cache; a reader takes it as it was, or not at all."""

    def __init__(self, root: Path) -> None:
        self.clean = root / "clean-cached"
        with staged(self.clean) as stage:
            for name, size in (("config.json", 300), ("model.safetensors", 5000), ("pooling/config.json", 40)):
                path = stage / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(random.Random(name).randbytes(size))
        self.known = self._digests(self.clean)

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject("cache", self.clean, CACHED, self.verdict),)

    @staticmethod
    def _digests(folder: Path) -> dict[str, str]:
        found = (p for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith("."))
        return {str(p.relative_to(folder)): sha256_file(p) for p in found}

    def verdict(self, folder: Path) -> str:
        try:
            if usable(folder) is None:
                return "refused"
        except GenloraError as err:
            return in_words(err)
        return "harmless" if self._digests(folder) == self.known else "silent damage"


LINE = '{"input": "one naïve apple", "output": "apples", "accepted": ["apples", "apple"]}\n'
ODD = (
    '{"input": "\\ud800", "output": "x"}',
    '{"input": "x", "output": "half \\udfff"}',
    '{"input": "a", "output": ["x"]}',
    '{"input": null, "output": "x"}',
    '{"input": "a", "input": "b", "output": "x"}',
    '{"input": "a", "output": "x", "choices": [1]}',
    '{"input": "a", "output": NaN}',
    '{"task": "\\ud83d"}',
    '{"task": {}}',
    '["a", "b"]',
    "7",
    '{"input": "' + "a" * 100_000 + '", "output": "x"}',
    '{"input": ' + "[" * 10_000,
    '{"input": "\\u0000", "output": "x"}',
)


def odd_line(folder: Path, rng: random.Random) -> None:
    path = folder / "examples.jsonl"
    lines = path.read_bytes().split(b"\n")
    lines.insert(rng.randrange(len(lines)), rng.choice(ODD).encode("utf-8", "surrogatepass"))
    path.write_bytes(b"\n".join(lines))


def encoding(folder: Path, rng: random.Random) -> None:
    path = folder / "examples.jsonl"
    text = path.read_text(encoding="utf-8")
    path.write_bytes(
        text.encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "latin-1", "cp1252", "utf-7", "utf-8-sig")))
    )


def pipe(folder: Path, rng: random.Random) -> None:
    path = folder / "examples.jsonl"
    path.unlink()
    os.mkfifo(path)


ROWS: dict[str, Mutator] = {"bits": bits, "odd line": odd_line, "encoding": encoding, "pipe": pipe, "places": places}


class Examples:
    """A file of examples, which holds no digest: what is read must be text that a tokenizer takes."""

    def __init__(self, root: Path) -> None:
        self.clean = root / "clean-examples"
        self.clean.mkdir()
        (self.clean / "examples.jsonl").write_text(LINE * 12, encoding="utf-8")
        self.known = read_examples(self.clean / "examples.jsonl").examples

    def subjects(self) -> tuple[Subject, ...]:
        return (Subject("examples", self.clean, ROWS, self.verdict),)

    def verdict(self, folder: Path) -> str:
        try:
            found = read_examples(folder / "examples.jsonl").examples
        except GenloraError as err:
            return in_words(err)
        for example in found:
            for text in (example.input, example.output, *example.answers):
                text.encode()
        return "harmless" if found == self.known else "another"
