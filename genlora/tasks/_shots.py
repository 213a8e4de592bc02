"""Examples that a user writes on one line: `wolf => wolves`."""

from genlora.errors import TaskError
from genlora.files import parse_json

_ARROW = "=>"


def read_shot(text: str) -> tuple[str, str]:
    """(input, output) of `input => output`, or of a JSON object with these two. Raises `TaskError`.

    Of several arrows it cannot be known which is meant: then only JSON says it.
    """
    shown = text if len(text) <= 60 else f"{text[:59]}…"
    if text.lstrip().startswith("{") and _ARROW not in text:
        found = parse_json(text.encode(), where=f"example {shown!r}")
        if not isinstance(found, dict) or found.keys() != {"input", "output"}:
            raise TaskError(f"example {shown!r}: expected the keys input and output, and no others.")
        pair = (found["input"], found["output"])
    else:
        pair = tuple(part.strip() for part in text.split(_ARROW))
    if len(pair) != 2 or not all(isinstance(part, str) and part.strip() for part in pair):
        raise TaskError(
            f'example {shown!r}: expected INPUT => OUTPUT with one arrow, such as "wolf => wolves", or '
            '{"input": ..., "output": ...} where a text has an arrow or a line break in it.'
        )
    return pair
