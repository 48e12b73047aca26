"""What a seal and a round are hashes of. Pure functions, the same for sealing, for verifying and for archives.

An entry's leaf is its number (8 bytes) and the SHA-256 of its text, a JSON array of texts (`ENTRY_TEXT`). A seal
hashes the leaves of one tenant and month in one round, chained with the seal before it. A round hashes the hashes
of its seals by month, chained with the round before it; so neither an entry nor a seal nor a tenant can be
taken out, and the end of the chain is all that has to be kept elsewhere.
"""

import hashlib
import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final, LiteralString, NamedTuple

LEAF: Final = 40
"""Bytes of a leaf."""

#: The names of what stands in an entry's text, in its order.
ENTRY_FIELDS: Final = (
    "id",
    "tenant_id",
    "actor",
    "action",
    "resource_type",
    "resource_id",
    "old_values",
    "new_values",
    "ip_address",
    "user_agent",
    "created_at",
    "login",
    "xact",
)
#: As `audit_unsealed()` writes it; `created_at` in microseconds since 1970, and anything else where that is a time
#: that cannot be. Another version of it would be a second one beside this, since what was sealed stays as it is.
ENTRY_TEXT: Final[LiteralString] = """json_build_array(l.id::text, l.tenant_id::text, l.actor, l.action,
    l.resource_type, l.resource_id, l.old_values::text, l.new_values::text, l.ip_address::text, l.user_agent,
    CASE WHEN l.created_at BETWEEN '0001-01-01' AND '9999-12-31'
        THEN (extract(epoch FROM l.created_at) * 1000000)::bigint::text ELSE l.created_at::text END,
    l.login, l.xact::text)::text"""


class Seal(NamedTuple):
    """One tenant's entries of one month in one round."""

    tenant_id: uuid.UUID
    month: date
    number: int
    round: int
    entries: int
    leaves: bytes
    previous: bytes

    @property
    def hash(self) -> bytes:
        """32 bytes."""
        head = [self.tenant_id.hex, self.month.isoformat(), self.number, self.round, self.entries]
        body = hashlib.sha256(self.leaves).hexdigest()
        return _digest("seal", [*head, self.previous.hex(), body])

    def by_entry(self) -> Iterator[tuple[int, bytes]]:
        """The number and the hash of each entry."""
        for begin in range(0, len(self.leaves), LEAF):
            yield int.from_bytes(self.leaves[begin : begin + 8], "big"), self.leaves[begin + 8 : begin + LEAF]


class Round(NamedTuple):
    """All that was finished between two transactions. `months` says of each month how many seals, and their root."""

    number: int
    xact_from: int
    xact_to: int
    months: Mapping[str, Any]
    sealed_at: datetime
    previous: bytes

    @property
    def hash(self) -> bytes:
        """32 bytes."""
        moment = (self.sealed_at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        span = [self.number, self.xact_from, self.xact_to, moment]
        return _digest("round", [*span, self.previous.hex(), self.months])


def leaf_hash(text: str) -> bytes:
    """The SHA-256 of an entry's text."""
    return hashlib.sha256(text.encode()).digest()


def months_of(seals: Iterable[tuple[date, int, bytes]]) -> dict[str, dict[str, Any]]:
    """What a round says of its seals (month, entries, hash), which come in the order of tenant and number."""
    months: dict[str, dict[str, Any]] = {}
    roots: dict[str, Any] = {}
    for month, entries, seal in seals:
        key = month.isoformat()
        told = months.setdefault(key, {"seals": 0, "entries": 0})
        told["seals"] += 1
        told["entries"] += entries
        roots.setdefault(key, hashlib.sha256()).update(seal)
    for key, root in roots.items():
        months[key]["root"] = root.hexdigest()
    return months


def archive_message(month: date, entries: int, seals: int, sha256: bytes) -> bytes:
    """What is signed in the database of an archive, whose file has this hash."""
    return _digest("archive", [month.isoformat(), entries, seals, sha256.hex()])


def end_message(month: date, entries: int, seals: int, sha256: bytes) -> bytes:
    """What is signed at the end of an archive, whose lines before have this hash."""
    return _digest("archive end", [month.isoformat(), entries, seals, sha256.hex()])


def _digest(kind: str, parts: list[Any]) -> bytes:
    text = json.dumps([f"tradewise audit {kind} 1", *parts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).digest()
