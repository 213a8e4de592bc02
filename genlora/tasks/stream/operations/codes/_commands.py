"""Command lines, commits and branches."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..records._shapes import two_parts
from ..words._parts_of import part

_CMD = ("command",)


def _option(draw: Draw) -> Params:
    return {"key": draw.pick(("output", "port", "env", "branch", "user", "format", "limit", "host", "name", "timeout"))}


def _switch(draw: Draw) -> Params:
    return {"flag": draw.pick(("verbose", "force", "quiet", "dry-run", "debug", "help", "json", "yes"))}


def _flags(value: Value) -> list[str]:
    return [*value.data["switches"], *(f"--{k}" for k in value.data["options"])]


def _piece(value: Value, name: str) -> str | None:
    return value.data[{"subcommand": "sub", "argument": "target"}.get(name, name)] or None


OPERATIONS = (
    part(
        "cmd.program",
        _CMD,
        "program",
        (
            "print the program that is called",
            "write the first word of {the}, without any prompt sign",
            "say which tool runs",
        ),
        ("the name of the program", "the tool that {the} calls"),
        ("which program is called?",),
    ),
    part(
        "cmd.sub",
        _CMD,
        "sub",
        (
            "give the subcommand",
            "print the word right after the program",
            "say what the program is told to do, one word",
        ),
        ("the subcommand", "the word that follows the program name"),
        ("which subcommand is used?",),
    ),
    part(
        "cmd.target",
        _CMD,
        "target",
        ("get the last argument, the one without a flag", "write what stands at the very end, behind all flags"),
        ("the argument at the end, no flag", "the last word, which belongs to no flag"),
        ("what is the last argument?",),
    ),
    Operation(
        "cmd.option",
        _CMD,
        "code",
        lambda v, p: v.data["options"].get(p["key"]),
        (
            "give the value of --{key}",
            "write what --{key} is set to",
            "extract the {key} that is passed in {the}",
        ),
        ("the value of the flag --{key}", "the {key} given in {the}"),
        ("which {key} is passed?",),
        _option,
    ),
    part(
        "cmd.flags",
        _CMD,
        lambda v, _: ", ".join(sorted(_flags(v), key=v.text.index)),
        (
            "list the flags in their order, without values, comma-separated",
            "write every --name in {the}, commas between",
        ),
        ("the flags without their values, comma-separated", "a comma list of all --names in {the}"),
        ("which flags are set, values left out?",),
        "code",
    ),
    part(
        "cmd.count flags",
        _CMD,
        lambda v, _: str(len(_flags(v))),
        ("count the flags (words that start with --)", "say how many flags are set"),
        ("the number of flags", "how many --flags {the} has"),
        ("how many flags are set?",),
        "number",
    ),
    part(
        "cmd.count switches",
        _CMD,
        lambda v, _: str(len(v.data["switches"])),
        ("count the flags that take no value", "say how many flags stand alone, without a value"),
        ("the number of flags without a value",),
        ("how many flags have no value?",),
        "number",
    ),
    part(
        "cmd.pairs",
        _CMD,
        lambda v, _: ", ".join(
            f"{k}={x}" for k, x in sorted(v.data["options"].items(), key=lambda o: v.text.index(f"--{o[0]}"))
        ),
        (
            "list the flags that have a value as name=value, comma-separated, without hyphens",
            "write each option with its value as name=value, in their order, commas between",
        ),
        ("the options as name=value, comma-separated", "a comma list of name=value for every flag with a value"),
        (),
        "code",
    ),
    Operation(
        "cmd.add flag",
        _CMD,
        "code",
        lambda v, p: f"{v.data['bare']} --{p['flag']}" if f"--{p['flag']}" not in v.text else None,
        (
            "append --{flag} at the end; leave out a prompt sign",
            "write {the} with --{flag} as its last word (no $ in front)",
        ),
        ("{the} with --{flag} added at the end, no prompt sign", "the command line plus --{flag} as its last word"),
        params=_switch,
    ),
    part(
        "cmd.sudo",
        _CMD,
        lambda v, _: f"sudo {v.data['bare']}",
        ("put sudo in front, without a prompt sign", "output {the} so that it runs with sudo (no $)"),
        ("{the} with sudo in front, no prompt sign",),
    ),
    part(
        "cmd.short",
        _CMD,
        lambda v, _: f"{v.data['program']} {v.data['sub']}",
        ("cut {the} after the subcommand", "write program and subcommand only", "drop all flags and arguments"),
        ("program and subcommand, nothing else", "{the} without flags and arguments"),
        ("which program and subcommand are called?",),
    ),
    two_parts(
        "cmd.shaped", _CMD, _piece, ("program", "subcommand"), ("program", "argument"), ("subcommand", "argument")
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
        params=lambda d: {"program": d.pick(("git", "docker", "npm", "kubectl", "pip"))},
    ),
)

CLASSIFIERS: tuple[Classifier, ...] = ()
