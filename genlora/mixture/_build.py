"""Building a mixture from a bank's experts: their weights as they are, routers fitted to their tasks."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal, cast, get_args

import torch

from genlora.bank import Bank, ExpertRecord
from genlora.base import LoadedBase, require_compatible
from genlora.errors import ConfigError, TaskError
from genlora.files import canonical_json, sha256_bytes
from genlora.progress import Progress, silent
from genlora.tasks import Example, catalogue, prompt_ids, sample
from genlora.versions import versions

from ._mixture import Mixture, check_top_k, expert_digest, router_width, sites_of
from ._modules import of_mixture, random_router
from ._routers import Rows, fit_routers
from ._train import MixtureStep, MixtureTraining, train_mixture

log = logging.getLogger(__name__)

Init = Literal["examples", "descriptions", "random"]
PER_EXPERT = 24
"""Training examples of each expert's task that its router is fitted on."""
ROUNDS = 4
"""Fits, each after the first to the states that the mixture of the one before it makes: what one block decides changes
what the next ones read, and a router has to be fitted to what it will read."""
_MAX_TEXT_TOKENS = 256
_TRAINING_EXAMPLES = 600


def build_mixture(
    bank: Bank,
    names: Sequence[str],
    base: LoadedBase,
    examples: Mapping[str, Sequence[Example]] | None = None,
    *,
    top_k: int = 2,
    init: Init = "examples",
    per_expert: int = PER_EXPERT,
    rounds: int = ROUNDS,
    training: MixtureTraining | None = None,
    seed: int = 0,
    progress: Progress = silent,
) -> Mixture:
    """A mixture of the bank's experts `names`, with routers for `base`.

    Args:
        bank: where the experts are.
        names: two or more of its experts.
        base: the bank's base in memory; it is used as it is and left as it was.
        examples: {expert: training examples of its task}, for `init="examples"` and for training; see
            `expert_examples`.
        top_k: how many experts each token gets.
        init: what the routers are fitted to: hidden states of the base on the tasks' examples, or on the experts'
            descriptions (needs no examples, and is worse); or drawn from N(0, 0.02) as in MixLoRA.
        per_expert: examples of each task to fit to.
        rounds: how often to fit; the first time on the base's states, then on the mixture's own.
        training: how to train after that; None leaves the fitted routers and the bank's experts as they are.
        seed: for the choice of examples and random routers.
        progress: told ("fit" or "train", done, total).

    Raises `ConfigError` for names or settings that make no mixture, `UnknownExpertError`, `TaskError` where examples
    are missing, `BaseMismatchError` for another base.
    """
    if len(names) < 2 or len(set(names)) != len(names):
        raise ConfigError(f"a mixture of {', '.join(names) or 'no experts'}; expected two or more different experts.")
    if init not in get_args(Init):
        raise ConfigError(f"init is {str(init)[:40]!r}, expected one of {', '.join(get_args(Init))}.")
    if per_expert < 1 or rounds < 1:
        raise ConfigError(f"per_expert is {per_expert} and rounds {rounds}, expected at least 1 of each.")
    check_top_k(top_k, len(names))
    require_compatible(bank.fingerprint, base.fingerprint, what=f"the bank {bank.files.root}")
    records = [bank.get(name) for name in names]
    states = tuple(bank.state(name) for name in names)
    given = dict(examples or {})
    if init == "examples" or training is not None:
        _require_examples(names, given)
    sites = sites_of(states)
    record: dict[str, Any] = {
        "bank": {"revision": bank.revision, "generation": bank.generation},
        "experts": [_about(r, expert_digest(s)) for r, s in zip(records, states, strict=True)],
        "init": init,
        "seed": seed,
        "versions": versions(),
    }
    rng = torch.Generator().manual_seed(seed)
    routers = {site: random_router(len(names), router_width(base.layout, site), rng) for site in sites}
    made = Mixture(tuple(names), states, routers, top_k, base.layout, bank.fingerprint, record)
    if init != "random":
        rows = _example_rows(base, names, given, per_expert, seed) if init == "examples" else _said_rows(base, records)
        texts = {n: {"texts": len(own), "sha256": _rows_digest(own)} for n, own in zip(names, rows, strict=True)}
        made = fitted(made, base, rows, rounds, progress)
        made = made.with_(record={**record, "rounds": rounds, "fitted_on": texts})
    return made if training is None else trained(made, base, given, training, progress=progress)


def fitted(mixture: Mixture, base: LoadedBase, rows: Sequence[Rows], rounds: int, progress: Progress) -> Mixture:
    """The mixture with routers fitted to token ids of each expert's texts: on the base, then on itself."""
    done, total = 0, rounds * sum(map(len, rows))
    for number in range(rounds):
        here = nullcontext() if number == 0 else of_mixture(mixture).attached(base.model)
        with here:
            at = done
            routers = fit_routers(
                base, rows, list(mixture.sites), progress=lambda n, _, at=at: progress("fit", at + n, total)
            )
        done += total // rounds
        mixture = mixture.with_(routers=routers)
    return mixture


def trained(
    mixture: Mixture,
    base: LoadedBase,
    examples: Mapping[str, Sequence[Example]],
    config: MixtureTraining,
    *,
    progress: Progress = silent,
) -> Mixture:
    """The mixture after `config.steps` steps on its experts' examples; routers only, or experts too.

    Raises `TaskError` where an expert has no examples.
    """
    _require_examples(mixture.names, examples)
    # Before training, so that a run is worth the same whatever order a source lists its examples in.
    chosen = {n: sample(examples[n], _TRAINING_EXAMPLES, seed=config.seed) for n in mixture.names}

    def tell(step: MixtureStep) -> None:
        progress("train", step.step, step.steps)
        log.info("step %d: loss %.4f, balance %.3f", step.step, step.loss, step.balance)

    with of_mixture(mixture).attached(base.model) as mix:
        history = train_mixture(base, mix, chosen, config, on_step=tell)
        states = mix.states() if config.expert_lr else mixture.experts
        routers = mix.routers()
    told = {
        "config": asdict(config),
        "examples": {n: {"n": len(e), "sha256": _examples_digest(e)} for n, e in chosen.items()},
        "loss": [round(history[0].loss, 4), round(history[-1].loss, 4)],
        "balance": [round(history[0].balance, 4), round(history[-1].balance, 4)],
    }
    before = list(mixture.record.get("training", []))
    return mixture.with_(experts=tuple(states), routers=routers, record={**mixture.record, "training": [*before, told]})


def expert_examples(bank: Bank, names: Sequence[str], *, words: Path | None = None) -> dict[str, tuple[Example, ...]]:
    """Training examples of the experts whose task the catalogue knows; the others are left out.

    `words` is the folder of extra word tasks, for experts trained on those.
    """
    from genlora.tasks import catalogue_task

    found = {}
    for name in names:
        entry = catalogue().get(name)
        if entry is None or entry.source != bank.get(name).source or (entry.scheme == "words" and words is None):
            continue
        found[name] = catalogue_task(name, words_folder=words).split("train")
    return found


def check_init(text: str) -> Init:
    """`text` if it names a start of the routers, else `ConfigError`."""
    if text not in get_args(Init):
        raise ConfigError(f"init is {text[:40]!r}, expected one of {', '.join(get_args(Init))}.")
    return cast(Init, text)


def _require_examples(names: Sequence[str], examples: Mapping[str, Sequence[Example]]) -> None:
    missing = [n for n in names if not examples.get(n)]
    if missing:
        raise TaskError(
            f"no training examples for {', '.join(missing)}: the catalogue does not hold its task, or its source is "
            "not here. Give some with --examples NAME=FILE (JSON Lines) or --words FOLDER, or use the descriptions: "
            "--init descriptions"
        )


def _example_rows(
    base: LoadedBase, names: Sequence[str], examples: Mapping[str, Sequence[Example]], most: int, seed: int
) -> list[list[list[int]]]:
    out = []
    for name in names:
        chosen = sample(examples[name], most, seed=seed)
        answers = base.tokenizer([e.output for e in chosen], add_special_tokens=False).input_ids
        rows = [[*prompt_ids(base.tokenizer, e.input), *a] for e, a in zip(chosen, answers, strict=True)]
        out.append([r[:_MAX_TEXT_TOKENS] for r in rows])
    return out


def _said_rows(base: LoadedBase, records: Sequence[ExpertRecord]) -> list[list[list[int]]]:
    return [[prompt_ids(base.tokenizer, d)[:_MAX_TEXT_TOKENS] for d in r.descriptions] for r in records]


def _about(record: ExpertRecord, digest: str) -> dict[str, Any]:
    return {
        "name": record.name,
        "description": record.description,
        "record": record.digest,
        "sha256": digest,
        "source": record.source,
        "licence": record.licence,
        "rank": record.rank,
        "saw": list(record.saw),
    }


def _rows_digest(rows: Sequence[Sequence[int]]) -> str:
    return sha256_bytes(canonical_json([list(r) for r in rows]))


def _examples_digest(examples: Sequence[Example]) -> str:
    return sha256_bytes(canonical_json([[e.input, e.output] for e in examples]))
