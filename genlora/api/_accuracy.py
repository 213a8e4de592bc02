"""Expected accuracy as a promise: refused below a bound, and said where it is low."""

from collections.abc import Mapping
from typing import Any

from genlora.errors import AccuracyError
from genlora.generators import Generated

from ._adapter import GeneratedAdapter

DOUBTFUL = 0.5
"""Below this expected accuracy a warning goes with the adapter."""


def accurate(made: GeneratedAdapter, least: float | None) -> GeneratedAdapter:
    """`made`, if it is expected to be right at least that often; else `AccuracyError`, with what would help."""
    expected = made.expected_accuracy
    told = {
        "expected_accuracy": None if expected is None else expected.to_json(),
        "advice": {what: e.to_json() for what, e in made.generated.advice.items()},
        "made_by": made.generated.made_by,
    }
    check_accuracy(told, least)
    return made


def check_accuracy(receipt: Mapping[str, Any], least: float | None) -> None:
    """Raise `AccuracyError` where a receipt expects an adapter to be right less often, or nothing."""
    expected = receipt.get("expected_accuracy")
    if least is None or (expected is not None and expected["value"] >= least):
        return
    if expected is None:
        raise AccuracyError(
            f"nothing is known of how often this adapter would be right, and at least {least:.2f} was asked for. "
            "Use --generator auto with a bank whose requests were measured (genlora train auto), or drop the bound."
        )
    helps = {what: float(e["value"]) for what, e in receipt.get("advice", {}).items()}
    raise AccuracyError(
        f"the adapter is expected to be right in {expected['value']:.2f} of cases ({expected['low']:.2f} to "
        f"{expected['high']:.2f}), and at least {least:.2f} was asked for. "
        + _what_helps(receipt.get("made_by", {}), helps)
    )


def accuracy_warnings(generated: Generated) -> tuple[str, ...]:
    """What to tell of a low expected accuracy, with what would help."""
    expected = generated.expected
    if expected is None or expected.value >= DOUBTFUL:
        return ()
    helps = {what: e.value for what, e in generated.advice.items()}
    return (
        f"expected accuracy is low: {expected.value:.2f} ({expected.low:.2f} to {expected.high:.2f}). "
        + _what_helps(generated.made_by, helps),
    )


def _what_helps(made_by: Mapping[str, Any], helps: Mapping[str, float]) -> str:
    if "fitted" in made_by:
        return "Give more examples, and ones like the inputs to come."
    told = "; ".join(f"{what}: about {value:.2f}" for what, value in helps.items())
    return f"What would help: {told}." if told else "Say the task in other words, or give examples of it."
