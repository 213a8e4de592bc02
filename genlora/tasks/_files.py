"""Task sources that are JSON files: word tasks, Super-NaturalInstructions."""

from pathlib import Path
from typing import Any

from genlora.errors import TaskError

from ._build import clean_examples, guess_metric, safe_name, with_label_set
from ._examples import example_of
from ._task import Example, Task
from ._values import bytes_of, kind_of, object_of, text_of, texts_of


def read_wordtasks(path: Path) -> list[Task]:
    """Word tasks: one JSON file {name, description, family, examples: [{input, output}]} each, or a folder of them."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise TaskError(f"{path}: no *.json file in it. Expected a folder of word tasks.")
    return [_wordtask(f) for f in files]


def _wordtask(path: Path) -> Task:
    doc = object_of(_plain(path), str(path))
    rows = doc.get("examples")
    if not isinstance(rows, list) or not rows:
        raise TaskError(f"{path}: `examples` is {kind_of(rows)}, expected a list of {{input, output}} objects.")
    name = safe_name(text_of(doc.get("name", path.stem), "name", str(path)))
    described = doc.get("descriptions") or [doc.get("description", name)]
    return Task(
        name=name,
        descriptions=texts_of(described, "descriptions", str(path)),
        examples=clean_examples(example_of(r, f"{path}: example {i}") for i, r in enumerate(rows, 1)),
        family=text_of(doc.get("family", "words"), "family", str(path)),
        parent=name,
        source=f"words:{path.stem}",
        licence=text_of(doc.get("licence", "unknown"), "licence", str(path)),
    )


def read_sni(path: Path) -> Task:
    """A Super-NaturalInstructions task (Wang et al. 2022): Definition, Positive Examples and Instances.

    The definition is the description; positive examples count as examples. A small label set becomes `choices`.
    """
    where = str(path)
    doc = object_of(_plain(path), where)
    rows = doc.get("Instances")
    if not isinstance(rows, list) or "Definition" not in doc:
        raise TaskError(f"{path}: expected keys `Definition` and `Instances` of a Super-NaturalInstructions task file.")
    positive = doc.get("Positive Examples") or []
    examples = [_sni_example(r, f"{where}: Instances[{i}]") for i, r in enumerate(rows)]
    examples += [_sni_example(r, f"{where}: Positive Examples[{i}]") for i, r in enumerate(positive)]
    kept = with_label_set(clean_examples(examples))
    if not kept:
        raise TaskError(f"{path}: no usable instance in it. Expected `Instances` with `input` and `output`.")
    definition = doc["Definition"]
    categories = _listed(doc.get("Categories"))
    return Task(
        name=safe_name(path.stem),
        descriptions=texts_of([definition] if isinstance(definition, str) else definition, "Definition", where),
        examples=kept,
        family=safe_name(categories[0]) if categories else "sni",
        parent=safe_name(_first(doc.get("Source"), path.stem)),
        metric=guess_metric(kept),
        source=f"sni:{path.name}",
        licence=_first(doc.get("Instance License"), "unknown"),
    )


def _sni_example(row: Any, where: str) -> Example:
    if not isinstance(row, dict):
        raise TaskError(f"{where}: {kind_of(row)}, expected an object with `input` and `output`.")
    output = row.get("output")
    answers = texts_of([output] if isinstance(output, str) else output, "output", where)
    answers = tuple(dict.fromkeys(a.strip() for a in answers if a.strip()))
    return Example(text_of(row.get("input"), "input", where).strip(), answers[0] if answers else "", answers)


def _plain(path: Path) -> bytes:
    return bytes_of(path).removeprefix(b"\xef\xbb\xbf")


def _listed(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _first(value: Any, otherwise: str) -> str:
    listed = [value] if isinstance(value, str) else _listed(value)
    return listed[0] if listed and listed[0].strip() else otherwise
