"""What sealing the audit trail costs, also while clients write, and what comparing all of it with its seals does."""

import itertools
import os
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg.pq import ExecStatus

from benchmarks import scratch
from benchmarks.audit_ground import (
    CLIENTS,
    DATABASE,
    HOT,
    HUNDRED_K,
    MILLION,
    TENANTS,
    Admin,
    as_loaded,
    count_entries,
    done,
    edit,
    pgbench,
    pgbench_scripts,
    seal_all,
)
from benchmarks.report import record

if TYPE_CHECKING:
    from audit.verification import Report

SEAL_ROUNDS: Final = 3
LIVE_SECONDS: Final = 30
MOST_SEAL_SECONDS: Final = 2

EVER_NEW: Final = itertools.count(1)


def hot_seals(admin: Admin) -> None:
    """A hundred thousand entries of one tenant, which changed its thousand bots a hundred times."""
    from audit.sealing import seal

    seal_all()
    times: list[float] = []
    with psycopg.connect(scratch.dsn("tw_app", DATABASE), autocommit=True) as app:
        for _ in range(SEAL_ROUNDS):
            for _ in range(HUNDRED_K // TENANTS):
                # What is as it was leaves no entry, so each says something new.
                message = "; ".join(edit(HOT, "true", next(EVER_NEW)))
                assert app.pgconn.exec_(message.encode()).status == ExecStatus.COMMAND_OK
            begin = time.perf_counter()
            assert seal() == HUNDRED_K
            times.append(time.perf_counter() - begin)
    record_sealing("hot", times)


def record_sealing(where: str, times: list[float]) -> None:
    """The median of the rounds."""
    seconds = statistics.median(times)
    is_met = seconds < MOST_SEAL_SECONDS
    record(f"audit.seal_100k.{where}.seconds", seconds, "s", f"< {MOST_SEAL_SECONDS}", is_met)


def live(admin: Admin) -> None:
    """Seal twice a second while clients write until there are a million entries; then compare every one.

    Once in the middle of it all that was sealed is compared while more is written and sealed.
    """
    from audit.sealing import seal

    before, begin = count_entries(admin), time.perf_counter()
    found_meanwhile: list[int] = []
    look = threading.Thread(target=lambda: found_meanwhile.append(len(walk().findings)))
    sealed = 0
    with tempfile.TemporaryDirectory() as directory:
        pgbench_scripts(Path(directory))
        singles, many, slow = (
            [Path(directory) / f"{name}.sql" for name in names]
            for names in (("spread", "hot"), ("bulk",), ("slow",))
        )
        while count_entries(admin) < MILLION or look.ident is None:
            clients = [
                pgbench(scripts, LIVE_SECONDS, number)
                for scripts, number in ((singles, CLIENTS), (many, 4), (slow, 1))
            ]
            while any(client.poll() is None for client in clients):
                sealed += seal()
                if look.ident is None and time.perf_counter() - begin > LIVE_SECONDS / 2:
                    look.start()
                time.sleep(0.5)
            for client in clients:
                done(client)
    seconds = time.perf_counter() - begin
    look.join()
    left = seal_all()
    entries = count_entries(admin)
    assert sealed + left == entries - before
    record("audit.live.written_per_second", (entries - before) / seconds, "entries/s")
    record("audit.live.left_to_seal", left, "entries")
    assert found_meanwhile, "the comparison under load broke"
    record("audit.live.findings_meanwhile", found_meanwhile[0], "findings", "= 0", found_meanwhile[0] == 0)
    verify(admin, entries)


def verify(admin: Admin, entries: int) -> None:
    """All of it; then the trail of one tenant, of whose entries somebody whom nothing stops has altered one."""
    begin = time.perf_counter()
    report = walk()
    seconds = time.perf_counter() - begin
    alarms, unsealed = len(report.findings), entries - report.entries
    print(report.findings[:5] or "", f"{report.seals:,} seals in {report.rounds:,} rounds", flush=True)
    record("audit.verify.entries", report.entries, "entries", f">= {MILLION}", report.entries >= MILLION)
    record("audit.verify.findings", alarms, "findings", "= 0", alarms == 0)
    record("audit.verify.not_sealed", unsealed, "entries", "= 0", unsealed == 0 == report.unsealed)
    record("audit.verify.seconds", seconds, "s")
    record("audit.verify.per_second", entries / seconds, "entries/s")
    with one_altered(admin) as (number, owner):
        found = [(finding.entry, finding.tenant_id) for finding in walk(owner).findings]
    was_found = found == [(number, owner)]
    record("audit.verify.one_altered_found", float(was_found), "yes = 1", "= 1", was_found)
    again = walk(owner)
    assert not again.findings, "it is as it was"
    assert again.entries


def walk(owner: uuid.UUID | None = None) -> "Report":
    """As `manage.py verify_audit` does it."""
    from audit.reading import everything
    from audit.verification import Walk
    from tradewise.secrets.signing import verifier

    head = Path(os.environ["AUDIT_HEAD_FILE"])
    with everything() as connection:
        walk = Walk(connection, verifier(), tenant_id=owner)
        report = walk.run()
        walk.compare_heads(head.read_text(encoding="utf-8").splitlines(), str(head))
        return report


@contextmanager
def one_altered(admin: Admin) -> Iterator[tuple[int, uuid.UUID]]:
    """An entry in the middle of the trail says something else in the block, and nothing else differs."""
    row = admin.execute(
        "SELECT id, tenant_id, new_values::text FROM audit_logs ORDER BY id OFFSET %s LIMIT 1", [MILLION // 2]
    ).fetchone()
    assert row is not None
    number, owner, value = row
    change = "UPDATE audit_logs SET new_values = %s::jsonb WHERE id = %s"
    with as_loaded(admin):
        admin.execute(change, ['{"name": "Steady"}', number])
        try:
            yield number, owner
        finally:
            admin.execute(change, [value, number])
