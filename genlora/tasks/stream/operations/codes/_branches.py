"""Branch names and commits: their parts, and what follows from them."""

from ..._parts import Classifier, Condition, Params, Value, picked
from ..records._shapes import two_parts
from ..words._parts_of import part

_COMMIT = ("commit", "logged commit")
_BRANCH = ("branch",)


_type = picked(type=("feat", "fix", "docs", "test", "chore"))


def _bump(value: Value, _: Params) -> str:
    if value.data["breaking"]:
        return "major"
    return {"feat": "minor", "fix": "patch", "perf": "patch"}.get(value.data["type"], "none")


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]


OPERATIONS = (
    part("commit.type", _COMMIT, "type"),
    part("commit.scope", _COMMIT, "scope"),
    part("commit.subject", _COMMIT, "subject", answer="text"),
    part("commit.issue", _COMMIT, "issue"),
    part("commit.hash", ("logged commit",), "hash"),
    part("commit.revert", ("logged commit",), lambda v, _: f"git revert {v.data['hash']}"),
    part(
        "commit.note",
        _COMMIT,
        lambda v, _: _capital(v.data["subject"]) + (f" ({v.data['scope']})" if v.data["scope"] else ""),
    ),
    part("commit.sentence", _COMMIT, lambda v, _: f"{_capital(v.data['subject'])}."),
    part("commit.branch", _COMMIT, lambda v, _: f"{v.data['type']}/{v.data['subject'].lower().replace(' ', '-')}"),
    two_parts("commit.shaped", _COMMIT, ("type", "scope"), ("type", "issue"), ("scope", "issue")),
    part("branch.kind", _BRANCH, "kind"),
    part("branch.ticket", _BRANCH, "ticket"),
    part("branch.number", _BRANCH, "number", answer="code"),
    part("branch.project", _BRANCH, "project"),
    part("branch.slug", _BRANCH, "slug"),
    part("branch.words", _BRANCH, lambda v, _: v.data["slug"].replace("-", " "), answer="text"),
    part("branch.title", _BRANCH, lambda v, _: f"{v.data['ticket']}: {v.data['slug'].replace('-', ' ')}"),
    two_parts("branch.shaped", _BRANCH, ("kind", "ticket"), ("ticket", "slug"), ("project", "number")),
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
