"""In a real browser: sign up, connect the real bot, watch it run, stop it; and all of it without JavaScript."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.whole import Whole
from tradewise.simulation.engine import DemoBot

pytestmark = [pytest.mark.browser, pytest.mark.engine]

PASSWORD = "seven quiet lighthouses"
SECONDS = 1000


@pytest.fixture(autouse=True)
def _runs_again(trading_bot: DemoBot) -> Iterator[None]:
    """Each test finds the bot running."""
    if not trading_bot.is_running:
        trading_bot.start()
        trading_bot.wait_ready()
    trading_bot.ask("POST", "start")
    yield
    trading_bot.ask("POST", "start")


def sign_up(page: Page, whole: Whole, address: str) -> None:
    """Up to the first page of one's own."""
    page.goto(f"{whole.url}/account/signup/")
    page.get_by_label("Your name").fill("Wilma")
    page.get_by_label("E-mail address").fill(address)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Make the account").click()
    page.get_by_label("Code").fill(whole.code_for(address))
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_role("heading", name="Your bots")).to_be_visible()


def fill_in(page: Page, bot: DemoBot, password: str) -> None:
    """The form that connects a bot."""
    page.get_by_label("Address").fill(bot.url)
    page.get_by_label("User name").fill(bot.username)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Name", exact=False).last.fill("Momentum BTC")


def test_sign_up_connect_watch_and_stop(window, whole, trading_bot, photograph):
    page = window()
    page.goto(f"{whole.url}/account/login/")
    photograph(page, "login")
    sign_up(page, whole, "violet@example.com")

    page.get_by_role("link", name="Connect a bot").first.click()
    fill_in(page, trading_bot, "p-mistyped")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#diagnosis")).to_contain_text("refuses this user name and password")
    photograph(page, "connect")
    page.get_by_label("Password").fill(trading_bot.password)
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#diagnosis")).to_contain_text("The bot answers, and the password is right.")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("heading", name="Momentum BTC")).to_be_visible()

    page.evaluate("window.neverReloaded = true")
    live = page.locator("#live")
    expect(live.locator(".status")).to_have_text("Running", timeout=60 * SECONDS)
    expect(live).to_contain_text("closed trades, UTC day")
    expect(live.get_by_text("at most 5")).to_be_visible(timeout=60 * SECONDS)
    trading_bot.ask("POST", "pause")
    expect(live.locator(".status")).to_have_text("Paused", timeout=60 * SECONDS)
    live.get_by_role("button", name="Resume").click()
    expect(page.locator("#toasts")).to_contain_text("was asked to go on.")
    expect(live.locator(".status")).to_have_text("Running", timeout=60 * SECONDS)
    assert page.evaluate("window.neverReloaded") is True
    photograph(page, "bot")

    page.get_by_role("link", name="Bots", exact=True).click()
    expect(page.locator("#fleet .status")).to_have_text("Running")
    photograph(page, "fleet")
    page.get_by_role("link", name="Stop Momentum BTC").click()
    expect(page.locator("main")).to_contain_text("nobody watches its open trades")
    photograph(page, "stop")
    page.get_by_role("button", name="Stop").click()
    expect(live.locator(".status")).to_have_text("Stopped", timeout=60 * SECONDS)
    assert trading_bot.ask("GET", "show_config").body["state"] == "stopped"
    photograph(page, "stopped")


def test_the_same_without_javascript(window, whole, trading_bot):
    page = window(java_script_enabled=False)
    sign_up(page, whole, "norma@example.com")
    page.get_by_role("link", name="Connect a bot").first.click()
    fill_in(page, trading_bot, "p-mistyped")
    page.get_by_role("button", name="Test").click()
    expect(page.locator("#diagnosis")).to_contain_text("refuses this user name and password")
    page.get_by_label("Password").fill(trading_bot.password)
    page.get_by_role("button", name="Connect").click()
    expect(page.locator("main")).to_contain_text("Momentum BTC is connected.")
    appears(page, "Running")
    page.get_by_role("link", name="Stop", exact=True).click()
    expect(page.locator("main")).to_contain_text("nobody watches its open trades")
    page.get_by_role("button", name="Stop").click()
    appears(page, "Stopped")
    page.get_by_role("button", name="Start").click()
    appears(page, "Running")
    page.get_by_role("button", name="Pause").click()
    appears(page, "Paused")


def appears(page: Page, status: str, reload: Callable[[Page], object] = Page.reload) -> None:
    """Reload, as one does without JavaScript, until the page says so."""
    for _ in range(40):
        if page.locator("#live .status").inner_text() == status:
            return
        page.wait_for_timeout(300)
        reload(page)
    expect(page.locator("#live .status")).to_have_text(status)
