"""Labelled examples in any usual form: JSON Lines or a JSON list, CSV, and `a => b` lines. One reader for all of them.

A JSON object or a CSV row names its two texts `input` and `output`, or with another pair of `COLUMNS`; or it is a chat
of one user and one assistant turn under `messages`.
"""

import csv
import io
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from genlora.errors import TaskError

from ._build import clean_examples, guess_metric, safe_name
from ._task import Example, Metric, Task
from ._values import json_of, kind_of, object_of, text_in, text_of, texts_of

log = logging.getLogger(__name__)

COLUMNS = (
    ("input", "output"),
    ("instruction", "output"),
    ("prompt", "completion"),
    ("question", "answer"),
    ("text", "label"),
    ("sentence", "label"),
)
"""Names of the input and the output, the first pair that is there."""

HOW = 'Write one a line as "input => output", or as JSON: {"input": "...", "output": "..."}.'

_HEADER_KEYS = {"task", "description", "descriptions", "family", "parent", "metric", "licence"}
_MORE = ("accepted", "choices")
_ARROW = re.compile(r"\t|\s(?:=>|->|→)\s|=>")
_LINE = re.compile(r"\r\n|\r|\n")  # no other: a JSON text may hold a line separator
_LIST = re.compile(r"\s*\[\s*[{\]]")


@dataclass
class _Found:
    """What a source says beside its examples."""

    header: dict[str, Any] = field(default_factory=dict)
    unused: set[str] = field(default_factory=set)
    systems: set[str] = field(default_factory=set)


def read_examples(path: Path) -> Task:
    """One task from a file of labelled examples, in any form of this module.

    Objects may add `accepted` and `choices` (lists of text). The first of JSON Lines may be a header: {"task": name,
    "descriptions": [...], "family", "parent", "metric", "licence"}. A system turn that all chats share is the
    description. Raises `TaskError` that names file and line.
    """
    found = _Found()
    table = path.suffix.lower() in (".csv", ".tsv")
    examples = [e for _, e in _examples(text_in(path), f"{path}:", found, table=table)]
    if found.unused:
        log.warning("%s: keys %s are not used", path, ", ".join(sorted(found.unused)[:8]))
    header = found.header
    if len(found.systems) == 1 and not header.get("descriptions"):
        header["descriptions"] = tuple(found.systems - {""})
    elif found.systems - {""}:
        log.warning("%s: its chats have several system turns, or a description beside them; they are not used", path)
    name = safe_name(header.get("task", path.stem))
    return _task(examples, header, name, where=str(path), source=f"jsonl:{path.name}")


def read_inputs(path: Path) -> tuple[str, ...]:
    """The inputs of a file of inputs without answers: one a line, JSON Lines, a JSON list of objects, or CSV; answers,
    where there are some, are not looked at.

    An object or a row has its text under the first name of a pair of `COLUMNS`. Raises `TaskError` that names file and
    line.
    """
    text, where, kind = text_in(path), f"{path}:", path.suffix.lower()
    first = next((line for line in _LINE.split(text) if line.strip()), "")
    rows: Iterable[tuple[int, Any]]
    if (listed := _listed(text, where, first)) is not None:
        rows, where = enumerate(listed, 1), f"{path}: item "
    elif kind in (".csv", ".tsv"):
        rows = _table(text, where, first, lone=True)
    else:
        lines = ((n, line.strip()) for n, line in enumerate(_LINE.split(text), 1) if line.strip())
        strict = kind in (".jsonl", ".ndjson", ".json")
        rows = ((n, _input_row(line, f"{where}{n}", strict=strict)) for n, line in lines)
    found = tuple(text for n, row in rows if (text := _lone_input(row, f"{where}{n}")))
    if not found:
        raise TaskError(f"{path}: holds no input, expected one a line.")
    return found


def _input_row(line: str, where: str, *, strict: bool) -> Any:
    """A line as an object, where it is one that names an input; in a plain file any other line is itself one."""
    if not strict and line[0] != "{":
        return line
    try:
        row = object_of(line.encode("utf-8", "surrogatepass"), where)
    except TaskError:
        if strict:
            raise
        return line
    return row if strict or any(pair[0] in row for pair in COLUMNS) else line


def _lone_input(row: Any, where: str) -> str:
    if isinstance(row, str):
        return row.strip()
    if not isinstance(row, dict):
        raise TaskError(f"{where}: {kind_of(row)}, expected an object with `input`.")
    key = next((pair[0] for pair in COLUMNS if pair[0] in row), COLUMNS[0][0])
    return text_of(row.get(key), key, where).strip()


def parse_examples(text: str, *, where: str = "example line") -> list[tuple[str, Example]]:
    """(place, example) of each example in a text that somebody typed or pasted: forms as in a file.

    Raises `TaskError` that names the place.
    """
    return list(_examples(text, f"{where} ", _Found(), table=False))


def read_shot(text: str) -> tuple[str, str]:
    """(input, output) of `input => output`, or of a JSON object with these two. Raises `TaskError`.

    Of several arrows it cannot be known which is meant: then only JSON says it.
    """
    shown = text if len(text) <= 60 else f"{text[:59]}…"
    where, found = f"example {shown!r}", _Found()
    if not text.strip():
        raise TaskError(f"{where}: is empty. {HOW}")
    e = _example(_row(text.strip(), where), where, found)
    if found.unused or e.accepted or e.choices:
        raise TaskError(f"{where}: expected the keys input and output, and no others.")
    return e.input, e.output


def task_of(examples: Iterable[Example], name: str) -> Task:
    """A task of examples that are in memory. Raises `TaskError` if none is usable."""
    return _task(examples, {}, safe_name(name), where=name, source="values")


def example_of(row: Any, where: str) -> Example:
    """An example from a JSON object of `input`, `output` and optionally `accepted` and `choices`.

    `where` begins the message of the `TaskError` for anything else.
    """
    if not isinstance(row, dict):
        raise TaskError(f"{where}: {kind_of(row)}, expected an object with `input` and `output`.")
    return _of_pair(row, ("input", "output"), where)


def _of_pair(row: dict[str, Any], pair: tuple[str, str], where: str) -> Example:
    text, output = (text_of(row.get(key), key, where).strip() for key in pair)
    if not text or not output:
        raise TaskError(f"{where}: `{pair[1] if text else pair[0]}` is empty. Fill it or remove the line.")
    accepted = tuple(dict.fromkeys(a.strip() for a in texts_of(row.get("accepted", []), "accepted", where)))
    choices = tuple(dict.fromkeys(c.strip() for c in texts_of(row.get("choices", []), "choices", where)))
    if accepted and output not in accepted:
        accepted = (output, *accepted)
    if choices and output not in choices:
        raise TaskError(f"{where}: output {output[:60]!r} is none of its `choices`. Add it there or correct it.")
    return Example(text, output, accepted, choices)


def _examples(text: str, where: str, found: _Found, *, table: bool) -> Iterator[tuple[str, Example]]:
    """(place, example); a place is `where` and a number."""
    rows: Iterable[tuple[int, Any]]
    first = next((line for line in _LINE.split(text) if line.strip()), "")
    if (listed := _listed(text, where, first)) is not None:
        rows, where = enumerate(listed, 1), f"{where.rstrip(': ')}: example "
    elif table or _pair(_names(first)) is not None:
        rows = _table(text, where, first)
    else:
        rows = ((n, _row(line.strip(), f"{where}{n}")) for n, line in enumerate(_LINE.split(text), 1) if line.strip())
    begun = False
    for number, row in rows:
        place = f"{where}{number}"
        if isinstance(row, dict) and "task" in row and _pair(row) is None and "messages" not in row:
            if begun:
                raise TaskError(
                    f"{place}: a header line, expected only as the first line. Put other tasks in other files."
                )
            found.header = _header(row, place)
        else:
            yield place, _example(row, place, found)
        begun = True


def _listed(text: str, where: str, first: str) -> list[Any] | None:
    """The items of a text that is one JSON list of objects; None where it is none."""
    if not _LIST.match(text):
        return None
    try:
        return json_of(text.encode("utf-8", "surrogatepass"), where.rstrip(": "))
    except TaskError:
        if len(_ARROW.split(first)) == 2:  # `[{"a": 1}] => 1` is a line
            return None
        raise


def _row(line: str, where: str) -> dict[str, Any]:
    """The object that a line is, or the input and output around its arrow."""
    sides = _ARROW.split(line)
    if line[0] in "{[":
        try:
            return object_of(line.encode("utf-8", "surrogatepass"), where)
        except TaskError:
            # `{"a": 1} => {"b": 2}` is an arrow between two objects; an object that is cut short is none.
            if len(sides) != 2 or (line[0] == "{" and not sides[0].rstrip().endswith("}")):
                raise
    if len(sides) != 2:
        comma = " Of CSV the first line names the columns, such as input,output." if "," in line else ""
        raise TaskError(
            f"{where}: found {len(sides) - 1} arrows, expected one. {HOW} Where a text has an arrow in it, only JSON "
            f"tells which is meant.{comma}"
        )
    return {"input": sides[0], "output": sides[1]}


def _pair(keys: Iterable[str]) -> tuple[str, str] | None:
    there = set(keys)
    return next((pair for pair in COLUMNS if there.issuperset(pair)), None)


def _example(row: Any, where: str, found: _Found) -> Example:
    """The example of an object, whatever its keys are called."""
    if not isinstance(row, dict):
        raise TaskError(f"{where}: {kind_of(row)}, expected an object with `input` and `output`.")
    pair = _pair(row)
    if pair is None and "messages" in row:
        found.unused |= row.keys() - {"messages", *_MORE}
        system, asked, said = _chat(row["messages"], where)
        found.systems.add(system)
        return _of_pair({**row, "input": asked, "output": said}, ("input", "output"), where)
    if pair is None:  # the pair of which one is there, so that the message names what is missing
        pair = next((p for p in COLUMNS if p[0] in row or p[1] in row), COLUMNS[0])
    found.unused |= row.keys() - {*pair, *_MORE}
    return _of_pair(row, pair, where)


def _chat(turns: Any, where: str) -> tuple[str, str, str]:
    """(system turn or "", user turn, assistant turn)."""
    if not isinstance(turns, list) or not all(isinstance(t, dict) for t in turns):
        raise TaskError(f"{where}: `messages` is {kind_of(turns)}, expected a list of objects with role and content.")
    roles = [str(t.get("role")) for t in turns]
    told = 1 if roles[:1] in (["system"], ["developer"]) else 0
    if roles[told:] != ["user", "assistant"]:
        raise TaskError(
            f"{where}: turns of {', '.join(roles)[:80] or 'nobody'}, expected one of the user and one of the "
            "assistant, perhaps after a system turn. Write each question of a longer conversation on its own line."
        )
    texts = [_content(t.get("content"), where) for t in turns]
    return (texts[0].strip() if told else ""), texts[told], texts[told + 1]


def _content(value: Any, where: str) -> str:
    """A turn's text, or the texts of its parts."""
    if isinstance(value, list) and all(isinstance(p, dict) and p.get("type") == "text" for p in value):
        return "".join(text_of(p.get("text"), "text", where) for p in value)
    return text_of(value, "content", where)


def _names(first: str) -> list[str]:
    """The columns that a first line names, if it is one of CSV."""
    return [c.strip().lower() for c in next(csv.reader([first], delimiter=_delimiter(first)), [])]


def _delimiter(line: str) -> str:
    return max("\t;,", key=line.count)


def _table(text: str, where: str, first: str, *, lone: bool = False) -> Iterator[tuple[int, dict[str, str]]]:
    """(line number, row by column name) of CSV text with a header line; `;` and tabs separate too. `lone` asks for the
    column of inputs only.
    """
    names = _names(first)
    known_names = {pair[0] for pair in COLUMNS} & set(names) if lone else _pair(names)
    if not known_names or len(set(names)) != len(names):
        known = ", ".join(dict.fromkeys(p[0] for p in COLUMNS)) if lone else "; ".join(map(" and ".join, COLUMNS))
        raise TaskError(
            f"{where}1: columns {', '.join(names)[:120] or 'none'}, expected a first line that names "
            f"{'one' if lone else 'two'} of them once: {known}."
        )
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first), strict=True)
    begun, number = False, 1
    try:
        for cells in rows:
            if any(c.strip() for c in cells):
                if begun and len(cells) != len(names):
                    raise TaskError(
                        f"{where}{number}: {len(cells)} cells, expected {len(names)} as in the first line. Put text "
                        "that holds the separator between quotes."
                    )
                if begun:
                    yield number, dict(zip(names, cells, strict=True))
                begun = True
            number = rows.line_num + 1
    except csv.Error as err:
        raise TaskError(f"{where}{number}: not CSV ({err}). Check the quotes of this row.") from err


def _header(row: dict[str, Any], where: str) -> dict[str, Any]:
    extra = row.keys() - _HEADER_KEYS
    if extra:
        raise TaskError(f"{where}: header key {min(extra)!r} is not known, expected some of {sorted(_HEADER_KEYS)}.")
    head: dict[str, Any] = {k: text_of(v, k, where) for k, v in row.items() if k not in ("description", "descriptions")}
    if head.get("metric", "exact") not in get_args(Metric):
        raise TaskError(f"{where}: metric {head['metric']!r}, expected one of {', '.join(get_args(Metric))}.")
    described = row.get("descriptions", [row["description"]] if "description" in row else [])
    return {**head, "descriptions": texts_of(described, "descriptions", where)}


def _task(examples: Iterable[Example], header: dict[str, Any], name: str, *, where: str, source: str) -> Task:
    kept = clean_examples(examples)
    if not kept:
        raise TaskError(
            f"{where}: no example in it. {HOW} CSV with the columns input and output, prompt and completion, and chats "
            "under `messages` are read too."
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
