"""Places on a machine: reported, taken, given back, and refused when there are none."""

import threading
from dataclasses import replace

import pytest
from django.db import connections

from bots.exceptions import NoPlace
from bots.models import EnginePlace
from bots.reconciler import reconcile
from bots.runtimes.process import ProcessRuntime
from tests.factories.accounts import UserFactory
from tests.logins import as_login
from tests.reconciler.conftest import Fleet, played_environment
from tradewise.simulation import installation
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def places(played):
    return [row.port for row in played.sql("SELECT port FROM engine_places ORDER BY port")]


def with_memory(played, engines):
    played.machine = replace(played.machine, memory=int(engines * played.machine.engine_memory))
    played.tick()


def test_a_machine_offers_as_many_places_as_its_memory_bears(played):
    assert places(played) == list(played.machine.ports)
    (host,) = played.sql("SELECT * FROM engine_hosts")
    assert (host.name, host.places, host.runtime, host.simulates) == (
        played.machine.host,
        24,
        "process",
        True,
    )
    with_memory(played, 3)
    assert places(played) == list(played.machine.ports)[:3]
    assert played.sql("SELECT places FROM engine_hosts")[0].places == 3
    with_memory(played, 3.9)
    assert len(places(played)) == 3
    with_memory(played, 500)
    assert places(played) == list(played.machine.ports)


def test_a_place_that_is_taken_stays_until_it_is_given_back(played):
    bots = [played.launch() for _ in range(3)]
    played.until_up(bots[2])
    with_memory(played, 1)
    assert places(played) == list(played.machine.ports)[:3]
    played.stop(bots[2])
    played.until_off(bots[2])
    played.tick()
    assert places(played) == list(played.machine.ports)[:2]


def test_a_machine_that_is_full_refuses_and_reserves_nothing(played):
    with_memory(played, 2)
    played.launch()
    second = played.launch()
    with pytest.raises(NoPlace, match="All 2 places"):
        played.launch()
    assert played.sql("SELECT count(*) FROM bots")[0].count == 2
    played.stop(second)
    played.until_off(second)
    assert played.row(played.launch()).exposed_host_port == played.machine.ports[1]


def test_there_is_no_place_while_freqtrade_is_not_installed(played, tmp_path):
    environment = played_environment(tmp_path / "unfinished")
    stamp = environment / installation._STAMP
    fingerprint = stamp.read_text()
    stamp.unlink()
    played.runtime = ProcessRuntime(played.machine.directory, environment=environment)
    played.tick()
    assert places(played) == []
    assert played.sql("SELECT places FROM engine_hosts")[0].places == 0
    with pytest.raises(NoPlace, match="No machine of TradeWise"):
        played.launch()
    stamp.write_text(fingerprint)
    played.tick()
    assert len(places(played)) == 24


def test_a_machine_that_has_not_reported_for_a_minute_gets_no_bot(played):
    played.sql("UPDATE engine_hosts SET seen_at = now() - interval '61 s'")
    with pytest.raises(NoPlace, match="within the last minute"):
        played.launch()
    played.tick()
    played.launch()


def test_a_bot_starts_on_the_machine_that_has_its_directory(played):
    bot = played.launch()
    played.stop(bot)
    played.until_off(bot)
    second = replace(played.machine, host=f"{played.machine.host}-b", memory=10**6)
    with as_login("tw_worker"):
        reconcile(second, ProcessRuntime(second.directory / "b", environment=played.runtime.environment))
    played.sql(
        "UPDATE engine_hosts SET seen_at = now() - interval '1 h' WHERE name = %s", played.machine.host
    )
    with pytest.raises(NoPlace, match="No machine of TradeWise that could run this bot"):
        played.start(bot)
    new = played.launch()
    assert played.row(new).host == second.host
    report = played.tick()
    assert report.visited == 0, "a machine looks after its own engines alone"


def test_a_tenant_may_run_as_many_as_its_limit(played):
    played.settings.BOT_ENGINES_PER_TENANT = 1
    first = played.launch()
    with pytest.raises(NoPlace, match=r"1 of your bots run .* may run 1 at the same time"):
        played.launch()
    played.sql("INSERT INTO engine_limits (tenant_id, engines) VALUES (%s, 2)", played.trader.tenant_id)
    played.launch()
    with pytest.raises(NoPlace, match="may run 2"):
        played.launch()
    played.sql("UPDATE engine_limits SET engines = 0")
    with pytest.raises(NoPlace, match="may run 0"):
        played.launch()
    played.stop(first)
    played.until_off(first)
    with pytest.raises(NoPlace):
        played.start(first)
    assert played.row(first).phase == "off"


def test_one_tenants_limit_is_not_anothers(played):
    bob = UserFactory(email="bob@example.com")
    played.sql("INSERT INTO engine_limits (tenant_id, engines) VALUES (%s, 0)", bob.tenant_id)
    bobs = Fleet(played.machine, played.runtime, bob, played.settings)
    with pytest.raises(NoPlace, match="0 of your bots run"):
        bobs.launch()
    played.launch()


def test_a_taken_place_is_not_seen_by_another_tenant(played):
    """Row-level security hides it, so nobody can take it or tell how busy another is."""
    bot = played.launch()
    bob = UserFactory(email="bob@example.com")
    bobs = Fleet(played.machine, played.runtime, bob, played.settings)
    other = bobs.launch()
    assert played.row(other).exposed_host_port != played.row(bot).exposed_host_port
    with tenant_context(bob.tenant_id, actor=str(bob.pk)):
        seen = list(EnginePlace.across_tenants.filter(bot__isnull=False).values_list("bot_id", flat=True))
        assert seen == [other.pk]
        assert EnginePlace.across_tenants.count() == 23


def test_two_that_start_at_the_same_moment_never_get_one_place(played):
    traders = [UserFactory(email=f"t{number}@example.com") for number in range(6)]
    with_memory(played, 4)
    outcomes: list[str] = []
    gate = threading.Barrier(6)

    def launch(trader):
        gate.wait()
        try:
            Fleet(played.machine, played.runtime, trader, played.settings).launch()
            outcomes.append("up")
        except NoPlace:
            outcomes.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=launch, args=(trader,)) for trader in traders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["refused"] * 2 + ["up"] * 4
    assert played.sql("SELECT count(DISTINCT exposed_host_port) FROM bots")[0].count == 4


def test_reporting_again_uses_up_no_numbers(played):
    """A tick comes every two seconds, for years, and a place's number is one of two thousand million."""
    last = "SELECT last_value FROM engine_places_id_seq"
    before = played.sql(last)
    for _ in range(3):
        played.tick()
    assert played.sql(last) == before
