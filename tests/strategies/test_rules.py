"""The rules that the engine follows, without an engine."""

from decimal import Decimal

import pytest

from bots.strategies import dca, grid
from bots.strategies.dca import DcaParameters
from bots.strategies.grid import GridParameters


def buying(**parameters: object) -> DcaParameters:
    return DcaParameters.model_validate(parameters)


def between(**parameters: object) -> GridParameters:
    return GridParameters.model_validate({"lower": 900, "upper": 1100, **parameters})


def test_safety_orders_lie_at_widening_distances_and_cost_more_each_time():
    parameters = buying(max_safety_orders=3, safety_order=50)
    # 1.5; 1.5 + 1.8; 1.5 + 1.8 + 2.16
    assert dca.distances_pct(parameters) == (Decimal("1.5"), Decimal("3.3"), Decimal("5.46"))
    # 50; 50 x 1.3; 50 x 1.69
    assert dca.amounts(parameters) == (Decimal(50), Decimal(65), Decimal("84.5"))


@pytest.mark.parametrize(
    ("bought", "price", "amount"),
    [
        (0, "98.51", None),
        (0, "98.5", Decimal(50)),
        (1, "98", None),
        (1, "96.7", Decimal(65)),
        (1, "50", Decimal(65)),
        (3, "1", None),
    ],
)
def test_a_safety_order_is_due_at_its_distance(bought, price, amount):
    parameters = buying(max_safety_orders=3)
    found = dca.next_amount(
        parameters, bought=bought, base_price=Decimal(100), price=Decimal(price), idle_minutes=Decimal(0)
    )
    assert found == amount


@pytest.mark.parametrize(
    ("bought", "idle", "amount"),
    [(0, "59.9", None), (0, "60", Decimal(20)), (1, "60", Decimal(20)), (2, "60", None)],
)
def test_an_interval_order_is_due_at_its_time_whatever_the_price(bought, idle, amount):
    parameters = buying(
        mode="interval", interval_minutes=60, safety_order=20, max_safety_orders=2, volume_scale=3
    )
    found = dca.next_amount(
        parameters, bought=bought, base_price=Decimal(100), price=Decimal(999), idle_minutes=Decimal(idle)
    )
    assert found == amount


GRID = between(levels=5, unit=100, stop_loss_pct=10)  # 900, 950, 1000, 1050, 1100; stop 810


def test_the_lines_lie_at_equal_distances():
    assert list(map(int, grid.lines(GRID))) == [900, 950, 1000, 1050, 1100]
    thirds = between(lower=1, upper=2, levels=4)
    assert [str(line) for line in grid.lines(thirds)] == [
        "1.000000000000",
        "1.333333333333",
        "1.666666666667",
        "2",
    ]


@pytest.mark.parametrize(
    ("price", "line"),
    [
        ("1100", None), ("1050.01", None), ("1050", 3), ("1000.01", 3), ("1000", 2), ("950.01", 2), ("900.01", 1),
        ("900", 0), ("850.01", 0), ("850", None), ("1", None),
    ],
)  # fmt: skip
def test_a_unit_is_bought_at_the_nearest_line_that_is_not_below_the_price(price, line):
    assert grid.line_to_buy(GRID, Decimal(price)) == line


def test_nothing_is_bought_at_the_stop():
    near = between(levels=5, stop_loss_pct=1)
    assert grid.line_to_buy(near, Decimal("891.01")) == 0
    assert grid.line_to_buy(near, Decimal(891)) is None


@pytest.mark.parametrize(
    ("price", "sold"),
    [
        ("949.99", ()),
        ("950", (0,)),
        ("1049", (0, 1)),
        ("1100", (0, 1, 3)),
        ("810.01", ()),
        ("810", (0, 1, 3)),
    ],
)
def test_a_line_is_sold_one_line_higher_and_all_at_the_stop(price, sold):
    assert grid.lines_to_sell(GRID, Decimal(price), {3: Decimal(1), 0: Decimal(1), 1: Decimal(1)}) == sold


def test_orders_are_named_after_their_lines():
    assert grid.buy_tag(3) == "grid-buy-3"
    assert grid.sell_tag(GRID, Decimal(1100), (0, 1, 3)) == "grid-sell-0-3"
    assert grid.sell_tag(GRID, Decimal(800), (0, 1)) == "grid-stop-0-1"


def bought(tag: str, price: int | str, amount: str) -> grid.Fill:
    return grid.Fill(True, tag, Decimal(price), Decimal(amount))


def sold(tag: str, amount: str) -> grid.Fill:
    return grid.Fill(False, tag, Decimal(1), Decimal(amount))


@pytest.mark.parametrize(
    ("fills", "held"),
    [
        ([bought("grid-first", 999, "0.1")], {2: Decimal("0.1")}),
        ([bought("grid-first", 860, "0.1")], {0: Decimal("0.1")}),
        # By hand, outside of the grid.
        ([bought("", 2000, "0.1")], {3: Decimal("0.1")}),
        ([bought("", 10, "0.1")], {0: Decimal("0.1")}),
        # The name counts, not where the price has gone meanwhile.
        (
            [bought("grid-first", 999, "0.1"), bought("grid-buy-1", 899, "0.2")],
            {2: Decimal("0.1"), 1: Decimal("0.2")},
        ),
        # A grid that had more lines when this was bought.
        ([bought("grid-buy-47", 999, "0.1")], {3: Decimal("0.1")}),
        # A part of an order, and the rest of it later.
        ([bought("grid-buy-1", 950, "0.01"), bought("grid-buy-1", 949, "0.09")], {1: Decimal("0.1")}),
        # A sale of two lines that was filled in part: the lower one first.
        (
            [
                bought("grid-buy-1", 950, "0.1"),
                bought("grid-buy-0", 900, "0.1"),
                sold("grid-sell-0-1", "0.15"),
            ],
            {1: Decimal("0.05")},
        ),
        ([bought("grid-buy-1", 950, "0.1"), sold("grid-sell-1-1", "0.1")], {}),
        (
            [bought("grid-buy-1", 950, "0.1"), bought("grid-buy-3", 1050, "0.1"), sold("force_exit", "0.2")],
            {},
        ),
        # More than the line held: the rest is taken from elsewhere, and never more than there is.
        (
            [
                bought("grid-buy-1", 950, "0.1"),
                bought("grid-buy-3", 1050, "0.1"),
                sold("grid-sell-3-3", "0.3"),
            ],
            {},
        ),
        ([sold("grid-sell-1-1", "0.1")], {}),
    ],
)
def test_what_is_held_follows_from_the_filled_orders(fills, held):
    assert grid.holdings(GRID, fills) == held


def test_a_line_that_holds_only_a_remnant_is_free():
    assert grid.is_free(GRID, 1, {})
    assert grid.is_free(GRID, 1, {1: Decimal("0.05")})  # 0.05 x 950 = 47.50 of 100
    assert not grid.is_free(GRID, 1, {1: Decimal("0.06")})
