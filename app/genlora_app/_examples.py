"""Examples as people type or paste them: `input => output` lines, tab-separated, JSON, CSV; with the demo's bounds."""

from collections.abc import Sequence

from genlora.api import check_input
from genlora.errors import TaskError
from genlora.tasks import HOW, Example
from genlora.tasks import parse_examples as examples_in

MAX_EXAMPLES = 200
MAX_TEXT_CHARS = 200_000
MAX_OUTPUT_CHARS = 2_000


def parse_examples(text: str, *, least: int = 1) -> tuple[Example, ...]:
    """Read the text of an examples box; repeated lines count once. Raises `TaskError` that names the line."""
    if len(text) > MAX_TEXT_CHARS:
        raise TaskError(
            f"the examples have {len(text):,} characters, expected at most {MAX_TEXT_CHARS:,}. Paste fewer of them."
        )
    found = tuple(dict.fromkeys(_bounded(where, e) for where, e in examples_in(text)))
    if len(found) < least:
        needed = f"{least} or more" if least > 1 else "at least one"
        raise TaskError(f"found {len(found)} different examples, expected {needed}. {HOW}")
    if len(found) > MAX_EXAMPLES:
        raise TaskError(f"found {len(found):,} examples, expected at most {MAX_EXAMPLES}. Keep the most telling ones.")
    return found


def as_text(rows: Sequence[tuple[str, str]]) -> str:
    """What `Examples.parse` reads, for showing samples in a box."""
    return "\n".join(f"{' '.join(i.split())} => {' '.join(o.split())}" for i, o in rows)


def _bounded(where: str, found: Example) -> Example:
    check_input(found.input, where=f"{where}: the input")
    check_input(found.output, where=f"{where}: the output")
    if len(found.output) > MAX_OUTPUT_CHARS:
        raise TaskError(
            f"{where}: the output has {len(found.output):,} characters, expected at most {MAX_OUTPUT_CHARS:,}. "
            f"Shorten it."
        )
    return found
