"""What keys may do, and that neither they nor their signature are found anywhere but at the exchange."""

import asyncio
import hashlib
import hmac
import logging
import socket
import traceback
from urllib.parse import parse_qsl, urlsplit

import pytest
from django.views.debug import ExceptionReporter

from bots.exchanges import KeysRefused, ask_permissions, binance, client_for
from tradewise.egress import EgressError, Failure
from tradewise.simulation.keys import KEYS, SECRET

RESTRICTIONS = "/sapi/v1/account/apiRestrictions"
FINE = {
    "ipRestrict": False,
    "enableReading": True,
    "enableSpotAndMarginTrading": True,
    "enableWithdrawals": False,
}
KEY, CANARY = "kanarienvogel-key-7731", "kanarienvogel-secret-7731"


def refusal_of(url: str, key: str, secret: str) -> KeysRefused:
    with pytest.raises(KeysRefused) as caught:
        ask_permissions(url, key, secret, simulated=True)
    assert str(caught.value) == caught.value.sentence
    assert caught.value.sentence.endswith(".")
    return caught.value


def test_keys_that_may_read_and_trade_are_fine(exchange):
    found = ask_permissions(exchange.url, "simulated-trade-only", SECRET, simulated=True)
    assert (found.may_read, found.may_trade, found.may_withdraw) == (True, True, False)
    assert found.is_bound_to_addresses is False
    assert ask_permissions(
        f"{exchange.url}/", "simulated-bound", SECRET, simulated=True
    ).is_bound_to_addresses


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [
        ("simulated-withdrawals", SECRET, "may withdraw money. Make one that may read and trade spot only"),
        ("simulated-read-only", SECRET, "may not trade"),
        ("simulated-no-reading", SECRET, "may not read"),
        ("simulated-unknown", SECRET, "does not take this API key"),
        ("simulated_trade_only", SECRET, "does not take this API key"),
        ("simulated-trade-only", "another", "does not belong to this API key"),
    ],
)
def test_all_other_keys_are_refused_for_good_and_with_the_reason(exchange, key, secret, words):
    refusal = refusal_of(exchange.url, key, secret)
    assert words in refusal.sentence
    assert refusal.is_certain


@pytest.mark.parametrize("text", ["", "a b", "a\r\nX: y", "ä", "a\0", "x" * 257])
def test_what_cannot_be_sent_is_refused_and_not_asked(played, text):
    for key, secret in ((text, "s"), ("k", text)):
        refusal = refusal_of(played.url, key, secret)
        assert refusal.is_certain
        assert text == "" or text not in refusal.sentence
    assert played.asked == []


@pytest.mark.parametrize("minutes", [-10, 10])
def test_a_clock_that_is_wrong_is_not_blamed_on_the_keys(exchange, asking, minutes):
    late = binance.milliseconds() + minutes * 60_000
    with pytest.raises(KeysRefused, match="clock") as caught:
        asking(binance.key_permissions, exchange.url, "simulated-trade-only", SECRET, clock=lambda: late)
    assert not caught.value.is_certain


@pytest.mark.parametrize(
    ("mode", "words"), [("down", "trouble"), ("throttled", "no more questions"), ("stop", "reached")]
)
def test_an_exchange_that_is_away_says_nothing_about_the_keys(exchange, mode, words):
    getattr(exchange, mode)()
    refusal = refusal_of(exchange.url, "simulated-trade-only", SECRET)
    assert words in refusal.sentence
    assert not refusal.is_certain


def test_a_slow_exchange_is_not_waited_for(exchange, monkeypatch):
    monkeypatch.setattr("bots.exchanges.TOTAL_SECONDS", 0.3)
    exchange.slow(2)
    refusal = refusal_of(exchange.url, "simulated-trade-only", SECRET)
    assert "in time" in refusal.sentence
    assert not refusal.is_certain


def test_the_question_is_signed_as_binance_documents_it(played, asking):
    played.answers = {RESTRICTIONS: FINE}
    asking(binance.key_permissions, played.url, KEY, CANARY, clock=lambda: 1_790_000_000_000)
    query, _, signature = urlsplit(played.asked[0]).query.rpartition("&signature=")
    assert dict(parse_qsl(query)) == {"timestamp": "1790000000000", "recvWindow": "5000"}
    assert signature == hmac.new(CANARY.encode(), query.encode(), hashlib.sha256).hexdigest()
    assert played.keys == [KEY]
    assert CANARY not in played.asked[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"null",
        b"<html>",
        b"{" * 500,
        b"x" * 100_000,
        [],
        {},
        FINE | {"enableWithdrawals": None},
        FINE | {"enableWithdrawals": "false"},
        FINE | {"enableWithdrawals": 0},
        {name: value for name, value in FINE.items() if name != "enableWithdrawals"},
        FINE | {"enableReading": 1},
        FINE | {"enableSpotAndMarginTrading": "true"},
        (201, FINE),
        (302, FINE),
        (401, {"code": "x"}),
        (401, b""),
        (400, {"code": -1100}),
        (403, b"<html>"),
        (418, {"code": -1003}),
        (451, b""),
        (500, {"code": -2015}),
        (503, {"code": -1022}),
    ],
)
def test_no_other_answer_is_taken_for_a_permission_or_for_a_refusal(played, answer):
    played.answers = {RESTRICTIONS: answer}
    assert not refusal_of(played.url, KEY, CANARY).is_certain


@pytest.mark.parametrize("code", [-2008, -2014, -2015])
def test_each_of_binances_words_for_a_wrong_key_is_understood(played, code):
    played.answers = {RESTRICTIONS: (400, {"code": code, "msg": "?"})}
    refusal = refusal_of(played.url, KEY, CANARY)
    assert "does not take this API key" in refusal.sentence
    assert refusal.is_certain


def test_withdrawals_count_whatever_else_is_unclear(played):
    played.answers = {RESTRICTIONS: {"enableWithdrawals": True}}
    assert "withdraw" in refusal_of(played.url, KEY, CANARY).sentence


def test_whether_a_key_is_bound_may_be_left_open(played, asking):
    played.answers = {RESTRICTIONS: FINE | {"ipRestrict": "no"}}
    assert asking(binance.key_permissions, played.url, KEY, CANARY).is_bound_to_addresses is None


def report(error: BaseException) -> str:
    """Everything that Django would mail about an error, with the variables of every frame but the tests' own."""
    trace = error.__traceback__
    while trace and "/tests/" in trace.tb_frame.f_code.co_filename:
        trace = trace.tb_next
    assert trace is not None
    reporter = ExceptionReporter(None, type(error), error, trace)
    return reporter.get_traceback_text() + reporter.get_traceback_html()


def signatures(played) -> list[str]:
    return [path.rpartition("signature=")[2] for path in played.asked if "signature=" in path]


@pytest.mark.parametrize(
    "answer",
    [
        FINE | {"enableWithdrawals": True},
        (401, {"code": -2015, "msg": f"{KEY} {CANARY}"}),
        (400, {"code": -1022, "msg": f"{KEY} {CANARY}"}),
        (500, f"{KEY} {CANARY}".encode()),
        f"{KEY} {CANARY}".encode(),
        {"enableReading": f"{KEY} {CANARY}"},
        b"x" * 100_000,
    ],
)
def test_no_secret_is_in_what_comes_out(played, caplog, capfd, settings, answer):
    settings.DEBUG = False
    played.answers = {RESTRICTIONS: answer}
    with caplog.at_level(logging.DEBUG):
        refusal = refusal_of(played.url, KEY, CANARY)
    assert len(played.keys) == 1
    said = [
        repr(refusal),
        repr(refusal.args),
        repr(vars(refusal)),
        *traceback.format_exception(refusal),
        report(refusal),
        caplog.text,
        *capfd.readouterr(),
    ]
    for secret in (KEY, CANARY, *signatures(played)):
        assert not any(secret in text for text in said)


@pytest.mark.parametrize(
    "failure", [EgressError(Failure.REFUSED, "No."), OSError(24, "Too many"), KeyError("x")]
)
def test_no_secret_is_in_an_error_that_nobody_expected(monkeypatch, settings, failure):
    settings.DEBUG = False
    asked = []

    async def fail(self, method, url, **options):
        asked.append(url)
        raise failure

    monkeypatch.setattr("tradewise.egress.Client.request", fail)
    with pytest.raises((KeysRefused, KeyError)) as caught:
        ask_permissions("http://127.0.0.1:1", KEY, CANARY, simulated=True)
    text = report(caught.value)
    assert "key_permissions" in text
    assert CANARY not in text
    if isinstance(caught.value, KeysRefused):
        assert not caught.value.is_certain
        assert KEY not in text
        assert asked[0].rpartition("=")[2] not in text


def test_what_is_returned_holds_no_secret(exchange):
    found = ask_permissions(exchange.url, "simulated-trade-only", SECRET, simulated=True)
    assert SECRET not in repr(found)
    assert "simulated-trade-only" not in repr(found)


def test_the_keys_of_the_simulated_exchange_cannot_be_taken_for_real_ones():
    assert all(key.startswith("simulated-") for key in (*KEYS, SECRET))


def dials(url: str, target: str, *, simulated: bool) -> Failure | None:
    async def run() -> Failure | None:
        async with client_for(url, simulated=simulated) as client:
            try:
                await client.request("GET", target, total=2)
            except EgressError as error:
                return error.failure
        return None

    return asyncio.run(run())


def test_the_client_of_a_simulated_exchange_may_call_it_and_nothing_else_inside(played):
    port = int(played.url.rpartition(":")[2])
    assert dials(played.url, played.url, simulated=True) is None
    for other in (f"http://127.0.0.1:{port + 1}", f"http://127.0.0.2:{port}", f"http://[::1]:{port}"):
        assert dials(played.url, other, simulated=True) is Failure.FORBIDDEN


@pytest.mark.parametrize("simulated", [True, False])
def test_only_loopback_is_opened_and_only_for_a_simulated_exchange(played, settings, simulated):
    settings.EGRESS_ALLOW = ""
    assert dials("http://10.0.0.7:8000", "http://10.0.0.7:8000", simulated=simulated) is Failure.FORBIDDEN
    if not simulated:
        assert dials(played.url, played.url, simulated=False) is Failure.FORBIDDEN


def test_an_exchange_at_ipv6s_loopback_can_be_called():
    with socket.socket(socket.AF_INET6) as taken:
        taken.bind(("::1", 0))
        url = f"http://[::1]:{taken.getsockname()[1]}"
        assert dials(url, url, simulated=True) is Failure.REFUSED
