"""What comes next, as a table, and what holds for every engine in every state whatever happens to it."""

import itertools
import uuid
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.enums import BotStatus, DesiredState, HealthReason, Phase, StopWay
from bots.reconciler import decide as rules
from bots.reconciler.decide import (
    DEAF,
    HUNG_SECONDS,
    HUNG_UNFINISHED,
    MOST_ATTEMPTS,
    READ_SECONDS,
    READY_SECONDS,
    STEADY_SECONDS,
    TERM_SECONDS,
    UNFINISHED,
    Do,
    Look,
    attempts_after,
    decide,
    pause_before,
)
from bots.reconciler.leased import Leased

ENGINE = Leased(
    id=1,
    tenant_id=uuid.UUID(int=1),
    bot_id="b1",
    phase=Phase.QUEUED,
    in_phase=1.0,
    desired=DesiredState.RUNNING,
    stop_way="",
    revision=2,
    running_revision=2,
    attempts=0,
    failure="",
    mode="simulated",
    allocation=Decimal(1000),
    config={"pairs": ["BTC/USDT"]},
    keys=None,
    handle="",
    ready_for=None,
    status=BotStatus.STARTING,
    health=HealthReason.OK,
    failures=0,
    in_health=1.0,
    api_url="http://127.0.0.1:18100",
    api_token="sealed",
    port=18100,
    command="",
    engine_state="running",
    measured_ago=0.0,
)
ALIVE, GONE = Look(alive=True), Look(alive=False, trouble="It broke.")
READY = Look(alive=True, answers=True)
STOPPED = {"desired": DesiredState.STOPPED}
HUNG = {
    "status": BotStatus.ERROR,
    "health": HealthReason.TIMED_OUT,
    "in_health": HUNG_SECONDS + 1,
    "failures": 3,
}


def stopped(way):
    return {**STOPPED, "stop_way": way}


TABLE = [
    # Waits for its turn.
    ("queued", {}, GONE, Do.LAUNCH),
    ("queued", {"desired": DesiredState.PAUSED}, GONE, Do.LAUNCH),
    ("queued", {}, ALIVE, Do.ADOPT),
    ("queued", {}, replace(GONE, starting=1), Do.WAIT),
    ("queued", {}, replace(GONE, starting=1, starts_at_once=2), Do.LAUNCH),
    ("queued", {}, replace(GONE, starting=3, starts_at_once=2), Do.WAIT),
    ("queued", {}, replace(ALIVE, starting=3), Do.ADOPT),
    *(("queued", stopped(way), GONE, Do.OFF) for way in StopWay),
    *(("queued", stopped(way), ALIVE, Do.TERMINATE) for way in StopWay),
    ("queued", {"desired": None}, GONE, Do.OFF),
    # Starting.
    ("launched", {}, ALIVE, Do.WAIT),
    ("launched", {}, READY, Do.READY),
    ("launched", {}, GONE, Do.FAIL),
    ("launched", {}, replace(GONE, ended_with_machine=True), Do.QUEUE),
    ("launched", {"in_phase": READY_SECONDS}, ALIVE, Do.WAIT),
    ("launched", {"in_phase": READY_SECONDS + 0.1}, ALIVE, Do.TERMINATE),
    ("launched", {"in_phase": READY_SECONDS + 0.1}, READY, Do.READY),
    ("launched", {}, replace(READY, missing=("A/B",)), Do.TERMINATE),
    ("launched", {}, replace(ALIVE, missing=("A/B",)), Do.WAIT),
    ("launched", {"revision": 3}, READY, Do.TERMINATE),
    ("launched", {"revision": 3}, GONE, Do.QUEUE),
    *(("launched", stopped(way), READY, Do.TERMINATE) for way in StopWay),
    *(("launched", stopped(way), GONE, Do.OFF) for way in StopWay),
    # Up.
    ("up", {}, ALIVE, Do.WAIT),
    ("up", {"desired": DesiredState.PAUSED}, ALIVE, Do.WAIT),
    ("up", {}, GONE, Do.FAIL),
    ("up", {}, replace(GONE, ended_with_machine=True), Do.QUEUE),
    ("up", {"revision": 3}, ALIVE, Do.TERMINATE),
    ("up", {"revision": 3}, GONE, Do.QUEUE),
    ("up", stopped(StopWay.NOW), ALIVE, Do.TERMINATE),
    ("up", stopped(StopWay.CLOSE), ALIVE, Do.WIND_DOWN),
    ("up", stopped(StopWay.EXITS), ALIVE, Do.WIND_DOWN),
    ("up", {**stopped(StopWay.EXITS), "revision": 3}, ALIVE, Do.WIND_DOWN),
    *(("up", stopped(way), GONE, Do.OFF) for way in StopWay),
    ("up", HUNG, ALIVE, Do.TERMINATE),
    ("up", {**HUNG, "in_health": HUNG_SECONDS}, ALIVE, Do.WAIT),
    ("up", {**HUNG, "in_health": None}, ALIVE, Do.WAIT),
    ("up", {**HUNG, "status": BotStatus.RUNNING}, ALIVE, Do.WAIT),
    *(("up", {**HUNG, "health": reason}, ALIVE, Do.TERMINATE) for reason in sorted(DEAF)),
    *(("up", {**HUNG, "health": reason}, ALIVE, Do.WAIT) for reason in sorted(set(HealthReason) - DEAF)),
    # Winding down.
    *(
        ("closing", stopped(way), replace(ALIVE, open_trades=0), Do.READ)
        for way in (StopWay.EXITS, StopWay.CLOSE)
    ),
    ("closing", stopped(StopWay.NOW), replace(ALIVE, open_trades=0), Do.TERMINATE),
    ("launched", {}, replace(ALIVE, is_former=True), Do.TERMINATE),
    *(("reading", stopped(way), ALIVE, Do.WAIT) for way in (StopWay.EXITS, StopWay.CLOSE)),
    ("reading", stopped(StopWay.NOW), ALIVE, Do.TERMINATE),
    ("reading", {**stopped(StopWay.CLOSE), "in_phase": 3.0, "read_ago": 2.0}, ALIVE, Do.TERMINATE),
    ("reading", {**stopped(StopWay.CLOSE), "in_phase": 3.0, "read_ago": 4.0}, ALIVE, Do.WAIT),
    ("reading", {**stopped(StopWay.EXITS), "in_phase": READ_SECONDS}, ALIVE, Do.WAIT),
    ("reading", {**stopped(StopWay.EXITS), "in_phase": READ_SECONDS + 1}, ALIVE, Do.TERMINATE),
    ("reading", {**stopped(StopWay.EXITS), "failures": 1}, ALIVE, Do.TERMINATE),
    *(("reading", stopped(way), GONE, Do.OFF) for way in StopWay),
    ("reading", {}, ALIVE, Do.GO_ON),
    ("reading", {"desired": DesiredState.PAUSED}, ALIVE, Do.GO_ON),
    ("reading", {}, GONE, Do.FAIL),
    ("closing", stopped(StopWay.NOW), replace(ALIVE, open_trades=2), Do.TERMINATE),
    ("closing", stopped(StopWay.NOW), ALIVE, Do.TERMINATE),
    *(
        ("closing", stopped(way), replace(ALIVE, open_trades=trades), Do.WIND_DOWN)
        for way in (StopWay.EXITS, StopWay.CLOSE)
        for trades in (1, 7, None)
    ),
    *(("closing", stopped(way), GONE, Do.OFF) for way in StopWay),
    ("closing", {}, ALIVE, Do.GO_ON),
    ("closing", {"desired": DesiredState.PAUSED}, replace(ALIVE, open_trades=0), Do.GO_ON),
    ("closing", {}, GONE, Do.FAIL),
    ("closing", {"revision": 3}, ALIVE, Do.GO_ON),
    ("closing", {"revision": 3}, GONE, Do.QUEUE),
    ("closing", {**HUNG, **stopped(StopWay.EXITS)}, ALIVE, Do.TERMINATE),
    ("closing", {**HUNG, **stopped(StopWay.EXITS), "in_health": HUNG_SECONDS}, ALIVE, Do.WIND_DOWN),
    ("closing", {**HUNG, **stopped(StopWay.CLOSE), "failures": 2}, ALIVE, Do.WIND_DOWN),
    ("closing", {**HUNG, **stopped(StopWay.CLOSE), "status": BotStatus.STOPPING}, ALIVE, Do.TERMINATE),
    # Ending.
    *(("ending", {"in_phase": TERM_SECONDS, **wanted}, ALIVE, Do.WAIT) for wanted in ({}, STOPPED)),
    *(("ending", {"in_phase": TERM_SECONDS + 0.1, **wanted}, ALIVE, Do.KILL) for wanted in ({}, STOPPED)),
    ("ending", STOPPED, GONE, Do.OFF),
    ("ending", {**STOPPED, "failure": "It hung."}, GONE, Do.OFF),
    ("ending", {}, GONE, Do.QUEUE),
    ("ending", {"revision": 3}, GONE, Do.QUEUE),
    ("ending", {"failure": "It hung."}, GONE, Do.FAIL),
    # At rest.
    *(
        (phase, wanted, look, Do.WAIT)
        for phase in ("off", "failed")
        for wanted in ({}, STOPPED)
        for look in (ALIVE, GONE)
    ),
]


@pytest.mark.parametrize(("phase", "changes", "look", "expected"), TABLE)
def test_what_comes_next(phase, changes, look, expected):
    assert decide(ENGINE._replace(phase=phase, **changes), look).do is expected


def test_sentences_are_those_of_the_cause():
    unready = decide(ENGINE._replace(phase="launched", in_phase=61), ALIVE)
    assert unready.sentence == "The engine was not ready within 60 seconds."
    unknown = decide(ENGINE._replace(phase="launched"), replace(READY, missing=("A/B", "C/B")))
    assert unknown.sentence.startswith("The exchange does not know A/B, C/B. ")
    assert unknown.final
    again = decide(ENGINE._replace(phase="ending", failure=unknown.sentence), GONE)
    assert (again.sentence, again.final) == (unknown.sentence, True)
    hung = decide(ENGINE._replace(phase="ending", failure="It hung."), GONE)
    assert (hung.sentence, hung.final) == ("It hung.", False)
    for phase in ("launched", "up", "closing"):
        for final in (True, False):
            failed = decide(ENGINE._replace(phase=phase), replace(GONE, final=final))
            assert (failed.sentence, failed.final) == ("It broke.", final)


def test_trades_that_are_left_open_are_told_and_only_those():
    closing = ENGINE._replace(phase="closing", desired=DesiredState.STOPPED)
    assert decide(closing._replace(stop_way=StopWay.EXITS), GONE).sentence == UNFINISHED
    assert decide(closing._replace(stop_way=StopWay.CLOSE), GONE).sentence == UNFINISHED
    assert decide(closing._replace(stop_way=StopWay.NOW), GONE).sentence == ""
    ending = closing._replace(phase="ending")
    assert decide(ending._replace(failure=HUNG_UNFINISHED), GONE).sentence == HUNG_UNFINISHED
    assert decide(ending._replace(failure="It was not ready."), GONE).sentence == ""


def test_it_is_tried_again_later_each_time():
    assert [pause_before(attempt) for attempt in (0, 1, 2, 3, 4, 5, 99)] == [3, 3, 10, 30, 60, 60, 60]


@pytest.mark.parametrize(
    ("phase", "failure", "ready_for", "expected"),
    [
        ("up", "", None, 4),
        ("up", "", STEADY_SECONDS - 0.1, 4),
        ("up", "", STEADY_SECONDS, 1),
        ("closing", "", STEADY_SECONDS, 1),
        ("ending", "It hung.", STEADY_SECONDS, 1),
        ("ending", "It was not ready.", None, 4),
        ("launched", "", None, 4),
        ("queued", "", None, 4),
    ],
)
def test_failures_are_counted_from_when_it_was_well(phase, failure, ready_for, expected):
    assert (
        attempts_after(ENGINE._replace(phase=phase, failure=failure, ready_for=ready_for, attempts=3))
        == expected
    )


ENGINES = st.builds(
    lambda phase, desired, way, in_phase, revision, attempts, failure, ready_for, health: ENGINE._replace(
        phase=phase,
        desired=desired,
        stop_way=way,
        in_phase=in_phase,
        revision=revision,
        attempts=attempts,
        failure=failure,
        ready_for=ready_for,
        **health,
    ),
    st.sampled_from(Phase),
    st.sampled_from([*DesiredState, None]),
    st.sampled_from(["", *StopWay]),
    st.sampled_from([0.0, TERM_SECONDS, TERM_SECONDS + 0.1, READY_SECONDS, READY_SECONDS + 0.1, 1e6]),
    st.sampled_from([2, 3]),
    st.integers(0, MOST_ATTEMPTS),
    st.sampled_from(["", "It hung.", HUNG_UNFINISHED]),
    st.sampled_from([None, 1.0, STEADY_SECONDS, 1e6]),
    st.sampled_from([HUNG, {}, {**HUNG, "in_health": 1.0}]),
)
LOOKS = st.builds(
    Look,
    alive=st.booleans(),
    ended_with_machine=st.booleans(),
    answers=st.booleans(),
    starting=st.integers(0, 3),
    starts_at_once=st.integers(1, 3),
    open_trades=st.sampled_from([None, 0, 1, 5]),
    trouble=st.sampled_from(["", "It broke."]),
    final=st.booleans(),
    missing=st.sampled_from([(), ("A/B",)]),
)


@settings(max_examples=1000, deadline=None)
@given(ENGINES, LOOKS)
def test_whatever_is_seen(engine, look):
    step = decide(engine, look)
    if look.alive:
        assert step.do not in (Do.LAUNCH, Do.OFF, Do.FAIL, Do.QUEUE), (
            "one that lives is neither doubled nor forgotten"
        )
    else:
        assert step.do not in (Do.ADOPT, Do.READY, Do.TERMINATE, Do.KILL, Do.WIND_DOWN, Do.GO_ON)
    if step.do is Do.KILL:
        assert engine.phase == Phase.ENDING
        assert engine.in_phase > TERM_SECONDS
    if step.do in (Do.LAUNCH, Do.ADOPT, Do.READY, Do.GO_ON, Do.QUEUE, Do.FAIL):
        assert engine.is_wanted
    if step.do in (Do.OFF, Do.WIND_DOWN):
        assert not engine.is_wanted
    if step.do is Do.LAUNCH:
        assert look.starting < look.starts_at_once
    assert step.wait > 0 or step.do in (Do.OFF, Do.FAIL, Do.QUEUE), "nothing is looked at without a pause"


@dataclass
class World:
    """An engine and its row, as the reconciler's writing and a machine would go on."""

    engine: Leased
    alive: bool
    trades: int
    #: What is wrong with the engine.
    is_broken: bool = False
    is_deaf: bool = False
    ignores_term: bool = False
    launches: int = 0
    given_up: bool = False

    def look(self):
        answers = self.alive and not self.is_deaf and not self.is_broken
        closes = self.engine.stop_way == StopWay.CLOSE or self.engine.in_phase > 30
        if self.engine.phase == Phase.CLOSING and answers and closes:
            self.trades = 0
        return Look(
            alive=self.alive,
            answers=answers,
            open_trades=self.trades if answers else None,
            trouble="It broke.",
        )

    def pass_by(self, seconds):
        health = {}
        if (self.is_deaf or self.is_broken) and self.engine.phase in (Phase.UP, Phase.CLOSING, Phase.READING):
            # As the sweep writes it; what winds down is called stopping all the same.
            status = BotStatus.ERROR if self.engine.phase == Phase.UP else BotStatus.STOPPING
            health = {**HUNG, "status": status, "in_health": (self.engine.in_health or 0) + seconds}
        self.engine = self.engine._replace(in_phase=self.engine.in_phase + seconds, **health)
        if self.is_broken and self.engine.phase == Phase.LAUNCHED:
            self.alive = False

    def phase(self, phase, **changes):
        same = self.engine.phase == phase
        changes = {"in_phase": self.engine.in_phase if same else 0.0, **changes}
        self.engine = self.engine._replace(phase=phase, **changes)

    def step(self):
        step = decide(self.engine, self.look())
        engine = self.engine
        match step.do:
            case Do.LAUNCH:
                assert not self.alive
                self.launches += 1
                self.alive = True
                self.phase(Phase.LAUNCHED, failure="", running_revision=engine.revision, ready_for=None)
            case Do.ADOPT:
                self.phase(Phase.LAUNCHED, failure="", ready_for=None)
            case Do.READY:
                self.phase(
                    Phase.UP, health=HealthReason.OK, failures=0, in_health=0.0, status=BotStatus.RUNNING
                )
            case Do.GO_ON:
                self.phase(Phase.UP)
            case Do.WIND_DOWN:
                self.phase(Phase.CLOSING)
            case Do.READ:
                self.phase(Phase.READING)
            case Do.TERMINATE:
                self.alive = self.alive and (self.ignores_term or self.is_deaf)
                self.phase(Phase.ENDING, failure=step.sentence)
            case Do.KILL:
                self.alive = False
            case Do.QUEUE:
                self.is_deaf = False
                self.phase(Phase.QUEUED, attempts=0)
            case Do.FAIL:
                self.is_deaf = False
                attempts = attempts_after(engine)
                self.given_up = step.final or attempts >= MOST_ATTEMPTS
                self.phase(Phase.FAILED if self.given_up else Phase.QUEUED, attempts=attempts, failure="")
            case Do.OFF:
                assert not self.alive
                self.phase(Phase.OFF, attempts=0, failure="", stop_way="")
        self.pass_by(max(step.wait, 0.1))


WORLDS = st.builds(
    World,
    ENGINES.filter(
        lambda engine: engine.phase not in (Phase.OFF, Phase.FAILED) and engine.desired is not None
    ),
    alive=st.booleans(),
    trades=st.integers(0, 3),
    is_broken=st.booleans(),
    is_deaf=st.booleans(),
    ignores_term=st.booleans(),
)


@settings(max_examples=1000, deadline=None)
@given(WORLDS)
def test_every_world_ends_as_it_is_wanted(world):
    """Within a few hundred steps, whatever the state it is found in and whatever is wrong with its engine."""
    # One more failure, of the state that it is found in, must not be the last that it may have.
    world.engine = world.engine._replace(attempts=min(world.engine.attempts, MOST_ATTEMPTS - 2))
    for _ in range(400):
        world.step()
    engine = world.engine
    if not engine.is_wanted:
        assert (engine.phase, world.alive) == (Phase.OFF, False)
        assert world.launches == 0
    elif world.is_broken and engine.phase != Phase.UP:
        assert (engine.phase, world.alive, world.given_up) == (Phase.FAILED, False, True)
        assert world.launches <= MOST_ATTEMPTS + 1
    else:
        assert (engine.phase, world.alive) == (Phase.UP, True)
        assert engine.revision == engine.running_revision
        assert world.launches <= 2


@settings(max_examples=300, deadline=None)
@given(
    WORLDS,
    st.lists(
        st.tuples(
            st.sampled_from(["running", "stopped", "paused"]), st.sampled_from(StopWay), st.integers(0, 40)
        )
    ),
)
def test_a_trader_who_changes_their_mind_gets_what_they_asked_for_last(world, minds):
    world.is_broken, world.engine = False, world.engine._replace(attempts=0)
    for desired, way, steps in minds:
        started = desired != "stopped" and world.engine.phase in (Phase.OFF, Phase.FAILED)
        if started:
            world.phase(Phase.QUEUED, attempts=0, failure="")
        world.engine = world.engine._replace(desired=desired, stop_way=way if desired == "stopped" else "")
        for _ in range(steps):
            world.step()
    for _ in range(400):
        world.step()
    up = world.engine.is_wanted
    assert (world.engine.phase, world.alive) == ((Phase.UP, True) if up else (Phase.OFF, False))


def test_a_failure_counts_up_to_the_limit_and_is_given_up_then():
    world = World(ENGINE, alive=False, trades=0, is_broken=True)
    counts = [0]
    while not world.given_up:
        world.step()
        if world.engine.attempts != counts[-1]:
            counts.append(world.engine.attempts)
    assert counts == list(range(MOST_ATTEMPTS + 1))
    assert world.launches == MOST_ATTEMPTS


def test_the_table_holds_every_pair_of_phase_and_wish():
    seen = {(phase, str(changes.get("desired", "running")) == "stopped") for phase, changes, _, _ in TABLE}
    assert seen == set(itertools.product([phase.value for phase in Phase], [True, False]))
    assert {expected for _, _, _, expected in TABLE} == set(Do)
    assert rules.TERM_SECONDS < rules.READY_SECONDS
