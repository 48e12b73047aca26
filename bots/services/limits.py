"""How often someone may make TradeWise call an address of their choice."""

from typing import Final

from django.core.cache import cache

from accounts.models import User

LIMITS: Final = ((6, 60), (60, 3600))
"""(calls, seconds), each in windows that start with the first call."""


def may_test(actor: User) -> bool:
    """Count one test of an address; False when it is one too many. Without a cache nothing is counted."""
    allowed = True
    for calls, seconds in LIMITS:
        key = f"bots.test|{actor.pk}|{seconds}"
        cache.add(key, 0, timeout=seconds)
        try:
            count = cache.incr(key)
        except ValueError:  # it ran out just now
            cache.set(key, 1, timeout=seconds)
            count = 1
        allowed = allowed and count <= calls
    return allowed
