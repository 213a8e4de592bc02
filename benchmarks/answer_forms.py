"""How often the answer form that a description names is read, and how often what is read is right.

A form is right when every right answer is legal. Read from descriptions of the stream (fresh specs, and held-out ones)
and of the catalogue's bank and validation tasks, which other people's wordings resemble most.

With `--decode N` the default base, told the task, answers one input each of N specs that name a form, held to it and
not: how many answers are legal, and what holding costs.

python benchmarks/answer_forms.py [--specs 1500] [--seed 31] [--decode 48]
"""

import argparse
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from common import machine, save_result

from genlora.tasks import Example, build_task, catalogue
from genlora.tasks.forms import AnswerForm, form_said
from genlora.tasks.stream import StreamSplit, spec

_ROWS = 10


@dataclass
class Count:
    """What was read on one set of descriptions."""

    described: int = 0
    named: int = 0
    """Descriptions that name every label of a labelling task."""
    named_and_read: int = 0
    read: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    wrong: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    def add(self, description: str, rows: list[Example], labels: tuple[str, ...]) -> None:
        """Read one description, and hold what was read against the right answers."""
        began = time.perf_counter()
        form = form_said(description)
        self.seconds += time.perf_counter() - began
        self.described += 1
        named = bool(labels) and all(x.casefold() in description.casefold() for x in labels)
        self.named += named
        if form is None:
            return
        right = all(any(map(form.legal, row.answers)) for row in rows)
        kind = _kind(form)
        self.read[kind] += 1
        self.right[kind] += right
        self.named_and_read += named and right and form.kind == "labels"
        if not right:
            answers = [row.output for row in rows[:3]]
            self.wrong.append({"description": description, "form": form.to_json(), "answers": answers})

    def to_json(self) -> dict[str, Any]:
        kinds = {k: [self.right[k], n] for k, n in sorted(self.read.items())}
        labels = sum(n for k, n in self.read.items() if k.startswith("labels"))
        right = sum(n for k, n in self.right.items() if k.startswith("labels"))
        return {
            "descriptions": self.described,
            "forms_read": self.read.total(),
            "precision": _share(self.right.total(), self.read.total()),
            "labels_read": labels,
            "label_precision": _share(right, labels),
            "labels_named": self.named,
            "label_recall": _share(self.named_and_read, self.named),
            "right_of_read": kinds,
            "ms_per_description": round(1e3 * self.seconds / max(1, self.described), 2),
            "wrong": self.wrong,
        }


def _share(part: int, whole: int) -> float | None:
    return None if not whole else round(part / whole, 4)


def _kind(form: AnswerForm) -> str:
    return form.kind + (" in JSON" if form.keys else " inside a text" if form.before or form.after else "")


def _stream(split: StreamSplit, seed: int, specs: int) -> Count:
    count = Count()
    for number in range(specs):
        s = spec(seed, number, split=split)
        # "with input" writes the answer after the input: the labels alone are then no form.
        labels = s.labels if s.form.name != "with input" else ()
        count.add(s.description(), s.rows(_ROWS), labels)
    return count


def _catalogue() -> Iterator[tuple[str, list[Example], tuple[str, ...]]]:
    for entry in catalogue().values():
        if entry.role not in ("bank", "validation") or entry.scheme == "words":
            continue
        rows = list(build_task(entry).examples[:300])
        fixed = entry.metric == "choice" and entry.options == "none"
        labels = tuple(sorted({row.output for row in rows})) if fixed else ()
        for description in entry.descriptions:
            yield description, rows, labels


def decode(count: int, seed: int) -> dict[str, Any]:
    """Answers of the default base, one batch held and one free, in the engine."""
    from genlora.base import Constraint, load_base
    from genlora.engine import Engine, Sampling
    from genlora.tasks import PromptFormat

    asked: list[tuple[PromptFormat, Example]] = []
    number = 0
    while len(asked) < count:
        s = spec(seed, number)
        number += 1
        format = PromptFormat.of(s.description())
        if format.answer_form is not None:
            asked.append((format, s.rows(1)[0]))
    found: dict[str, Any] = {"prompts": len(asked), "kinds": dict(Counter(_kind(f.answer_form) for f, _ in asked))}  # pyright: ignore[reportArgumentType]
    with Engine(load_base()) as engine:
        tokenizer = engine.base.tokenizer
        prompts = [format.prompt_ids(tokenizer, row.input) for format, row in asked]
        engine.submit(prompts[0], Sampling(max_tokens=2), constraint=Constraint(regex="a")).result()  # loads llguidance
        for way in ("free", "held"):
            began = time.perf_counter()
            streams = []
            for prompt, (format, _) in zip(prompts, asked, strict=True):
                form = format.answer_form
                constraint = Constraint(regex=form.regex) if form is not None and way == "held" else None
                streams.append(engine.submit(prompt, Sampling(max_tokens=format.max_tokens), constraint=constraint))
            answers = [s.result() for s in streams]
            seconds = time.perf_counter() - began
            legal = [
                f.answer_form is not None and f.answer_form.legal(a.text)
                for (f, _), a in zip(asked, answers, strict=True)
            ]
            ended = [a.finish_reason == "stop" for a in answers]
            found[way] = {
                "legal": _share(sum(legal), len(legal)),
                "cut": len(ended) - sum(ended),
                "legal_of_ended": _share(sum(x for x, e in zip(legal, ended, strict=True) if e), sum(ended)),
                "strictly_right": _share(
                    sum(a.text.strip() in row.answers for (_, row), a in zip(asked, answers, strict=True)), len(asked)
                ),
                "tokens": sum(len(a.tokens) for a in answers),
                "seconds": round(seconds, 1),
            }
    return found


def _decoded(found: dict[str, Any]) -> list[str]:
    lines = [
        "",
        f"{found['prompts']} of these specs, one input each, asked of the default base with the description (greedy):",
        "",
        "| answers | legal | cut at 64 tokens | legal, of those that ended | strictly right | tokens | seconds |",
        "|---|---|---|---|---|---|---|",
    ]
    for way in ("free", "held"):
        r = found[way]
        lines.append(
            f"| {way} | {_percent(r['legal'])} | {r['cut']} | {_percent(r['legal_of_ended'])} | "
            f"{_percent(r['strictly_right'])} | {r['tokens']:,} | {r['seconds']} |"
        )
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--specs", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=31)
    parser.add_argument("--decode", type=int, default=0)
    options = parser.parse_args()
    sets: dict[str, Count] = {
        "stream": _stream("train", options.seed, options.specs),
        "stream, new combinations": _stream("near", options.seed, options.specs // 3),
        "stream, held-out operations": _stream("far", options.seed, options.specs // 3),
        "catalogue": Count(),
    }
    for described in _catalogue():
        sets["catalogue"].add(*described)
    found = {name: count.to_json() for name, count in sets.items()}
    lines = [
        "# Answer forms read from descriptions",
        "",
        "A form is right when every right answer is legal. *Named* descriptions hold every label of a labelling task.",
        "",
        "| descriptions | of them | forms read | right | label forms read | right | labels named | read rightly |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, r in found.items():
        lines.append(
            f"| {name} | {r['descriptions']:,} | {r['forms_read']:,} | {_percent(r['precision'])} | "
            f"{r['labels_read']:,} | {_percent(r['label_precision'])} | {r['labels_named']:,} | "
            f"{_percent(r['label_recall'])} |"
        )
    result = {"machine": machine(), "seed": options.seed, "specs": options.specs, "read": found}
    if options.decode:
        result["decoded"] = decode(options.decode, options.seed)
        lines += _decoded(result["decoded"])
    print("\n".join(lines))
    print(save_result("answer_forms", result, "\n".join(lines) + "\n"))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.1f} %"


if __name__ == "__main__":
    main()
