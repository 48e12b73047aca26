"""In a real browser, with real engines: a template is published, followed, renewed and left, by three people."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SIZES, engines_of
from tests.browser.test_main_job import PASSWORD, SECONDS, sign_up
from tests.browser.test_run_a_bot import bot_id_of
from tests.whole import Whole

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.usefixtures("no_engine_is_left")]

STAFF = "moderator@example.com"
NAME = "Patient steps"


def test_publish_moderate_subscribe_renew_and_cancel(window, whole: Whole, photograph):
    author, trader = window(), window(viewport=SIZES["360"])
    moderator = window()
    whole.run(*("create_staff", "--email", STAFF, "--password-stdin"), settings="ops", told=f"{PASSWORD}\n")
    log_in_as_staff(moderator, whole)

    sign_up(author, whole, "author@example.com")
    write(author, photograph)
    decide(moderator, whole, "Publish", photograph, "first")
    author.reload()
    expect(author.locator("main")).to_contain_text("This is what everybody sees.")

    sign_up(trader, whole, "follower@example.com")
    page_of_bot = subscribe(trader, photograph)
    watch_it_trade(trader, page_of_bot, photograph)
    pause_and_resume(trader)

    renew(author, photograph)
    decide(moderator, whole, "Publish", photograph, "second")
    move(trader, page_of_bot, photograph)
    cancel(trader, photograph)
    expect_stopped(trader, page_of_bot, whole)


def log_in_as_staff(page: Page, whole: Whole) -> None:
    page.goto(f"{whole.plan.staff_site}/login/")
    page.locator("[name=username]").fill(STAFF)
    page.locator("[name=password]").fill(PASSWORD)
    page.locator("[type=submit]").click()
    expect(page.locator("#user-tools")).to_be_visible()


def write(page: Page, photograph) -> None:
    """A draft of a bot that buys both pairs at its first candle; seen as others will, and submitted."""
    page.get_by_role("link", name="Templates", exact=True).first.click()
    page.get_by_role("link", name="Write one: DCA").click()
    page.get_by_label("Name").fill(NAME)
    page.get_by_label("Description").fill("Buys a little, and a little more when it falls.")
    page.get_by_label("Pairs").fill("BTC/USDT, ETH/USDT")
    page.get_by_label("Timeframe").select_option("1m")
    page.get_by_label("Base order").fill("20")
    page.get_by_label("Safety order USDT").fill("20")
    page.get_by_label("Safety orders").fill("1")
    photograph(page, "template-form")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("main")).to_contain_text("Nobody does yet.")
    photograph(page, "template-draft")
    submit(page)


def submit(page: Page) -> None:
    page.get_by_role("button", name="Submit to the moderators").click()
    expect(page.locator("main")).to_contain_text("With the moderators")


def decide(page: Page, whole: Whole, verb: str, photograph, name: str) -> None:
    """Tick the only one in the queue, read what is asked, and answer."""
    page.goto(f"{whole.plan.staff_site}/marketplace/templateversion/")
    page.locator("input.action-select").check()
    page.locator("select[name=action]").select_option(label=verb)
    page.locator("button[name=index]").click()
    expect(page.locator("#content")).to_contain_text(NAME)
    page.screenshot(path=str(photograph_path(f"moderation-{name}")), full_page=True)
    page.get_by_role("button", name=verb).click()
    expect(page.locator(".messagelist")).to_contain_text("published")


def photograph_path(name: str):
    from tests.browser.conftest import SCREENSHOTS

    return SCREENSHOTS / f"{name}-1280-dark.png"


def subscribe(page: Page, photograph) -> str:
    """With invented prices; the address of its bot's page."""
    page.get_by_role("link", name="Templates", exact=True).first.click()
    photograph(page, "marketplace")
    page.get_by_role("link", name=NAME).first.click()
    photograph(page, "template")
    page.get_by_role("link", name="Subscribe").first.click()
    page.get_by_label("Allocation").fill("60")
    page.get_by_role("radio", name="Simulated").check()
    page.get_by_role("button", name="Subscribe and start the bot").click()
    expect(page.locator(".field", has=page.get_by_label("Allocation")).locator(".errorlist")).to_be_visible()
    page.get_by_label("Allocation").fill("500")
    photograph(page, "subscribe")
    page.get_by_role("button", name="Subscribe and start the bot").click()
    expect(page.get_by_role("heading", name="Your subscriptions")).to_be_visible()
    photograph(page, "subscriptions-starting")
    page.get_by_role("link", name=NAME).first.click()
    return page.url


def watch_it_trade(page: Page, page_of_bot: str, photograph) -> None:
    live = page.locator("#live")
    expect(live.locator(".status")).to_have_text("Running", timeout=60 * SECONDS)
    expect(live.locator("tbody tr").first).to_contain_text("/USDT", timeout=120 * SECONDS)
    page.get_by_role("link", name="Subscriptions", exact=True).first.click()
    photograph(page, "subscriptions")


def pause_and_resume(page: Page) -> None:
    row = page.locator("#subscriptions tbody tr").first
    page.get_by_role("button", name=f"Pause {NAME}").click()
    expect(row.locator(".status")).to_have_text("Paused", timeout=60 * SECONDS)
    expect(row).to_contain_text("Paused since")
    page.get_by_role("button", name=f"Resume {NAME}").click()
    expect(row.locator(".status")).to_have_text("Running", timeout=60 * SECONDS)


def renew(page: Page, photograph) -> None:
    """The author writes the next version."""
    page.get_by_role("link", name="Write the next version").click()
    page.get_by_label("Take profit").fill("7.5")
    page.get_by_role("button", name="Save the draft").click()
    expect(page.locator("main")).to_contain_text("What is new")
    photograph(page, "template-next")
    submit(page)


def move(page: Page, page_of_bot: str, photograph) -> None:
    """Nothing changes until the trader has seen what differs, and wants it."""
    page.reload()
    row = page.locator("#subscriptions tbody tr").first
    expect(row).to_contain_text("Version 2 is out")
    photograph(page, "subscriptions-renewed")
    row.get_by_role("link", name="Version 2 is out").click()
    expect(page.locator("main")).to_contain_text("7.5 %")
    photograph(page, "subscription-move")
    page.get_by_role("button", name="Move to version 2").click()
    page.goto(page_of_bot)
    live = page.locator("#live")
    expect(page.locator("main")).to_contain_text("7.5 %", timeout=60 * SECONDS)
    expect(live.locator(".status")).to_have_text("Running", timeout=90 * SECONDS)
    expect(live.locator("tbody tr").first).to_contain_text("/USDT", timeout=60 * SECONDS)


def cancel(page: Page, photograph) -> None:
    page.get_by_role("link", name="Subscriptions", exact=True).first.click()
    page.get_by_role("link", name=f"Cancel {NAME}").click()
    page.get_by_label("Close all and stop").check()
    photograph(page, "subscription-cancel")
    page.get_by_role("button", name="Cancel the subscription").click()
    expect(page.locator("#subscriptions tbody tr").first).to_contain_text("Cancelled")


def expect_stopped(page: Page, page_of_bot: str, whole: Whole) -> None:
    page.goto(page_of_bot)
    expect(page.locator("#live .status")).to_have_text("Stopped", timeout=60 * SECONDS)
    assert engines_of(whole, bot_id_of(page)) == []
    photographed = page.locator("main")
    expect(photographed).to_be_visible()
