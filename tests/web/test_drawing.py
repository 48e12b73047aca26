"""Drawings survive every series a bot can have."""

import itertools
import re
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from xml.etree import ElementTree

import pytest

from tradewise.web import drawing

START = date(2026, 5, 3)


def curve(values):
    return [(START + timedelta(days=index), value) for index, value in enumerate(values)]


SERIES = [
    [],
    [None],
    [None, None],
    [5.0],
    [Decimal("5"), Decimal("5")],
    [0, 0, 0],
    [1.0, None, 3.0, None, None, 2.0, 4.0],
    [Decimal("-4"), Decimal("NaN"), Decimal("12.5")],
    [float("inf"), 1.0, 2.0],
    [1e-12, 2e-12],
    [1e15, 1.0],
    [-5.0, -7.0, -6.0],
]


@pytest.mark.parametrize("values", SERIES)
def test_every_series_is_a_well_formed_drawing_without_styles(values):
    for svg in (
        drawing.sparkline(values),
        drawing.equity_svg(curve(values), currency="USDT", title="Equity"),
    ):
        ElementTree.fromstring(svg)
        assert "style=" not in svg
        assert not re.search(r"\b(nan|inf)\b", svg, re.IGNORECASE)


def test_a_sparkline_is_coloured_by_where_it_ends():
    assert "spark--gain" in drawing.sparkline([1.0, 0.5, 2.0])
    assert "spark--loss" in drawing.sparkline([2.0, 3.0, 1.0])
    flat = drawing.sparkline([2.0, 2.0])
    assert "gain" not in flat
    assert "loss" not in flat


def test_a_gap_breaks_the_line_and_a_lone_value_is_a_dot():
    path = re.search(r'd="([^"]+)"', drawing.sparkline([1.0, 2.0, None, 3.0]))
    assert path is not None
    assert path[1].count("M") == 2
    assert path[1].endswith("h0")


def test_the_chart_says_in_words_what_it_shows():
    points = [(datetime(2026, 5, day, tzinfo=UTC), value) for day, value in ((3, 1000), (4, 900), (5, 1100))]
    svg = drawing.equity_svg(points, currency="<b>", title="Equity of <Grid>")
    assert "Deepest drawdown 10.0%" in svg
    assert "+10.00%" in svg
    assert "Equity of &lt;Grid&gt;" in svg
    assert "<b>" not in svg


def test_a_fall_is_shaded_until_the_old_high_is_reached():
    def band(values, begin=None):
        svg = drawing.equity_svg(curve(values), currency="USDT", title="", begin=begin)
        return re.findall(r'chart__drawdown" d="([^"]*)"', svg)[0]

    assert band([1.0, 2.0, 3.0]) == ""
    assert band([3.0, 2.0, 4.0]).count("Z") == 1
    assert band([3.0, 2.0, 4.0, 3.0]).count("Z") == 2
    # What it began with may be the high.
    assert band([2.0, 2.0]) == ""
    assert band([2.0, 2.0], begin=Decimal(3)) == "M0.0 0.0L0.0 240.0L720.0 240.0V0.0Z"
    assert band([2.0, 4.0, 3.0], begin=Decimal(3)).count("Z") == 2
    assert band([2.0, 3.0], begin=Decimal(1)) == ""


def test_the_worst_drawdown_is_measured_from_the_last_high():
    assert drawing.worst_drawdown([100, 80, 120, 60, 130]) == pytest.approx(0.5)
    assert drawing.worst_drawdown([]) == drawing.worst_drawdown([1, 2, 3]) == 0
    assert drawing.worst_drawdown([10, -10]) == 1


@pytest.mark.parametrize(
    ("low", "high"), [(0, 0), (5, 5), (900, 1300), (0.1, 0.3), (-7, 12345), (1e-9, 3e-9)]
)
def test_axis_labels_are_evenly_apart_and_hold_both_ends(low, high):
    ticks = drawing._ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1]
    assert 2 <= len(ticks) <= 8
    steps = [after - before for before, after in itertools.pairwise(ticks)]
    assert steps == pytest.approx([steps[0]] * len(steps), rel=1e-2)


def test_health_is_told_by_height_and_in_words_too():
    svg = drawing.uptime_bars(curve([None, 1.0, 0.5, 0.0]), title="Health")
    ElementTree.fromstring(svg)
    assert 'height="32.0"' in svg
    assert 'height="16.0"' in svg
    for words in ("3\u00a0May\u00a02026: not checked", "every check answered", "50% answered", "0% answered"):
        assert words in svg
