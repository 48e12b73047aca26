"""What the measurements of the audit trail stand on: traders and bots, switched triggers, pgbench's clients."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, LiteralString, NamedTuple

import psycopg

from benchmarks import scratch

DATABASE: Final = "audit"
CLIENTS: Final = 8
#: Tenants by number, so that pgbench can write their ids: a thousand with a hundred bots each, one with a thousand.
FIRST: Final = 1001
TENANTS: Final = 1000
HOT: Final = 3001
BUSY: Final = 4001
#: Bots by id: the first of each tenant has the tenant's number; those of the hot one follow its number.
OTHERS: Final = 10_000
HUNDRED_K: Final = 100_000
MILLION: Final = 1_000_000

BROWSER: Final = "Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"
TRIGGERS: Final = ("audit_inserted", "audit_changed", "audit_deleted")

Admin = psycopg.Connection[Any]


def prepare(admin: Admin) -> None:
    """Traders and bots, no entries; and the keys that seals are signed with."""
    import django

    django.setup()
    from tradewise.secrets import signing

    Path(os.environ["AUDIT_HEAD_FILE"]).unlink(missing_ok=True)
    signing.ensure_signing_keys(scratch.VAR / "keys")
    with as_loaded(admin):
        for statement in FILL:
            admin.execute(statement)
    admin.execute("VACUUM ANALYZE")


def count_entries(admin: Admin) -> int:
    """All there are."""
    row = admin.execute("SELECT count(*) FROM audit_logs").fetchone()
    assert row is not None
    return int(row[0])


def seal_all() -> int:
    """Whatever waits; how many those were."""
    from audit.sealing import seal

    sealed = 0
    while entries := seal():
        sealed += entries
    return sealed


# ——— what is measured with and without ———


@contextmanager
def as_loaded(admin: Admin) -> Iterator[None]:
    """No trigger and no foreign key looks at what is written in the block."""
    admin.execute("SET session_replication_role = replica")
    try:
        yield
    finally:
        admin.execute("RESET session_replication_role")


@contextmanager
def traced(admin: Admin, *, is_on: bool) -> Iterator[None]:
    """Bots leave their trace in the block, or do not. They do afterwards."""

    def switch(verb: LiteralString) -> None:
        for trigger in TRIGGERS:
            admin.execute(f"ALTER TABLE bots {verb} TRIGGER {trigger}".encode())

    if is_on:
        yield
        return
    switch("DISABLE")
    try:
        yield
    finally:
        switch("ENABLE")


# ——— edits and the clients that make them ———


def tenant(number: int | str) -> str:
    """Of four digits, which may be a variable of pgbench."""
    return f"00000000-0000-4000-8000-00000000{number}"


def edit(number: int | str, where: str, value: int | str) -> list[str]:
    """The statements of a trader's edit, as the site binds it to its tenant; all of them go in one message."""
    update = (
        f"UPDATE bots SET name = 'Night shift {value}', description = 'Trades while I sleep, as of {value}.'"
        f" WHERE {where}"
    )
    return [
        "BEGIN",
        f"SET LOCAL app.tenant_id = '{tenant(number)}'",
        f"SET LOCAL app.actor = '{number}'",
        "SET LOCAL app.ip = '198.51.100.23'",
        f"SET LOCAL app.user_agent = '{BROWSER}'",
        "SET LOCAL app.action = 'bot.edit'",
        update,
        "COMMIT",
    ]


def pgbench_scripts(directory: Path) -> None:
    """What pgbench's clients repeat."""
    value = "\\set v random(1, 1000000000)\n"
    last = FIRST + TENANTS - 1
    texts = {
        "spread": f"\\set n random({FIRST}, {last})\n{value}" + _one_message(edit(":n", "id = :n", ":v")),
        "hot": f"\\set b random({HOT}, {HOT + TENANTS - 1})\n{value}"
        + _one_message(edit(HOT, "id = :b", ":v")),
        # All but the first bot of a tenant at once. No two clients share a tenant.
        "bulk": f"\\set n {FIRST} + 4 * random(0, {TENANTS // 4 - 1}) + :client_id\n{value}"
        + _one_message(edit(":n", f"id > {OTHERS}", ":v")),
        # A transaction that stays open for a while, and every other time comes to nothing.
        "slow": f"\\set n random({FIRST}, {last})\n\\set x random(0, 1)\n{value}"
        + _one_message(edit(":n", f"id = :n - {FIRST} + {OTHERS} + 1", ":v")[:-1])
        + "\\sleep 2 s\n\\if :x\nCOMMIT;\n\\else\nROLLBACK;\n\\endif\n\\sleep 3 s\n",
    }
    for name, text in texts.items():
        (directory / f"{name}.sql").write_text(text, encoding="utf-8")


def _one_message(statements: list[str]) -> str:
    return "\\; ".join(statements) + ";\n"


class Load(NamedTuple):
    """What pgbench's clients got done."""

    per_second: float
    transactions: int


def pgbench(scripts: list[Path], seconds: int, clients: int, commits: str = "on") -> subprocess.Popen[str]:
    """So many clients as `tw_app`, which repeat the scripts by turns of chance."""
    from tradewise.embedded.binaries import postgres_programs

    program = str(postgres_programs(None) / "pgbench")
    files = [argument for script in scripts for argument in ("-f", str(script))]
    options = ["-n", "-c", f"{clients}", "-j", f"{min(clients, 2)}", "-T", f"{seconds}", *files]
    return subprocess.Popen(
        [program, *options, scratch.dsn("tw_app", DATABASE)],
        env={**os.environ, "PGOPTIONS": f"-c synchronous_commit={commits}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def done(process: subprocess.Popen[str]) -> Load:
    """Once it has ended."""
    text, _ = process.communicate()
    speed = re.search(r"^tps = ([\d.]+)", text, re.MULTILINE)
    count = re.search(r"actually processed: (\d+)", text)
    assert process.returncode == 0, text
    assert speed, text
    assert count, text
    assert "failed transactions: 0 " in text, text
    return Load(float(speed[1]), int(count[1]))


# ——— SQL ———

FILL: Final[tuple[LiteralString, ...]] = (
    """INSERT INTO users (id, email, hashed_password, full_name, tenant_id)
       SELECT n, 'trader' || n || '@example.com', '!', 'Trader ' || n,
              ('00000000-0000-4000-8000-00000000' || n)::uuid
       FROM generate_series(1001, 4001) n WHERE n <= 2000 OR n IN (3001, 4001)""",
    # The first of each tenant, then the hot tenant's, then the others as they come over the years.
    """INSERT INTO bots (id, tenant_id, bot_id, bot_type, name, description, status, health, api_url, api_token,
         desired_state, engine_state, engine_version, strategy, exchange, timeframe, stake_currency, dry_run,
         last_ping, checked_at)
       SELECT id, ('00000000-0000-4000-8000-00000000' || owner)::uuid,
              substr(translate(encode(sha256(('bot ' || id)::bytea), 'base64'), '+/', '-_'), 1, 22),
              'external', 'Momentum ' || id, 'Trades while I sleep.', 'running', 'ok',
              'https://bot' || id || '.example.com:8080', 'AQ' || repeat('sealed0123', 18), 'running', 'running',
              '2026.9', 'SampleStrategy', 'binance', '5m', 'USDT', true, now(), now()
       FROM (SELECT n AS id, n AS owner FROM generate_series(1001, 2000) n
             UNION ALL SELECT n, 3001 FROM generate_series(3001, 4000) n
             UNION ALL SELECT 10000 + n, 1001 + (n - 1) % 1000 FROM generate_series(1, 99000) n) b
       ORDER BY id""",
)
