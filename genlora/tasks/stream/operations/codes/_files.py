"""Paths and file names: their parts, small changes, and what kind of file it is."""

from genlora.tasks._draw import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value, picked
from ..._tables import groups_of
from ..records._shapes import two_parts
from ..words._parts_of import part

_PATH = ("path",)
_FILE = ("path", "file")
_NTH = ("first", "second")


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 2)
    return {"n": n, "nth": _NTH[n - 1]}


_ext = picked(ext=("txt", "pdf", "bak", "png", "csv", "md", "json", "zip", "old", "html"))


_few_ext = picked(ext=("pdf", "png", "mp3", "mp4", "csv", "py", "zip", "docx", "jpg", "js"))


_stem = picked(
    prefix=("old", "new", "copy", "final", "2026", "draft", "my", "tmp"),
    suffix=("copy", "old", "final", "backup", "v2", "signed", "en", "small"),
    new=("data", "file1", "output", "renamed", "latest", "untitled"),
    sep=("_", "-"),
    folder=("backup", "old", "tmp", "archive2", "done", "incoming"),
)


def _beside(value: Value, name: str) -> str:
    """The path of another file in the same folder; for a bare file name, that name."""
    return f"{value.data['folder']}{value.data['sep']}{name}" if "folder" in value.data else name


def _piece(value: Value, name: str) -> str | None:
    return {
        "name": value.data["stem"],
        "file": value.data["file"],
        "extension": value.data["ext"],
        "folder": value.data.get("parent"),
    }[name]


def _language(value: Value, _: Params) -> str | None:
    if value.data["type"] != "code":
        return None
    return groups_of("codes", "languages")[value.data["ext"]][0]


OPERATIONS = (
    part("path.file", _PATH, "file"),
    part("path.extension", _FILE, "ext"),
    part("path.dotted extension", _FILE, lambda v, _: f".{v.data['ext']}"),
    part("path.stem", _FILE, "stem"),
    part("path.folder", _PATH, "folder"),
    part("path.parent", _PATH, "parent"),
    Operation(
        "path.nth folder",
        _PATH,
        "code",
        lambda v, p: v.data["folders"][p["n"] - 1] if len(v.data["folders"]) >= p["n"] else None,
        params=_nth,
    ),
    part("path.depth", _PATH, lambda v, _: str(len(v.data["folders"])), answer="number"),
    part(
        "path.slashes", _PATH, lambda v, _: v.text.replace("\\", "/") if "\\" in v.text else v.text.replace("/", "\\")
    ),
    Operation(
        "path.new extension",
        _FILE,
        "code",
        lambda v, p: None if v.data["ext"] == p["ext"] else _beside(v, f"{v.data['stem']}.{p['ext']}"),
        params=_ext,
    ),
    Operation("path.add extension", _FILE, "code", lambda v, p: f"{v.text}.{p['ext']}", params=_ext),
    part("path.no extension", _FILE, lambda v, _: v.text.rpartition(".")[0]),
    Operation(
        "path.suffix",
        _FILE,
        "code",
        lambda v, p: _beside(v, f"{v.data['stem']}{p['sep']}{p['suffix']}.{v.data['ext']}"),
        params=_stem,
    ),
    Operation(
        "path.prefix", _FILE, "code", lambda v, p: _beside(v, f"{p['prefix']}{p['sep']}{v.data['file']}"), params=_stem
    ),
    Operation("path.rename", _FILE, "code", lambda v, p: _beside(v, f"{p['new']}.{v.data['ext']}"), params=_stem),
    Operation("path.move", _PATH, "code", lambda v, p: f"{p['folder']}/{v.data['file']}", params=_stem),
    two_parts("path.shaped", _PATH, ("name", "extension"), ("folder", "file"), ("folder", "extension"), get=_piece),
    Operation("path.language", _FILE, "text", _language, knowledge=True),
)


def _type(value: Value, _: Params) -> str:
    return value.data["type"]


CONDITIONS = (
    Condition(
        "path extension",
        _FILE,
        lambda v, p: v.data["ext"] == p["ext"],
        ("the file ends in .{ext}", "it is a {ext} file"),
        ("the file has another extension", "it does not end in .{ext}"),
        params=_few_ext,
    ),
    Condition(
        "path digits",
        _FILE,
        lambda v, _: any(c.isdigit() for c in v.data["stem"]),
        ("there is a digit in the name before the dot", "the file name (without extension) contains a digit"),
        ("the name before the dot has no digits", "the bare file name is free of digits"),
    ),
    Condition(
        "path absolute",
        _PATH,
        lambda v, _: None if v.text.startswith("~") else v.text.startswith(("/", "C:", "D:")),
        ("{the} starts with a slash or a drive letter", "{the} is absolute"),
        ("{the} is relative", "{the} starts with a folder name or a dot"),
    ),
    Condition(
        "path deep",
        _PATH,
        lambda v, p: len(v.data["folders"]) > p["n"],
        ("{the} names more than {n} folders", "there are over {n} folder names in it"),
        ("{the} names {n} folders or fewer", "there are at most {n} folder names in it"),
        params=picked(n=range(2, 4)),
    ),
    Condition(
        "path media",
        _FILE,
        lambda v, _: v.data["type"] in ("image", "audio", "video"),
        ("it is a picture, sound or video file", "the file is to be looked at or listened to"),
        ("it is some other kind of file", "the file is no picture, sound or video"),
        knowledge=True,
    ),
)

CLASSIFIERS = (
    Classifier(
        "path media kind",
        _FILE,
        lambda v, p: t if (t := _type(v, p)) in ("image", "audio", "video") else "other",
        {
            "image": "the extension belongs to an image",
            "audio": "the extension belongs to a sound file",
            "video": "the extension belongs to a video",
            "other": "it is no image, sound or video",
        },
        "the kind of file",
        {"image": "image", "audio": "audio", "video": "video", "other": "other"},
        knowledge=True,
    ),
    Classifier(
        "path office kind",
        _FILE,
        lambda v, p: t if (t := _type(v, p)) in ("document", "spreadsheet", "code", "archive") else None,
        {
            "document": "it is a text document",
            "spreadsheet": "it is a table or spreadsheet",
            "code": "it is program code",
            "archive": "it is a packed archive",
        },
        "the type of the file, told by its extension",
        {"document": "document", "spreadsheet": "spreadsheet", "code": "code", "archive": "archive"},
        knowledge=True,
    ),
    Classifier(
        "path app",
        _FILE,
        lambda v, p: t if (t := _type(v, p)) in ("image", "audio", "spreadsheet", "archive") else None,
        {
            "image": "it is a picture",
            "audio": "it is a sound file",
            "spreadsheet": "it is a spreadsheet",
            "archive": "it has to be unpacked",
        },
        "the app that opens the file",
        {"image": "Viewer", "audio": "Player", "spreadsheet": "Sheets", "archive": "Unzip"},
        knowledge=True,
    ),
)
