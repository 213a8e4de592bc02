"""What was measured on this machine's processor, kept in the cache: the next start need not measure again."""

import logging
import platform
from pathlib import Path
from typing import Any

import torch

from genlora.cache import MEASURED_FORMAT, cache_dir, seal_json, sealed_json
from genlora.errors import GenloraError
from genlora.files import atomic_write, canonical_json, sha256_bytes

log = logging.getLogger(__name__)


def kept_at(what: Any) -> Path:
    """Where a measurement of `what` (JSON) is kept for this processor, torch and number of threads."""
    where = [processor(), torch.__version__, torch.backends.cpu.get_cpu_capability(), torch.get_num_threads()]
    return cache_dir() / "measured" / f"{sha256_bytes(canonical_json([what, *where]))}.json"


def read_kept(path: Path) -> Any:
    """What `keep` wrote, or None."""
    try:
        return sealed_json(path, MEASURED_FORMAT)["found"]
    except (GenloraError, KeyError):
        return None


def keep(path: Path, found: Any) -> None:
    """Keep what was found (JSON); a cache that cannot be written only costs time."""
    try:
        atomic_write(path, seal_json({"found": found}, MEASURED_FORMAT), durable=False)
    except GenloraError as err:
        log.info("what was measured is not kept: %s", err)


def processor() -> str:
    """The processor's name, as far as the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
