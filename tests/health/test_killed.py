"""The worker killed with -9 in mid sweep, twenty times at random, beside another that goes on.

A trigger bears witness to every write-back. A check is written once, by whoever holds its lease then, and no bot
waits longer than a lease for the one who died with it.
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers

ROUNDS, BOTS, SLOW, LEASE = 20, 200, 12, 2

WITNESS = """
CREATE TABLE witness (bot_id int, token uuid, lease_until timestamptz, before bigint, after bigint, at timestamptz);
CREATE FUNCTION bear_witness() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
    INSERT INTO witness VALUES
        (NEW.id, OLD.lease_token, OLD.lease_until, OLD.checks, NEW.checks, clock_timestamp());
    RETURN NULL; END $$;
CREATE TRIGGER bear_witness AFTER UPDATE ON bots FOR EACH ROW
    WHEN (NEW.checks <> OLD.checks OR NEW.last_ping IS DISTINCT FROM OLD.last_ping) EXECUTE FUNCTION bear_witness()"""


@pytest.fixture
def launch(settings) -> Iterator[Callable[[], int]]:
    """Starts a sweeping process and returns its id."""
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.worker",
        "TRADEWISE_DATABASE": servers.process_database(),
        "EGRESS_ALLOW": settings.EGRESS_ALLOW,
        "PYTHONPATH": str(servers.ROOT),
    }
    pids: list[int] = []
    with subprocess.Popen(
        [sys.executable, Path(__file__).with_name("killed_worker.py")],
        env=environment,
        cwd=servers.ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as launcher:
        assert launcher.stdin is not None
        assert launcher.stdout is not None
        answers = launcher.stdout

        def start() -> int:
            print(LEASE, file=launcher.stdin, flush=True)
            pids.append(int(answers.readline()))
            return pids[-1]

        try:
            yield start
        finally:
            for pid in pids:
                kill(pid)
            launcher.stdin.close()


def kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    while Path("/proc", str(pid)).exists():
        time.sleep(0.002)


@pytest.fixture
def witness(sql) -> Iterator[None]:
    sql(WITNESS)
    yield
    sql("DROP TRIGGER bear_witness ON bots; DROP FUNCTION bear_witness(); DROP TABLE witness")


def test_no_check_is_lost_beyond_its_lease_and_none_is_written_twice(town, launch, connected, sql, witness):
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    for number in range(BOTS):
        played = town.bot()
        # These answer when their lease is over: whoever asked them comes too late to write.
        played.delay = LEASE * 1.5 if number < SLOW else 0.0
        connected(played.url)
    for _ in range(2):
        launch()
    orphans = 0
    for _ in range(ROUNDS):
        victim = launch()
        sql.make_due()
        time.sleep(chance.uniform(0.05, 0.5))
        kill(victim)
        orphans += sql("SELECT count(*) FROM bots WHERE lease_until > now()")[0][0]
    ((last_kill,),) = sql("SELECT now()")
    quick = "SELECT count(*) FROM bots WHERE checked_at > %s AND api_url NOT LIKE ALL (%s)"
    slow = [f"%/b{number}" for number in range(SLOW)]
    # The lease, a sweep that waits for the slow, its turn: 7 s on a machine that does nothing else.
    deadline = time.monotonic() + 60
    while sql(quick, last_kill, slow)[0][0] < BOTS - SLOW:
        assert time.monotonic() < deadline, "a bot was not checked although the lease of the dead is over"
        time.sleep(0.05)
    ((writes, kept, twice, wrong, checks),) = sql(
        """SELECT count(*) AS writes, count(*) FILTER (WHERE token IS NOT NULL) AS kept,
                  count(*) - count(DISTINCT (bot_id, lease_until)) AS twice,
                  count(*) FILTER (WHERE after <> before + 1) AS wrong,
                  (SELECT sum(checks) FROM bots) AS checks FROM witness"""
    )
    sys.stdout.write(
        f"\n{ROUNDS} kills, {BOTS} bots, seed {seed}: {writes} writes, {orphans} leases under way at the kills\n"
    )
    assert orphans > ROUNDS, "the kills must hit sweeps under way"
    assert (kept, twice, wrong) == (writes, 0, 0)
    assert checks == writes
    # The first look at each bot is told, with its figures, in the transaction that wrote it.
    ((events, told, samples),) = sql(
        """SELECT count(*) AS events, count(DISTINCT bot_id) AS told,
                  (SELECT count(*) FROM bot_samples) AS samples FROM bot_events"""
    )
    assert events == told == samples >= BOTS - SLOW
