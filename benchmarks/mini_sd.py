"""Make the miniature Stable Diffusion and its hypernetwork from nothing: `python benchmarks/mini_sd.py all FOLDER`.

Stages, each of which goes on where it was stopped and is skipped once it is done:

    autoencoder  pictures to latents and back                          gate: 30 dB with the decoder
    oracle       the judge that reads attributes off pictures           gate: 95 % on held-out renders
    base         U-Net and text encoder, saved as a pipeline            gate: background read as prompted 90 %
    decoder      a larger decoder for the same latents
    gate         LoRAs of single subjects: can attention carry one?     gate: 80 % of subject attributes
    subject      the hypernetwork
    sweep        short ones, over the weight of the L2 term
    references   cross-attention over the references, which the hypernetwork is held against
    evaluate     the report

FOLDER then holds `pipeline/`, `subject.safetensors`, `oracle/`, `fits.json` (what every stage measured) and the
checkpoints. Nothing is fetched: pictures are drawn by the packages of the extra `image`.
"""

import argparse
import json
import os
import platform
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.simplefilter("ignore")

import torch  # noqa: E402
from safetensors.torch import load_file, save_file  # noqa: E402

from genlora.evaluate.pictures import (  # noqa: E402
    PictureOptions,
    evaluate_pictures,
    hypernetwork_rows,
    over_subjects,
    pictures_report,
)
from genlora.files import publish_folder  # noqa: E402
from genlora.generators import SubjectConfig, SubjectGenerator, SubjectNetwork  # noqa: E402
from genlora.images import (  # noqa: E402
    Diffusion,
    Guidance,
    PictureEncoder,
    ReferenceConfig,
    ReferenceReader,
    Sampling,
    Subjects,
    fingerprint,
    sample,
    to_image,
)
from genlora.images.mini import (  # noqa: E402
    SCENE,
    SUBJECT,
    Oracle,
    Picture,
    Renderer,
    caption,
    draw_scenes,
    draw_subjects,
    new_tokenizer,
    preset,
)
from genlora.train.pictures import (  # noqa: E402
    Album,
    BaseFit,
    SubjectFit,
    decibels,
    fit_autoencoder,
    fit_base,
    fit_loras,
    fit_oracle,
    fit_references,
    fit_subject,
    make_album,
)


class Run:
    """A run's folder and what its stages measured."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args, self.folder = args, args.folder
        self.config = preset(args.preset)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.notes = self.folder / "fits.json"
        torch.set_num_threads(args.threads)

    def renderer(self) -> Renderer:
        return Renderer(self.config.pixels)

    def said(self) -> dict[str, Any]:
        return json.loads(self.notes.read_text()) if self.notes.is_file() else {}

    def note(self, stage: str, **figures: Any) -> None:
        """Keep what a stage measured, and say it."""
        self.notes.write_text(json.dumps({**self.said(), stage: figures}, indent=2) + "\n")
        print(f"{stage}: {json.dumps(figures)}", flush=True)

    def autoencoder(self) -> Any:
        from diffusers import AutoencoderTiny

        return AutoencoderTiny.from_pretrained(self.folder / "vae").eval().requires_grad_(False)

    def model(self) -> Diffusion:
        model = Diffusion.open(self.folder / "pipeline").to(self.args.device)
        model.unet.to(memory_format=torch.channels_last)  # a seventh less time a step on one core
        return model

    def contact(self, name: str, pictures: torch.Tensor, columns: int = 8) -> None:
        """A sheet of pictures as a PNG, each point four wide."""
        columns = min(columns, len(pictures))
        big = pictures.repeat_interleave(4, -1).repeat_interleave(4, -2)
        rows = len(big) // columns
        sheet = big[: rows * columns].unflatten(0, (rows, columns)).permute(2, 0, 3, 1, 4)
        to_image(sheet.reshape(3, rows * big.shape[-2], columns * big.shape[-1])).save(self.folder / f"{name}.png")


def autoencoder(run: Run) -> None:
    """Encoder and decoder together."""
    if (run.folder / "vae" / "config.json").is_file():
        return
    vae = fit_autoencoder(
        run.config, run.renderer(), steps=run.args.autoencoder_steps, device=run.args.device, heard=_decibels
    )
    vae.save_pretrained(run.folder / "vae")
    run.note("autoencoder", psnr_db=_psnr(run, vae))


def decoder(run: Run) -> None:
    """The decoder again, alone and longer; the latents stay."""
    if "decoder" in run.said():
        return
    old = run.autoencoder()
    before = _psnr(run, old)
    vae = fit_autoencoder(
        run.config,
        run.renderer(),
        steps=run.args.decoder_steps,
        device=run.args.device,
        encoder=old,
        noise=0.1,
        heard=_decibels,
    )
    vae.save_pretrained(run.folder / "vae")
    model = run.model()
    model.pipeline.vae = vae
    _save_pipeline(model.pipeline, run.folder / "pipeline")
    run.note("decoder", psnr_db=_psnr(run, vae), psnr_before_db=before)


def oracle(run: Run) -> None:
    """The judge."""
    place = run.folder / "oracle"
    judge = Oracle.load(place) if (place / "oracle.json").is_file() else None
    if judge is None:
        judge = fit_oracle(run.renderer(), steps=run.args.oracle_steps, device=run.args.device)
        judge.save(place)
    elif "oracle" in run.said():
        return
    found = {}
    for level in ("combination", "value"):
        rng = torch.Generator().manual_seed(99)
        truth = Picture(draw_subjects(200, rng, level=level).repeat(5, 1), draw_scenes(1000, rng))
        right = judge.right(run.renderer().draw(truth), truth)
        found[level] = {name: round(value.float().mean().item(), 4) for name, value in right.items()}
    run.note("oracle", **found)


def base(run: Run) -> None:
    """U-Net and text encoder."""
    if run.said().get("base", {}).get("steps") == run.args.base_steps:
        return
    vae = run.autoencoder()
    tokenizer = new_tokenizer(run.config, run.folder / "tokenizer")
    fit = BaseFit(steps=run.args.base_steps, batch=run.args.base_batch, pool=run.args.base_pool)

    def look(step: int, pipeline: Any) -> None:
        model = Diffusion(pipeline)
        run.note(f"base at {step}", **_prompted(run, model, min(24, run.args.prompts), f"base-{step:05d}"))
        _save_pipeline(pipeline, run.folder / "pipeline")

    fit_base(run.config, fit, tokenizer, vae, run.folder, device=run.args.device, heard=_loss, look=look)
    run.note("base", steps=fit.steps, **_prompted(run, run.model(), run.args.prompts, "base"))


def gate(run: Run) -> None:
    """Per-subject LoRAs of several ranks: whether attention can carry a subject at all."""
    if "gate" in run.said():
        return
    model, rng = run.model(), torch.Generator().manual_seed(7)
    subjects = draw_subjects(run.args.gate_subjects, rng, level="combination")
    album = make_album(subjects, 8, model, run.renderer(), PictureEncoder(), rng)
    judge, found = Oracle.load(run.folder / "oracle"), {}
    for rank in run.args.gate_ranks:
        rows = fit_loras(model, album, rank=rank, steps=run.args.gate_steps, targets=run.args.targets)
        found[f"rank {rank}"] = _subjects_right(run, model, judge, subjects, rows, f"gate-rank-{rank}")
    run.note("gate", steps=run.args.gate_steps, targets=run.args.targets, **found)


def subject(run: Run) -> None:
    """The hypernetwork."""
    if run.said().get("subject", {}).get("steps") == run.args.subject_steps:
        return
    training = Training(run)
    network = training.fit("subject", run.folder / "subject-run", training.asked, keep=True)
    run.note("subject", steps=training.asked.steps, **training.figures(network, "subject"))


def sweep(run: Run) -> None:
    """Short trainings from one reading, over the weight of the L2 term on what the heads give."""
    if "sweep" in run.said():
        return
    training, found = Training(run), {}
    read = run.folder / "sweep" / "reading"
    training.fit("reading", read, replace(training.asked, steps=0))
    for penalty in run.args.penalties:
        place = run.folder / "sweep" / f"{penalty:g}"
        if not place.is_dir():
            shutil.copytree(read, place)
        heard: list[Mapping[str, float]] = []
        fit = replace(training.asked, steps=run.args.sweep_steps, penalty=penalty)
        network = training.fit(f"penalty {penalty:g}", place, fit, heard=heard)
        last = {k: round(sum(h[k] for h in heard[-5:]) / len(heard[-5:]), 4) for k in ("loss", "norm")} if heard else {}
        found[f"{penalty:g}"] = {**last, **training.figures(network, f"sweep-{penalty:g}")}
    run.note("sweep", steps=run.args.sweep_steps, **found)


def references(run: Run) -> None:
    """The baseline: the same pictures and loss, but tokens for the U-Net's cross-attention in place of an adapter."""
    if run.said().get("references", {}).get("steps") == run.args.references_steps:
        return
    training = Training(run)
    fit = replace(training.asked, steps=run.args.references_steps, lr=run.args.references_lr, penalty=0.0)
    sizes = training.album.tokens.shape
    config = ReferenceConfig(
        token_width=sizes[3], tokens_per_picture=sizes[2], width=run.args.references_width, layers=2
    )

    def figures(reader: ReferenceReader, name: str) -> dict[str, float]:
        with torch.no_grad():
            read = reader(training.held.tokens[:, :3].float())
        return _subjects_right(run, training.model, training.judge, training.held.subjects, read, name)

    def look(step: int, reader: ReferenceReader) -> None:
        reader.record = {"fit": asdict(fit), "step": step, **_machine()}
        reader.save(run.folder / "references.safetensors")
        run.note(f"references at {step}", **figures(reader, f"references-{step:05d}"))

    reader = fit_references(
        config,
        fit,
        training.model,
        training.album,
        run.folder / "references-run",
        base=training.mark,
        read=_reading,
        heard=_losses,
        look=look,
    )
    numbers = sum(p.numel() for p in reader.parameters())
    run.note("references", steps=fit.steps, numbers=numbers, **figures(reader, "references"))


class Training:
    """The album a hypernetwork is trained on, held-out subjects, and what was asked for."""

    def __init__(self, run: Run) -> None:
        self.run, self.model = run, run.model()
        args, encoder, rng = run.args, PictureEncoder(), torch.Generator().manual_seed(11)
        kept = run.folder / "album.safetensors"
        if kept.is_file():
            self.album = Album(**load_file(kept))
        else:
            self.album = make_album(
                draw_subjects(args.subjects, rng), args.views, self.model, run.renderer(), encoder, rng
            )
            save_file(vars(self.album), kept)
        unseen = draw_subjects(args.held, torch.Generator().manual_seed(12), level="combination")
        self.held = make_album(unseen, 4, self.model, run.renderer(), encoder, torch.Generator().manual_seed(13))
        self.judge, self.mark = Oracle.load(run.folder / "oracle"), fingerprint(run.folder / "pipeline")
        self.asked = SubjectFit(
            steps=args.subject_steps,
            batch=args.subject_batch,
            each=args.subject_each,
            reading=args.reading_steps,
            later=args.later,
            lr=args.subject_lr,
            penalty=args.penalty,
            targets=args.targets,
            save_every=args.subject_save_every,
        )

    def fit(
        self, name: str, place: Path, fit: SubjectFit, *, keep: bool = False, heard: list[Any] | None = None
    ) -> SubjectNetwork:
        """Train, going on where it was stopped; with `keep` each checkpoint is also a generator in the run's folder."""

        def look(step: int, network: Any) -> None:
            if keep:
                record = {"fit": asdict(fit), "step": step, **_machine()}
                SubjectGenerator(network, self.mark, record).save(self.run.folder / "subject.safetensors")
            self.run.note(f"{name} at {step}", **self.figures(network, f"{name}-{step:05d}".replace(" ", "-")))

        def losses(step: int, found: Mapping[str, float], seconds: float) -> None:
            _losses(step, found, seconds)
            if heard is not None:
                heard.append(found)

        return fit_subject(
            SubjectConfig(rank=self.run.args.rank),
            fit,
            self.model,
            self.album,
            place,
            base=self.mark,
            read=_reading,
            heard=losses,
            look=look,
        )

    def figures(self, network: SubjectNetwork, name: str) -> dict[str, float]:
        """Attributes right on held-out subjects."""
        rows = hypernetwork_rows(SubjectGenerator(network, self.mark), self.held, 3)
        return _subjects_right(self.run, self.model, self.judge, self.held.subjects, rows, name)


def evaluate(run: Run) -> None:
    """The report."""
    model = run.model()
    generator = SubjectGenerator.load(run.folder / "subject.safetensors")
    beside = run.folder / "references.safetensors"
    reader = ReferenceReader.load(beside).to(run.args.device) if beside.is_file() else None
    options = PictureOptions(
        subjects=run.args.evaluate_subjects,
        seeds=run.args.evaluate_seeds,
        own=run.args.evaluate_own,
        own_steps=tuple(run.args.evaluate_own_steps),
        long_own=run.args.evaluate_long,
        nearest=run.args.evaluate_nearest,
        strangers=run.args.evaluate_strangers,
        grid_subjects=run.args.evaluate_grid,
    )
    judge = Oracle.load(run.folder / "oracle")
    start = time.monotonic()
    found = evaluate_pictures(
        model,
        generator,
        judge,
        options,
        reader=reader,
        kept=run.folder / "own",
        heard=lambda what: print(what, flush=True),
    )
    sizes = {k: v for k, v in asdict(options).items() if k not in ("guidance", "seed")}
    about = {"model": run.args.preset, **_machine(), **sizes, "minutes": round((time.monotonic() - start) / 60, 1)}
    publish_folder(pictures_report(found, about), run.folder / f"report-{int(time.time())}")


STAGES: dict[str, Callable[[Run], None]] = {
    stage.__name__: stage for stage in (autoencoder, oracle, base, decoder, gate, subject, sweep, references, evaluate)
}


def _machine() -> dict[str, Any]:
    return {"machine": platform.machine(), "threads": torch.get_num_threads(), "torch": torch.__version__}


def _decibels(step: int, loss: float, db: float) -> None:
    if step % 500 == 0:
        print(f"step {step}: loss {loss:.4f}, {db:.2f} dB", flush=True)


def _loss(step: int, loss: float, seconds: float) -> None:
    print(f"step {step}: loss {loss:.4f}, {seconds:.0f} s", flush=True)


def _reading(step: int, loss: float) -> None:
    print(f"reading {step}: loss {loss:.3f}", flush=True)


def _losses(step: int, losses: Any, seconds: float) -> None:
    print(f"step {step}: loss {losses['loss']:.4f}, norm {losses['norm']:.3f}, {seconds:.0f} s", flush=True)


@torch.no_grad()
def _psnr(run: Run, vae: Any) -> float:
    """On renders of held-out subjects."""
    rng = torch.Generator().manual_seed(3)
    truth = Picture(draw_subjects(200, rng, level="combination"), draw_scenes(200, rng))
    pictures = run.renderer().draw(truth) * 2 - 1
    again = vae.decode(vae.encode(pictures).latents).sample.clamp(-1, 1)
    return round(decibels((again - pictures).square().mean().item()), 2)


def _prompted(run: Run, model: Diffusion, n: int, name: str) -> dict[str, float]:
    """How often the base draws what a prompt says."""
    rng = torch.Generator().manual_seed(5)
    scenes = draw_scenes(n, rng)
    prompts = [caption(scene) for scene in scenes.tolist()]
    pictures = sample(model, prompts, Sampling(guidance=Guidance.cfg(3.0), steps=15)).cpu()
    run.contact(name, pictures)
    place = run.folder / "oracle"
    if not (place / "oracle.json").is_file():
        return {}
    nobody = torch.zeros(n, len(SUBJECT), dtype=torch.long)
    right = Oracle.load(place).right(pictures, Picture(nobody, scenes))
    return {attribute: round(right[attribute].float().mean().item(), 3) for attribute in SCENE}


def _subjects_right(
    run: Run, model: Diffusion, judge: Oracle, subjects: torch.Tensor, rows: Subjects, name: str
) -> dict[str, float]:
    """Attributes right with each subject's own adapter, in scenes that no reference shows; a sheet to look at."""
    rng = torch.Generator().manual_seed(13)
    scenes = draw_scenes(len(subjects), rng)
    chosen = Sampling(guidance=Guidance.hybrid(3.0, 3.0), steps=15)
    pictures = sample(model, [caption(scene) for scene in scenes.tolist()], chosen, rows).cpu()
    wanted = run.renderer().draw(Picture(subjects, scenes))
    pairs = torch.stack([wanted, pictures], 1).flatten(0, 1)
    run.contact(name, pairs[:48])
    right = judge.right(pictures, Picture(subjects, scenes))
    mean = over_subjects(torch.stack([right[k].float() for k in SUBJECT], 1))
    figures = {k: round(v.float().mean().item(), 3) for k, v in right.items()}
    return {"subject": round(mean.mean, 3), "low": round(mean.low, 3), "high": round(mean.high, 3), **figures}


def _save_pipeline(pipeline: Any, folder: Path) -> None:
    """As diffusers saves it, weights in half precision."""
    import copy

    for name in ("unet", "text_encoder", "vae"):
        copy.deepcopy(getattr(pipeline, name)).half().save_pretrained(folder / name)
    pipeline.tokenizer.save_pretrained(folder / "tokenizer")
    pipeline.scheduler.save_pretrained(folder / "scheduler")
    pipeline.save_config(folder)
    for path in (folder / "model_index.json", *folder.glob("*/config.json")):
        config = json.loads(path.read_text())
        config.pop("_name_or_path", None)  # where this machine had it
        path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n")


def main() -> None:
    """Run one stage, or all in order."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stage", choices=[*STAGES, "all"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", default="mini-sd-32")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--device", default="cpu", help="where it trains and draws, such as cuda")
    parser.add_argument("--autoencoder-steps", type=int, default=5000)
    parser.add_argument("--decoder-steps", type=int, default=8000)
    parser.add_argument("--oracle-steps", type=int, default=1500)
    parser.add_argument("--base-steps", type=int, default=6000)
    parser.add_argument("--base-batch", type=int, default=64)
    parser.add_argument("--base-pool", type=int, default=32768, help="pictures whose latents are kept for the base")
    parser.add_argument("--prompts", type=int, default=192, help="what the base is looked at with")
    parser.add_argument("--held", type=int, default=64, help="unseen subjects that a training is looked at with")
    parser.add_argument("--gate-subjects", type=int, default=16)
    parser.add_argument("--gate-steps", type=int, default=200)
    parser.add_argument("--gate-ranks", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--targets", default=r"attn[12]\.to_(q|k|v|out\.0)$")
    parser.add_argument("--subjects", type=int, default=2000)
    parser.add_argument("--views", type=int, default=6)
    parser.add_argument("--rank", type=int, default=4)
    parser.add_argument("--penalty", type=float, default=1e-4)
    parser.add_argument("--subject-steps", type=int, default=6000)
    parser.add_argument("--subject-batch", type=int, default=16)
    parser.add_argument("--subject-each", type=int, default=3)
    parser.add_argument("--subject-save-every", type=int, default=250)
    parser.add_argument("--reading-steps", type=int, default=600)
    parser.add_argument("--penalties", type=float, nargs="+", default=[0.0, 1e-4, 1e-3, 1e-2])
    parser.add_argument("--sweep-steps", type=int, default=300)
    parser.add_argument("--subject-lr", type=float, default=3e-4)
    parser.add_argument("--later", type=float, default=2.0)
    parser.add_argument("--references-steps", type=int, default=3000)
    parser.add_argument("--references-lr", type=float, default=1e-3)
    parser.add_argument("--references-width", type=int, default=256)
    parser.add_argument("--evaluate-subjects", type=int, default=200)
    parser.add_argument("--evaluate-seeds", type=int, default=3)
    parser.add_argument("--evaluate-own", type=int, default=40)
    parser.add_argument("--evaluate-own-steps", type=int, nargs="+", default=[25, 200])
    parser.add_argument("--evaluate-nearest", type=int, default=500)
    parser.add_argument("--evaluate-long", type=int, default=10)
    parser.add_argument("--evaluate-grid", type=int, default=40)
    parser.add_argument("--evaluate-strangers", type=int, default=40)
    args = parser.parse_args()
    run = Run(args)
    for name in STAGES if args.stage == "all" else [args.stage]:
        STAGES[name](run)


if __name__ == "__main__":
    sys.exit(main())
