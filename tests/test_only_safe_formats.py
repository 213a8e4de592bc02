"""No code path unpickles or evaluates: the syntax tree of every module is scanned (A1, G3)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted([*(ROOT / "genlora").rglob("*.py"), *(ROOT / "app").rglob("*.py")])
BANNED_IMPORTS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
BANNED_CALLS = {"eval", "exec", "compile", "__import__"}
PINNED = {"genlora/images/_encoder.py"}
"""Where a pinned digest is checked first, and torch reads weights alone: the encoder is published in no safe format."""
BANNED_METHODS = {("torch", "load"), ("torch", "jit"), ("pickle", "load"), ("pickle", "loads"), ("joblib", "load")}


def faults(source: str) -> list[str]:
    """What a module must not do, as `line: what`."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [a.name.split(".")[0] for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [(node.module or "").split(".")[0]]
        else:
            names = []
        found += [f"{node.lineno}: imports {n}" for n in names if n in BANNED_IMPORTS]  # type: ignore[attr-defined]
        if isinstance(node, ast.Call):
            found += _call_faults(node)
    return found


def _call_faults(node: ast.Call) -> list[str]:
    found = []
    if isinstance(node.func, ast.Name) and node.func.id in BANNED_CALLS:
        found.append(f"{node.lineno}: calls {node.func.id}")
    owner = node.func.value if isinstance(node.func, ast.Attribute) else None
    if isinstance(owner, ast.Name) and isinstance(node.func, ast.Attribute):
        if (owner.id, node.func.attr) in BANNED_METHODS:
            found.append(f"{node.lineno}: calls {owner.id}.{node.func.attr}")
    for keyword in node.keywords:
        truth = isinstance(keyword.value, ast.Constant) and keyword.value.value is False
        if keyword.arg in {"allow_pickle", "trust_remote_code"} and not truth:
            found.append(f"{node.lineno}: {keyword.arg} is not False")
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_module_neither_unpickles_nor_evaluates(path):
    found = faults(path.read_text(encoding="utf-8"))
    if path.relative_to(ROOT).as_posix() in PINNED:
        assert len(found) == 1 and "torch.load" in found[0]
        assert _weights_alone(path.read_text(encoding="utf-8"))
    else:
        assert found == []


def _weights_alone(source: str) -> bool:
    """Whether every `torch.load` says `weights_only=True` in so many words, after a digest was compared."""
    loads = [
        n
        for n in ast.walk(ast.parse(source))
        if isinstance(n, ast.Call) and isinstance(n.func, ast.Attribute) and ast.unparse(n.func) == "torch.load"
    ]
    said = [any(k.arg == "weights_only" and ast.unparse(k.value) == "True" for k in n.keywords) for n in loads]
    first = source.find("!= WEIGHTS_SHA256")
    return all(said) and 0 < first < source.find("torch.load(")


def test_only_weights_of_a_pinned_digest_are_an_exception():
    good = "if d != WEIGHTS_SHA256:\n    raise E\nx = torch.load(f, weights_only=True)"
    assert _weights_alone(good)
    assert not _weights_alone(good.replace("True", "False"))
    assert not _weights_alone(good.replace(", weights_only=True", ""))
    assert not _weights_alone("x = torch.load(f, weights_only=True)")


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load('x')",
        "import pickle",
        "from joblib import load",
        "eval('1')",
        "exec(x)",
        "np.load(f, allow_pickle=True)",
        "AutoModel.from_pretrained(x, trust_remote_code=flag)",
    ],
)
def test_the_scan_sees_what_it_should(source):
    assert len(faults(source)) == 1


def test_the_scan_lets_evaluation_mode_pass():
    assert faults("model.eval()\nre.compile('x')\nf(trust_remote_code=False)") == []
