"""In a real browser: what a trader did stands in the trail, is sealed by the real worker, and is verified by ops."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import fill_in, sign_up
from tests.whole import Whole, until
from tradewise.simulation.engine import DemoBot

pytestmark = [pytest.mark.browser, pytest.mark.engine]

SILLY = "<b>A name</b> of a hundred characters, which is the longest that anybody may give to a bot of theirs"
UNSEALED = "SELECT count(*) AS left FROM audit_logs WHERE xact >= coalesce((SELECT max(xact_to) FROM audit_rounds), 0)"


def test_what_was_done_is_seen_filtered_exported_and_sealed(
    window, whole: Whole, trading_bot: DemoBot, photograph
):
    page = window()
    sign_up(page, whole, "wanda@example.com")
    page.get_by_role("link", name="Connect a bot").first.click()
    fill_in(page, trading_bot, trading_bot.password)
    page.get_by_role("button", name="Connect").click()
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Name", exact=True).fill(SILLY[:100])
    page.get_by_role("button", name="Save").click()
    expect(page.locator("h1")).to_contain_text("<b>A name</b>")
    expect(page.get_by_role("link", name="All activity of this bot")).to_be_visible()

    page.get_by_role("link", name="Activity", exact=True).click()
    trail = page.locator("#trail")
    for done in ("Connected", "Edited", "Signed up"):
        expect(trail).to_contain_text(done)
    photograph(page, "activity")
    trail.locator("details").first.locator("summary").click()
    photograph(page, "activity-opened")
    page.get_by_label("What was done").select_option(label="Edited the bot")
    expect(trail.locator(".entry")).to_have_count(1)
    assert "action=bot.edit" in page.url
    photograph(page, "activity-filtered")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export what is filtered as CSV").click()
    text = download.value.path().read_text(encoding="utf-8-sig")
    assert text.count("bot.edit") >= 1
    assert "account.sign_up" not in text

    until(lambda: whole.sql(UNSEALED)[0].left == 0, 60, "the worker has sealed it all")
    whole.run("verify_audit", settings="ops")
    (round_,) = whole.sql("SELECT max(number) AS last FROM audit_rounds")
    assert f'"round": {round_.last}' in (whole.plan.var / "audit" / "head.json").read_text()
