"""In a real browser: a record as the real worker keeps it, in full, too short, none, replayed, ended, withdrawn."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from playwright.sync_api import Page, expect

from marketplace.models import BotTemplate
from tests import servers
from tests.audit.world import sql
from tests.browser.conftest import SIZES
from tests.browser.test_main_job import sign_up
from tests.factories.subscriptions import make_template
from tests.marketplace.recorded import DAYS, WORTH, bot, closes, engine, platform_account, seen
from tests.whole import Whole, until
from tradewise.tenancy.context import PLATFORM

# The rows are committed, for other processes to see; what is left of them goes with the database.
pytestmark = [pytest.mark.browser, pytest.mark.engine]

SILLY = "<b>A name</b> of a hundred characters, which-is-the-longest-that-anybody-may-give-to-a-template-of-theirs"
LONG = [WORTH[day % DAYS] + day for day in range(200)]


@pytest.fixture(scope="module")
def _database(whole: Whole, django_db_blocker: Any) -> Any:
    with django_db_blocker.unblock():
        platform_account()
        yield


def run_here(template: BotTemplate, worth: Any, *, with_engine: bool = True, **known: Any) -> None:
    own = bot(PLATFORM, template.template_id, kind="platform", days=len(worth), **known)
    if with_engine:
        engine(PLATFORM, own, phase="off")
        sql("UPDATE bot_engines SET next_visit_at = now() + interval '1 day'")
    seen(PLATFORM, own, worth)


def kept(template: BotTemplate) -> Any:
    found = sql("SELECT computed_at FROM template_records WHERE template_id = %s", template.pk)
    return found and found[0].computed_at


def show(page: Page, whole: Whole, template: BotTemplate) -> None:
    page.goto(f"{whole.url}/templates/{template.template_id}/")


@pytest.mark.usefixtures("_database")
def test_a_record_is_kept_by_the_worker_and_drawn(window: Any, whole: Whole, photograph: Any) -> None:
    full, short, none, replay, silly = (
        make_template(name) for name in ("Full", "Short", "None", "Replay", SILLY[:100])
    )
    run_here(full, LONG)
    run_here(short, WORTH[:5])
    run_here(replay, WORTH, with_engine=False, created_at=datetime.now(UTC))
    run_here(silly, [*WORTH[:12], None, None, *WORTH[14:]])
    for pair in ("BTC/USDT", "ETH/USDT"):
        closes("binance", pair, [Decimal(100) + day % 37 for day in range(len(LONG) + 1)])
    sql("UPDATE template_records SET next_at = now(), news = '', computed_at = NULL")
    until(
        lambda: all(kept(each) for each in (full, short, none, replay, silly)), 60, "the worker has kept them"
    )
    page = window()
    sign_up(page, whole, "rita@example.com")
    show(page, whole, full)
    expect(page.locator("#record")).to_be_visible()
    expect(page.locator(".curve__plot canvas").first).to_be_visible()
    expect(page.locator(".curve figcaption")).to_contain_text("Buying and holding the same pairs")
    photograph(page, "record-full")
    page.get_by_text("How is this reckoned?").click()
    photograph(page, "record-reckoned")
    for name, template in (("short", short), ("none", none), ("replay", replay), ("silly", silly)):
        show(page, whole, template)
        expect(page.locator("#record")).to_be_visible()
        photograph(page, f"record-{name}")
    plain = window(
        java_script_enabled=False, storage_state=page.context.storage_state(), viewport=SIZES["360"]
    )
    show(plain, whole, full)
    expect(plain.locator("[data-equity] svg")).to_be_visible()
    expect(plain.locator(".days tbody tr").first).to_be_visible()

    (rita,) = sql("SELECT id, tenant_id FROM users WHERE email = 'rita@example.com'")
    own = bot(rita.tenant_id)
    sql(
        "INSERT INTO subscriptions (tenant_id, user_id, bot_id, template_id, allocation_amount) "
        "VALUES (%s, %s, %s, %s, 1)",
        *(rita.tenant_id, rita.id, own, full.pk),
    )
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(
            "UPDATE template_versions SET status = 'withdrawn', reason = 'It loses.', decided_at = now() "
            "WHERE template_id = %s",
            [full.pk],
        )
        admin.execute(
            "UPDATE bot_templates SET status = 'withdrawn', is_public = false WHERE id = %s", [full.pk]
        )
    show(page, whole, full)
    expect(page.get_by_text("It loses.")).to_be_visible()
    expect(page.locator(".curve__plot canvas").first).to_be_visible()
    photograph(page, "record-withdrawn")
    page.goto(f"{whole.url}/templates/new/dca/")
    expect(page.get_by_label("Which of your bots runs this?")).to_be_visible()
    photograph(page, "record-author")
