"""`check_rls` finds every way in which isolation was broken on purpose."""

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from tests import servers
from tests.logins import as_login
from tradewise.tenancy import inspection
from tradewise.tenancy.checks import unsafe_login

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_migrated_database_isolates_its_tenants(capsys: pytest.CaptureFixture[str]) -> None:
    with as_login("tw_migrator"):
        call_command("check_rls")
    assert "Isolation holds" in capsys.readouterr().out


def test_create_logins_mends_and_writes_the_passwords_for_their_owner_alone(tmp_path: Path) -> None:
    userlist = tmp_path / "userlist.txt"
    userlist.write_text("from before")
    userlist.chmod(0o644)
    call_command("create_logins", userlist=userlist)
    assert userlist.read_text().startswith('"tw_app" "')
    assert stat.S_IMODE(userlist.stat().st_mode) == 0o600


BREAKAGES = {
    "ALTER TABLE bots DISABLE ROW LEVEL SECURITY": "not enabled on bots",
    "ALTER TABLE users NO FORCE ROW LEVEL SECURITY": "not forced on users",
    "ALTER TABLE bot_samples_rest NO FORCE ROW LEVEL SECURITY": "not forced on bot_samples_rest",
    "GRANT SELECT ON bot_samples_rest TO tw_app": "past its parent's policies",
    "DROP POLICY tenant_updates ON bots": "no policy for UPDATE",
    "CREATE POLICY wide ON bots FOR SELECT TO tw_app USING (true)": "past without a tenant",
    "CREATE POLICY lazy ON bots TO tw_app USING (tenant_id = app_current_tenant())": "FOR ALL",
    "CREATE POLICY loose ON bots FOR SELECT USING (tenant_id = app_current_tenant())": "for everyone",
    "GRANT tw_owner TO tw_app": "tw_app is a member of tw_owner",
    "GRANT tw_staff TO tw_app": "tw_app is a member of tw_staff",
    "ALTER ROLE tw_app BYPASSRLS": "tw_app has BYPASSRLS",
    "ALTER ROLE tw_worker SUPERUSER": "tw_worker is a superuser",
    "ALTER ROLE tw_staff CREATEROLE": "may make roles",
    "CREATE TABLE orders (id int, tenant_id uuid); GRANT SELECT ON orders TO tw_app": "not enabled on orders",
    "CREATE TABLE notes (id int); GRANT SELECT ON notes TO tw_app": "tw_app may touch notes",
    "CREATE VIEW every AS SELECT * FROM bots; GRANT SELECT ON every TO tw_app": "every runs as its owner",
    "CREATE MATERIALIZED VIEW m AS SELECT * FROM bots; GRANT SELECT ON m TO tw_app": "materialized view m",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER RETURN 1": "function f runs as",
    "GRANT TRUNCATE ON bots TO tw_app": "may TRUNCATE",
}


@pytest.fixture(scope="module")
def scratch(django_db_setup: None) -> Iterator[str]:
    """A database to break."""
    name = f"{servers.process_database()}_broken"
    servers.build_database(name)
    yield name
    servers.drop_database(name)


@pytest.mark.parametrize(("statement", "sentence"), BREAKAGES.items())
def test_a_broken_database_is_told_in_words(scratch: str, statement: str, sentence: str) -> None:
    with as_login("tw_admin", scratch), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(statement)
        found = inspection.problems()
        assert any(sentence in problem for problem in found), found
        with pytest.raises(CommandError, match="break isolation"):
            call_command("check_rls")
        transaction.set_rollback(True)


@pytest.mark.parametrize(
    ("login", "reason"),
    [("tw_admin", "superuser"), ("tw_backup", "BYPASSRLS"), ("tw_migrator", "owns tables")],
)
def test_a_site_refuses_to_serve_under_an_unsafe_login(login: str, reason: str) -> None:
    with as_login(login):
        assert reason in unsafe_login()


@pytest.mark.parametrize("login", ["tw_app", "tw_staff", "tw_worker"])
def test_the_logins_that_serve_are_safe(login: str) -> None:
    with as_login(login):
        assert unsafe_login() == ""
