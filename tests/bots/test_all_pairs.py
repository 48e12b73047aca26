"""Every phase of a bot that TradeWise runs × every event, by service, by page and by raw SQL: what is not listed is
refused, and nothing changed. Of the database every value is held to, and who may write it; steps are the services'.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

import psycopg
import pytest

from bots.enums import Phase, StopWay
from bots.models import Bot
from bots.services import lifecycle, running
from bots.services.connecting import delete_bot
from bots.services.running import Wanted
from bots.strategies import kinds
from tests.audit.world import sql
from tests.factories.engines import DCA, engine_bot, machine
from tests.marketplace.written import raw
from tradewise.exceptions import DomainError
from tradewise.tenancy.context import tenant_context

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("_keys")]

PAUSED: Final[dict[str, Any]] = {"status": "connected", "health": "paused", "desired_state": "paused"}
STATES: Final = [*Phase.values, "paused"]
OTHER: Final = replace(Wanted("Mine", kinds.parse(DCA), Decimal(1000)), allocation=Decimal(900))
SERVICES: Final[dict[str, Callable[..., Any]]] = {
    "start": lifecycle.request_start,
    "stop": lambda **asked: lifecycle.request_stop(**asked, way=StopWay.EXITS),
    "pause": lifecycle.request_pause,
    "resume": lifecycle.request_resume,
    "reload": lifecycle.request_reload,
    "change": lambda **asked: running.change(**asked, wanted=OTHER, note=""),
    "live": lambda **asked: running.go_live(**asked, keys="a:b"),
    "delete": delete_bot,
}
#: event → the states in which it is done. In those with a start on its way, another start is that one.
LEGAL: Final[dict[str, set[str]]] = {
    "start": {*("off", "failed", "closing", "ending", "paused", "queued", "launched", "reading")},
    "stop": {*STATES} - {"off"},
    "pause": {"up"},
    "resume": {"off", "closing", "ending", "paused"},
    "reload": set(),
    "change": {*STATES},
    "live": {"off", "failed"},
    "delete": {"off", "failed"},
}
UNCHANGED: Final = {("queued", "start"), ("launched", "start"), ("reading", "start")}
FORMS: Final[dict[str, dict[str, str]]] = {"stop": {"way": "exits"}, "delete": {"name": "Mine"}}
ON_PAGES: Final = ["start", "stop", "pause", "resume", "reload", "delete"]


def made(user: Any, state: str) -> Bot:
    """In this phase; `paused` is up."""
    machine()
    if state == "paused":
        return engine_bot(user.tenant_id, Phase.UP, name="Mine", **PAUSED)
    return engine_bot(user.tenant_id, Phase(state), name="Mine")


def everything(bot: Bot) -> list[Any]:
    """All rows that an event could touch."""
    found = sql("SELECT * FROM bots WHERE id = %s", bot.pk)
    for table in ("bot_engines", "bot_events", "engine_places"):
        found += sql(f"SELECT * FROM {table} WHERE bot_id = %s ORDER BY 1", bot.pk)
    return found


@pytest.mark.parametrize("event", SERVICES)
@pytest.mark.parametrize("state", STATES)
def test_a_service_does_what_is_listed_and_refuses_the_rest(alice, state, event):
    bot = made(alice, state)
    before = everything(bot)
    with tenant_context(alice.tenant_id, actor=str(alice.pk)):
        if state not in LEGAL[event]:
            with pytest.raises(DomainError) as refusal:
                SERVICES[event](actor=alice, bot=bot)
            assert str(refusal.value).endswith(".")
        else:
            SERVICES[event](actor=alice, bot=bot)
    is_same = state not in LEGAL[event] or (state, event) in UNCHANGED
    assert (everything(bot) == before) == is_same


@pytest.mark.parametrize("event", ON_PAGES)
@pytest.mark.parametrize("state", STATES)
def test_a_page_does_what_is_listed_and_refuses_the_rest_with_409(alice, client_of, state, event):
    bot = made(alice, state)
    before = everything(bot)
    # As htmx asks; a plain form is sent back to the page, which says why.
    htmx = {"HX-Request": "true"}
    answer = client_of(alice).post(f"/bots/{bot.bot_id}/{event}/", FORMS.get(event, {}), headers=htmx)
    assert answer.status_code in ((200, 303) if state in LEGAL[event] else (409,))
    is_same = state not in LEGAL[event] or (state, event) in UNCHANGED
    assert (everything(bot) == before) == is_same


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("bots", "status = 'asleep'"),
        ("bots", "desired_state = 'asleep'"),
        ("bots", "command = 'sell'"),
        ("bots", "health = 'fine'"),
        ("bot_engines", "phase = 'asleep'"),
        ("bot_engines", "mode = 'real'"),
        ("bot_engines", "mode = 'live'"),
        ("bot_engines", "stop_way = 'never'"),
        ("bot_engines", "allocation = 'NaN'"),
        ("bot_engines", "allocation = 0"),
    ],
)
@pytest.mark.parametrize("state", STATES)
def test_the_database_takes_no_value_that_is_none(alice, state, table, statement):
    bot = made(alice, state)
    before = everything(bot)
    key = "id" if table == "bots" else "bot_id"
    with pytest.raises(psycopg.errors.CheckViolation):
        raw("tw_app", alice.tenant_id, f"UPDATE {table} SET {statement} WHERE {key} = %s", bot.pk)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw("tw_staff", alice.tenant_id, f"UPDATE {table} SET {statement} WHERE {key} = %s", bot.pk)
    assert everything(bot) == before


@pytest.mark.parametrize(
    "statement",
    ["mode = 'live'", "allocation = 5", "config_json = '{}'", "exchange_keys = 'x'", "revision = 9"],
)
def test_the_worker_sets_nothing_up(alice, statement):
    bot = made(alice, "up")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        raw("tw_worker", alice.tenant_id, f"UPDATE bot_engines SET {statement} WHERE bot_id = %s", bot.pk)
