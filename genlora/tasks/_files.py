"""Task sources that are files: JSON Lines, word-task JSON, Super-NaturalInstructions JSON."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast, get_args

from genlora.errors import ManifestError, TaskError
from genlora.files import parse_json

from ._build import clean_examples, guess_metric, safe_name, with_label_set
from ._task import Example, Metric, Task

log = logging.getLogger(__name__)

MAX_FILE_BYTES = 64 << 20
MAX_LINE_BYTES = 1 << 20

_HEADER_KEYS = {"task", "description", "descriptions", "family", "parent", "metric", "licence"}
_LINE_KEYS = {"input", "output", "accepted", "choices"}


def read_jsonl(path: Path) -> Task:
    """One task from JSON Lines: objects with `input`, `output` and optionally `accepted` and `choices` (lists of text).

    The first line may be a header: {"task": name, "descriptions": [...], "family", "parent", "metric", "licence"}.
    Raises `TaskError` that names file and line.
    """
    header: dict[str, Any] = {}
    examples: list[Example] = []
    unknown: set[str] = set()
    for number, line in enumerate(_bytes(path).split(b"\n"), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        row = _object(line, where)
        if "task" in row and "input" not in row:
            if examples or header:
                raise TaskError(
                    f"{where}: a header line, expected only as the first line. Put other tasks in other files."
                )
            header = _header(row, where)
            continue
        unknown |= row.keys() - _LINE_KEYS
        examples.append(example_of(row, where))
    if unknown:
        log.warning("%s: keys %s are not used", path, ", ".join(sorted(unknown)[:8]))
    name = safe_name(header.get("task", path.stem))
    return _task(examples, header, name, where=str(path), source=f"jsonl:{path.name}")


def task_of(examples: Iterable[Example], name: str) -> Task:
    """A task of examples that are in memory. Raises `TaskError` if none is usable."""
    return _task(examples, {}, safe_name(name), where=name, source="values")


def _task(examples: Iterable[Example], header: dict[str, Any], name: str, *, where: str, source: str) -> Task:
    kept = clean_examples(examples)
    if not kept:
        raise TaskError(
            f'{where}: no example in it. Expected one JSON object a line, e.g. {{"input": "...", "output": "..."}}.'
        )
    metric = header.get("metric")
    if metric == "choice" and not all(e.choices for e in kept):
        raise TaskError(
            f"{where}: metric is 'choice' but some lines have no `choices`. Add them, or use metric 'exact'."
        )
    return Task(
        name=name,
        descriptions=header.get("descriptions", ()),
        examples=kept,
        family=header.get("family", "user"),
        parent=header.get("parent", name),
        metric=metric or guess_metric(kept),
        source=source,
        licence=header.get("licence", "unknown"),
    )


def read_wordtasks(path: Path) -> list[Task]:
    """Word tasks: one JSON file {name, description, family, examples: [{input, output}]} each, or a folder of them."""
    files = sorted(path.glob("*.json")) if path.is_dir() else [path]
    if not files:
        raise TaskError(f"{path}: no *.json file in it. Expected a folder of word tasks.")
    return [_wordtask(f) for f in files]


def _wordtask(path: Path) -> Task:
    doc = _object(_bytes(path), str(path))
    rows = doc.get("examples")
    if not isinstance(rows, list) or not rows:
        raise TaskError(f"{path}: `examples` is {_kind(rows)}, expected a list of {{input, output}} objects.")
    name = safe_name(_text(doc.get("name", path.stem), "name", str(path)))
    described = doc.get("descriptions") or [doc.get("description", name)]
    return Task(
        name=name,
        descriptions=_texts(described, "descriptions", str(path)),
        examples=clean_examples(example_of(r, f"{path}: example {i}") for i, r in enumerate(rows, 1)),
        family=_text(doc.get("family", "words"), "family", str(path)),
        parent=name,
        source=f"words:{path.stem}",
        licence=_text(doc.get("licence", "unknown"), "licence", str(path)),
    )


def read_sni(path: Path) -> Task:
    """A Super-NaturalInstructions task (Wang et al. 2022): Definition, Positive Examples and Instances.

    The definition is the description; positive examples count as examples. A small label set becomes `choices`.
    """
    where = str(path)
    doc = _object(_bytes(path), where)
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
        descriptions=_texts([definition] if isinstance(definition, str) else definition, "Definition", where),
        examples=kept,
        family=safe_name(categories[0]) if categories else "sni",
        parent=safe_name(_first(doc.get("Source"), path.stem)),
        metric=guess_metric(kept),
        source=f"sni:{path.name}",
        licence=_first(doc.get("Instance License"), "unknown"),
    )


def _sni_example(row: Any, where: str) -> Example:
    if not isinstance(row, dict):
        raise TaskError(f"{where}: {_kind(row)}, expected an object with `input` and `output`.")
    output = row.get("output")
    answers = _texts([output] if isinstance(output, str) else output, "output", where)
    answers = tuple(dict.fromkeys(a.strip() for a in answers if a.strip()))
    return Example(_text(row.get("input"), "input", where).strip(), answers[0] if answers else "", answers)


def _bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as f:
            data = f.read(MAX_FILE_BYTES + 1)
    except OSError as err:
        raise TaskError(f"{path}: cannot be read ({err.strerror}). Check the path.") from err
    if len(data) > MAX_FILE_BYTES:
        raise TaskError(
            f"{path}: over {MAX_FILE_BYTES:,} bytes, expected a smaller task file. Split it or take a sample."
        )
    return data.removeprefix(b"\xef\xbb\xbf")


def _object(data: bytes, where: str) -> dict[str, Any]:
    try:
        value = parse_json(data, where=where, max_bytes=MAX_FILE_BYTES)
    except ManifestError as err:
        raise TaskError(str(err)) from err
    if not isinstance(value, dict):
        raise TaskError(f"{where}: {_kind(value)}, expected a JSON object.")
    return value


def _header(row: dict[str, Any], where: str) -> dict[str, Any]:
    extra = row.keys() - _HEADER_KEYS
    if extra:
        raise TaskError(f"{where}: header key {min(extra)!r} is not known, expected some of {sorted(_HEADER_KEYS)}.")
    head = {k: _text(v, k, where) for k, v in row.items() if k not in ("description", "descriptions")}
    if head.get("metric", "exact") not in get_args(Metric):
        raise TaskError(f"{where}: metric {head['metric']!r}, expected one of {', '.join(get_args(Metric))}.")
    described = row.get("descriptions", [row["description"]] if "description" in row else [])
    return {**head, "descriptions": _texts(described, "descriptions", where)}


def example_of(row: Any, where: str) -> Example:
    """An example from a JSON object of `input`, `output` and optionally `accepted` and `choices`.

    `where` begins the message of the `TaskError` for anything else.
    """
    if not isinstance(row, dict):
        raise TaskError(f"{where}: {_kind(row)}, expected an object with `input` and `output`.")
    text = _text(row.get("input"), "input", where).strip()
    output = _text(row.get("output"), "output", where).strip()
    if not text or not output:
        raise TaskError(f"{where}: `{'output' if text else 'input'}` is empty. Fill it or remove the line.")
    accepted = tuple(dict.fromkeys(a.strip() for a in _texts(row.get("accepted", []), "accepted", where)))
    choices = tuple(dict.fromkeys(c.strip() for c in _texts(row.get("choices", []), "choices", where)))
    if accepted and output not in accepted:
        accepted = (output, *accepted)
    if choices and output not in choices:
        raise TaskError(f"{where}: output {output[:60]!r} is none of its `choices`. Add it there or correct it.")
    return Example(text, output, accepted, choices)


def _text(value: Any, key: str, where: str) -> str:
    if not isinstance(value, str):
        raise TaskError(f"{where}: `{key}` is {_kind(value)}, expected text.")
    return value


def _texts(value: Any, key: str, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise TaskError(f"{where}: `{key}` is {_kind(value)}, expected a list of texts.")
    return tuple(cast("Iterable[str]", value))


def _listed(value: Any) -> list[str]:
    return [v for v in value if isinstance(v, str)] if isinstance(value, list) else []


def _first(value: Any, otherwise: str) -> str:
    listed = [value] if isinstance(value, str) else _listed(value)
    return listed[0] if listed and listed[0].strip() else otherwise


def _kind(value: Any) -> str:
    names = {type(None): "missing", dict: "an object", list: "a list", str: "text", bool: "true/false"}
    return names.get(type(value), "a number")
