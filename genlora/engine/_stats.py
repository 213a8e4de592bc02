"""What the engine counts."""

from dataclasses import dataclass

COUNTS = (
    "requests", "refused", "finished", "failed", "cancelled", "prompt_tokens", "generated_tokens", "prompt_steps",
    "decode_steps",
)  # fmt: skip
"""Totals since the engine started."""


@dataclass(frozen=True)
class EngineStats:
    """What the engine does now, and what it has done since it started."""

    running: int
    waiting: int
    resident: tuple[str, ...]
    """Keys of the adapters in slots, least recently used first."""
    leased: int
    """How many of them running requests use."""
    loads: int
    evictions: int
    requests: int
    refused: int
    finished: int
    failed: int
    cancelled: int
    prompt_tokens: int
    generated_tokens: int
    prompt_steps: int
    decode_steps: int
    cache_bytes: int
    slot_bytes: int
