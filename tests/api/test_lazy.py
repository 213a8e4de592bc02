"""`genlora.api` gives each of its names when it is asked for, from where the type checker finds it."""

import ast
from pathlib import Path

import pytest

import genlora.api as api


def test_every_name_is_where_the_type_checker_looks():
    tree = ast.parse(Path(str(api.__file__)).read_text())
    block = next(node for node in tree.body if isinstance(node, ast.If))
    told = {}
    for node in block.body:
        assert isinstance(node, ast.ImportFrom)
        told |= {a.name: "." * node.level + str(node.module) for a in node.names}
    assert told == api._LAZY
    for name in told:
        assert getattr(api, name) is not None
    assert set(told) <= set(dir(api))


def test_other_names_are_unknown():
    with pytest.raises(AttributeError, match="no attribute 'Nothing'"):
        api.Nothing  # noqa: B018
