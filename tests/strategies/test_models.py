"""What is accepted as a configuration, and what is said about the rest."""

import json
import math
import re
import subprocess
import sys
from decimal import Decimal

import pytest
from pydantic import ValidationError

from bots.strategies.common import Configuration, ConfigurationRefused, Problem
from bots.strategies.dca import DcaParameters
from bots.strategies.kinds import KINDS, NOT_RUNNABLE, STRATEGY, dump, engine_class, parse
from tests.strategies import examples
from tests.strategies.examples import example
from tradewise.simulation.installation import ROOT


def problems(config: object) -> list[tuple[str, str]]:
    with pytest.raises(ConfigurationRefused) as refused:
        parse(config)
    return [(problem.field, problem.sentence) for problem in refused.value.problems]


def deep(levels: int) -> object:
    nested: object = 1
    for _ in range(levels):
        nested = {"x": [nested]}
    return nested


@pytest.mark.parametrize("kind", examples.KINDS)
def test_what_is_read_is_written_and_read_again(kind):
    once = dump(parse(example(kind)))
    again = dump(parse(json.loads(json.dumps(once))))
    assert again == once
    assert json.dumps(again) == json.dumps(once)
    assert list(once) == ["strategy", "exchange", "stake_currency", "pairs", "timeframe", "parameters"]


def test_numbers_are_written_as_json_numbers():
    parameters = dump(parse(example("dca", base_order=Decimal("12.50"), safety_order=40.0)))["parameters"]
    assert json.dumps([parameters["base_order"], parameters["safety_order"]]) == "[12.5, 40]"
    assert DcaParameters.model_validate({"base_order": 0.1}).base_order == Decimal("0.1")


@pytest.mark.parametrize("kind", examples.KINDS)
def test_a_configuration_cannot_be_changed(kind):
    configuration = parse(example(kind))
    with pytest.raises(ValidationError):
        configuration.timeframe = "5m"
    assert parse(configuration) is configuration


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (0, "At least 0.01."),
        (0.009, "At least 0.01."),
        (-5, "At least 0.01."),
        (1_000_000.01, "At most 1000000."),
        (10**5000, "At most 1000000."),
        (-(10**5000), "At least 0.01."),
        (Decimal("1e999999"), "At most 1000000."),
        (1.001, "At most 2 decimal places."),
        (Decimal("1." + "1" * 10_000), "At most 2 decimal places."),
        (math.nan, "Enter a number."),
        (math.inf, "Enter a number."),
        (-math.inf, "Enter a number."),
        (Decimal("sNaN"), "Enter a number."),
        (True, "Enter a number."),
        ("50", "Enter a number."),
        (None, "Enter a number."),
        ([], "Enter a number."),
        (deep(500), "Enter a number."),
    ],
    ids=range(18),
)
def test_money_is_a_number_between_its_bounds(value, sentence):
    assert problems(example("dca", base_order=value)) == [("parameters.base_order", sentence)]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (-1, "At least 0."),
        (11, "At most 10."),
        (2.5, "Enter a whole number."),
        (False, "Enter a number."),
        (math.nan, "Enter a number."),
        ("3", "Enter a number."),
    ],
)
def test_a_count_is_a_whole_number_between_its_bounds(value, sentence):
    assert problems(example("dca", max_safety_orders=value)) == [("parameters.max_safety_orders", sentence)]


@pytest.mark.parametrize("value", [0, 10, 3.0, Decimal(4)])
def test_both_bounds_are_allowed(value):
    parameters = dump(parse(example("dca", max_safety_orders=value, price_deviation_pct=0.1)))["parameters"]
    assert parameters["max_safety_orders"] == value


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], "Choose at least one pair."),
        ("BTC/USDT", "Enter a list of pairs."),
        ({"BTC/USDT": 1}, "Enter a list of pairs."),
        ([f"C{n}/USDT" for n in range(10, 31)], "At most 20 pairs."),
        (["BTC/USDT", "BTC/USDT"], "Name each pair once."),
        (["BTC/EUR"], "Every pair must end in /USDT."),
        (["USDT/USDT"], "USDT/USDT has the same currency on both sides."),
        (["BTCUSDT"], "Write each pair as BASE/QUOTE, for example BTC/USDT."),
        (["BTC/USDT\n"], "Write each pair as BASE/QUOTE, for example BTC/USDT."),
        (["BTC/USDT:USDT"], "Write each pair as BASE/QUOTE, for example BTC/USDT."),
        ([1], "Write each pair as BASE/QUOTE, for example BTC/USDT."),
        (["X" * 10_000_000], "Write each pair as BASE/QUOTE, for example BTC/USDT."),
    ],
    ids=range(12),
)
def test_pairs_are_few_and_paid_in_the_stake_currency(pairs, sentence):
    assert problems(example("dca") | {"pairs": pairs}) == [("pairs", sentence)]


def test_a_grid_has_exactly_one_pair():
    assert problems(example("grid", pairs=["BTC/USDT", "ETH/USDT"])) == [("pairs", "Only one pair.")]
    assert problems(example("grid", pairs=[])) == [("pairs", "Choose a pair.")]


@pytest.mark.parametrize(
    ("kind", "parameters", "field", "sentence"),
    [
        ("momentum", {"fast": 21, "slow": 21}, "slow", "Must be more than the fast average: at least 22."),
        (
            "momentum",
            {"trailing_pct": 1.5, "take_profit_pct": 3},
            "trailing_pct",
            "Must be less than half of the take profit, 1.5 %, or 0 for none.",
        ),
        ("grid", {"upper": 900}, "upper", "Must be more than the lowest line, 900."),
        ("grid", {"upper": 90_001}, "upper", "At most 90000, a hundred times the lowest line."),
        (
            # 10 + 15 + 22.5 + 33.75 + 50.625
            "dca",
            {"price_deviation_pct": 10, "step_scale": 1.5, "max_safety_orders": 5},
            "price_deviation_pct",
            "The last safety order would lie 131.875 % below the base order; at most 90 %.",
        ),
        (
            "dca",
            {"price_deviation_pct": 1, "step_scale": 2, "max_safety_orders": 3, "stop_loss_pct": 7},
            "stop_loss_pct",
            "Must be more than 7 %, where the last safety order lies, or 0 for none.",
        ),
    ],
)
def test_numbers_that_do_not_fit_together_are_refused(kind, parameters, field, sentence):
    assert problems(example(kind, **parameters)) == [(f"parameters.{field}", sentence)]


def test_an_interval_needs_no_distances():
    parse(example("dca", mode="interval", price_deviation_pct=50, step_scale=3, stop_loss_pct=1))


def test_every_problem_is_named_at_once():
    config = example("grid", levels=51, unit=0) | {"exchange": "kraken", "timeframe": "2m", "leverage": 10}
    del config["parameters"]["lower"]
    assert problems(config) == [
        ("exchange", "Choose one of: binance."),
        ("timeframe", "Choose one of: 1m, 3m, 5m, 15m, 30m, 1h, 4h, 1d."),
        ("parameters.lower", "This is needed."),
        ("parameters.levels", "At most 50."),
        ("parameters.unit", "At least 0.01."),
        ("leverage", "There is no such setting."),
    ]


@pytest.mark.parametrize("kind", ["martingale", "", None, 3, ["dca"], {}, "x" * 1_000_000])
def test_an_unknown_kind_is_refused(kind):
    assert problems({"strategy": kind}) == [("strategy", "Choose one of: dca, grid, momentum.")]


def test_arbitrage_is_refused_with_the_reason():
    assert problems({"strategy": "arbitrage"}) == [("strategy", NOT_RUNNABLE["arbitrage"])]
    assert "one exchange with one stake currency" in NOT_RUNNABLE["arbitrage"]


NONSENSE = [
    None,
    [],
    "dca",
    1.5,
    {},
    deep(2_000),
    example("dca") | {"parameters": None},
    example("dca") | {"parameters": []},
    example("dca") | {"parameters": deep(2_000)},
    example("dca") | {"parameters": "x" * 1_000_000},
    example("dca") | {"x" * 1_000_000: 1},
    example("dca") | {f"x{n}": n for n in range(10_000)},
    example("dca") | {1: 2},
    example("dca") | {"": None},
    example("dca") | {"stake_currency": "usdt"},
    example("dca") | {"stake_currency": "U" * 1_000_000},
    example("dca") | {"exchange": deep(100)},
    example("dca") | {"timeframe": ["1m"]},
    example("dca") | {"pairs": [deep(100)]},
    example("dca", mode="{sentence}"),
    example("momentum") | {"parameters": {"{sentence}": 1}},
    {"strategy": "grid"},
]
JARGON = re.compile(
    r"\b(input|validation|valid|pydantic|str|dict|int|float|decimal_|literal|model|extra|type|none_|instance|NaN)\b"
    r"|[{}_\\\[\]]"
)


@pytest.mark.parametrize("config", NONSENSE, ids=range(len(NONSENSE)))
def test_whatever_comes_is_answered_with_few_short_plain_sentences(config):
    found = problems(config)
    assert 1 <= len(found) <= 30
    for field, sentence in found:
        assert len(field) <= 80
        assert len(sentence) <= 120
        assert re.fullmatch(r"[A-Z].*\.", sentence)
        assert not JARGON.search(sentence), sentence


def test_a_refusal_says_its_problems():
    assert str(ConfigurationRefused([Problem("lower", "At most 1.")])) == "lower: At most 1."


def test_every_kind_has_a_class_that_is_named_like_its_file():
    assert set(STRATEGY) == set(KINDS)
    for kind, model in KINDS.items():
        assert issubclass(model, Configuration)
        name = engine_class(parse(example(kind)))
        assert f"class {name}(" in (ROOT / f"bots/strategies/engine/{name}.py").read_text(encoding="utf-8")


def test_the_models_need_no_django():
    program = "import sys, bots.strategies.kinds, bots.strategies.needs; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT).returncode == 0
