"""Freqtrade's configuration from a bot's setup: by hand, always the same, without secrets, as Freqtrade wants it."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from bots.adapters import Credentials
from bots.enums import DesiredState, Mode
from bots.services.composing import Setup, compose, database_of, secrets_of
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from tests.strategies.examples import KINDS, example
from tradewise.env import ROOT

EXCHANGE = "http://127.0.0.1:18999"


def setup_of(
    kind="dca", *, mode=Mode.SIMULATED, allocation="1000", desired=DesiredState.RUNNING, **parameters
):
    configuration = kinds.parse(example(kind, **parameters))
    return Setup("bot-1", configuration, Decimal(allocation), mode, 18100, 1, desired, EXCHANGE)


def test_dca_by_hand():
    made = compose(setup_of("dca", base_order=50, safety_order=60, max_safety_orders=3))
    assert (made["strategy"], made["stake_amount"], made["max_open_trades"]) == ("TradeWiseDca", 50.0, 2)
    assert made["tradewise"]["parameters"]["safety_order"] == 60
    assert made["exchange"]["pair_whitelist"] == ["BTC/USDT", "ETH/USDT"]


def test_grid_by_hand():
    made = compose(setup_of("grid", unit=25, levels=5))
    assert (made["strategy"], made["stake_amount"], made["max_open_trades"]) == ("TradeWiseGrid", 25.0, 1)
    assert made["exchange"]["pair_whitelist"] == ["ETH/USDT"]


@pytest.mark.parametrize(("trades", "expected"), [(1, 1), (2, 2), (5, 2)])
def test_momentum_by_hand(trades, expected):
    """No more trades than pairs."""
    made = compose(setup_of("momentum", stake=12.34, max_open_trades=trades))
    assert (made["strategy"], made["stake_amount"], made["max_open_trades"]) == (
        "TradeWiseMomentum",
        12.34,
        expected,
    )


def test_the_whole_by_hand():
    made = compose(setup_of("grid", allocation="1234.56"))
    pricing = {"price_side": "other", "use_order_book": True, "order_book_top": 1}
    assert made == {
        "bot_name": "bot-1.1",
        "strategy": "TradeWiseGrid",
        "dry_run": True,
        "dry_run_wallet": 1234.56,
        "available_capital": 1234.56,
        "stake_currency": "USDT",
        "stake_amount": 50.0,
        "max_open_trades": 1,
        "timeframe": "1m",
        "trading_mode": "spot",
        "fiat_display_currency": "",
        "cancel_open_orders_on_exit": False,
        "unfilledtimeout": {"entry": 2, "exit": 2, "exit_timeout_count": 0, "unit": "minutes"},
        "entry_pricing": pricing,
        "exit_pricing": pricing,
        "order_types": {
            "entry": "limit",
            "exit": "limit",
            "emergency_exit": "market",
            "force_entry": "market",
            "force_exit": "market",
            "stoploss": "market",
            "stoploss_on_exchange": False,
        },
        "exchange": {
            "name": "binance",
            "enable_ws": False,
            "key": "",
            "secret": "",
            "pair_whitelist": ["ETH/USDT"],
            "pair_blacklist": [],
            "ccxt_config": {
                "urls": {"api": {"public": f"{EXCHANGE}/api/v3"}},
                "options": {"fetchMarkets": {"types": ["spot"]}},
            },
        },
        "pairlists": [{"method": "StaticPairList"}],
        "api_server": {
            "enabled": True,
            "listen_ip_address": "127.0.0.1",
            "listen_port": 18100,
            "verbosity": "error",
            "enable_openapi": False,
            "CORS_origins": [],
            "username": "",
            "password": "",
            "jwt_secret_key": "the real one comes from the environment",
        },
        "initial_state": "running",
        "force_entry_enable": False,
        "internals": {"process_throttle_secs": 5, "heartbeat_interval": 60},
        "tradewise": kinds.dump(kinds.parse(example("grid"))),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_what_it_says_of_its_parameters_reads_back_as_they_were(kind):
    made = json.loads(json.dumps(compose(setup_of(kind))))
    assert kinds.parse(made["tradewise"]) == kinds.parse(example(kind))


def test_modes_differ_in_what_they_must_and_in_nothing_else():
    simulated, dry, live = (
        compose(setup_of(mode=mode)) for mode in (Mode.SIMULATED, Mode.DRY_RUN, Mode.LIVE)
    )
    assert (simulated["dry_run"], dry["dry_run"], live["dry_run"]) == (True, True, False)
    assert simulated["exchange"].pop("ccxt_config")["urls"]["api"]["public"] == f"{EXCHANGE}/api/v3"
    assert simulated == dry
    assert {**live, "dry_run": True} == dry
    assert EXCHANGE not in json.dumps(dry)
    assert EXCHANGE not in json.dumps(live)


def test_no_two_modes_share_a_file_of_trades():
    assert len({database_of(mode) for mode in Mode}) == len(Mode)


@pytest.mark.parametrize("url", [EXCHANGE, f"{EXCHANGE}/", f"{EXCHANGE}//"])
def test_a_stroke_at_the_end_of_the_exchanges_address_does_not_matter(url):
    made = compose(replace(setup_of(), simulated_exchange=url))
    assert made["exchange"]["ccxt_config"]["urls"]["api"]["public"] == f"{EXCHANGE}/api/v3"


@pytest.mark.parametrize(
    ("desired", "state"), [("running", "running"), ("paused", "paused"), ("stopped", "running")]
)
def test_one_that_should_be_paused_begins_paused(desired, state):
    assert compose(setup_of(desired=DesiredState(desired)))["initial_state"] == state


def test_it_listens_on_this_machine_alone_and_lets_nobody_buy_by_hand():
    for mode in Mode:
        made = compose(setup_of(mode=mode))
        assert made["api_server"]["listen_ip_address"] == "127.0.0.1"
        assert made["force_entry_enable"] is False
        assert made["api_server"]["CORS_origins"] == []


BYTES = """
import json, sys
from tests.reconciler.test_composing import KINDS, compose, setup_of
sys.stdout.write(json.dumps([compose(setup_of(kind)) for kind in KINDS]))
"""


def test_the_same_setup_makes_the_same_bytes_in_every_process():
    here = json.dumps([compose(setup_of(kind)) for kind in KINDS])
    assert json.dumps([compose(setup_of(kind)) for kind in KINDS]) == here
    environment = {**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": str(ROOT)}
    lines = f"import django; django.setup(){BYTES}"
    assert subprocess.check_output([sys.executable, "-c", lines], env=environment, cwd=ROOT).decode() == here


def test_secrets_are_in_the_environment_and_nowhere_else():
    credentials = Credentials.parse("tradewise:pPASSWORD-canary")
    found = secrets_of(credentials, "KEY-canary:SECRET-canary:with-a-colon")
    assert found["FREQTRADE__API_SERVER__USERNAME"] == "tradewise"
    assert found["FREQTRADE__API_SERVER__PASSWORD"] == "pPASSWORD-canary"
    assert found["FREQTRADE__EXCHANGE__KEY"] == "KEY-canary"
    assert found["FREQTRADE__EXCHANGE__SECRET"] == "SECRET-canary:with-a-colon"
    written = json.dumps(compose(setup_of(mode=Mode.LIVE)))
    assert not any(value in written for name, value in found.items() if not name.endswith("USERNAME"))


def test_a_dry_run_gets_no_keys():
    assert not any("EXCHANGE" in name for name in secrets_of(Credentials.parse("a:b")))


def test_what_signs_sessions_is_made_anew_each_time_and_is_no_number():
    """Freqtrade guesses types of its environment: digits would become a number, `true` a truth."""
    for _ in range(50):
        one, two = secrets_of(Credentials.parse("a:b")), secrets_of(Credentials.parse("a:b"))
        for name in ("FREQTRADE__API_SERVER__JWT_SECRET_KEY", "FREQTRADE__API_SERVER__WS_TOKEN"):
            assert one[name] != two[name]
            assert len(one[name]) > 32
            with pytest.raises(ValueError, match="could not convert"):
                float(one[name])


def money(low="0.01", high="100000"):
    return st.decimals(low, high, places=2).map(str)


TIMEFRAMES = st.sampled_from(["1m", "3m", "5m", "15m", "30m", "1h", "4h", "1d"])
BASES = ["BTC", "ETH", "SOL", "BNB", "XRP", "1000SHIB", "DOGE"]
PAIRS = st.lists(st.sampled_from(BASES), min_size=1, max_size=7, unique=True)
PARAMETERS = {
    "dca": st.fixed_dictionaries(
        {"base_order": money(), "safety_order": money(), "max_safety_orders": st.integers(0, 10)},
        optional={"take_profit_pct": money("0.1", "100"), "mode": st.sampled_from(["dip", "interval"])},
    ),
    "grid": st.fixed_dictionaries(
        {
            "lower": money("1", "1000"),
            "upper": money("1001", "50000"),
            "levels": st.integers(2, 50),
            "unit": money(),
        }
    ),
    "momentum": st.fixed_dictionaries(
        {"fast": st.integers(2, 50), "slow": st.integers(51, 200), "stake": money()},
        optional={"max_open_trades": st.integers(1, 20), "stop_loss_pct": money("0.1", "95")},
    ),
}


def config_of(kind, bases, stake, timeframe, parameters):
    pairs = [f"{base}/{stake}" for base in (bases[:1] if kind == "grid" else bases)]
    head = {"strategy": kind, "exchange": "binance", "stake_currency": stake, "timeframe": timeframe}
    return {
        **head,
        "pairs": pairs,
        "parameters": {
            name: json.loads(value) if isinstance(value, str) and value[0].isdigit() else value
            for name, value in parameters.items()
        },
    }


CONFIGS = st.sampled_from(KINDS).flatmap(
    lambda kind: st.builds(
        config_of,
        st.just(kind),
        PAIRS,
        st.sampled_from(["USDT", "USDC", "FDUSD"]),
        TIMEFRAMES,
        PARAMETERS[kind],
    )
)
SETUPS = st.builds(
    lambda config, mode, allocation, desired, port: (config, mode, allocation, desired, port),
    CONFIGS,
    st.sampled_from(Mode),
    st.decimals("0.01", "9999999999999", places=2),
    st.sampled_from(DesiredState),
    st.integers(1024, 65535),
)
VALIDATE = """
import json, sys
from freqtrade.configuration.config_validation import validate_config_schema
from freqtrade.configuration.environment_vars import _flat_vars_to_nested_dict
from freqtrade.enums import RunMode
from freqtrade.misc import deep_merge_dicts
refused = []
for config, secrets in json.load(sys.stdin):
    whole = deep_merge_dicts(_flat_vars_to_nested_dict(secrets, "FREQTRADE__"), config)
    # These two come from the strategy's class.
    whole |= {"stoploss": -0.99, "minimal_roi": {"0": 0.1}}
    whole["runmode"] = RunMode.DRY_RUN if config["dry_run"] else RunMode.LIVE
    try:
        validate_config_schema(whole)
    except Exception as error:
        refused.append(str(error))
json.dump(refused, sys.stdout)
"""


def refused_by_freqtrade(freqtrade_venv: Path, made):
    told = subprocess.run(
        [freqtrade_venv / "bin" / "python", "-c", VALIDATE],
        input=json.dumps(made),
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": "/usr/bin:/bin", "HOME": "/tmp"},
    )
    return json.loads(told.stdout)


@pytest.mark.engine
def test_freqtrades_own_schema_accepts_whatever_a_trader_may_set_up(freqtrade_venv):
    made = []

    @settings(
        max_examples=300,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(SETUPS)
    def collect(drawn):
        config, mode, allocation, desired, port = drawn
        try:
            configuration = kinds.parse(config)
        except ConfigurationRefused:
            return
        setup = Setup("bot-1", configuration, allocation, mode, port, 1, desired, EXCHANGE)
        keys = "a1" * 32 + ":" + "B2" * 32 if mode == Mode.LIVE else ""
        made.append([compose(setup), secrets_of(Credentials.parse("tradewise:p123"), keys)])

    collect()
    assert len(made) > 100, "much of what was drawn must be valid"
    assert {config["tradewise"]["strategy"] for config, _ in made} == set(KINDS)
    assert refused_by_freqtrade(freqtrade_venv, made) == []
    spoiled = [{**made[0][0], "stake_amount": "much"}, made[0][1]]
    assert len(refused_by_freqtrade(freqtrade_venv, [spoiled])) == 1
