"""Signed questions are checked as Binance documents it, and each mistake has Binance's code."""

import hashlib
import hmac
import http.client
import json
import time

import pytest

from tradewise.simulation.answers import ApiError, Signature
from tradewise.simulation.dialect import Dialect
from tradewise.simulation.keys import KEYS, SECRET
from tradewise.simulation.market import DAY, LISTED_AT, Market

NOW = LISTED_AT + 50 * DAY
PATH = "/sapi/v1/account/apiRestrictions"
KEY = "simulated-trade-only"


def signed(query: str, secret: str = SECRET) -> str:
    return f"{query}&signature={hmac.new(secret.encode(), query.encode(), hashlib.sha256).hexdigest()}"


def ask(query: str, key: str | None = KEY):
    parameters = dict(part.split("=", 1) for part in query.split("&") if part)
    return Dialect(Market(), clock=lambda: NOW).answer(PATH, parameters, Signature(query, key))


def test_the_example_of_binances_documentation_is_signed_alike():
    query = (
        "symbol=LTCBTC&side=BUY&type=LIMIT&timeInForce=GTC&quantity=1&price=0.1&recvWindow=5000"
        "&timestamp=1499827319559"
    )
    secret = "NhqPtmdSJYdKjVHjA7PZj4Mge3R5YNiP1e3UZjInClVN65XAbvqqM6A7H5fATj0j"
    expected = "c8db56825ae71d6d79447849e617115f4a920fa2acdcab2b053c4b2838bd6b71"
    assert signed(query, secret) == f"{query}&signature={expected}"


@pytest.mark.parametrize("key", KEYS)
def test_each_key_is_told_what_it_may_do(key):
    said = ask(signed(f"timestamp={NOW}"), key)
    assert said["enableWithdrawals"] is (key == "simulated-withdrawals")
    assert said["enableSpotAndMarginTrading"] is (key != "simulated-read-only")
    assert said["enableReading"] is (key != "simulated-no-reading")


@pytest.mark.parametrize(
    "query",
    [
        f"timestamp={NOW}&recvWindow=5000",
        f"recvWindow=60000&timestamp={NOW - 60_000}",
        f"timestamp={NOW - 5_000}",
        f"timestamp={NOW + 999}",
    ],
)
def test_a_question_in_time_is_answered_in_whatever_order(query):
    assert ask(signed(query))["enableReading"] is True


GOOD = f"timestamp={NOW}"


@pytest.mark.parametrize(
    ("query", "key", "status", "code"),
    [
        (signed(GOOD), None, 401, -2014),
        (signed(GOOD), "", 401, -2014),
        (signed(GOOD), "ä", 401, -2014),
        (signed(GOOD), "x" * 65, 401, -2014),
        (signed(GOOD), "simulated-unknown", 401, -2015),
        (GOOD, KEY, 400, -1102),
        (f"{GOOD}&signature=", KEY, 400, -1102),
        (signed("recvWindow=5000"), KEY, 400, -1102),
        (signed("timestamp=x"), KEY, 400, -1100),
        (signed("timestamp=-1"), KEY, 400, -1130),
        (signed(f"{GOOD}&recvWindow=60001"), KEY, 400, -1131),
        (signed(f"{GOOD}&recvWindow=x"), KEY, 400, -1100),
        (signed(f"timestamp={NOW - 5_001}"), KEY, 400, -1021),
        (signed(f"timestamp={NOW - 11}&recvWindow=10"), KEY, 400, -1021),
        (signed(f"timestamp={NOW + 1_000}"), KEY, 400, -1021),
        (signed(GOOD, "another"), KEY, 400, -1022),
        (f"{GOOD}&signature=ä", KEY, 400, -1022),
        (signed(GOOD) + "0", KEY, 400, -1022),
        (signed(GOOD).replace("timestamp", "recvWindow=6&timestamp"), KEY, 400, -1022),
        (signed(f"{GOOD}&more=1"), KEY, 400, -1104),
    ],
)
def test_each_mistake_has_binances_code(query, key, status, code):
    with pytest.raises(ApiError) as refusal:
        ask(query, key)
    assert (refusal.value.status, refusal.value.code) == (status, code)
    assert SECRET not in str(refusal.value)


def test_the_key_is_read_from_the_header_of_the_request(exchange):
    def get(headers):
        connection = http.client.HTTPConnection("127.0.0.1", exchange.port, timeout=5)
        query = signed(f"timestamp={time.time_ns() // 1_000_000}&recvWindow=5000")
        connection.request("GET", f"{PATH}?{query}", headers=headers)
        response = connection.getresponse()
        body = json.loads(response.read())
        connection.close()
        return response.status, body.get("code"), body.get("enableReading")

    assert get({"x-mbx-apikey": KEY}) == (200, None, True)
    assert get({}) == (401, -2014, None)
