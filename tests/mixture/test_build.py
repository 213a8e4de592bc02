"""From a bank to a mixture: closed-form routers, training, the command line, and the HTTP service."""

import json
import random

import httpx
import pytest
import torch
from click.testing import CliRunner

from genlora.bank import Bank, ExpertRecord
from genlora.base import load_base
from genlora.cli import cli
from genlora.errors import BaseMismatchError, ConfigError, TaskError, UnknownExpertError
from genlora.mixture import (
    MixtureTraining,
    build_mixture,
    expert_examples,
    of_mixture,
    read_mixture,
    trained,
    write_mixture,
)
from genlora.mixture._routers import SiteStatistics, fit_routers, shared_tokens
from genlora.tasks import Example, catalogue_task

from .world import expert, mixture

NAMES = ("vowels", "consonants", "digits")
LETTERS = {"vowels": "aeiou", "consonants": "rtnsh", "digits": "23578"}


def examples_of(name, n=40):
    rng = random.Random(name)
    texts = {" ".join(rng.choices(LETTERS[name], k=rng.randint(3, 8))) for _ in range(2 * n)}
    return tuple(Example(t, t[0] + t[-1]) for t in sorted(texts)[:n])


EXAMPLES = {name: examples_of(name) for name in NAMES}


@pytest.fixture(scope="module")
def base(tiny_base):
    return load_base(str(tiny_base("llama")), attn_implementation="eager")


@pytest.fixture(scope="module")
def bank_path(base, tmp_path_factory):
    path = tmp_path_factory.mktemp("mixture") / "bank"
    with Bank.create(path, base.layout, base.fingerprint, rank=4) as bank, bank.atomic() as tx:
        for i, name in enumerate((*NAMES, "r-plural")):
            row = torch.nn.functional.one_hot(torch.tensor([i]), 8).float().numpy()
            source = "rule:plural" if name == "r-plural" else f"jsonl:{name}"
            record = ExpertRecord(name, (f"work on {name}",), row, embedder="e" * 64, source=source, licence="MIT")
            tx.add(record, expert(base.layout, i, rank=4, size=0.1))
    return path


@pytest.fixture(scope="module")
def bank(bank_path):
    with Bank.open(bank_path, readonly=True) as opened:
        yield opened


def right_share(made, base):
    """Share of the last tokens of new inputs, over all blocks, whose first expert is their task's own."""
    from genlora.tasks import prompt_ids

    ends = [prompt_ids(base.tokenizer, text)[::-1] for text in ("a", "7")]
    end = next(i for i, (x, y) in enumerate(zip(*ends, strict=True)) if x != y)  # tokens of the frame after the input
    found = []
    with of_mixture(made).attached(base.model) as mix, torch.inference_mode():
        for i, name in enumerate(made.names):
            for e in examples_of(name, 60)[40:]:
                ids = prompt_ids(base.tokenizer, e.input)[:-end]
                base.model(input_ids=torch.tensor([ids]), use_cache=False)
                found += [int(s.routing.probabilities[-1].argmax()) == i for _, s in mix.items()]
    return sum(found) / len(found)


def test_fitted_routers_tell_the_tasks_apart_and_random_ones_do_not(base, bank):
    fitted = build_mixture(bank, NAMES, base, EXAMPLES, rounds=2)
    assert right_share(fitted, base) > 0.8
    assert right_share(build_mixture(bank, NAMES, base, init="random"), base) < 0.6
    assert fitted.digest == build_mixture(bank, NAMES, base, EXAMPLES, rounds=2).digest
    about = fitted.record["experts"]
    assert [e["name"] for e in about] == list(NAMES) and about[0]["licence"] == "MIT"
    assert fitted.record["bank"]["revision"] == bank.revision
    assert fitted.record["fitted_on"]["digits"]["texts"] == 24
    assert not any(type(m).__name__.startswith("Mixed") for m in base.model.modules())


def test_the_discriminant_is_the_one_of_gaussian_classes():
    """Against the posterior of the classes the states were drawn from."""
    g = torch.Generator().manual_seed(0)
    means = 2 * torch.randn(3, 6, generator=g)
    root = torch.randn(6, 6, generator=g) / 6**0.5 + torch.eye(6)
    owner = torch.arange(3).repeat_interleave(4000)
    x = means[owner] + torch.randn(len(owner), 6, generator=g) @ root.T
    statistics = SiteStatistics([4000] * 3)
    for part in range(0, len(x), 1000):  # batches, in any order
        order = torch.randperm(len(x), generator=torch.Generator().manual_seed(5))[part : part + 1000]
        statistics.add(x[order], owner[order])
    router = statistics.router(shrinkage=0.0)
    found = torch.softmax(x @ router.weight.T + router.bias, dim=1)
    true = torch.distributions.MultivariateNormal(means, root @ root.T)
    posterior = torch.softmax(true.log_prob(x[:, None].expand(-1, 3, -1)), dim=1)
    assert (found - posterior).abs().mean() < 0.01


def test_states_of_padding_and_of_the_shared_frame_do_not_count(base):
    rows = [[[1, 5, 6, 7, 8], [1, 5, 9]], [[1, 5, 20, 21], [1, 5, 22, 23, 24, 25]]]
    assert shared_tokens(rows) == 2
    sites = ["model.layers.1.self_attn"]
    once = fit_routers(base, rows, sites)[sites[0]]
    alone = fit_routers(base, [list(reversed(own)) for own in rows], sites)[sites[0]]
    assert torch.allclose(once.weight, alone.weight, atol=1e-4)


def test_training_lowers_the_loss_and_leaves_the_rest_alone(base, bank):
    start = build_mixture(bank, NAMES, base, init="random", top_k=2)
    weights = {k: v.clone() for k, v in base.model.state_dict().items()}
    config = MixtureTraining(steps=30, lr=3e-2, tokens=80)
    routers_only = trained(start, base, EXAMPLES, config)
    before, after = routers_only.record["training"][0]["loss"]
    assert after < before
    assert all(torch.equal(a[p].b, b[p].b) for a, b in zip(start.experts, routers_only.experts, strict=True) for p in a)
    both = trained(start, base, EXAMPLES, MixtureTraining(steps=30, lr=3e-2, expert_lr=1e-2, tokens=80))
    assert both.record["training"][0]["loss"][1] < after - 0.1
    assert len({start.digest, routers_only.digest, both.digest}) == 3
    assert trained(start, base, EXAMPLES, config).digest == routers_only.digest
    assert all(torch.equal(v, weights[k]) for k, v in base.model.state_dict().items())
    assert not any(p.requires_grad for p in base.model.parameters())


def test_what_makes_no_mixture_is_said(base, bank, tiny_base):
    with pytest.raises(ConfigError, match="two or more different experts"):
        build_mixture(bank, ["vowels", "vowels"], base, EXAMPLES)
    with pytest.raises(ConfigError, match="top_k is 4, expected 1 to the number of experts"):
        build_mixture(bank, NAMES, base, EXAMPLES, top_k=4)
    with pytest.raises(UnknownExpertError, match="no expert 'vowel'"):
        build_mixture(bank, ["vowel", "digits"], base, EXAMPLES)
    with pytest.raises(TaskError, match=r"no training examples for consonants, digits: .* --examples NAME=FILE"):
        build_mixture(bank, NAMES, base, {"vowels": EXAMPLES["vowels"]})
    with pytest.raises(BaseMismatchError, match="was made for base"):
        build_mixture(bank, NAMES, load_base(str(tiny_base("llama", seed=3))), EXAMPLES)
    with pytest.raises(ConfigError, match="steps must be 1 to"):
        MixtureTraining(steps=0)
    assert build_mixture(bank, NAMES, base, init="descriptions", rounds=1).record["init"] == "descriptions"


def test_examples_come_from_the_catalogue_where_it_holds_the_experts_task(bank):
    found = expert_examples(bank, ["vowels", "r-plural"])
    assert list(found) == (["r-plural"] if catalogue_task("r-plural").source == "rule:plural" else [])


# The command.


@pytest.fixture
def build(bank_path, tiny_base, tmp_path):
    files = []
    for name, rows in EXAMPLES.items():
        file = tmp_path / f"{name}.jsonl"
        file.write_text("".join(json.dumps({"input": e.input, "output": e.output}) + "\n" for e in rows))
        files += ["--examples", f"{name}={file}"]

    def call(*args, files=files):
        fixed = ["bank", "mixture", "--bank", str(bank_path), "--base", str(tiny_base("llama"))]
        return CliRunner().invoke(cli, [*fixed, *files, *map(str, args)])

    return call


def test_the_command_writes_a_mixture_that_reads_back(build, tmp_path):
    out = tmp_path / "mix"
    result = build("--experts", ",".join(NAMES), "-o", out, "--json", "--steps", 2)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["id"] == read_mixture(out).key and told["record"]["training"][0]["config"]["steps"] == 2
    assert build("--experts", ",".join(NAMES), "-o", out).exit_code == 2
    again = build("--experts", "vowels, digits", "-o", out, "--force", "--top-k", 1, "--init", "descriptions", files=[])
    assert again.exit_code == 0, again.output
    (out / "notes.txt").write_text("mine")
    refused = build("--experts", "vowels, digits", "-o", out, "--force", files=[])
    assert refused.exit_code == 2 and "'notes.txt', which genlora did not write" in refused.output
    assert "2 experts (vowels, digits), 1 for each token" in again.stdout
    assert f"genlora serve --mixture {out}" in again.stdout


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (["--experts", "vowels"], "two or more different experts"),
        (["--experts", "vowels,nobody"], "no expert 'nobody'"),
        (["--experts", "vowels,digits", "--top-k", "3"], "top_k is 3, expected 1 to the number of experts (2)"),
        (["--experts", "vowels,digits", "--examples", "other=x"], "none of --experts"),
        (["--experts", "vowels,digits", "--examples", "vowels"], "expected NAME=FILE"),
        (["--experts", "vowels,digits", "--train-experts"], "needs --steps"),
        (["--experts", "vowels,digits"], "no training examples for vowels, digits"),
    ],
)
def test_the_command_says_why(build, tmp_path, argv, says):
    result = build(*argv, "-o", tmp_path / "out", files=[])
    assert result.exit_code == 2 and says in " ".join(result.output.split()), result.output
    assert "Traceback" not in result.output and not (tmp_path / "out").exists()


# The service.


def test_a_mixture_is_a_model_of_the_server(serving, served_base, allow_sockets):
    made = mixture(served_base, 3)
    chat = {"messages": [{"role": "user", "content": "on the sea"}], "max_tokens": 12}
    with serving(library={"mixtures": [made]}) as s, httpx.Client(base_url=s.url, timeout=60) as client:
        listed = {m["id"]: m["genlora"] for m in client.get("/v1/models").json()["data"]}
        assert listed[made.key] == {"kind": "mixture", "description": "a mixture of e0, e1, e2"}
        said = [
            client.post("/v1/chat/completions", json={**chat, "model": model}).json()["choices"][0]["message"][
                "content"
            ]
            for model in (made.key, made.key, "base")
        ]
        assert said[0] == said[1] != said[2]
        card = client.get(f"/v1/adapters/{made.key}").json()
        assert card["kind"] == "mixture" and card["experts"] == ["e0", "e1", "e2"] and card["top_k"] == 2
        refused = client.get(f"/v1/adapters/{made.key}?format=zip")
        assert refused.status_code == 404 and "it has no PEFT folder" in refused.text
        assert client.get("/v1/adapters/mixture:0123456789abcdef").status_code == 404


def test_a_mixture_of_another_base_is_refused_by_the_library(served_bank, embedder, tiny_base):
    from genlora import GenLora
    from genlora.api import Library

    other = mixture(load_base(str(tiny_base("llama", seed=3))))
    with GenLora(served_bank, embedder=embedder) as lora, pytest.raises(BaseMismatchError, match="mixture:"):
        Library(lora, mixtures=[other])


def test_serve_reads_mixtures_before_it_loads_anything(tmp_path, served_base):
    folder = write_mixture(mixture(served_base), tmp_path / "mix")
    (folder / "mixture.safetensors").write_bytes(b"damaged")
    result = CliRunner().invoke(cli, ["serve", "--mixture", str(folder)])
    assert result.exit_code == 2 and "its digest differs" in result.output
