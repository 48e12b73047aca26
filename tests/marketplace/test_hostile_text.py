"""Text and documents that somebody writes to mislead, to break, or by mistake."""

import pytest

from marketplace.exceptions import DocumentRefused, TextRefused
from marketplace.services.documents import DEEPEST, MOST_NODES, read_document
from marketplace.services.plain_text import name_key, plain_line, plain_text


@pytest.mark.parametrize(
    "text",
    ["", "  ", "a\x00b", "a\nb", "a\u202eb", "a\u2066b", "a\u200bb", "\ufeffa", "a\u2028b", "\u3164", "a\ud800",
     "x" * 101,      "Z\u0335\u0321\u0322\u0327\u0328a", "a\ue000", "a\x1b[31m", "a\U000e0041"],
)  # fmt: skip
def test_such_a_name_is_refused(text: str) -> None:
    with pytest.raises(TextRefused) as refusal:
        plain_line(text)
    assert str(refusal.value)[-1] in ".)"


def test_text_is_brought_into_one_spelling() -> None:
    assert plain_line("  Cafe\u0301   of\u00a0mine ") == "Café of mine"
    assert plain_text("one\r\ntwo\t2 \r\n") == "one\ntwo 2"
    assert plain_line("日本 мой 🚀 <b>") == "日本 мой 🚀 <b>"


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hello", "НЕLLО"), ("Alpha", "Αlрhа"), ("Il1|", "1lI|"), ("zero", "zer0"), ("ﬁne", "fine"), ("Łódź", "Lodz")],
)  # fmt: skip
def test_these_look_alike(one: str, other: str) -> None:
    assert name_key(one) == name_key(other)


def test_these_do_not() -> None:
    assert name_key("Calm") != name_key("Calmer")
    assert name_key("🚀") != name_key("🎉")
    # Known limits, as the module says.
    assert name_key("modern") != name_key("modem")


@pytest.mark.parametrize(
    "document",
    ["", "[]", "1", "null", "{", '{"a": NaN}', '{"a": -Infinity}', '{"a": 1, "a": 2}', '{"a": "\\u0000"}',
     '{"a": "\\ud800"}', '{"\\u202ea": 1}', '{"a": 1e400}', '{"a": 1000000000000000}', '{"a": "' + "x" * 17_000 + '"}',
     '{"a": ' + "9" * 5000 + "}", '{"a": ' + "[" * 100_000, '{"a":' * (DEEPEST + 1) + "1" + "}" * (DEEPEST + 1),
     '{"a": [' + "1," * MOST_NODES + "1]}"],
)  # fmt: skip
def test_such_a_document_is_refused(document: str) -> None:
    with pytest.raises(DocumentRefused) as refusal:
        read_document(document)
    assert len(str(refusal.value)) < 300


@pytest.mark.parametrize(
    "document",
    ['{"api_key": "x"}', '{"exchange": {"secret": 1}}', '{"a": [{"Password": ""}]}', '{"apiKey": "x"}', '{"key": "x"}',
     '{"$enc": "x"}', '{"auth_token": 1}',
     '{"note": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"}',
     '{"url": "https://me:pass@example.com"}', '{"private-key": "x"}', '{"mnemonic": "x"}'],
)  # fmt: skip
def test_what_looks_like_a_secret_is_refused_and_not_quoted(document: str) -> None:
    with pytest.raises(DocumentRefused, match="looks like a secret") as refusal:
        read_document(document)
    assert "vmPUZE" not in str(refusal.value)


def test_an_honest_document_is_kept_as_it_is() -> None:
    text = (
        '{"legs": [{"exchange": "binance", "pair": "BTC/USDT"}], "spread_pct": 0.10, "most": 5, "on": true}'
    )
    assert read_document(text) == {
        "legs": [{"exchange": "binance", "pair": "BTC/USDT"}],
        "spread_pct": "0.10",
        "most": 5,
        "on": True,
    }
