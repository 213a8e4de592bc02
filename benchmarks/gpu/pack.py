"""Pack what training on the stream needs, for a machine without a network: parts of a bounded size, and their digests.

    python benchmarks/gpu/pack.py kit --words FOLDER --start generators/fewshot

writes `kit/1/core.tar.1`, `kit/2/core.tar.2`, ... (the base, the catalogue's training and validation tasks, the
`fewshot` artefact to begin with, wheels) and `kit/N/reader.tar.1` (the task embedder, which only the hypernetwork
needs), each folder no larger than --part-mib. `benchmarks/gpu/train.py` joins them; `README.md` beside it has the rest.
"""

import argparse
import gzip
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from safetensors.torch import load_file, save_file

from genlora.api import task_embedder
from genlora.bank import TaskEmbedder
from genlora.base import fingerprint as fingerprint_of
from genlora.base import gguf_file, resolve_base
from genlora.errors import BaseError, GenloraError
from genlora.files import sha256_file
from genlora.generators import load_artefact
from genlora.tasks import Example, Task, catalogue_tasks, sample

MANIFEST = "kit.json"
WHEELS = ("gguf", "jaxtyping", "wadler-lindig", "lightning-fabric", "lightning-utilities")
"""What such a machine lacks or may lack; all are plain Python, and what it has itself comes first."""
KEPT: dict[Literal["train", "validation"], int] = {"train": 600, "validation": 60}
"""Examples of each task that travel. Test examples never do."""
_SMALL = (
    "genlora.json",
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)


def write_tasks(path: Path, tasks: Mapping[str, Sequence[Task]]) -> None:
    """{role: tasks} as gzipped JSON Lines, a task a line."""
    with gzip.open(path, "wt", encoding="utf-8", compresslevel=9) as file:
        for role, found in tasks.items():
            for task in found:
                kept = [e for split, n in KEPT.items() for e in sample(task.split(split), n, seed=0)]
                about = {k: v for k, v in asdict(task).items() if k != "examples"}
                rows = [[e.input, e.output, e.accepted, e.choices] for e in kept]
                file.write(json.dumps({"role": role, **about, "examples": rows}, ensure_ascii=False) + "\n")


def read_tasks(path: Path) -> dict[str, list[Task]]:
    """The inverse of `write_tasks`."""
    out: dict[str, list[Task]] = {}
    with gzip.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            row = json.loads(line)
            role, descriptions = row.pop("role"), tuple(row.pop("descriptions"))
            examples = tuple(Example(a, b, tuple(c), tuple(d)) for a, b, c, d in row.pop("examples"))
            out.setdefault(role, []).append(Task(descriptions=descriptions, examples=examples, **row))
    return out


def put_base(folder: Path, source: str | None) -> str:
    """The base; its fingerprint's id. Where it comes as one GGUF file, that and the small files of its converted
    folder travel, as this version of the converter wrote them: a quarter of what the folder weighs.
    """
    made = resolve_base(source)
    try:
        shutil.copy(gguf_file(source), folder / "base.gguf")
        names = [n for n in _SMALL if (made / n).exists()]
    except BaseError:
        names = [p.name for p in made.iterdir() if p.is_file() and not p.name.startswith(".")]
    (folder / "base").mkdir()
    for name in names:
        shutil.copy(made / name, folder / "base" / name)
    return fingerprint_of(made).id


def put_embedder(folder: Path, embedder: TaskEmbedder) -> None:
    """The task embedder in float16, which is half as large, and its factors."""
    made = embedder.path
    (folder / "embedder").mkdir()
    for path in made.iterdir():
        if path.is_file() and path.suffix in (".json", ".txt"):
            shutil.copy(path, folder / "embedder" / path.name)
    halves = {k: v.half() if v.is_floating_point() else v for k, v in load_file(made / "model.safetensors").items()}
    save_file(halves, folder / "embedder" / "model.safetensors", metadata={"format": "pt"})
    if embedder.lora is not None:
        shutil.copy(embedder.lora, folder / "embedder.safetensors")


def fetch_wheels(folder: Path, names: Sequence[str]) -> None:
    """Wheels in the versions that are installed here, or as `NAME==VERSION` says, through pip."""
    from importlib.metadata import version

    wanted = [n if "==" in n else f"{n}=={version(n)}" for n in names]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "-d", folder]
    subprocess.run([*map(str, command), *wanted], check=True)


def cut(path: Path, most: int) -> Iterator[bytes]:
    """The file's bytes in parts of equal size, none larger than `most`."""
    size = path.stat().st_size
    parts = -(-size // most)
    each = -(-size // parts)
    with path.open("rb") as file:
        while part := file.read(each):
            yield part


def pack(folder: Path, name: str, out: Path, first: int, most: int) -> tuple[int, str]:
    """`folder` as NAME.tar in parts out/FIRST, out/FIRST+1, ...; how many there are, and the digest of the whole."""
    with tempfile.TemporaryDirectory() as scratch:
        whole = Path(scratch) / f"{name}.tar"
        with tarfile.open(whole, "w") as tar:
            for path in sorted(folder.rglob("*")):
                tar.add(path, path.relative_to(folder), recursive=False)
        n = 0
        for n, part in enumerate(cut(whole, most), 1):
            target = out / str(first + n - 1)
            target.mkdir(parents=True)
            (target / f"{name}.tar.{n}").write_bytes(part)
        return n, sha256_file(whole)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to make")
    parser.add_argument("--words", type=Path, help="folder of word tasks")
    parser.add_argument("--no-catalogue", action="store_true", help="train and validate on the stream alone")
    parser.add_argument("--start", type=Path, help="a fewshot artefact to begin with")
    parser.add_argument("--base", help="default: the base that genlora ships for")
    parser.add_argument("--embedder", help="default: the task embedder that genlora ships")
    parser.add_argument("--part-mib", type=int, default=50)
    parser.add_argument("--wheels", nargs="*", default=WHEELS, help="packages to take along: NAME or NAME==VERSION")
    parser.add_argument("--no-reader", action="store_true", help="leave the task embedder out: fewshot alone")
    a = parser.parse_args(arguments)
    if a.out.exists():
        parser.error(f"{a.out} is there already. Name a folder that is not.")
    try:
        sizes = make(a)
    except GenloraError as err:
        parser.error(str(err))
    for folder, (size, names) in sizes.items():
        print(f"{folder}: {size / 2**20:.1f} MiB: {', '.join(names)}")


def make(a: argparse.Namespace) -> dict[Path, tuple[int, list[str]]]:
    """The kit; {folder: (bytes, names)}."""
    most = a.part_mib << 20
    about: dict[str, Any] = {"archives": {}}
    embedder = task_embedder(a.embedder)
    with tempfile.TemporaryDirectory() as scratch:
        core, reader = Path(scratch) / "core", Path(scratch) / "reader"
        core.mkdir()
        reader.mkdir()
        about |= {"base": put_base(core, a.base), "embedder": embedder.id}
        roles = () if a.no_catalogue else ("bank", "validation")
        tasks = {role: catalogue_tasks(role, words_folder=a.words) for role in roles}
        write_tasks(core / "tasks.jsonl.gz", tasks)
        about["tasks"] = {role: len(found) for role, found in tasks.items()}
        if a.start is not None:
            load_artefact(a.start, "fewshot")  # told here, not on the machine that it travels to
            shutil.copytree(a.start, core / "start")
        if a.wheels:
            (core / "wheels").mkdir()
            fetch_wheels(core / "wheels", a.wheels)
        n, digest = pack(core, "core", a.out, 1, most)
        about["archives"]["core"] = {"parts": n, "sha256": digest}
        if not a.no_reader:
            put_embedder(reader, embedder)
            more, digest = pack(reader, "reader", a.out, n + 1, most)
            about["archives"]["reader"] = {"parts": more, "sha256": digest}
    sizes = {}
    for folder in sorted(a.out.iterdir(), key=lambda p: int(p.name)):
        (folder / MANIFEST).write_text(json.dumps(about, indent=1) + "\n")
        found = sorted(folder.iterdir())
        sizes[folder] = (sum(p.stat().st_size for p in found), [p.name for p in found])
    return sizes


if __name__ == "__main__":
    main()
