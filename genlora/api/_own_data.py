"""`evaluate` on a user's own examples: the base and an adapter on it answer the same questions."""

from collections.abc import Callable
from pathlib import Path

from genlora.adapter import AdapterFiles
from genlora.descriptions import check_description
from genlora.errors import ConfigError, GenloraError, TaskError
from genlora.evaluate import (
    Answered,
    OwnDataResult,
    UnitResult,
    WholeFile,
    answer_as_is,
    compare_on_own_data,
    own_data_markdown,
    own_data_plot,
    predictions_file,
    whole_file,
    with_report,
)
from genlora.progress import Progress, silent
from genlora.tasks import Example, PromptFormat, read_examples
from genlora.versions import versions

from ._receipt import read_receipt
from ._run import Runner, check_input


def evaluate_adapter(
    adapter: Path,
    data: Path,
    *,
    description: str | None = None,
    base: str | None = None,
    device: str = "cpu",
    examples: int | None = None,
    force: bool = False,
    progress: Progress = silent,
    on_step: Callable[[str], None] = lambda _: None,
) -> OwnDataResult:
    """Does the adapter work on these examples? Greedy answers of the base, the described base, and the adapter, which
    is asked as its `prompt.json` says and, where that is more than the input, with the input alone too.

    Args:
        adapter: a folder that `genlora generate` wrote, or another portable adapter.
        data: JSON Lines of {"input", "output"}, optionally `accepted` and `choices`; nothing of it is trained on.
        description: for the described base; by default the one in the adapter's receipt, where there is one.
        base: a source; by default the base the adapter names.
        device: cpu, cuda or cuda:N.
        examples: how many of the file's examples are used, from the top; all when None.
        force: use an adapter that was made for another base.
        progress: told about downloads.
        on_step: told what is being answered.

    Raises `TaskError` for data that cannot be used, `BaseMismatchError` for another base.
    """
    task = _read(data, examples)
    told = check_description(description) if description is not None else described_by(adapter)
    runner = Runner.open(adapter, base=base, device=device, force=force, progress=progress)

    def answer(way: str, asked: PromptFormat, adapted: bool) -> Answered:
        on_step(way)
        with runner.attached(adapted=adapted):
            return answer_as_is(
                runner.base,
                task,
                task.examples,
                description=asked.description,
                shots=[Example(shown, answered) for shown, answered in asked.examples],
                form=asked.answer_form,
            )

    return compare_on_own_data(task, told, answer, prompt=runner.prompt)


def _read(data: Path, examples: int | None) -> WholeFile:
    found = read_examples(data)
    task = whole_file(found, examples)
    if len(task.examples) < 2:
        raise TaskError(f"{data}: {len(task.examples)} example, expected two or more; 100 tell something.")
    for i, e in enumerate(task.examples, 1):
        check_input(e.input, where=f"{data}: example {i}")
    return task


def described_by(adapter: Path) -> str | None:
    """The description an adapter was generated from, by its receipt; None where there is none."""
    if not (adapter / AdapterFiles.RECEIPT).is_file():
        return None
    try:
        text = read_receipt(adapter / AdapterFiles.RECEIPT)["request"]["description"]
        return None if text is None else check_description(text)
    except (KeyError, TypeError):
        return None
    except GenloraError as err:
        raise ConfigError(f"{err} Or give the description yourself: --description TEXT") from err


def own_data_files(result: OwnDataResult, *, adapter: str) -> dict[str, bytes]:
    """report.md, report.json, predictions and a plot."""
    units = [
        UnitResult(way.replace(" ", "-"), result.task, "one", None, 0, {}, rows) for way, rows in result.answers.items()
    ]
    body = {"adapter": adapter, **result.to_json(), "versions": versions()}
    files = {
        "report.md": own_data_markdown(result, adapter=adapter, plot="scores.png").encode(),
        "predictions.jsonl.gz": predictions_file(units),
        "scores.png": own_data_plot(result),
    }
    return with_report(files, body)
