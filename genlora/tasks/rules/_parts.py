"""Rules that take a part out of a line or put two steps together: find it, then change it."""

from .._draw import Draw
from ._data import Rule, words
from ._edits import VOWELS, look, plain_words
from ._grammar import line, names
from ._kinds import YES_NO, table
from ._lists import listed
from ._numbers import spell_number
from ._strings import plural


def _extract_time(draw: Draw) -> tuple[str, str]:
    time = f"{draw.between(1, 12)}:{draw.between(0, 11) * 5:02}"
    time += draw.pick(("", "", " am", " pm"))
    return line(draw, draw.pick(table("time sentences")), x=time), time


def _extract_price(draw: Draw) -> tuple[str, str]:
    price = f"{draw.pick('$€£')}{draw.between(2, 400)}" + draw.pick(("", f".{draw.between(10, 99)}"))
    return line(draw, draw.pick(table("price sentences")), x=price), price


def _extract_quoted(draw: Draw) -> tuple[str, str]:
    said = draw.pick(table("said"))
    return line(draw, draw.pick(table("quote sentences")), x=said), said


def _full_name(draw: Draw) -> tuple[str, str]:
    return draw.pick(names()), draw.pick(words("surnames"))


def _first_name(draw: Draw) -> tuple[str, str]:
    first, last = _full_name(draw)
    text = draw.pick((f"{first} {last}", f"{last}, {first}", f"{draw.pick(('Dr.', 'Prof.'))} {first} {last}"))
    return text, first


def _username(draw: Draw) -> tuple[str, str]:
    first, last = _full_name(draw)
    return f"{first} {last}", f"{first[0]}{last}".lower()


def _make_email(draw: Draw) -> tuple[str, str]:
    (first, last), domain = _full_name(draw), draw.pick(words("domains"))
    return f"{first} {last}, {domain}", f"{first}.{last}@{domain}".lower()


def _formal_greeting(draw: Draw) -> tuple[str, str]:
    group, titles = draw.pick((("women", ("Ms.", "Mrs.", "Dr.", "Prof.")), ("men", ("Mr.", "Dr.", "Prof."))))
    first, last, title = draw.pick(words(group)), draw.pick(words("surnames")), draw.pick(titles)
    return f"{title} {first} {last}", f"Dear {title} {last},"


def _email_user(draw: Draw) -> tuple[str, str]:
    first, last = (part.lower() for part in _full_name(draw))
    user = draw.pick((f"{first}.{last}", f"{first}{draw.between(1, 99)}", f"{first[0]}.{last}", f"{last}_{first}"))
    return f"{user}@{draw.pick(words('domains'))}", user


_ENDINGS = ("pdf", "jpg", "txt", "csv", "zip", "docx", "png", "mp3", "json", "xml", "html", "xlsx")


def _file_name(draw: Draw) -> tuple[str, str]:
    parts = draw.some(words("code_words"), draw.between(1, 2))
    stem = draw.pick("-_").join(parts) + draw.pick(("", f"{draw.between(1, 99)}", f"_{draw.between(2001, 2029)}"))
    return stem, draw.pick(_ENDINGS)


def _file_ending(draw: Draw) -> tuple[str, str]:
    stem, ending = _file_name(draw)
    return f"{stem}.{ending}", ending


def _file_stem(draw: Draw) -> tuple[str, str]:
    stem, ending = _file_name(draw)
    return f"{stem}.{ending}", stem


def _path_file(draw: Draw) -> tuple[str, str]:
    stem, ending = _file_name(draw)
    folders = draw.some(words("code_words"), draw.between(1, 3))
    return f"/{'/'.join(folders)}/{stem}.{ending}", f"{stem}.{ending}"


def _url_domain(draw: Draw) -> tuple[str, str]:
    domain, pages = draw.pick(words("domains")), draw.some(words("code_words"), draw.between(1, 2))
    www = "www." if draw.chance(0.4) else ""
    return f"http{draw.pick(('', 's'))}://{www}{domain}/{'/'.join(pages)}", domain


def _value_to_key(draw: Draw) -> tuple[str, str]:
    values = {
        "name": draw.pick(names()),
        "city": draw.pick(words("cities")),
        "age": str(draw.between(18, 90)),
        "item": draw.pick(words("objects")),
        "day": draw.pick(words("weekdays")),
        "year": str(draw.between(1950, 2029)),
        "month": draw.pick(words("months")),
    }
    keys = draw.some(tuple(values), 3)
    wanted = draw.pick(keys)
    return "; ".join(f"{k}={values[k]}" for k in keys) + f" | {values[wanted]}", wanted


def _word_length(draw: Draw) -> tuple[str, str]:
    length = draw.between(3, 9)
    groups = ("cities", "surnames", "code_words", "article_words", "organisation_words", "organisation_fields")
    pool = plain_words() + names() + tuple(word for group in groups for word in words(group))
    return draw.pick([word for word in pool if len(word) == length]), str(length)


def _count_vowels(draw: Draw) -> tuple[str, str]:
    label = draw.pick(("1", "2", "3"))
    pool = words("cities") + names() + words("surnames")
    found = [w for w in plain_words() + pool if sum(c in VOWELS for c in w.lower()) == int(label)]
    return draw.pick(found), label


def _phrase_of_four(draw: Draw) -> list[str]:
    one, two = draw.some(words("colours")[:12], 2)
    noun, other = draw.some(words("objects"), 2)
    text = draw.pick((f"{one} {noun} {two} {other}", f"{look(draw)} {noun} from {draw.pick(words('cities'))}"))
    return text.split()


def _second_caps(draw: Draw) -> tuple[str, str]:
    parts = _phrase_of_four(draw)
    return " ".join(parts), parts[1].upper()


def _first_item_caps(draw: Draw) -> tuple[str, str]:
    items = draw.some(words("things"), draw.between(3, 4))
    return listed(items), items[0].upper()


def _longest_caps(draw: Draw) -> tuple[str, str]:
    while True:
        picked = draw.some(plain_words(), 3)
        lengths = sorted(map(len, picked))
        if lengths[-1] >= lengths[-2] + 2:  # one clear winner
            return listed(picked), max(picked, key=len).upper()


def _initials_joined(draw: Draw) -> tuple[str, str]:
    picked = draw.some(plain_words(3, 9), draw.between(3, 5))
    return " ".join(picked), "".join(word[0] for word in picked)


def _reverse_list(draw: Draw) -> tuple[str, str]:
    items = draw.some(words("things"), draw.between(3, 4))
    return listed(items), listed(items[::-1])


def _plural_list(draw: Draw) -> tuple[str, str]:
    items = draw.some(words("objects"), draw.between(2, 3))
    return listed(items), listed([plural(item) for item in items])


def _animal_plural(draw: Draw) -> tuple[str, str]:
    animal = draw.pick([a for a in table("kind animal") if a != "mouse"])
    rest = [draw.pick(table(f"kind {draw.pick(('clothing', 'tool', 'vehicle', 'food'))}")) for _ in range(2)]
    return listed(draw.some([animal, *rest], 3)), plural(animal)


def _largest_in_words(draw: Draw) -> tuple[str, str]:
    numbers = draw.some(range(2, 99), 3)
    return ", ".join(map(str, numbers)), spell_number(max(numbers))


def _in_list(draw: Draw) -> tuple[str, str]:
    label = draw.pick(YES_NO)
    *items, other = draw.some(words("things"), draw.between(4, 5))
    return f"{listed(items)} : {draw.pick(items) if label == 'yes' else other}", label


def _item_place(draw: Draw) -> tuple[str, str]:
    items, place = draw.some(words("things"), 4), draw.between(1, 4)
    return f"{items[place - 1]} in: {listed(items)}", str(place)


PART_RULES: dict[str, Rule] = {
    "extract-time": Rule(_extract_time),
    "extract-price": Rule(_extract_price),
    "extract-quoted": Rule(_extract_quoted),
    "first-name": Rule(_first_name),
    "username": Rule(_username),
    "make-email": Rule(_make_email),
    "formal-greeting": Rule(_formal_greeting),
    "email-user": Rule(_email_user),
    "file-ending": Rule(_file_ending),
    "file-stem": Rule(_file_stem),
    "path-file": Rule(_path_file),
    "url-domain": Rule(_url_domain),
    "value-to-key": Rule(_value_to_key),
    "word-length": Rule(_word_length, count=420),
    "count-vowels": Rule(_count_vowels, ("1", "2", "3"), count=450),
    "second-caps": Rule(_second_caps),
    "first-item-caps": Rule(_first_item_caps),
    "longest-caps": Rule(_longest_caps),
    "initials-joined": Rule(_initials_joined),
    "reverse-list": Rule(_reverse_list),
    "plural-list": Rule(_plural_list),
    "animal-plural": Rule(_animal_plural),
    "largest-in-words": Rule(_largest_in_words),
    "in-list": Rule(_in_list, YES_NO),
    "item-place": Rule(_item_place, ("1", "2", "3", "4")),
}
