"""Lists of files: kept, dropped, counted by their endings."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Operation, Params
from ..words._parts_of import part


def _few_ext(draw: Draw) -> Params:
    return {"ext": draw.pick(("pdf", "png", "mp3", "mp4", "csv", "py", "zip", "docx", "jpg", "js"))}


OPERATIONS = (
    Operation(
        "files.keep",
        ("files",),
        "code",
        lambda v, p: ", ".join(f["file"] for f in v.data if f["ext"] == p["ext"]) or None,
        (
            "keep only the .{ext} files, comma-separated",
            "list the files with the extension {ext}, commas between",
            "filter {the} for {ext} files",
        ),
        ("the .{ext} files, comma-separated", "all files of {the} that end in .{ext}"),
        ("which files end in .{ext}?",),
        _few_ext,
    ),
    Operation(
        "files.drop",
        ("files",),
        "code",
        lambda v, p: (
            ", ".join(f["file"] for f in v.data if f["ext"] != p["ext"])
            if 0 < sum(f["ext"] == p["ext"] for f in v.data) < len(v.data)
            else None
        ),
        ("leave out the .{ext} files, comma-separated", "list every file but those ending in .{ext}, commas between"),
        ("the files without the .{ext} ones, comma-separated", "all files of {the} that do not end in .{ext}"),
        ("which files are left without the .{ext} files?",),
        _few_ext,
    ),
    Operation(
        "files.count",
        ("files",),
        "number",
        lambda v, p: str(sum(f["type"] == p["type"] for f in v.data)),
        ("count the {type} files", "say how many of the files are of the type {type}"),
        ("the number of {type} files", "how many {type} files {the} has"),
        ("how many {type} files are there?",),
        lambda d: {"type": d.pick(("image", "audio", "video", "archive", "spreadsheet"))},
        knowledge=True,
    ),
    Operation(
        "files.one",
        ("files",),
        "code",
        lambda v, p: found[0] if len(found := [f["file"] for f in v.data if f["type"] == p["type"]]) == 1 else None,
        (
            "find the one {type} file",
            "pick the only file of the type {type}",
            "name the file that is of the type {type}",
        ),
        ("the only {type} file", "the file in {the} whose extension is one of the type {type}"),
        ("which file is of the type {type}?",),
        lambda d: {"type": d.pick(("image", "audio", "video", "document", "code", "archive", "spreadsheet"))},
        knowledge=True,
    ),
    part(
        "files.extensions",
        ("files",),
        lambda v, _: ", ".join(f["ext"] for f in v.data),
        ("list the extension of each file, in order, comma-separated", "write only the endings, without dots"),
        ("the extensions in the order of the files, comma-separated", "a comma list of the endings, no dots"),
        ("which extensions do the files have, in order?",),
        "code",
    ),
    part(
        "files.stems",
        ("files",),
        lambda v, _: ", ".join(f["stem"] for f in v.data),
        ("list the names without their extensions, comma-separated", "cut the ending off every file name"),
        ("the file names without extensions, comma-separated", "a comma list of the bare names"),
        ("what are the files called without their extensions?",),
        "code",
    ),
)

CONDITIONS: tuple[Condition, ...] = ()
CLASSIFIERS: tuple[Classifier, ...] = ()
