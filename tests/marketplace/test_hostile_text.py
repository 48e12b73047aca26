"""Text and documents that somebody writes to mislead, to break, or by mistake."""

import json
from typing import Any

import pytest

from marketplace.exceptions import DocumentRefused, TextRefused
from marketplace.services.documents import DEEPEST, MOST_NODES, problems_of_document, read_document
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


def nested(key: str, value: object = 1) -> list[dict[str, Any]]:
    """A document that has the key on top, in a group, in a list, and above a group."""
    return [{key: value}, {"a": {key: value}}, {"a": [{"b": 1}, {key: value}]}, {key: {"a": value}}]


@pytest.mark.parametrize(
    "key",
    [
        "\x00.x", "x.\x00", "x.\x00.y", "\ud800.x", "\u202e.x", ".\u202e", "\u200b.x", "a.Z\u0335\u0321\u0322\u0327.b",
        "k" * 5000 + ".x", "." * 61,
    ],
)  # fmt: skip
def test_no_dot_in_a_key_keeps_it_from_being_looked_at(key: str) -> None:
    for document in nested(key):
        with pytest.raises(DocumentRefused) as refusal:
            read_document(json.dumps(document))
        said = str(refusal.value)
        assert "At most 60" in said or "Leave out" in said
        assert said.startswith("“")
        assert len(said) < 300
        plain_text(said)


@pytest.mark.parametrize(
    "key",
    ["password.x", "x.password", "x.password.y", "api_key.", ".api_key", "api_key.x", "api.key", "api.key.x", "keys.x",
     "x.pass.y", "x.seed", ".$enc", "api_key:", "api_key/x", "api_key\n", " api_key ", "key ", "ｐａｓｓｗｏｒｄ",
     "x．ａｐｉ＿ｋｅｙ"],
)  # fmt: skip
def test_a_secret_is_no_other_for_a_dot_in_its_name(key: str) -> None:
    for document in nested(key, "hunter2"):
        with pytest.raises(DocumentRefused, match="looks like a secret") as refusal:
            read_document(json.dumps(document))
        assert "hunter2" not in str(refusal.value)


def test_a_place_is_named_as_it_is_and_without_what_is_not_seen() -> None:
    hidden: dict[str, Any] = {"\u202ea": {"api_key": 1}, "b": {".c": 10**15}, "d.e": {"größe": 10**15}}
    assert [problem.partition("”")[0] for problem in problems_of_document(hidden)] == [
        "“'\\u202ea'",
        "“'\\u202ea'.api_key",
        "“b.'.c'",
        "“'d.e'.'größe'",
    ]


@pytest.mark.parametrize(
    "key", ["fees.maker", "v1.5", ".x", "a..b", "Größe (in %)", "passes", "monkey.x", "seat", ""]
)
def test_a_dot_in_an_honest_key_is_kept(key: str) -> None:
    for document in nested(key):
        assert read_document(json.dumps(document)) == document


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
