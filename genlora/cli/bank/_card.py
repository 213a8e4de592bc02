"""An expert's card on a terminal: facts, then the size of its update layer by layer as bars."""

from typing import Any

import click

from .._show import say
from .._text import plain

_BARS = 20


def card_facts(card: dict[str, Any]) -> list[tuple[str, str]]:
    """Label and text of every fact, in order."""
    rank = f"{card['rank']} (effective {card['effective_rank']:.1f} on average)"
    facts = [
        ("does", card["descriptions"][0]),
        ("also said as", f"{len(card['descriptions']) - 1} other ways" if len(card["descriptions"]) > 1 else ""),
        ("family", card["family"]),
        ("variant of", card["parent"] if card["parent"] != card["name"] else ""),
        ("source", card["source"]),
        ("base", f"{card['base']['name']} ({card['base']['fingerprint'][:12]}), {card['base']['licence']}"),
        ("licence", card["licence"]),
        ("gain over base", _gain(card["gain"])),
        ("has seen", ", ".join(card["saw"]) or "no public benchmark"),
        ("rank", rank),
        ("changes", ", ".join(card["targets"])),
        ("codec", _codec(card["metrics"])),
        ("method", _method(card)),
        ("update norm", f"{card['update_norm']:.3g} (Frobenius, all modules)"),
        ("new directions", _intruders(card["diagnosis"])),
        ("made by", _flat(card["provenance"])),
        ("stored as", f"{card['blob'][:16]}..., generation {card['generation']}"),
    ]
    return [(label, text) for label, text in facts if text]


def _gain(gain: dict[str, Any] | None) -> str:
    if not gain or not {"own", "base"} <= set(gain):
        return "not measured"
    text = f"{100 * (gain['own'] - gain['base']):+.1f} points"
    if gain.get("interval"):
        low, high = gain["interval"]
        text += f" [{100 * low:+.1f}, {100 * high:+.1f}] at {100 * gain.get('confidence', 0.9):.0f} %"
    text += f": {100 * gain['own']:.1f} against {100 * gain['base']:.1f}"
    if "majority" in gain:
        text += f", majority answer {100 * gain['majority']:.1f}"
    return text + (f", on {gain['n']} held-out examples" if "n" in gain else "")


def _intruders(found: dict[str, Any] | None) -> str:
    if not found or found.get("intruders") is None:
        return ""
    return (
        f"{found['intruders']} intruder dimensions in {found['modules']} modules (of the {found['k']} strongest "
        f"directions each, cosine below {found['eps']:g}); {found['relative_norm']:.2%} of the weights' size"
    )


def _codec(metrics: dict[str, Any]) -> str:
    if "codec" not in metrics:
        return ""
    return f"{metrics['codec']}, {metrics.get('codec_error', 0):.2%} off the trained update"


def _method(card: dict[str, Any]) -> str:
    """How an expert was trained, if otherwise than by plain LoRA, what storing it lost, and what a step cost."""
    made, told = card["provenance"].get("method"), card["metrics"].get("method", {})
    if not made:
        return ""
    names = [made["init"], made["structure"], *made["rules"], made["allocate"]]
    text = " + ".join(n for n in names if n not in ("common", "lora", "adamw", "uniform")) or "lora"
    text += f": {told['conversion_error']:.2%} lost as a plain LoRA, {told['trained_numbers']:,} numbers trained"
    if "native" in told:
        text += f"; what was trained is kept in the run folder, {told['native']}"
    if "step_time_ratio" in told:
        text += f", a step took {told['step_time_ratio']:.2f} times plain LoRA's"
    return text + (f"; {told['note']}" if told.get("note") else "")


def _flat(value: dict[str, Any], prefix: str = "") -> str:
    parts = []
    for key, item in sorted(value.items()):
        parts.append(_flat(item, f"{prefix}{key}.") if isinstance(item, dict) else f"{prefix}{key} {item}")
    return ", ".join(p for p in parts if p)


def bar_lines(card: dict[str, Any]) -> list[str]:
    """One line a layer: its projections' norms as bars of one scale."""
    leaves = sorted({key for layer in card["layers"] for key in layer if key != "layer"})
    top = max((layer.get(leaf, 0.0) for layer in card["layers"] for leaf in leaves), default=0.0) or 1.0
    lines = [" " * 6 + "".join(f"{leaf:<{_BARS + 8}}" for leaf in leaves).rstrip()]
    for layer in card["layers"]:
        cells = [f"{'█' * round(layer.get(f, 0.0) / top * _BARS):<{_BARS}} {layer.get(f, 0.0):<7.3g}" for f in leaves]
        lines.append(f"{layer['layer']:>4}  " + "".join(cells).rstrip())
    return lines


def draw_card(card: dict[str, Any]) -> None:
    """The card: a rich table on a terminal, plain lines otherwise."""
    import sys

    facts, bars = card_facts(card), bar_lines(card)
    if sys.stdout.isatty():
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(title=Text(plain(card["name"]), style="bold"), show_header=False, title_justify="left")
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold")
        for label, text in facts:
            table.add_row(label, Text(plain(text)))
        Console().print(table)
    else:
        say(card["name"])
        for label, text in facts:
            say(f"{label + ':':<16}{text}")
    click.echo("size of the update, by layer:")
    for line in bars:
        say(line)
