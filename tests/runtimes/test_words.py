"""What an engine's log may show, and what it says of its end."""

import base64
import json
import time

import pytest

from bots.runtimes.words import LONGEST_LINE, RECENT, ending, scrubbed

#: Never a canary of words: what is struck out by its name may look like anything, the rest like a secret.
ALNUM = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"
HEX = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
BASE64 = base64.b64encode(bytes(range(7, 255, 5))).decode()
SLASHED = "Ab3/Xk9+pQ2/Zr7Lm1/Tn8Vw4+Yc6/Hd0Jf5=="
URLSAFE = "p3q_Zr7-Lm1Tn8Vw4Yc6Hd0Jf5XkAb"
JWT = (
    "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpZGVudGl0eSI6eyJ1IjoidHJhZGVyIn19.dBjftJeZ4CVPmB92K27uhbUJU1p1rA"
)
BASIC = base64.b64encode(b"tradewise:correct horse").decode()

LOOKS_SECRET = [
    *(
        (f"Signature for this request {value} is not valid.", value)
        for value in (ALNUM, HEX, BASE64, URLSAFE, JWT)
    ),
    *((f"said: {value}", value) for value in (ALNUM, HEX, BASE64, SLASHED, URLSAFE, JWT)),
    *((f"({value})", value) for value in (ALNUM, HEX, BASE64, SLASHED, JWT)),
    *((f"path/{value}/more.", value) for value in (ALNUM, HEX)),
    (f"0x{HEX}", HEX),
    (f"Authorization: Bearer {JWT}", JWT),
    ("{'Authorization': 'Bearer opaque-token'}", "opaque-token"),
    ("Authorization: Bearer opaque", "opaque"),
    (f"Authorization: Basic {BASIC}", BASIC),
    (f"sent Basic {BASIC} to it", BASIC),
    (f"sent bearer {JWT}", JWT),
    ("https://trader:hunter2@host/api", "hunter2"),
    ("https://trader:hun@ter2@host/api", "ter2"),
    ("ws://127.0.0.1:8080/api/v1/message/ws?token=canary", "canary"),
    ("GET /api/v3/account?timestamp=1795414961665&signature=canary HTTP/1.1", "canary"),
    ("password=canary", "canary"),
    ("password = canary", "canary"),
    ("password: canary", "canary"),
    ("passphrase='can ary'", "can ary"),
    ('{"secret": "can ary"}', "can ary"),
    ('{"secret":"can\\"ary two"}', "ary two"),
    ("{'key': 'canary', 'secret': 'canary'}", "canary"),
    ("jwt_secret_key='canary'", "canary"),
    ("FREQTRADE__API_SERVER__JWT_SECRET_KEY=canary", "canary"),
    ("FREQTRADE__EXCHANGE__SECRET=canary", "canary"),
    ("ws_token: canary", "canary"),
    ("X-MBX-APIKEY: canary", "canary"),
    ("apiKey=canary", "canary"),
    ("api_key=canary", "canary"),
    ("apiSecret: canary", "canary"),
    ("client-secret: canary", "canary"),
    (json.dumps({"exchange": {"apiKey": "canary", "name": "binance"}}), "canary"),
    ("credentials=canary", "canary"),
]


@pytest.mark.parametrize(("line", "secret"), LOOKS_SECRET)
def test_what_looks_like_a_secret_is_struck_out(line, secret):
    (shown,) = scrubbed([line])
    for part in (secret, secret[: len(secret) // 2], secret[len(secret) // 2 :]):
        if len(part) > 3:
            assert part not in shown, shown
    assert "…" in shown


@pytest.mark.parametrize("secret", ["abcd", "p!ss word", "1234567", "a.b*c", "line", "käse", ALNUM, URLSAFE])
def test_what_is_known_to_be_secret_is_struck_out_whatever_it_looks_like(secret):
    lines = scrubbed([f"x{secret}y", f"'{secret}'", secret], [secret])
    assert all(secret not in line for line in lines)
    assert lines[0] == "x…y"


def test_a_secret_within_another_leaves_no_rest():
    assert scrubbed(["say canary-and-more now"], ["canary", "canary-and-more"]) == ["say … now"]


def test_words_too_short_to_be_secret_do_not_spoil_the_log():
    assert scrubbed(["a key of an exchange"], ["", "a", "key"]) == ["a key of an exchange"]


READABLE = [
    "2026-11-23 06:22:41,665 - freqtrade.freqtradebot - INFO - Buy signal found: about create a new trade for ETH/USDT",
    "Trade(id=12, pair=BTC/USDT, amount=0.00148, is_short=False, leverage=1.0, open_rate=67479.56000000)",
    "Trade open_since=2026-11-23 06:22:41, order 28457, is_open=True",
    "Order dry_run_buy_BTC/USDT_1795414961.665 was filled at 0.000123456789012345678901",
    "Using resolved strategy TradeWiseMomentum, timeframe 5m, stake 50.0 USDT",
    "Exit for SOL/USDT detected. Reason: take_profit_pct, profit 0.41 %",
    "Retrying due to ExchangeNotAvailable: binance GET https://api.binance.com/api/v3/ticker/bookTicker",
    "last_process 2026-11-26T13:49:45.123456+00:00, 1795414961665",
    "Bot heartbeat. PID=4711, version='2026.9', state='RUNNING'",
    "Key parts and tokens are words, as secrets are.",
    "Found no parameter file.",
    "pair_whitelist: BTC/USDT, ETH/USDT, 1000SHIB/USDT",
    "Time-in-force GTC, limit 0.00000012, 3.5e-08",
]


@pytest.mark.parametrize("line", READABLE)
def test_what_a_trader_wants_to_read_stays(line):
    assert scrubbed([line]) == [line]


def test_paths_of_the_machine_are_none_of_their_business():
    assert scrubbed(["Using config: /srv/tradewise/var/bots/abc/config.json ..."]) == [
        "Using config: …/config.json ..."
    ]


def test_a_line_is_one_line_and_of_some_length():
    (shown,) = scrubbed(["a\x1b[31m\x00b\u2028c " + "word " * 1000])
    assert len(shown) == LONGEST_LINE
    assert all(sign.isprintable() for sign in shown)


@pytest.mark.parametrize(
    "line",
    [
        "a" * 250_000,
        "a-" * 120_000,
        "key" * 80_000,
        "/a" * 120_000,
        "a1/" * 80_000,
        "://" * 80_000,
        '"' * 250_000,
        "bearer " * 40_000,
    ],
)
def test_a_hostile_line_costs_no_time(line):
    began = time.process_time()
    scrubbed([line])
    assert time.process_time() - began < 2


def at(level, words, logger="freqtrade"):
    first, *more = words.split("\n")
    return [f"2026-11-26 13:49:45,123 - {logger} - {level} - {first}", *more]


BEFORE = [*at("INFO", "freqtrade 2026.9"), *at("INFO", "Verbosity set to 0", "freqtrade.loggers")]
FATAL = (
    'Fatal exception!\nTraceback (most recent call last):\n  File "/x/freqtrade/main.py", line 68, in main\n'
)
DOCS = "\nPlease make sure to review the documentation at https://www.freqtrade.io/en/stable."

ENDINGS = [
    (
        "ERROR",
        f"Configuration error: 'timeframe' is a required property{DOCS}",
        "Freqtrade refuses the configuration. It said: “Configuration error: 'timeframe' is a required property”.",
        True,
    ),
    (
        "ERROR",
        f"Configuration error: Stake-currency XXX is not valid{DOCS}",
        "Freqtrade refuses the configuration. It said: “Configuration error: Stake-currency XXX is not valid”.",
        True,
    ),
    (
        "ERROR",
        "Could not load markets, therefore cannot start. Please investigate the above error for more details.",
        "The exchange could not be reached when the engine started.",
        False,
    ),
    (
        "ERROR",
        "Impossible to load Strategy 'TradeWiseX'. This class does not exist or contains Python code errors.",
        "The strategy could not be loaded: this installation is not complete.",
        True,
    ),
    (
        "ERROR",
        'Config file "/srv/bots/b1/config.json" not found! Please create a config file.',
        "Freqtrade refuses the configuration.",
        True,
    ),
    (
        "ERROR",
        'binance {"code":-2015,"msg":"Invalid API-key, IP, or permissions for action."}',
        "The exchange refuses the keys",
        True,
    ),
    ("ERROR", "binance AuthenticationError", "The exchange refuses the keys", True),
    (
        "ERROR",
        f"{FATAL}TypeError: '>' not supported between instances of 'str' and 'int'",
        "The engine ended by itself. It said: “TypeError: '>' not supported between instances of 'str' and 'int'”.",
        False,
    ),
    (
        "ERROR",
        f"{FATAL}OSError: [Errno 28] No space left on device",
        "The disk of the machine is full, so the engine could not go on.",
        False,
    ),
    (
        "ERROR",
        f"{FATAL}sqlalchemy.exc.OperationalError: (sqlite3.OperationalError) database or disk is full",
        "The disk of the machine is full, so the engine could not go on.",
        False,
    ),
    ("ERROR", f"{FATAL}MemoryError", "The machine has no memory left for the engine.", False),
    (
        "ERROR",
        "[Errno 98] error while attempting to bind on address ('127.0.0.1', 18100): address already in use",
        "Another program of the machine has taken the port of this bot.",
        False,
    ),
    (
        "ERROR",
        "Directory `/srv/bots/b1/user_data` does not exist.",
        "The engine ended by itself. It said: “Directory `…/user_data` does not exist”.",
        False,
    ),
    ("CRITICAL", "Something else", "The engine ended by itself. It said: “Something else”.", False),
]


@pytest.mark.parametrize(("level", "words", "sentence", "final"), ENDINGS)
def test_the_log_says_why_it_ended(level, words, sentence, final):
    found = ending(
        [*BEFORE, *at(level, words), *at("INFO", "Cleaning up modules ...", "freqtrade.freqtradebot")]
    )
    assert found.sentence.startswith(sentence), found.sentence
    assert found.final is final


@pytest.mark.parametrize(
    "lines",
    [
        [],
        BEFORE,
        [*BEFORE, *at("INFO", "SIGTERM received")],  # 130 or 143: there is no error
        ["", "   "],
        # Warnings of an outage that it survived are not why it was killed.
        [
            *BEFORE,
            *at("WARNING", "load_markets() returned exception: NetworkError. Retrying still for 2 times."),
        ],
        [*BEFORE, *at("INFO", "Invalid parameter in a word of a strategy")],
    ],
)
def test_a_log_without_an_error_is_no_reason(lines):
    found = ending(lines)
    assert found.sentence == "The engine ended by itself and left no reason; its log shows what it did last."
    assert not found.final


def test_the_last_error_counts():
    lines = [*at("ERROR", "Invalid API-key"), *at("ERROR", "Could not load markets, therefore cannot start.")]
    assert ending(lines).sentence == "The exchange could not be reached when the engine started."
    assert not ending(lines).final


def test_an_error_of_hours_ago_is_not_why_it_ended_now():
    beats = [line for _ in range(RECENT) for line in at("INFO", "Bot heartbeat.", "freqtrade.worker")]
    assert not ending([*at("ERROR", "Invalid API-key"), *beats]).final
    assert "no reason" in ending([*at("ERROR", "Invalid API-key"), *beats]).sentence
    assert ending([*at("ERROR", "Invalid API-key"), *beats[1:]]).final


def test_what_was_only_printed_is_read_where_nothing_was_logged():
    printed = [
        "usage: freqtrade trade [-h]",
        "freqtrade trade: error: OSError: [Errno 28] No space left on device",
    ]
    assert ending(printed).sentence.startswith("The disk of the machine is full")


def test_a_reason_holds_no_secret_and_is_of_some_length():
    found = ending(at("ERROR", f"binance refused key={ALNUM} {HEX} " + "x " * 500))
    assert ALNUM not in found.sentence
    assert HEX not in found.sentence
    assert len(found.sentence) < 300
