"""A server that was restored from a dump counts its transactions anew: sealing stops until `resume_audit` was run."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from django.db import OperationalError

from accounts.models import User
from audit import sealing
from audit.tasks import seal as seal_task
from bots.models import Bot
from tests import servers
from tests.audit import sealed as prepared
from tests.audit.sealed import Said, change, is_clean, one, run, seal_together, verify
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)
no_entry, traders = prepared.no_entry, prepared.traders  # fixtures
Superuser = psycopg.Connection[Any]


def count_from(superuser: Superuser, lifted: int) -> None:
    superuser.execute(
        "CREATE OR REPLACE FUNCTION audit_xact(x xid8) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE"
        f" RETURN x::text::bigint + {lifted}"
    )


@pytest.fixture
def far(superuser: Superuser, no_entry: None) -> Iterator[None]:
    """A server that has had a thousand million transactions."""
    count_from(superuser, 1_000_000_000)
    yield
    count_from(superuser, 0)


@pytest.fixture
def restored(far: None, traders: list[User], superuser: Superuser) -> list[User]:
    """Its trail, of which the last entries were not sealed yet, on another server."""
    change(traders[0], "Not sealed when it was dumped")
    count_from(superuser, 0)
    return traders


def resume(*arguments: str) -> Said:
    with as_login("tw_migrator"):
        return run("resume_audit", *arguments)


def test_a_server_that_was_restored_does_not_seal_and_says_the_way_out(restored, caplog):
    change(restored[1], "After")
    with as_login("tw_worker"):
        with pytest.raises(OperationalError, match="it was restored"):
            sealing.seal()
        seal_task()
    assert caplog.records[-1].levelname == "CRITICAL"
    assert caplog.records[-1].getMessage() == (
        "the audit trail is not sealed: this server was restored, run manage.py resume_audit"
    )


def test_verification_says_it_too_and_takes_no_entry_for_forged_that_was_in_the_dump(restored):
    said = verify()
    assert said.code == 1
    assert "this server was restored from a dump. Run manage.py resume_audit." in said.err
    assert "1 finding " in said.err


def test_without_apply_it_is_only_told(restored, superuser):
    before = one(superuser, "SELECT prosqlbody FROM pg_proc WHERE proname = 'audit_xact'")
    said = resume()
    assert said == (
        0,
        "This server was restored, and new entries are not sealed. Run again with --apply.\n",
        "",
    )
    assert one(superuser, "SELECT prosqlbody FROM pg_proc WHERE proname = 'audit_xact'") == before
    assert one(superuser, "SELECT count(*) FROM audit_logs WHERE action = 'audit.resume'") == 0


def test_new_entries_are_sealed_again_and_the_trail_is_clean(restored, superuser):
    said = resume("--apply")
    assert said.err == ""
    assert "New entries are sealed again" in said.out
    change(restored[2], "After")
    assert seal_together() == 3
    said = verify()
    assert is_clean(said)
    assert "12 entries" in said.out
    assert "nothing to do" in resume("--apply").out
    assert seal_together() == 0


def test_what_was_written_before_anybody_noticed_is_sealed_as_well(restored, superuser):
    """The command itself is in the trail before it runs, so there is always something."""
    change(restored[1], "Too early")
    with tenant_context(restored[2].tenant_id):
        Bot.objects.update(name="Too early as well")
        Bot.objects.update(name="And again")
    said = resume("--apply")
    assert said.err == ""
    assert "3 of them were written since" in said.out
    change(restored[0], "After")
    assert seal_together() == 1 + 3 + 1 + 1
    said = verify()
    assert is_clean(said)
    assert "15 entries" in said.out


def test_it_stands_in_the_platforms_trail(restored, superuser):
    change(restored[1], "Too early")
    resume("--apply")
    row = superuser.execute(
        "SELECT tenant_id::text, login, old_values, new_values FROM audit_logs WHERE action = 'audit.resume'"
    ).fetchone()
    assert row[:3] == ("00000000-0000-0000-0000-000000000000", "tw_migrator", {"lifted": 0})
    assert row[3]["lifted"] > 900_000_000
    assert row[3]["written_since"] == 1


def test_the_guards_stand_again_afterwards(restored, superuser):
    resume("--apply")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        superuser.execute("UPDATE audit_logs SET xact = 1")
    assert one(superuser, "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'audit_logs'") is True
    seal_together()
    assert is_clean(verify())


def test_a_transaction_that_writes_meanwhile_makes_it_wait_and_change_nothing(restored, superuser):
    """Its entries would otherwise bear numbers of both counts."""
    url = servers.dsn("tw_app", servers.process_database())
    with psycopg.connect(url) as writer:
        writer.execute(f"SET LOCAL app.tenant_id = '{restored[0].tenant_id}'")
        writer.execute("UPDATE bots SET name = 'Slow'")
        said = resume("--apply")
        assert said.code == 1
        assert "Nothing is changed; stop the sites and run it again." in said.err
    assert one(superuser, "SELECT count(*) FROM audit_logs WHERE action = 'audit.resume'") == 0
    assert resume("--apply").code == 0
    seal_together()
    assert is_clean(verify())


def test_one_that_has_a_number_and_writes_later_is_sealed_all_the_same(restored, superuser):
    url = servers.dsn("tw_app", servers.process_database())
    with psycopg.connect(url) as early:
        early.execute("SELECT pg_current_xact_id()")
        for _ in range(50):
            superuser.execute("SELECT pg_current_xact_id()")
        assert resume("--apply").code == 0
        early.execute(f"SET LOCAL app.tenant_id = '{restored[0].tenant_id}'")
        early.execute("UPDATE bots SET name = 'Early'")
    assert seal_together() == 3
    assert is_clean(verify())


def test_where_nothing_was_restored_there_is_nothing_to_do(traders):
    assert "there is nothing to do" in resume("--apply").out
    assert is_clean(verify())


def test_a_count_that_is_not_ours_is_not_lifted(restored, superuser):
    superuser.execute(
        "CREATE OR REPLACE FUNCTION audit_xact(x xid8) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE RETURN 5"
    )
    assert resume("--apply").err == "The function audit_xact is not the one that TradeWise made."
