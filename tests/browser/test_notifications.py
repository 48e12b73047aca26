"""In a real browser: a trader chooses what to be told of, with and without JavaScript, and gets a secret once."""

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import sign_up
from tests.whole import Whole, until

pytestmark = [pytest.mark.browser, pytest.mark.engine]


@pytest.mark.parametrize("scripts", [True, False])
def test_a_trader_chooses_and_sets_a_webhook(window, whole: Whole, photograph, scripts: bool):
    page = window(java_script_enabled=scripts)
    sign_up(page, whole, f"nora{int(scripts)}@example.com")
    page.goto(f"{whole.plan.site}/account/")
    page.locator("main").get_by_role("link", name="Notifications").click()
    expect(page.locator("h1")).to_have_text("Notifications")
    down = page.get_by_role("group", name="A bot is down")
    expect(down.get_by_label("Mail")).to_be_checked()
    down.get_by_label("Mail").uncheck()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".notices")).to_contain_text("Your choices are saved.")
    expect(down.get_by_label("Mail")).not_to_be_checked()

    page.get_by_label("Address").fill("https://192.168.0.1/hook")
    page.get_by_role("button", name="Save the address").click()
    expect(page.locator("main")).to_contain_text("TradeWise does not send to this address: it is private")
    page.get_by_label("Address").fill("https://hooks.invalid/tradewise")
    page.get_by_role("button", name="Save the address").click()
    expect(page.locator("#secret")).to_contain_text("whsec_")
    if scripts:
        photograph(page, "notifications-secret")
    page.goto(f"{whole.plan.site}/account/notifications/")
    expect(page.locator("#secret")).to_have_count(0)
    page.get_by_role("button", name="Send a test").click()
    expect(page.locator(".notices")).to_contain_text("A test is on its way.")

    def answered() -> bool:
        page.reload()
        return "The name in the address was not found. It is sent again." in page.locator("main").inner_text()

    until(answered, 30, "the worker has tried")
    if scripts:
        photograph(page, "notifications")
