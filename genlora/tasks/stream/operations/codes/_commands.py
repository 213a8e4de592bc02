"""Command lines, commits and branches."""

from ..._parts import Classifier, Condition, Operation, Value, picked
from ..records._shapes import two_parts
from ..words._parts_of import part

_CMD = ("command",)


_option = picked(key=("output", "port", "env", "branch", "user", "format", "limit", "host", "name", "timeout"))


_switch = picked(flag=("verbose", "force", "quiet", "dry-run", "debug", "help", "json", "yes"))


def _flags(value: Value) -> list[str]:
    return [*value.data["switches"], *(f"--{k}" for k in value.data["options"])]


def _piece(value: Value, name: str) -> str | None:
    return value.data[{"subcommand": "sub", "argument": "target"}.get(name, name)] or None


OPERATIONS = (
    part("cmd.program", _CMD, "program"),
    part("cmd.sub", _CMD, "sub"),
    part("cmd.target", _CMD, "target"),
    Operation("cmd.option", _CMD, "code", lambda v, p: v.data["options"].get(p["key"]), params=_option),
    part("cmd.flags", _CMD, lambda v, _: ", ".join(sorted(_flags(v), key=v.text.index)), answer="code"),
    part("cmd.count flags", _CMD, lambda v, _: str(len(_flags(v))), answer="number"),
    part("cmd.count switches", _CMD, lambda v, _: str(len(v.data["switches"])), answer="number"),
    part(
        "cmd.pairs",
        _CMD,
        lambda v, _: ", ".join(
            f"{k}={x}" for k, x in sorted(v.data["options"].items(), key=lambda o: v.text.index(f"--{o[0]}"))
        ),
        answer="code",
    ),
    Operation(
        "cmd.add flag",
        _CMD,
        "code",
        lambda v, p: f"{v.data['bare']} --{p['flag']}" if f"--{p['flag']}" not in v.text else None,
        params=_switch,
    ),
    part("cmd.sudo", _CMD, lambda v, _: f"sudo {v.data['bare']}"),
    part("cmd.short", _CMD, lambda v, _: f"{v.data['program']} {v.data['sub']}"),
    two_parts(
        "cmd.shaped", _CMD, ("program", "subcommand"), ("program", "argument"), ("subcommand", "argument"), get=_piece
    ),
)

CONDITIONS = (
    Condition(
        "cmd flag",
        _CMD,
        lambda v, p: f"--{p['flag']}" in v.data["switches"],
        ("--{flag} is set", "{the} contains the flag --{flag}"),
        ("--{flag} is missing", "{the} does without --{flag}"),
        params=_switch,
    ),
    Condition(
        "cmd has option",
        _CMD,
        lambda v, p: p["key"] in v.data["options"],
        ("a value is passed for --{key}", "{the} sets the {key}"),
        ("no {key} is passed", "--{key} does not occur"),
        params=_option,
    ),
    Condition(
        "cmd git",
        _CMD,
        lambda v, p: v.data["program"] == p["program"],
        ("{the} runs {program}", "the program is {program}"),
        ("another program runs", "the program is not {program}"),
        params=picked(program=("git", "docker", "npm", "kubectl", "pip")),
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
