"""Many callers at once, around midnight and with a clock that jumps: every question is answered, and rightly."""

import http.client
import json
import random
import sys
import threading
import time
from contextlib import contextmanager

import pytest

from tradewise.simulation.dialect import Dialect
from tradewise.simulation.market import DAY, LISTED_AT, SYMBOLS, Market
from tradewise.simulation.server import Exchange

CALLERS, SECONDS = 12, 6.0
MIDNIGHT = LISTED_AT + 50 * DAY


@contextmanager
def serving(dialect):
    with Exchange(("127.0.0.1", 0), dialect) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def get(connection, path):
    connection.request("GET", path)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def question(source):
    symbol = source.choice(list(SYMBOLS))
    return source.choice(
        [
            *[f"/api/v3/depth?symbol={symbol}&limit={source.choice([5, 100])}"] * 6,
            f"/api/v3/klines?symbol={symbol}&interval={source.choice(['1m', '1h'])}&limit=20",
            f"/api/v3/ticker/24hr?symbol={symbol}",
            "/api/v3/ticker/price",
            "/_control/mode",
            "/_control/stats",
        ]
    )


@pytest.fixture
def impatient():
    """Threads change places as often as they can, as on a machine with too much to do."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


def test_nobody_in_a_crowd_is_refused_at_midnight_with_a_clock_that_jumps(impatient, capfd):
    refused, answered = [], []

    def caller(server, number):
        source, deadline, mine = random.Random(number), time.monotonic() + SECONDS, 0
        while time.monotonic() < deadline:
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
            try:
                for _ in range(source.choice([1, 20])):
                    path = question(source)
                    status, body = get(connection, path)
                    mine += 1
                    if status != 200 or ("depth" in path and not body["bids"][0] < body["asks"][0]):
                        refused.append((path, status, body))
            except (OSError, http.client.HTTPException) as error:
                refused.append((path, repr(error), None))
            finally:
                connection.close()
        answered.append(mine)

    clock = random.Random(7)
    market = Market()
    with serving(Dialect(market, clock=lambda: MIDNIGHT + clock.choice([-DAY, -1, 0, 1, 14_999]))) as server:
        crowd = [threading.Thread(target=caller, args=(server, number)) for number in range(CALLERS)]
        for each in crowd:
            each.start()
        for each in crowd:
            each.join()
    assert refused == []
    assert sum(answered) > 200
    assert "Traceback" not in capfd.readouterr().err


def test_who_only_looks_at_the_fault_does_not_bring_an_old_one_back():
    """A look that read the old mode, and was overtaken by who ended it, once wrote the old one again."""
    server = Exchange(("127.0.0.1", 0), Dialect(Market()))
    with server:
        written = []

        class Watched(type(server)):  # type: ignore[misc]
            def __setattr__(self, name, value):
                written.append(name)
                super().__setattr__(name, value)

        server.__class__ = Watched
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        assert get(connection, "/_control/mode") == (200, {"mode": "ok", "delay": 15.0})
        assert not {"mode", "delay"} & set(written)
        get(connection, "/_control/mode?set=down")
        assert "mode" in written
        assert "delay" not in written
        connection.close()
        server.shutdown()
        thread.join()


def test_a_mistake_of_the_exchange_itself_is_answered_and_seen(capfd):
    """Swallowed, it would look to the bot like a network that breaks, and nobody would ever learn why."""

    def broken() -> int:
        raise RuntimeError("the clock is broken")

    with serving(Dialect(Market(), clock=broken)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=5)
        status, body = get(connection, "/api/v3/depth?symbol=BTCUSDT")
        connection.close()
    assert (status, body["code"]) == (500, -1000)
    assert "the clock is broken" not in body["msg"]
    assert "RuntimeError: the clock is broken" in capfd.readouterr().err
