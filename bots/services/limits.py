"""How often someone may make TradeWise call somebody else."""

from typing import Final

from django.core.cache import cache

from accounts.models import User

LIMITS: Final = ((6, 60), (60, 3600))
"""(calls, seconds), each in windows that start with the first call."""
OF_EXCHANGES: Final = ((20, 60), (200, 3600))
"""The same for exchanges, which count what comes from TradeWise as a whole."""


def may_test(actor: User) -> bool:
    """Count one test of an address; False when it is one too many. Without a cache nothing is counted."""
    return _count("bots.test", actor, LIMITS)


def may_ask_exchange(actor: User) -> bool:
    """Count one question to an exchange; False when it is one too many."""
    return _count("bots.exchange", actor, OF_EXCHANGES)


def _count(what: str, actor: User, limits: tuple[tuple[int, int], ...]) -> bool:
    allowed = True
    for calls, seconds in limits:
        key = f"{what}|{actor.pk}|{seconds}"
        cache.add(key, 0, timeout=seconds)
        try:
            count = cache.incr(key)
        except ValueError:  # it ran out just now
            cache.set(key, 1, timeout=seconds)
            count = 1
        allowed = allowed and count <= calls
    return allowed
