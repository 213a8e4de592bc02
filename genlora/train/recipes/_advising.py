"""A small advising data set, written by rule: questions of students who want abroad, and answers in Markdown.

SYNTHETIC: every row is filled from the tables below. Names of countries, tests and documents are real words; what an
answer says of them follows from the tables alone and is no advice to anybody.
"""

import random

from genlora.tasks import Example, Task

_COUNTRIES = {
    "Canada": ("study permit", "IELTS", "CAD"),
    "Germany": ("national visa", "TestDaF", "EUR"),
    "Japan": ("student visa", "JLPT", "JPY"),
    "Australia": ("subclass 500 visa", "PTE", "AUD"),
    "Ireland": ("stamp 2 permission", "Duolingo", "EUR"),
    "Norway": ("residence permit", "TOEFL", "NOK"),
}
_SUBJECTS = {
    "nursing": "clinical placement",
    "computer science": "code portfolio",
    "architecture": "design portfolio",
    "economics": "quantitative essay",
    "music": "audition recording",
    "biology": "laboratory report",
}
_LEVELS = {"bachelor": "school certificate", "master": "degree transcript", "doctorate": "research proposal"}
_ASKS = (
    "I want to study {subject} in {country} as a {level} student. What do I need?",
    "Which papers do I need for a {level} in {subject} in {country}?",
    "How do I prepare for a {level} programme in {subject}, {country}?",
    "My plan: {country}, {subject}, {level}. What should I hand in?",
)
DESCRIPTION = "advise a student who wants to study abroad, in Markdown with the key facts in bold"
SOURCE = "synthetic: written by rule (genlora.train.recipes), no advice to anybody"


def advising_task(rows: int = 360, *, seed: int = 0) -> Task:
    """The data set as a task; the same rows for the same seed, at most 432 different ones."""
    every = [
        Example(ask.format(subject=subject, country=country, level=level), _answer(country, subject, level))
        for country in _COUNTRIES
        for subject in _SUBJECTS
        for level in _LEVELS
        for ask in _ASKS
    ]
    random.Random(seed).shuffle(every)
    chosen = tuple(every[: max(1, rows)])
    return Task(
        "advising-synthetic", (DESCRIPTION,), chosen, "synthetic", "advising-synthetic", "rouge-l", SOURCE, "CC0-1.0"
    )


def _answer(country: str, subject: str, level: str) -> str:
    permit, test, money = _COUNTRIES[country]
    return (
        f"## {subject.capitalize()} in {country}\n"
        f"- **{_LEVELS[level]}**\n"
        f"- **{_SUBJECTS[subject]}**\n"
        f"- **{test}** result\n"
        f"- **{permit}**, funds in {money}"
    )
