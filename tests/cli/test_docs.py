"""docs/cli.md describes every command and every option there is, and nothing else."""

import re
from pathlib import Path

import click
import pytest

from genlora.cli import cli

TEXT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
SECTIONS = dict(re.findall(r"^## (genlora .+?)\n(.*?)(?=^## |\Z)", TEXT, re.M | re.S))


def leaves(group, path=()):
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        else:
            yield " ".join(("genlora", *path, name)), command


COMMANDS = dict(leaves(cli))


@pytest.mark.parametrize("name", COMMANDS)
def test_command_and_options_are_documented(name):
    assert name in SECTIONS, f"docs/cli.md has no section '## {name}'. Run: python docs/make_cli.py"
    for parameter in COMMANDS[name].params:
        for option in parameter.opts if isinstance(parameter, click.Option) else ():
            assert f"`{option}" in SECTIONS[name] or f", {option}" in SECTIONS[name], f"{name} {option}"


def test_nothing_is_documented_that_is_not_there():
    assert set(SECTIONS) == set(COMMANDS)


def test_the_table_of_methods_is_the_methods():
    from importlib.util import module_from_spec, spec_from_file_location

    place = Path(__file__).parents[2] / "docs" / "make_methods.py"
    spec = spec_from_file_location("make_methods", place)
    assert spec is not None and spec.loader is not None
    script = module_from_spec(spec)
    spec.loader.exec_module(script)
    assert script.PAGE.read_text() == script.page(), "Run: python docs/make_methods.py"
