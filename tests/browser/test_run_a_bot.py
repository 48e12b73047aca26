"""In a real browser: start a bot that TradeWise runs, watch it trade, change it, stop it; also without JavaScript."""

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import SIZES, engines_of
from tests.browser.test_main_job import SECONDS, appears, sign_up
from tests.whole import Whole
from tradewise.embedded import processes

pytestmark = [pytest.mark.browser, pytest.mark.engine, pytest.mark.usefixtures("no_engine_is_left")]

PAIRS = "BTC/USDT, ETH/USDT"
PHONE = SIZES["360"]


def bot_id_of(page: Page) -> str:
    """Whose page this is."""
    return page.url.rstrip("/").rpartition("/")[2]


def secrets_of(process: processes.Process) -> set[str]:
    """What only the engine's own environment holds."""
    entries = Path(f"/proc/{process.pid}/environ").read_bytes().decode().split("\0")
    named = dict(entry.partition("=")[::2] for entry in entries)
    return {value for name, value in named.items() if len(value) > 7 and is_secret(name)}


def is_secret(name: str) -> bool:
    return any(part in name.lower() for part in ("password", "secret", "token", "key"))


def test_start_it_watch_it_trade_change_it_and_stop_it(window, whole: Whole, photograph):
    page = window(viewport=PHONE)
    sign_up(page, whole, "dora@example.com")
    page.get_by_role("link", name="Start a bot").first.click()
    photograph(page, "engine-kinds")
    page.get_by_role("link", name="Set up DCA").click()
    photograph(page, "engine-form")

    fill_in(page, allocation="60")
    page.get_by_role("button", name="Start").click()
    expect(problem_of(page, "Allocation")).to_contain_text("need 80.08 USDT")
    photograph(page, "engine-refused")
    page.get_by_label("Allocation").fill("500")
    page.get_by_role("button", name="Check").click()
    expect(page.locator(".diagnosis")).to_contain_text("This works.")
    photograph(page, "engine-checked")
    assert engines_of(whole) == []
    page.get_by_role("button", name="Start").click()

    live = page.locator("#live")
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    page.evaluate("window.neverReloaded = true")
    expect(live.locator(".status")).to_have_text("Starting")
    expect(live.get_by_text("Simulated")).to_be_visible()
    # Which step depends on the moment: it is up in six seconds, and the page asks every five.
    expect(live.locator("[aria-current=step]")).to_contain_text(
        re.compile("waits for its turn|engine starts")
    )
    photograph(page, "engine-starting")
    expect(live.locator(".status")).to_have_text("Running", timeout=60 * SECONDS)
    expect(live.locator(".steps")).to_have_count(0)
    photograph(page, "engine-up")
    expect(live.locator("tbody tr").first).to_contain_text("/USDT", timeout=120 * SECONDS)
    assert page.evaluate("window.neverReloaded") is True
    photograph(page, "engine-running")

    (engine,) = engines_of(whole, bot_id_of(page))
    secrets = secrets_of(engine)
    assert secrets
    look_at_log(page, secrets, photograph)
    change(page, photograph)
    stop(page, whole, photograph)


def test_the_same_without_javascript(window, whole: Whole):
    page = window(java_script_enabled=False, viewport=PHONE)
    sign_up(page, whole, "dorothy@example.com")
    page.get_by_role("link", name="Start a bot").first.click()
    page.get_by_role("link", name="Set up DCA").click()
    fill_in(page, allocation="60")
    page.get_by_role("button", name="Start").click()
    expect(problem_of(page, "Allocation")).to_contain_text("need 80.08 USDT")
    page.get_by_label("Allocation").fill("500")
    page.get_by_role("button", name="Start").click()
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    expect(page.locator("main")).to_contain_text("was made and is being started")
    appears(page, "Running", patiently)
    page.get_by_role("link", name="Stop", exact=True).click()
    page.get_by_label("Stop now").check()
    page.get_by_role("button", name="Stop").click()
    appears(page, "Stopped", patiently)
    assert engines_of(whole, bot_id_of(page)) == []


def fill_in(page: Page, *, allocation: str) -> None:
    """A bot that buys both pairs at its first candle."""
    page.get_by_label("Name").fill("First steps")
    page.get_by_label("Pairs").fill(PAIRS)
    page.get_by_label("Timeframe").select_option("1m")
    page.get_by_label("Allocation").fill(allocation)
    page.get_by_role("radio", name="Simulated").check()
    page.get_by_label("Base order").fill("20")
    page.get_by_label("Safety order USDT").fill("20")
    page.get_by_label("Safety orders").fill("1")


def problem_of(page: Page, label: str) -> Locator:
    """What the form says at the field."""
    return page.locator(".field", has=page.get_by_label(label)).locator(".errorlist")


def look_at_log(page: Page, secrets: set[str], photograph) -> None:
    """Fetch it, and find no secret in it."""
    page.get_by_role("link", name="Log", exact=True).click()
    page.get_by_role("button", name="Fetch the log").click()
    lines = page.locator("pre.log")
    expect(lines).to_contain_text("freqtrade", timeout=60 * SECONDS)
    photograph(page, "engine-log")
    content = page.content()
    assert [secret for secret in secrets if secret in content] == []
    page.get_by_role("link", name="Back to the bot").click()


def change(page: Page, photograph) -> None:
    """Other parameters: the engine ends and begins anew, and goes on with its trades."""
    page.get_by_role("link", name="Change parameters").click()
    page.get_by_label("Take profit").fill("7.5")
    photograph(page, "engine-setup")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", name="First steps")).to_be_visible()
    live = page.locator("#live")
    expect(live.locator(".status")).to_have_text("Starting")
    expect(live.locator("[aria-current=step]")).to_be_visible(timeout=60 * SECONDS)
    photograph(page, "engine-again")
    expect(live.locator(".status")).to_have_text("Running", timeout=60 * SECONDS)
    expect(page.locator("main")).to_contain_text("7.5 %")
    expect(live.locator("tbody tr").first).to_contain_text("/USDT", timeout=60 * SECONDS)


def stop(page: Page, whole: Whole, photograph) -> None:
    """Close all and stop; the page shows by itself that it has."""
    page.get_by_role("link", name="Stop", exact=True).click()
    page.get_by_label("Close all and stop").check()
    photograph(page, "engine-stop")
    page.get_by_role("button", name="Stop").click()
    page.evaluate("window.neverReloaded = true")
    live = page.locator("#live")
    photograph(page, "engine-stopping")
    expect(live.locator(".status")).to_have_text("Stopped", timeout=60 * SECONDS)
    assert page.evaluate("window.neverReloaded") is True
    assert engines_of(whole, bot_id_of(page)) == []
    photograph(page, "engine-stopped")


def patiently(page: Page) -> None:
    """Reload, but not more often than one would."""
    page.wait_for_timeout(1500)
    page.reload()
