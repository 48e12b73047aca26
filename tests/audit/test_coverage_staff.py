"""The staff site: every page of traders' rows and all that can be posted leaves its trace, in whose trail it belongs.

In a process of its own settings, as `tw_staff`.
"""

import uuid

import pytest

from accounts.models import User
from audit.staff import WatchedAdmin
from bots.models import Bot
from tests.accounts.staff import make_staff
from tests.accounts.test_staff_site import run, visit
from tests.audit.world import entries_since, everything, last_entry, sql
from tests.factories.accounts import PASSWORD

pytestmark = pytest.mark.django_db(transaction=True)

EMAIL = "staff-of-audit@example.com"
LOGIN = ("post", "/login/", {"username": EMAIL, "password": PASSWORD})
URLS = """
import django; django.setup()
from django.urls import URLResolver, get_resolver
from tradewise.web.staff import staff_site
def walk(resolver):
    for entry in resolver.url_patterns:
        yield from walk(entry) if isinstance(entry, URLResolver) else [entry.name or "-"]
print(" ".join(walk(get_resolver())))
kinds = [type(a) for a in staff_site._registry.values()]
print(" ".join(f"{kind.__name__}:{kind.__mro__[1].__name__}" for kind in kinds))
print(" ".join(name for a in staff_site._registry.values() for name in (a.actions or ())))
"""


@pytest.fixture
def staff() -> uuid.UUID:
    tenant = uuid.uuid4()
    make_staff(EMAIL, tenant)
    return tenant


def number_of(tenant: uuid.UUID) -> int:
    return int(sql("SELECT id FROM users WHERE tenant_id = %s", tenant)[0].id)


def test_logging_in_and_out_and_a_new_password_are_in_the_own_trail(staff: uuid.UUID) -> None:
    before = last_entry()
    new = "a new and longer passphrase"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    pages = visit(LOGIN, ("post", "/password_change/", form), ("post", "/logout/", None))
    assert [status for status, *_ in pages] == [302, 302, 302]
    found = [(e.action, e.actor, e.tenant_id, e.address) for e in entries_since(before)]
    actor = f"staff:{number_of(staff)}"
    assert found == [
        (f"staff.{what}", actor, staff, "127.0.0.1") for what in ("login", "password_change", "logout")
    ]
    (changed,) = [e for e in entries_since(before) if e.action == "staff.password_change"]
    assert changed.old_values.keys() == changed.new_values.keys() == {"hashed_password"}
    assert changed.new_values["hashed_password"]["changed"] is True


def test_a_failed_log_in_of_staff_is_in_the_platforms_trail(staff: uuid.UUID) -> None:
    before = last_entry()
    visit(("post", "/login/", {"username": EMAIL, "password": "wrong-canary"}))
    (entry,) = entries_since(before)
    assert (entry.action, entry.tenant_id.int, entry.actor) == ("staff.login_failed", 0, "visitor")
    assert "canary" not in str(entry)


def test_whoever_looks_at_a_traders_rows_is_in_that_traders_trail(
    staff: uuid.UUID, alice: User, mallory: User, bot: Bot
) -> None:
    before = last_entry()
    pages = visit(
        LOGIN,
        ("get", "/bots/bot/", None),
        ("get", f"/bots/bot/{bot.pk}/change/", None),
        ("get", "/accounts/supportuser/", None),
        ("get", f"/accounts/supportuser/{alice.pk}/change/", None),
        ("get", f"/audit/auditlog/?q={alice.tenant_id}", None),
    )
    assert [status for status, *_ in pages] == [302, 200, 200, 200, 200, 200]
    seen = [
        (e.tenant_id, e.resource_type, e.resource_id, e.actor)
        for e in entries_since(before)
        if e.action == "staff.look"
    ]
    actor = f"staff:{number_of(staff)}"
    whose = {
        (alice.tenant_id, "user", str(alice.pk), actor),
        (mallory.tenant_id, "user", str(mallory.pk), actor),
    }
    assert seen[:2] == [(alice.tenant_id, "bot", bot.bot_id, actor)] * 2
    assert set(seen[2:4]) == whose
    assert seen[4] == (alice.tenant_id, "user", str(alice.pk), actor)
    assert seen[5][:2] == (alice.tenant_id, "trail")


def test_staff_see_what_an_engine_uses_and_nothing_of_its_set_up(staff: uuid.UUID, alice: User) -> None:
    (bot,) = sql(
        "INSERT INTO bots (bot_id, tenant_id, bot_type, name) VALUES ('b-engine', %s, 'shared', 'Run') RETURNING id",
        alice.tenant_id,
    )
    sql(
        "INSERT INTO bot_engines (tenant_id, bot_id, mode, allocation, config_json, host, phase, memory, log_lines) "
        "VALUES (%s, %s, 'dry_run', 100, '{\"canary\": 1}', 'main', 'up', 253755392, 'canary')",
        alice.tenant_id,
        bot.id,
    )
    before = last_entry()
    pages = visit(
        LOGIN, ("get", "/bots/botengine/", None), ("get", f"/bots/botengine/{bot.id}/change/", None)
    )
    assert [status for status, *_ in pages] == [302, 200, 200]
    for page in pages[1:]:
        assert "b-engine" in str(page)
        assert "242" in str(page)
        assert "canary" not in str(page)
    seen = [
        (e.tenant_id, e.resource_type, e.resource_id)
        for e in entries_since(before)
        if e.action == "staff.look"
    ]
    assert seen == [(alice.tenant_id, "bot", "b-engine")] * 2


def test_what_cannot_be_noted_is_not_shown(staff: uuid.UUID, alice: User, bot: Bot) -> None:
    sql("REVOKE EXECUTE ON FUNCTION audit_looked(uuid[], text, text[]) FROM tw_staff")
    try:
        pages = visit(LOGIN, ("get", "/bots/bot/", None))
    finally:
        sql("GRANT EXECUTE ON FUNCTION audit_looked(uuid[], text, text[]) TO tw_staff")
    assert pages[1][0] == 500
    assert str(bot) not in pages[1][2]


def test_every_page_of_the_admin_is_watched_and_has_no_action_that_is_not(staff: uuid.UUID) -> None:
    shown = run("staff", "-c", URLS)
    assert shown.returncode == 0, shown.stderr
    names, admins, actions = shown.stdout.split("\n")[:3]
    assert all(entry.endswith(f":{WatchedAdmin.__name__}") for entry in admins.split()), admins
    # Tried in tests/marketplace/test_platform_bots.py and test_moderation.py.
    assert sorted(actions.split()) == [
        *("approve", "feature", "reject", "run_on_the_platform", "unfeature", "withdraw"),
    ]
    posted = {"login", "logout", "password_change"}
    known = {"index", "password_change_done", "jsi18n", "view_on_site", "app_list", "autocomplete", "-"}
    suffixes = ("_changelist", "_add", "_history", "_delete", "_change")
    assert {n for n in names.split() if not n.endswith(suffixes)} <= posted | known


def test_whatever_else_is_posted_there_changes_nothing(staff: uuid.UUID, alice: User, bot: Bot) -> None:
    before = everything()
    form = {
        "email": "x@example.com",
        "name": "forged",
        "action": "delete_selected",
        "_selected_action": str(bot.pk),
    }
    visit(
        LOGIN,
        *(
            ("post", path, form)
            for path in (
                "/bots/bot/",
                "/bots/bot/add/",
                f"/bots/bot/{bot.pk}/change/",
                f"/bots/bot/{bot.pk}/delete/",
                "/accounts/supportuser/add/",
                f"/accounts/supportuser/{alice.pk}/change/",
                f"/accounts/supportuser/{alice.pk}/delete/",
                "/audit/auditlog/add/",
                "/audit/auditlog/1/change/",
                "/audit/auditlog/1/delete/",
            )
        ),
    )
    after = everything()
    after["users"] = [row for row in after["users"] if EMAIL not in row]  # the log-in's date
    before["users"] = [row for row in before["users"] if EMAIL not in row]
    assert after == before
