"""Commands over the trail, and a trail that is sealed, for the tests of them."""

from collections.abc import Iterator
from io import StringIO
from typing import Any, NamedTuple

import psycopg
import pytest
from django.core.management import CommandError, call_command

from accounts.models import User
from bots.models import Bot
from tests import servers
from tests.audit.conftest import seal_now
from tests.factories.accounts import UserFactory
from tests.factories.bots import BotFactory
from tests.whole import until
from tradewise.tenancy.context import tenant_context

Superuser = psycopg.Connection[Any]


class Said(NamedTuple):
    """What a command printed, and the code that it left with."""

    code: int
    out: str
    err: str


def run(*arguments: Any) -> Said:
    out, err = StringIO(), StringIO()
    try:
        call_command(*[str(argument) for argument in arguments], stdout=out, stderr=err)
    except CommandError as error:
        return Said(error.returncode, out.getvalue(), f"{err.getvalue()}{error}")
    return Said(0, out.getvalue(), err.getvalue())


def verify(*arguments: Any) -> Said:
    return run("verify_audit", *arguments)


def is_clean(said: Said) -> bool:
    return said.code == 0 and "Nothing was altered" in said.out and said.err == ""


def change(trader: User, name: str) -> None:
    """One entry."""
    with tenant_context(trader.tenant_id, actor=str(trader.pk)):
        Bot.objects.update(name=name)


def one(connection: Superuser, query: str, *values: Any) -> Any:
    row = connection.execute(query, values).fetchone()
    assert row is not None
    return row[0]


ALL_FINISHED = """
SELECT coalesce(max(xact), 0) < audit_xact(pg_snapshot_xmin(pg_current_snapshot())) FROM audit_logs
"""


def wait_for_others() -> None:
    """Until no transaction of a test beside this one is open that is older than an entry here."""
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as connection:
        until(lambda: one(connection, ALL_FINISHED), 120, "a transaction stays open")


def seal_together() -> int:
    """As `seal_now`, in one round."""
    wait_for_others()
    return seal_now()


@pytest.fixture
def no_entry(transactional_db: None) -> None:
    """Not even those of the migrations."""
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("TRUNCATE audit_logs, audit_seals, audit_rounds, audit_archives RESTART IDENTITY")


@pytest.fixture
def traders(no_entry: None) -> list[User]:
    """Three traders with a bot each, and two rounds over what they did."""
    found: list[User] = [UserFactory(password=None) for _ in range(3)]
    for trader in found:
        BotFactory(tenant_id=trader.tenant_id)
    seal_together()
    for trader in found:
        change(trader, "Second round")
    seal_together()
    return found


@pytest.fixture
def hacker(traders: list[User]) -> Iterator[Superuser]:
    """The superuser, with every trigger off, over a trail that is sealed."""
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection
