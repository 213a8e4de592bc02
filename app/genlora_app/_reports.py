"""Scores, cards and merge reports as HTML; the same rules as in `_views`."""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from genlora.bank import ExpertRecord
from genlora.evaluate import OwnDataResult
from genlora.merge import MergeReport

from ._views import joined, shown
from ._words import percent, size

_WAYS = {
    "base": "Base",
    "base described": "Base, told the task",
    "adapter, bare": "With your adapter, the input alone",
    "adapter": "With your adapter",
}
"""What people read for each way of `compare_on_own_data`."""
_MOST_ROWS = 30


def bar(label: str, share: float, kind: str = "", note: str = "") -> Markup:
    """A labelled bar from 0 to 100 %."""
    return Markup(
        '<div class="gl-bar {kind}"><span>{label}</span><div><i '
        'style="width:{width:.1f}%"></i></div><b>{value}</b>{note}</div>'
    ).format(
        kind=kind,
        label=label,
        width=100 * max(0.0, min(1.0, share)),
        value=percent(share),
        note=Markup("<small>{}</small>").format(note) if note else "",
    )


def score_view(result: OwnDataResult) -> Markup:
    """Bars, a sentence, and what each said to each example."""
    bars = [bar(_WAYS[w], result.mean(w, "strict"), "gl-ours" if w == "adapter" else "") for w in result.answers]
    bars.append(bar(f"Always \u201c{shown(result.majority, 24)}\u201d", result.majority_strict))
    lenient = ", ".join(f"{_WAYS[w].lower()} {percent(result.mean(w, 'lenient'))}" for w in result.answers)
    ours, loosely = (result.mean("adapter", f) for f in ("strict", "lenient"))
    hint = ""
    if loosely >= ours + 0.2:
        hint = (
            f"Case, spaces and full stops aside, your adapter gets {percent(loosely)} right: it knows the content and "
            "misses the form."
        )
    rows = zip(result.answers["adapter"], result.answers["base"], strict=True)
    body = joined(
        Markup('<tr class="{mark}"><td>{asked}</td><td>{right}</td><td>{ours}</td><td>{base}</td></tr>').format(
            mark="gl-right" if a.strict >= 1 else "gl-wrong",
            asked=shown(a.input, 200),
            right=shown(" / ".join(a.expected), 120),
            ours=shown(a.answer, 160),
            base=shown(b.answer, 160),
        )
        for a, b in list(rows)[:_MOST_ROWS]
    )
    more = f"The first {_MOST_ROWS} of {result.n}." if result.n > _MOST_ROWS else ""
    return Markup(
        '<div class="gl-report"><p class="gl-lead">{verdict}</p><p>{hint}</p><div class="gl-bars">{bars}</div>'
        '<p class="gl-fine">Share of {n} examples answered exactly right. Leniently (case, spaces and full stops '
        "aside): "
        "{lenient}. Nothing was trained on your examples.</p><div "
        'class="gl-scroll"><table><thead><tr><th>Input</th><th>'
        "Right</th><th>With your adapter</th><th>Base</th></tr></thead><tbody>{body}</tbody></table></div>"
        '<p class="gl-fine">{more}</p></div>'
    ).format(hint=hint, verdict=result.verdict(), bars=joined(bars), n=result.n, lenient=lenient, body=body, more=more)


def score_json(result: OwnDataResult) -> dict[str, Any]:
    """The same for programs."""
    return result.to_json()


def bank_view(records: Sequence[ExpertRecord], colours: Mapping[str, str]) -> Markup:
    """A tile per expert: what it does and what it is worth."""
    if not records:
        return Markup('<p class="gl-empty">No expert fits. Try another word or family.</p>')
    tiles = joined(
        Markup(
            '<button type="button" class="gl-tile" data-expert="{name}"><span class="gl-family"><i '
            'style="--c:{colour}"></i>'
            "{family}</span><strong>{about}</strong><small>{name}</small>{gain}</button>"
        ).format(
            name=r.name,
            colour=colours.get(r.family, "#8b9099"),
            family=r.family or "no family",
            about=shown(r.description, 90),
            gain=_small_gain(r.gain),
        )
        for r in records
    )
    return Markup('<p class="gl-fine">{n} experts</p><div class="gl-tiles">{tiles}</div>').format(
        n=len(records), tiles=tiles
    )


def _small_gain(gain: Mapping[str, Any] | None) -> Markup:
    if not gain:
        return Markup('<span class="gl-fine">never measured</span>')
    own, base = float(gain["own"]), float(gain["base"])
    return Markup(
        '<span class="gl-gain" role="img" aria-label="base {base}, expert {own}"><i '
        'style="width:{width:.0f}%"></i></span>'
        '<span class="gl-fine">{base} \u2192 <b>{own}</b></span>'
    ).format(width=100 * own, base=percent(base), own=percent(own))


def card_view(card: Mapping[str, Any]) -> Markup:
    """One expert: descriptions, gain, samples, and how large its update is in each layer."""
    first, *others = card["descriptions"]
    gain = card["gain"]
    parts = [
        Markup(
            '<h3>{name}</h3><p class="gl-lead">{first}</p><button type="button" class="gl-chip gl-try" '
            'data-try="{first}">Try this</button>'
        ).format(name=card["name"], first=first),
    ]
    if gain:
        low, high = (100 * float(x) for x in gain["interval"])
        bars = bar("Base", float(gain["base"])) + bar("Most frequent answer", float(gain["majority"]))
        parts.append(
            Markup(
                '<div class="gl-bars">{bars}</div><p class="gl-fine">Held-out, {n} examples; the gain over the '
                "base lies "
                "between {low:+.0f} and {high:+.0f} points ({confidence:.0f} %).</p>"
            ).format(
                bars=bars + bar("Expert", float(gain["own"]), "gl-ours"),
                n=gain["n"],
                low=low,
                high=high,
                confidence=100 * float(gain.get("confidence", 0.95)),
            )
        )
    samples = [s for s in card["metrics"].get("samples", []) if isinstance(s, dict)][:4]
    if samples:
        rows = joined(
            Markup("<tr><td>{i}</td><td>{o}</td></tr>").format(
                i=shown(str(s.get("input", "")), 160), o=shown(str(s.get("output", "")), 120)
            )
            for s in samples
        )
        parts.append(
            Markup(
                '<div class="gl-scroll"><table><thead><tr><th>Input</th><th>Right '
                "answer</th></tr></thead><tbody>{}</tbody>"
                "</table></div>"
            ).format(rows)
        )
    parts.append(_moved_view(card["provenance"].get("transferred")))
    parts.append(_layers(card["layers"]))
    facts = {
        "Family": card["family"],
        "Source": card["source"],
        "Licence": card["licence"],
        "Rank": card["rank"],
        "Effective rank": card["effective_rank"],
        "Update norm": card["update_norm"],
        "Saw public benchmarks": ", ".join(card["saw"]) or "none",
    }
    rows = joined(Markup("<dt>{}</dt><dd>{}</dd>").format(k, v) for k, v in facts.items())
    parts.append(Markup('<dl class="gl-facts">{}</dl>').format(rows))
    if others:
        items = joined(Markup("<li>{}</li>").format(d) for d in others)
        parts.append(
            Markup("<details><summary>{n} other ways to ask for it</summary><ul>{items}</ul></details>").format(
                n=len(others), items=items
            )
        )
    return Markup('<div class="gl-card">{}</div>').format(joined(parts))


def _moved_view(moved: Any) -> Markup:
    """Of an expert that came from another base: the verdict, and what was made up for it. A card is anybody's, so what
    does not look like a transfer's report shows nothing.
    """
    match moved:
        case {
            "source": str(source),
            "filter": str(how),
            "counts": {"kept": int(kept), "asked": int(asked)},
            "agreement": {"share": int() | float() | None as share, "rows": int(n)},
            "shown": {"kept": [*kept_rows], "rejected": [*rejected]},
        }:
            pass
        case {"source": str(source), "method": "project"}:
            return Markup('<p class="gl-fine">Moved from {} by its weights alone; nothing was trained.</p>').format(
                source
            )
        case _:
            return Markup("")
    rows = [
        Markup("<tr><td>{}</td><td>{}</td></tr>").format(shown(str(i), 160), shown(str(o), 120))
        for i, o in (r for r in kept_rows if isinstance(r, list) and len(r) == 2)
    ]
    rows += [
        Markup('<tr class="gl-wrong"><td>{}</td><td>rejected</td></tr>').format(shown(str(t), 160)) for t in rejected
    ]
    return Markup(
        '<p class="gl-lead">Moved from {source}: it says what the expert said there on {share} of {n} made-up inputs '
        'that it was not trained on.</p><p class="gl-fine">How right it is on real inputs is not known from here. '
        "{kept} inputs kept of {asked} written, filtered by {how}.</p>"
        '<div class="gl-scroll"><table><thead><tr><th>Made-up input</th><th>What the expert answered</th></tr></thead>'
        "<tbody>{rows}</tbody></table></div>"
    ).format(
        source=source,
        share="an unknown share" if share is None else percent(share),
        n=n,
        kept=kept,
        asked=asked,
        how=how,
        rows=joined(rows),
    )


def _layers(layers: Sequence[Mapping[str, Any]]) -> Markup:
    names = [k for k in (layers[0] if layers else {}) if k != "layer" and any(float(x.get(k, 0)) > 0 for x in layers)]
    top = max((float(x[k]) for x in layers for k in names if k in x), default=0.0)
    if top <= 0:
        return Markup("")
    columns = joined(
        Markup('<span title="layer {layer}: {text}">{bars}</span>').format(
            layer=x["layer"],
            text=", ".join(f"{k} {x.get(k, 0)}" for k in names),
            bars=joined(
                Markup('<i class="gl-p{i}" style="height:{h:.1f}%"></i>').format(i=i, h=100 * float(x.get(k, 0)) / top)
                for i, k in enumerate(names)
            ),
        )
        for x in layers
    )
    legend = joined(
        Markup('<li><i class="gl-p{i}"></i>{k}</li>').format(i=i, k=k.removesuffix("_proj"))
        for i, k in enumerate(names)
    )
    return Markup(
        '<figure class="gl-layers"><figcaption>Size of the update in each layer (Frobenius norm)<ul class="gl-legend">'
        "{legend}</ul></figcaption><div>{columns}</div></figure>"
    ).format(legend=legend, columns=columns)


def merge_view(report: MergeReport, file_bytes: int) -> Markup:
    """Drift in one number and by matrix."""
    drift = report.reloaded
    top = max((x.rounding for x in report.layers), default=0.0) or 1.0
    columns = joined(
        Markup('<span title="{path}: {value:.3f}"><i class="gl-p0" style="height:{h:.1f}%"></i></span>').format(
            path=x.path, value=x.rounding, h=100 * x.rounding / top
        )
        for x in report.layers
    )
    worst = max(report.layers, key=lambda x: x.rounding)
    return Markup(
        '<div class="gl-report"><div class="gl-figures"><p><strong>{share}</strong><span>drift, as a share of the '
        "adapter's own "
        "effect</span></p><p><strong>{agreement}</strong><span>of {positions} best tokens "
        "unchanged</span></p><p><strong>{size}"
        "</strong><span>{backend}</span></p></div><p>{words}</p>"
        '<figure class="gl-layers"><figcaption>Rounding error of each merged matrix, as a share of its '
        "update</figcaption><div>"
        '{columns}</div></figure><p class="gl-fine">Largest {worst:.2f}, at {path}. The merged model was saved, '
        "read back and "
        "compared with base and adapter side by side; the base's own files are unchanged.</p></div>"
    ).format(
        share=f"{100 * drift.share:.2f}\u00a0%",
        agreement=f"{100 * drift.agreement:.1f}\u00a0%",
        positions=f"{drift.positions:,}",
        size=size(file_bytes),
        backend=report.backend,
        words=_drift_words(drift.share),
        columns=columns,
        worst=worst.rounding,
        path=worst.path,
    )


def _drift_words(share: float) -> str:
    if share <= 0.02:
        return "The merged model answers as base and adapter do side by side."
    if share <= 0.1:
        return "A small part of what the adapter does was lost in rounding. Few answers will differ."
    return (
        "A good part of what the adapter does was lost in rounding. For exact answers choose a wider form, or "
        "serve the "
        "adapter beside the base."
    )
