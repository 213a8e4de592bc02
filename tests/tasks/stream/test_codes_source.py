"""Names, commands, commits, branches, settings, SQL, heads of functions: right answers written by hand."""

import pytest

from genlora.tasks.stream._parts import Value
from genlora.tasks.stream._registry import operations
from genlora.tasks.stream.operations.codes import _branches as _codes_branches
from genlora.tasks.stream.operations.codes import _commands as _codes_commands
from genlora.tasks.stream.operations.codes import _config as _codes_config
from genlora.tasks.stream.operations.codes import _names as _codes_names
from genlora.tasks.stream.operations.codes import _sql as _codes_sql

MODULES = (_codes_branches, _codes_commands, _codes_config, _codes_names, _codes_sql)


class Same(dict):
    def __missing__(self, key):
        return key


def answer(name, value, params):
    return operations()[name].do(value, {"Y": "Y", "N": "N", "labels": Same(), **params})


SNAKE = Value({"words": ("load", "user", "file"), "case": "snake"}, "load_user_file")
PASCAL = Value({"words": ("max", "price"), "case": "pascal"}, "MaxPrice")
COMMAND = Value(
    {
        "program": "git",
        "sub": "push",
        "switches": ["--force"],
        "options": {"branch": "main", "limit": "5"},
        "target": "shop",
        "bare": "git push --limit 5 --force --branch main shop",
    },
    "$ git push --limit 5 --force --branch main shop",
)
COMMIT = Value(
    {
        "type": "feat",
        "scope": "api",
        "subject": "add CSV export",
        "issue": "12",
        "hash": "a1b2c3d",
        "breaking": True,
        "title": "feat(api)!: add CSV export",
    },
    "a1b2c3d feat(api)!: add CSV export (#12)",
)
FIX = Value(
    {"type": "fix", "scope": "", "subject": "typo in title", "issue": "", "breaking": False}, "fix: typo in title"
)
BRANCH = Value(
    {"kind": "bugfix", "project": "PAY", "number": "77", "ticket": "PAY-77", "slug": "check-total"},
    "bugfix/PAY-77-check-total",
)
SWITCH = Value({"key": "dark_mode", "word": "off", "on": False}, "dark_mode = off")
LIMIT = Value({"key": "timeout", "number": "30", "note": "# default"}, "timeout = 30  # default")
LITERAL = Value({"kind": "float", "key": "price", "value": "2.50"}, "price: 2.50")
QUOTED = Value({"balanced": False, "marks": 1, "mark": '"', "inside": ["a"]}, 'say "a')
SQL = Value(
    {
        "verb": "SELECT",
        "table": "users",
        "columns": ["id", "name"],
        "column": "city",
        "value": "Oslo",
        "limit": "10",
        "condition": "city = 'Oslo'",
        "start": "SELECT id, name FROM users",
    },
    "SELECT id, name FROM users WHERE city = 'Oslo' LIMIT 10",
)
DELETE = Value({"verb": "DELETE", "columns": [], "table": "orders", "limit": ""}, "DELETE FROM orders WHERE id = 3")
HEAD = Value({"name": "get_user", "parameters": ["name", "limit"], "default": "10"}, "def get_user(name, limit=10):")
SHAPE = {"shape": "[{a}] {b}"}

RIGHT = [
    ("case.snake", PASCAL, {}, "max_price"),
    ("case.snake", SNAKE, {}, None),
    ("case.kebab", SNAKE, {}, "load-user-file"),
    ("case.pascal", SNAKE, {}, "LoadUserFile"),
    ("case.constant", PASCAL, {}, "MAX_PRICE"),
    ("case.dotted", PASCAL, {}, "max.price"),
    ("case.camel", SNAKE, {}, "loadUserFile"),
    ("case.title", SNAKE, {}, "Load User File"),
    ("case.compact", SNAKE, {}, "loaduserfile"),
    ("case.initials", SNAKE, {}, "luf"),
    ("name.word", SNAKE, {"n": 1}, "user"),
    ("name.last word", PASCAL, {}, "price"),
    ("name.count", SNAKE, {}, "3"),
    ("name.drop first", SNAKE, {}, "user_file"),
    ("name.drop last", PASCAL, {}, "Max"),
    ("name.prefix", PASCAL, {"start": "old"}, "OldMaxPrice"),
    ("name.suffix", SNAKE, {"end": "id"}, "load_user_file_id"),
    ("name.verb", PASCAL, {"verb": "get"}, "GetPrice"),
    ("name.swap", SNAKE, {}, "user_load_file"),
    ("name.getter", SNAKE, {}, "get_load_user_file()"),
    ("name.flag", PASCAL, {}, "--max-price"),
    ("label.name starts", SNAKE, {"verb": "load"}, "Y"),
    ("label.name contains", SNAKE, {"noun": "page"}, "N"),
    ("label.name long", SNAKE, {}, "Y"),
    ("label.name snake", PASCAL, {}, "N"),
    ("label.name capitals", PASCAL, {}, "Y"),
    ("label.name style", PASCAL, {}, "pascal"),
    ("label.name role", PASCAL, {}, "class"),
    ("cmd.program", COMMAND, {}, "git"),
    ("cmd.sub", COMMAND, {}, "push"),
    ("cmd.target", COMMAND, {}, "shop"),
    ("cmd.option", COMMAND, {"key": "branch"}, "main"),
    ("cmd.flags", COMMAND, {}, "--limit, --force, --branch"),
    ("cmd.count flags", COMMAND, {}, "3"),
    ("cmd.count switches", COMMAND, {}, "1"),
    ("cmd.pairs", COMMAND, {}, "limit=5, branch=main"),
    ("cmd.add flag", COMMAND, {"flag": "quiet"}, "git push --limit 5 --force --branch main shop --quiet"),
    ("cmd.add flag", COMMAND, {"flag": "force"}, None),
    ("cmd.sudo", COMMAND, {}, "sudo git push --limit 5 --force --branch main shop"),
    ("cmd.short", COMMAND, {}, "git push"),
    ("cmd.shaped", COMMAND, {**SHAPE, "one": "program", "two": "argument"}, "[git] shop"),
    ("label.cmd flag", COMMAND, {"flag": "quiet"}, "N"),
    ("label.cmd has option", COMMAND, {"key": "limit"}, "Y"),
    ("label.cmd git", COMMAND, {"program": "npm"}, "N"),
    ("commit.type", COMMIT, {}, "feat"),
    ("commit.scope", FIX, {}, None),
    ("commit.subject", COMMIT, {}, "add CSV export"),
    ("commit.issue", COMMIT, {}, "12"),
    ("commit.hash", COMMIT, {}, "a1b2c3d"),
    ("commit.revert", COMMIT, {}, "git revert a1b2c3d"),
    ("commit.note", COMMIT, {}, "Add CSV export (api)"),
    ("commit.note", FIX, {}, "Typo in title"),
    ("commit.sentence", FIX, {}, "Typo in title."),
    ("commit.branch", COMMIT, {}, "feat/add-csv-export"),
    ("commit.shaped", COMMIT, {**SHAPE, "one": "scope", "two": "type"}, "[api] feat"),
    ("label.commit type", FIX, {"type": "fix"}, "Y"),
    ("label.commit breaking", COMMIT, {}, "Y"),
    ("label.commit issue", FIX, {}, "N"),
    ("label.commit scoped", FIX, {}, "N"),
    ("label.commit bump", COMMIT, {}, "major"),
    ("label.commit bump", FIX, {}, "patch"),
    ("label.commit section", FIX, {}, "fixed"),
    ("branch.kind", BRANCH, {}, "bugfix"),
    ("branch.ticket", BRANCH, {}, "PAY-77"),
    ("branch.number", BRANCH, {}, "77"),
    ("branch.project", BRANCH, {}, "PAY"),
    ("branch.slug", BRANCH, {}, "check-total"),
    ("branch.words", BRANCH, {}, "check total"),
    ("branch.title", BRANCH, {}, "PAY-77: check total"),
    ("branch.shaped", BRANCH, {**SHAPE, "one": "kind", "two": "ticket"}, "[bugfix] PAY-77"),
    ("label.branch fix", BRANCH, {}, "Y"),
    ("label.branch team", BRANCH, {}, "pay"),
    ("switch.truth", SWITCH, {}, "false"),
    ("switch.flipped", SWITCH, {}, "true"),
    ("switch.words", SWITCH, {"on": "yes", "off": "no"}, "no"),
    ("switch.key", SWITCH, {}, "dark_mode"),
    ("switch.word", SWITCH, {}, "off"),
    ("switch.json", SWITCH, {}, '{"dark_mode": false}'),
    ("switch.flag", SWITCH, {}, "--no-dark-mode"),
    ("label.switch on", SWITCH, {}, "N"),
    ("limit.key", LIMIT, {}, "timeout"),
    ("limit.number", LIMIT, {}, "30"),
    ("limit.comment", LIMIT, {}, "default"),
    ("limit.clean", LIMIT, {}, "timeout=30"),
    ("limit.double", LIMIT, {}, "timeout=60"),
    ("limit.json", LIMIT, {}, '{"timeout": 30}'),
    ("limit.export", LIMIT, {}, "export TIMEOUT=30"),
    ("limit.shaped", LIMIT, {**SHAPE, "one": "key", "two": "number"}, "[timeout] 30"),
    ("label.limit over", LIMIT, {"n": 30}, "N"),
    ("label.limit comment", LIMIT, {}, "Y"),
    ("label.literal string", LITERAL, {}, "N"),
    ("label.literal number", LITERAL, {}, "Y"),
    ("label.literal type", LITERAL, {}, "float"),
    ("quotes.count", QUOTED, {}, "1"),
    ("label.quotes balanced", QUOTED, {}, "N"),
    ("label.quotes broken", QUOTED, {}, "Y"),
    ("sql.table", SQL, {}, "users"),
    ("sql.verb", DELETE, {}, "DELETE"),
    ("sql.columns", SQL, {}, "id, name"),
    ("sql.columns", DELETE, {}, None),
    ("sql.nth column", SQL, {"n": 1}, "name"),
    ("sql.count columns", SQL, {}, "2"),
    ("sql.column", SQL, {}, "city"),
    ("sql.value", SQL, {}, "Oslo"),
    ("sql.condition", SQL, {}, "city = 'Oslo'"),
    ("sql.limit", SQL, {}, "10"),
    ("sql.no where", SQL, {}, "SELECT id, name FROM users"),
    ("sql.count query", SQL, {}, "SELECT COUNT(*) FROM users WHERE city = 'Oslo'"),
    ("sql.new limit", SQL, {"n": 7}, "SELECT id, name FROM users WHERE city = 'Oslo' LIMIT 7"),
    ("sql.new limit", DELETE, {"n": 7}, None),
    ("label.sql reads", DELETE, {}, "N"),
    ("label.sql limit", SQL, {}, "Y"),
    ("label.sql table", SQL, {"table": "orders"}, "N"),
    ("label.sql verb", DELETE, {}, "DELETE"),
    ("head.name", HEAD, {}, "get_user"),
    ("head.parameters", HEAD, {}, "name, limit"),
    ("head.nth", HEAD, {"n": 0}, "name"),
    ("head.last", HEAD, {}, "limit"),
    ("head.count", HEAD, {}, "2"),
    ("head.default", HEAD, {}, "10"),
    ("head.call", HEAD, {}, "get_user(name, limit)"),
    ("label.head default", HEAD, {}, "Y"),
]


@pytest.mark.parametrize(("name", "value", "params", "right"), RIGHT, ids=[f"{r[0]} {i}" for i, r in enumerate(RIGHT)])
def test_the_answer_is_right(name, value, params, right):
    assert answer(name, value, params) == right


def test_every_operation_has_an_answer_here():
    made = {x.name for m in MODULES for x in m.OPERATIONS}
    labels = {f"label.{x.name}" for m in MODULES for x in (*m.CONDITIONS, *m.CLASSIFIERS)}
    assert made | labels == {r[0] for r in RIGHT}
