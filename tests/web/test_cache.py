"""A cache that is away costs nothing but speed."""

from tradewise.web.cache import ResilientRedisCache


def test_a_cache_that_does_not_answer_is_an_empty_one():
    cache = ResilientRedisCache("redis://127.0.0.1:1/0", {})
    cache.set("a", 1)
    assert cache.get("a") is None
    assert cache.get("a", 7) == 7
    assert cache.get_many(["a", "b"]) == {}
    assert cache.add("a", 1) is True
    assert cache.incr("a", 3) == 3
    assert cache.get_or_set("a", 5) == 5
    assert cache.has_key("a") is False
    assert cache.delete("a") is False
