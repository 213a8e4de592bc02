"""Branch names and commits: their parts, and what follows from them."""

from genlora.tasks._rules_data import Draw

from ..._parts import Classifier, Condition, Params, Value
from ..records._shapes import two_parts
from ..words._parts_of import part

_COMMIT = ("commit", "logged commit")
_BRANCH = ("branch",)


def _type(draw: Draw) -> Params:
    return {"type": draw.pick(("feat", "fix", "docs", "test", "chore"))}


def _piece(value: Value, name: str) -> str | None:
    return value.data[name] or None


def _bump(value: Value, _: Params) -> str:
    if value.data["breaking"]:
        return "major"
    return {"feat": "minor", "fix": "patch", "perf": "patch"}.get(value.data["type"], "none")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


OPERATIONS = (
    part(
        "commit.type",
        _COMMIT,
        "type",
        (
            "give the type of the commit",
            "write the word before the colon, without scope or mark",
            "say feat, fix or whatever it is",
        ),
        ("the type of the commit", "the keyword at the start of the title"),
        ("which type of commit is it?",),
    ),
    part(
        "commit.scope",
        _COMMIT,
        "scope",
        ("get the scope, i.e. the word in the first parentheses", "write which area the commit touches (its scope)"),
        ("the scope of the commit", "the area named after the type"),
        ("what is the scope?",),
    ),
    part(
        "commit.subject",
        _COMMIT,
        "subject",
        (
            "give the text after the colon, without an issue number",
            "write only what was done: no type, no scope, no number",
            "strip {the} down to its description",
        ),
        ("the description after the colon, issue number left out", "the bare subject of the commit"),
        ("what was done, in the words of {the}?",),
        "text",
    ),
    part(
        "commit.issue",
        _COMMIT,
        "issue",
        ("show the issue number, digits only", "extract the number behind the #"),
        ("the issue number without #", "the number after the hash sign"),
        ("which issue is named (digits only)?",),
    ),
    part(
        "commit.hash",
        ("logged commit",),
        "hash",
        ("return the hash of the commit", "output the seven characters that identify the commit"),
        ("the abbreviated commit hash", "the seven-character id in {the}"),
        ("what is the hash?",),
    ),
    part(
        "commit.revert",
        ("logged commit",),
        lambda v, _: f"git revert {v.data['hash']}",
        ("write the command that reverts it: git revert and the hash", "make a git revert command from {the}"),
        ("the git revert command for this commit",),
    ),
    part(
        "commit.note",
        _COMMIT,
        lambda v, _: _capital(v.data["subject"]) + (f" ({v.data['scope']})" if v.data["scope"] else ""),
        (
            "write a release note: the description with a capital, then the scope in parentheses if there is one",
            "turn it into Description (scope), without type and issue number",
        ),
        ("the description, capitalised, with the scope behind it in parentheses (if any)",),
        ("how does it read as a release note, Description (scope)?",),
    ),
    part(
        "commit.sentence",
        _COMMIT,
        lambda v, _: f"{_capital(v.data['subject'])}.",
        (
            "write the description as a sentence: capital first, full stop last",
            "make a sentence of the text after the colon",
        ),
        ("the description with a capital and a full stop, number left out",),
    ),
    part(
        "commit.branch",
        _COMMIT,
        lambda v, _: f"{v.data['type']}/{v.data['subject'].lower().replace(' ', '-')}",
        (
            "write a branch name: type, slash, description in lower case with hyphens",
            "make type/words-of-the-subject of it",
        ),
        ("a branch name of the form type/words-with-hyphens, lower case",),
    ),
    two_parts("commit.shaped", _COMMIT, _piece, ("type", "scope"), ("type", "issue"), ("scope", "issue")),
    part(
        "branch.kind",
        _BRANCH,
        "kind",
        ("give the part before the first slash", "say what kind of branch it is: its first word"),
        ("the kind of branch, before the slash", "the word in front of the first slash"),
        ("which kind of branch is it?",),
    ),
    part(
        "branch.ticket",
        _BRANCH,
        "ticket",
        ("output the ticket, such as ABC-12", "extract the ticket key with its number"),
        ("the ticket in {the}", "the ticket key and number, hyphen included"),
        ("which ticket is it?",),
    ),
    part(
        "branch.number",
        _BRANCH,
        "number",
        ("fetch the ticket number, digits only", "print the digits of the ticket"),
        ("the digits of the ticket", "the ticket number without its project key"),
        ("which ticket number is it?",),
        "code",
    ),
    part(
        "branch.project",
        _BRANCH,
        "project",
        ("give the project key, capitals only", "write the letters before the ticket number"),
        ("the project key of the ticket", "the capitals in front of the ticket number"),
        ("which project is it?",),
    ),
    part(
        "branch.slug",
        _BRANCH,
        "slug",
        ("print the description behind the ticket, hyphens kept", "write the words at the end as they are"),
        ("the description part, with its hyphens", "what follows the ticket in {the}"),
        ("how is the branch described?",),
    ),
    part(
        "branch.words",
        _BRANCH,
        lambda v, _: v.data["slug"].replace("-", " "),
        (
            "write the description behind the ticket with spaces",
            "say in plain words what the branch is about, no ticket",
        ),
        ("the description with spaces for hyphens", "the words at the end, spaces between"),
        ("what is the branch about, in plain words?",),
        "text",
    ),
    part(
        "branch.title",
        _BRANCH,
        lambda v, _: f"{v.data['ticket']}: {v.data['slug'].replace('-', ' ')}",
        ("write a pull request title: ticket, colon, description with spaces", "make TICKET: words of the description"),
        ("the ticket, a colon and the description with spaces",),
        ("what is the pull request title, TICKET: words?",),
    ),
    two_parts("branch.shaped", _BRANCH, _piece, ("kind", "ticket"), ("ticket", "slug"), ("project", "number")),
)

CONDITIONS = (
    Condition(
        "commit type",
        _COMMIT,
        lambda v, p: v.data["type"] == p["type"],
        ("the type is {type}", "the commit is a {type}"),
        ("the type is another one", "the commit is no {type}"),
        params=_type,
    ),
    Condition(
        "commit breaking",
        _COMMIT,
        lambda v, _: v.data["breaking"],
        ("there is an exclamation mark before the colon", "the change is marked as breaking (!)"),
        ("there is no exclamation mark", "the change is not marked as breaking"),
    ),
    Condition(
        "commit issue",
        _COMMIT,
        lambda v, _: bool(v.data["issue"]),
        ("an issue number is given", "{the} refers to an issue (#...)"),
        ("no issue is named", "there is no # with a number"),
    ),
    Condition(
        "commit scoped",
        _COMMIT,
        lambda v, _: bool(v.data["scope"]),
        ("a scope is given in parentheses before the colon", "the commit has a scope"),
        ("there is no scope", "the type stands alone before the colon"),
    ),
    Condition(
        "branch fix",
        _BRANCH,
        lambda v, _: v.data["kind"] in ("bugfix", "hotfix"),
        ("the branch fixes something (bugfix or hotfix)", "{the} starts with bugfix or hotfix"),
        ("the branch is for something else", "it is neither a bugfix nor a hotfix"),
    ),
)

CLASSIFIERS = (
    Classifier(
        "commit bump",
        _COMMIT,
        _bump,
        {
            "major": "there is an exclamation mark before the colon",
            "minor": "it is a feat without exclamation mark",
            "patch": "it is a fix or perf without exclamation mark",
            "none": "it is of any other type, without exclamation mark",
        },
        "the version number that rises",
        {"major": "major", "minor": "minor", "patch": "patch", "none": "none"},
    ),
    Classifier(
        "commit section",
        _COMMIT,
        lambda v, _: {"feat": "added", "fix": "fixed", "perf": "changed", "refactor": "changed"}.get(
            v.data["type"], "other"
        ),
        {
            "added": "the type is feat",
            "fixed": "the type is fix",
            "changed": "the type is perf or refactor",
            "other": "the type is docs, test or chore",
        },
        "the section of the changelog",
        {"added": "Added", "fixed": "Fixed", "changed": "Changed", "other": "Other"},
    ),
    Classifier(
        "branch team",
        _BRANCH,
        lambda v, _: {"PAY": "pay", "WEB": "web", "APP": "app", "OPS": "ops"}.get(v.data["project"]),
        {k: f"the project key is {k.upper()}" for k in ("pay", "web", "app", "ops")},
        "the team for {the}",
        {"pay": "payments", "web": "website", "app": "mobile", "ops": "operations"},
    ),
)
