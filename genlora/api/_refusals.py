"""Measuring an adapter's refusal drift on its base; the figure is kept beside the receipt."""

from pathlib import Path

from genlora.adapter import AdapterFiles
from genlora.files import atomic_write, canonical_json, sha256_file
from genlora.policy import REFUSALS_FORMAT, RefusalDrift, refusal_prompts
from genlora.progress import Progress, silent
from genlora.versions import versions

from ._marks import read_format
from ._run import Runner

MAX_NEW_TOKENS = 48


def measure_refusals(
    adapter: Path,
    *,
    base: str | None = None,
    device: str = "cpu",
    force: bool = False,
    write: bool = True,
    progress: Progress = silent,
) -> RefusalDrift:
    """How often the base declines harmful requests, alone and with the adapter; greedy answers, 48 tokens each.

    Args:
        adapter: a portable adapter folder.
        base: a source; by default the base the adapter names.
        device: cpu, cuda or cuda:N.
        force: use an adapter that was made for another base.
        write: keep the figure as `refusals.json` in the folder, bound to the weights by their digest. The receipt is
            not touched, and `verify` knows the file.
        progress: told about downloads.

    Raises `BaseMismatchError` for another base, `ManifestError` where a file of that name is something else, and
    `StorageError` where the figure cannot be written.
    """
    if write and (adapter / AdapterFiles.REFUSALS).is_file():
        read_format(adapter / AdapterFiles.REFUSALS)
    prompts = refusal_prompts()
    runner = Runner.open(adapter, base=base, device=device, force=force, prompt="bare", progress=progress)
    answers = runner.answer(prompts.texts, compare=True, max_new_tokens=MAX_NEW_TOKENS)
    drift = RefusalDrift.of([a.base or "" for a in answers], [a.output for a in answers])
    if write:
        body = {
            "format": REFUSALS_FORMAT,
            **drift.to_json(),
            "adapter": sha256_file(adapter / AdapterFiles.WEIGHTS),
            "base": runner.base.fingerprint.id,
            "prompts": prompts.sha256,
            "versions": versions(),
        }
        atomic_write(adapter / AdapterFiles.REFUSALS, canonical_json(body))
    return drift
