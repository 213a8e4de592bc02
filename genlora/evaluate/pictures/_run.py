"""Evaluation of an image hypernetwork: methods, baselines, held-out levels and guidances, in one run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlora.generators import SubjectGenerator
from genlora.images import Diffusion, ReferenceReader, RowFactors, Rows, Subjects, guidance
from genlora.images.mini import Oracle, Picture, Renderer, draw_scenes, draw_subjects
from genlora.train.pictures import REFINING, Album, fit_loras, make_album

from ._baselines import mean_subject, nearest_loras, own_loras
from ._bench import CEILING, NEAREST, TOKENS, Bench, PictureOptions, first_of, hypernetwork_rows, picked
from ._measures import Gallery, Measured, shuffled
from ._unseen_class import CLASS, unseen_class

LEVELS = ("combination", "value")
"""Unseen combinations of values, unseen values; the third level, an unseen class, is in `_unseen_class`."""
GRID: tuple[tuple[str, float, float | None], ...] = (
    *(("cfg", t, None) for t in (1.5, 3.0, 5.0)),
    ("base_uncond", 3.0, None),
    ("autoguidance", 3.0, 1.5),
    *(("hybrid", t, s * t) for t in (2.0, 4.0, 7.5) for s in (0.5, 1.0, 1.5)),
)
"""Guidances that are compared: name, text weight, subject weight."""


@dataclass(eq=False)
class PicturesEvaluated:
    """All figures of a run, and pictures to look at."""

    figures: dict[str, dict[str, dict[str, Measured]]]
    """{level: {method: {measure: value}}}."""
    curves: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    """{method: points over guidance}, on unseen combinations: of the hypernetwork, and of the own LoRAs of most steps,
    which forget more of what the base can do."""
    seconds: dict[str, float] = field(default_factory=dict)
    """{method: seconds per subject} to make an adapter."""
    sheet: Tensor | None = None
    """`(rows, columns, 3, h, w)`: a subject in each row."""
    columns: tuple[str, ...] = ()
    """What the sheet's columns are."""
    class_sheet: Tensor | None = None
    """For the unseen class: a reference, what was asked for, the base, the hypernetwork, own LoRAs."""


def evaluate_pictures(
    model: Diffusion,
    generator: SubjectGenerator,
    oracle: Oracle,
    options: PictureOptions,
    *,
    reader: ReferenceReader | None = None,
    kept: Path | None = None,
    heard: Callable[[str], None] = lambda what: None,
) -> PicturesEvaluated:
    """Evaluate a hypernetwork on subjects that no training has seen.

    Baselines: the base without an adapter; one LoRA trained for all subjects of a training album; the hypernetwork's
    adapter of another subject; the LoRA of the nearest training subject; references as tokens of the U-Net's
    cross-attention; LoRAs trained on each subject's own references. All draw from the same noise. Above them stands
    what nobody can pass: the render that was asked for, as the model's autoencoder gives it back.

    Args:
        model: the miniature, whose pictures the judge can read.
        generator: the hypernetwork.
        oracle: the judge.
        options: how much.
        reader: trained cross-attention over references; None leaves that baseline out.
        kept: a folder for LoRAs of single subjects: a second evaluation there does not train them again.
        heard: told what is being done.

    Raises:
        ConfigError: if the model's pictures are not of the size that a renderer was asked for.
    """
    bench = Bench(model, generator, oracle, Renderer(model.side), options, heard, reader, kept)
    chosen = guidance(*options.guidance)
    rng = torch.Generator().manual_seed(options.seed)
    encoder, result = generator.encoder(), PicturesEvaluated({})
    mean, known = mean_subject(bench, rng), None
    if options.nearest and options.own:
        apart = torch.Generator().manual_seed(options.seed + 1)
        known = make_album(
            draw_subjects(options.nearest, apart), options.references, model, bench.renderer, encoder, apart
        )
    for level in LEVELS:
        heard(f"subjects with an unseen {level}")
        subjects = draw_subjects(options.subjects, rng, level=level)
        album = make_album(subjects, options.references, model, bench.renderer, encoder, rng)
        gallery = Gallery.of(subjects, bench.renderer, encoder, oracle, rng)
        scenes = draw_scenes(options.subjects, rng)[:, None].expand(-1, options.seeds, -1)
        start = time.monotonic()
        rows = hypernetwork_rows(generator, album, options.references)
        result.seconds["hypernetwork"] = (time.monotonic() - start) / options.subjects
        other = shuffled(options.subjects, rng)
        methods: dict[str, Subjects | None] = {
            "base": None,
            "one LoRA for all": mean,
            "hypernetwork": rows,
            "hypernetwork, another subject": picked(rows, other),
        }
        if reader is not None:
            methods[TOKENS] = reader(album.tokens.float())
        wanted = bench.renderer.draw(Picture(subjects, scenes[:, 0]))
        best = model.decode(model.encode(wanted))[:, None].cpu()
        figures, pictures = {CEILING: bench.of_subjects(best, album, scenes[:, :1], gallery)}, {}
        for name, subject in methods.items():
            heard(f"{level}: {name}")
            pictures[name] = bench.drawn(subject, scenes, chosen)
            figures[name] = bench.of_subjects(pictures[name], album, scenes, gallery)
        few = first_of(album, options.own, options.references)  # what the hypernetwork is shown, and no more
        trained = _of_few(bench, level, few, rows, known, result.seconds)
        for name, subject in trained.items():
            n = options.long_own if name == _own(options.long_steps) else len(few)
            pictures[name] = bench.drawn(subject, scenes[:n], chosen)
            figures[name] = bench.of_subjects(pictures[name], few, scenes[:n], gallery)
        result.figures[level] = figures
        if level == LEVELS[0]:
            result.sheet, result.columns = _sheet(bench, album, scenes, pictures)
            drawers = {
                "hypernetwork": rows,
                **{n: s for n, s in trained.items() if n == _own(max(options.own_steps, default=0))},
            }
            for name, drawer in drawers.items():
                if found := _curve(bench, name, album, scenes, gallery, drawer):
                    result.curves[name] = found
    if options.strangers:
        result.figures[CLASS], result.class_sheet = unseen_class(bench, chosen, rng)
    return result


def _of_few(
    bench: Bench, level: str, few: Album, rows: Rows, known: Album | None, seconds: dict[str, float]
) -> dict[str, Rows]:
    """Methods that train for each subject, for the first subjects of a level; `seconds` of one subject are noted."""
    options, found = bench.options, {}
    if not len(few):
        return found
    if options.refine:
        bench.heard(f"{level}: {len(few)} adapters refined by {options.refine} steps")
        start, name = time.monotonic(), f"hypernetwork, refined by {options.refine} steps"
        given = {p: RowFactors(f.a[: len(few)], f.b[: len(few)]) for p, f in rows.items()}
        rank = 2 * bench.generator.network.config.rank
        found[name] = fit_loras(bench.model, few, rank=rank, steps=options.refine, lr=REFINING, start=given)
        seconds[name] = (time.monotonic() - start) / len(few)
    if known is not None:
        bench.heard(f"{level}: LoRAs of the nearest of {len(known)} training subjects")
        found[NEAREST] = nearest_loras(bench, few, known, max(options.own_steps, default=100))
    for steps in options.own_steps:
        bench.heard(f"{level}: {len(few)} LoRAs of {steps} steps")
        found[_own(steps)], seconds[_own(steps)] = own_loras(bench, few, steps)
    long = first_of(few, options.long_own)
    if len(long) and level == LEVELS[0]:
        bench.heard(f"{level}: {len(long)} LoRAs of {options.long_steps} steps")
        name = _own(options.long_steps)
        found[name], seconds[name] = own_loras(bench, long, options.long_steps)
    return found


def _own(steps: int) -> str:
    return f"own LoRA, {steps} steps"


def _curve(
    bench: Bench, method: str, album: Album, scenes: Tensor, gallery: Gallery, rows: Rows
) -> list[dict[str, Any]]:
    """Subject and prompt attributes over the guidances of `GRID`, for a part of the subjects and one seed."""
    n = min(bench.options.grid_subjects, max((len(f.a) for f in rows.values()), default=0))
    if not n:
        return []
    part, own = first_of(album, n), {p: RowFactors(f.a[:n], f.b[:n]) for p, f in rows.items()}
    found = []
    for name, text, subject in GRID:
        bench.heard(f"{method}: guidance {name} {text:g} {subject if subject is not None else ''}")
        drawn = bench.drawn(own, scenes[:n, :1], guidance(name, text, subject))
        figures = bench.of_subjects(drawn, part, scenes[:n, :1], gallery)
        found.append(
            {
                "guidance": name,
                "text": text,
                "subject_weight": subject,
                **{k: figures[k].to_json() for k in ("subject", "prompt", "leak", "similarity")},
            }
        )
    return found


def _sheet(
    bench: Bench, album: Album, scenes: Tensor, pictures: Mapping[str, Tensor]
) -> tuple[Tensor, tuple[str, ...]]:
    """The first twelve subjects: a reference, what was asked for, and what methods drew; and the columns' names."""
    steps = max(bench.options.own_steps, default=0)
    shown = [name for name in ("base", TOKENS, NEAREST, _own(steps), "hypernetwork") if name in pictures]
    n = min(12, *(len(pictures[name]) for name in shown))
    columns = {
        "a reference": bench.renderer.draw(Picture(album.subjects[:n], album.scenes[:n, 0])),
        "asked for": bench.renderer.draw(Picture(album.subjects[:n], scenes[:n, 0])),
        **{name: pictures[name][:n, 0] for name in shown},
    }
    return torch.stack(list(columns.values()), 1), tuple(columns)
