"""Rounds over clients: what is exact is exact, what travels is all that travels, and whoever misbehaves is told."""

import json

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, aggregate, read_record
from genlora.base import load_base
from genlora.errors import (
    AdapterFormatError,
    AdapterShapeError,
    BaseMismatchError,
    ConfigError,
    ManifestError,
    TaskError,
    TrainingError,
    UnsafeNameError,
)
from genlora.tasks import Example
from genlora.train.federated import (
    Client,
    ClientConfig,
    FederatedConfig,
    Order,
    Server,
    Update,
    read_clients,
    run_rounds,
)
from genlora.train.federated._wire import KEY

TRAIN = ClientConfig(rank=4, lr=0.02, steps=4)


@pytest.fixture(scope="module")
def base(tiny_base):
    base = load_base(str(tiny_base("llama")), attn_implementation="eager")
    base.model.requires_grad_(False)
    return base


def examples(word, answer, n):
    return [Example(f"{word} {i} the", answer) for i in range(n)]


@pytest.fixture(scope="module")
def clients(base):
    """Two clients with other words, numbers of rows and ranks."""
    return {
        "a": Client("a", base, examples("one", "the", 15), rank=4),
        "b": Client("b", base, examples("two", "in", 50), rank=2),
    }


def run(base, clients, folder, aggregate="flora", rounds=2, **options):
    config = FederatedConfig(rounds=rounds, aggregate=aggregate, client=TRAIN, **options)
    server = Server(base.layout, config, {n: c.rank for n, c in clients.items()}, folder)
    return run_rounds(server, {n: c.answer for n, c in clients.items()}), config


@pytest.mark.parametrize("name", ["flora", "fair", "fedavg", "svd"])
def test_every_round_lowers_the_loss_and_flora_is_exact(base, clients, tmp_path, name):
    found, config = run(base, clients, tmp_path / "run", name)
    losses = [*(r.loss for r in found.rounds), found.loss]
    assert losses == sorted(losses, reverse=True)
    assert [r.rank for r in found.rounds] == ([6, 12] if name == "flora" else [4, 4])
    if name == "flora":
        assert max(r.error for r in found.rounds) < 1e-5 and all(r.lost == 0 for r in found.rounds)
    card = found.card(config)
    assert card["clients"]["a"]["rows"] == 15 and card["clients"]["a"]["held_out"] == 0  # too few to keep some out
    assert card["clients"]["b"]["rows"] + card["clients"]["b"]["held_out"] == 50 > card["clients"]["b"]["rows"]
    assert card["left_the_clients"]["bytes"] == sum(c["bytes_sent"] for c in card["clients"].values())


def test_floras_sum_of_a_round_has_a_lower_loss_than_averaged_factors(base, clients, tmp_path):
    # Of one round, that is: of several short ones averaging may be ahead, since it need not begin anew (see the docs).
    exact, _ = run(base, clients, tmp_path / "flora", "flora", rounds=1)
    mean, _ = run(base, clients, tmp_path / "mean", "fedavg", rounds=1)
    assert exact.loss < mean.loss


def test_fair_is_nearer_to_the_exact_sum_than_averaging_from_the_same_updates(base, clients, tmp_path):
    fair, _ = run(base, clients, tmp_path / "fair", "fair", rounds=1)
    mean, _ = run(base, clients, tmp_path / "mean", "fedavg", rounds=1)
    assert fair.rounds[0].error < mean.rounds[0].error


def test_what_leaves_a_client_is_factors_and_a_few_numbers(base, clients, tmp_path):
    config = FederatedConfig(rounds=1, client=TRAIN)
    server = Server(base.layout, config, {"a": 4}, tmp_path / "run")
    sent = clients["a"].answer(server.order().to_bytes())
    tensors, record = read_record(sent, where="", key=KEY)
    assert set(record) == {"format", "client", "number", "fingerprint", "rows", "held", "before", "after"}
    assert all(name.endswith((".a", ".b")) for name in tensors)
    assert b"one 3" not in sent


def test_the_first_rounds_sum_is_the_clients_own_work(base, clients, tmp_path):
    found, _ = run(base, clients, tmp_path / "run", rounds=1)
    kept = [(tmp_path / "run" / "rounds" / "001" / f"{n}.safetensors").read_bytes() for n in ("a", "b")]
    updates = [Update.from_bytes(k, base.layout, where="", number=0) for k in kept]
    shares = [u.rows / sum(v.rows for v in updates) for u in updates]
    wanted = aggregate("flora", [u.state for u in updates if u.state], shares).state
    for path, pair in found.state.items():
        torch.testing.assert_close(pair.delta(), wanted[path].delta(), rtol=1e-5, atol=1e-6)


def test_a_killed_run_goes_on_and_ends_the_same(base, clients, tmp_path):
    whole, _ = run(base, clients, tmp_path / "whole", "fair")
    asked = []

    def config():
        return FederatedConfig(rounds=2, aggregate="fair", client=TRAIN)

    def dies(order):
        asked.append("b")
        if len(asked) == 2:
            raise KeyboardInterrupt
        return clients["b"].answer(order)

    ranks = {n: c.rank for n, c in clients.items()}
    with pytest.raises(KeyboardInterrupt):
        run_rounds(Server(base.layout, config(), ranks, tmp_path / "run"), {"a": clients["a"].answer, "b": dies})
    server = Server(base.layout, config(), ranks, tmp_path / "run")
    assert server.number == 1 and server.kept("a") is not None and server.kept("b") is None
    again = run_rounds(server, {n: c.answer for n, c in clients.items()})
    assert all(torch.equal(p.b, whole.state[path].b) for path, p in again.state.items())
    assert [r.to_json() for r in again.rounds] == [r.to_json() for r in whole.rounds]
    with pytest.raises(ConfigError, match="begun with other settings"):
        Server(base.layout, FederatedConfig(rounds=5, client=TRAIN), ranks, tmp_path / "run")
    (tmp_path / "run" / "rounds" / "002.safetensors").write_bytes(b"x")
    with pytest.raises(TrainingError, match="not a round of this run"):
        Server(base.layout, config(), ranks, tmp_path / "run")


def test_a_client_that_dies_ends_the_round_or_is_left_out_of_it(base, clients, tmp_path):
    def dies(order):
        raise TrainingError("out of memory")

    ranks = {n: c.rank for n, c in clients.items()}
    both = {"a": clients["a"].answer, "b": dies}
    with pytest.raises(TrainingError, match=r"round 1: 1 of 2 clients answered, 2 are needed\. b: out of memory"):
        run_rounds(Server(base.layout, FederatedConfig(rounds=1, client=TRAIN), ranks, tmp_path / "all"), both)
    config = FederatedConfig(rounds=1, client=TRAIN, least=1)
    found = run_rounds(Server(base.layout, config, ranks, tmp_path / "one"), both)
    assert found.rounds[0].failed == {"b": "out of memory"} and set(found.rounds[0].clients) == {"a"}
    assert found.card(config)["history"][0]["failed"] == {"b": "out of memory"}


def _update(base, **changes):
    path = base.layout.of(("q_proj",))[0].path
    state = changes.pop("state", AdapterState({path: LoraPair(torch.ones(4, 64), torch.ones(64, 4))}))
    plain = {"client": "a", "number": 0, "fingerprint": base.layout.fingerprint, "rows": 5, "held": 0}
    return Update(**{**plain, "before": 1.0, "after": 1.0, **changes}, state=state).to_bytes()


def test_updates_of_other_bases_rounds_ranks_and_sizes_are_refused(base, tmp_path):
    server = Server(base.layout, FederatedConfig(client=TRAIN), {"a": 4}, tmp_path / "run")
    path = base.layout.of(("q_proj",))[0].path
    wild = AdapterState({path: LoraPair(torch.full((4, 64), float("inf")), torch.ones(64, 4))})
    thin = AdapterState({path: LoraPair(torch.ones(2, 64), torch.ones(64, 2))})
    other = AdapterState({path: LoraPair(torch.ones(4, 8), torch.ones(64, 4))})
    foreign = AdapterState({"model.nowhere": LoraPair(torch.ones(4, 64), torch.ones(64, 4))})
    for data, error, says in (
        (_update(base, fingerprint="0" * 64), BaseMismatchError, "All clients and the server need the same base"),
        (_update(base, number=3), TrainingError, "is of round 3, expected 0"),
        (_update(base, rows=0), ManifestError, "names no rows or losses"),
        (_update(base, before=1), ManifestError, "names no rows or losses"),
        (_update(base, state=wild), AdapterFormatError, "expected a finite number"),
        (_update(base, state=thin), TrainingError, r"of rank \[2\], expected 4"),
        (_update(base, state=other), AdapterShapeError, "expected 64 x 64"),
        (_update(base, state=foreign), AdapterShapeError, "no projection"),
        (_update(base, state=None), TrainingError, "expected 4"),
        (b"\x00" * 40, ManifestError, "not tensors with a record"),
    ):
        with pytest.raises(error, match=says):
            server.keep("a", data)


def test_a_client_refuses_orders_for_another_base_or_of_another_program(base, clients, tmp_path):
    good = Order(0, "flora", base.layout.fingerprint, TRAIN.to_json(), None)
    for order, error in (
        (Order(0, "flora", "0" * 64, TRAIN.to_json(), None), BaseMismatchError),
        (Order(0, "flora", base.layout.fingerprint, {"steps": 3}, None), ManifestError),
        (Order(0, "flora", base.layout.fingerprint, {**TRAIN.to_json(), "more": 1}, None), ManifestError),
    ):
        with pytest.raises(error):
            clients["a"].answer(order.to_bytes())
    assert Order.from_bytes(good.to_bytes(), base.layout).state is None


def folder(tmp_path, **clients):
    root = tmp_path / "clients"
    for name, files in clients.items():
        (root / name).mkdir(parents=True)
        for file, text in files.items():
            (root / name / file).write_text(text)
    return root


def test_folders_are_read_in_every_usual_form(base, tmp_path):
    root = folder(
        tmp_path,
        east={"a.txt": "x => y\nx => y\n", "b.csv": "input,output\nz,w\n", "notes.md": "not read"},
        west={
            "a.jsonl": '{"task": "t", "descriptions": ["say y"], "licence": "MIT"}\n{"input": "q", "output": "r"}\n',
            "client.json": json.dumps({"rank": 3, "base": base.layout.fingerprint}),
        },
    )
    east, west = read_clients(root, base.layout)
    assert [e.input for e in east.examples] == ["x", "z"] and east.rank is None and east.descriptions == ()
    assert west.rank == 3 and west.descriptions == ("say y",) and west.licences == ("MIT",)


def test_bad_client_folders_are_told_by_name(base, tmp_path):
    good = {"a.txt": "x => y\n"}
    for i, (bad, error, says) in enumerate(
        (
            ({}, TaskError, "client bad has no file of examples"),
            ({"a.jsonl": "{not json"}, TaskError, "a.jsonl"),
            ({"a.txt": ""}, TaskError, "a.txt"),
            ({**good, "client.json": '{"base": "ffff"}'}, BaseMismatchError, "client.json: is of the base 'ffff'"),
            ({**good, "client.json": '{"rank": 0}'}, ConfigError, "rank is 0"),
            ({**good, "client.json": '{"rnak": 2}'}, ManifestError, "expected"),
        )
    ):
        root = folder(tmp_path / str(i), fine=good, bad=bad)
        with pytest.raises(error, match=says):
            read_clients(root, base.layout)
    with pytest.raises(TaskError, match="no such folder"):
        read_clients(tmp_path / "nowhere", base.layout)
    with pytest.raises(TaskError, match="holds 1 folders, expected 2"):
        read_clients(folder(tmp_path / "lone", fine=good), base.layout)
    with pytest.raises(UnsafeNameError):
        read_clients(folder(tmp_path / "odd", **{"fine": good, "A b": good}), base.layout)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"aggregate": "mean"}, "no aggregation 'mean'"),
        ({"aggregate": "flora", "options": {"lam": 1}}, "no option 'lam'"),
        ({"rounds": 0}, "rounds is 0"),
        ({"client": ClientConfig(rank=65)}, "a client's rank is 65"),
        ({"client": ClientConfig(targets=("none_proj",))}, "no modules named none_proj"),
    ],
)
def test_settings_that_cannot_be_are_refused(base, tmp_path, options, says):
    with pytest.raises(ConfigError, match=says):
        Server(base.layout, FederatedConfig(**options), {"a": None}, tmp_path / "run")
