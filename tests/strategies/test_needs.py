"""What a configuration needs. The numbers are computed by hand, and shown."""

from decimal import Decimal

import pytest

from bots.strategies.common import Problem
from bots.strategies.kinds import parse
from bots.strategies.needs import most_open_trades, needed_allocation, orders, problems, stake_amount
from tests.strategies.examples import example

PLENTY = Decimal(1_000_000)
COSTS = "0.25 % go to the fees and the spread of buying and selling"


@pytest.mark.parametrize(
    ("config", "first", "trades", "needed"),
    [
        # 2 pairs x (50 + 50 + 65 + 84.50) x 1.001 = 499.499
        (example("dca"), 50, 2, "499.50"),
        # 2 pairs x (50 + 3 x 50) x 1.001
        (example("dca", mode="interval"), 50, 2, "400.40"),
        (example("dca", max_safety_orders=0, base_order=12.34), "12.34", 2, "24.71"),  # 24.70468, rounded up
        # 9 lines that buy x 50 x 1.001
        (example("grid"), 50, 1, "450.45"),
        # 2 pairs, though 3 trades were allowed
        (example("momentum"), 50, 2, "100.10"),
        (example("momentum", max_open_trades=1), 50, 1, "50.05"),
    ],
)
def test_needs_by_hand(config, first, trades, needed):
    configuration = parse(config)
    assert stake_amount(configuration) == Decimal(first)
    assert most_open_trades(configuration) == trades
    assert needed_allocation(configuration) == Decimal(needed)
    assert str(needed_allocation(configuration)) == needed
    assert problems(configuration, allocation=Decimal(needed)) == ()


def test_the_fee_is_a_part_of_what_is_needed():
    assert needed_allocation(parse(example("momentum")), fee=Decimal("0.01")) == Decimal("101.00")
    assert orders(parse(example("grid", levels=3, unit=7))) == (Decimal(7), Decimal(7))


@pytest.mark.parametrize(
    ("config", "allocation", "sentence"),
    [
        (
            example("dca"),
            "499.49",
            "These parameters need 499.50 USDT: 2 trades of 249.50 USDT, and the fees.",
        ),
        (example("grid"), "0", "These parameters need 450.45 USDT: 450.00 USDT in all orders, and the fees."),
    ],
)
def test_an_allocation_that_is_too_small_is_refused_with_one_that_would_do(config, allocation, sentence):
    assert problems(parse(config), allocation=Decimal(allocation)) == (Problem("allocation", sentence),)


@pytest.mark.parametrize(
    ("config", "field", "sentence"),
    [
        # 2 x 0.1 % + 0.05 % = 0.25 %
        (
            example("dca", take_profit_pct=0.25),
            "take_profit_pct",
            "Must be more than 0.25 %: 0.25 % go to the fees and the spread of buying and selling.",
        ),
        (
            example("momentum", take_profit_pct=0.2),
            "take_profit_pct",
            "Must be more than 0.25 %, or 0 for none: 0.25 % go to the fees and the spread of buying and selling.",
        ),
        # 10 in 49 steps of 0.204 are 0.02 % of the price.
        (
            example("grid", lower=1000, upper=1010, levels=50),
            "levels",
            f"The lines lie too close together: at most 4 levels, because {COSTS}.",
        ),
        (
            example("grid", lower=1000, upper=1002.5, levels=2),
            "levels",
            f"The highest line is too close to the lowest for any grid, because {COSTS}.",
        ),
    ],
)
def test_what_the_fees_would_eat_is_refused(config, field, sentence):
    assert problems(parse(config), allocation=PLENTY) == (Problem(f"parameters.{field}", sentence),)


def test_the_suggested_number_of_levels_would_do():
    # 4 levels: 10 / 3 = 3.33 of 1006.67, 0.331 %. 5 levels: 2.5 of 1007.50, 0.248 %.
    assert problems(parse(example("grid", lower=1000, upper=1010, levels=4)), allocation=PLENTY) == ()
    assert problems(parse(example("grid", lower=1000, upper=1010, levels=5)), allocation=PLENTY) != ()


def test_no_take_profit_is_not_too_narrow():
    assert problems(parse(example("momentum", take_profit_pct=0)), allocation=PLENTY) == ()


def test_higher_fees_need_more():
    dear = problems(parse(example("dca", take_profit_pct=1)), allocation=PLENTY, fee=Decimal("0.005"))
    assert [problem.sentence[:24] for problem in dear] == ["Must be more than 1.05 %"]


ENGINE = "the exchange takes no order below 5 USDT, and the engine keeps a reserve."


@pytest.mark.parametrize(
    ("config", "found"),
    [
        # No stop: half as much again. 5 x 1.5 = 7.50; a later order needs 5 % more than 5.
        (example("dca", base_order=7.5, safety_order=5.25), {}),
        (example("dca", base_order=7.49, safety_order=5.24), {"base_order": "7.5", "safety_order": "5.25"}),
        (example("dca", base_order=7.5, safety_order=1, max_safety_orders=0), {}),
        # A stop of 10 %: 5 x 1.05 / 0.9 = 5.8333
        (example("dca", base_order=5.84, stop_loss_pct=10), {}),
        (example("dca", base_order=5.83, stop_loss_pct=10), {"base_order": "5.84"}),
        # A stop of 3 %: 5 x 1.05 / 0.97 = 5.4124
        (example("momentum", stake=5.41), {"stake": "5.42"}),
        # Lines at 900, 950, …, 1100: what was bought at 1050 is worth less at 950. 7.50 x 1050 / 950 = 8.2895
        (example("grid", levels=5, unit=8.28), {"unit": "8.29"}),
        (example("grid", levels=5, unit=8.29), {}),
        # Two lines: nothing is left when one is sold.
        (example("grid", levels=2, unit=7.5), {}),
    ],
)
def test_orders_that_the_exchange_would_not_take_are_refused(config, found):
    expected = {f"parameters.{field}": f"At least {least} USDT: {ENGINE}" for field, least in found.items()}
    problems_ = problems(parse(config), allocation=PLENTY, smallest_order=Decimal(5))
    assert {problem.field: problem.sentence for problem in problems_} == expected
