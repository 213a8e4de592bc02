"""A trained adapter as a folder: PEFT files, prompt, card and receipt."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from genlora.adapter import AdapterFiles, AdapterState, BaseLayout, peft_files
from genlora.base import Fingerprint
from genlora.files import canonical_json, publish_folder
from genlora.tasks import PromptFormat
from genlora.versions import versions

from .._bundle import bundle_files, prompt_part
from .._own_files import hold_interrupts, own_adapter
from .._receipt import seal


def write_trained(
    folder: Path,
    state: AdapterState,
    layout: BaseLayout,
    fingerprint: Fingerprint,
    *,
    how: str,
    told: Mapping[str, Any],
    description: str,
    described: bool,
    licences: Sequence[str],
    seed: int,
    force: bool,
) -> None:
    """Write `state` as an adapter folder whose receipt says under `how` what `told` holds.

    Raises `StorageError` where the disk refuses or `folder` holds what genlora did not write, `AdapterShapeError` for a
    rank that no portable adapter has.
    """
    prompt = PromptFormat.of(description, described=described)
    identity = json.dumps(fingerprint.to_json(), sort_keys=True, separators=(",", ":"))
    body = {
        "request": {"description": description, "generator": how, "seed": seed},
        "bundle": prompt_part(prompt),
        "neighbours": [],
        "made_by": {how: json.loads(canonical_json(dict(told)))},
        "licences": {"base": layout.licence, "neighbours": [], "training": sorted(licences)},
        "warnings": [],
        "fingerprint": layout.fingerprint,
        "base": {"name": layout.name, "architecture": layout.architecture, "identity": identity},
        "versions": versions(),
    }
    files = {**peft_files(state, layout), **bundle_files(body, prompt)}
    files[AdapterFiles.RECEIPT] = canonical_json(seal(body, files))
    with hold_interrupts():
        publish_folder(files, folder, replace=own_adapter if force else None)
