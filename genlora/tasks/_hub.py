"""Hub data sets through the optional `datasets` library: 'NAME?input=question&output=answer&split=train'."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from genlora.errors import ConfigError, TaskError
from genlora.extras import require_extra

from ._build import MAX_INPUT_CHARS, clean_examples, guess_metric, safe_name, with_label_set
from ._examples import COLUMNS
from ._task import Example, Task

MAX_ROWS = 100_000

_OPTIONS = ("config", "split", "input", "output", "description")


def read_hub(spec: str, *, load: Callable[..., Any] | None = None) -> Task:
    """One task of a hub data set, or of a local folder that `datasets.load_dataset` reads.

    `spec` is NAME or NAME?input=COL&output=COL&split=train&config=NAME&description=TEXT. Class labels become their
    names. At most 100,000 rows are read; inputs over 2,000 characters are left out. Needs the extra `hub`
    (`MissingExtraError`); no code of the data set is run.
    """
    name, options = parse_hub_spec(spec)
    load = load or _loader()
    try:
        data = load(name, options.get("config"), split=options.get("split", "train"))
    except Exception as err:  # whatever the hub library raises: network, missing set, missing split
        raise TaskError(
            f"hub:{name}: cannot be loaded ({type(err).__name__}: {_line(err)}). Check the name and split."
        ) from err
    input_column, output_column = _columns(name, list(data.column_names), options)
    labels = getattr(data.features.get(output_column), "names", None) if data.features else None
    kept = clean_examples(_examples(islice(data, MAX_ROWS), input_column, output_column, labels))
    if not kept:
        raise TaskError(f"hub:{name}: no usable row in columns {input_column!r} and {output_column!r}.")
    kept = with_label_set(kept)
    title = safe_name(name.rstrip("/").split("/")[-1])
    info = getattr(data, "info", None)
    return Task(
        name=title,
        descriptions=(options["description"],) if "description" in options else (),
        examples=kept,
        family="hub",
        parent=title,
        metric=guess_metric(kept),
        source=f"hub:{name}",
        licence=getattr(info, "license", "") or "unknown",
    )


def parse_hub_spec(spec: str) -> tuple[str, dict[str, str]]:
    """Name and options of a hub spec. Raises `ConfigError` for an option that is not known."""
    name, _, query = spec.partition("?")
    options = dict(parse_qsl(query, keep_blank_values=False))
    unknown = options.keys() - set(_OPTIONS)
    if unknown or not name:
        raise ConfigError(
            f"hub:{spec}: {min(unknown, default='the name')!r} is not understood, "
            f"expected NAME?{'&'.join(o + '=' for o in _OPTIONS)}"
        )
    return name, options


def _loader() -> Callable[..., Any]:
    require_extra("hub", "datasets", what="a hub's data set")
    from datasets import load_dataset

    return load_dataset


def _columns(name: str, there: list[str], options: Mapping[str, str]) -> tuple[str, str]:
    default = next(((i, o) for i, o in COLUMNS if i in there and o in there), (None, None))
    found = (options.get("input", default[0]), options.get("output", default[1]))
    if found[0] not in there or found[1] not in there:
        raise TaskError(
            f"hub:{name}: columns {list(found)}, found {there}. Name them: hub:{name}?input=COLUMN&output=COLUMN"
        )
    return str(found[0]), str(found[1])


def _examples(
    rows: Iterable[Mapping[str, Any]], input_column: str, output_column: str, labels: Any
) -> Iterable[Example]:
    for row in rows:
        text, value = row[input_column], row[output_column]
        if labels and isinstance(value, int):
            if not 0 <= value < len(labels):
                continue  # -1 is the hub's mark for a hidden label
            value = labels[value]
        answers = tuple(str(v).strip() for v in (value if isinstance(value, list) else [value]) if v is not None)
        if isinstance(text, str) and text.strip() and len(text) <= MAX_INPUT_CHARS and answers and answers[0]:
            yield Example(text.strip(), answers[0], answers)


def _line(err: Exception) -> str:
    return (str(err).strip().splitlines() or [""])[0][:200]
