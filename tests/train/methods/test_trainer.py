"""The trainer with other methods: the default's bytes, resuming, the card."""

import json

import pytest
import torch

from genlora.errors import ConfigError, TrainingError
from genlora.train import ExpertConfig, ExpertTrainer, MethodConfig, Stack, label_losses, means_by
from genlora.train._plan import Plan

SMALL = {"rank": 2, "max_rows": 32, "pack_rows": 4, "eval_every": 2, "patience": 99, "slots": 2, "validation_rows": 4}


def payload(path):
    data = path.read_bytes()
    return data[8 + int.from_bytes(data[:8], "little") :]


def test_the_default_is_plain_lora_byte_for_byte(base, tasks, tmp_path):
    """The trainer's factors against the same steps taken with `Stack` alone, and a run's record as it always was."""
    config = ExpertConfig(**{**SMALL, "slots": 1, "max_rows": 16, "keep_last": 9})
    trainer = ExpertTrainer(base, tasks[:1], config, tmp_path / "run")
    list(trainer.run())
    assert "method" not in json.loads((tmp_path / "run/run.json").read_bytes())["config"]
    slot = trainer._open(tasks[0])
    stack = Stack(*trainer._stack_args, 1, scale=config.scale)
    states = {}
    with stack.attached(base.model):
        while slot.progress.rows_seen < config.max_rows:
            batch = trainer._batch([trainer._next_pack(slot)])
            means_by(batch.owner, label_losses(base.model, batch).loss, 1).sum().backward()
            stack.step(torch.tensor([trainer._lr(slot.progress)]), clip=config.clip, weight_decay=0.0)
            slot.progress.step += 1
            states[slot.progress.step] = stack.state(0).folded()
    for path in sorted((tmp_path / "run/last").iterdir()):
        expected = states[int(path.name.split(".")[1])]
        tensors = {}
        for p, pair in expected.items():
            tensors |= {f"{p}.lora_A.weight": pair.a, f"{p}.lora_B.weight": pair.b}
        raw = b"".join(tensors[k].contiguous().numpy().tobytes() for k in sorted(tensors))
        assert payload(path) == raw


def test_adamw_on_lora_in_a_method_stack_is_the_same_training(base, tasks, tmp_path):
    """Two implementations of one step: plain LoRA taken through the methods' stack."""
    config = ExpertConfig(**SMALL)
    plain = {t.name: t.state for t in ExpertTrainer(base, tasks, config, tmp_path / "plain").run()}
    trainer = ExpertTrainer(base, tasks, config, tmp_path / "stack")
    trainer.plan = Plan(base, config, stored_rank=2, pack=trainer._batch)
    for trained in trainer.run():
        for path, pair in trained.state.items():
            assert torch.allclose(pair.delta(), plain[trained.name][path].delta(), atol=1e-5)
        assert trained.progress.method["conversion_error"] < 1e-6


def train(base, tasks, run, *, stored_rank=None, **method):
    config = ExpertConfig(**SMALL, method=MethodConfig(**method))
    return {t.name: t for t in ExpertTrainer(base, tasks, config, run, stored_rank=stored_rank).run()}


def test_an_expert_is_the_same_alone_and_beside_another(base, tasks, tmp_path):
    both = train(base, tasks, tmp_path / "both", init="lora-ga")
    alone = train(base, tasks[1:], tmp_path / "alone", init="lora-ga")
    for path, pair in both["two"].state.items():
        assert torch.allclose(pair.delta(), alone["two"].state[path].delta(), atol=1e-5)


def test_a_run_that_was_stopped_goes_on_to_the_same_result(base, tasks, tmp_path):
    whole = train(base, tasks, tmp_path / "whole", init="lora-ga")
    config = ExpertConfig(**SMALL, method=MethodConfig(init="lora-ga"))
    trainer = ExpertTrainer(base, tasks, config, tmp_path / "cut")
    step = trainer._step

    class Stop(Exception):
        pass

    def stopping(stack, slots, batch):
        if slots[0].progress.step == 5:
            raise Stop
        step(stack, slots, batch)

    trainer._step = stopping
    with pytest.raises(Stop):
        list(trainer.run())
    again = train(base, tasks, tmp_path / "cut", init="lora-ga")
    for name, trained in whole.items():
        for path, pair in trained.state.items():
            assert torch.equal(pair.b, again[name].state[path].b)


def test_another_method_or_stored_rank_does_not_resume(base, tasks, tmp_path):
    train(base, tasks, tmp_path / "run", init="lora-ga")
    with pytest.raises(ConfigError, match=r"begun with other settings: config.method"):
        train(base, tasks, tmp_path / "run")
    with pytest.raises(ConfigError, match="stored_rank=2"):
        train(base, tasks, tmp_path / "run", init="lora-ga", stored_rank=4)


def test_what_is_stored_has_the_banks_rank_and_says_what_it_lost(base, tasks, tmp_path):
    cut = train(base, tasks, tmp_path / "cut", init="lora-ga")["one"]
    whole = train(base, tasks, tmp_path / "whole", init="lora-ga", stored_rank=4)["one"]
    assert {p.rank for p in cut.state.values()} == {2} and {p.rank for p in whole.state.values()} == {4}
    assert whole.progress.method["conversion_error"] < 1e-6 < cut.progress.method["conversion_error"] < 1
    lost = sum(float((cut.state[p].delta() - x.delta()).square().sum()) for p, x in whole.state.items())
    total = sum(float(x.delta().square().sum()) for x in whole.state.values())
    assert cut.progress.method["conversion_error"] == pytest.approx((lost / total) ** 0.5, rel=1e-3)
    assert whole.progress.method["step_time_ratio"] > 0
    numbers = sum(2 * (m.d_in + m.d_out) for m in base.layout.of(("q_proj", "v_proj")))
    assert whole.progress.method["trained_numbers"] == numbers


def test_what_was_trained_is_kept_where_storing_loses_much_of_it(base, tasks, tmp_path):
    config = ExpertConfig(**SMALL, method=MethodConfig(structure="randlora", options={"bases_rank": 4}))
    trainer = ExpertTrainer(base, tasks[:1], config, tmp_path / "run", stored_rank=1)
    (trained,) = trainer.run()
    told = trained.progress.method
    assert told["conversion_error"] > 0.01 and told["native"] == "native/one.safetensors"
    tensors, record = trainer.files.load_native("one")
    assert record["method"]["structure"] == "randlora" and (tmp_path / "run" / told["native"]).exists()
    exact = trainer.plan.native(tensors)
    lost = sum(float((exact[p].delta() - trained.state[p].delta()).square().sum()) for p in exact)
    whole = sum(float(exact[p].delta().square().sum()) for p in exact)
    assert (lost / whole) ** 0.5 == pytest.approx(told["conversion_error"], rel=1e-3)
    near = ExpertTrainer(
        base, tasks[:1], ExpertConfig(**SMALL, method=MethodConfig(rules=("lora-plus",))), tmp_path / "n"
    )
    assert all("native" not in t.progress.method for t in near.run())
    with pytest.raises(TrainingError, match="kept where storing loses more than a hundredth"):
        near.files.load_native("one")


def test_the_base_is_untouched_and_its_weights_take_no_gradient(base, tasks, tmp_path):
    before = {k: v.clone() for k, v in base.model.state_dict().items()}
    train(base, tasks, tmp_path / "run", init="lora-ga")
    assert all(torch.equal(v, before[k]) for k, v in base.model.state_dict().items())
    assert not any(p.requires_grad or p.grad is not None for p in base.model.parameters())


def test_a_checkpoint_of_another_shape_is_told(base, tasks, tmp_path):
    config = ExpertConfig(**SMALL, method=MethodConfig(init="lora-ga"))
    stack = ExpertTrainer(base, tasks, config, tmp_path / "run")._stack(1)
    with pytest.raises(TrainingError, match="the checkpoint's x0 is None, expected"):
        stack.restore(0, {})


def test_modules_that_diffora_leaves_out_can_share_one_adapter_bit_for_bit(base, tasks, tmp_path):
    options = {"steps": 2, "validation": 1, "shared": True}
    config = ExpertConfig(**SMALL, method=MethodConfig(allocate="diffora", options=options))
    trainer = ExpertTrainer(base, tasks, config, tmp_path / "run")
    trained = {t.name: t for t in trainer.run()}
    for t in trained.values():
        (shared, *more) = t.progress.method["shared"]
        for group in (shared, *more):
            assert len({path.rsplit(".", 1)[1] for path in group}) == 1  # of one kind
            first = t.state[group[0]].delta()
            assert all(torch.equal(t.state[path].delta(), first) for path in group) and bool(first.any())
        grouped = [path for group in (shared, *more) for path in group]
        whole = sum(p.a.numel() + p.b.numel() for p in t.state.values())
        again = sum(
            t.state[p].a.numel() + t.state[p].b.numel() for p in grouped if p not in [g[0] for g in (shared, *more)]
        )
        assert t.progress.method["trained_numbers"] == whole - again < whole


@pytest.mark.parametrize(
    ("more", "says"),
    [({"structure": "xs"}, "share an adapter with structure lora"), ({"rules": ("lisa",)}, "lie in many of them")],
)
def test_what_cannot_share_is_refused_when_it_is_chosen(more, says):
    with pytest.raises(ConfigError, match=says):
        MethodConfig(allocate="diffora", options={"shared": True}, **more)
