"""A twin's modules are its own; its weights are the base's."""

import torch

from genlora.adapter import swapped
from genlora.base import load_base, twin_of


def test_what_is_exchanged_in_a_twin_is_not_in_the_base(tiny_base):
    base = load_base(str(tiny_base("llama")))
    twin = twin_of(base)
    ids = torch.tensor([[1, 2, 3, 4]])
    before = base.model(ids).logits
    heard = []
    hook = base.model.get_submodule("model.layers.0.mlp").register_forward_hook(lambda *_: heard.append(1))
    path = "model.layers.0.self_attn.q_proj"
    assert torch.equal(twin.model(ids).logits, before) and not heard, "the base's hooks are not the twin's"
    with swapped(
        twin.model, [path], lambda *_: torch.nn.Linear(base.layout.by_path[path].d_in, base.layout.by_path[path].d_out)
    ):
        assert not torch.equal(twin.model(ids).logits, before)
        assert torch.equal(base.model(ids).logits, before)
    hook.remove()
    assert torch.equal(twin.model(ids).logits, before)
    own = {id(p) for p in base.model.parameters()}
    assert {id(p) for p in twin.model.parameters()} == own, "no weight is there twice"
    assert not {id(m) for m in base.model.modules()} & {id(m) for m in twin.model.modules()}
    assert twin.tokenizer is base.tokenizer and twin.fingerprint == base.fingerprint
