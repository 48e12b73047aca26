"""The pages about bots that TradeWise runs: start, watch, stop, change, read the log, go live."""

import re
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from psycopg.types.json import Jsonb

from bots.enums import Mode, Phase
from bots.models import Bot, BotEngine
from bots.setup_form import settings_of
from bots.strategies import kinds
from tests import servers
from tests.bots.test_run_services import at_once
from tests.factories.accounts import PASSWORD
from tests.factories.bots import BotFactory
from tests.factories.engines import DCA, engine_bot, machine
from tests.logins import as_login
from tradewise.secrets import seal
from tradewise.simulation.keys import SECRET
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

HTMX = {"HX-Request": "true", "HX-Target": "set-up"}
LIVE = {"HX-Request": "true", "HX-Target": "live"}
SILLY = ["<script>alert(1)</script>", "%s {{ 7|add:7 }}", "x" * 100, "🚀🚀 مرحبا بالعالم", "’ OR 1=1; --"]


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def filled(kind: str = "dca", **changes: Any) -> dict[str, Any]:
    """The form of a kind as a trader fills it in; `parameters__lower=1` is a parameter."""
    form: dict[str, Any] = {
        "name": "Mine",
        "pairs": "BTC/USDT, eth/usdt" if kind != "grid" else "BTC/USDT",
        "stake_currency": "USDT",
        "timeframe": "5m",
        "allocation": "1000",
        "mode": "dry_run",
        "intent": "start",
        **{
            setting.path: str(setting.default) for setting in settings_of(kind) if setting.default is not None
        },
    }
    return form | {name.replace("__", "."): value for name, value in changes.items()}


def errors_at(page: str, field: str) -> str:
    """What is said at a field."""
    found = re.search(rf'<ul class="errorlist" id="id_{re.escape(field)}_error">(.*?)</ul>', page, re.DOTALL)
    return re.sub(r"<[^>]+>|\s+", " ", found[1]).strip() if found else ""


def bots_of(user: Any) -> list[Bot]:
    with tenant_context(user.tenant_id):
        return list(Bot.objects.select_related("engine").order_by("pk"))


def template(name: str = "Calm", config: Any = None, **known: Any) -> str:
    """A public template, or with `creator_tenant_id` one of a trader's own."""
    values = {
        "template_id": f"t-{name}".lower().replace(" ", "-"),
        "is_public": "creator_tenant_id" not in known,
        "description": None,
        "strategy_type": "dca",
        "creator_tenant_id": None,
        **known,
    }
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as moderators:
        moderators.execute(
            "INSERT INTO bot_templates (template_id, name, description, config_json, is_public, status, "
            "strategy_type, creator_tenant_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                values["template_id"],
                name,
                values["description"],
                Jsonb(DCA if config is None else config),
                values["is_public"],
                "published" if values["is_public"] else "draft",
                values["strategy_type"],
                values["creator_tenant_id"],
            ],
        )
    return str(values["template_id"])


# ——— choosing and setting up ———


def test_the_fleet_offers_to_start_one(client, bot):
    page = text_of(client.get("/"))
    assert 'href="/bots/new/"' in page
    assert 'href="/connect/"' in page


def test_each_kind_is_said_in_plain_words_and_arbitrage_with_the_reason(client):
    page = text_of(client.get("/bots/new/"))
    for kind in kinds.KINDS:
        assert f'href="/bots/new/{kind}/"' in page
    assert "Arbitrage cannot be run here" in page
    assert 'href="/bots/new/arbitrage/"' not in page
    for unknown in ("arbitrage", "edit", "x"):
        assert client.get(f"/bots/new/{unknown}/").status_code == 404


@pytest.mark.parametrize("kind", list(kinds.KINDS))
def test_the_form_has_what_the_model_says(client, kind):
    page = text_of(client.get(f"/bots/new/{kind}/"))
    for setting in settings_of(kind):
        if len(setting.choices) != 1:
            assert f'name="{setting.path}"' in page
            assert escape(setting.title) in page
            assert escape(setting.help) in page
    assert "Simulated" not in page


def test_the_simulated_exchange_is_offered_where_there_is_one(client, market):
    machine(simulates=False)
    assert "Simulated" not in text_of(client.get("/bots/new/dca/"))
    answer = client.post("/bots/new/dca/", filled(mode="simulated"))
    assert answer.status_code == 422
    machine(name="other", first=18200)
    assert "Simulated" in text_of(client.get("/bots/new/dca/"))


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_a_check_says_what_it_needs_and_makes_nothing(client, alice, market, headers):
    answer = client.post("/bots/new/dca/", filled(intent="check"), headers=headers)
    page = text_of(answer)
    assert answer.status_code == 200
    assert "This works." in page
    # Two pairs, each with orders of 50 + 50 + 65 + 84.50, and 0.1 % of fees.
    assert "499.50" in page
    assert "at most 2" in page
    assert ("<html" in page) is not bool(headers)
    assert bots_of(alice) == []


@pytest.mark.parametrize("mode", ["dry_run", "simulated"])
def test_a_start_makes_the_bot_and_leads_to_it(client, alice, market, mode):
    machine()
    answer = client.post("/bots/new/dca/", filled(mode=mode))
    (bot,) = bots_of(alice)
    assert (answer.status_code, answer["Location"]) == (303, bot.get_absolute_url())
    assert (bot.engine.mode, bot.is_simulated) == (mode, mode == "simulated")
    assert bot.engine.config_json["pairs"] == ["BTC/USDT", "ETH/USDT"]
    page = text_of(client.get(bot.get_absolute_url()))
    assert "was made and is being started" in page
    assert "It waits for its turn" in page
    assert ("Simulated" in page) is (mode == "simulated")


def test_htmx_moves_the_browser_to_the_bot(client, alice, market):
    machine()
    answer = client.post("/bots/new/grid/", grid(), headers=HTMX)
    assert answer["HX-Redirect"] == bots_of(alice)[0].get_absolute_url()


def grid(**changes: Any) -> dict[str, Any]:
    return filled("grid", **{"parameters__lower": "50000", "parameters__upper": "90000", **changes})


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"name": ""}, "name", "This field is required."),
        ({"pairs": ""}, "pairs", "Choose at least one pair."),
        ({"pairs": "BTC-USDT"}, "pairs", "Write each pair as BASE/QUOTE"),
        ({"pairs": "BTC/EUR"}, "pairs", "Every pair must end in /USDT."),
        ({"pairs": "BTC/USDT,BTC/USDT"}, "pairs", "Name each pair once."),
        ({"pairs": "NOSUCH/USDT"}, "pairs", "The exchange does not have NOSUCH/USDT."),
        ({"stake_currency": "§"}, "stake_currency", "Enter 2 to 10 capital letters"),
        ({"timeframe": "7m"}, "timeframe", "Choose one of: 1m"),
        ({"allocation": ""}, "allocation", "These parameters need at least 499.50 USDT."),
        ({"allocation": "10"}, "allocation", "These parameters need 499.50 USDT"),
        ({"allocation": "NaN"}, "allocation", "Enter an amount"),
        ({"allocation": "1e99"}, "allocation", "more than TradeWise can count"),
        ({"parameters__base_order": "much"}, "parameters.base_order", "Enter a number."),
        ({"parameters__base_order": ""}, "parameters.base_order", "Enter a number."),
        ({"parameters__base_order": "9" * 5000}, "parameters.base_order", "Enter a number."),
        ({"parameters__base_order": "0"}, "parameters.base_order", "At least 0.01."),
        ({"parameters__base_order": "1.001"}, "parameters.base_order", "At most 2 decimal places."),
        ({"parameters__base_order": "2"}, "parameters.base_order", "the exchange takes no order below"),
        ({"parameters__max_safety_orders": "1.5"}, "parameters.max_safety_orders", "Enter a whole number."),
        ({"parameters__mode": "x"}, "parameters.mode", "Choose one of: dip, interval."),
        ({"parameters__take_profit_pct": "0.2"}, "parameters.take_profit_pct", "Must be more than 0.25 %"),
        ({"mode": "live"}, "mode", "Select a valid choice."),
    ],
)
def test_what_will_not_do_is_said_at_its_field_in_the_models_own_words(
    client, alice, market, changes, field, words
):
    machine()
    answer = client.post("/bots/new/dca/", filled(**changes), headers=HTMX)
    assert answer.status_code == 422
    assert words in errors_at(text_of(answer), field)
    assert "Nothing was saved" in text_of(answer)
    assert bots_of(alice) == []


def test_what_one_field_demands_of_another_is_said_too(client, market):
    page = text_of(client.post("/bots/new/grid/", grid(parameters__upper="10")))
    assert "Must be more than the lowest line, 50000." in errors_at(page, "parameters.upper")
    page = text_of(client.post("/bots/new/grid/", grid(parameters__upper="50100", parameters__levels="9")))
    assert "too close" in errors_at(page, "parameters.levels")


def test_an_exchange_that_is_away_stands_in_nobodys_way(client, alice, market):
    machine()
    market.stop()
    page = text_of(client.post("/bots/new/dca/", filled(intent="check", pairs="NOSUCH/USDT")))
    assert "the pairs were not checked" in page
    assert "This works." in page
    assert client.post("/bots/new/dca/", filled()).status_code == 303
    assert len(bots_of(alice)) == 1


def test_the_exchange_is_not_asked_too_often(client, alice, market):
    answers = [client.post("/bots/new/dca/", filled(intent="check")).status_code for _ in range(21)]
    assert answers == [200] * 20 + [429]


def test_a_full_machine_is_said_and_the_form_kept(client, alice, market):
    machine(0)
    answer = client.post("/bots/new/dca/", filled(name="Kept name"))
    page = text_of(answer)
    assert answer.status_code == 409
    assert "was not started" in page
    assert 'value="Kept name"' in page
    assert bots_of(alice) == []


# ——— sent twice ———


def ticket_of(page: str) -> str:
    return str(re.findall(r'name="ticket" value="([^"]+)"', page)[0])


def test_a_double_click_makes_one_bot(client_of, alice, market):
    machine(3)
    one, two = client_of(alice), client_of(alice)
    form = filled(ticket=ticket_of(text_of(one.get("/bots/new/dca/"))))
    answers: Any = at_once(lambda: one.post("/bots/new/dca/", form), lambda: two.post("/bots/new/dca/", form))
    (bot,) = bots_of(alice)
    assert [(answer.status_code, answer["Location"]) for answer in answers] == [
        (303, bot.get_absolute_url())
    ] * 2


def test_who_sends_a_form_again_is_told_that_it_has_made_the_bot(client, alice, market):
    machine(3)
    form = filled(ticket=ticket_of(text_of(client.get("/bots/new/dca/"))))
    client.post("/bots/new/dca/", form)
    (bot,) = bots_of(alice)
    page_of(client, bot)
    for intent in ("", "check"):
        page = text_of(client.post("/bots/new/dca/", {**form, "intent": intent}, follow=True))
        assert f"This form has made {bot} already." in page
        assert "was made and is being started" not in page
    answer = client.post("/bots/new/dca/", {**form, "mode": "simulated"})
    assert answer.status_code == 409
    assert "with other settings" in text_of(answer)
    assert len(bots_of(alice)) == 1


def test_a_form_that_was_used_and_says_something_else_asks_once_more(client, alice, market):
    machine(3)
    form = filled(ticket=ticket_of(text_of(client.get("/bots/new/dca/"))))
    client.post("/bots/new/dca/", form)
    answer = client.post("/bots/new/dca/", {**form, "name": "Another"})
    page = text_of(answer)
    assert answer.status_code == 409
    assert "This form has started Mine already" in page
    assert len(bots_of(alice)) == 1
    again = {**form, "name": "Another", "ticket": ticket_of(page)}
    assert client.post("/bots/new/dca/", again).status_code == 303
    assert [bot.name for bot in bots_of(alice)] == ["Mine", "Another"]


def test_anothers_ticket_is_as_good_as_none(client, intruder, alice, mallory, market):
    machine(3)
    ticket = ticket_of(text_of(client.get("/bots/new/dca/")))
    client.post("/bots/new/dca/", filled(ticket=ticket))
    answer = intruder.post("/bots/new/dca/", filled(ticket=ticket))
    assert answer["Location"] == bots_of(mallory)[0].get_absolute_url()
    assert bots_of(mallory)[0].bot_id != bots_of(alice)[0].bot_id


# ——— templates ———


def test_templates_are_public_ones_and_ones_own(client, intruder, alice):
    assert "There are no templates yet" in text_of(client.get("/templates/"))
    template("Public one")
    template("Alices own", creator_tenant_id=alice.tenant_id)
    page = text_of(client.get("/templates/"))
    assert "Public one" in page
    assert "Alices own" in page
    assert "Version 1: draft" in page
    assert "330.33" in page
    page = text_of(intruder.get("/templates/"))
    assert "Public one" in page
    assert "Alices own" not in page
    assert intruder.get("/templates/t-alices-own/start/").status_code == 404
    assert intruder.post("/templates/t-alices-own/start/", filled()).status_code == 404


def test_a_bot_starts_from_a_template_with_what_it_says(client, alice, market):
    machine()
    key = template("Calm", description="<b>Buys dips.</b>")
    page = text_of(client.get(f"/templates/{key}/start/"))
    assert "&lt;b&gt;Buys dips." in page
    assert 'value="BTC/USDT, ETH/USDT"' in page
    assert 'value="330.33"' in page
    form = filled(parameters__max_safety_orders="2", allocation="330.33")
    assert client.post(f"/templates/{key}/start/", form).status_code == 303
    (bot,) = bots_of(alice)
    assert (bot.config_template, bot.engine.mode) == (key, Mode.DRY_RUN)
    assert f"/templates/{key}/start/" in text_of(client.get(bot.get_absolute_url()))


@pytest.mark.parametrize(
    ("known", "config", "words"),
    [
        ({"strategy_type": "arbitrage"}, {"strategy": "arbitrage"}, "Arbitrage cannot be run here"),
        ({"strategy_type": None}, {"strategy": "arbitrage"}, "Arbitrage cannot be run here"),
        ({}, {**DCA, "timeframe": "7m"}, "not valid any more"),
        ({}, {**DCA, "parameters": {"base_order": -1}}, "Base order: At least 0.01."),
        ({}, [1], "not valid any more"),
        ({}, {}, "not valid any more"),
    ],
)
def test_a_template_that_no_engine_runs_says_why_and_has_no_form(client, alice, market, known, config, words):
    machine()
    key = template("Odd", config, **known)
    assert words in text_of(client.get("/templates/"))
    page = text_of(client.get(f"/templates/{key}/start/"))
    assert words in page
    assert 'name="allocation"' not in page
    assert client.post(f"/templates/{key}/start/", filled()).status_code == 409
    assert bots_of(alice) == []


@pytest.mark.parametrize("page", ["0", "-1", "x", "99999999999", "2"])
def test_pages_of_templates_hold_odd_numbers_out(client, page):
    for number in range(21):
        template(f"T {number:02}")
    assert client.get("/templates/", {"page": page}).status_code == 200


def test_templates_cost_the_same_for_one_and_three(client):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            client.get("/templates/")
        return len(asked)

    template("One")
    before = queries()
    template("Two")
    template("Three")
    assert queries() == before


# ——— the bot's page ———


def page_of(client: Any, bot: Bot) -> str:
    return text_of(client.get(bot.get_absolute_url()))


@pytest.mark.parametrize("phase", list(Phase))
@pytest.mark.parametrize("name", SILLY)
def test_the_page_opens_in_every_phase_and_escapes_names(client, alice, phase, name):
    bot = engine_bot(alice.tenant_id, phase, name=name)
    for path in ("", "setup/", "log/", "stop/", "delete/"):
        page = text_of(client.get(bot.get_absolute_url() + path))
        assert escape(name) in page
        if "<" in name:
            assert name not in page
    assert escape(name) in text_of(client.get("/"))


@pytest.mark.parametrize(
    ("phase", "engine", "words"),
    [
        (Phase.QUEUED, {}, "waits for its turn"),
        (Phase.QUEUED, {"attempts": 2}, "try 3 of 5"),
        (Phase.LAUNCHED, {}, "Its engine is starting"),
        (Phase.OFF, {}, "The bot is off."),
        (Phase.CLOSING, {"stop_way": "exits"}, "ends when its 2 open trades are closed"),
        (Phase.CLOSING, {"stop_way": "close"}, "closes its 2 open trades at the price of now"),
        (Phase.ENDING, {"stop_way": "now"}, "Its engine ends now"),
    ],
)
def test_what_it_is_doing_is_said_in_words(client, alice, figures, phase, engine, words):
    bot = engine_bot(alice.tenant_id, phase, engine=engine)
    figures(bot, open_trade_count=2)
    assert words in page_of(client, bot)


def test_one_that_stops_offers_the_other_ways_and_to_go_on(client, alice):
    bot = engine_bot(alice.tenant_id, Phase.CLOSING, engine={"stop_way": "exits"})
    page = page_of(client, bot)
    assert "stop/?way=close" in page
    assert "stop/?way=now" in page
    assert "stop/?way=exits" not in page
    assert "Go on after all" in page
    client.post(f"{bot.get_absolute_url()}start/")
    assert bots_of(alice)[0].desired_state == "running"


def test_the_set_up_is_told_with_units_and_without_secrets(client, alice):
    measured = timezone.now()
    bot = engine_bot(
        alice.tenant_id,
        Phase.UP,
        exposed_host_port=18107,
        engine={
            "memory": 221 * 2**20,
            "cpu_seconds": 14.0,
            "measured_at": measured,
            "launched_at": measured - timedelta(seconds=700),
        },
    )
    page = page_of(client, bot)
    for words in ("BTC/USDT, ETH/USDT", "50 USDT", "1.5 %", "18107", "221\u00a0MB", "2.0% of a core"):
        assert words in page
    for words in ("Enter the password", "Reload", "/edit/", "Delete…"):
        assert words not in page


def test_parameters_that_are_not_valid_any_more_are_said(client, alice):
    bot = engine_bot(alice.tenant_id)
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(config_json={**DCA, "timeframe": "7m"})
    assert "not valid any more" in page_of(client, bot)
    assert client.get(f"{bot.get_absolute_url()}setup/").status_code == 200


def test_editing_leads_to_the_set_up(client, alice):
    bot = engine_bot(alice.tenant_id)
    answer = client.get(f"{bot.get_absolute_url()}edit/")
    assert answer["Location"] == f"{bot.get_absolute_url()}setup/"


@pytest.mark.parametrize(
    "change",
    [
        {"phase": Phase.QUEUED},
        {"attempts": 1},
        {"measured_at": timezone.now()},
        {"phase_since": timezone.now() + timedelta(seconds=5)},
        {"stop_way": "now"},
        {"mode": "simulated"},
    ],
)
def test_the_live_part_is_new_when_the_engine_has_changed(client, alice, change):
    bot = engine_bot(alice.tenant_id, Phase.LAUNCHED)
    page = page_of(client, bot)
    (version,) = re.findall(r"seen=([\w-]+)", page)
    where = f"{bot.get_absolute_url()}?seen={version}"
    assert client.get(where, headers=LIVE).status_code == 204
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(**change)
    assert client.get(where, headers=LIVE).status_code == 200


# ——— modes are told apart ———


def badges(html: str) -> set[str]:
    return set(re.findall(r'class="badge badge--(live|dry-run|simulated)"', html))


@pytest.mark.parametrize(
    ("mode", "badge"),
    [(Mode.DRY_RUN, "dry-run"), (Mode.SIMULATED, "simulated"), (Mode.LIVE, "live")],
)
def test_the_mode_is_on_the_row_the_page_and_the_page_that_stops(client, alice, mode, badge):
    engine = {"exchange_keys": seal("a:b", context="x")} if mode == Mode.LIVE else {}
    bot = engine_bot(alice.tenant_id, Phase.UP, mode=mode, engine=engine)
    for path in ("/", bot.get_absolute_url(), f"{bot.get_absolute_url()}stop/"):
        assert badges(text_of(client.get(path))) == {badge}


def test_one_that_is_to_go_live_is_shown_as_that_before_it_has_said_so(client, alice):
    bot = engine_bot(
        alice.tenant_id,
        mode=Mode.LIVE,
        dry_run=True,
        stake_currency="",
        engine={"exchange_keys": seal("a:b", context="x")},
    )
    assert badges(text_of(client.get("/"))) == {"live"}
    page = page_of(client, bot)
    assert badges(page) == {"live"}
    assert "real money from its next start on" in page


def test_invented_money_is_a_total_of_its_own_and_can_be_looked_for(client, alice, figures):
    figures(engine_bot(alice.tenant_id, Phase.UP, name="Counted"), profit_all=10)
    figures(engine_bot(alice.tenant_id, Phase.UP, name="Tried out", mode=Mode.SIMULATED), profit_all=3)
    page = text_of(client.get("/"))
    assert badges(page) == {"dry-run", "simulated"}
    assert "13.00" not in page
    only = text_of(client.get("/", {"mode": "simulated"}))
    assert "Tried out" in only
    assert "Counted" not in only
    assert "Tried out" not in text_of(client.get("/", {"mode": "dry"}))


# ——— stopping ———


def test_stopping_asks_what_becomes_of_the_open_trades_the_safest_first(client, alice, figures):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    figures(bot, open_trade_count=3)
    where = f"{bot.get_absolute_url()}stop/"
    page = text_of(client.get(where))
    assert page.count("its 3 open trades") == 3
    assert re.search(r'value="exits" checked', page)
    assert re.search(r'value="now" checked', text_of(client.get(f"{where}?way=now")))
    assert re.search(r'value="exits" checked', text_of(client.get(f"{where}?way=evil")))
    answer = client.post(where)
    assert answer.status_code == 422
    assert "Choose what becomes of the open trades." in text_of(answer)
    assert client.post(where, {"way": "evil"}).status_code == 422
    assert bots_of(alice)[0].status == "running"
    assert client.post(where, {"way": "close"}).status_code == 303
    assert bots_of(alice)[0].engine.stop_way == "close"


def test_leave_it_stopped_on_a_page_that_is_stale_stops_no_engine_that_was_started_meanwhile(client, alice):
    bot = engine_bot(alice.tenant_id, Phase.FAILED, connection_error="It ended.")
    (way,) = re.findall(r'id="leave"[^>]* name="way" value="(\w+)"', page_of(client, bot))
    with tenant_context(alice.tenant_id):
        BotEngine.objects.update(phase=Phase.UP)
        Bot.objects.update(status="running", health="ok", connection_error=None)
    answer = client.post(f"{bot.get_absolute_url()}stop/", {"way": way}, headers=LIVE)
    assert answer.status_code == 409
    assert "choose a way to stop it" in answer["HX-Trigger"]
    assert f'href="{bot.get_absolute_url()}stop/"' in text_of(answer)
    (after,) = bots_of(alice)
    assert (after.desired_state, after.engine.phase, after.engine.stop_way) == ("running", Phase.UP, "")


def test_one_that_was_given_up_is_left_stopped_from_its_page(client, alice):
    bot = engine_bot(alice.tenant_id, Phase.FAILED, connection_error="It ended.")
    (way,) = re.findall(r'id="leave"[^>]* name="way" value="(\w+)"', page_of(client, bot))
    assert client.post(f"{bot.get_absolute_url()}stop/", {"way": way}, headers=LIVE).status_code == 200
    (after,) = bots_of(alice)
    assert (after.desired_state, after.engine.phase) == ("stopped", Phase.OFF)


@pytest.mark.parametrize(("way", "kept"), [({}, "exits"), ({"way": "now"}, "now")])
def test_several_are_stopped_with_one_way_for_the_engines(client, alice, way, kept):
    engine = engine_bot(alice.tenant_id, Phase.UP)
    own = BotFactory(tenant_id=alice.tenant_id, status="running", health="ok")
    chosen = {"command": "stop", "bot": [engine.bot_id, own.bot_id]}
    page = text_of(client.post("/commands/", chosen))
    assert "Keep managing exits" in page
    assert "The 1 of your own" in page
    client.post("/commands/", {**chosen, **way, "confirmed": "on"})
    stopped = {bot.bot_id: bot for bot in bots_of(alice) if hasattr(bot, "engine")}
    assert stopped[engine.bot_id].engine.stop_way == kept
    with tenant_context(alice.tenant_id):
        assert Bot.objects.get(pk=own.pk).command == "stop"


@pytest.mark.parametrize("action", ["pause", "check", "reload"])
def test_what_an_engine_cannot_be_asked_is_said(client, alice, action):
    bot = engine_bot(alice.tenant_id, Phase.LAUNCHED)
    answer = client.post(f"{bot.get_absolute_url()}{action}/", headers=LIVE)
    assert answer.status_code == 409
    assert "HX-Trigger" in answer


def test_one_that_is_on_is_not_deleted_and_the_sentence_is_shown(client, alice):
    bot = engine_bot(alice.tenant_id, Phase.UP, name="Runner")
    where = f"{bot.get_absolute_url()}delete/"
    assert "Stop it first" in text_of(client.get(where))
    answer = client.post(where, {"name": "Runner"})
    assert answer.status_code == 409
    assert "is on, so it was not deleted" in text_of(answer)
    off = engine_bot(alice.tenant_id, name="Quiet")
    answer = client.post(f"{off.get_absolute_url()}delete/", {"name": "Quiet"})
    assert answer.status_code == 303
    assert [kept.name for kept in bots_of(alice)] == ["Runner"]


# ——— changing ———


def test_changing_says_what_a_restart_does_checks_and_saves(client, alice, market):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    where = f"{bot.get_absolute_url()}setup/"
    page = text_of(client.get(where))
    assert "nobody watches its open trades" in page
    assert 'name="stake_currency"' not in page
    form = filled(name="Renamed", description="A note", timeframe="1h")
    assert "This works." in text_of(client.post(where, {**form, "intent": "check"}))
    assert bots_of(alice)[0].engine.revision == 1
    assert client.post(where, {**form, "allocation": "1"}).status_code == 422
    assert client.post(where, {**form, "pairs": "BTC/EUR", "stake_currency": "EUR"}).status_code == 422
    assert client.post(where, form).status_code == 303
    (changed,) = bots_of(alice)
    assert (changed.name, changed.description, changed.engine.revision) == ("Renamed", "A note", 2)
    assert changed.engine.config_json["timeframe"] == "1h"


# ——— the log ———


def test_the_log_is_asked_for_watched_and_escaped(client, alice):
    bot = engine_bot(alice.tenant_id, Phase.UP)
    where = f"{bot.get_absolute_url()}log/"
    page = text_of(client.get(where))
    assert "It has not been fetched yet." in page
    assert "hx-trigger" not in page.partition('id="log"')[2].partition(">")[0]
    assert client.post(where).status_code == 303
    assert "It is being fetched" in text_of(client.get(where))
    log = {"HX-Request": "true", "HX-Target": "log"}
    assert client.get(where, headers=log).status_code == 204
    with as_login("tw_worker"), tenant_context(alice.tenant_id):
        BotEngine.across_tenants.update(
            log_lines="INFO <b>line</b>\n" * 200, log_taken_at=timezone.now() + timedelta(seconds=1)
        )
    page = text_of(client.get(where, headers=log))
    assert page.count("&lt;b&gt;line") == 200
    assert "every 2s" not in page
    assert "<html" not in page


def test_a_log_that_does_not_come_is_said(client, alice):
    asked = timezone.now() - timedelta(seconds=40)
    bot = engine_bot(alice.tenant_id, engine={"log_asked_at": asked, "log_lines": "old line"})
    page = text_of(client.get(f"{bot.get_absolute_url()}log/"))
    assert "The log has not come" in page
    assert "old line" in page
    assert "every 2s" not in page


# ——— real money ———

KEYS = {"key": "simulated-trade-only", "secret": SECRET, "name": "Real"}


@pytest.fixture
def entered(client: Any) -> Any:
    """Alice's browser, in which she has just entered her password."""
    client.post("/account/reauthenticate/", {"password": PASSWORD})
    return client


def live_url(bot: Bot) -> str:
    return reverse("bots:live", args=[bot.bot_id])


def test_going_live_asks_for_the_password_and_keeps_no_key_for_afterwards(client, alice, market):
    bot = engine_bot(alice.tenant_id, name="Real")
    for answer in (client.get(live_url(bot)), client.post(live_url(bot), KEYS)):
        assert answer.status_code == 303
        assert answer["Location"].startswith("/account/reauthenticate/?next=")
    assert "account_reauthentication_state" not in client.session
    assert SECRET not in str(dict(client.session.items()))
    assert bots_of(alice)[0].engine.mode == Mode.DRY_RUN


def test_going_live_and_back(entered, alice, market):
    bot = engine_bot(alice.tenant_id, name="Real")
    page = text_of(entered.get(live_url(bot)))
    assert "with your money" in page
    assert "Trades that it opened with real money before, and still has open, it takes up again" in page
    answer = entered.post(live_url(bot), KEYS)
    assert (answer.status_code, answer["Location"]) == (303, bot.get_absolute_url())
    (live,) = bots_of(alice)
    assert (live.engine.mode, live.engine.phase) == (Mode.LIVE, Phase.OFF)
    page = page_of(entered, bot)
    assert "It has not been started yet." in page
    assert "from every internet address" in page
    assert SECRET not in page
    unwatched = "What it bought with real money stays on the exchange, and nobody watches it."
    assert unwatched in page
    page = text_of(entered.get(live_url(bot)))
    assert "It goes on with the trades that it has open with real money" in page
    assert "a new one begins" not in page
    page = text_of(entered.post(f"{bot.get_absolute_url()}dry-run/", follow=True))
    assert unwatched in page
    (back,) = bots_of(alice)
    assert (back.engine.mode, back.engine.exchange_keys) == (Mode.DRY_RUN, None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": "real"}, "This is not the name of the bot."),
        ({"name": ""}, "This field is required."),
        ({"key": ""}, "This field is required."),
        ({"key": "a:b"}, "letters and digits only"),
        ({"key": "\u202e" * 50}, "letters and digits only"),
        ({"secret": "line\r\nbreak"}, "letters and digits only"),
        ({"key": "1234e5"}, "looks like a number"),
        ({"secret": "0123456789"}, "looks like a number"),
        ({"secret": "x" * 5000}, "at most 128 characters"),
        ({"key": "simulated-withdrawals"}, "may withdraw money"),
        ({"key": "simulated-read-only"}, "may not trade"),
        ({"secret": "another-canary"}, "does not belong to this API key"),
    ],
)
def test_what_must_not_trade_real_money_does_not(entered, alice, market, changes, words):
    bot = engine_bot(alice.tenant_id, name="Real")
    answer = entered.post(live_url(bot), {**KEYS, **changes})
    page = text_of(answer)
    assert answer.status_code == 422
    assert words in page
    for secret in (KEYS["key"], SECRET, "another-canary", "simulated-withdrawals"):
        assert secret not in page
    assert bots_of(alice)[0].engine.mode == Mode.DRY_RUN


def test_an_exchange_that_does_not_answer_lets_nobody_go_live(entered, alice, market):
    bot = engine_bot(alice.tenant_id, name="Real")
    market.stop()
    answer = entered.post(live_url(bot), KEYS)
    assert answer.status_code == 422
    assert "the keys were not kept" in text_of(answer)
    assert bots_of(alice)[0].engine.exchange_keys is None


@pytest.mark.parametrize(
    ("phase", "mode", "words"),
    [(Phase.UP, Mode.DRY_RUN, "is on. Stop it first"), (Phase.OFF, Mode.SIMULATED, "stays one")],
)
def test_one_that_cannot_go_live_says_why(entered, alice, market, phase, mode, words):
    bot = engine_bot(alice.tenant_id, phase, name="Real", mode=mode)
    assert words in text_of(entered.get(live_url(bot)))
    answer = entered.post(live_url(bot), KEYS)
    assert answer.status_code == 409
    assert bots_of(alice)[0].engine.mode == mode


def test_back_to_a_dry_run_only_while_it_is_off(client, alice):
    bot = engine_bot(
        alice.tenant_id, Phase.UP, mode=Mode.LIVE, engine={"exchange_keys": seal("a:b", context="x")}
    )
    answer = client.post(f"{bot.get_absolute_url()}dry-run/")
    assert answer.status_code == 303
    assert "is on. Stop it first." in page_of(client, bot)
    assert bots_of(alice)[0].engine.mode == Mode.LIVE


# ——— nobody else ———


@pytest.mark.parametrize(
    "path", ["", "setup/", "log/", "live/", "stop/", "delete/", "dry-run/", "start/", "pause/"]
)
def test_another_tenant_finds_nothing_and_changes_nothing(intruder, alice, market, path):
    bot = engine_bot(alice.tenant_id, Phase.UP, name="Real")
    intruder.post("/account/reauthenticate/", {"password": PASSWORD})
    where = bot.get_absolute_url() + path
    assert intruder.post(where, {**filled(), **KEYS, "way": "now"}).status_code in (404, 405)
    assert intruder.get(where).status_code in (404, 405)
    (kept,) = bots_of(alice)
    assert (kept.status, kept.engine.revision, kept.engine.log_asked_at) == ("running", 1, None)
