"""A cache that may be away: what is lost then is speed and counting, never a page."""

import logging
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

log = logging.getLogger(__name__)


class ResilientRedisCache(RedisCache):
    """Django's cache on Redis, which answers as an empty one while Redis does not answer."""


def _or_as_if_empty(name: str, empty: Callable[..., Any]) -> None:
    original = getattr(RedisCache, name)

    @wraps(original)
    def method(self: ResilientRedisCache, *args: Any, **kwargs: Any) -> Any:
        try:
            return original(self, *args, **kwargs)
        except RedisError as trouble:
            log.warning("The cache does not answer: %s", type(trouble).__name__)
            return empty(*args, **kwargs)

    setattr(ResilientRedisCache, name, method)


def _default(key: object, default: Any = None, version: int | None = None) -> Any:
    return default


def _counted(key: object, delta: int = 1, version: int | None = None) -> int:
    return delta


_EMPTY: dict[str, Callable[..., Any]] = {
    "get": _default,
    "get_many": lambda *_, **__: {},
    "set": lambda *_, **__: None,
    "set_many": lambda keys, *_, **__: list(keys),
    "add": lambda *_, **__: True,
    "touch": lambda *_, **__: False,
    "delete": lambda *_, **__: False,
    "delete_many": lambda *_, **__: None,
    "has_key": lambda *_, **__: False,
    "incr": _counted,
    "clear": lambda *_, **__: False,
}

for _name, _empty in _EMPTY.items():
    _or_as_if_empty(_name, _empty)
