"""Labels by limits that the description gives: a helper for modules that sort dates, times and amounts into bands."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .._labels import label_words
from .._parts import Draw, Operation, Params, Value
from .._wording import Wording


@dataclass(frozen=True)
class Bands:
    """What is sorted into bands.

    `clauses` say when each class holds ("it is below {low}"), with slots of `params`; `names` are natural labels.
    """

    name: str
    on: tuple[str, ...]
    classify: Callable[[Value, Params], str | None]
    clauses: Mapping[str, str]
    about: str
    """What is decided, as a noun phrase: "the age group"."""
    params: Callable[[Draw], Params] = lambda _: {}
    names: Sequence[Mapping[str, str]] = ()
    knowledge: bool = False


def band_label(bands: Bands) -> Operation:
    """Write the label of the band: a natural name, or a word drawn at random."""
    classes = tuple(bands.clauses)

    def drawn(draw: Draw) -> Params:
        more = bands.params(draw)
        labels = dict(zip(classes, label_words(draw, len(classes), held_out=False), strict=False))
        if len(labels) < len(classes) or (bands.names and draw.chance(0.5)):
            labels = dict(draw.pick(bands.names)) if bands.names else {k: k for k in classes}
        clauses = {k: text.format(**more) for k, text in bands.clauses.items()}
        order = draw.some(classes, len(classes)) if draw.chance(0.4) else list(classes)
        return {
            **more,
            "labels": labels,
            "rules": ", ".join(f"{labels[k]} if {clauses[k]}" for k in order),
            "when": "; ".join(f"{clauses[k]} -> {labels[k]}" for k in order),
            "is": ", ".join(f"{labels[k]} = {clauses[k].removeprefix('it is ')}" for k in order),
            "options": ", ".join(labels[k] for k in order[:-1]) + f" or {labels[order[-1]]}",
        }

    def do(value: Value, p: Params) -> str | None:
        found = bands.classify(value, p)
        return None if found is None else p["labels"][found]

    about = bands.about
    say = (
        "write {rules}",
        "answer {rules}",
        f"label {about}: {{rules}}",
        f"decide on {about}: {{when}}",
        f"assign {{the}} to a class by {about} ({{is}})",
        f"assign one label for {about}: {{options}}. {{when}}",
    )
    noun = (f"{about}: {{rules}}", f"{about} ({{is}})", f"one label for {about}, {{rules}}")
    ask = (f"what is {about}? {{is}}",)
    return Operation(
        f"label.{bands.name}",
        bands.on,
        "label",
        do,
        params=drawn,
        knowledge=bands.knowledge,
        wording=Wording(say, noun, ask),
    )
