"""A superuser with every trigger off alters the trail in a hundred ways: each is found, and named by its entry."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from accounts.models import User
from audit.reading import everything
from audit.verification import Report, Walk
from bots.models import Bot
from tests.audit.conftest import seal_now
from tests.factories.accounts import UserFactory
from tests.factories.bots import BotFactory
from tradewise.secrets.signing import verifier
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

Superuser = psycopg.Connection[Any]
ROUNDS = 4


@pytest.fixture
def trail(superuser: Superuser) -> list[User]:
    """Five traders, four rounds, about two hundred entries; and some that are not sealed yet."""
    traders: list[User] = [UserFactory() for _ in range(5)]
    for trader in traders:
        BotFactory(tenant_id=trader.tenant_id)
    for number in range(ROUNDS):
        for trader in traders:
            with tenant_context(trader.tenant_id, actor=str(trader.pk), ip="192.0.2.7", user_agent="Browser"):
                for turn in range(10):
                    Bot.objects.update(name=f"Name {number}.{turn}")
        seal_now()
    with tenant_context(traders[0].tenant_id):
        Bot.objects.update(name="Not sealed yet")
    superuser.execute("SET session_replication_role = replica")
    return traders


def walk(**options: Any) -> Report:
    with everything() as connection:
        return Walk(connection, verifier(), **options).run()


def some(superuser: Superuser, count: int = 1) -> list[int]:
    """The numbers of entries that are sealed, at random."""
    rows = superuser.execute(
        "SELECT id FROM audit_logs WHERE xact < (SELECT max(xact_to) FROM audit_rounds) ORDER BY id"
    ).fetchall()
    return random.sample([number for (number,) in rows], count)


def update(superuser: Superuser) -> set[int]:
    (number,) = some(superuser)
    change = random.choice(
        [
            'new_values = \'{"name": "forged"}\'',
            "old_values = CASE WHEN old_values IS NULL THEN 'null'::jsonb END",
            "action = 'bot.other'",
            "actor = 'staff:1'",
            "ip_address = '198.51.100.1'",
            "user_agent = 'Another'",
            "login = 'postgres'",
            "resource_id = 'another'",
            "tenant_id = '00000000-0000-0000-0000-00000000000f'",
            "user_id = CASE WHEN user_id IS NULL THEN 77 END",
            "xact = xact + 1000000",
            "id = id + 1000000",
        ]
    )
    superuser.execute(f"UPDATE audit_logs SET {change} WHERE id = %s", [number])
    return {number}


def delete(superuser: Superuser) -> set[int]:
    gone = some(superuser, random.randint(1, 3))
    superuser.execute("DELETE FROM audit_logs WHERE id = ANY(%s)", [gone])
    return set(gone)


def delete_tail(superuser: Superuser) -> set[int]:
    """The last entries of a tenant."""
    rows = superuser.execute(
        """WITH one AS (SELECT tenant_id FROM audit_logs ORDER BY random() LIMIT 1)
           DELETE FROM audit_logs WHERE id IN (
               SELECT id FROM audit_logs JOIN one USING (tenant_id)
               WHERE xact < (SELECT max(xact_to) FROM audit_rounds) ORDER BY id DESC LIMIT 5) RETURNING id"""
    ).fetchall()
    return {number for (number,) in rows}


def insert(superuser: Superuser) -> set[int]:
    """An entry like another, in its transaction."""
    (number,) = some(superuser)
    row = superuser.execute(
        """INSERT INTO audit_logs (tenant_id, user_id, actor, action, resource_type, resource_id, old_values,
               new_values, ip_address, user_agent, created_at, login, xact)
           SELECT tenant_id, user_id, actor, action, resource_type, resource_id, old_values, new_values, ip_address,
               user_agent, created_at, login, xact FROM audit_logs WHERE id = %s RETURNING id""",
        [number],
    ).fetchone()
    assert row is not None
    return {row[0]}


def swap(superuser: Superuser) -> set[int]:
    """Two entries change places."""
    one, two = some(superuser, 2)
    superuser.execute(
        """WITH pair AS (SELECT * FROM audit_logs WHERE id IN (%(one)s, %(two)s))
           UPDATE audit_logs a SET old_values = p.old_values, new_values = p.new_values, created_at = p.created_at,
               actor = p.actor, resource_id = p.resource_id, xact = p.xact, tenant_id = p.tenant_id, user_id = p.user_id
           FROM pair p WHERE a.id IN (%(one)s, %(two)s) AND p.id IN (%(one)s, %(two)s) AND a.id <> p.id""",
        {"one": one, "two": two},
    )
    return {one, two}


def shift(superuser: Superuser) -> set[int]:
    """In time, within the month or into another partition."""
    (number,) = some(superuser)
    by = random.choice(["1 microsecond", "-3 hours", "40 days", "-400 days"])
    superuser.execute(
        "UPDATE audit_logs SET created_at = created_at + %s::interval WHERE id = %s", [by, number]
    )
    return {number}


def drop_partition(superuser: Superuser) -> set[int]:
    (part,), *_ = superuser.execute("SELECT DISTINCT tableoid::regclass::text FROM audit_logs").fetchall()
    rows = superuser.execute(
        f"SELECT id FROM {part} WHERE xact < (SELECT max(xact_to) FROM audit_rounds)"
    ).fetchall()
    superuser.execute(f"DROP TABLE {part}")
    return {number for (number,) in rows}


WAYS: list[Callable[[Superuser], set[int]]] = [
    *[update] * 30,
    *[delete] * 17,
    *[delete_tail] * 10,
    *[insert] * 15,
    *[swap] * 15,
    *[shift] * 12,
    drop_partition,
]


@pytest.fixture
def undone(superuser: Superuser) -> Iterator[None]:
    yield
    superuser.execute("SET session_replication_role = origin")


def copy_of_the_trail(superuser: Superuser) -> None:
    superuser.execute("CREATE TEMPORARY TABLE kept AS SELECT * FROM audit_logs")


def bring_back(superuser: Superuser) -> None:
    """The trail as it was, so that a hundred ways need no hundred trails."""
    superuser.execute("TRUNCATE audit_logs")
    superuser.execute("INSERT INTO audit_logs SELECT * FROM kept")


def test_a_hundred_tamperings_are_each_found_and_named(trail, superuser, undone):
    assert len(WAYS) == 100
    copy_of_the_trail(superuser)
    assert walk().findings == []
    missed = []
    for number, way in enumerate(random.sample(WAYS[:-1], 99) + WAYS[-1:]):
        altered = way(superuser)
        assert altered, way.__name__
        report = walk()
        named = {finding.entry for finding in report.findings}
        if not altered <= named:
            missed.append((number, way.__name__, altered - named))
        if way is not drop_partition:
            bring_back(superuser)
            assert walk().findings == [], f"a false alarm after {way.__name__}"
    assert missed == []
