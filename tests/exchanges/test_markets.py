"""Which pairs there are: of the simulated exchange, and of exchanges that answer anything at all."""

import json
from decimal import Decimal
from typing import Any

import pytest

from bots.exchanges import NoAnswer, ask_markets, binance
from tradewise.simulation.market import SYMBOLS

INFO, PRICE = "/api/v3/exchangeInfo", "/api/v3/ticker/price"
PAIRS = [f"{symbol.base}/{symbol.quote}" for symbol in SYMBOLS.values()]
BTC = {
    "symbol": "BTCUSDT",
    "status": "TRADING",
    "baseAsset": "BTC",
    "quoteAsset": "USDT",
    "isSpotTradingAllowed": True,
    "filters": [{"filterType": "NOTIONAL", "minNotional": "5.00000000"}],
}


def test_every_pair_of_the_exchange_is_found_with_two_questions(exchange):
    before = exchange.stats()
    found = ask_markets(exchange.url, PAIRS, simulated=True)
    after = exchange.stats()
    assert [after.get(path, 0) - before.get(path, 0) for path in (INFO, PRICE)] == [1, 1]
    assert list(found.by_pair) == PAIRS
    assert (found.unknown, found.paused) == ((), ())
    for market in found.by_pair.values():
        assert market.smallest_order == Decimal(5)
        assert market.price is not None
        assert market.price > 0


def test_one_unknown_pair_does_not_hide_the_others(exchange):
    found = ask_markets(exchange.url + "/", ["BTC/USDT", "DOGE/USDT", "ETH/USDT"], simulated=True)
    assert found.unknown == ("DOGE/USDT",)
    assert [found.by_pair[pair].trading for pair in found.by_pair] == [True, False, True]
    assert found.by_pair["BTC/USDT"].price is not None
    assert found.by_pair["DOGE/USDT"].price is None


def test_only_unknown_pairs_are_an_answer_too(exchange):
    assert ask_markets(exchange.url, ["DOGE/USDT"], simulated=True).unknown == ("DOGE/USDT",)
    assert len(ask_markets(exchange.url, [f"A{n}/USDT" for n in range(20)], simulated=True).unknown) == 20


def test_a_pair_that_only_looks_like_the_symbol_is_unknown(exchange):
    assert ask_markets(exchange.url, ["BTCU/SDT"], simulated=True).unknown == ("BTCU/SDT",)


@pytest.mark.parametrize(
    "pair", ["", "BTCUSDT", "btc/usdt", 'A"/B', "A/B/C", "A/B&x=1", "Ä/USDT", "A" * 20 + "/B", "BTC/USDT\n"]
)
def test_what_is_no_pair_is_unknown_and_not_asked_for(played, asking, pair):
    assert asking(binance.markets, played.url, [pair]).unknown == (pair,)
    assert played.asked == []


def test_more_pairs_than_can_be_asked_for_are_refused():
    with pytest.raises(ValueError, match="20"):
        ask_markets("http://127.0.0.1:1", [f"A{n}/B" for n in range(21)], simulated=True)


@pytest.mark.parametrize(
    ("mode", "words"), [("down", "trouble"), ("throttled", "no more questions"), ("stop", "reached")]
)
def test_an_exchange_that_is_away_is_said_to_be(exchange, mode, words):
    getattr(exchange, mode)()
    with pytest.raises(NoAnswer, match=words) as silence:
        ask_markets(exchange.url, ["BTC/USDT"], simulated=True)
    assert silence.value.sentence.endswith(".")


def test_a_slow_exchange_is_not_waited_for(exchange, monkeypatch):
    monkeypatch.setattr("bots.exchanges.TOTAL_SECONDS", 0.3)
    exchange.slow(2)
    with pytest.raises(NoAnswer, match="in time"):
        ask_markets(exchange.url, ["BTC/USDT"], simulated=True)


def test_a_missing_price_hinders_nothing(played, asking):
    played.answers = {INFO: {"symbols": [BTC]}}
    bad: list[Any] = [(500, b""), b"[", {}, [1, {}, {"symbol": "BTCUSDT", "price": "-1"}], [{"price": "1"}]]
    for answer in bad:
        played.answers[PRICE] = answer
        market = asking(binance.markets, played.url, ["BTC/USDT"]).by_pair["BTC/USDT"]
        assert (market.known, market.trading, market.price) == (True, True, None)


def test_the_last_price_is_exact(played, asking):
    played.answers = {INFO: {"symbols": [BTC]}, PRICE: [{"symbol": "BTCUSDT", "price": "64000.12345678"}]}
    found = asking(binance.markets, played.url, ["BTC/USDT"])
    assert found.by_pair["BTC/USDT"].price == Decimal("64000.12345678")


@pytest.mark.parametrize(
    ("changes", "trading", "smallest"),
    [
        ({"status": "BREAK"}, False, 5),
        ({"status": ["TRADING"]}, False, 5),
        ({"isSpotTradingAllowed": False}, False, 5),
        ({"filters": None}, True, None),
        ({"filters": [3, None, {}, {"filterType": {}}]}, True, None),
        ({"filters": [{"filterType": "NOTIONAL"}]}, True, None),
        ({"filters": [{"filterType": "NOTIONAL", "minNotional": "NaN"}]}, True, None),
        ({"filters": [{"filterType": "MIN_NOTIONAL", "minNotional": 10}]}, True, 10),
        ({"filters": [{"filterType": "NOTIONAL", "minNotional": "-5"}]}, True, None),
    ],
)
def test_every_field_may_be_missing_or_strange(played, asking, changes, trading, smallest):
    played.answers = {INFO: {"symbols": [BTC | changes]}}
    market = asking(binance.markets, played.url, ["BTC/USDT"]).by_pair["BTC/USDT"]
    assert (market.known, market.trading, market.smallest_order) == (True, trading, smallest)


@pytest.mark.parametrize(
    "listing", [3, None, [], {}, {"symbol": []}, {"symbol": "BTCUSDT"}, BTC | {"baseAsset": 7}]
)
def test_what_is_not_clearly_listed_is_not_known(played, asking, listing):
    played.answers = {INFO: {"symbols": [listing]}}
    assert asking(binance.markets, played.url, ["BTC/USDT"]).unknown == ("BTC/USDT",)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>",
        b"[" * 1000,
        b"\xff\xfe",
        [],
        {},
        {"symbols": None},
        {"symbols": {"BTCUSDT": BTC}},
        b" " * 2_000_000,
        (400, {"code": "-1121x"}),
        (400, {"code": -1100}),
        (302, b""),
        (451, {"code": 0}),
        (403, b"<html>"),
        (200, {"code": -1121}),
    ],
)
def test_an_answer_that_is_none_is_never_taken_for_unknown_pairs(played, asking, answer):
    played.answers = {INFO: answer}
    with pytest.raises(NoAnswer) as silence:
        asking(binance.markets, played.url, ["BTC/USDT", "ETH/USDT"])
    assert silence.value.sentence.endswith(".")


def test_a_failure_among_single_questions_is_a_failure_of_all(played, asking):
    def info(query):
        names = json.loads(query["symbols"])
        if names == ["BTCUSDT"]:
            return {"symbols": [BTC]}
        return (400, {"code": -1121}) if len(names) > 1 else (503, b"")

    played.answers = {INFO: info}
    with pytest.raises(NoAnswer, match="trouble"):
        asking(binance.markets, played.url, ["BTC/USDT", "ETH/USDT"])
    assert len(played.asked) == 3
