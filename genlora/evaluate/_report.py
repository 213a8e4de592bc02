"""The report for people: Markdown from a `Summary`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ._methods import METHODS
from ._metrics import CONFIDENCE, Estimate
from ._run import Evaluated
from ._summary import MethodSummary, Summary
from ._targets import Target

GROUPS = {"near": "Near tasks (unseen tasks of families the bank knows)", "far": "Far tasks (families never seen)"}
MAX_WRONG = 8


def markdown(
    found: Evaluated, summary: Summary, targets: Sequence[Target], about: Mapping[str, Any], plots: Sequence[str]
) -> str:
    """The whole report."""
    parts = [_head(found, summary, about), _targets(targets)]
    for group, title in GROUPS.items():
        if summary.groups[group]:
            parts.append(_group(summary, group, title))
    parts += [_tokens_saved(summary), _controls(summary), _spread(summary), _adapters(summary, about)]
    parts += [_coverage(summary), _per_task(summary), _left_out(found), _methods(summary), _how()]
    if plots:
        parts.insert(2, "\n\n".join(f"![{p.rsplit('/', 1)[-1].removesuffix('.png')}]({p})" for p in plots))
    return "\n\n".join(p for p in parts if p) + "\n"


def percent(value: float | None) -> str:
    """A share of 1 in percent, `-` where there is none."""
    return "-" if value is None or not math.isfinite(value) else f"{100 * value:.1f}"


def _interval(e: Estimate) -> str:
    return f"{percent(e.low)} to {percent(e.high)}"


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; cells are kept on one line."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    for row in rows:
        lines.append("| " + " | ".join(" ".join(c.replace("|", "\\|").split()) for c in row) + " |")
    return "\n".join(lines)


def _head(found: Evaluated, summary: Summary, about: Mapping[str, Any]) -> str:
    n = {g: len(t) for g, t in summary.groups.items()}
    lines = [
        f"# Evaluation on the {about['split']} tasks",
        f"{n['all']} tasks count ({n['near']} near, {n['far']} far), at most {about['examples']} held-out examples "
        f"each; {len(found.left_out)} tasks left out. Greedy decoding in {about['dtype']} on {about['device']} for all "
        "methods, strict scores unless said. Selection of any kind uses validation tasks only; this report is on "
        f"**{about['split']}** tasks.",
        f"Base {about['base'][:16]}, bank {about['bank'][:16]} ({about['experts']} experts), "
        + ", ".join(f"{k} {v}" for k, v in about["versions"].items())
        + ".",
    ]
    return "\n\n".join(lines)


def _targets(targets: Sequence[Target]) -> str:
    words = {True: "met", False: "**missed**", None: "not measured"}
    rows = []
    for t in targets:
        value = "-" if t.value is None else f"{t.value:.2f}" if not t.unit else f"{t.value:.1f} {t.unit}"
        low = "-" if t.low is None else f"{t.low:.2f}" if not t.unit else f"{t.low:.1f}"
        rows.append((t.what, t.bar, value, low, words[t.met], t.note))
    head = "## Targets\n\nA target is met when the interval's end in the fourth column clears the bar.\n\n"
    return head + table(("what", "target", "measured", "interval's end", "", ""), rows)


def _group(summary: Summary, group: str, title: str) -> str:
    rows = []
    for name, m in summary.methods[group].items():
        rows.append(
            (
                METHODS[name].title,
                percent(m.strict.value),
                _interval(m.strict),
                f"{percent(m.strict.task_low)} to {percent(m.strict.task_high)}",
                percent(m.lenient),
                percent(m.valid),
                _of(m.closure),
                _of(m.conditional),
                percent(m.calibration),
                f"{m.prompt_tokens:.0f}",
                str(m.tasks),
            )
        )
    majority = [summary.per_task[t]["majority"] for t in summary.groups[group]]
    rows.append(("majority answer", percent(float(np.mean(majority))), *["-"] * 8, str(len(majority))))
    header = (
        "method",
        "strict %",
        "95 %",
        "95 % over tasks",
        "lenient %",
        "format %",
        "gap closure %",
        "above multi-task described %",
        "calibration error %",
        "prompt tokens",
        "tasks",
    )
    return f"## {title}\n\n" + table(header, rows)


def _of(e: Estimate | None) -> str:
    return "-" if e is None or not math.isfinite(e.value) else f"{percent(e.value)} ({_interval(e)})"


def _tokens_saved(summary: Summary) -> str:
    def saved(ms: Mapping[str, MethodSummary], name: str) -> str:
        bare, told = ms.get(name), ms.get(f"{name}-described") or ms.get("base-described")
        return "" if bare is None or told is None else f"{told.prompt_tokens - bare.prompt_tokens:.0f}"

    ms = summary.methods["all"]
    bare = [n for n in ms if METHODS[n].kind == "generator" and METHODS[n].prompt == "bare"]
    rows = [(METHODS[n].title, text) for n in bare if (text := saved(ms, n))]
    if not rows:
        return ""
    text = "## Prompt tokens saved by not describing the task\n\nMean over tasks, bare against described prompts.\n\n"
    return text + table(("method", "tokens saved per prompt"), rows)


def _controls(summary: Summary) -> str:
    rows = []
    for group in ("near", "far"):
        for name, controls in summary.controls[group].items():
            for control, e in controls.items():
                gain = summary.conditioning[group][name].get(control)
                matched = summary.methods[group][name].strict
                shown = "-" if gain is None else f"{percent(gain.value)} ({_interval(gain)})"
                what = {"mismatched": "another task's", "random": "random letters", "empty": "empty"}[control]
                rows.append((group, METHODS[name].title, what, percent(matched.value), percent(e.value), shown))
    if not rows:
        return ""
    header = (
        "tasks",
        "method",
        "description",
        "matched, strict %",
        "with this one %",
        "gain of the matched one (95 %)",
    )
    return "## Does the description matter?\n\n" + table(header, rows)


def _spread(summary: Summary) -> str:
    rows = []
    for what, found in (("paraphrases", summary.spread["all"]), ("seeds", summary.seeds["all"])):
        for name, values in found.items():
            v = np.array(values)
            shown = (percent(float(np.median(v))), percent(float(v.mean())), percent(float(v.max())), str(len(v)))
            rows.append((METHODS[name].title, what, *shown))
    if not rows:
        return ""
    text = "## Paraphrases and seeds\n\nBest minus worst of a task's three scores, in points.\n\n"
    return text + table(("method", "over", "median", "mean", "largest", "tasks"), rows)


def _adapters(summary: Summary, about: Mapping[str, Any]) -> str:
    rows = [
        (
            METHODS[n].title,
            str(a.made),
            f"{a.p50_ms:.0f}",
            f"{a.p90_ms:.0f}",
            f"{a.bytes / 2**20:.2f}",
            f"{a.median_cosine:.2f}",
            percent(a.replicas),
        )
        for n, a in summary.adapters.items()
    ]
    if not rows:
        return ""
    header = ("method", "made", "p50 ms", "p90 ms", "MiB", "cosine to nearest expert", "copies %")
    text = "## Adapters\n\nMilliseconds from the description to the files' bytes, warm, in this process."
    cosines = about.get("expert_cosines") or []
    if cosines:
        text += f" For comparison, an expert's own nearest neighbour has a cosine of {np.median(cosines):.2f} (median)."
    return text + "\n\n" + table(header, rows)


def _coverage(summary: Summary) -> str:
    if summary.rank_correlation is None:
        return ""
    value, low, high = summary.rank_correlation
    return (
        "## Does low coverage predict failure?\n\n"
        f"Rank correlation of coverage and gap closure of {METHODS[summary.headline].title} over "
        f"{len(summary.coverage)} tasks: {value:.2f} (95 % {low:.2f} to {high:.2f})."
    )


def _per_task(summary: Summary) -> str:
    names = list(summary.methods["all"])
    rows = []
    for group in ("near", "far"):
        for task in summary.groups[group]:
            scores = summary.per_task[task]
            shown = ("-" if n not in scores else f"{100 * scores[n]:.0f}" for n in [*names, "majority"])
            rows.append((task, group, *shown))
    return "## Every task, strict %\n\n" + table(("task", "", *(METHODS[n].title for n in names), "majority"), rows)


def _left_out(found: Evaluated) -> str:
    lines = [f"- task {k}: {v}" for k, v in sorted(found.left_out.items())]
    lines += [f"- method {k}: {v}" for k, v in sorted(found.skipped.items())]
    return "## Left out\n\n" + "\n".join(" ".join(line.split()) for line in lines) if lines else ""


def _methods(summary: Summary) -> str:
    rows = [(METHODS[n].title, METHODS[n].about) for n in summary.methods["all"] if METHODS[n].about]
    return "## What the methods are\n\n" + table(("method", ""), rows)


def _how() -> str:
    return (
        "## How to read it\n\n"
        f"- Scores are means over tasks. The first interval ({CONFIDENCE:.0%}) resamples examples within tasks, the "
        "same ones for all methods, and decides; the second resamples tasks.\n"
        "- Gap closure is (method - base) / (own expert - base), both bare, from the means over tasks. Above "
        "multi-task described is the same with the described multi-task adapter in place of the base.\n"
        "- Strict: the answer character for character. Lenient: case, punctuation, articles and later lines do not "
        "count. Format: the answer has the form the task asks for, right or wrong.\n"
        "- Descriptions: the two that no training ever saw, and the first of the others; evaluated tasks were not "
        "trained on, so none of the three was. Paraphrases and seeds are each varied on their own.\n"
        "- Calibration error: confidence is the probability of the whole answer (product over its tokens), ten bins; "
        "tasks scored by ROUGE are left out of it."
    )
