"""What a client is told of adapters and jobs."""

from typing import Any

from genlora.api import KeptAdapter, Label, Ticket, small_receipt
from genlora.bank import ExpertRecord
from genlora.mixture import Mixture

from ._errors import from_error


def label_card(label: Label) -> dict[str, Any]:
    """What is known of an adapter without its weights and receipt."""
    return {
        "id": label.id,
        "object": "genlora.adapter",
        "kind": label.kind,
        "name": label.name,
        "description": label.description,
        "created": label.created,
        "expires": label.expires,
    }


def kept_card(kept: KeptAdapter) -> dict[str, Any]:
    """Everything about an adapter but its weights; the receipt without what fills it (`format=receipt` has it all)."""
    receipt = kept.receipt
    made = {
        "expected_accuracy": receipt.get("expected_accuracy"),
        "advice": receipt.get("advice", {}),
        "prompt": receipt.get("prompt"),
        "prompt_format": kept.prompt.to_json(),
        "generator": receipt.get("request", {}).get("generator"),
        "neighbours": [{"name": n["name"], "weight": n["weight"]} for n in receipt.get("neighbours", ())],
        "warnings": list(kept.warnings),
        "receipt": small_receipt(receipt),
    }
    return {**label_card(kept.label), **made}


def expert_card(name: str, record: ExpertRecord) -> dict[str, Any]:
    """An expert of the bank."""
    return {
        "id": name,
        "object": "genlora.adapter",
        "kind": "expert",
        "descriptions": list(record.descriptions),
        "family": record.family,
        "source": record.source,
        "licence": record.licence,
        "rank": record.rank,
        "gain": record.gain,
    }


def mixture_card(mixture: Mixture) -> dict[str, Any]:
    """A mixture of the bank's experts."""
    return {
        "id": mixture.key,
        "object": "genlora.adapter",
        "kind": "mixture",
        "experts": list(mixture.names),
        "top_k": mixture.top_k,
        "rank": mixture.rank,
        "blocks": len(mixture.sites),
    }


def job_card(ticket: Ticket) -> dict[str, Any]:
    """A generation in the background."""
    failed = ticket.status == "failed" and isinstance(ticket.error, Exception)
    return {
        "id": ticket.id,
        "object": "genlora.job",
        "status": ticket.status,
        "stage": ticket.job.stage if ticket.status == "running" else None,
        "progress": 1.0 if ticket.status == "succeeded" else round(ticket.job.progress, 3),
        "created": ticket.created,
        "finished": ticket.finished,
        "adapter": ticket.job.id if ticket.status == "succeeded" else None,
        "error": from_error(ticket.error).body()["error"] if failed and isinstance(ticket.error, Exception) else None,
    }
