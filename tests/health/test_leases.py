"""Who gets which bot, who may write, and what a trader, a deletion or a wrong clock does meanwhile."""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import psycopg
import pytest
import time_machine

from accounts.models import User
from bots.adapters import Probe
from bots.enums import EngineState, HealthReason
from bots.health import queue
from bots.health.check import Outcome
from bots.health.leased import Leased
from bots.health.readings import Reading
from bots.health.verdict import judge
from bots.health.writing import Pace, write_back
from bots.models import Bot
from bots.services import editing, lifecycle
from bots.services.connecting import delete_bot
from tests import servers
from tests.health.made import figures
from tests.logins import as_login
from tradewise.tenancy.context import tenant_context

PACE = Pace(15, 60)
RUNS = Probe(HealthReason.OK, "The bot runs.", 7, EngineState.RUNNING)
STOPPED = Probe(HealthReason.STOPPED, "The bot is stopped.", 7, EngineState.STOPPED)
REFUSED = Probe(HealthReason.REFUSED, "Nothing listens.", 0)
NOW = datetime.now(UTC)


class Worker:
    """One worker: what it leases and what it writes."""

    def __init__(self) -> None:
        self.token = uuid.uuid4()

    def ask(self, question: Callable[[psycopg.AsyncConnection[Any]], Any]) -> Any:
        async def go() -> Any:
            async with await queue.connect() as connection:
                return await question(connection)

        with as_login("tw_worker"):
            return asyncio.run(go())

    def claim(self, most: int = 100, *, failing: bool = False, lease: int = 60) -> list[Leased]:
        return list(self.ask(lambda c: queue.claim(c, self.token, most=most, failing=failing, lease=lease)))

    def write(self, *outcomes: Outcome) -> int:
        return int(self.ask(lambda c: write_back(c, self.token, outcomes, PACE)))

    def saw(self, bot: Leased, probe: Probe = RUNS, **options: Any) -> Outcome:
        return Outcome(bot, probe, judge(bot, probe, interval=15), **options)

    def read(self, bot: Leased, probe: Probe = RUNS) -> Outcome:
        return self.saw(bot, probe, reading=Reading(figures(), (), 0), figures_asked=True)


@pytest.fixture
def worker(transactional_db: None) -> Worker:
    return Worker()


@pytest.fixture
def due(connected: Callable[..., Bot]) -> Callable[..., Bot]:
    """`due()`: a bot that runs, has a token and is due."""
    numbers = count()

    def make(**columns: Any) -> Bot:
        known = {"health": "ok", "status": "running", "engine_state": "running"}
        return connected(f"https://bot{next(numbers)}.example.com", **{**known, **columns})

    return make


def by(trader: User, work: Callable[[], Any]) -> Any:
    """What a trader's request does, committed."""
    with tenant_context(trader.tenant_id):
        return work()


def test_only_due_external_bots_with_a_token_are_leased(due, worker, sql):
    wanted = due()
    unsealed = due()
    sql("UPDATE bots SET api_token = NULL WHERE id = %s", unsealed.pk)
    due(bot_type="platform")
    due(next_check_at=NOW + timedelta(days=1))
    assert [bot.id for bot in worker.claim()] == [wanted.pk]


def test_the_longest_overdue_comes_first(due, worker, sql):
    bots = [due() for _ in range(5)]
    for number, bot in enumerate(bots):
        sql("UPDATE bots SET next_check_at = now() - %s * interval '1 s' WHERE id = %s", 10 * number, bot.pk)
    assert {bot.id for bot in worker.claim(2)} == {bots[3].pk, bots[4].pk}


def test_those_that_failed_are_leased_apart(due, worker):
    well, ill = due(), due(failures=1)
    assert [bot.id for bot in worker.claim()] == [well.pk]
    assert [bot.id for bot in worker.claim(failing=True)] == [ill.pk]


def test_many_workers_at_once_never_share_a_bot(due):
    for _ in range(60):
        due()

    async def take_all() -> list[list[int]]:
        connections = [await queue.connect() for _ in range(4)]

        async def one(connection: psycopg.AsyncConnection[Any]) -> list[int]:
            token, got = uuid.uuid4(), []
            while bots := await queue.claim(connection, token, most=3, failing=False):
                got += [bot.id for bot in bots]
            return got

        shares = list(await asyncio.gather(*map(one, connections)))
        for connection in connections:
            await connection.close()
        return shares

    with as_login("tw_worker"):
        shares = asyncio.run(take_all())
    taken = [number for share in shares for number in share]
    assert len(taken) == len(set(taken)) == 60
    assert sum(bool(share) for share in shares) > 1


def test_a_late_writer_writes_no_event_and_no_figures_and_the_right_one_writes_them_once(due, worker, sql):
    made = due()
    (bot,) = worker.claim(lease=1)
    time.sleep(1.1)
    other = Worker()
    (again,) = other.claim()
    before = sql.bot(made)
    for outcome in (worker.read(bot, STOPPED), Outcome(bot, RUNS), Outcome(bot)):
        assert worker.write(outcome) == 0
    assert (sql.bot(made), sql.events(made), counted(sql)) == (before, [], (0, 0))
    assert [other.write(other.read(again, STOPPED)) for _ in range(2)] == [1, 0]
    assert (sql.bot(made).checks, len(sql.events(made)), counted(sql)) == (1, 1, (1, 1))


def counted(sql) -> tuple[int, int]:
    return sql("SELECT count(*) FROM bot_figures")[0][0], sql("SELECT count(*) FROM bot_samples")[0][0]


@pytest.mark.parametrize("probe", [RUNS, STOPPED, REFUSED])
def test_a_command_given_during_a_check_keeps_its_status_and_its_turn(due, worker, sql, alice, probe):
    made = due()
    (bot,) = worker.claim()
    by(alice, lambda: lifecycle.request_stop(actor=alice, bot=made))
    asked = sql.bot(made)
    assert worker.write(worker.saw(bot, probe)) == 1
    row = sql.bot(made)
    assert (row.status, row.command, row.desired_state) == ("stopping", "stop", "stopped")
    assert (row.command_asked_at, row.command_sent_at) == (asked.command_asked_at, None)
    assert row.next_check_at == asked.next_check_at
    assert row.health == probe.reason, "what was seen is written all the same"
    assert [kind for kind, _, _ in sql.events(made)] == ["command"]
    assert worker.claim(failing=probe is REFUSED)[0].command == "stop"


def test_a_down_that_a_command_overtook_is_told_by_the_next_check(due, worker, sql, alice):
    made = due(failures=2, health="refused")
    (bot,) = worker.claim(failing=True)
    by(alice, lambda: lifecycle.request_stop(actor=alice, bot=made))
    worker.write(worker.saw(bot, REFUSED))
    assert (sql.bot(made).status, sql.bot(made).failures) == ("stopping", 3)
    assert [kind for kind, _, _ in sql.events(made)] == ["command"]
    (bot,) = worker.claim(failing=True)
    worker.write(worker.saw(bot, REFUSED))
    assert sql.bot(made).status == "error"
    assert [kind for kind, _, _ in sql.events(made)] == ["command", "health"]


def test_a_request_that_holds_the_row_while_the_worker_writes_has_the_last_word(due, worker, sql):
    made = due()
    (bot,) = worker.claim()
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as request:
        request.execute(
            "UPDATE bots SET command = 'stop', command_asked_at = now(), status = 'stopping', "
            "next_check_at = now() WHERE id = %s",
            [made.pk],
        )
        with ThreadPoolExecutor(1) as pool:
            waits = threading.Timer(0.2, lambda: pool.submit(request.commit))
            waits.start()
            assert worker.write(worker.saw(bot, STOPPED)) == 1
            waits.join()
    assert (sql.bot(made).command, sql.bot(made).status) == ("stop", "stopping")


@pytest.mark.parametrize("finds", ["the same", "something new"])
def test_a_check_asked_for_during_a_check_is_not_lost(due, worker, alice, finds):
    made = due()
    (bot,) = worker.claim()
    by(alice, lambda: lifecycle.check_now(actor=alice, bot=made))
    assert worker.claim() == [], "it is being checked"
    assert worker.write(Outcome(bot, RUNS) if finds == "the same" else worker.saw(bot, STOPPED)) == 1
    assert len(worker.claim()) == 1


def test_a_bot_deleted_during_its_check_leaves_nothing(due, worker, sql, alice):
    made = due()
    (bot,) = worker.claim()
    by(alice, lambda: delete_bot(actor=alice, bot=made))
    assert worker.write(worker.read(bot, STOPPED)) == 0
    for table in ("bots", "bot_figures", "bot_samples", "bot_events"):
        assert sql(f"SELECT count(*) FROM {table}")[0][0] == 0


def test_what_the_old_address_said_is_not_written_over_the_new(due, worker, sql, alice):
    made = due()
    (bot,) = worker.claim()
    edit: dict[str, Any] = {
        "name": "Moved",
        "description": "",
        "url": "https://elsewhere.example.com",
        "tested": None,
    }
    by(alice, lambda: editing.edit_bot(actor=alice, bot=made, **edit))
    assert worker.write(worker.saw(bot, STOPPED)) == 0
    assert worker.write(Outcome(bot, RUNS)) == 0
    row = sql.bot(made)
    assert (row.status, row.health, row.api_token) == ("error", "needs_token", None)


def test_another_path_at_the_same_origin_is_looked_at_anew(due, worker, sql, alice):
    made = due()
    (bot,) = worker.claim()
    edit: dict[str, Any] = {"name": "Bot", "description": "", "url": f"{made.api_url}/other", "tested": None}
    by(alice, lambda: editing.edit_bot(actor=alice, bot=made, **edit))
    assert worker.write(worker.saw(bot, STOPPED)) == 0
    assert sql.bot(made).status == "running"
    assert worker.claim()[0].api_url.endswith("/other")


def test_a_reload_that_never_left_is_sent_again(due, worker, sql):
    made = due(command="reload", command_asked_at=NOW, status="starting")
    (bot,) = worker.claim()
    note = lambda: worker.ask(lambda c: queue.about_to_send(c, worker.token, bot))  # noqa: E731
    assert [note(), note()] == [True, False]
    assert worker.write(worker.saw(bot, REFUSED)) == 1
    assert (sql.bot(made).command, sql.bot(made).command_sent_at) == ("reload", None)


def test_of_two_results_only_the_one_whose_lease_is_another_s_is_fenced(due, worker, sql):
    kept, lost = due(), due()
    bots = worker.claim()
    sql("UPDATE bots SET lease_token = gen_random_uuid() WHERE id = %s", lost.pk)
    assert worker.write(*(worker.saw(bot, REFUSED) for bot in bots)) == 1
    assert (sql.bot(kept).failures, sql.bot(lost).failures) == (1, 0)


def test_a_worker_with_a_wrong_clock_does_no_harm(due, worker, sql):
    made, later = due(), due(next_check_at=NOW + timedelta(days=1))
    for moment in (datetime(2001, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)):
        sql("UPDATE bots SET next_check_at = now() WHERE id = %s", made.pk)
        with time_machine.travel(moment, tick=True):
            (bot,) = worker.claim()
            assert worker.write(worker.read(bot)) == 1
        ((checked, ahead, today),) = sql(
            """SELECT abs(extract(epoch FROM now() - checked_at)) AS checked,
                      extract(epoch FROM next_check_at - now()) AS ahead,
                      (SELECT bool_and(day = (now() AT TIME ZONE 'UTC')::date) FROM bot_days) AS today
               FROM bots WHERE id = %s""",
            made.pk,
        )
        assert checked < 10
        assert -5 < ahead <= 15
        assert today
    assert sql.bot(later).checks == 0


def test_slots_are_regular_spread_by_the_id_and_a_late_sweep_skips_those_it_missed(due, worker, sql):
    for _ in range(40):
        due()
    slots: dict[int, set[float]] = {}
    for late in (0, 0, 100, 1000):
        sql("UPDATE bots SET next_check_at = now() - %s * interval '1 s'", late)
        worker.write(*(Outcome(bot, RUNS) for bot in worker.claim()))
        for row in sql(
            "SELECT id, extract(epoch FROM next_check_at - now()) AS ahead, next_check_at FROM bots"
        ):
            assert -2 < row.ahead <= 15, "one check is to come, not those that were missed"
            slots.setdefault(row.id, set()).add(round(row.next_check_at.timestamp() % 15, 2) % 15)
    assert all(len(own) == 1 for own in slots.values())
    seconds = [int(next(iter(own))) for own in slots.values()]
    assert len(set(seconds)) >= 8
    assert max(map(seconds.count, seconds)) <= 10
