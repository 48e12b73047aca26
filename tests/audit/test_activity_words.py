"""Values, browsers and actions in words, whatever stands in the trail."""

import re
from decimal import Decimal

import pytest

from audit import browsers, words
from audit.values import LONGEST, shown, visible
from tradewise.env import ROOT

#: Written like actions: names of models and of a file, and what receivers of webhooks call an event.
NO_ACTIONS = {
    "account.emailaddress",
    "account.emailconfirmation",
    "demo.json",
    "bot.down",
    "bot.stopped",
    "bot.up",
}

MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
WINDOWS = f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}"


@pytest.mark.parametrize(
    ("user_agent", "words_"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "Firefox 128, Linux"),
        (f"{MAC}605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15", "Safari 17, macOS"),
        (f"{IPHONE}Version/17.5 Mobile/15E148 Safari/604.1", "Safari 17, iPhone"),
        (f"{IPHONE}CriOS/126.0.6478.54 Mobile/15E148 Safari/604.1", "Chrome 126, iPhone"),
        (WINDOWS, "Chrome 126, Windows"),
        (f"{WINDOWS} Edg/126.0.0.0", "Edge 126, Windows"),
        (f"{WINDOWS} OPR/112.0.0.0", "Opera 112, Windows"),
        ("curl/8.5.0", "curl 8.5.0"),
        ("psql", "psql"),
        ("x" * 512, "x" * browsers.LONGEST + "…"),
        ("\u202eevil", "⟨U+202E⟩evil"),
        (" ", ""),
        ("", ""),
        (None, ""),
        ("Firefox/" + "9" * 400, "Firefox 99999"),
    ],
)
def test_a_user_agent_in_two_words(user_agent, words_):
    assert browsers.short(user_agent) == words_


@pytest.mark.parametrize(
    ("column", "value", "words_"),
    [
        ("name", None, "—"),
        ("name", "", "(empty)"),
        ("name", "a\u202eb\x07c\u200bd\te", "a⟨U+202E⟩b⟨U+0007⟩c⟨U+200B⟩d⟨U+0009⟩e"),
        ("name", "👩\u200d🚀 नमस्ते", "👩\u200d🚀 नमस्ते"),
        ("description", "one\r\ntwo", "one\ntwo"),
        ("status", "error", "Down"),
        ("status", "something new", "something new"),
        ("command", "", "none"),
        ("dry_run", False, "Live"),
        ("dry_run", True, "Dry run"),
        ("is_public", True, "yes"),
        ("api_token", {"changed": True, "fingerprint": "3fa2-90c1"}, "changed (3fa2-90c1)"),
        ("api_token", {"changed": True, "fingerprint": "secret itself"}, "changed"),
        ("token_set_at", "2026-11-20T12:30:05.123456+00:00", "20\u00a0Nov\u00a02026, 12:30:05 UTC"),
        ("token_set_at", "soon", "soon"),
        ("name", "2026-11-20T12:30:05+00:00", "2026-11-20T12:30:05+00:00"),
        ("id", 7, "7"),
        ("amount", Decimal("0.00000001"), "0.00000001"),
        ("amount", Decimal("100.00"), "100.00"),
        ("list", [Decimal("1.10"), None], '[\n  "1.10",\n  null\n]'),
        (
            "config_json",
            {"a": {"changed": True, "fingerprint": "3fa2-90c1"}, "b": ["\u202e"]},
            '{\n  "a": "changed (3fa2-90c1)",\n  "b": [\n    "⟨U+202E⟩"\n  ]\n}',
        ),
    ],
)
def test_a_value_in_words(column, value, words_):
    assert shown("bot", column, value) == words_


def test_a_long_value_says_that_there_is_more():
    text = shown("bot", "description", "x" * 100_000)
    assert text.startswith("x" * LONGEST + "…")
    assert len(text) < LONGEST + 100


def test_one_line_stays_one_line():
    assert visible("a\nb") == "a⟨U+000A⟩b"


@pytest.mark.parametrize(
    ("action", "sentence"),
    [
        ("bot.start", "Asked the bot to start"),
        ("bot_trade.delete", "Deleted trades of the bot"),
        ("audit.export", "Exported this trail"),
        ("subscription.moved_to_new_version", "Moved to new version subscription"),
        ("gadget.create", "Created gadget"),
        ("nonsense", "nonsense"),
        ("", ""),
    ],
)
def test_an_action_in_words(action, sentence):
    assert words.describe(action) == sentence


def test_what_is_shown_by_itself_is_not_routine():
    alone = words.shown_alone()
    assert "staff.look" in alone
    assert {"bot_trade.delete", "bot_trade.change", "bot_trade.create", "bot_event.delete"} <= set(alone)
    assert not {"bot_event.create", "message.create", "message.delete", "bot.start"} & set(alone)


def test_each_kind_of_thing_that_is_traced_has_words():
    migrations = "".join(path.read_text() for path in ROOT.glob("*/migrations/*.py"))
    traced = set(re.findall(r'resource="(\w+)"', migrations))
    assert {"bot", "user", "subscription", "message"} <= traced <= set(words.RESOURCES)
    seen = ["bot_engine", "bot_event", "bot_figures", "bot_day", "bot_trade", "bot_mark", "bot_sample"]
    parts = [*seen, "bot_outage"]
    assert words.family("bot") == ["bot", *parts]


def test_each_action_of_an_account_or_a_bot_that_is_named_has_words():
    paths = [path for app in ("accounts", "bots") for path in (ROOT / app).rglob("*.py")]
    sources = "".join(path.read_text() for path in paths if path.name != "words.py")
    named = set(re.findall(r'"((?:bot|account|demo)\.[a-z_]+)"', sources)) - NO_ACTIONS
    assert {"bot.start", "account.login_failed"} <= named <= set(words.ACTIONS)
