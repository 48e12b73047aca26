"""An author shows one of the own bots with a version; moderators learn of it what they must, and nothing more."""

import json
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from django.test import Client

from accounts.models import User
from marketplace.exceptions import EvidenceRefused, NotPublishable
from marketplace.models import TemplateVersion
from marketplace.services import authoring, checks, moderation
from marketplace.services.moderation import Seen
from tests import servers
from tests.audit.world import sql
from tests.factories.engines import DCA
from tests.logins import as_login
from tests.marketplace.recorded import bot, engine, seen
from tests.marketplace.test_template_pages import filled, said
from tests.marketplace.written import made, raw, template, text
from tradewise.tenancy.context import PLATFORM, tenant_context

pytestmark = pytest.mark.django_db(transaction=True)
ClientOf = Callable[[User], Client]


def public_id(number: int) -> str:
    return str(sql("SELECT bot_id FROM bots WHERE id = %s", number)[0].bot_id)


def shown(number: int) -> int | None:
    found = sql(
        "SELECT record_bot_id FROM template_versions WHERE template_id = %s ORDER BY number DESC", number
    )
    value: int | None = found[0].record_bot_id
    return value


def submitted(author: User, record_bot: int | None, config: Any = DCA) -> int:
    """A version with the moderators that shows this bot."""
    number = made(author, "submitted", config=config)
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE template_versions SET record_bot_id = %s WHERE template_id = %s", [record_bot, number]
        )
    return number


def evidence(number: int) -> checks.Check:
    """What a moderator reads."""
    with as_login("tw_staff"), tenant_context(PLATFORM, actor="staff:1"):
        version = TemplateVersion.across_tenants.get(template_id=number)
        (found,) = [check for check in checks.checks_of(version) if check.title == "Evidence"]
    return found


# ——— the author's form ———


def test_an_author_chooses_one_of_the_own_bots(alice: User, client_of: ClientOf) -> None:
    number = bot(alice.tenant_id, name="Mine")
    client = client_of(alice)
    assert "Mine" in said(client.get("/templates/new/dca/"))
    answer: Any = client.post("/templates/new/dca/", filled(record_bot=public_id(number)))
    assert answer.status_code == 303
    (row,) = sql("SELECT id FROM bot_templates")
    assert shown(row.id) == number
    # The form of a change holds it, and another choice takes it back.
    assert f'value="{public_id(number)}" selected' in said(client.get(f"{answer.url}edit/"))
    assert client.post(f"{answer.url}edit/", filled(record_bot="")).status_code == 303
    assert shown(row.id) is None


@pytest.mark.parametrize("kind", ["dca", "arbitrage"])
def test_another_tenants_bot_cannot_be_chosen(
    kind: str, alice: User, mallory: User, client_of: ClientOf
) -> None:
    theirs = bot(mallory.tenant_id, name="canary-theirs")
    client = client_of(alice)
    assert "canary-theirs" not in said(client.get(f"/templates/new/{kind}/"))
    form = filled() if kind == "dca" else {"name": "Two", "risk_level": "low", "config": "{}"}
    answer = client.post(f"/templates/new/{kind}/", {**form, "record_bot": public_id(theirs)})
    assert answer.status_code == 422
    assert sql("SELECT 1 FROM bot_templates") == []
    nobodys = client.post(f"/templates/new/{kind}/", {**form, "record_bot": "bot-of-nobody"})
    assert nobodys.status_code == 422


def test_the_service_and_the_database_refuse_it_too(alice: User, mallory: User) -> None:
    theirs = bot(mallory.tenant_id)
    with tenant_context(alice.tenant_id), pytest.raises(EvidenceRefused):
        authoring.create(actor=alice, text=text(record_bot=public_id(theirs)))
    number = made(alice, "draft")
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        raw(
            "tw_app",
            alice.tenant_id,
            "UPDATE template_versions SET record_bot_id = %s WHERE template_id = %s",
            *(theirs, number),
        )


def test_the_bot_of_a_published_version_stays_and_another_is_a_new_version(alice: User) -> None:
    mine = bot(alice.tenant_id)
    number = made(alice, "published")
    write = "UPDATE template_versions SET record_bot_id = %s WHERE template_id = %s"
    with pytest.raises(psycopg.errors.CheckViolation):
        raw("tw_app", alice.tenant_id, write, mine, number)
    with tenant_context(alice.tenant_id):
        found = template(number)
        authoring.change(actor=alice, template=found, text=text(record_bot=public_id(mine)))
        version = authoring.submit(actor=alice, template=found)
    assert (version.number, version.record_bot_id) == (2, mine)


# ——— the moderators' check ———


def test_without_a_bot_a_person_judges(alice: User) -> None:
    check = evidence(submitted(alice, None))
    assert (check.is_well, "self-reported" in check.sentence) == (None, True)


def test_what_the_bot_is_and_for_how_long_it_was_seen_is_said(alice: User) -> None:
    mine = bot(alice.tenant_id, days=10, strategy="MyOwn")
    seen(alice.tenant_id, mine)
    check = evidence(submitted(alice, mine))
    assert check.is_well is None
    for part in (
        "Observed by TradeWise since",
        "dry run",
        "10 days with equity",
        "closed trades",
        "MyOwn",
        "Shown",
    ):
        assert part in check.sentence


@pytest.mark.parametrize(
    ("known", "pair", "sentence"),
    [
        ({"stake_currency": "BTC"}, "BTC/USDT", "It trades in BTC, and the version in USDT."),
        ({}, "DOGE/USDT", "It traded DOGE/USDT, which the version does not."),
    ],
)
def test_a_bot_that_trades_something_else_is_refused(
    known: dict[str, Any], pair: str, sentence: str, alice: User
) -> None:
    mine = bot(alice.tenant_id, **known)
    seen(alice.tenant_id, mine)
    sql("UPDATE bot_trades SET pair = %s", pair)
    number = submitted(alice, mine)
    check = evidence(number)
    assert (check.is_well, sentence in check.sentence) == (False, True)
    (row,) = sql("SELECT id, updated_at FROM template_versions WHERE template_id = %s", number)
    with (
        as_login("tw_staff"),
        tenant_context(PLATFORM, actor="staff:1"),
        pytest.raises(NotPublishable, match="Evidence"),
    ):
        moderation.approve(actor="staff:1", seen=Seen(row.id, row.updated_at))


def test_an_engine_with_other_parameters_is_refused_and_one_with_these_is_not(alice: User) -> None:
    mine = bot(alice.tenant_id, kind="shared")
    engine(alice.tenant_id, mine, {**DCA, "timeframe": "1h"})
    assert evidence(submitted(alice, mine)).is_well is False
    sql("UPDATE bot_engines SET config_json = %s", json.dumps(DCA))
    sql("DELETE FROM bot_templates")
    assert evidence(submitted(alice, mine)).is_well is None


def test_staff_see_no_more_of_traders_bots_than_before(alice: User) -> None:
    mine = bot(alice.tenant_id)
    seen(alice.tenant_id, mine)
    number = submitted(alice, mine)
    with psycopg.connect(servers.dsn("tw_staff", servers.process_database()), autocommit=True) as staff:
        for table in ("bot_days", "bot_trades", "bot_samples", "bot_marks"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                staff.execute(f"SELECT * FROM {table}")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            staff.execute("SELECT config_json FROM bot_engines")
        (version,) = staff.execute(
            "SELECT id FROM template_versions WHERE template_id = %s", [number]
        ).fetchall()
        assert len(staff.execute("SELECT * FROM evidence_of_version(%s)", version).fetchall()) == 1
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute("UPDATE template_versions SET status = 'draft'")
    # Nothing of a draft's bot: nobody has handed it over yet.
    with psycopg.connect(servers.dsn("tw_staff", servers.process_database()), autocommit=True) as staff:
        assert staff.execute("SELECT * FROM evidence_of_version(%s)", version).fetchall() == []
    for login in ("tw_app", "tw_worker"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, alice.tenant_id, "SELECT * FROM evidence_of_version(1)")
