"""Whoever answers is not kept waiting by whoever does not, and nothing starts without a place."""

import asyncio
import time

from bots.health.lanes import Lanes


class Street:
    """Checks that take the seconds they are told, and what was seen of them."""

    def __init__(self):
        self.running = self.most = 0
        self.order = []

    async def check(self, seconds):
        self.running += 1
        self.most = max(self.most, self.running)
        await asyncio.sleep(seconds)
        self.running -= 1
        self.order.append(seconds)
        return seconds


def drive(street, *, quick, slow, patience, items=(), suspects=(), check=None):
    async def go():
        lanes = Lanes(check or street.check, quick=quick, slow=slow, patience=patience)
        lanes.add_suspects(suspects)
        lanes.add(items)
        while not lanes.is_idle:
            await lanes.wait(5.0, enough=10_000)
        return lanes

    return asyncio.run(go())


def test_no_more_run_at_once_than_there_are_places():
    street = Street()
    lanes = drive(street, quick=3, slow=0, patience=60, items=[0.01] * 20)
    assert street.most == 3
    assert len(lanes.take()) == 20


def test_a_slow_one_gives_its_place_away_and_still_comes_to_its_end():
    street = Street()
    started = time.monotonic()
    lanes = drive(street, quick=1, slow=5, patience=0.1, items=[1.0, 1.0, 0.01, 0.02])
    assert street.order == [0.01, 0.02, 1.0, 1.0]
    assert lanes.slowed == 2
    assert time.monotonic() - started < 1.8


def test_a_full_slow_lane_takes_nobody_in():
    street = Street()
    lanes = drive(street, quick=1, slow=1, patience=0.05, items=[0.6, 0.6, 0.01])
    assert street.most == 2
    assert len(lanes.take()) == 3


def test_who_failed_before_begins_in_the_slow_lane():
    street = Street()
    drive(street, quick=1, slow=2, patience=60, suspects=[0.4, 0.4], items=[0.01, 0.02])
    assert street.order == [0.01, 0.02, 0.4, 0.4]


def test_a_process_that_is_behind_does_not_blame_its_checks():
    async def busy(_):
        for _ in range(4):
            time.sleep(0.12)  # noqa: ASYNC251 - what a machine out of breath looks like
            await asyncio.sleep(0)

    assert drive(None, quick=1, slow=5, patience=0.3, items=[1, 2], check=busy).slowed == 0


def test_what_is_abandoned_is_cancelled():
    street = Street()

    async def go():
        lanes = Lanes(street.check, quick=2, slow=2, patience=0.05)
        lanes.add([60.0] * 5)
        await lanes.wait(0.2, enough=1)
        await lanes.abandon()
        return lanes

    lanes = asyncio.run(go())
    assert lanes.is_idle
    assert lanes.take() == []
