"""Months of the trail as files that can be verified without a database.

A file is gzip over lines of JSON: one about the file, then the seals, then the entries, each exactly the text of
which its hash was taken, and one that is signed over all before. So it is checked with the public key alone.
"""

import base64
import gzip
import hashlib
import json
import os
import uuid
import zlib
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from audit.seals import ENTRY_TEXT, Seal, end_message, leaf_hash
from audit.verification import Report
from tradewise.secrets.signing import Signer, Verifier

KIND: Final = "tradewise audit archive"
SEALS: Final[LiteralString] = """
SELECT tenant_id, month, number, round, entries, leaves, previous, hash, key_id, signature
FROM audit_seals WHERE month = %s ORDER BY tenant_id, number"""
ENTRIES: Final[LiteralString] = (
    "SELECT "
    + ENTRY_TEXT
    + """ FROM audit_logs l WHERE l.created_at >= %(month)s::timestamp AT TIME ZONE 'UTC'
        AND l.created_at < (%(month)s + interval '1 month') AT TIME ZONE 'UTC' ORDER BY l.tenant_id, l.id"""
)


def write_file(connection: psycopg.Connection[Any], month: date, path: Path, key: Signer) -> tuple[int, int]:
    """Write a month: the numbers of its entries and seals. The file is there whole or not at all.

    Raises OSError, also where the disk is full or the file is there already.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as raw:
            os.fchmod(raw.fileno(), 0o600)
            with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:
                counted = _write(connection, month, file, key)
            raw.flush()
            os.fsync(raw.fileno())
        os.link(draft, path)  # unlike a rename, a link never replaces
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)  # before the month is dropped, the file's name is on the disk too
    finally:
        os.close(directory)
    return counted


def _write(
    connection: psycopg.Connection[Any], month: date, file: gzip.GzipFile, key: Signer
) -> tuple[int, int]:
    written = hashlib.sha256()

    def line(value: Any) -> None:
        data = (value if isinstance(value, str) else json.dumps(value)).encode() + b"\n"
        written.update(data)
        file.write(data)

    line({"kind": KIND, "version": 1, "month": month.isoformat()})
    seals = entries = 0
    with connection.transaction(), connection.cursor(name="seals") as cursor:
        cursor.execute(SEALS, [month])
        for row in cursor:
            seals += 1
            line(_seal_line(Seal._make(row[:7]), *row[7:]))
    with connection.transaction(), connection.cursor(name="entries") as cursor:
        cursor.itersize = 10_000
        cursor.execute(ENTRIES, {"month": month})
        for (text,) in cursor:
            entries += 1
            line(text)
    signature = key.sign(end_message(month, entries, seals, written.digest()))
    line({"end": entries, "seals": seals, "key_id": key.key_id, "signature": signature.hex()})
    return entries, seals


def _seal_line(seal: Seal, digest: bytes, key_id: str, signature: bytes) -> dict[str, Any]:
    return {
        "tenant": str(seal.tenant_id),
        "number": seal.number,
        "round": seal.round,
        "entries": seal.entries,
        "leaves": base64.b64encode(seal.leaves).decode(),
        "previous": seal.previous.hex(),
        "hash": digest.hex(),
        "key_id": key_id,
        "signature": signature.hex(),
    }


@dataclass(slots=True)
class Reading:
    """What was read of a file so far."""

    path: Path
    keys: Verifier
    report: Report = field(default_factory=Report)
    month: date | None = None
    has_ended: bool = False
    _before: Any = field(default_factory=hashlib.sha256)
    _expected: dict[int, tuple[bytes, uuid.UUID]] = field(default_factory=dict)
    _last: dict[uuid.UUID, tuple[int, bytes]] = field(default_factory=dict)

    def take(self, data: bytes) -> None:
        """One line. Raises ValueError and its like for one that is not ours."""
        text = data.decode().removesuffix("\n")
        value = json.loads(text)
        if self.has_ended:
            self.report.found(f"{self.path} goes on after its end")
        elif self.month is None:
            self.month = _month_of(value)
        elif isinstance(value, list):
            self._compare_entry(value, text)
        elif "end" in value:
            self._compare_end(value)
        else:
            self._compare_seal(value, self.month)
        self._before.update(data)

    def _compare_seal(self, told: dict[str, Any], month: date) -> None:
        seal = _seal_of(told, month)
        name = f"Seal {seal.number} over {month:%Y-%m}"
        self.report.seals += 1
        number, chain = self._last.get(seal.tenant_id, (0, b""))
        if not self.keys.is_signed(told["key_id"], bytes.fromhex(told["signature"]), seal.hash):
            self.report.found(f"{name} is not as it was signed", seal.tenant_id)
        if seal.number != number + 1 or seal.previous != chain:
            self.report.found(f"{name} does not continue the one before", seal.tenant_id)
        self._last[seal.tenant_id] = (seal.number, seal.hash)
        self._expected.update({number: (leaf, seal.tenant_id) for number, leaf in seal.by_entry()})

    def _compare_entry(self, entry: list[Any], text: str) -> None:
        number, tenant_id = int(entry[0]), uuid.UUID(entry[1])
        self.report.entries += 1
        known = self._expected.pop(number, None)
        if known is None:
            self.report.found("was inserted", tenant_id, number)
        elif known[0] != leaf_hash(text):
            self.report.found("was altered", known[1], number)

    def _compare_end(self, told: dict[str, Any]) -> None:
        self.has_ended = True
        assert self.month is not None
        message = end_message(self.month, told["end"], told["seals"], self._before.digest())
        if not self.keys.is_signed(told["key_id"], bytes.fromhex(told["signature"]), message):
            self.report.found(f"The lines of {self.path} are not those that were signed at its end")

    def end(self) -> Report:
        """Nothing more comes."""
        for number, (_, tenant_id) in sorted(self._expected.items()):
            self.report.found("is missing", tenant_id, number)
        if self.month is None:
            self.report.found(f"{self.path} is no archive of the trail")
        elif not self.has_ended:
            self.report.found(f"{self.path} has lost its end")
        return self.report


def verify_file(path: Path, keys: Verifier) -> Report:
    """Compare every entry of an archive with its seal, every seal with its signature and the one before it.

    The last line is signed over all lines before it: so a seal cannot be cut off together with its entries.
    """
    reading = Reading(path, keys)
    try:
        with gzip.open(path, "rb") as file:
            for number, data in enumerate(file, 1):
                try:
                    reading.take(data)
                except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
                    reading.report.found(f"Line {number} of {path} is not as it was written")
    except (OSError, EOFError, zlib.error) as trouble:
        reading.report.found(f"{path} cannot be read to its end: {type(trouble).__name__}")
    return reading.end()


def _month_of(value: Any) -> date:
    if value["kind"] != KIND or value["version"] != 1:
        raise ValueError("no archive of ours")
    return date.fromisoformat(value["month"])


def _seal_of(told: dict[str, Any], month: date) -> Seal:
    leaves, previous = base64.b64decode(told["leaves"], validate=True), bytes.fromhex(told["previous"])
    return Seal(
        uuid.UUID(told["tenant"]), month, told["number"], told["round"], told["entries"], leaves, previous
    )


def sha256_of(path: Path) -> bytes:
    """Of the file as it lies there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
