"""The page of templates: with a login and without, by htmx and without, and whatever its address says."""

import base64
import json
import os
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from marketplace.views import cards as cards_module
from marketplace.views.cards import record_of
from tests.audit.world import sql
from tests.bots.test_run_services import at_once
from tests.factories.subscriptions import make_template
from tests.marketplace.test_browse import FIGURES, MALFORMED, some, write
from tests.marketplace.written import made, template

pytestmark = pytest.mark.django_db(transaction=True)

ClientOf = Callable[[User], Client]
HTMX: Final = {"HX-Request": "true"}


def said(answer: Any) -> str:
    return str(answer.content.decode())


def published(count: int, **changes: Any) -> None:
    write([{**row, "status": "published", **changes} for row in some(count)])


def linked(page: str, rel: str) -> str:
    """The address of a page's link to another one."""
    from html import unescape

    return unescape(page.partition(f'rel="{rel}" href="')[2].partition('"')[0])


def test_a_visitor_browses_and_every_action_leads_to_the_login(db: None) -> None:
    found = make_template("For everybody")
    visitor = Client()
    answer = visitor.get("/templates/")
    page = said(answer)
    assert "For everybody" in page
    assert "Log in" in page
    assert "Your templates" not in page
    assert "csrf" not in page
    assert not answer.cookies
    assert answer.headers["Cache-Control"] == "public, max-age=10"
    assert {"Cookie", "HX-Request"} <= set(answer.headers["Vary"].split(", "))
    page = said(visitor.get(found.get_absolute_url()))
    assert "For everybody" in page
    assert "Subscribe" in page
    for action in ("subscribe", "start"):
        where = f"/templates/{found.template_id}/{action}/"
        answer = visitor.get(where)
        assert answer.status_code == 302
        assert parse_qs(urlsplit(answer["Location"]).query)["next"] == [where]


def test_a_visitor_is_never_the_author_of_what_nobody_owns(db: None) -> None:
    number = made(None, "published", name="Orphan")
    page = said(Client().get(template(number).get_absolute_url()))
    assert "Orphan" in page
    assert "Yours" not in page
    assert "withdraw/" not in page


@pytest.mark.parametrize("status", ["draft", "submitted", "rejected", "withdrawn"])
def test_a_visitor_sees_nothing_that_is_not_public(alice: User, status: str) -> None:
    number = made(alice, status, name="Hidden")
    assert "Hidden" not in said(Client().get("/templates/", {"q": "hidden"}))
    assert Client().get(template(number).get_absolute_url()).status_code == 404


def test_a_trader_gets_nothing_from_caches_and_finds_ones_own(
    signed_in: Client, alice: User, mallory: User
) -> None:
    made(alice, "draft", name="My draft")
    made(mallory, "draft", name="Their draft")
    answer = signed_in.get("/templates/")
    assert answer.headers["Cache-Control"] == "no-store"
    assert "My draft" in said(answer)
    assert "Their draft" not in said(answer)
    # What is drawn once is kept, and holds nothing of who looked first.
    make_template("Kept")
    assert "Kept" in said(signed_in.get("/templates/"))
    assert "My draft" not in said(Client().get("/templates/"))


def test_pages_follow_each_other_by_links_to_the_end_and_back(db: None) -> None:
    published(45)
    visitor, address, seen = Client(), "/templates/?sort=newest", []
    while address:
        page = said(visitor.get(address))
        seen.append(page.count("<article"))
        last, address = address, linked(page, "next")
    assert seen == [20, 20, 5]
    back = said(visitor.get(linked(said(visitor.get(last)), "prev")))
    assert back.count("<article") == 20
    assert 'rel="prev"' in back


def test_htmx_gets_the_results_with_the_filters_and_the_address_without_what_is_empty(db: None) -> None:
    published(3, risk="low")
    answer = Client().get("/templates/", {"q": "", "risk": "low", "sort": "", "pair": ""}, headers=HTMX)
    page = said(answer)
    assert page.count("<article") == 3
    assert "<html" not in page
    assert 'hx-swap-oob="true"' in page
    assert answer.headers["HX-Push-Url"] == "/templates/?risk=low"
    assert 'href="/templates/"' in page, "the chip takes the filter off"


def test_options_say_how_many_there_are(db: None) -> None:
    published(3, risk="low", kind="grid")
    page = said(Client().get("/templates/", {"risk": "low"}))
    assert "Grid (3)" in page
    assert "DCA (0)" in page
    assert "3 templates" in page
    assert "Medium (" not in page, "of a filter that is on the others are not counted"


def test_more_than_a_thousand_are_not_counted(db: None) -> None:
    published(1100, risk="low", kind="grid")
    for query in ({}, {"risk": "low"}, {"q": "calm or running or night"}):
        page = said(Client().get("/templates/", query))
        assert "More than 1\u202f000 templates" in page
        assert "Grid (1001+)" in page
        assert "DCA (" not in page
        assert 'rel="next"' in page


HOSTILE: Final[list[dict[str, str]]] = [
    {"sort": "id; DROP TABLE users"},
    {"sort": "relevance"},
    {"risk": "none"},
    {"days": "31"},
    {"days": "9" * 400},
    {"return": "1e400"},
    {"pair": "BTC"},
    {"pair": "B" * 21 + "/USDT"},
    {"parameter": "levels"},
    {"parameter": "levels:1e5"},
    {"parameter": "password:1"},
    {"parameter": "levels:" + "9" * 80},
    {"parameter": 'levels:"}}'},
    {"after": "x"},
    {"before": "x" * 30},
    {"after": base64.urlsafe_b64encode(os.urandom(12)).decode()},
    {"q": "x" * 201},
]


@pytest.mark.parametrize("query", HOSTILE)
def test_what_is_nothing_to_look_for_is_told(db: None, query: dict[str, str]) -> None:
    make_template()
    for headers in ({}, HTMX):
        answer = Client().get("/templates/", query, headers=headers)
        assert answer.status_code == 422
        page = said(answer)
        assert "This is not something to look for." in page
        assert "Show all templates" in page


@pytest.mark.parametrize(
    "query",
    [
        *(
            {"q": text}
            for text in (
                "!!!",
                "' OR 1=1 --",
                "<script>x</script>",
                "a" * 200,
                "\u202e\u0301",
                "' & | :* ( )",
            )
        ),
        {"pair": "btc-usdt"},
        {"parameter": "levels:007"},
        {"parameter": "take_profit_pct:1.50"},
        {"needs": "100"},
        {"after": "AT_wAAAAAAAAAAAAAQ"},
        {"unknown": "x", "page": "7"},
        {"q": "-calm"},
    ],
)
def test_odd_questions_have_an_answer(db: None, query: dict[str, str]) -> None:
    make_template()
    for headers in ({}, HTMX):
        answer = Client().get("/templates/", query, headers=headers)
        assert answer.status_code == 200
        assert "<script>x" not in said(answer)


def test_bytes_that_are_no_text_and_endless_addresses_are_refused(db: None) -> None:
    assert Client().get("/templates/?q=%00").status_code == 400
    assert Client().get("/templates/?q=" + "x" * 10_000).status_code == 414
    assert Client().post("/templates/").status_code in (403, 405)


# ——— what a card says ———


def shown(record: Any, **changes: Any) -> str:
    published(1, record=record, **changes)
    return said(Client().get("/templates/"))


def test_a_record_is_shown_with_its_base(db: None) -> None:
    page = shown(FIGURES)
    for words in ("Run by TradeWise", "Return since 3 May 2026, dry run", "+5.12%", "10.00%", "<svg", "120"):
        assert words in page
    assert "Invented" not in page.partition('id="results"')[2]


@pytest.mark.parametrize("changes", [{"mode": "simulated"}, {"is_replay": True}])
def test_invented_prices_are_told(db: None, changes: dict[str, Any]) -> None:
    page = shown({**FIGURES, **changes})
    assert "Invented prices: this is no result of a market." in page
    assert "Simulated" in page
    assert "invented prices</dt>" in page


def test_too_little_data_shows_no_figures(db: None) -> None:
    page = shown(
        {**FIGURES, "is_enough": False, "sentence": "Not enough data: 3 days observed of at least 30."}
    )
    assert "Not enough data: 3 days observed" in page
    assert "5.12" not in page
    assert '<svg class="spark' not in page


def test_a_self_reported_template_shows_no_figures(db: None) -> None:
    page = shown(None)
    assert "Self-reported: TradeWise has seen no trade of it." in page
    assert "Return since" not in page
    sql("UPDATE bot_templates SET performance_data = %s", json.dumps({**FIGURES, "tier": "self_reported"}))
    page = said(Client().get("/templates/"))
    assert "Self-reported: TradeWise has seen no trade of it." in page
    assert "5.12" not in page


def test_a_record_of_an_earlier_version_and_one_that_has_ended_say_so(db: None) -> None:
    page = shown({**FIGURES, "version": 3, "ended": True})
    assert "Record of version 3; version 1 is published." in page
    assert "This record has ended." in page


def test_what_is_withheld_is_a_dash_and_never_nothing(db: None) -> None:
    page = shown({**FIGURES, "return": None, "drawdown": None, "trades": None})
    assert "0.00%" not in page
    assert page.count("—") >= 3


@pytest.mark.parametrize("record", MALFORMED)
def test_a_malformed_record_makes_no_page_fail(db: None, record: Any) -> None:
    assert "<article" in shown(record)
    record_of(record, 1)


def test_a_card_follows_its_template_at_once(db: None) -> None:
    published(1, record=FIGURES)
    visitor = Client()
    assert "+5.12%" in said(visitor.get("/templates/"))
    sql("UPDATE bot_templates SET performance_data = jsonb_set(performance_data, '{return}', '\"0.07\"')")
    assert "+7.00%" in said(visitor.get("/templates/"))
    sql("UPDATE bot_templates SET subscribers_count = 41")
    assert "41 subscribers" in said(visitor.get("/templates/"))
    sql(
        "SET session_replication_role = replica; "
        "UPDATE bot_templates SET is_public = false, status = 'withdrawn', featured_at = NULL"
    )
    assert "<article" not in said(visitor.get("/templates/"))


@pytest.mark.django_db(transaction=True)
def test_cards_that_another_request_throws_away_meanwhile_are_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write([{**row, "status": "published"} for row in some(20)])
    numbers = [row.id for row in sql("SELECT id FROM bot_templates ORDER BY id")]
    monkeypatch.setattr(cards_module, "MOST_KEPT", 5)
    pages = at_once(*[lambda: [len(cards_module.cards(numbers)) for _ in range(30)]] * 4)
    assert pages == [[20] * 30] * 4


def test_a_page_asks_as_often_for_one_as_for_twenty(signed_in: Client) -> None:
    published(1)
    signed_in.get("/templates/")
    with CaptureQueriesContext(connection) as one:
        signed_in.get("/templates/")
    write([{**row, "name": f"More {row['name']}", "status": "published"} for row in some(30)])
    with CaptureQueriesContext(connection) as cold:
        assert said(signed_in.get("/templates/")).count("<article") == 20
    with CaptureQueriesContext(connection) as twenty:
        signed_in.get("/templates/")
    assert len(twenty) == len(one)
    assert len(cold) == len(one) + 1


def test_what_differs_by_more_headers_than_one_is_kept_by_nobody(db: None) -> None:
    """htmx asks for a part with one header, and for the whole page of a step back with two."""
    visitor = Client()
    page = visitor.get("/templates/")
    part = visitor.get("/templates/", headers={"HX-Request": "true"})
    back = visitor.get("/templates/", headers={"HX-Request": "true", "HX-History-Restore-Request": "true"})
    kept = [answer.headers["Cache-Control"] for answer in (page, part, back)]
    assert kept == ["public, max-age=10", "no-store", "no-store"]
    assert ["<html" in said(answer) for answer in (page, part, back)] == [True, False, True]
