"""The one cache of bounded size: order, sizes, leases, and who is told."""

import random

from genlora.lru import Lru, Part


def test_leases_are_counted():
    shelf: Lru[str, int] = Lru(1)
    assert shelf.put("a", 1) and shelf.lease("a") == shelf.lease("a") == 1
    shelf.release("a")
    assert not shelf.put("b", 2) and shelf.get("a") == 1 and shelf.leased == 1
    shelf.release("a")
    assert shelf.put("b", 2) and shelf.get("a") is None and shelf.evictions == 1 and shelf.lease("a") is None
    shelf.release("a")
    assert shelf.leased == 0


def test_the_least_recently_used_go_first_and_somebody_is_told():
    gone: list[tuple[str, int]] = []
    shelf: Lru[str, int] = Lru(10, on_evict=lambda key, value: gone.append((key, value)))
    for i, key in enumerate("abc"):
        assert shelf.put(key, i, 3)
    assert shelf.get("a") == 0 and shelf.peek("b") == 1
    assert shelf.put("d", 3, 4)
    assert gone == [("b", 1)] and shelf.keys() == ("c", "a", "d") and shelf.values() == (2, 0, 3)
    assert not shelf.put("huge", 9, 11) and len(shelf) == 3 and len(gone) == 1


def test_a_value_of_the_same_key_takes_its_place():
    shelf: Lru[str, int] = Lru(10)
    assert shelf.put("a", 1, 8) and shelf.put("a", 2, 10) and shelf.peek("a") == 2 and shelf.evictions == 0
    assert shelf.put("a", 3, 1) and shelf.put("b", 4, 9) and len(shelf) == 2


def test_a_value_with_a_lease_can_grow_in_its_place():
    shelf: Lru[str, int] = Lru(10)
    assert shelf.put("a", 1, 8) and shelf.lease("a") == 1
    assert shelf.put("a", 2, 9) and not shelf.put("b", 3, 2) and shelf.peek("a") == 2


def test_it_never_holds_more_than_its_limit_nor_loses_what_is_leased():
    shelf: Lru[int, int] = Lru(20)
    draw, leased = random.Random(0), []
    for _ in range(3000):
        key = draw.randrange(12)
        if leased and draw.random() < 0.4:
            shelf.release(leased.pop(draw.randrange(len(leased))))
        elif draw.random() < 0.5:
            shelf.put(key, key, draw.randrange(1, 7), part=draw.choice((None, Part("x", 4), Part("y", 4))))
        elif shelf.lease(key) is not None:
            leased.append(key)
        items = shelf._items.values()
        assert sum(n for _, n, _ in items) + 4 * len({p for *_, p in items if p}) == shelf.used <= 20
        assert set(leased) <= set(shelf.keys()) and shelf.leased == len(set(leased))


def test_what_values_share_counts_once_and_as_long_as_one_is_there():
    gone: list[str] = []
    shelf: Lru[str, int] = Lru(12, on_evict=lambda key, _: gone.append(key))
    weights = Part("weights", 8)
    assert shelf.put("a", 1, 1, part=weights) and shelf.put("b", 2, 1, part=weights) and shelf.used == 10
    assert shelf.put("c", 3, 2) and not gone
    assert shelf.put("d", 4, 4, part=weights) and gone == ["a", "b", "c"] and shelf.used == 12
    assert shelf.lease("d") == 4 and not shelf.put("e", 5, 1, part=Part("others", 1)) and shelf.used == 12
    assert shelf.put("d", 6, 1) and shelf.used == 1, "its place is taken without what it shared"
    shelf.drop("d")
    assert shelf.used == 0


def test_a_number_of_values_can_be_bounded_too():
    shelf: Lru[str, int] = Lru(100)
    for i, key in enumerate("abcd"):
        assert shelf.put(key, i, 5) and (key not in "bc" or shelf.lease(key) is not None)
    assert shelf.keep(3) and shelf.keys() == ("b", "c", "d") and not shelf.keep(1) and shelf.keys() == ("b", "c")
    assert shelf.used == 10 and shelf.evictions == 2
