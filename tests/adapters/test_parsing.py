import contextlib
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.adapters import parsing

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
TRADE_FIELDS = st.sampled_from(
    ["trade_id", "pair", "open_timestamp", "open_date", "profit_abs", "is_open", "date"]
)


@given(anything)
def test_no_value_of_any_field_breaks_a_reader(value: object) -> None:
    for read in (
        parsing.number,
        parsing.whole,
        parsing.count,
        parsing.identifier,
        parsing.text,
        parsing.moment,
    ):
        read(value)
    parsing.moment_in_words(value)
    parsing.day(value)
    parsing.day_results(value)


@given(st.dictionaries(TRADE_FIELDS, anything))
def test_no_trade_breaks_a_reader(trade: dict[str, object]) -> None:
    try:
        decoded = parsing.decode(json.dumps(trade).encode())
    except parsing.UnreadableError:
        return
    parsing.open_trade(decoded)
    parsing.closed_trade(decoded)
    parsing.day_results([decoded])


@given(st.binary(max_size=200))
def test_bytes_are_json_or_refused(body: bytes) -> None:
    with contextlib.suppress(parsing.UnreadableError):
        parsing.decode(body)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        ("100", Decimal(100)),
        (" 1.50 ", Decimal("1.50")),
        ("1e3", Decimal(1000)),
        (3, Decimal(3)),
        ("unlimited", None),
        ("NaN", None),
        ("Infinity", None),
        ("١٢", None),
        ("1_000", None),
        (True, None),
        (10**15, None),
        (Decimal("1e999999"), None),
        (Decimal("1e-99"), Decimal(0)),
        (Decimal("NaN"), None),
        ([1], None),
    ],
)
def test_a_number_is_one_that_can_be_stored(value: object, read: Decimal | None) -> None:
    assert parsing.number(value) == read


def test_fractions_keep_their_digits() -> None:
    assert parsing.decode(b"[0.1, 99.8697488, 1e-05, NaN, -Infinity]") == [
        Decimal("0.1"),
        Decimal("99.8697488"),
        Decimal("0.00001"),
        None,
        None,
    ]


def test_depth_counts_brackets_outside_texts_only() -> None:
    assert parsing.decode(b'{"a": "' + b"[" * 500 + b'\\"{"}') == {"a": "[" * 500 + '"{'}
    assert parsing.decode(b"[" * 20 + b"]" * 20)
    with pytest.raises(parsing.UnreadableError, match="deeply"):
        parsing.decode(b"[" * 21 + b"]" * 21)


def test_a_text_is_short_and_printable() -> None:
    assert parsing.text("a\x00b\x1b[31m\u202ec\n") == "ab[31mc"
    assert parsing.text("  ") is None
    assert len(parsing.text("x" * 5000) or "") == 100
