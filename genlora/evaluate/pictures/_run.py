"""Evaluation of an image hypernetwork: methods, baselines, held-out levels and guidances, in one run."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from genlora.generators import SubjectGenerator
from genlora.images import Diffusion, RowFactors, Rows, guidance
from genlora.images.mini import Oracle, Renderer, draw_scenes, draw_subjects
from genlora.train.pictures import REFINING, Album, fit_loras, make_album

from ._bench import Bench, PictureOptions, first_of, hypernetwork_rows
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
    curve: list[dict[str, Any]] = field(default_factory=list)
    """Over guidance, for the hypernetwork on unseen combinations."""
    seconds: dict[str, float] = field(default_factory=dict)
    """{method: seconds per subject} to make an adapter."""
    sheet: Tensor | None = None
    """`(rows, columns, 3, h, w)`: a reference, what was asked for, the base, the hypernetwork, the own LoRA."""
    class_sheet: Tensor | None = None
    """The same for the unseen class."""


def evaluate_pictures(
    model: Diffusion,
    generator: SubjectGenerator,
    oracle: Oracle,
    options: PictureOptions,
    *,
    heard: Callable[[str], None] = lambda what: None,
) -> PicturesEvaluated:
    """Evaluate a hypernetwork on subjects that no training has seen.

    Baselines: the base without an adapter; one LoRA trained for all subjects of a training album; the hypernetwork's
    adapter of another subject; LoRAs trained on each subject's own references. All draw from the same noise.

    Args:
        model: the miniature, whose pictures the judge can read.
        generator: the hypernetwork.
        oracle: the judge.
        options: how much.
        heard: told what is being done.

    Raises:
        ConfigError: if the model's pictures are not of the size that a renderer was asked for.
    """
    bench = Bench(model, generator, oracle, Renderer(model.side), options, heard)
    chosen = guidance(*options.guidance)
    rng = torch.Generator().manual_seed(options.seed)
    mean = _mean_subject(bench, rng)
    result = PicturesEvaluated({})
    for level in LEVELS:
        heard(f"subjects with an unseen {level}")
        subjects = draw_subjects(options.subjects, rng, level=level)
        album = make_album(subjects, options.references, model, bench.renderer, generator.encoder(), rng)
        gallery = Gallery.of(subjects, bench.renderer, generator.encoder(), rng)
        scenes = draw_scenes(options.subjects, rng)[:, None].expand(-1, options.seeds, -1)
        start = time.monotonic()
        rows = hypernetwork_rows(generator, album, options.references)
        result.seconds["hypernetwork"] = (time.monotonic() - start) / options.subjects
        other = shuffled(options.subjects, rng)
        methods: dict[str, Rows | None] = {
            "base": None,
            "one LoRA for all": mean,
            "hypernetwork": rows,
            "hypernetwork, another subject": {p: RowFactors(f.a[other], f.b[other]) for p, f in rows.items()},
        }
        figures, pictures = {}, {}
        for name, factors in methods.items():
            heard(f"{level}: {name}")
            pictures[name] = bench.drawn(factors, scenes, chosen)
            figures[name] = bench.of_subjects(pictures[name], album, scenes, gallery)
        few = first_of(album, options.own, options.references)  # what the hypernetwork is shown, and no more
        if options.refine and options.own:
            heard(f"{level}: {len(few)} adapters refined by {options.refine} steps")
            start = time.monotonic()
            rank = 2 * generator.network.config.rank
            given = {p: RowFactors(f.a[: len(few)], f.b[: len(few)]) for p, f in rows.items()}
            refined = fit_loras(model, few, rank=rank, steps=options.refine, lr=REFINING, start=given)
            name = f"hypernetwork, refined by {options.refine} steps"
            result.seconds[name] = (time.monotonic() - start) / len(few)
            drawn = bench.drawn(refined, scenes[: len(few)], chosen)
            figures[name] = bench.of_subjects(drawn, few, scenes[: len(few)], Gallery(gallery.vectors[: len(few)]))
        for steps in options.own_steps if options.own else ():
            heard(f"{level}: {len(few)} LoRAs of {steps} steps")
            start = time.monotonic()
            own = fit_loras(model, few, rank=generator.network.config.rank, steps=steps)
            result.seconds[f"own LoRA, {steps} steps"] = (time.monotonic() - start) / len(few)
            drawn = bench.drawn(own, scenes[: len(few)], chosen)
            pictures["own"] = drawn
            part = Gallery(gallery.vectors[: len(few)])
            figures[f"own LoRA, {steps} steps"] = bench.of_subjects(drawn, few, scenes[: len(few)], part)
        result.figures[level] = figures
        if level == LEVELS[0]:
            result.sheet = _sheet(bench, album, scenes, pictures)
            result.curve = _curve(bench, album, scenes, gallery, rows)
    if options.strangers:
        result.figures[CLASS], result.class_sheet = unseen_class(bench, chosen, rng)
    return result


def _mean_subject(bench: Bench, rng: torch.Generator) -> dict[str, RowFactors]:
    bench.heard("one LoRA for all training subjects")
    album = make_album(draw_subjects(64, rng), 4, bench.model, bench.renderer, bench.generator.encoder(), rng)
    steps = max(bench.options.own_steps, default=100)
    return fit_loras(bench.model, album, rank=bench.generator.network.config.rank, steps=steps, batch=16, together=True)


def _curve(
    bench: Bench, album: Album, scenes: Tensor, gallery: Gallery, rows: Mapping[str, RowFactors]
) -> list[dict[str, Any]]:
    """Subject and prompt attributes over the guidances of `GRID`, for a part of the subjects and one seed."""
    n = min(bench.options.grid_subjects, len(album))
    if not n:
        return []
    part, own = first_of(album, n), {p: RowFactors(f.a[:n], f.b[:n]) for p, f in rows.items()}
    found = []
    for name, text, subject in GRID:
        bench.heard(f"guidance {name} {text:g} {subject if subject is not None else ''}")
        drawn = bench.drawn(own, scenes[:n, :1], guidance(name, text, subject))
        figures = bench.of_subjects(drawn, part, scenes[:n, :1], Gallery(gallery.vectors[:n]))
        found.append(
            {
                "guidance": name,
                "text": text,
                "subject_weight": subject,
                **{k: figures[k].to_json() for k in ("subject", "prompt", "leak", "similarity")},
            }
        )
    return found


def _sheet(bench: Bench, album: Album, scenes: Tensor, pictures: Mapping[str, Tensor]) -> Tensor:
    """The first twelve subjects: a reference, what was asked for, the base, the hypernetwork, the own LoRA."""
    from genlora.images.mini import Picture

    n = min(12, bench.options.own or len(album), len(album))
    columns = [
        bench.renderer.draw(Picture(album.subjects[:n], album.scenes[:n, 0])),
        bench.renderer.draw(Picture(album.subjects[:n], scenes[:n, 0])),
        pictures["base"][:n, 0],
        pictures["hypernetwork"][:n, 0],
    ]
    if "own" in pictures:
        columns.append(pictures["own"][:n, 0])
    return torch.stack(columns, 1)
