"""Sessions: in Redis for a minute at a time, in PostgreSQL for good.

The table shows a row only to who holds its key (`app_session_key()`), so no query lists sessions. A
cached copy lives for `CACHED_SECONDS`: a session that was ended while Redis could not hear of it is
over after that time at the latest.
"""

from typing import TYPE_CHECKING, Any

from django.contrib.sessions.backends.cached_db import SessionStore as CachedStore
from django.contrib.sessions.backends.db import SessionStore as StoredStore

from tradewise.tenancy.context import key_in_hand

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.contrib.sessions.models import Session
    from django.core.cache.backends.base import BaseCache

CACHED_SECONDS = 60
#: Characters of a key, as Django draws it.
KEY_LENGTH = 32


class SessionStore(CachedStore):
    """Works inside and outside a tenant's transaction, with and without Redis."""

    cache_key_prefix = "session."
    if TYPE_CHECKING:  # what the stubs leave out
        _cache: BaseCache
        _get_session_from_db: Callable[[], Session | None]
        _get_session: Callable[..., dict[str, Any]]

    def _validate_session_key(self, key: str | None) -> bool:
        """A cookie that cannot be a key of ours is none: it is not looked up, and names no cache entry."""
        return bool(key) and len(str(key)) == KEY_LENGTH and str(key).isascii() and str(key).isalnum()

    def load(self) -> dict[str, Any]:
        """The session's data; empty for a key that is unknown or expired."""
        key = self.session_key
        if key is None:
            return {}
        cached = self._cache.get(self.cache_key_prefix + key)
        if cached is not None:
            return dict(cached)
        with key_in_hand(session_key=key):
            row = self._get_session_from_db()
        if row is None:
            return {}
        data: dict[str, Any] = self.decode(row.session_data)
        self._remember(data, self.get_expiry_age(expiry=row.expire_date))
        return data

    def exists(self, session_key: str) -> bool:
        """False: 165 random bits are not drawn twice, and storing a new session would notice."""
        return False

    def save(self, must_create: bool = False) -> None:
        """Store, then cache. Raises UpdateError for a session that was ended meanwhile."""
        if self.session_key is None:
            self.create()
            return
        with key_in_hand(session_key=self.session_key):
            StoredStore.save(self, must_create)
        self._remember(self._get_session(no_load=must_create), self.get_expiry_age())

    def delete(self, session_key: str | None = None) -> None:
        """End the session, this one or another whose key is in hand."""
        key = session_key or self.session_key
        if key is None:
            return
        with key_in_hand(session_key=key):
            self.model.objects.filter(session_key=key).delete()
        self._cache.delete(self.cache_key_prefix + key)

    def _remember(self, data: dict[str, Any], seconds: int) -> None:
        self._cache.set(f"{self.cache_key_prefix}{self.session_key}", data, min(CACHED_SECONDS, seconds))
