"""What the engine counts."""

from dataclasses import dataclass

COUNTS = (
    *("requests", "refused", "finished", "failed", "cancelled"),
    *("prompt_tokens", "shared_tokens", "generated_tokens", "prompt_steps", "decode_steps"),
)
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
    shared_tokens: int
    """Prompt tokens whose keys and values were taken over from an earlier prompt of the same adapter."""
    generated_tokens: int
    prompt_steps: int
    decode_steps: int
    cache_bytes: int
    prefix_bytes: int
    """Keys and values of beginnings that are kept."""
    slot_bytes: int
