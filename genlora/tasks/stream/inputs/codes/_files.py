"""Files and releases: paths, file names, sizes, versions, dependency pins, image names, stack trace lines."""

from collections.abc import Callable

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value, picked
from ..._tables import groups_of, table


def _word(draw: Draw, name: str) -> str:
    return draw.pick(table(name, of="codes"))


def _name(draw: Draw) -> dict[str, str]:
    kind = draw.pick(tuple(groups_of("codes", "extensions")))
    stem = _word(draw, "stems")
    shape = draw.between(0, 5)
    if shape == 0:
        stem += f"_{draw.between(2021, 2026)}"
    elif shape == 1:
        stem += f"-v{draw.between(1, 9)}"
    elif shape == 2:
        stem = f"{draw.between(1, 12):02}_{stem}"
    elif shape == 3:
        stem = f"{stem}_{_word(draw, 'stems')}"
    ext = draw.pick(groups_of("codes", "extensions")[kind])
    return {"stem": stem, "ext": ext, "file": f"{stem}.{ext}", "type": kind}


def _path(root: str, sep: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, p: Params) -> Value:
        folders = draw.some(table("folders", of="codes"), draw.between(p["low"], p["high"]))
        name = _name(draw)
        top = draw.pick(p["roots"]) if root == "any" else root
        folder = top + sep.join(folders)
        text = f"{folder}{sep}{name['file']}"
        data = {**name, "folders": folders, "folder": folder, "parent": folders[-1], "sep": sep, "path": text}
        return Value(data, text)

    return drawn


def _depth(*roots: str) -> Callable[[Draw], Params]:
    return lambda _: {"low": 1, "high": 4, "roots": roots}


def _file(draw: Draw, _: Params) -> Value:
    name = _name(draw)
    return Value(name, name["file"])


def _files(draw: Draw, p: Params) -> Value:
    found: dict[str, dict[str, str]] = {}
    for _ in range(draw.between(3, 5)):
        name = _name(draw)
        found.setdefault(name["file"], name)
    return Value(tuple(found.values()), p["sep"].join(found))


def version(draw: Draw) -> tuple[int, int, int]:
    """A plausible version: small numbers, now and then a large one."""
    return draw.between(0, 9), draw.between(0, 12), draw.between(0, 20) if draw.chance(0.3) else draw.between(0, 9)


def _release(draw: Draw, p: Params) -> Value:
    numbers = version(draw)
    plain = ".".join(map(str, numbers))
    tail = draw.pick(("alpha", "beta", "rc.1", "beta.2", "rc.2", "dev")) if draw.chance(0.25) else ""
    data = {"numbers": numbers, "plain": plain, "tail": tail}
    return Value(data, p["shape"].format(v=plain + (f"-{tail}" if tail else "")))


def _releases(n: tuple[int, int]) -> Callable[[Draw, Params], Value | None]:
    def drawn(draw: Draw, p: Params) -> Value | None:
        first = version(draw)
        found = [first]
        for _ in range(draw.between(*n) - 1):
            near = draw.chance(0.6)
            a, b, c = version(draw)
            found.append((first[0] if near else a, first[1] if near and draw.chance(0.5) else b, c))
        if len(set(found)) < len(found):
            return None
        return Value(tuple(found), p["sep"].join(f"{p['v']}{'.'.join(map(str, v))}" for v in found))

    return drawn


def _maybe_version(draw: Draw, _: Params) -> Value:
    a, b, c = version(draw)
    fault, text = draw.pick(
        (
            ("few", f"{a}.{b}"),
            ("few", f"v{a}"),
            ("many", f"{a}.{b}.{c}.{b}"),
            ("many", f"{a}.{b}.{c}.{a}"),
            ("other", f"{a},{b},{c}"),
            ("other", f"{a}.{b}.x"),
            ("other", f"{a}..{c}"),
            ("other", "latest"),
        )
    )
    if draw.chance(0.5):
        fault, text = "", f"{a}.{b}.{c}" + draw.pick(("", "", "-beta", "-rc.1"))
    return Value({"ok": not fault, "fault": fault}, text)


def _pin(draw: Draw, p: Params) -> Value:
    dev = draw.chance(0.35)
    name = _word(draw, ("dev " if dev else "") + p["names"])
    number = ".".join(map(str, version(draw)))
    op = draw.pick(p["ops"])
    return Value({"name": name, "op": op, "version": number}, p["shape"].format(name=name, op=op, version=number))


def _requirement(draw: Draw) -> Params:
    return {
        "names": "packages",
        "ops": ("==", "==", ">=", "<", "~="),
        "shape": draw.pick(("{name}{op}{version}", "{name} {op} {version}")),
    }


def _npm(draw: Draw) -> Params:
    shape = draw.pick(('"{name}": "{op}{version}"', '"{name}": "{op}{version}",', "{name}@{op}{version}"))
    return {"names": "npm packages", "ops": ("^", "^", "~", ">=", "<", "", ""), "shape": shape}


def _image(draw: Draw, _: Params) -> Value:
    registry = _word(draw, "registries") if draw.chance(0.7) else ""
    owner = _word(draw, "owners") if registry or draw.chance(0.5) else ""
    number = ".".join(map(str, version(draw)[: draw.between(2, 3)]))
    tag = draw.pick(("latest", number, number, f"{number}-alpine", "stable")) if draw.chance(0.85) else ""
    image = _word(draw, "images")
    text = "/".join(x for x in (registry, owner, image) if x) + (f":{tag}" if tag else "")
    return Value({"registry": registry, "owner": owner, "image": image, "tag": tag, "full": text}, text)


def _remote(draw: Draw, p: Params) -> Value:
    data = {
        "host": draw.pick(("github.com", "gitlab.com", "bitbucket.org")),
        "owner": _word(draw, "owners"),
        "repo": _word(draw, "repos"),
    }
    shape = draw.pick(("git@{host}:{owner}/{repo}.git", f"https://{{host}}/{{owner}}/{{repo}}{p['end']}"))
    return Value({**data, "ssh": "git@" in shape}, shape.format(**data))


def _trace(draw: Draw, p: Params) -> Value:
    module = _word(draw, "modules")
    data = {
        "folder": _word(draw, "folders"),
        "module": module,
        "file": f"{module}.{p['ext']}",
        "line": str(draw.between(3, 480)),
        "column": str(draw.between(1, 60)),
        "function": _word(draw, "functions"),
        "class": _word(draw, "classes"),
        "error": _word(draw, "errors"),
    }
    shown = {k: v for k, v in data.items() if f"{{{k}}}" in p["shape"]}
    return Value({**shown, "module": module, "ext": p["ext"]}, p["shape"].format(**data))


def _traced(draw: Draw) -> Params:
    ext, shape = draw.pick(
        (
            ("py", 'File "{folder}/{file}", line {line}, in {function}'),
            ("py", "{folder}/{file}:{line}: {error} in {function}"),
            ("js", "at {function} ({folder}/{file}:{line}:{column})"),
            ("java", "at com.shop.{class}.{function}({file}:{line})"),
            ("go", "{folder}/{file}:{line} {function}()"),
            ("rb", "{folder}/{file}:{line}:in `{function}'"),
        )
    )
    return {"ext": ext, "shape": shape}


_UNITS = ("B", "KB", "MB", "GB", "TB")


def _size(draw: Draw, _: Params) -> Value:
    unit = draw.between(0, 3)
    n = 1024 * draw.between(1, 9) if draw.chance(0.5) else draw.between(1, 900)
    return Value({"n": n, "unit": unit, "text": f"{n} {_UNITS[unit]}"}, f"{n} {_UNITS[unit]}")


def _listed(draw: Draw, p: Params) -> Value:
    """A line such as `ls -l` writes it."""
    name = _name(draw)
    folder = draw.chance(0.3)
    if folder:
        name = {**name, "file": _word(draw, "folders")}
    data = {
        "mode": ("d" if folder else "-") + draw.pick(("rw-r--r--", "rwxr-xr-x", "rw-------", "rw-rw-r--", "r--r--r--")),
        "owner": draw.pick(("root", *table("users", of="codes")[:8])),
        "group": draw.pick(("staff", "users", "www", "admin")),
        "size": str(draw.between(12, 99999)),
        "date": f"{draw.pick(('Jan', 'Mar', 'Apr', 'Jun', 'Sep', 'Nov'))} {draw.between(10, 28)}",
        "file": name["file"],
        "folder": folder,
    }
    return Value(data, p["shape"].format(**data))


INPUTS = (
    InputType("unix path", "path", "a file path", "the path", _path("any", "/"), _depth("/", "/", "/", "~/", "")),
    InputType(
        "project path", "path", "the path of a file", "the path", _path("any", "/"), _depth("", "./", "../", "/")
    ),
    InputType(
        "windows path", "path", "a Windows path", "the path", _path("any", "\\"), _depth("C:\\", "C:\\", "D:\\", "")
    ),
    InputType("file name", "file", "a file name", "the file name", _file),
    InputType(
        "file list",
        "files",
        "a list of files",
        "the list",
        _files,
        picked(sep=(", ", " ", "\n", "; ", " | ")),
    ),
    InputType(
        "listing line",
        "listing",
        "a line of a directory listing",
        "the line",
        _listed,
        lambda d: {"shape": "{mode} {owner} {group} {size} {date} {file}"},
    ),
    InputType("file size", "size", "a file size", "the size", _size),
    InputType(
        "version",
        "version",
        "a version number",
        "the version",
        _release,
        picked(shape=("{v}", "{v}", "v{v}")),
    ),
    InputType(
        "release",
        "version",
        "a release tag",
        "the tag",
        _release,
        picked(shape=("release-{v}", "app {v}", "version {v}", "api@{v}")),
    ),
    InputType(
        "version list",
        "versions",
        "a list of versions",
        "the list",
        _releases((3, 4)),
        picked(sep=(", ", " ", "\n", " | "), v=("", "", "v")),
    ),
    InputType(
        "version change",
        "upgrade",
        "an upgrade",
        "the upgrade",
        _releases((2, 2)),
        picked(sep=(" -> ", " to ", " => "), v=("", "v")),
    ),
    InputType("version candidate", "maybe version", "something typed as a version", "the entry", _maybe_version),
    InputType("pip pin", "pin", "a line of requirements.txt", "the requirement", _pin, _requirement),
    InputType("npm pin", "pin", "a dependency of a JavaScript project", "the dependency", _pin, _npm),
    InputType("image name", "image", "a container image", "the image name", _image),
    InputType("git remote", "remote", "a git remote", "the remote", _remote, picked(end=(".git", ""))),
    InputType("trace line", "trace", "a line of a stack trace", "the line", _trace, _traced),
)
