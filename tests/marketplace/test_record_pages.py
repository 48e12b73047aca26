"""What the page says of a record is what the tables hold; what nobody has seen has no figures; little data says so."""

import json
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bots.models import Bot
from marketplace.records import SubscriberResult, subscribers_got
from marketplace.records import record as reckoned
from marketplace.services import observing, prices
from tests.audit.world import sql
from tests.logins import as_login
from tests.marketplace.recorded import DAYS, WORTH, bot, closes, data, engine, platform_account, seen, turn
from tests.marketplace.written import made, raw, template
from tradewise.tenancy.context import PLATFORM, tenant_context
from tradewise.web import formatting

pytestmark = pytest.mark.django_db(transaction=True)
ClientOf = Callable[[User], Client]


@pytest.fixture
def public(alice: User, transactional_db: None) -> int:
    platform_account()
    return made(alice, "published")


@pytest.fixture
def visitor(mallory: User, client_of: ClientOf) -> Client:
    return client_of(mallory)


def run_here(number: int, worth: Any = WORTH, **known: Any) -> int:
    own = bot(PLATFORM, template(number).template_id, kind="platform", days=len(worth), **known)
    engine(PLATFORM, own)
    seen(PLATFORM, own, worth)
    return own


def page_of(client: Client, number: int) -> str:
    answer = client.get(f"/templates/{template(number).template_id}/")
    assert answer.status_code == 200
    return str(answer.content.decode())


def json_of(client: Client, number: int) -> Any:
    return client.get(f"/templates/{template(number).template_id}/record.json")


def test_the_figures_are_those_that_the_reckoning_gives_for_the_same_rows(
    public: int, visitor: Client
) -> None:
    own = run_here(public)
    for pair in ("BTC/USDT", "ETH/USDT"):
        closes("binance", pair, [100] * DAYS + [120])
    turn()
    with as_login("tw_worker"), tenant_context(PLATFORM):
        found = Bot.objects.select_related("engine", "figures").get(pk=own)
        source = observing.source_of(found, template(public), None)
        known = prices.known(
            "binance", source.pairs, found.created_at.date().replace(day=1).replace(year=2000)
        )
        sight = observing.look(source, known, datetime.now(UTC))
    expected = reckoned(sight.observed).figures
    told = data(public)
    assert {
        name: None if told[name] is None else Decimal(told[name]) for name in ("return", "hold_return")
    } == {
        "return": expected.total_return,
        "hold_return": expected.buy_and_hold,
    }
    page = page_of(visitor, public)
    for shown in (
        "Run by TradeWise since",
        formatting.change_percent(expected.total_return),
        f"{formatting.number(expected.drawdown.ratio * 100, 1)}%" if expected.drawdown else "",
        "75.0%",
        "1.88",
        formatting.change_percent(expected.best_day.ratio) if expected.best_day else "",
        formatting.change_percent(expected.worst_day.ratio) if expected.worst_day else "",
        "Enough data: 39 days observed, 24 closed trades.",
        "+20.00% for holding the same pairs",
        "How is this reckoned?",
        "Last reading",
    ):
        assert shown
        assert shown in page
    for month in expected.months:
        assert formatting.change_percent(month.ratio) in page


def test_the_curve_comes_as_data_of_its_own(public: int, visitor: Client) -> None:
    run_here(public, [*WORTH[:3], None, *WORTH[4:]])
    turn()
    answer = json_of(visitor, public)
    points = answer.json()["points"]
    assert len(points) == DAYS
    assert points[0] == {"time": points[0]["time"], "value": 100.0, "amount": "0.00%", "drawdown": 0.0}
    assert points[3] == {"time": points[0]["time"] + 3 * 86400}
    assert points[-1]["value"] == float(WORTH[-1] / 10)
    assert max(point.get("drawdown", 0) for point in points) == pytest.approx(
        float((WORTH[19] - WORTH[20]) / WORTH[19]), abs=1e-6
    )
    again = visitor.get(answer.request["PATH_INFO"], headers={"If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304
    # Whoever is not logged in reads what is public.
    assert json_of(Client(), public).status_code == 200


def test_a_fall_on_the_first_day_is_drawn_as_the_fall_that_the_tile_tells(
    public: int, visitor: Client
) -> None:
    """The curve holds the ends of days: what the record began with is a high too, and none of its points."""
    run_here(public, [Decimal(900)] * 10)
    turn()
    assert data(public)["drawdown"] == "0.1"
    points = json_of(visitor, public).json()["points"]
    assert [(point["value"], point["drawdown"]) for point in points] == [(90.0, 0.1)] * 10
    # Without JavaScript the fall is shaded, from 100 at the top of the axis down to 90 at its foot.
    page = page_of(visitor, public)
    assert '<path class="chart__drawdown" d="M0.0 0.0L0.0 240.0L' in page
    assert '<div class="chart__y" aria-hidden="true"><span>100.0</span>' in page


def test_self_reported_is_text_and_never_drawn(public: int, visitor: Client) -> None:
    turn()
    page = page_of(visitor, public)
    assert "Self-reported." in page
    for drawn in ("data-equity", '<svg class="chart', "Profit factor", "chart.js"):
        assert drawn not in page
    assert json_of(visitor, public).status_code == 404


def test_too_little_is_said_and_not_shown(public: int, visitor: Client) -> None:
    run_here(public, WORTH[:5])
    turn()
    page = page_of(visitor, public)
    assert "Not enough data: 4 days observed of at least 30." in page
    # What is not known is never 0.
    assert "0.00%" not in page
    assert "data-equity" not in page
    assert page.count('title="Not known"') >= 4
    assert json_of(visitor, public).json()["summary"] is None


def test_a_replay_says_that_it_is_a_demo(public: int, visitor: Client) -> None:
    own = bot(PLATFORM, template(public).template_id, kind="platform")
    seen(PLATFORM, own)
    turn()
    page = page_of(visitor, public)
    assert "Demo: replayed by TradeWise on invented prices" in page
    assert "Run by TradeWise since" not in page


def test_a_record_of_an_earlier_version_says_so(public: int, visitor: Client) -> None:
    run_here(public)
    turn()
    sql('UPDATE bot_templates SET performance_data = performance_data || \'{"version": 7, "ended": true}\'')
    page = page_of(visitor, public)
    assert "Record of version 7" in page
    assert "The record has ended" in page


def subscribers_said(client: Client, number: int, results: Sequence[str]) -> str:
    """What the page says of subscribers who got these, in one line of plain text."""
    got = subscribers_got(SubscriberResult(str(who), Decimal(ratio)) for who, ratio in enumerate(results))
    assert got is not None
    told = {name: str(getattr(got, name)) for name in ("lower", "median", "upper")}
    sql(
        "UPDATE bot_templates SET performance_data = performance_data || %s::jsonb",
        json.dumps({"subscribers": {"at_least": got.at_least, **told}}),
    )
    part = page_of(client, number).partition("<h3>What subscribers got</h3>")[2].partition("<details>")[0]
    return " ".join(re.sub(r"<[^>]+>", "", part).split())


def test_what_subscribers_got_is_told_in_steps(public: int, visitor: Client) -> None:
    run_here(public)
    turn()
    assert "from five subscribers on" in page_of(visitor, public)
    said = subscribers_said(visitor, public, ["-0.02", "-0.014", "0.02", "0.031", "0.2", "-0.001", "0.034"])
    assert said == (
        "Of at least 5 subscribers, lined up by what each got, the middle is at about +2%; the middle half lies "
        f"between about {formatting.MINUS}1% and +4%. Dry runs and real money together."
    )


def test_of_subscribers_who_got_the_same_none_is_said_to_have_got_more_or_less(
    public: int, visitor: Client
) -> None:
    """The numbers are rounded: five who got 4.6 % did not get more than 5 %, and none of them less than 4 %."""
    run_here(public)
    turn()
    said = subscribers_said(visitor, public, ["0.046"] * 5)
    assert "the middle is at about +5%; the middle half lies between about +4% and +5%" in said
    assert not re.search(r"\b(more|less|half got|quarter)\b", said)


def test_the_record_costs_no_further_query(public: int, visitor: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            page_of(visitor, public)
        return len(queries)

    page_of(visitor, public)
    before = count()
    run_here(public)
    turn()
    page_of(visitor, public)
    assert count() <= before


def test_a_draft_has_no_record_for_others(alice: User, visitor: Client) -> None:
    number = made(alice, "draft")
    sql('UPDATE bot_templates SET performance_data = \'{"since": "2026-01-01"}\' WHERE id = %s', number)
    assert json_of(visitor, number).status_code == 404
    assert json_of(Client(), number).status_code == 404


def test_no_login_of_the_site_writes_a_record_and_the_worker_of_public_ones_alone(
    public: int, alice: User
) -> None:
    draft = made(alice, "draft", name="Draft")
    for login in ("tw_app", "tw_staff"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw(login, alice.tenant_id, "UPDATE bot_templates SET performance_data = '{}'")
    for tenant in (None, alice.tenant_id):
        write = "UPDATE bot_templates SET performance_data = '{}' WHERE id = %s"
        assert raw("tw_worker", tenant, write, draft) == 0
        assert raw("tw_worker", tenant, write, public) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            raw("tw_worker", tenant, "UPDATE bot_templates SET name = 'x' WHERE id = %s", public)


@pytest.mark.parametrize(
    "record", ["[]", '"text"', "3", "{}", '{"tier": "observed"}', '{"since": "never", "days": []}']
)
def test_a_record_that_is_not_as_agreed_has_no_figures_and_takes_no_page_along(
    public: int, visitor: Client, record: str
) -> None:
    sql("UPDATE bot_templates SET performance_data = %s", record)
    assert "Self-reported" in page_of(visitor, public)
    assert json_of(visitor, public).status_code == 404
    assert visitor.get("/templates/").status_code == 200
