"""Dependency pins, container images, git remotes and stack trace lines."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import table
from ..records._shapes import two_parts
from ..words._parts_of import part

_PIN, _IMAGE, _REMOTE, _TRACE = ("pin",), ("image",), ("remote",), ("trace",)


def _is_dev(name: str) -> bool:
    return name in table("dev packages", of="codes") or name in table("dev npm packages", of="codes")


def _version(draw: Draw) -> Params:
    return {
        "v": f"{draw.between(1, 5)}.{draw.between(0, 12)}.{draw.between(0, 9)}",
        "tag": draw.pick(("latest", "stable", "1.0", "dev", "nightly")),
        "registry": draw.pick(("registry.local", "ghcr.io", "mirror.acme.io")),
    }


def _tagged(value: Value, p: Params) -> str:
    full, tag = value.data["full"], value.data["tag"]
    return f"{full.removesuffix(f':{tag}') if tag else full}:{p['tag']}"


OPERATIONS = (
    part("pin.name", _PIN, "name"),
    part("pin.version", _PIN, "version"),
    part("pin.operator", _PIN, "op"),
    part("pin.major", _PIN, lambda v, _: v.data["version"].partition(".")[0]),
    part("pin.exact", _PIN, lambda v, _: f"{v.data['name']}=={v.data['version']}"),
    part("pin.minimum", _PIN, lambda v, _: f"{v.data['name']}>={v.data['version']}"),
    part("pin.install", _PIN, lambda v, _: f"install {v.data['name']}@{v.data['version']}"),
    Operation("pin.change", _PIN, "code", lambda v, p: v.text.replace(v.data["version"], p["v"]), params=_version),
    two_parts("pin.shaped", _PIN, ("name", "version")),
    part("image.tag", _IMAGE, "tag"),
    part("image.tag or latest", _IMAGE, lambda v, _: v.data["tag"] or "latest"),
    part("image.name", _IMAGE, "image"),
    part("image.registry", _IMAGE, "registry"),
    part("image.owner", _IMAGE, "owner"),
    part(
        "image.no tag", _IMAGE, lambda v, _: v.data["full"].removesuffix(f":{v.data['tag']}") if v.data["tag"] else None
    ),
    Operation("image.new tag", _IMAGE, "code", _tagged, params=_version),
    two_parts("image.shaped", _IMAGE, ("image", "tag"), ("owner", "image")),
    part("remote.repo", _REMOTE, "repo"),
    part("remote.owner", _REMOTE, "owner"),
    part("remote.host", _REMOTE, "host"),
    part("remote.full name", _REMOTE, lambda v, _: f"{v.data['owner']}/{v.data['repo']}"),
    part("remote.web", _REMOTE, lambda v, _: f"https://{v.data['host']}/{v.data['owner']}/{v.data['repo']}"),
    part("remote.ssh", _REMOTE, lambda v, _: f"git@{v.data['host']}:{v.data['owner']}/{v.data['repo']}.git"),
    part("remote.clone folder", _REMOTE, lambda v, _: f"cd {v.data['repo']}"),
    part("trace.line", _TRACE, "line"),
    part("trace.file", _TRACE, "file"),
    part("trace.function", _TRACE, "function"),
    part("trace.module", _TRACE, "module"),
    part("trace.place", _TRACE, lambda v, _: f"{v.data['file']}:{v.data['line']}"),
    two_parts(
        "trace.shaped", _TRACE, ("file", "line"), ("function", "line"), ("module", "function"), ("file", "function")
    ),
)

CONDITIONS = (
    Condition(
        "pin exact",
        _PIN,
        lambda v, _: v.data["op"] in ("==", ""),
        ("the version is pinned exactly (== or no sign at all)", "exactly one version is allowed"),
        ("several versions are allowed", "the sign in front is <, >=, ~, ~= or ^"),
    ),
    Condition(
        "pin early",
        _PIN,
        lambda v, _: v.data["version"].startswith("0."),
        ("the major version is 0", "the version starts with 0."),
        ("the major version is 1 or more", "the version does not start with 0."),
    ),
    Condition(
        "pin dev",
        _PIN,
        lambda v, _: _is_dev(v.data["name"]),
        ("the package is a development tool (tests, linting, formatting, bundling)", "it is only needed by developers"),
        ("the program needs the package at run time", "it is a library for the program itself"),
        knowledge=True,
    ),
    Condition(
        "image pinned",
        _IMAGE,
        lambda v, _: v.data["tag"][:1].isdigit(),
        ("the tag is a version number", "the tag starts with a digit"),
        ("there is no tag or it is a word such as latest", "no version number is given"),
    ),
    Condition(
        "image registry",
        _IMAGE,
        lambda v, _: bool(v.data["registry"]),
        ("{the} names a registry", "a host with a dot stands at the start of {the}"),
        ("{the} names no registry", "no host stands in front"),
    ),
    Condition(
        "remote ssh",
        _REMOTE,
        lambda v, _: v.data["ssh"],
        ("{the} starts with git@", "it is an ssh remote"),
        ("{the} is a web address", "it starts with https"),
    ),
    Condition(
        "trace deep",
        _TRACE,
        lambda v, p: int(v.data["line"]) > p["n"],
        ("the line number is over {n}", "it happened after line {n}"),
        ("the line number is {n} or less", "it happened in line {n} or earlier"),
        params=picked(n=(50, 100, 150, 200, 250, 300)),
    ),
)

CLASSIFIERS = (
    Classifier(
        "pin operator",
        _PIN,
        lambda v, _: {"==": "exact", "": "exact", ">=": "lower", "<": "upper"}.get(v.data["op"], "near"),
        {
            "exact": "the operator is == or missing",
            "lower": "the operator is >=",
            "upper": "the operator is <",
            "near": "the operator is ~=, ~ or ^",
        },
        "the way the version is bound",
        {"exact": "exact", "lower": "minimum", "upper": "maximum", "near": "compatible"},
    ),
    Classifier(
        "remote site",
        _REMOTE,
        lambda v, _: v.data["host"].partition(".")[0],
        {k: f"the host is {k}.{'org' if k == 'bitbucket' else 'com'}" for k in ("github", "gitlab", "bitbucket")},
        "the site of {the}",
        {"github": "GH", "gitlab": "GL", "bitbucket": "BB"},
    ),
)
