"""What the operator has set, read from Django's settings when it is first needed.

`EGRESS_ALLOW`: networks and ports that bots may have besides the public internet (default: none).
`EGRESS_DENY`: networks that no bot may be in, such as the service's own public addresses (default: none).
`EGRESS_CA_FILE`: a PEM file of further certificate authorities, for bots behind a private one (none).
"""

from collections.abc import Iterator
from functools import lru_cache
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tradewise.egress.addresses import Address, parse_address
from tradewise.egress.allowlist import AllowList, AllowListError

Endpoint = tuple[Address | None, int]

_LOOPBACK = (Address(32, 0x7F000001), Address(128, 1))
_POSTGRES_PORT = 5432
_REDIS_PORT = 6379


def allow_list() -> AllowList:
    """The operator's allow-list; raises ImproperlyConfigured when it breaks a rule."""
    return _parsed(
        str(getattr(settings, "EGRESS_ALLOW", "") or ""),
        str(getattr(settings, "EGRESS_DENY", "") or ""),
        frozenset(own_endpoints()),
    )


def ca_file() -> str | None:
    """The path of the operator's certificate authorities, if one is set."""
    return str(getattr(settings, "EGRESS_CA_FILE", "") or "") or None


def own_endpoints() -> Iterator[Endpoint]:
    """Where the service's own databases and Redis listen, as far as the settings say."""
    for database in getattr(settings, "DATABASES", {}).values():
        host = str(database.get("HOST") or "")
        if host and not host.startswith("/"):
            yield from _endpoints(host, int(database.get("PORT") or _POSTGRES_PORT))
    locations = [getattr(settings, name, None) for name in ("REDIS_URL", "CELERY_BROKER_URL")]
    for cache in getattr(settings, "CACHES", {}).values():
        location = cache.get("LOCATION")
        locations += location if isinstance(location, list | tuple) else [location]
    for location in locations:
        url = urlsplit(location if isinstance(location, str) else "")
        if url.scheme in ("redis", "rediss") and url.hostname:
            yield from _endpoints(url.hostname, url.port or _REDIS_PORT)


def _endpoints(host: str, port: int) -> Iterator[Endpoint]:
    if host == "localhost":
        yield from ((address, port) for address in _LOOPBACK)
    else:
        yield parse_address(host), port


@lru_cache(maxsize=8)
def _parsed(allow: str, deny: str, own: frozenset[Endpoint]) -> AllowList:
    try:
        return AllowList.parse(allow, denied=deny, own=own)
    except AllowListError as error:
        raise ImproperlyConfigured(f"EGRESS_ALLOW or EGRESS_DENY: {error}") from error
