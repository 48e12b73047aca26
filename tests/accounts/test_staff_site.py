"""The staff site, in a process of its own settings, as `tw_staff`."""

import json
import os
import subprocess
import sys
import uuid

import psycopg
import pytest

from accounts.models import User
from bots.models import Bot
from tests import servers
from tests.accounts.staff import make_staff
from tests.factories.accounts import PASSWORD, UserFactory
from tests.factories.bots import BotFactory

pytestmark = pytest.mark.django_db(transaction=True)

VISIT = """
import json, sys, uuid
import django
from django.conf import settings
settings.STORAGES["staticfiles"]["BACKEND"] = "django.contrib.staticfiles.storage.StaticFilesStorage"
settings.CACHES["default"]["KEY_PREFIX"] = uuid.uuid4().hex
django.setup()
from django.test import Client
from django.test.utils import setup_test_environment
setup_test_environment()
steps = json.load(sys.stdin)
client = Client(raise_request_exception=False)
pages = []
for method, path, form in steps:
    answer = getattr(client, method)(path, form or {})
    pages.append([answer.status_code, answer.headers.get("Location", ""), answer.content.decode()])
json.dump(pages, sys.stdout)
"""


def run(settings: str, *arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "TRADEWISE_DATABASE": servers.process_database(),
        "DJANGO_SETTINGS_MODULE": f"tradewise.settings.{settings}",
    }
    return subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        input=given,
        capture_output=True,
        text=True,
        check=False,
        cwd=servers.ROOT,
    )


def visit(*steps: tuple[str, str, dict[str, str] | None]) -> list[tuple[int, str, str]]:
    """Status, target and body of each page, asked for by one browser."""
    result = run("staff", "-c", VISIT, given=json.dumps(steps))
    assert result.returncode == 0, result.stderr
    return [tuple(page) for page in json.loads(result.stdout)]


def login(password: str = PASSWORD) -> tuple[str, str, dict[str, str]]:
    return ("post", "/login/?next=/", {"username": "Boss@example.com", "password": password})


@pytest.fixture
def boss() -> None:
    make_staff("boss@example.com", uuid.uuid4())


def test_staff_look_at_traders_and_bots_and_see_no_secret(boss: None, bot: Bot, alice: User) -> None:
    pages = visit(
        login(),
        ("get", "/", None),
        ("get", "/accounts/supportuser/", None),
        ("get", f"/accounts/supportuser/{alice.pk}/change/", None),
        ("get", "/bots/bot/", None),
        ("get", f"/bots/bot/{bot.pk}/change/", None),
        ("get", "/accounts/supportuser/?q=ALICE@example.com", None),
        ("get", f"/bots/bot/?q={alice.tenant_id}", None),
        ("get", "/bots/bot/?q=nothing&status=x&e=1", None),
    )
    assert [status for status, _, _ in pages[:8]] == [302, *[200] * 7]
    assert "alice@example.com" in pages[2][2]
    assert "1 trader" in pages[2][2], "staff are no traders"
    assert "Grid of Alice" in pages[4][2]
    assert "api_token" not in pages[5][2]
    assert not any("argon2" in body for _, _, body in pages)


def test_staff_change_nothing(boss: None, bot: Bot, alice: User) -> None:
    pages = visit(
        login(),
        ("post", f"/bots/bot/{bot.pk}/change/", {"name": "mine"}),
        ("post", f"/bots/bot/{bot.pk}/delete/", {"post": "yes"}),
        ("post", "/bots/bot/add/", {"name": "x"}),
        ("get", f"/bots/bot/{bot.pk}/history/", None),
        ("get", f"/accounts/supportuser/{alice.pk}/delete/", None),
    )
    assert [status for status, _, _ in pages[1:]] == [403, 403, 403, 404, 403]


def test_a_trader_and_a_wrong_password_do_not_get_in(boss: None, alice: User) -> None:
    pages = visit(
        ("post", "/login/?next=/", {"username": alice.email, "password": PASSWORD}),
        login("wrong"),
        ("get", "/bots/bot/", None),
    )
    assert pages[0][0] == pages[1][0] == 200
    assert "correct" in pages[0][2]
    assert pages[2][:2] == (302, "/login/?next=/bots/bot/")


def test_guessing_a_staff_password_ends_after_ten_tries(boss: None) -> None:
    pages = visit(*[login("wrong")] * 10, login())
    assert pages[-1][0] == 200, "the right password comes too late"


def test_staff_choose_another_password_for_themselves(boss: None) -> None:
    new = "nine quiet lighthouses"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    pages = visit(login(), ("post", "/password_change/", form), ("post", "/logout/", {}), login(new))
    assert [status for status, _, _ in pages] == [302, 302, 302, 302]


def test_the_login_of_the_staff_site_sees_no_hash_of_a_trader(boss: None, alice: User) -> None:
    with psycopg.connect(servers.dsn("tw_staff", servers.process_database())) as staff:
        assert staff.execute("SELECT email FROM users").fetchall() == [("boss@example.com",)]
        assert staff.execute("SELECT email FROM support_users").fetchall() == [("alice@example.com",)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege), staff.transaction():
            staff.execute("UPDATE support_users SET is_active = false")
        with pytest.raises(psycopg.errors.UndefinedColumn), staff.transaction():
            staff.execute("SELECT hashed_password FROM support_users")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), staff.transaction():
            staff.execute("UPDATE users SET is_staff = false")


def test_only_the_staff_site_reads_the_view(alice: User) -> None:
    for login_name in ("tw_app", "tw_worker"):
        dsn = servers.dsn(login_name, servers.process_database())
        with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(dsn) as connection:
            connection.execute("SELECT * FROM support_users")


def test_ops_make_staff_with_a_password_that_is_shown_once() -> None:
    made = run("ops", "manage.py", "create_staff", "--email", "Boss@Example.com", "--name", "The Boss")
    assert made.returncode == 0, made.stderr
    password = made.stdout.strip().rpartition(" ")[2]
    assert visit(login(password))[0][0] == 302
    again = run("ops", "manage.py", "create_staff", "--email", "boss@example.com")
    assert again.returncode == 1
    assert "has an account already" in again.stderr


def test_ops_may_give_the_password(alice: User) -> None:
    arguments = ("manage.py", "create_staff", "--email", "boss@example.com", "--password-stdin")
    assert run("ops", *arguments, given="short\n").returncode == 1
    assert run("ops", *arguments, given=f"{PASSWORD}\n").returncode == 0
    assert visit(login())[0][0] == 302


def test_lists_are_bounded(boss: None) -> None:
    for _ in range(3):
        BotFactory(tenant_id=UserFactory.create().tenant_id)
    assert "3 bots" in visit(login(), ("get", "/bots/bot/", None))[1][2]
