"""Workers killed with -9 at random, thirty times and two at a time, while a trader starts, stops and changes bots.

Never two engines of one bot, no engine that nobody wants, every wanted bot up, and each place somebody's or free.
"""

import json
import random
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from bots.enums import StopWay
from bots.exceptions import CommandRefused
from bots.services import running
from bots.strategies import kinds
from tests.reconciler.conftest import QUICK, Fleet, wait_for
from tests.reconciler.workers import workers_of
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)
KILLS, BOTS, LEASE = 30, 8, 2


def engines_of(fleet, bot):
    """Processes that became an engine of the bot, and those that are about to.

    One that is ending has no arguments any more and still a directory; one that was just forked has its parent's.
    """
    engines: list[int] = []
    launchers: list[int] = []
    for entry in Path("/proc").iterdir():
        try:
            if (entry / "cwd").readlink() != fleet.directory(bot):
                continue
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except (OSError, ValueError):
            continue
        if any(argument.endswith(b"/launcher.py") for argument in arguments):
            launchers.append(int(entry.name))
        elif arguments[3:4] == [b"trade"]:
            engines.append(int(entry.name))
    return engines, launchers


def ask(fleet: Fleet, bot, chance):
    """Something that a trader may ask; a refusal is an answer."""
    what = chance.choice(("start", "stop", "stop", "change", "change"))
    try:
        if what == "start":
            fleet.start(bot)
        elif what == "stop":
            fleet.stop(bot, chance.choice(list(StopWay)))
        else:
            parameters = QUICK["dca"]["parameters"] | {"base_order": chance.randrange(40, 60)}
            wanted = running.Wanted(
                "Quick", kinds.parse(QUICK["dca"] | {"parameters": parameters}), Decimal(1000)
            )
            with tenant_context(fleet.trader.tenant_id, actor=str(fleet.trader.pk)):
                running.change(actor=fleet.trader, bot=bot, wanted=wanted, note="")
    except CommandRefused:
        return "refused"
    return what


def visits_under_way(fleet: Fleet) -> int:
    """How many engines are leased."""
    return int(fleet.sql("SELECT count(*) AS n FROM bot_engines WHERE lease_until > now()")[0].n)


def settled(fleet, bot):
    row = fleet.row(bot)
    wanted = row.desired_state == "running"
    return row.phase == "up" and row.revision == row.running_revision if wanted else row.phase == "off"


def test_workers_that_are_killed_leave_neither_two_engines_nor_none(played):
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    sys.stdout.write(f"\nseed {seed}\n")
    bots = [played.launch() for _ in range(BOTS)]
    under_way = 0
    asked: list[str] = []
    began = time.monotonic()
    with workers_of(played) as workers:
        at_work = [workers.start(lease=LEASE) for _ in range(2)]
        for number in range(KILLS):
            asked += [ask(played, chance.choice(bots), chance) for _ in range(3)]
            played.hurry()
            time.sleep(chance.uniform(0.02, 0.5))
            if number % 3 == 0:
                # On a busy machine chance alone may hit no visit at all.
                wait_for(lambda: played.hurry() or visits_under_way(played), 60, "a worker visits an engine")
            workers.kill(at_work[number % 2])
            under_way += visits_under_way(played)
            at_work[number % 2] = workers.start(lease=LEASE)
            for bot in bots:
                assert len(engines_of(played, bot)[0]) <= 1, f"two engines of one bot, seed {seed}"
        for bot in chance.sample(bots, BOTS // 2):
            if played.row(bot).desired_state == "stopped":
                played.start(bot)
        deadline = time.monotonic() + 180
        while not all(settled(played, bot) for bot in bots):
            assert time.monotonic() < deadline, [
                (row.phase, row.desired_state, row.status, row.told[-3:]) for row in map(played.row, bots)
            ]
            time.sleep(0.1)
            # What waits after a failure, or for a lease of the dead, need not be waited for.
            played.sql("UPDATE bot_engines SET next_visit_at = now() WHERE phase = 'queued'")
    starts = sum(played.witness(bot).count("BEGIN") for bot in bots)
    sys.stdout.write(
        f"{KILLS} kills in {time.monotonic() - began:.0f} s, {under_way} leases under way, {starts} starts, "
        f"{ {what: asked.count(what) for what in sorted(set(asked))} }\n"
    )
    assert under_way, "the kills must hit visits under way"
    for bot in bots:
        row, (engines, launchers) = played.row(bot), engines_of(played, bot)
        is_on = row.desired_state == "running"
        assert "DOUBLE" not in played.witness(bot), f"seed {seed}"
        assert len(engines) == is_on, f"{row.phase}, seed {seed}"
        assert launchers == [], "a launcher was left behind"
        assert row.places == is_on
        assert not list(played.directory(bot).glob("*.draft")), "half a configuration was left behind"
        if is_on:
            config = json.loads((played.directory(bot) / "config.json").read_text())
            ((saved,),) = played.sql("SELECT config_json FROM bot_engines WHERE bot_id = %s", bot.pk)
            assert config["tradewise"] == saved, "it runs with what the trader saved last"
            assert row.exposed_host_port == config["api_server"]["listen_port"]
    ((taken,),) = played.sql("SELECT count(*) FROM engine_places WHERE bot_id IS NOT NULL")
    assert taken == sum(played.row(bot).desired_state == "running" for bot in bots)


def test_twenty_engines_are_each_launched_once_by_two_workers(played):
    bots = [played.launch() for _ in range(20)]
    with workers_of(played) as workers:
        for _ in range(2):
            workers.start(starts_at_once=20)
        deadline = time.monotonic() + 180
        while not all(played.row(bot).phase == "up" for bot in bots):
            assert time.monotonic() < deadline, [(row.phase, row.told[-1]) for row in map(played.row, bots)]
            time.sleep(0.2)
    assert [played.witness(bot) for bot in bots] == [["BEGIN"]] * 20
    ports = {played.row(bot).exposed_host_port for bot in bots}
    assert len(ports) == 20
    assert len({played.pid(bot) for bot in bots} - {0}) == 20
