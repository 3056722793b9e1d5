"""The cache: bounded, and evicted by what its entries were made from."""

from __future__ import annotations

from catalog.cache import Cache


def _put(cache: Cache[str, int], key: str, value: int, *subjects: str) -> None:
    cache.put(key, value, subjects=subjects, generation=cache.generation)


def test_the_least_recently_used_entry_goes_first() -> None:
    cache: Cache[str, int] = Cache(2)
    _put(cache, "a", 1)
    _put(cache, "b", 2)
    assert cache.get("a") == 1
    _put(cache, "c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c"), len(cache)) == (1, None, 3, 2)


def test_evicting_a_subject_forgets_all_that_was_made_from_it_and_nothing_else() -> None:
    cache: Cache[str, int] = Cache(10)
    _put(cache, "a", 1, "license", "instance-a")
    _put(cache, "b", 2, "license", "instance-b")
    _put(cache, "c", 3, "other")
    cache.evict("license")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (None, None, 3)


def test_what_was_read_before_an_eviction_is_not_kept_after_it() -> None:
    cache: Cache[str, int] = Cache(10)
    generation = cache.generation
    cache.evict("anything")
    cache.put("a", 1, subjects=(), generation=generation)
    assert cache.get("a") is None


def test_a_replaced_entry_is_evicted_by_its_new_subjects_only() -> None:
    cache: Cache[str, int] = Cache(10)
    _put(cache, "a", 1, "old")
    _put(cache, "a", 2, "new")
    cache.evict("old")
    assert cache.get("a") == 2
    cache.evict("new")
    assert cache.get("a") is None


def test_nothing_is_remembered_of_entries_that_are_gone() -> None:
    cache: Cache[str, int] = Cache(1)
    for number in range(100):
        _put(cache, str(number), number, f"subject-{number}")
    assert len(cache._made_from) == 1
    cache.clear()
    assert (len(cache), len(cache._made_from)) == (0, 0)
