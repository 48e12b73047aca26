"""A cache that may be away: what is lost then is speed and shared counting, never a page."""

import json
import logging
import time
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.core.cache.backends.dummy import DummyCache
from django.core.cache.backends.locmem import LocMemCache
from django.core.cache.backends.redis import RedisCache
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)

#: Seconds for which Redis is not asked again after it failed, so that not every page waits for it.
PAUSE = 5.0
#: Seconds that one question may take.
PATIENCE = 0.25

#: When to ask the server of a URL again, on the monotonic clock; shared by this process's threads.
_asked_again_at: dict[str, float] = {}


class Json:
    """How values lie in Redis. Not pickled: who can write to Redis must not run code here."""

    def dumps(self, value: Any) -> bytes | int:
        """Plain integers stay what Redis can count with."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes) -> Any:
        """What `dumps` was given; tuples come back as lists."""
        return json.loads(data)


class ResilientRedisCache(RedisCache):
    """Django's cache on Redis; while that does not answer, this process's own memory.

    Limits on logins then hold for each process. With `fallback` "none" in OPTIONS it is empty
    meanwhile: for what must not outlive its deletion elsewhere, such as sessions.
    """

    def __init__(self, server: str, params: dict[str, Any]) -> None:
        options = dict(params.get("OPTIONS", {}))
        keep = options.pop("fallback", "memory") == "memory"
        options = {
            "socket_timeout": PATIENCE,
            "socket_connect_timeout": PATIENCE,
            "retry": Retry(NoBackoff(), 0),
            "serializer": Json,
            **options,
        }
        super().__init__(server, {**params, "OPTIONS": options})
        plain = {key: value for key, value in params.items() if key != "OPTIONS"}
        self._server = server
        self._fallback = LocMemCache(f"instead of {server}", plain) if keep else DummyCache(server, plain)


def _with_fallback(name: str) -> None:
    original: Callable[..., Any] = getattr(RedisCache, name)

    @wraps(original)
    def method(self: ResilientRedisCache, *args: Any, **kwargs: Any) -> Any:
        if time.monotonic() >= _asked_again_at.get(self._server, 0.0):
            try:
                return original(self, *args, **kwargs)
            except RedisError as trouble:
                _asked_again_at[self._server] = time.monotonic() + PAUSE
                log.warning("The cache does not answer: %s", type(trouble).__name__)
        return getattr(self._fallback, name)(*args, **kwargs)

    setattr(ResilientRedisCache, name, method)


for _name in (
    "get",
    "get_many",
    "set",
    "set_many",
    "add",
    "touch",
    "delete",
    "delete_many",
    "has_key",
    "incr",
    "clear",
):
    _with_fallback(_name)
