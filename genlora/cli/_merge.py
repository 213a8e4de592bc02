"""`genlora merge`: an adapter inside a (quantised) copy of its base, verified before it is kept."""

from pathlib import Path
from typing import Any

import click

from genlora.errors import ConfigError, TaskError

from ._progress import Show, progress_bars


def _texts(path: Path) -> list[tuple[str, str]]:
    """Probe texts, with their answers where all have one: a file of examples or of inputs. Raises `TaskError`."""
    from genlora.api import check_input
    from genlora.tasks import read_examples, read_inputs

    try:
        found = [(e.input, e.output) for e in read_examples(path).examples]
    except TaskError:  # perhaps inputs alone; if not, that reader says what is wrong
        found = [(text, "") for text in read_inputs(path)]
    for number, (text, _) in enumerate(found, 1):
        check_input(text, where=f"{path}: input {number}")
    return found


@click.command("merge", short_help="Merge an adapter into a (quantised) copy of its base")
@click.option("--adapter", required=True, type=click.Path(path_type=Path), help="The adapter's folder.")
@click.option(
    "--quantize",
    required=True,
    metavar="NAME",
    help="none, float32, int8, int4, nf4, gguf-f16, gguf-q8_0, gguf-q4_1 or gguf-q4_0; others are refused, with why.",
)
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Folder for the merged model.")
@click.option("--base", metavar="SOURCE", help="The base: pypi:, hf: or a path. [default: the one the adapter names]")
@click.option("--gguf-base", type=click.Path(path_type=Path), help="The base's own GGUF file, for gguf-... forms.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or cuda:N.")
@click.option("--max-drift", type=float, help="Fail above this share of the adapter's own effect, such as 0.05.")
@click.option(
    "--merge-source",
    type=click.Choice(["dequantized", "original"]),
    default="dequantized",
    show_default=True,
    help="Add the update to the base's weights as they are after quantisation, or before it.",
)
@click.option("--nearest", is_flag=True, help="Round each weight to the nearest value instead of calibrating.")
@click.option(
    "--probe",
    type=click.Path(path_type=Path),
    help="Own examples or inputs, in any usual form, to compare on.",
)
@click.option("--force", is_flag=True, help="Replace a merged model that exists, and nothing else.")
@click.option("--any-base", is_flag=True, help="Merge even if the adapter was made for another base.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def merge(
    adapter: Path,
    quantize: str,
    output: Path,
    base: str | None,
    gguf_base: Path | None,
    device: str,
    max_drift: float | None,
    merge_source: str,
    nearest: bool,
    probe: Path | None,
    force: bool,
    any_base: bool,
    as_json: bool,
) -> None:
    """Merge an adapter into a (quantised) copy of its base.

    The copy is compared with base and adapter side by side, saved, read back and compared again; nothing is kept
    that differs by more than --max-drift. The base itself is not touched.
    """
    from genlora.base import backend_named

    backend = backend_named(quantize)  # refuses by name before anything is fetched
    texts = None if probe is None else _texts(probe)
    with progress_bars() as steps:
        report = _run(
            adapter,
            base,
            gguf_base,
            any_base,
            steps,
            quantize=backend.name,
            out=output,
            device=device,
            max_drift=max_drift,
            merge_source=merge_source,
            calibrate=not nearest,
            replace=force,
            **({} if texts is None else {"probe": texts}),
        )
    if as_json:
        import json

        click.echo(json.dumps(report.to_json() | {"folder": str(output), "seconds": report.seconds}, indent=2))
    else:
        click.echo(report.summary())


def _run(adapter: Path, source: str | None, gguf_base: Path | None, any_base: bool, steps: Show, **options: Any) -> Any:
    from genlora.adapter import load_adapter
    from genlora.api import adapters_base, check_made_for
    from genlora.base import fingerprint, gguf_file, layout_of, resolve_base
    from genlora.merge import merge as merge_into
    from genlora.merge import refuse_inside

    if not adapter.is_dir():
        found = "is a file" if adapter.exists() else "no such folder"
        raise ConfigError(f"{adapter}: {found}. Expected an adapter's folder, such as genlora generate writes.")
    refuse_inside(options["out"], adapter)
    source = source or adapters_base(adapter)
    path = resolve_base(source, progress=steps)
    layout, found = layout_of(path), fingerprint(path)
    check_made_for(adapter, found, layout.name, force=any_base, flag="--any-base")
    # Judged above by the whole fingerprint: ids alone would refuse the same base stored in another type.
    state = load_adapter(adapter, layout, force=True)
    gguf = gguf_base
    if gguf is None and options["quantize"].startswith("gguf"):
        gguf = gguf_file(source, progress=steps)
    return merge_into(path, state, layout, gguf=gguf, progress=steps, **options)
