"""Evaluation of an image hypernetwork: methods, baselines, held-out levels and guidances, in one run."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from genlora.errors import ConfigError
from genlora.generators import SubjectGenerator
from genlora.images import Diffusion, Guidance, RowFactors, Rows, Sampling, guidance, sample
from genlora.images.mini import Oracle, Renderer, caption, draw_scenes, draw_subjects
from genlora.train.pictures import Album, fit_loras, make_album

from ._measures import Gallery, Measured, judged, over_subjects, shuffled, spread, unit_vectors

log = logging.getLogger(__name__)

LEVELS = ("combination", "value")
"""Unseen combinations of values, unseen values. The miniature is trained on one class, so there is no third level."""
GRID: tuple[tuple[str, float, float | None], ...] = (
    *(("cfg", t, None) for t in (1.5, 3.0, 5.0)),
    ("base_uncond", 3.0, None),
    ("autoguidance", 3.0, 1.5),
    *(("hybrid", t, s * t) for t in (2.0, 4.0, 7.5) for s in (0.5, 1.0, 1.5)),
)
"""Guidances that are compared: name, text weight, subject weight."""


@dataclass(frozen=True, kw_only=True)
class PictureOptions:
    """How much is evaluated."""

    subjects: int = 200
    seeds: int = 3
    own: int = 40
    """Subjects that get LoRAs of their own; they are the first of each level's."""
    own_steps: tuple[int, ...] = (25, 200)
    references: int = 3
    steps: int = 15
    guidance: tuple[str, float, float | None] = ("hybrid", 3.0, None)
    grid_subjects: int = 40
    """Subjects of the curves over guidance; 0 leaves the curves out."""
    retrieval: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("subjects", 2), ("seeds", 1), ("references", 1), ("retrieval", 2)):
            if getattr(self, name) < least:
                raise ConfigError(f"{name} must be at least {least}, got {getattr(self, name)}")


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
    """`(rows, columns, 3, h, w)`: reference, base, hypernetwork, own LoRA, the render that was asked for."""


@dataclass(eq=False)
class _Bench:
    model: Diffusion
    generator: SubjectGenerator
    oracle: Oracle
    renderer: Renderer
    options: PictureOptions
    heard: Callable[[str], None]

    def drawn(self, rows: Rows | None, scenes: Tensor, chosen: Guidance) -> Tensor:
        """One picture for each subject and seed, `(n, seeds, 3, h, w)`, in batches of 64."""
        n, seeds = scenes.shape[:2]
        prompts = [caption(scene) for scene in scenes.flatten(0, 1).tolist()]
        sampling = Sampling(guidance=chosen, steps=self.options.steps)
        found = []
        for i in range(0, n * seeds, 64):
            part = torch.arange(i, min(i + 64, n * seeds))
            own = None
            if rows is not None:
                who = part // seeds if len(next(iter(rows.values())).a) > 1 else torch.zeros_like(part)
                own = {path: RowFactors(f.a[who], f.b[who]) for path, f in rows.items()}
            numbers = [10_000 + int(k % seeds) for k in part]  # all methods draw from the same noise
            found.append(sample(self.model, [prompts[k] for k in part], sampling, own, seeds=numbers))
        return torch.cat(found).unflatten(0, (n, seeds))

    def measured(self, pictures: Tensor, album: Album, scenes: Tensor, gallery: Gallery) -> dict[str, Measured]:
        found = judged(self.oracle, pictures, album.subjects, scenes, album.scenes[:, 0, 0])
        vectors = unit_vectors(self.generator.encoder(), pictures.flatten(0, 1)).unflatten(0, pictures.shape[:2])
        few = min(len(pictures), self.options.retrieval)
        found["similarity"] = gallery.anchors().normalised(gallery.own(vectors))
        found["retrieval"] = Gallery(gallery.vectors[:few]).retrieved(vectors[:few]).float()
        found["diversity"] = spread(pictures)
        return {name: over_subjects(values) for name, values in found.items()}


@torch.no_grad()
def hypernetwork_rows(generator: SubjectGenerator, album: Album, references: int) -> dict[str, RowFactors]:
    """The adapters of all subjects of an album, each from its first `references` pictures."""
    return generator.network(album.tokens[:, :references].float())


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
    bench = _Bench(model, generator, oracle, Renderer(model.side), options, heard)
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
            figures[name] = bench.measured(pictures[name], album, scenes, gallery)
        few = _first(album, options.own, options.references)  # what the hypernetwork is shown, and no more
        for steps in options.own_steps if options.own else ():
            heard(f"{level}: {len(few)} LoRAs of {steps} steps")
            start = time.monotonic()
            own = fit_loras(model, few, rank=generator.network.config.rank, steps=steps)
            result.seconds[f"own LoRA, {steps} steps"] = (time.monotonic() - start) / len(few)
            drawn = bench.drawn(own, scenes[: len(few)], chosen)
            pictures["own"] = drawn
            part = Gallery(gallery.vectors[: len(few)])
            figures[f"own LoRA, {steps} steps"] = bench.measured(drawn, few, scenes[: len(few)], part)
        result.figures[level] = figures
        if level == LEVELS[0]:
            result.sheet = _sheet(bench, album, scenes, pictures)
            result.curve = _curve(bench, album, scenes, gallery, rows)
    return result


def _mean_subject(bench: _Bench, rng: torch.Generator) -> dict[str, RowFactors]:
    bench.heard("one LoRA for all training subjects")
    album = make_album(draw_subjects(64, rng), 4, bench.model, bench.renderer, bench.generator.encoder(), rng)
    steps = max(bench.options.own_steps, default=100)
    return fit_loras(bench.model, album, rank=bench.generator.network.config.rank, steps=steps, batch=16, together=True)


def _first(album: Album, n: int, views: int | None = None) -> Album:
    """The first subjects, and of each the first pictures."""
    shown = (tensor[:n, :views] for tensor in (album.scenes, album.latents, album.tokens))
    return Album(album.subjects[:n], *shown)


def _curve(
    bench: _Bench, album: Album, scenes: Tensor, gallery: Gallery, rows: Mapping[str, RowFactors]
) -> list[dict[str, Any]]:
    """Subject and prompt attributes over the guidances of `GRID`, for a part of the subjects and one seed."""
    n = min(bench.options.grid_subjects, len(album))
    if not n:
        return []
    part, own = _first(album, n), {p: RowFactors(f.a[:n], f.b[:n]) for p, f in rows.items()}
    found = []
    for name, text, subject in GRID:
        bench.heard(f"guidance {name} {text:g} {subject if subject is not None else ''}")
        drawn = bench.drawn(own, scenes[:n, :1], guidance(name, text, subject))
        figures = bench.measured(drawn, part, scenes[:n, :1], Gallery(gallery.vectors[:n]))
        found.append(
            {
                "guidance": name,
                "text": text,
                "subject_weight": subject,
                **{k: figures[k].to_json() for k in ("subject", "prompt", "leak", "similarity")},
            }
        )
    return found


def _sheet(bench: _Bench, album: Album, scenes: Tensor, pictures: Mapping[str, Tensor]) -> Tensor:
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
