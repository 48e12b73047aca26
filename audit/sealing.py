"""Sealing what is finished. The worker's: it alone has the key, and sees of the entries only their hashes."""

import json
import logging
import os
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.db import connection, transaction

from audit.seals import Round, Seal, months_of
from tradewise.secrets.signing import Signer, signer

logger = logging.getLogger(__name__)

MOST: Final = 100_000
"""Entries of one round, or those of one transaction that has more."""
LARGEST: Final = 10_000
"""Entries of one seal."""

UNSEALED = "SELECT * FROM audit_unsealed(%s, %s)"
ADD = "SELECT audit_add_round(%s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s, %s::jsonb)"


def seal() -> int:
    """Seal all entries of finished transactions; how many those were.

    Sealers may overlap: one works, the others find nothing to do. Raises KeyTrouble without the key that signs, and
    OperationalError (55000) on a server that was restored from a dump.
    """
    key = signer()
    sealed = 0
    more = True
    while more:
        entries, more = seal_round(key)
        sealed += entries
    return sealed


def seal_round(key: Signer) -> tuple[int, bool]:
    """One round in one transaction: the number of its entries, and whether more were finished than it took."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(UNSEALED, [MOST, LARGEST])
            rows = cursor.fetchall()
        if not rows:
            return 0, False
        done, seals = _chain(rows)
        with connection.cursor() as cursor:
            signed = key.sign(done.hash)
            told = [_told(seal, key) for seal in seals]
            span: list[Any] = [
                done.number,
                done.xact_from,
                done.xact_to,
                json.dumps(done.months),
                done.sealed_at,
            ]
            cursor.execute(ADD, [*span, done.previous, done.hash, key.key_id, signed, json.dumps(told)])
    _keep_head(done, key.key_id, signed)
    return sum(seal.entries for seal in seals), bool(rows[0][5])


def _chain(rows: list[tuple[Any, ...]]) -> tuple[Round, list[Seal]]:
    """The round and its seals, from what `audit_unsealed()` found, which comes in the order of the chain."""
    number, lower, upper, before, sealed_at, _ = rows[0][:6]
    seals: list[Seal] = []
    for *_, tenant_id, month, seal_number, previous, entries, leaves in rows:
        last = seals[-1] if seals else None
        if last is not None and (last.tenant_id, last.month) == (tenant_id, month):
            previous = last.hash
        seals.append(Seal(tenant_id, month, seal_number, number, entries, bytes(leaves), bytes(previous)))
    months = months_of((seal.month, seal.entries, seal.hash) for seal in seals)
    return Round(number, lower, upper, months, sealed_at, bytes(before)), seals


def _told(seal: Seal, key: Signer) -> dict[str, Any]:
    return {
        "t": str(seal.tenant_id),
        "m": seal.month.isoformat(),
        "n": seal.number,
        "e": seal.entries,
        "l": seal.leaves.hex(),
        "p": seal.previous.hex(),
        "h": seal.hash.hex(),
        "s": key.sign(seal.hash).hex(),
    }


def _keep_head(done: Round, key_id: str, signature: bytes) -> None:
    """Note the end of the chain outside the database: there `verify_audit` sees that a tail was cut off."""
    told = {
        "round": done.number,
        "hash": done.hash.hex(),
        "key_id": key_id,
        "signature": signature.hex(),
        "sealed_at": done.sealed_at.isoformat(),
    }
    path = Path(settings.AUDIT_HEAD_FILE)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft.write_text(json.dumps(told) + "\n", encoding="utf-8")
        draft.replace(path)
    except OSError as trouble:
        logger.error("the head of the audit trail was not kept in %s: %s", path, trouble.strerror)  # noqa: TRY400
