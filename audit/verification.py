"""Walking the trail: every entry against its seal, every seal against its round, every round against the one before.

Read as `tw_backup`, the login that sees every row, in one snapshot. Hashes are taken here and not by the database,
whose functions somebody who altered the trail could have altered as well.
"""

import json
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, LiteralString, NamedTuple

import psycopg
from psycopg import IsolationLevel

from audit.seals import ENTRY_TEXT, Round, Seal, archive_message, leaf_hash, months_of
from tradewise.secrets.signing import Verifier

BATCH: Final = 200_000
"""Entries that are compared at once, or those of one round that has more."""

ROUNDS: Final[LiteralString] = """
SELECT number, xact_from, xact_to, months, sealed_at, previous, hash, key_id, signature
FROM audit_rounds ORDER BY number"""
SEALS: Final[LiteralString] = """
SELECT tenant_id, month, number, round, entries,
    CASE WHEN %(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s THEN leaves END, previous, hash, key_id, signature
FROM audit_seals WHERE round BETWEEN %(first)s AND %(last)s AND (%(month)s::date IS NULL OR month = %(month)s)
ORDER BY round, tenant_id, month, number"""
# An entry without a user says that the account was closed. While the user is there, somebody emptied it.
ENTRIES: Final[LiteralString] = (
    """
SELECT l.id, l.tenant_id, CASE WHEN l.user_id IS NOT NULL THEN l.user_id::text <> l.actor
    WHEN l.actor ~ '^[0-9]{1,9}$' THEN EXISTS (
        SELECT FROM users u WHERE u.tenant_id = l.tenant_id AND u.id = l.actor::integer)
    ELSE false END, """
    + ENTRY_TEXT
    + """
FROM audit_logs l WHERE l.xact >= %(lower)s AND l.xact < %(upper)s
    AND (%(tenant)s::uuid IS NULL OR l.tenant_id = %(tenant)s)
    AND (%(month)s::date IS NULL OR (l.created_at >= %(month)s::timestamp AT TIME ZONE 'UTC'
        AND l.created_at < (%(month)s + interval '1 month') AT TIME ZONE 'UTC'))"""
)
UNSEALED: Final[LiteralString] = """
SELECT count(*), min(created_at) FILTER (WHERE isfinite(created_at)),
    array_agg(id) FILTER (WHERE xact >= audit_xact(pg_snapshot_xmax(pg_current_snapshot()))),
    audit_xact(pg_snapshot_xmax(pg_current_snapshot())) < %(last)s
FROM audit_logs WHERE xact >= %(last)s"""
LOWEST: Final = -(2**63)


class Finding(NamedTuple):
    """Something that is not as it was sealed. `entry` is the number of the entry, where it is about one."""

    sentence: str
    tenant_id: uuid.UUID | None = None
    entry: int | None = None


@dataclass(slots=True)
class Report:
    """What was walked, and what was found."""

    rounds: int = 0
    seals: int = 0
    entries: int = 0
    unsealed: int = 0
    oldest_unsealed: datetime | None = None
    head: tuple[int, str] = (0, "")
    findings: list[Finding] = field(default_factory=list)

    def found(self, sentence: str, tenant_id: uuid.UUID | None = None, entry: int | None = None) -> None:
        """Note that something was altered."""
        self.findings.append(Finding(sentence, tenant_id, entry))


class Signed(NamedTuple):
    """A round or a seal as it stands in the database, with the hash and the signature that it claims."""

    what: Any
    hash: bytes
    key_id: str
    signature: bytes


@dataclass(slots=True)
class Walk:
    """One verification. `since` skips rounds sealed before; `month` looks at the entries of one month alone."""

    connection: psycopg.Connection[Any]
    verifier: Verifier
    tenant_id: uuid.UUID | None = None
    since: datetime | None = None
    month: date | None = None
    report: Report = field(default_factory=Report)
    _archived: set[str] = field(default_factory=set)
    _sealed_to: int = 0
    _last: dict[tuple[uuid.UUID, date], tuple[int, bytes]] = field(default_factory=dict)

    def run(self) -> Report:
        """Walk all of it in one snapshot."""
        self.connection.isolation_level = IsolationLevel.REPEATABLE_READ
        self.connection.read_only = True
        with self.connection.transaction():
            self.connection.execute("SET LOCAL TimeZone = 'UTC'")
            self._look_at_archives()
            rounds = self._rounds()
            for batch in _batches(rounds):
                self._compare(batch)
            self._look_at_the_end()
        return self.report

    def _look_at_archives(self) -> None:
        rows = self.connection.execute(
            "SELECT month, entries, seals, sha256, key_id, signature,"
            " to_regclass('audit_logs_' || to_char(month, 'YYYYMM')) FROM audit_archives ORDER BY month"
        )
        for month, entries, seals, sha256, key_id, signature, is_there in rows:
            if not self.verifier.is_signed(key_id, signature, archive_message(month, entries, seals, sha256)):
                self.report.found(f"The note that {month:%Y-%m} was archived is not signed by us.")
            elif is_there is None:
                self._archived.add(month.isoformat())

    def _rounds(self) -> list[Round]:
        """Every round that is looked at closer, after the chain of all of them was compared."""
        before: Round | None = None
        is_since = False
        looked_at = []
        for *values, claimed, key_id, signature in self.connection.execute(ROUNDS):
            this = _with_months_that_can_be_read(Round(*values))
            name = f"Round {this.number} ({this.sealed_at:%Y-%m-%d %H:%M:%S})"
            if this.hash != claimed:
                self.report.found(f"{name} was altered.")
            elif not self.verifier.is_signed(key_id, signature, claimed):
                self.report.found(f"{name} is not signed by us.")
            number, upper, chain = (before.number, before.xact_to, before.hash) if before else (0, 0, b"")
            if this.number != number + 1:
                self.report.found(f"The rounds from {number + 1} to {this.number - 1} are missing.")
            elif this.previous != chain or this.xact_from != upper:
                self.report.found(f"{name} does not continue the one before it.")
            before = this
            # Clocks are set back now and then: after the first that is looked at, none is left out.
            is_since = is_since or self.since is None or this.sealed_at >= self.since
            if is_since and self._concerns(this):
                looked_at.append(this)
        self.report.rounds = len(looked_at)
        if before is not None:
            self.report.head = (before.number, before.hash.hex())
            self._sealed_to = before.xact_to
        return looked_at

    def _concerns(self, this: Round) -> bool:
        return self.month is None or self.month.isoformat() in this.months

    def _where(self, **more: Any) -> dict[str, Any]:
        return {"tenant": self.tenant_id, "month": self.month, **more}

    def _compare(self, rounds: list[Round]) -> None:
        """The seals of these rounds with the rounds, and the entries with the seals."""
        where = self._where(first=rounds[0].number, last=rounds[-1].number)
        seals = [
            Signed(Seal._make(row[:7]), *row[7:]) for row in self.connection.execute(SEALS, where).fetchall()
        ]
        by_round: dict[int, list[Signed]] = {}
        for signed in seals:
            by_round.setdefault(signed.what.round, []).append(signed)
        for this in rounds:
            self._compare_roots(this, by_round.get(this.number, []))
        expected: dict[int, tuple[bytes, uuid.UUID]] = {}
        for signed in seals:
            if signed.what.leaves is not None:
                self._compare_seal(signed)
                expected.update({n: (leaf, signed.what.tenant_id) for n, leaf in signed.what.by_entry()})
        for group in _spans(rounds):
            self._compare_entries(group, expected)
        for number, (_, tenant_id) in sorted(expected.items()):
            self.report.found("was deleted, or moved to another time", tenant_id, number)

    def _compare_roots(self, this: Round, seals: list[Signed]) -> None:
        found = months_of((signed.what.month, signed.what.entries, signed.hash) for signed in seals)
        for month, told in this.months.items():
            if month in self._archived or (self.month is not None and month != self.month.isoformat()):
                continue
            if found.get(month) != told:
                there = found.get(month, {"seals": 0, "entries": 0})
                self.report.found(
                    f"The seals of round {this.number} over {month[:7]} are not those that were made: "
                    f"{there['seals']} of {told['seals']} with {there['entries']} of {told['entries']} entries."
                )
        for month in found.keys() - this.months.keys():
            self.report.found(f"Seals over {month[:7]} were added to round {this.number}.")

    def _compare_seal(self, signed: Signed) -> None:
        seal: Seal = signed.what
        self.report.seals += 1
        name = f"Seal {seal.number} over {seal.month:%Y-%m}"
        if seal.hash != signed.hash:
            self.report.found(f"{name} was altered.", seal.tenant_id)
        elif not self.verifier.is_signed(signed.key_id, signed.signature, signed.hash):
            self.report.found(f"{name} is not signed by us.", seal.tenant_id)
        number, chain = self._last.get((seal.tenant_id, seal.month), (0, b""))
        first_seen = self.since is not None and number == 0
        if not first_seen and (seal.number != number + 1 or seal.previous != chain):
            self.report.found(f"{name} does not continue the one before it.", seal.tenant_id)
        self._last[seal.tenant_id, seal.month] = (seal.number, signed.hash)

    def _compare_entries(self, span: tuple[int, int], expected: dict[int, tuple[bytes, uuid.UUID]]) -> None:
        lower, upper = span
        with self.connection.cursor(name="entries") as cursor:
            cursor.itersize = 10_000
            cursor.execute(ENTRIES, self._where(lower=lower or LOWEST, upper=upper))
            for number, tenant_id, other_user, text in cursor:
                self.report.entries += 1
                known = expected.pop(number, None)
                if known is None:
                    self.report.found("was inserted after its time had been sealed", tenant_id, number)
                elif known[0] != leaf_hash(text):
                    self.report.found("was altered", known[1], number)
                elif other_user:
                    self.report.found("bears another user than it did", tenant_id, number)

    def _look_at_the_end(self) -> None:
        if self.month is not None:
            return
        row = self.connection.execute(UNSEALED, {"last": self._sealed_to}).fetchone()
        assert row is not None
        self.report.unsealed, self.report.oldest_unsealed, ahead, is_restored = row
        if is_restored:
            self.report.found(
                "New entries are not sealed: this server was restored from a dump. Run manage.py resume_audit."
            )
            return
        for number in ahead or []:
            self.report.found("bears a transaction that has not been yet", None, number)

    def compare_heads(self, lines: Iterable[str], source: str) -> None:
        """Heads that were kept elsewhere: what they name must still be there as it was."""
        with self.connection.transaction():  # a snapshot that is younger than the lines
            for line in filter(str.strip, lines):
                head = _head_of(line)
                if head is None:
                    self.report.found(f"{source} holds a line that is no head.")
                elif not self.verifier.is_signed(head.key_id, head.signature, head.hash):
                    self.report.found(f"{source} holds a head that is not signed by us.")
                elif head.month is None or head.month.isoformat() not in self._archived:
                    self._compare_head(head, source)

    def _compare_head(self, head: "Head", source: str) -> None:
        if head.month is None:
            what = f"The chain up to round {head.number}"
            query: LiteralString = "SELECT hash FROM audit_rounds WHERE number = %(number)s"
        else:
            what = f"The trail of {head.tenant_id} over {head.month:%Y-%m} up to seal {head.number}"
            query = (
                "SELECT hash FROM audit_seals WHERE tenant_id = %(tenant_id)s AND month = %(month)s"
                " AND number = %(number)s"
            )
        row = self.connection.execute(query, head._asdict()).fetchone()
        if row is None:
            self.report.found(f"{what}, which {source} knows, is cut off.")
        elif row[0] != head.hash:
            self.report.found(f"{what} is another than the one that {source} knows.")


class Head(NamedTuple):
    """The end of a chain: of the rounds, or of one tenant's seals over a month."""

    number: int
    hash: bytes
    key_id: str
    signature: bytes
    tenant_id: uuid.UUID | None
    month: date | None


def _head_of(line: str) -> Head | None:
    """A line of `export_audit_heads` or of the local head file; None where it is none."""
    try:
        told = json.loads(line)
        kept = bytes.fromhex(told["hash"]), str(told["key_id"]), bytes.fromhex(told["signature"])
        if "round" in told:
            return Head(int(told["round"]), *kept, None, None)
        return Head(
            int(told["number"]), *kept, uuid.UUID(told["tenant_id"]), date.fromisoformat(told["month"])
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _with_months_that_can_be_read(this: Round) -> Round:
    """A round says of each month how many seals and entries; one that was made to say something else says nothing."""
    is_told = isinstance(this.months, dict) and all(
        isinstance(told, dict) and isinstance(told.get("seals"), int) and isinstance(told.get("entries"), int)
        for told in this.months.values()
    )
    return this if is_told else this._replace(months={})


def _batches(rounds: Iterable[Round]) -> Iterator[list[Round]]:
    """Rounds, as many together as have `BATCH` entries."""
    batch: list[Round] = []
    size = 0
    for this in rounds:
        batch.append(this)
        size += sum(told["entries"] for told in this.months.values())
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _spans(rounds: Iterable[Round]) -> Iterator[tuple[int, int]]:
    """The transactions of these rounds, in as few spans as they have gaps."""
    lower, upper = None, 0
    for this in rounds:
        if lower is not None and this.xact_from != upper:
            yield lower, upper
            lower = None
        lower = this.xact_from if lower is None else lower
        upper = this.xact_to
    if lower is not None:
        yield lower, upper
