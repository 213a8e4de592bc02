import dataclasses

import numpy as np
import pytest
import torch

from genlora.adapter import AdapterState, LoraPair
from genlora.errors import BaseMismatchError, ManifestError
from genlora.generators import (
    Calibration,
    HypernetGenerator,
    HyperNetwork,
    MultitaskGenerator,
    NetworkConfig,
    Request,
    expert_codes,
    neighbour_code,
    start_tensors,
)

from .test_artefact import artefact, layout

CONFIG = NetworkConfig(text_dim=16, hidden_dim=12, dropout=0.0)
FLAT = Calibration(tuple(i / 20 for i in range(21)), tuple(i / 20 for i in range(21)), 20, 20, 0)


def state(seed, rank=4, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return AdapterState(
        {
            m.path: LoraPair(torch.randn(rank, m.d_in, generator=g), torch.randn(m.d_out, rank, generator=g), scale)
            for m in layout().of(("q_proj", "v_proj"))
        }
    )


class Shelf:
    """A library of three random experts, searched by brute force."""

    layout, rank, generation = layout(), 4, 0

    def __init__(self):
        g = np.random.default_rng(0)
        self.vectors = {f"e{i}": v / np.linalg.norm(v) for i, v in enumerate(g.normal(size=(3, 16)))}
        self.states = {name: state(i) for i, name in enumerate(self.vectors)}

    def __len__(self):
        return 3

    def names(self):
        return list(self.vectors)

    def get(self, name):
        return Record(name)

    def state(self, name):
        return self.states[name]

    def search(self, vector, k):
        found = [Found(n, float(v @ vector)) for n, v in self.vectors.items()]
        return sorted(found, key=lambda f: -f.similarity)[:k]


@dataclasses.dataclass
class Found:
    name: str
    similarity: float


@dataclasses.dataclass
class Record:
    name: str
    parent: str = "p"
    licence: str = "mit"
    blob: str = "b" * 64
    embeddings: object = None


def trained(code_dim=0, seed=0):
    """An artefact of a network whose heads are not zero."""
    torch.manual_seed(seed)
    config = dataclasses.replace(CONFIG, code_dim=code_dim)
    network = HyperNetwork(config, start_tensors(state(9), layout(), ("q_proj", "v_proj"), config.scale))
    for head in network.heads.values():
        torch.nn.init.normal_(head.weight, std=0.5)
    tensors = {k: v.detach().half() for k, v in network.state_dict().items()}
    if code_dim:
        codes = expert_codes(Shelf().states, code_dim - 2)
        tensors |= {f"code.{n}": torch.from_numpy(c) for n, c in codes.items()}
    return artefact(
        kind="hypernet",
        config={"targets": ["q_proj", "v_proj"], "scale": config.scale, "network": config.to_json()},
        tensors=tensors,
    )


def vector(seed):
    v = np.random.default_rng(seed).normal(size=16)
    return (v / np.linalg.norm(v)).astype(np.float32)


def test_an_untrained_network_gives_exactly_the_adapter_it_starts_from():
    begun = state(3, scale=1.0)
    network = HyperNetwork(CONFIG, start_tensors(begun, layout(), ("q_proj", "v_proj"), CONFIG.scale))
    factors = network(torch.randn(5, 16))
    for leaf, (a, b) in factors.items():
        for i, m in enumerate(layout().of((leaf,))):
            for row in range(5):
                torch.testing.assert_close(CONFIG.scale * b[row, i] @ a[row, i], begun[m.path].delta())


def test_the_description_changes_the_adapter_and_the_same_one_does_not():
    generator = HypernetGenerator(Shelf(), FLAT, trained())
    one = generator.generate(Request(description="one"), vector(1)).adapter
    again = generator.generate(Request(description="one"), vector(1)).adapter
    two = generator.generate(Request(description="two"), vector(2)).adapter
    path = "model.layers.1.self_attn.q_proj"
    assert torch.equal(one[path].a, again[path].a) and torch.equal(one[path].b, again[path].b)
    assert not torch.allclose(one[path].delta(), two[path].delta(), rtol=1e-3)
    assert set(one) == {m.path for m in layout().of(("q_proj", "v_proj"))}


def test_neighbours_count_only_where_the_network_reads_them():
    plain = HypernetGenerator(Shelf(), FLAT, trained()).generate(Request(description="x"), vector(1))
    aware = HypernetGenerator(Shelf(), FLAT, trained(code_dim=6)).generate(Request(description="x"), vector(1))
    assert plain.neighbours == ()
    assert [n.name for n in aware.neighbours] and sum(n.weight for n in aware.neighbours) == pytest.approx(1)
    left_out = frozenset({aware.neighbours[0].name})
    other = HypernetGenerator(Shelf(), FLAT, trained(code_dim=6)).generate(
        Request(description="x", exclude=left_out), vector(1)
    )
    path = "model.layers.0.self_attn.v_proj"
    assert not torch.allclose(other.adapter[path].delta(), aware.adapter[path].delta())


def test_another_rank_is_the_best_cut_of_the_same_update():
    generator = HypernetGenerator(Shelf(), FLAT, trained())
    full = generator.generate(Request(description="x"), vector(1))
    small = generator.generate(Request(description="x", rank=2), vector(1))
    large = generator.generate(Request(description="x", rank=6), vector(1))
    assert {p.rank for p in small.adapter.values()} == {2} and 0 < small.discarded < 1
    assert {p.rank for p in large.adapter.values()} == {6} and large.discarded == 0
    for path, pair in full.adapter.items():
        torch.testing.assert_close(large.adapter[path].delta(), pair.delta(), rtol=1e-4, atol=1e-5)
        u, s, vh = torch.linalg.svd(pair.delta())
        best = u[:, :2] * s[:2] @ vh[:2]
        torch.testing.assert_close(small.adapter[path].delta(), best, rtol=1e-3, atol=1e-3)


def test_a_damaged_or_foreign_artefact_is_refused():
    good = trained()
    tensors = dict(good.tensors)
    name = "heads.q_proj.weight"
    with pytest.raises(ManifestError, match="not finite"):
        bad = {**tensors, name: tensors[name] * float("nan")}
        HypernetGenerator(Shelf(), FLAT, dataclasses.replace(good, tensors=bad))
    with pytest.raises(ManifestError, match="do not fit"):
        HypernetGenerator(
            Shelf(), FLAT, dataclasses.replace(good, tensors={k: v for k, v in tensors.items() if k != name})
        )
    with pytest.raises(BaseMismatchError):
        HypernetGenerator(Shelf(), FLAT, dataclasses.replace(good, layout=layout("0" * 64)))
    with pytest.raises(BaseMismatchError, match="task vector"):
        HypernetGenerator(Shelf(), FLAT, good).state(np.ones(5, np.float32), [])


def test_multitask_is_the_same_whatever_is_asked():
    generator = MultitaskGenerator(Shelf(), FLAT, artefact())
    one = generator.generate(Request(description="one"), vector(1))
    two = generator.generate(Request(description="two"), vector(2))
    assert all(torch.equal(one.adapter[p].a, two.adapter[p].a) for p in one.adapter)
    assert one.neighbours == () and one.licences == ("mit",)
    path = "model.layers.0.self_attn.q_proj"
    a, b = artefact().tensors["q_proj.a"][0].float(), artefact().tensors["q_proj.b"][0].float()
    torch.testing.assert_close(one.adapter[path].delta(), 2.0 * b @ a)


def test_codes_keep_distances_between_updates_however_they_are_spelled():
    states = {f"e{i}": state(i) for i in range(5)}
    codes = expert_codes(states, 4)
    deltas = {n: torch.cat([p.delta().flatten() for p in s.values()]) for n, s in states.items()}
    true = [float((deltas["e0"] - deltas[f"e{i}"]).norm()) for i in range(1, 5)]
    seen = [float(np.linalg.norm(codes["e0"] - codes[f"e{i}"])) for i in range(1, 5)]
    assert np.allclose(np.array(seen) / seen[0], np.array(true) / true[0], rtol=1e-4)
    mix = torch.randn(4, 4, generator=torch.Generator().manual_seed(1)) + 3 * torch.eye(4)
    respelled = {
        n: AdapterState({p: LoraPair(mix @ x.a, x.b @ torch.linalg.inv(mix)) for p, x in s.items()})
        for n, s in states.items()
    }
    for n, code in expert_codes(respelled, 4).items():
        assert np.allclose(code, codes[n], atol=1e-3)


def test_a_requests_code_passes_over_experts_without_one():
    codes = {"a": np.array([1.0, 0.0], np.float32), "b": np.array([0.0, 1.0], np.float32)}
    alone = neighbour_code([("unknown", 0.9), ("a", 0.5)], codes, 2)
    assert np.allclose(alone, [1, 0, 0.5, 1])
    even = neighbour_code([("a", 0.5), ("b", 0.5)], codes, 2)
    assert np.allclose(even[:2], [0.5, 0.5]) and even[3] == pytest.approx(2**-0.5)
    assert not neighbour_code([("unknown", 0.9)], codes, 2).any()
