"""Examples as people type them: one a line, as `input => output`, tab-separated, or JSON Lines."""

import re
from collections.abc import Sequence
from typing import Any

from genlora.api import check_input
from genlora.errors import GenloraError, TaskError
from genlora.files import parse_json
from genlora.tasks import Example, example_of

MAX_EXAMPLES = 200
MAX_TEXT_CHARS = 200_000
MAX_OUTPUT_CHARS = 2_000
_ARROW = re.compile(r"\t|\s(?:=>|->|→)\s")
_HOW = 'Write one a line as "input => output", or as JSON: {"input": "...", "output": "..."}.'


def parse_examples(text: str, *, least: int = 1) -> tuple[Example, ...]:
    """Read the text of an examples box; repeated lines count once. Raises `TaskError` that names the line."""
    if len(text) > MAX_TEXT_CHARS:
        raise TaskError(
            f"the examples have {len(text):,} characters, expected at most {MAX_TEXT_CHARS:,}. Paste fewer of them; "
            "for whole files use: genlora evaluate"
        )
    lines = [(n, line.strip()) for n, line in enumerate(text.splitlines(), 1)]
    found = tuple(dict.fromkeys(_example(n, line) for n, line in lines if line))
    if len(found) < least:
        needed = f"{least} or more" if least > 1 else "at least one"
        raise TaskError(f"found {len(found)} different examples, expected {needed}. {_HOW}")
    if len(found) > MAX_EXAMPLES:
        raise TaskError(
            f"found {len(found):,} examples, expected at most {MAX_EXAMPLES}. Keep the most telling ones; "
            "for whole files use: genlora evaluate"
        )
    return found


def as_text(rows: Sequence[tuple[str, str]]) -> str:
    """What `Examples.parse` reads, for showing samples in a box."""
    return "\n".join(f"{' '.join(i.split())} => {' '.join(o.split())}" for i, o in rows)


def _example(number: int, line: str) -> Example:
    where = f"example line {number}"
    arrow = len(_ARROW.split(line)) == 2 and not line.endswith("}")
    row = _object(line, where) if line.startswith("{") and not arrow else _arrow(line, where)
    found = example_of(row, where)
    check_input(found.input, where=f"{where}: the input")
    check_input(found.output, where=f"{where}: the output")
    if len(found.output) > MAX_OUTPUT_CHARS:
        raise TaskError(
            f"{where}: the output has {len(found.output):,} characters, expected at most {MAX_OUTPUT_CHARS:,}. "
            f"Shorten it."
        )
    return found


def _arrow(line: str, where: str) -> dict[str, str]:
    parts = _ARROW.split(line)
    if len(parts) != 2:
        raise TaskError(f"{where}: found {len(parts) - 1} arrows, expected one. {_HOW}")
    return {"input": parts[0], "output": parts[1]}


def _object(line: str, where: str) -> Any:
    try:
        return parse_json(line.encode(), where=where)
    except (GenloraError, UnicodeEncodeError) as err:
        raise TaskError(f"{where}: not a JSON object in valid Unicode. {_HOW}") from err
