"""Paths and file names: their parts, small changes, and what kind of file it is."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params, Value
from ..._tables import groups_of
from ..records._shapes import two_parts
from ..words._parts_of import part

_PATH = ("path",)
_FILE = ("path", "file")
_NTH = ("first", "second")


def _nth(draw: Draw) -> Params:
    n = draw.between(1, 2)
    return {"n": n, "nth": _NTH[n - 1]}


def _ext(draw: Draw) -> Params:
    return {"ext": draw.pick(("txt", "pdf", "bak", "png", "csv", "md", "json", "zip", "old", "html"))}


def _few_ext(draw: Draw) -> Params:
    return {"ext": draw.pick(("pdf", "png", "mp3", "mp4", "csv", "py", "zip", "docx", "jpg", "js"))}


def _stem(draw: Draw) -> Params:
    return {
        "prefix": draw.pick(("old", "new", "copy", "final", "2026", "draft", "my", "tmp")),
        "suffix": draw.pick(("copy", "old", "final", "backup", "v2", "signed", "en", "small")),
        "new": draw.pick(("data", "file1", "output", "renamed", "latest", "untitled")),
        "sep": draw.pick(("_", "-")),
        "folder": draw.pick(("backup", "old", "tmp", "archive2", "done", "incoming")),
    }


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
    part(
        "path.file",
        _PATH,
        "file",
        (
            "give the file name with its extension, no folders",
            "strip the folders from {the}",
            "write what follows the last separator",
        ),
        ("the file name, extension included", "the name of the file without its folders"),
        ("which file does {the} point to (name only)?",),
    ),
    part(
        "path.extension",
        _FILE,
        "ext",
        (
            "print the file extension, without the dot",
            "output the letters after the last dot",
            "say which extension the file has (no dot)",
        ),
        ("the extension, without a dot", "the part after the last dot"),
        ("what is the file extension?",),
    ),
    part(
        "path.dotted extension",
        _FILE,
        lambda v, _: f".{v.data['ext']}",
        ("give the extension together with its dot", "write the ending of the file name, dot included, e.g. .txt"),
        ("the extension with its dot", "the ending of the file name from the last dot on"),
    ),
    part(
        "path.stem",
        _FILE,
        "stem",
        (
            "get the file name without folders and without extension",
            "write the bare name of the file: no path, no ending",
            "extract the stem of the file name",
        ),
        ("the bare file name, no folders and no extension", "the name of the file up to its dot"),
        ("what is the file called, extension and folders left out?",),
    ),
    part(
        "path.folder",
        _PATH,
        "folder",
        (
            "give the folder path: everything before the file name, no separator at the end",
            "cut the file name off {the}, with the separator before it",
            "print the path of the directory that holds the file",
        ),
        ("the path of the directory, without the file", "{the} up to its last separator, separator left out"),
        ("what is the full path of the folder?",),
    ),
    part(
        "path.parent",
        _PATH,
        "parent",
        (
            "show the name of the folder that directly holds the file",
            "name the innermost folder, without the rest of the path",
            "write only the last folder before the file name",
        ),
        ("the name of the folder right above the file", "the innermost folder, name only"),
        ("in which folder does the file lie (name only)?",),
    ),
    Operation(
        "path.nth folder",
        _PATH,
        "code",
        lambda v, p: v.data["folders"][p["n"] - 1] if len(v.data["folders"]) >= p["n"] else None,
        ("name the {nth} folder of {the}", "write only the {nth} named folder, counted from the left"),
        ("the {nth} folder in {the}, name only", "the name of folder number {n}"),
        ("what is the {nth} folder called?",),
        _nth,
    ),
    part(
        "path.depth",
        _PATH,
        lambda v, _: str(len(v.data["folders"])),
        ("count the named folders", "say how many folders {the} names, the file itself not counted"),
        ("the number of named folders", "how many folder names {the} has"),
        ("how many folder names are in {the}?",),
        "number",
    ),
    part(
        "path.slashes",
        _PATH,
        lambda v, _: v.text.replace("\\", "/") if "\\" in v.text else v.text.replace("/", "\\"),
        (
            "turn every slash around: / becomes \\ and \\ becomes /",
            "swap the kind of slash in {the}, nothing else",
        ),
        ("{the} with its slashes turned around", "{the} with backslashes for slashes, or the other way round"),
    ),
    Operation(
        "path.new extension",
        _FILE,
        "code",
        lambda v, p: None if v.data["ext"] == p["ext"] else _beside(v, f"{v.data['stem']}.{p['ext']}"),
        (
            "change the extension to .{ext}",
            "write {the} again with the ending {ext}",
            "replace what follows the last dot by {ext}",
        ),
        ("{the} with the extension {ext}", "the same name as a .{ext} file, folders kept"),
        ("what is {the} with the extension {ext}?",),
        _ext,
    ),
    Operation(
        "path.add extension",
        _FILE,
        "code",
        lambda v, p: f"{v.text}.{p['ext']}",
        ("append .{ext} behind the old extension", "add the ending .{ext} behind the one that is there"),
        ("{the} with .{ext} added at the end", "{the} plus a second extension, {ext}"),
        params=_ext,
    ),
    part(
        "path.no extension",
        _FILE,
        lambda v, _: v.text.rpartition(".")[0],
        ("remove the extension, folders stay", "output {the} without the last dot and what follows it"),
        ("{the} without its extension", "{the} up to its last dot"),
    ),
    Operation(
        "path.suffix",
        _FILE,
        "code",
        lambda v, p: _beside(v, f"{v.data['stem']}{p['sep']}{p['suffix']}.{v.data['ext']}"),
        (
            'put "{sep}{suffix}" right before the extension',
            "insert {sep}{suffix} between the name and its dot",
            'append "{sep}{suffix}" to the name of the file, in front of the dot',
        ),
        ('{the} with "{sep}{suffix}" before the dot', "the name after {sep}{suffix} was added to its stem"),
        ('what is {the} with "{sep}{suffix}" before the dot?',),
        params=_stem,
    ),
    Operation(
        "path.prefix",
        _FILE,
        "code",
        lambda v, p: _beside(v, f"{p['prefix']}{p['sep']}{v.data['file']}"),
        (
            'put "{prefix}{sep}" in front of the file name',
            "let the file name begin with {prefix}{sep}, folders unchanged",
        ),
        ('{the} with "{prefix}{sep}" before the file name', "{the} after the file got the prefix {prefix}{sep}"),
        ("what is {the} with {prefix}{sep} before the file name?",),
        params=_stem,
    ),
    Operation(
        "path.rename",
        _FILE,
        "code",
        lambda v, p: _beside(v, f"{p['new']}.{v.data['ext']}"),
        (
            "rename the file to {new}, extension and folders unchanged",
            'replace the name before the dot by "{new}"',
        ),
        ("{the} with the file called {new}, same extension", "{the} after its file was renamed to {new}"),
        ("what is {the} if the file is called {new}?",),
        params=_stem,
    ),
    Operation(
        "path.move",
        _PATH,
        "code",
        lambda v, p: f"{p['folder']}/{v.data['file']}",
        (
            "write where the file lies after a move to {folder}: {folder}/name",
            "return the path {folder}/ plus the file name",
        ),
        ("the file name with {folder}/ in front, other folders dropped", "{folder}/ and the file name"),
        ("what is the path after a move to {folder}/?",),
        _stem,
    ),
    two_parts("path.shaped", _PATH, _piece, ("name", "extension"), ("folder", "file"), ("folder", "extension")),
    Operation(
        "path.language",
        _FILE,
        "text",
        _language,
        ("name the programming language of the file", "say in which language this source file is written"),
        ("the programming language that the extension stands for", "the language of the source file"),
        ("which programming language is it?",),
        knowledge=True,
    ),
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
        params=lambda d: {"n": d.between(2, 3)},
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
