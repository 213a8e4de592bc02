"""Merging an adapter into a fresh copy of its base, verified before anything is kept.

Fresh base; layer by layer in float32; stored in the backend's form; saved before any forward; compared with the base
and adapter side by side; read back and compared again. The base's own files are never written to.
"""

import hashlib
import importlib.metadata
import itertools
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn

from genlora.adapter import AdapterState, BaseLayout, attached
from genlora.base import (
    Backend,
    backend_named,
    base_files,
    check_device,
    check_widths,
    finer_than,
    fingerprint,
    load_tokenizer,
    refuse_quantised,
    tensor_headers,
    weight_name,
)
from genlora.errors import ConfigError, MergeError, StorageError
from genlora.files import canonical_json, fsync_folder, old_files, put_folder, sha256_bytes, sha256_file, storage_errors
from genlora.progress import Progress, silent

from ._probe import (
    CALIBRATION_TEXTS,
    POSITIONS,
    PROBE_TEXTS,
    Drift,
    ProbeOutputs,
    ProbeSet,
    Text,
    compare,
    input_grams,
    probe_set,
    run_probe,
)
from ._report import PLOT, REPORT, MergeReport, own_merge, plot
from ._routes import Route, Source, route_for

log = logging.getLogger(__name__)

_CALIBRATION = 2000


def _digests(files: Sequence[Path]) -> dict[str, str]:
    return {p.name: sha256_file(p) for p in sorted(files) if p.is_file()}


def _adapter_digest(state: AdapterState) -> str:
    digest = hashlib.sha256()
    for path, pair in state.folded().items():
        for factor in (pair.a, pair.b):
            digest.update(f"{path} {tuple(factor.shape)}".encode())
            digest.update(factor.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _usable(state: AdapterState, layout: BaseLayout) -> AdapterState:
    """The pairs that change anything, checked against the layout. A zero-filled pair must not cost a rounding."""
    for path, pair in state.items():
        spec = layout.by_path.get(path)
        if spec is None or (spec.d_in, spec.d_out) != (pair.d_in, pair.d_out):
            expected = "no such module" if spec is None else f"(d_in, d_out) = ({spec.d_in}, {spec.d_out})"
            raise MergeError(
                f"{path}: the adapter's update is ({pair.d_in}, {pair.d_out}), the base {layout.name} has {expected}. "
                "Was it trained on another base?"
            )
        if not all(bool(torch.isfinite(f).all()) for f in (pair.a, pair.b)):
            raise MergeError(f"{path}: the adapter holds NaN or infinity. Nothing was merged; check how it was made.")
    # By the product: both factors can be non-zero in directions that never meet.
    kept = AdapterState({p: x for p, x in state.items() if bool(x.delta().any())})
    if not kept:
        raise MergeError("the adapter is zero everywhere, so there is nothing to merge. Check how it was made.")
    return kept


def _publish(stage: Path, out: Path, replace: bool) -> None:
    with storage_errors(out):
        stage.chmod(0o755)
        for file in stage.iterdir():
            file.chmod(0o644)
            with file.open("rb") as f:
                os.fsync(f.fileno())
        fsync_folder(stage)
        put_folder(stage, out, old_files(out, own_merge if replace else None))
        fsync_folder(out.parent)


def refuse_inside(out: Path, *sources: Path) -> None:
    """Raise `StorageError` if `out` is, or holds, something that is read: replacing it would delete that."""
    target = out.resolve()
    for source in sources:
        found = source.resolve()
        if target in (found, *found.parents):
            raise StorageError(
                f"{out}: holds {source}, which is merged from, and would replace it. Choose another folder."
            )


@contextmanager
def _stage_for(out: Path, replace: bool) -> Iterator[Path]:
    """A temporary folder beside `out`; gone afterwards unless it was published."""
    old_files(out, own_merge if replace else None)
    with storage_errors(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        stage = Path(tempfile.mkdtemp(prefix=".genlora-merge-", dir=out.parent))
    try:
        yield stage
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def _finer(backend: Backend, base_path: Path, state: AdapterState) -> str:
    """The next finer form than `backend` for this base; empty where there is none."""
    if backend.name == "none":
        headers = tensor_headers(base_path)
        if all(headers[weight_name(headers, path)].dtype == "F32" for path in state):
            return ""
    return finer_than(backend)


class _Clock:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, step: str) -> None:
        now = time.perf_counter()
        self.seconds[step] = round(now - self._last, 3)
        self._last = now


def _versions(backend: Backend) -> dict[str, str]:
    names = ("genlora", "torch", "transformers", *backend.packages, *(("gguf",) if backend.family == "gguf" else ()))
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:  # run from a checkout that was never installed
        return "unknown"


def merge(
    base_path: Path,
    adapter_state: AdapterState,
    layout: BaseLayout,
    *,
    quantize: str,
    out: Path,
    device: str = "cpu",
    max_drift: float | None = None,
    merge_source: Source = "dequantized",
    calibrate: bool = True,
    gguf: Path | None = None,
    probe: Sequence[Text] = PROBE_TEXTS,
    positions: int = POSITIONS,
    replace: bool = False,
    progress: Progress = silent,
) -> MergeReport:
    """Write a merged, verified copy of the base with the adapter inside to the folder `out`.

    Args:
        base_path: a base folder with float weights (see `resolve_base`); it is only read.
        adapter_state: the update, for modules of `layout`.
        layout: the base's layout (see `layout_of`).
        quantize: a name of `BACKENDS`.
        out: made whole or not at all.
        device: cpu, cuda or cuda:N.
        max_drift: largest accepted share of the adapter's own effect; the backend's default when None.
        merge_source: add the update to the `dequantized` weights, beside which the adapter sits when it is served on
            the quantised base, or to the `original` float weights.
        calibrate: choose levels so that outputs stay true (`round_calibrated`) instead of rounding to the nearest.
        gguf: the base's own GGUF file, for `gguf-...`.
        probe: (input, reply) pairs on which models are compared; they are never calibrated on.
        positions: how many positions of them are compared at most.
        replace: whether a merged model that genlora wrote to `out` before is replaced once the new one stands.
        progress: told about each step.

    Raises `MergeError` where the form is refused or the result does not verify, `ConfigError`, `MissingExtraError`,
    `BaseError`, `BaseMismatchError` or `StorageError`.
    """
    clock = _Clock()
    backend = backend_named(quantize)
    limit = backend.max_drift if max_drift is None else max_drift
    if not 0 < limit < 1:
        raise ConfigError(f"--max-drift is {limit}; expected a share above 0 and below 1, such as 0.05.")
    if merge_source not in get_args(Source):
        raise ConfigError(f"the merge source {merge_source!r} is not known; choose dequantized or original.")
    check_device(device)
    refuse_inside(out, base_path, *(() if gguf is None else (gguf,)))
    refuse_quantised(base_path)
    check_widths(backend, layout)
    state = _usable(adapter_state, layout)
    route, files = route_for(base_path, layout, state, backend, device, merge_source, gguf, progress)
    with _stage_for(out, replace) as stage:
        before = _digests(files)
        clock.lap("check")
        checker = _Checker(base_path, state, probe, positions, limit, progress, _finer(backend, base_path, state))
        grams = checker.reference(route, calibrate=calibrate and backend.family != "float")
        clock.lap("reference")
        errors, merged = route.merge(stage, state, grams)
        clock.lap("merge and save")
        drift = None if merged is None else checker.compare(merged, f"merge into {backend.name}")
        del merged
        progress("reloading", 0, 0)
        reloaded = checker.compare(route.reload(stage), f"merge into {backend.name}, saved and read back")
        clock.lap("verify and reload")
        if (after := _digests(files)) != before:
            changed = sorted(k for k in before if after.get(k) != before[k])
            raise MergeError(
                f"{base_path}: {', '.join(changed)} changed during the merge. Is another program writing there?"
            )
        for file in base_files(base_path).others:
            if not (stage / file.name).exists():
                shutil.copyfile(file, stage / file.name)
        clock.lap("digests")
        picture = plot(errors, reloaded, f"{layout.name}, merged into {backend.name}")
        report = MergeReport(
            folder=out,
            backend=backend.name,
            layout=layout,
            base_fingerprint=fingerprint(base_path),
            base_digests=before,
            adapter_digest=_adapter_digest(state),
            source=merge_source,
            calibrated=bool(grams),
            device=device,
            max_drift=limit,
            drift=drift or reloaded,
            reloaded=reloaded,
            layers=tuple(errors),
            files=_digests(list(stage.iterdir())),
            picture=sha256_bytes(picture),
            versions=_versions(backend),
            seconds=clock.seconds,
        )
        with storage_errors(out):
            (stage / PLOT).write_bytes(picture)
            (stage / REPORT).write_bytes(canonical_json(report.to_json()))
        _publish(stage, out, replace)
    log.info("merged into %s: drift %.4f, agreement %.4f", backend.name, reloaded.share, reloaded.agreement)
    return report


class _Checker:
    """Holds what base, and base with adapter, say on the probes, and compares merged models with it."""

    def __init__(
        self,
        base_path: Path,
        state: AdapterState,
        texts: Sequence[Text],
        positions: int,
        limit: float,
        progress: Progress,
        finer: str,
    ) -> None:
        tokenizer = load_tokenizer(base_path)
        self._probes = probe_set(tokenizer, texts, positions=positions)
        self._calibration = probe_set(tokenizer, CALIBRATION_TEXTS, positions=_CALIBRATION)
        self._state, self._limit, self._progress, self._finer = state, limit, progress, finer
        self._base: ProbeOutputs | None = None
        self._with_adapter: ProbeOutputs | None = None

    def reference(self, route: Route, *, calibrate: bool) -> dict[str, Tensor]:
        """Probe a fresh base without and with the adapter; returns the Gram matrices of its inputs."""
        step = self._steps("base and adapter", self._probes, self._probes, *[self._calibration] * calibrate)
        model = route.reference()
        self._base = run_probe(model, self._probes, step=step)
        with attached(model, self._state, dtype=torch.float32):
            self._with_adapter = run_probe(model, self._probes, step=step)
            return input_grams(model, self._state, self._calibration, step=step) if calibrate else {}

    def compare(self, model: nn.Module, what: str) -> Drift:
        """The drift of `model`; raises `MergeError` where it exceeds the limit."""
        if self._base is None or self._with_adapter is None:
            raise MergeError("compare was called before reference.")
        step = self._steps("comparing", self._probes)
        drift = compare(self._base, self._with_adapter, run_probe(model, self._probes, step=step))
        drift.check(self._limit, what=what, finer=self._finer)
        return drift

    def _steps(self, what: str, *sets: ProbeSet) -> Callable[[], None]:
        """To be called after each sequence of the sets: tells how many are done."""
        total = sum(len(s.sequences) for s in sets)
        done = itertools.count(1)
        self._progress(what, 0, total)
        return lambda: self._progress(what, next(done), total)
