"""F1: a description is plain text of 1 to 4,000 characters; everything else is refused fast, in little memory."""

import random
import time
import tracemalloc

import pytest

from genlora.descriptions import MAX_CHARS, check_description, language_warning
from genlora.errors import DescriptionError


def odd_inputs(n: int = 200) -> list[tuple[str, str]]:
    """`n` unusable texts up to 10 MB, each with what the error must say."""
    rng = random.Random(0)
    fixed = [
        ("", "empty"),
        (" \n\t \u00a0\u3000", "empty"),
        ("...?!-", "no words"),
        ("\u200b\u200d", "no words"),
        ("a" * (MAX_CHARS + 1), "4,001 characters"),
        ("sort " * 2_000_000, "10,000,000 characters"),
        ("é" * 5_000_000, "too long"),
        ("e\u0301" * 4_001, "4,001 characters"),
        ("\x00" * 10_000, "U+0000"),
    ]
    controls = [chr(c) for c in (*range(0x20), *range(0x7F, 0xA0)) if chr(c) not in "\t\n\r"]
    surrogates = [chr(c) for c in (0xD800, 0xDBFF, 0xDC00, 0xDC80, 0xDFFF)]
    while len(fixed) < n:
        bad = rng.choice(controls if rng.random() < 0.7 else surrogates)
        before = "sort the words " * rng.randrange(1, 200)
        fixed.append((before + bad + "now", f"U+{ord(bad):04X}"))
    return fixed


@pytest.mark.parametrize("naive", [False, True])
def test_odd_descriptions_are_refused_fast_and_in_little_memory(naive):
    check = (lambda text: text.strip() or None) if naive else check_description
    caught = 0
    for text, says in odd_inputs():
        tracemalloc.start()
        start = time.perf_counter()
        try:
            check(text)
        except DescriptionError as err:
            caught += says in str(err)
        assert time.perf_counter() - start <= 1
        assert tracemalloc.get_traced_memory()[1] <= 64 << 20
        tracemalloc.stop()
    assert caught == (0 if naive else 200)


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("  sort\r\n the\twords  ", "sort the words"),
        ("cafe\u0301", "café"),
        ("把单词按字母排序", "把单词按字母排序"),
        ("🙂 → 🙁", "🙂 → 🙁"),
        ("a" * MAX_CHARS, "a" * MAX_CHARS),
        ("'; DROP TABLE expert; --", "'; DROP TABLE expert; --"),
    ],
)
def test_usable_descriptions_are_normalised_once(text, normal):
    assert check_description(text) == normal
    assert check_description(normal) == normal


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Sortiere die Wörter nach dem Alphabet", "German"),
        ("Trie les mots dans l'ordre alphabétique", "French"),
        ("Ordena las palabras por orden alfabético", "Spanish"),
        ("把单词按字母排序", "other than Latin"),
        ("расположи слова по алфавиту", "other than Latin"),
    ],
)
def test_another_language_gets_a_warning(text, found):
    assert found in (language_warning(text) or "")


@pytest.mark.parametrize(
    "text", ["sort words", "Translate the German word 'die' to English", "en -> de, single words", "2+2?", "naïve café"]
)
def test_english_gets_no_warning(text):
    assert language_warning(text) is None


def test_the_catalogue_is_english(catalogue_descriptions):
    flagged = [d for d in catalogue_descriptions if language_warning(check_description(d))]
    assert len(flagged) <= 0.01 * len(catalogue_descriptions), flagged


@pytest.fixture
def catalogue_descriptions():
    import json
    from pathlib import Path

    import genlora.tasks

    files = Path(genlora.tasks.__file__).parent.joinpath("data").rglob("*.json")

    def found(value):
        if isinstance(value, dict):
            for key, inner in value.items():
                yield from inner if key == "descriptions" and isinstance(inner, list) else found(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from found(inner)

    texts = [text for file in files for text in found(json.loads(file.read_text("utf-8"))) if isinstance(text, str)]
    assert len(texts) > 100
    return texts
