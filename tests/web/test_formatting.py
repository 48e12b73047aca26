"""What figures and times look like."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from tradewise.web import formatting as say

NOW = datetime(2026, 11, 23, 11, 52, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "currency", "words"),
    [
        ("12.34", "USDT", "+12.34\u00a0USDT"),
        ("-1234567.891", "USDT", "\u22121\u202f234\u202f567.89\u00a0USDT"),
        ("0", "USDT", "0.00\u00a0USDT"),
        ("-0.0", "EUR", "0.00\u00a0EUR"),
        ("0.0034", "USDT", "+0.0034\u00a0USDT"),
        ("-0.00041", "BTC", "\u22120.00041000\u00a0BTC"),
        ("-1E-20", "BTC", "0.00000000\u00a0BTC"),
        ("12345", "JPY", "+12\u202f345\u00a0JPY"),
        ("5", "WEIRD", "+5.0000\u00a0WEIRD"),
        ("5", "", "+5.0000"),
    ],
)
def test_money_carries_its_sign_and_its_currency(value, currency, words):
    assert say.money(Decimal(value), currency) == words


@pytest.mark.parametrize("value", [None, Decimal("NaN"), Decimal("Infinity"), Decimal("-sNaN")])
def test_what_is_not_known_is_a_dash_and_never_zero(value):
    assert say.money(value, "USDT") == say.amount(value, "USDT") == say.percent(value) == "—"
    assert say.number(value) == "—"
    for cell in (say.change(value, "USDT"), say.change_percent(value), say.amount_html(value, "USDT")):
        assert "—" in cell
        assert "gain" not in cell
        assert "loss" not in cell


def test_an_amount_has_no_plus():
    assert say.amount(Decimal("1234.5"), "USDT") == "1\u202f234.50\u00a0USDT"
    assert say.amount(Decimal("-3"), "USDT") == "\u22123.00\u00a0USDT"


def test_gain_and_loss_are_told_by_sign_and_arrow_too():
    gain, loss = say.change(Decimal("1"), "USDT"), say.change(Decimal("-1"), "USDT")
    assert 'class="gain"' in gain
    assert "▲" in gain
    assert "+1.00" in gain
    assert 'class="loss"' in loss
    assert "▼" in loss
    assert "\u22121.00" in loss
    assert "▲" not in say.change(Decimal(0), "USDT")


def test_a_bot_cannot_smuggle_markup_in_as_its_currency():
    for cell in (say.change(Decimal(1), "<script>"), say.amount_html(Decimal(1), '"><img src=x>')):
        assert "<script" not in cell
        assert "<img" not in cell


def test_a_percentage_carries_its_base():
    assert say.percent(Decimal("0.0321"), "since 3 May, dry run") == "+3.21% since 3 May, dry run"
    assert say.percent(-0.5) == "\u221250.00%"
    assert say.percent(Decimal("-0.00001")) == "0.00%"


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(0), "now"),
        (timedelta(seconds=12), "12\u00a0s ago"),
        (timedelta(seconds=89), "89\u00a0s ago"),
        (timedelta(seconds=90), "1\u00a0min ago"),
        (timedelta(minutes=89), "89\u00a0min ago"),
        (timedelta(hours=30), "30\u00a0h ago"),
        (timedelta(days=9), "9\u00a0d ago"),
        (timedelta(days=60), "24\u00a0Sep\u00a02026"),
        (timedelta(minutes=-5), "in 5\u00a0min"),
    ],
)
def test_times_are_relative_until_they_are_old(before, words):
    assert say.ago(NOW - before, NOW) == words


def test_a_time_has_the_exact_one_with_it():
    text = say.time_html(NOW - timedelta(seconds=3), NOW)
    assert 'datetime="2026-11-23T11:52:00Z"' in text
    assert 'title="23\u00a0Nov\u00a02026, 11:52:00 UTC"' in text
    assert say.ago(None) == "never"
    assert say.time_html(None) == "never"
    assert say.day(date(2026, 5, 3)) == "3\u00a0May\u00a02026"
