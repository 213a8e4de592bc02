"""Storing one matrix: our levels against the libraries' own bytes, and what calibrated rounding is worth."""

import importlib
import json

import numpy as np
import pytest
import torch
from torch import nn

from genlora.base import BACKENDS, REFUSED, backend_named
from genlora.base._quantize import quiet, refuse_quantised, torchao_config
from genlora.errors import ConfigError, MergeError, MissingExtraError
from genlora.merge._blocks import _with_levels, grid_of, store
from genlora.merge._grid import Grid, round_calibrated, round_nearest
from genlora.merge._linear import FloatForm, Nf4Form, TorchaoForm, form_of, layer_error

# Kernels for other devices are looked for at import, with warnings of every kind.
with quiet():
    for name in ("torchao", "torchao.quantization", "bitsandbytes"):
        importlib.import_module(name)


def matrix(rows=64, columns=128, *, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)) * 0.05


def narrow_inputs(columns=128, tokens=400, *, seed=1):
    """Inputs as language models have them: most of the energy in a few directions."""
    rng = torch.Generator().manual_seed(seed)
    directions = torch.randn(6, columns, generator=rng) * torch.tensor([30.0, 10, 5, 3, 2, 2])[:, None]
    x = torch.randn(tokens, 6, generator=rng) @ directions + torch.randn(tokens, columns, generator=rng) * 0.3
    return x + directions[0]


def torchao_linear(name, weight):
    from torchao.quantization import quantize_

    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = nn.Parameter(weight.clone(), requires_grad=False)
    quantize_(linear, torchao_config(BACKENDS[name]))
    return linear


def nf4_linear(weight, *, double=True):
    import bitsandbytes as bnb

    linear = bnb.nn.Linear4bit(
        weight.shape[1],
        weight.shape[0],
        bias=False,
        compute_dtype=torch.float32,
        compress_statistics=double,
        quant_type="nf4",
    )
    linear.weight = bnb.nn.Params4bit(
        weight.clone(), requires_grad=False, compress_statistics=double, quant_type="nf4", module=linear
    )
    return linear.to("cpu").eval()


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_our_levels_of_a_torchao_weight_are_its_own_bytes(name):
    linear, form = torchao_linear(name, matrix()), TorchaoForm(BACKENDS[name])
    grid = form.grid(linear)
    levels = round_nearest(form.read(linear), grid)
    assert torch.equal((levels + form._lowest).to(torch.int8), linear.weight.qdata)
    torch.testing.assert_close(grid.values(levels), linear.weight.dequantize(), rtol=1e-6, atol=1e-7)


def test_our_levels_of_an_nf4_weight_are_its_own_bytes():
    linear, form = nf4_linear(matrix()), Nf4Form()
    before = linear.weight.data.clone()
    levels = round_nearest(form.read(linear), form.grid(linear))
    form.store(linear.weight, levels)
    assert torch.equal(linear.weight.data, before)
    torch.testing.assert_close(form.grid(linear).values(levels), form.read(linear), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q4_1"])
def test_our_levels_of_a_gguf_block_are_its_own_bytes(kind):
    stored = store(matrix(), kind)
    levels = round_nearest(stored.values(), grid_of(stored))
    assert np.array_equal(_with_levels(stored.data, kind, levels.numpy()), stored.data)


FORMS = {
    "int8": lambda w: (TorchaoForm(BACKENDS["int8"]), torchao_linear("int8", w)),
    "int4": lambda w: (TorchaoForm(BACKENDS["int4"]), torchao_linear("int4", w)),
    "nf4": lambda w: (Nf4Form(), nf4_linear(w)),
}


def output_error(stored, target, x):
    return float(((stored - target) @ x.T).norm() / (target @ x.T).norm())


@pytest.mark.parametrize("name", sorted(FORMS))
def test_calibrated_rounding_loses_far_less_of_the_output(name):
    target, x = matrix(seed=3), narrow_inputs()
    lost = {}
    for way, gram in (("nearest", None), ("calibrated", x.T @ x)):
        form, linear = FORMS[name](matrix())
        form.write(linear, target, gram)
        lost[way] = output_error(form.read(linear), target, x)
    assert lost["calibrated"] < lost["nearest"] / 3


@pytest.mark.parametrize("kind", ["Q8_0", "Q4_0", "Q4_1"])
def test_calibrated_rounding_helps_gguf_blocks_too(kind):
    target, x = matrix(seed=3), narrow_inputs()
    nearest, calibrated = (output_error(store(target, kind, g).values(), target, x) for g in (None, x.T @ x))
    assert calibrated < nearest / 3


def test_calibrated_rounding_is_nearest_rounding_for_even_inputs():
    target = matrix()
    stored = store(target, "Q4_1")
    grid = grid_of(stored)
    assert torch.equal(round_calibrated(target, grid, torch.eye(128)), round_nearest(target.double(), grid))


def test_calibrated_rounding_without_any_input_is_nearest_rounding():
    target = matrix()
    grid = grid_of(store(target, "Q8_0"))
    assert torch.equal(round_calibrated(target, grid, torch.zeros(128, 128)), round_nearest(target, grid))


def test_a_block_of_zeros_stays_zero():
    target = matrix()
    target[0, :64] = 0
    for kind in ("Q8_0", "Q4_0", "Q4_1"):
        x = narrow_inputs()
        values = store(target, kind, x.T @ x).values()
        assert torch.isfinite(values).all()
        assert not values[0, :64].any()


def test_layer_error_counts_weights_and_outputs():
    source, delta = torch.zeros(2, 2), torch.eye(2)
    gram = torch.diag(torch.tensor([1.0, 0.0]))
    stored = torch.tensor([[1.0, 0.0], [0.0, 0.5]])  # wrong only where no input ever goes
    error = layer_error("q", source + 2, delta, stored + 2, gram)
    assert error.output == 0
    assert error.rounding == pytest.approx(0.5 / 2**0.5)
    assert error.update == pytest.approx(2**0.5 / 4)


def test_a_grid_of_codes_names_its_values():
    grid = Grid(torch.full((1, 2), 2.0), torch.full((1, 2), 1.0), torch.tensor([-1.0, 0.0, 1.0]))
    assert grid.values(torch.tensor([[0, 2]])).tolist() == [[-1.0, 3.0]]


def test_half_precision_overflow_is_refused():
    with pytest.raises(MergeError, match="65,504"):
        store(torch.full((1, 32), 1e6), "F16")


# --- the table -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_forms_that_merge_wrongly_are_refused_by_name_with_the_reason(name):
    with pytest.raises(MergeError, match=f"{name} is refused") as err:
        backend_named(name)
    assert REFUSED[name] in str(err.value)
    assert "int8" in str(err.value)


@pytest.mark.parametrize(("name", "means"), [("optimum-quanto", "quanto"), ("bnb-fp4", "fp4"), ("GPTQ", "gptq")])
def test_refused_under_its_other_names_too(name, means):
    with pytest.raises(MergeError, match=f"{means} is refused"):
        backend_named(name)


def test_an_unknown_form_lists_the_choices():
    with pytest.raises(ConfigError, match="no quantisation is called 'int3'; choose one of none, float32, int8"):
        backend_named("int3")


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setattr("genlora.base._quantize.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match=r"needs torchao. Install it with: pip install 'genlora\[quant\]'"):
        backend_named("int8")
    assert backend_named("none").family == "float"


def test_no_name_is_both_proven_and_refused():
    assert not set(BACKENDS) & set(REFUSED)
    assert all(b.name == name for name, b in BACKENDS.items())


def test_a_base_that_is_quantised_already_is_refused_by_its_method(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"quantization_config": {"quant_method": "gptq"}}))
    with pytest.raises(MergeError, match="quantised already \\(gptq: its packed weights cannot take an update"):
        refuse_quantised(tmp_path)


def test_forms_refuse_weights_that_are_not_theirs():
    plain = nn.Linear(64, 64, bias=False)
    with pytest.raises(MergeError, match="not quantised to int8"):
        TorchaoForm(BACKENDS["int8"]).read(plain)
    with pytest.raises(MergeError, match="NF4 weight with double quantisation"):
        Nf4Form().read(nf4_linear(matrix(), double=False))
    with pytest.raises(MergeError, match="quantised already"):
        FloatForm(torch.float32).read(torchao_linear("int8", matrix()))
    assert isinstance(form_of(BACKENDS["nf4"], torch.float32), Nf4Form)


def test_the_processors_private_layout_is_not_read_as_weights():
    """The trap of 4-bit weights on AVX-512-BF16: after a forward in eval mode the bytes mean something else."""
    linear = nf4_linear(matrix())
    with torch.inference_mode():
        linear(torch.randn(1, 128))
    if not getattr(linear.weight.quant_state, "packing_format_for_cpu", False):
        linear.weight.quant_state.packing_format_for_cpu = True  # this processor does not repack: claim that it did
    with pytest.raises(MergeError, match="has run already"):
        Nf4Form().read(linear)
