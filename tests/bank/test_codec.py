"""Codecs and packed export: small, close, lazy, and the same bytes every time."""

import pytest
import torch

from genlora.adapter import AdapterState, LoraPair, dequantize_rows, quantize_rows
from genlora.bank import CODECS, Bank, export_bank, product_error, verify_bank
from genlora.bank import _export as export_module
from genlora.bank._codec import CodecPack, Encoder
from genlora.bank._factors import encode_raw, read_blob
from genlora.errors import BankDamagedError, BankError, ConfigError, StorageError

from .world import new_bank, record, state, tree


def common_start(count, *, d=96, r=8, modules=3, seed=0):
    """Experts that, as trained ones do, share most of the space they read from, with falling singular values."""
    g = torch.Generator().manual_seed(seed)
    shared = [torch.randn(2 * r, d, generator=g) for _ in range(modules)]
    strength = 0.5 ** torch.arange(r)
    out = []
    for _ in range(count):
        pairs = {}
        for i, rows in enumerate(shared):
            a = torch.randn(r, 2 * r, generator=g) @ rows + 0.002 * torch.randn(r, d, generator=g)
            b = torch.randn(d // 2 if i == 2 else d, r, generator=g) * strength
            pairs[f"m.{i}.q"] = LoraPair(a, b)
        out.append(AdapterState(pairs))
    return out


@pytest.mark.parametrize("bits", [8, 4])
@pytest.mark.parametrize("width", [1, 7, 16])
def test_rows_come_back_within_half_a_step(bits, width):
    x = torch.randn(3, 5, width, generator=torch.Generator().manual_seed(width)) * 0.01
    x[0, 0] = 0
    codes, scale = quantize_rows(x, bits)
    y = dequantize_rows(codes, scale, width)
    assert y.shape == x.shape and not y[0, 0].any()
    top = 127 if bits == 8 else 7
    clipped = (x.abs() > scale * top).float() * (x.abs() - scale * top)
    assert ((y - x).abs() <= scale / 2 + clipped + 1e-7).all()


def test_four_bit_scales_err_no_more_than_the_plain_maximum():
    x = torch.randn(200, 64, generator=torch.Generator().manual_seed(0))
    codes, scale = quantize_rows(x, 4)
    plain = x.abs().amax(-1, keepdim=True) / 7
    naive = (x / plain).round() * plain
    assert (dequantize_rows(codes, scale, 64) - x).square().sum() < 0.9 * (naive - x).square().sum()


ERRORS = {
    "int8": 0.02,
    "mixed": 0.12,
    "int4": 0.2,
}


@pytest.mark.parametrize("name", [n for n in CODECS if n != "raw"])
def test_codecs_keep_the_update(name):
    states = common_start(20)
    data = Encoder(CODECS[name], states).encode()
    assert data == Encoder(CODECS[name], states).encode()
    pack = CodecPack(*read_blob(data, where="x"), "x")
    errors = [product_error(s, pack.decode(i)) for i, s in enumerate(states)]
    assert max(errors) < ERRORS[name]
    raw = sum(len(encode_raw(s)) for s in states)
    assert len(data) < raw * {8: 0.3, 4: 0.2}[CODECS[name].rest_bits] + 4000


def test_refitting_b_makes_up_for_what_a_lost():
    states = common_start(4, seed=3)
    pack = CodecPack(*read_blob(Encoder(CODECS["int4"], states).encode(), where="x"), "x")
    from genlora.adapter import canonical

    def rounded(x):
        codes, scale = quantize_rows(x, 4)
        return dequantize_rows(codes, scale, x.shape[-1])

    for i, s in enumerate(states):
        plain = {p: LoraPair(rounded(pair.a), rounded(pair.b.mT).mT) for p, pair in canonical(s).items()}
        assert product_error(s, pack.decode(i)) < product_error(s, AdapterState(plain))


def test_product_error_is_the_relative_frobenius_distance():
    one, two = state(1), state(2)
    gap = sum(float((one[p].delta() - two[p].delta()).square().sum()) for p in one)
    size = sum(float(one[p].delta().square().sum()) for p in one)
    assert product_error(one, two) == pytest.approx((gap / size) ** 0.5, rel=1e-5)
    assert product_error(one, one) < 1e-7


@pytest.fixture
def bank(tmp_path):
    with new_bank(tmp_path / "bank") as made:
        with made.atomic() as tx:
            for i in range(7):
                tx.add(record(i), state(i))
            tx.set_metadata("note", [1, 2])
        yield made


@pytest.mark.parametrize("codec", list(CODECS))
def test_export(bank, tmp_path, codec, monkeypatch):
    monkeypatch.setattr(export_module, "PACK_SIZE", 3)
    report = export_bank(bank, tmp_path / "out", codec=codec)
    export_bank(bank, tmp_path / "again", codec=codec)
    assert tree(tmp_path / "out") == tree(tmp_path / "again")
    assert verify_bank(tmp_path / "out").ok
    assert report.experts == 7 and report.total_bytes == sum(f.stat().st_size for f in (tmp_path / "out").rglob("*.*"))
    with Bank.open(tmp_path / "out", readonly=True) as out:
        assert out.names() == bank.names() and out.metadata("note") == [1, 2] and out.fingerprint == bank.fingerprint
        assert len(list(out.files.blobs.iterdir())) == (7 if codec == "raw" else 3)
        for name in out.names():
            error = product_error(bank.state(name), out.state(name))
            told = out.get(name).metrics
            assert error == pytest.approx(told.get("codec_error", 0.0), rel=1e-2, abs=1e-6) and error < 0.25
            assert told.get("codec", "raw") == codec and error <= report.worst_error + 1e-6
            assert out.get(name).descriptions == bank.get(name).descriptions
            assert (out.get(name).embeddings == bank.get(name).embeddings).all()
    assert report.mean_error == 0 if codec == "raw" else 0 < report.mean_error <= report.worst_error


def test_the_bytes_do_not_depend_on_the_order_of_adding(bank, tmp_path):
    with new_bank(tmp_path / "other") as other:
        for i in reversed(range(7)):
            other.add(record(i), state(i))
        with other.atomic() as tx:
            tx.set_metadata("note", [1, 2])
        export_bank(other, tmp_path / "b", codec="mixed")
    export_bank(bank, tmp_path / "a", codec="mixed")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")


def test_a_packed_bank_can_grow_shrink_and_be_packed_again(bank, tmp_path):
    export_bank(bank, tmp_path / "packed", codec="int8")
    with Bank.open(tmp_path / "packed") as packed:
        packed.remove("expert-2")
        packed.add(record(50), state(50))
        assert verify_bank(packed.place).ok and product_error(bank.state("expert-3"), packed.state("expert-3")) < 0.02
        export_bank(packed, tmp_path / "twice", codec="int4", names=["expert-3", "expert-50"])
    with Bank.open(tmp_path / "twice", readonly=True) as twice:
        assert twice.names() == ["expert-3", "expert-50"] and verify_bank(tmp_path / "twice").ok


def test_export_refuses_politely(bank, tmp_path):
    with pytest.raises(ConfigError, match="no codec 'zip'; choose from raw, int8"):
        export_bank(bank, tmp_path / "x", codec="zip")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "y").touch()
    with pytest.raises(BankError, match="is there already, and nothing was written"):
        export_bank(bank, tmp_path / "x")
    with pytest.raises(StorageError, match="is not a bank that genlora wrote: it holds 'y'"):
        export_bank(bank, tmp_path / "x", replace=True)
    (tmp_path / "x" / "y").unlink()
    export_bank(bank, tmp_path / "x")
    export_bank(bank, tmp_path / "x", replace=True)
    assert verify_bank(tmp_path / "x").ok
    foreign = (
        "notes.txt",
        "blobs/photo.jpg",
        "generators/cvae/weights.safetensors",
        "blobs/" + 64 * "0" + ".safetensors",
    )
    for name in foreign:
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).write_bytes(b"mine")
        with pytest.raises(StorageError, match=r"holds '(notes\.txt|blobs/|generators/)"):
            export_bank(bank, tmp_path / "x", replace=True)
        assert (tmp_path / "x" / name).read_bytes() == b"mine"
        (tmp_path / "x" / name).unlink()
    for inside in (bank.files.root, bank.files.root / "blobs" / "x"):
        with pytest.raises(BankError, match="lies in the bank that is exported"):
            export_bank(bank, inside, replace=True)
    assert verify_bank(bank.place).ok and not [p for p in tmp_path.iterdir() if p.name.startswith(".genlora-tmp-")]


def test_a_malformed_pack_is_a_clear_error():
    tensors, info = read_blob(Encoder(CODECS["mixed"], common_start(9)).encode(), where="x")
    for broken in (
        ({k: v for k, v in tensors.items() if k != "0.a.lead.scale"}, info),
        ({**tensors, "0.b.lead": tensors["0.b.lead"][:, :1]}, info),
        (tensors, {**info, "experts": 99}),
    ):
        with pytest.raises(BankDamagedError, match=r"its pack of experts is malformed"):
            CodecPack(*broken, "x").decode(50)
    with pytest.raises(BankDamagedError, match=r"x: codec 'basis', this genlora reads raw, int8, mixed, int4"):
        CodecPack(tensors, {**info, "name": "basis"}, "x")
    for junk in (b"", b"x" * 100, (10**9).to_bytes(8, "little") + b"{}", encode_raw(state(1))[:-8]):
        with pytest.raises(BankDamagedError, match="not a genlora blob"):
            read_blob(junk, where="x")
