"""What programmers type: names, commands, commits, branches, settings, literals, queries, signatures."""

from collections.abc import Callable, Sequence

from genlora.tasks._draw import Draw

from ..._parts import InputType, Params, Value, picked
from ..._tables import groups_of, table

_CASES: dict[str, Callable[[Sequence[str]], str]] = {
    "snake": "_".join,
    "kebab": "-".join,
    "pascal": lambda words: "".join(w.capitalize() for w in words),
    "constant": lambda words: "_".join(words).upper(),
    "dotted": ".".join,
}


def in_case(words: Sequence[str], case: str) -> str:
    """The words as one name, e.g. `in_case(("get", "user"), "pascal")` is GetUser."""
    return _CASES[case](words)


def _word(draw: Draw, name: str) -> str:
    return draw.pick(table(name, of="codes"))


def _words(draw: Draw) -> tuple[str, ...]:
    first = _word(draw, draw.pick(("verbs", "verbs", "qualifiers")))
    rest = draw.some(table("nouns", of="codes"), draw.between(1, 2))
    return (first, *rest)


def _named(*cases: str) -> Callable[[Draw, Params], Value]:
    def drawn(draw: Draw, _: Params) -> Value:
        words, case = _words(draw), draw.pick(cases)
        return Value({"words": words, "case": case}, in_case(words, case))

    return drawn


def _command(draw: Draw, p: Params) -> Value:
    programs = groups_of("codes", "programs")
    options = groups_of("codes", "options")
    program = draw.pick(tuple(programs))
    sub = draw.pick(programs[program])
    switches = [f"--{s}" for s in draw.some(table("switches", of="codes"), draw.between(0, 2))]
    chosen = {k: draw.pick(options[k]) for k in draw.some(tuple(options), draw.between(1, 2))}
    parts = [[s] for s in switches] + [[f"--{k}{p['eq']}{v}"] for k, v in chosen.items()]
    parts = [x for part in draw.some(parts, len(parts)) for x in part]
    target = _word(draw, "repos") if draw.chance(0.6) else ""
    text = " ".join([p["prompt"] + program, sub, *parts, *([target] if target else [])])
    data = {"program": program, "sub": sub, "switches": switches, "options": chosen, "target": target}
    data["bare"] = text.removeprefix(p["prompt"])
    return Value(data, text)


def _commit(draw: Draw, p: Params) -> Value:
    kind = _word(draw, "commit types")
    subject = draw.pick(groups_of("codes", "subjects")[kind])
    scope = _word(draw, "scopes") if draw.chance(0.6) else ""
    breaking = draw.chance(0.15)
    issue = str(draw.between(2, 999)) if draw.chance(0.5) else ""
    short = "".join(draw.pick("0123456789abcdef") for _ in range(7))
    title = f"{kind}{f'({scope})' if scope else ''}{'!' if breaking else ''}: {subject}"
    data = {
        "type": kind,
        "scope": scope,
        "subject": subject,
        "issue": issue,
        "hash": short,
        "breaking": breaking,
        "title": title,
    }
    return Value(data, p["shape"].format(title=title + (f" (#{issue})" if issue else ""), hash=short))


def _branch(draw: Draw, p: Params) -> Value:
    kind = draw.pick(("feature", "bugfix", "hotfix", "chore", "docs"))
    project, number = draw.pick(("PAY", "WEB", "APP", "OPS", "CRM", "DATA")), str(draw.between(3, 999))
    slug = "-".join((_word(draw, "verbs"), *draw.some(table("nouns", of="codes"), draw.between(1, 2))))
    data = {"kind": kind, "project": project, "number": number, "ticket": f"{project}-{number}", "slug": slug}
    return Value(data, p["shape"].format(**data))


_SWITCH = {"yes": True, "no": False, "on": True, "off": False, "true": True, "false": False, "1": True, "0": False}
_SWITCH |= {"enabled": True, "disabled": False, "TRUE": True, "FALSE": False, "Y": True, "N": False}


def _setting(draw: Draw, p: Params) -> Value:
    key, word = _word(draw, "setting keys"), draw.pick(tuple(_SWITCH))
    return Value({"key": key, "word": word, "on": _SWITCH[word]}, f"{key}{p['eq']}{word}")


def _limit(draw: Draw, p: Params) -> Value:
    numbers = groups_of("codes", "number settings")
    key = draw.pick(tuple(numbers))
    n = str(draw.between(1, 600))
    note = (
        draw.pick(("# default", "# raise later", "# per host", "# do not touch", "# from the docs"))
        if draw.chance(0.5)
        else ""
    )
    return Value({"key": key, "number": n, "note": note}, f"{key}{p['eq']}{n}{'  ' + note if note else ''}")


def _literal(draw: Draw, _: Params) -> Value:
    kind = draw.pick(("integer", "float", "boolean", "string", "null", "list"))
    noun = _word(draw, "nouns")
    n = draw.between(0, 999)
    text = {
        "integer": str(n if draw.chance(0.8) else -n - 1),
        "float": f"{draw.between(0, 99)}.{draw.between(0, 99):02}",
        "boolean": draw.pick(("true", "false")),
        "string": draw.pick((f'"{noun}"', f'"{n}"', f'"{noun} {n}"', '"true"', '"null"', f'"{draw.between(0, 9)}.5"')),
        "null": "null",
        "list": draw.pick((f"[{n}]", f'["{noun}"]', "[]", f"[{n}, {draw.between(0, 99)}]", "[true]")),
    }[kind]
    key = _word(draw, "nouns") if draw.chance(0.7) else ""
    return Value({"kind": kind, "key": key, "value": text}, f"{key}: {text}" if key else text)


def _quoted(draw: Draw, _: Params) -> Value:
    """A line with quotation marks; in half of them one is missing."""
    line = draw.pick(table("quoted lines", of="codes"))
    mark = draw.pick('""\'')
    pieces = line.split("{q}")
    marks = [mark] * (len(pieces) - 1)
    good = draw.chance(0.5)
    if not good:
        marks[draw.between(0, len(marks) - 1)] = ""
    text = pieces[0] + "".join(m + piece for m, piece in zip(marks, pieces[1:], strict=True))
    return Value({"balanced": good, "marks": sum(map(len, marks)), "mark": mark, "inside": pieces[1::2]}, text)


def _query(draw: Draw, _: Params) -> Value:
    columns = draw.some(table("columns", of="codes"), draw.between(1, 3))
    column, value = draw.pick(
        (
            ("city", f"'{_word(draw, 'cities')}'"),
            ("status", draw.pick(("'open'", "'closed'"))),
            ("age", str(draw.between(18, 80))),
            ("total", str(draw.between(10, 900))),
            ("country", draw.pick(("'NO'", "'SE'", "'DE'"))),
            ("id", str(draw.between(1, 9999))),
        )
    )
    name = _word(draw, "tables")
    op = draw.pick("=<>") if not value.startswith("'") else "="
    verb = draw.pick(("SELECT", "SELECT", "SELECT", "DELETE", "UPDATE"))
    limit = str(draw.pick((1, 5, 10, 20, 50, 100))) if verb == "SELECT" and draw.chance(0.5) else ""
    where = f" WHERE {column} {op} {value}"
    start = {
        "SELECT": f"SELECT {', '.join(columns)} FROM {name}",
        "DELETE": f"DELETE FROM {name}",
        "UPDATE": f"UPDATE {name} SET {columns[0]} = NULL",
    }[verb]
    data = {
        "verb": verb,
        "table": name,
        "columns": columns if verb == "SELECT" else [],
        "column": column,
        "value": value.strip("'"),
        "limit": limit,
        "condition": f"{column} {op} {value}",
        "start": start,
    }
    return Value(data, start + where + (f" LIMIT {limit}" if limit else ""))


def _signature(draw: Draw, p: Params) -> Value:
    name = in_case(_words(draw)[:2], "snake")
    names = draw.some(
        ("path", "mode", "limit", "user", "name", "size", "items", "key", "value", "date", "retry"), draw.between(1, 4)
    )
    default = draw.pick(("10", "None", "True", "0", "1.5", "''")) if draw.chance(0.6) else ""
    listed = [*names[:-1], f"{names[-1]}={default}" if default else names[-1]]
    data = {"name": name, "parameters": names, "default": default}
    return Value(data, p["shape"].format(name=name, listed=", ".join(listed)))


def _shape(*shapes: str) -> Callable[[Draw], Params]:
    return lambda d: {"shape": d.pick(shapes)}


def _eq(*signs: str) -> Callable[[Draw], Params]:
    return lambda d: {"eq": d.pick(signs)}


INPUTS = (
    InputType("snake name", "snake", "a snake_case name", "the name", _named("snake")),
    InputType("kebab name", "kebab", "a kebab-case name", "the name", _named("kebab")),
    InputType("pascal name", "pascal", "a PascalCase name", "the name", _named("pascal")),
    InputType("constant name", "constant", "the name of a constant", "the name", _named("constant")),
    InputType("mixed name", "mixed name", "a name from a program", "the name", _named(*_CASES)),
    InputType(
        "command line",
        "command",
        "a command line",
        "the command",
        _command,
        picked(eq=(" ", "="), prompt=("", "", "$ ")),
    ),
    InputType("commit title", "commit", "the title of a commit", "the title", _commit, _shape("{title}")),
    InputType(
        "commit line",
        "logged commit",
        "a line of a git log",
        "the line",
        _commit,
        _shape("{hash} {title}", "* {hash} - {title}", "{hash} | {title}"),
    ),
    InputType(
        "branch",
        "branch",
        "a branch name",
        "the branch name",
        _branch,
        _shape("{kind}/{ticket}-{slug}", "{kind}/{ticket}/{slug}", "{kind}/{ticket}_{slug}"),
    ),
    InputType("switch setting", "switch", "a setting", "the setting", _setting, _eq("=", " = ", ": ", " ")),
    InputType("number setting", "limit", "a line of a config file", "the line", _limit, _eq("=", " = ", ": ")),
    InputType("literal", "literal", "a JSON value", "the value", _literal),
    InputType("quoted line", "quoted", "a line with quotation marks", "the line", _quoted),
    InputType("sql query", "sql", "an SQL statement", "the statement", _query),
    InputType(
        "signature",
        "signature",
        "the head of a function",
        "the function head",
        _signature,
        _shape("def {name}({listed}):", "{name}({listed})", "function {name}({listed})"),
    ),
)
