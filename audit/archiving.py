"""Months of the trail as files that can be verified without a database.

A file is gzip over lines of JSON: one about the file, then the seals, then the entries, each exactly the text of
which its hash was taken. So it is checked line by line with the public key alone.
"""

import base64
import gzip
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, Final, LiteralString

import psycopg

from audit.seals import ENTRY_TEXT, Seal, leaf_hash
from audit.verification import Report
from tradewise.secrets.signing import Verifier

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


def write_file(connection: psycopg.Connection[Any], month: date, path: Path) -> tuple[int, int]:
    """Write a month: the numbers of its entries and seals. The file is there whole or not at all.

    Raises OSError, also where the disk is full or the file is there already.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with draft.open("xb") as raw:
            os.fchmod(raw.fileno(), 0o600)
            with gzip.GzipFile(fileobj=raw, mode="wb", filename="", mtime=0) as file:
                counted = _write(connection, month, file)
            raw.flush()
            os.fsync(raw.fileno())
        os.link(draft, path)  # unlike a rename, a link never replaces
    finally:
        draft.unlink(missing_ok=True)
    return counted


def _write(connection: psycopg.Connection[Any], month: date, file: gzip.GzipFile) -> tuple[int, int]:
    def line(value: Any) -> None:
        file.write((value if isinstance(value, str) else json.dumps(value)).encode() + b"\n")

    line({"kind": KIND, "version": 1, "month": month.isoformat()})
    seals = entries = 0
    with connection.transaction(), connection.cursor(name="seals") as cursor:
        cursor.execute(SEALS, [month])
        for tenant, _, number, round_, held, leaves, previous, digest, key_id, signature in cursor:
            seals += 1
            line(
                {
                    "tenant": str(tenant),
                    "number": number,
                    "round": round_,
                    "entries": held,
                    "leaves": base64.b64encode(leaves).decode(),
                    "previous": previous.hex(),
                    "hash": digest.hex(),
                    "key_id": key_id,
                    "signature": signature.hex(),
                }
            )
    with connection.transaction(), connection.cursor(name="entries") as cursor:
        cursor.itersize = 10_000
        cursor.execute(ENTRIES, {"month": month})
        for (text,) in cursor:
            entries += 1
            line(text)
    return entries, seals


def verify_file(path: Path, keys: Verifier) -> Report:
    """Compare every entry of an archive with its seal, and every seal with its signature and the one before it."""
    report = Report()
    expected: dict[int, tuple[bytes, uuid.UUID]] = {}
    last: dict[uuid.UUID, tuple[int, bytes]] = {}
    month: date | None = None
    try:
        for value, text in _lines(path):
            if month is None:
                month = _month_of(value)
            elif isinstance(value, dict):
                _compare_seal(report, _seal_of(value, month), value, keys, last)
                seal = _seal_of(value, month)
                expected.update({number: (leaf, seal.tenant_id) for number, leaf in seal.by_entry()})
            else:
                _compare_entry(report, value, text, expected)
    except (OSError, EOFError, ValueError, KeyError, TypeError) as trouble:
        report.found(f"{path} cannot be read to its end: {type(trouble).__name__}")
    for number, (_, tenant_id) in sorted(expected.items()):
        report.found("is missing", tenant_id, number)
    if month is None:
        report.found(f"{path} is empty")
    return report


def _lines(path: Path) -> Iterator[tuple[Any, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as file:
        for line in file:
            text = line.removesuffix("\n")
            yield json.loads(text), text


def _month_of(value: Any) -> date:
    if value["kind"] != KIND or value["version"] != 1:
        raise ValueError("no archive of ours")
    return date.fromisoformat(value["month"])


def _seal_of(told: dict[str, Any], month: date) -> Seal:
    leaves, previous = base64.b64decode(told["leaves"], validate=True), bytes.fromhex(told["previous"])
    return Seal(
        uuid.UUID(told["tenant"]), month, told["number"], told["round"], told["entries"], leaves, previous
    )


def _compare_seal(
    report: Report, seal: Seal, told: dict[str, Any], keys: Verifier, last: dict[uuid.UUID, tuple[int, bytes]]
) -> None:
    report.seals += 1
    number, chain = last.get(seal.tenant_id, (0, b""))
    if not keys.is_signed(told["key_id"], bytes.fromhex(told["signature"]), seal.hash):
        report.found(f"Seal {seal.number} over {seal.month:%Y-%m} is not as it was signed", seal.tenant_id)
    if seal.number != number + 1 or seal.previous != chain:
        report.found(
            f"Seal {seal.number} over {seal.month:%Y-%m} does not continue the one before", seal.tenant_id
        )
    last[seal.tenant_id] = (seal.number, seal.hash)


def _compare_entry(
    report: Report, entry: Any, text: str, expected: dict[int, tuple[bytes, uuid.UUID]]
) -> None:
    report.entries += 1
    known = expected.pop(int(entry[0]), None)
    if known is None:
        report.found("was inserted", uuid.UUID(entry[1]), int(entry[0]))
    elif known[0] != leaf_hash(text):
        report.found("was altered", known[1], int(entry[0]))


def sha256_of(path: Path) -> bytes:
    """Of the file as it lies there."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()
