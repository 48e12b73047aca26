"""In a real browser: a visitor finds a template as words are typed, filters and pages; and without scripts too."""

import json

import pytest
from playwright.sync_api import Page, expect

from tests.marketplace.test_browse import FIGURES
from tests.whole import Whole

pytestmark = [pytest.mark.browser, pytest.mark.engine]

LONG = "A name of a hundred characters that is as long as anybody may give to a template of theirs, and no l"
CURVE = " ".join(str(1 + day % 7 / 100 + day / 900) if day % 31 else "-" for day in range(120))


def write(whole: Whole) -> None:
    """Templates with every kind of record."""
    records = [
        {**FIGURES, "curve": CURVE},
        {**FIGURES, "mode": "simulated", "curve": CURVE, "return": "0.9"},
        {**FIGURES, "tier": "observed", "mode": "live", "ended": True, "return": "-0.21", "curve": CURVE},
        {**FIGURES, "is_enough": False, "sentence": "Not enough data: 9 days observed of at least 30."},
        None,
    ]
    config = {
        "strategy": "dca",
        "exchange": "binance",
        "stake_currency": "USDT",
        "pairs": ["BTC/USDT", "ETH/USDT"],
        "timeframe": "5m",
        "parameters": {"base_order": 50, "safety_order": 50, "max_safety_orders": 2},
    }
    for number in range(45):
        name = (
            LONG
            if number == 44
            else f"{('Calm', 'Night')[number % 2]} {('river', 'wave', 'heron')[number % 3]} {number}"
        )
        record = records[number % 5]
        whole.sql(
            """INSERT INTO bot_templates (template_id, name, description, config_json, is_public, status, risk_level,
                 strategy_type, needed_allocation, performance_data, published_at, subscribers_count)
               VALUES (%s, %s, 'Buys while the price falls, and sells it at once.', %s, true, 'published', %s, 'dca',
                 330.33, %s, now(), %s) ON CONFLICT DO NOTHING""",
            f"browse-{number}",
            name,
            json.dumps(config),
            ("low", "medium", "high")[number % 3],
            json.dumps(record) if record else None,
            number * 3,
        )


def offers(page: Page):
    return page.locator("#results article")


def test_a_visitor_finds_a_template(window, whole: Whole, photograph):
    write(whole)
    page = window()
    page.goto(f"{whole.url}/templates/")
    expect(offers(page)).to_have_count(20)
    photograph(page, "templates")
    page.keyboard.press("/")
    page.keyboard.type("hero", delay=40)
    expect(offers(page)).to_have_count(14)
    assert page.url.endswith("/templates/?q=hero")
    assert page.get_by_label("Search").input_value() == "hero"
    if page.get_by_text("Sort and filter").is_visible():
        page.get_by_text("Sort and filter").click()
    page.get_by_label("Record", exact=True).select_option("simulated")
    expect(offers(page)).to_have_count(3)
    expect(page.locator("#results")).to_contain_text("Invented prices")
    assert page.url.endswith("/templates/?q=hero&tier=simulated")
    photograph(page, "templates-filtered")
    page.locator(".chip", has_text="Record").click()
    expect(offers(page)).to_have_count(14)
    page.go_back()
    expect(offers(page)).to_have_count(3)
    page.goto(f"{whole.url}/templates/?q=nothinglikeit")
    expect(page.locator("#results")).to_contain_text("No template is like that")
    photograph(page, "templates-none")
    page.goto(f"{whole.url}/templates/?risk=nonsense")
    expect(page.locator("#results")).to_contain_text("This is not something to look for.")
    page.goto(f"{whole.url}/templates/browse-3/")
    page.get_by_role("link", name="Subscribe").click()
    expect(page).to_have_url(f"{whole.url}/account/login/?next=/templates/browse-3/subscribe/")


def test_it_works_without_scripts(window, whole: Whole):
    write(whole)
    page = window(java_script_enabled=False, viewport={"width": 360, "height": 780})
    page.goto(f"{whole.url}/templates/")
    page.get_by_label("Search").fill("wave")
    page.get_by_role("button", name="Show").first.click()
    expect(offers(page)).to_have_count(15)
    page.goto(f"{whole.url}/templates/?sort=newest")
    # Other tests have published some too.
    ((public,),) = whole.sql("SELECT count(*) FROM bot_templates WHERE is_public")
    seen = offers(page).locator("h2 a").evaluate_all("links => links.map(link => link.href)")
    while page.get_by_role("link", name="Next").count():
        page.get_by_role("link", name="Next").click()
        seen += offers(page).locator("h2 a").evaluate_all("links => links.map(link => link.href)")
    assert len(seen) == len(set(seen)) == public
    page.get_by_role("link", name="Previous").click()
    expect(offers(page)).to_have_count(20)
