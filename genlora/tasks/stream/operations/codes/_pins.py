"""Dependency pins, container images, git remotes and stack trace lines."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..._tables import table
from ..records._shapes import two_parts
from ..words._parts_of import part

_PIN, _IMAGE, _REMOTE, _TRACE = ("pin",), ("image",), ("remote",), ("trace",)


def _piece(value: Value, name: str) -> str | None:
    return value.data.get(name)


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
    part(
        "pin.name",
        _PIN,
        "name",
        (
            "return the name of the package",
            "write which package is required, without the version",
            "strip {the} to the bare package name",
        ),
        ("the package name in {the}", "the name without operator and version"),
        ("which package is it?",),
    ),
    part(
        "pin.version",
        _PIN,
        "version",
        ("give the version number, no operator", "print digits and dots of the version only", "extract the version"),
        ("the version number in {the}, operator left out", "the version, digits and dots only"),
        ("which version is named?",),
    ),
    part(
        "pin.operator",
        _PIN,
        "op",
        (
            "output the sign or signs in front of the version",
            "write the operator, such as >=",
            "extract the comparison only",
        ),
        ("the operator before the version", "the signs between name and version, such as >="),
        ("which operator stands before the version?",),
    ),
    part(
        "pin.major",
        _PIN,
        lambda v, _: v.data["version"].partition(".")[0],
        ("fetch the major version of the package", "write the first of the three version numbers"),
        ("the major version in {the}", "the number before the first dot of the version"),
        ("which major version is it?",),
    ),
    part(
        "pin.exact",
        _PIN,
        lambda v, _: f"{v.data['name']}=={v.data['version']}",
        ("write it as an exact pin, name==version", "pin the package to this very version with ==, no spaces"),
        ("the exact pin in the form name==version", "name==version for the package in {the}"),
    ),
    part(
        "pin.minimum",
        _PIN,
        lambda v, _: f"{v.data['name']}>={v.data['version']}",
        ("output it as a lower bound, name>=version", "relax it to >= with the same version, no spaces"),
        ("the lower bound in the form name>=version",),
    ),
    part(
        "pin.install",
        _PIN,
        lambda v, _: f"install {v.data['name']}@{v.data['version']}",
        ('write "install", a space, and name@version', "make an install command of {the}: install name@version"),
        ("the command install name@version for {the}",),
    ),
    Operation(
        "pin.change",
        _PIN,
        "code",
        lambda v, p: v.text.replace(v.data["version"], p["v"]),
        (
            "change the version to {v}, leaving everything else as it is",
            "write {the} again with {v} as its version",
            "upgrade {the} to {v}; operator and spacing stay",
        ),
        ("{the} with the version {v}", "the same line after its version was set to {v}"),
        params=_version,
    ),
    two_parts("pin.shaped", _PIN, _piece, ("name", "version")),
    part(
        "image.tag",
        _IMAGE,
        "tag",
        ("give the tag", "write what follows the colon", "extract the tag of {the}, no colon"),
        ("the tag", "the part of {the} after the colon"),
        ("which tag is used?",),
    ),
    part(
        "image.tag or latest",
        _IMAGE,
        lambda v, _: v.data["tag"] or "latest",
        (
            'print the tag; if there is none, write "latest"',
            'write which tag would be pulled ("latest" when none is named)',
        ),
        ('the tag, or "latest" where {the} names none',),
        ('which tag is pulled ("latest" if none is named)?',),
    ),
    part(
        "image.name",
        _IMAGE,
        "image",
        (
            "give the bare name, without registry, owner and tag",
            "print what stands between the last slash and the colon",
        ),
        ("the bare name: no registry, no owner, no tag", "the last path part of {the}, tag removed"),
        ("which image is it, bare name only?",),
    ),
    part(
        "image.registry",
        _IMAGE,
        "registry",
        ("get the registry host", "write from which registry it is pulled", "extract the host at the start of {the}"),
        ("the registry in {the}", "the host before the first slash"),
        ("from which registry is it pulled?",),
    ),
    part(
        "image.owner",
        _IMAGE,
        "owner",
        ("give the owner (the part right before the image)", "write to which organisation the image belongs"),
        ("the owner of the image", "the organisation in {the}"),
        ("who owns the image?",),
    ),
    part(
        "image.no tag",
        _IMAGE,
        lambda v, _: v.data["full"].removesuffix(f":{v.data['tag']}") if v.data["tag"] else None,
        ("remove the tag and its colon", "write {the} up to the colon"),
        ("{the} without its tag", "everything before the colon"),
    ),
    Operation(
        "image.new tag",
        _IMAGE,
        "code",
        _tagged,
        ("give {the} the tag {tag} (add it if there is none)", "set the tag to {tag}, whatever it was before"),
        ("{the} with the tag {tag}", "the same image, tagged {tag}"),
        params=_version,
    ),
    two_parts("image.shaped", _IMAGE, _piece, ("image", "tag"), ("owner", "image")),
    part(
        "remote.repo",
        _REMOTE,
        "repo",
        ("show the name of the repository, without .git", "write the last part of {the}, ending removed"),
        ("the repository name, without owner and .git", "the bare name of the project in {the}"),
        ("what is the repository called?",),
    ),
    part(
        "remote.owner",
        _REMOTE,
        "owner",
        ("return the owner of the repository", "write which account or organisation it belongs to"),
        ("the owner in {the}", "the account before the slash of the repository"),
        ("who owns the repository?",),
    ),
    part(
        "remote.host",
        _REMOTE,
        "host",
        ("give the host", "write on which site the repository lives, e.g. example.com"),
        ("the host name in {the}", "the site that holds the repository"),
        ("which host is it?",),
    ),
    part(
        "remote.full name",
        _REMOTE,
        lambda v, _: f"{v.data['owner']}/{v.data['repo']}",
        ("write owner/repository", "shorten {the} to the form owner/name, without host and .git"),
        ("the full name in the form owner/repository", "owner and repository with a slash between"),
        ("what is it as owner/repository?",),
    ),
    part(
        "remote.web",
        _REMOTE,
        lambda v, _: f"https://{v.data['host']}/{v.data['owner']}/{v.data['repo']}",
        (
            "output the web address of the repository: https://host/owner/repository",
            "make a browser link of {the}, no .git",
        ),
        ("the https address of the project, without .git", "a link of the form https://host/owner/repository"),
        ("what is the web address of the repository (no .git)?",),
    ),
    part(
        "remote.ssh",
        _REMOTE,
        lambda v, _: f"git@{v.data['host']}:{v.data['owner']}/{v.data['repo']}.git",
        ("write the ssh form: git@host:owner/repository.git", "convert {the} to git@host:owner/repository.git"),
        ("the ssh remote, git@host:owner/repository.git",),
    ),
    part(
        "remote.clone folder",
        _REMOTE,
        lambda v, _: f"cd {v.data['repo']}",
        (
            "write the command that enters the cloned folder: cd and its name",
            'give "cd" and the folder that a clone makes',
        ),
        ("the cd command for the folder after cloning",),
    ),
    part(
        "trace.line",
        _TRACE,
        "line",
        (
            "output the line number",
            "say in which line of the file it happened, number only",
            "extract the line of the code",
        ),
        ("the line number in {the}", "the number of the line in the source file"),
        ("which line number is it?",),
    ),
    part(
        "trace.file",
        _TRACE,
        "file",
        ("fetch the name of the source file, without its folder", "write which file is named, extension included"),
        ("the file name without folders", "the source file in {the}, name and extension"),
        ("which file is it, folder left out?",),
    ),
    part(
        "trace.function",
        _TRACE,
        "function",
        (
            "give the name of the function",
            "say in which function or method it happened",
            "extract the function, no parentheses",
        ),
        ("the function in {the}", "the name of the function, no parentheses"),
        ("in which function did it happen?",),
    ),
    part(
        "trace.module",
        _TRACE,
        "module",
        ("print the file name without folder and extension", "print the module: the file name up to its dot"),
        ("the bare name of the source file, no extension", "the module that {the} points to"),
        ("which module is it (file name without its ending)?",),
    ),
    part(
        "trace.place",
        _TRACE,
        lambda v, _: f"{v.data['file']}:{v.data['line']}",
        ("write file:line, without the folder", "shorten {the} to name of the file, colon, line number"),
        ("the place in the form file:line, folder left out", "file name, colon, line number"),
        ("where did it happen, as file:line?",),
    ),
    two_parts(
        "trace.shaped",
        _TRACE,
        _piece,
        ("file", "line"),
        ("function", "line"),
        ("module", "function"),
        ("file", "function"),
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
        params=lambda d: {"n": d.pick((50, 100, 150, 200, 250, 300))},
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
