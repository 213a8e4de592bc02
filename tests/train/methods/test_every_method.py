"""Every method of every seam, by name, through the trainer on a tiny base, to a plain LoRA on the untouched base."""

import pytest
import torch

from genlora.train import ExpertConfig, ExpertTrainer, MethodConfig, all_methods

QUICK = {
    "randlora": {"bases_rank": 16},
    "bone": {"size": 4},
    "block": {"blocks": 2},
    "flexora": {"steps": 3},
    "diffora": {"steps": 3},
    "contribution": {"steps": 2, "points": 2},
    "lisa": {"blocks": 1, "every": 2},
}
SMALL = {"rank": 2, "max_rows": 16, "pack_rows": 8, "eval_every": 2, "patience": 99, "validation_rows": 4}


def config_of(m):
    options = {f"{m.name}.{k}": v for k, v in QUICK.get(m.name, {}).items()}
    names = {"rule": {"rules": (m.name,)}}.get(m.seam, {m.seam: m.name})
    if m.name == "lora-sb":
        names["structure"] = "xs"
    return MethodConfig(**names, options=options)


@pytest.mark.parametrize("method", all_methods(), ids=lambda m: f"{m.seam}-{m.name}")
def test_it_trains_two_experts_side_by_side(base, tasks, tmp_path, method):
    before = {k: v.clone() for k, v in base.model.state_dict().items()}
    modules = dict(base.model.named_modules())
    config = ExpertConfig(**SMALL, slots=2, method=config_of(method))
    done = {t.name: t for t in ExpertTrainer(base, tasks, config, tmp_path / "run").run()}
    assert done.keys() == {"one", "two"}
    assert dict(base.model.named_modules()) == modules
    assert all(torch.equal(v, before[k]) for k, v in base.model.state_dict().items())
    for trained in done.values():
        assert {p.rank for p in trained.state.values()} == {2}
        assert any(p.delta().any() for p in trained.state.values())
        assert all(bool(torch.isfinite(p.delta()).all()) for p in trained.state.values())
        if not config.method.plain:
            told = trained.progress.method
            assert 0 <= told["conversion_error"] < 1 and told["trained_numbers"] > 0
    assert not all(torch.equal(done["one"].state[p].delta(), done["two"].state[p].delta()) for p in done["one"].state)
