"""A cache that is away costs nothing but speed and shared counting."""

import json
import time
import uuid

import pytest

from tradewise.web import cache as cache_module
from tradewise.web.cache import Json, ResilientRedisCache

DEAD = "redis://127.0.0.1:9/0"


def away(**options: object) -> ResilientRedisCache:
    return ResilientRedisCache(DEAD, {"KEY_PREFIX": uuid.uuid4().hex, "OPTIONS": options})


def test_while_it_is_away_the_process_remembers_by_itself() -> None:
    cache = away()
    cache.set("a", 1)
    assert cache.get("a") == 1
    assert cache.incr("a", 3) == 4
    assert cache.add("a", 1) is False
    assert cache.get_many(["a", "b"]) == {"a": 4}
    assert cache.get("b", 7) == 7
    assert cache.get_or_set("b", 5) == 5
    assert cache.delete("a") is True
    assert cache.has_key("a") is False


def test_what_must_not_outlive_its_deletion_elsewhere_is_not_remembered() -> None:
    cache = away(fallback="none")
    cache.set("a", 1)
    assert cache.get("a") is None
    assert cache.get_many(["a"]) == {}
    assert cache.delete("a") is False


def test_it_is_asked_again_after_a_pause_and_not_at_each_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "_asked_again_at", {})
    away().get("a")
    started = time.process_time()
    for _ in range(1000):
        away().get("a")
    assert time.process_time() - started < 1
    assert 0 < cache_module._asked_again_at[DEAD] - time.monotonic() <= cache_module.PAUSE


@pytest.mark.parametrize("value", [0, -7, 1.5, "text", "7", None, True, [1, "a"], {"a": {"b": None}}, "ä\n"])
def test_values_come_back_as_they_went_in(value: object) -> None:
    stored = Json().dumps(value)
    assert Json().loads(str(stored).encode() if isinstance(stored, int) else stored) == value


def test_nothing_that_lies_in_redis_is_run() -> None:
    with pytest.raises(json.JSONDecodeError):
        Json().loads(b"cos\nsystem\n(S'true'\ntR.")
