"""Small drawings as SVG: attributes and classes only, since the policy of the pages refuses styles.

Every number is formatted here and every word is escaped, so the results are safe to print as they are.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import floor, isfinite, log10

from django.utils.html import escape
from django.utils.safestring import SafeString

from tradewise.web.formatting import MONTHS, NBSP, amount, day, number, percent

Number = Decimal | float | None


# ——— sparkline ———


def sparkline(values: Sequence[Number], width: int = 112, height: int = 28, label: str = "") -> SafeString:
    """A line without axes, oldest value first; a gap where a value is None.

    Coloured by its last value against its first. Without `label` it is hidden from screen readers: the
    figures beside it say the same. `width` and `height` are the units of the view box; CSS sets the size.
    """
    floats = _floats(values)
    known = [value for value in floats if value is not None]
    name = f'role="img" aria-label="{escape(label)}"' if label else 'aria-hidden="true"'
    kind = ""
    if len(known) > 1:
        kind = " spark--gain" if known[-1] > known[0] else " spark--loss" if known[-1] < known[0] else ""
    head = f'<svg class="spark{kind}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" {name}>'
    if not known:
        middle = height / 2
        return SafeString(f'{head}<path class="spark__none" d="M0 {middle:g}H{width}"/></svg>')
    path = _line(_places(floats, width, height, min(known), max(known), margin=2))
    return SafeString(f'{head}<path d="{path}"/></svg>')


def _floats(values: Iterable[Number]) -> list[float | None]:
    return [None if value is None or not isfinite(value) else float(value) for value in values]


def _places(
    values: Sequence[float | None], width: float, height: float, low: float, high: float, *, margin: float = 0
) -> list[tuple[float, float] | None]:
    """Where each value lies; a flat line lies in the middle."""
    step = (width - 2 * margin) / max(len(values) - 1, 1)
    room = height - 2 * margin
    scale = room / (high - low) if high > low else 0.0
    rest = margin if scale else margin + room / 2
    return [
        None if value is None else (margin + index * step, rest + (high - value) * scale)
        for index, value in enumerate(values)
    ]


def _line(points: Iterable[tuple[float, float] | None]) -> str:
    """Path data. A value alone between two gaps becomes a dot: a line of no length with round ends."""
    parts: list[str] = []
    drawing = False
    alone = False
    for point in points:
        if point is None:
            if alone:
                parts.append("h0")
            drawing = alone = False
            continue
        parts.append(f"{'L' if drawing else 'M'}{point[0]:.1f} {point[1]:.1f}")
        alone = not drawing
        drawing = True
    if alone:
        parts.append("h0")
    return "".join(parts)


# ——— equity ———


def equity_svg(
    points: Sequence[tuple[date, Number]],
    *,
    currency: str | None,
    title: str,
    description: str = "",
    begin: Number = None,
    width: int = 720,
    height: int = 240,
) -> SafeString:
    """Equity over time with the drawdown beneath its last high, in a `<figure>` with labelled axes.

    `points` are (moment, equity), oldest first, placed by their time; None is a gap. `begin` is what was
    there before the first of them, where that is known: a high like theirs. `title` and `description` are for
    those who cannot see it; without a description one is made from the figures.
    The labels are text beside the drawing, so that they stay readable when it shrinks.
    """
    known = [(when, float(value)) for when, value in points if value is not None and isfinite(value)]
    if len(known) < 2:
        return SafeString('<p class="muted">Not enough has been recorded yet to draw a curve.</p>')
    levels = [value for _, value in known] + ([] if begin is None else [float(begin)])
    ticks = _ticks(min(levels), max(levels))
    low, high, rows = ticks[0], ticks[-1], len(ticks) - 1
    placed = _placed_by_time(points, width, height, low, high)
    peak = None if begin is None else (high - float(begin)) * height / (high - low)
    grid = "".join(f"M0 {height * row / rows:.1f}H{width}" for row in range(rows + 1))
    places = _decimals(high - low, rows)
    y_labels = "".join(f"<span>{number(Decimal(repr(tick)), places)}</span>" for tick in reversed(ticks))
    words = escape(description or _describe(known, currency))
    return SafeString(
        f'<figure class="chart"><svg viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(title)}</title><desc>{words}</desc>"
        f'<path class="chart__grid" d="{grid}"/>'
        f'<path class="chart__drawdown" d="{_drawdown_band(placed, peak)}"/>'
        f'<path class="chart__line" d="{_line(placed)}"/></svg>'
        f'<div class="chart__y" aria-hidden="true">{y_labels}</div>'
        f'<div class="chart__x" aria-hidden="true">{_x_labels(points[0][0], points[-1][0])}</div>'
        f"<figcaption>{words}</figcaption></figure>"
    )


def worst_drawdown(values: Iterable[float]) -> float:
    """The deepest fall below an earlier high, as a ratio from 0 to 1 of that high."""
    peak = worst = 0.0
    for value in values:
        peak = max(peak, value)
        if peak > 0:
            worst = max(worst, (peak - value) / peak)
    return min(worst, 1.0)


def _describe(known: Sequence[tuple[date, float]], currency: str | None) -> str:
    (start, first), (end, last) = known[0], known[-1]
    ratio = (last - first) / first if first > 0 else None
    worst = worst_drawdown(value for _, value in known)
    before, after = (amount(Decimal(repr(value)), currency) for value in (first, last))
    return (
        f"From {before} on {day(start)} to {after} on {day(end)}: {percent(ratio)}. "
        f"Deepest drawdown {number(Decimal(repr(worst * 100)), 1)}%."
    )


def _placed_by_time(
    points: Sequence[tuple[date, Number]], width: int, height: int, low: float, high: float
) -> list[tuple[float, float] | None]:
    start = _seconds(points[0][0])
    length = max(_seconds(points[-1][0]) - start, 1.0)
    scale = height / (high - low)
    return [
        None
        if value is None or not isfinite(value)
        else ((_seconds(when) - start) / length * width, (high - float(value)) * scale)
        for when, value in points
    ]


def _seconds(moment: date) -> float:
    return moment.timestamp() if isinstance(moment, datetime) else moment.toordinal() * 86400.0


def _drawdown_band(points: Iterable[tuple[float, float] | None], peak: float | None = None) -> str:
    """The areas between the curve and its running high, from `peak` on (a smaller y is a higher equity)."""
    area: list[tuple[float, float]] = []
    parts: list[str] = []

    def close() -> None:
        if peak is not None and len(area) > 1 and any(y > peak for _, y in area):
            line = "L".join(f"{x:.1f} {y:.1f}" for x, y in area)
            parts.append(f"M{area[0][0]:.1f} {peak:.1f}L{line}V{peak:.1f}Z")

    for point in points:
        if point is None:
            close()
            area = area[:0]
            continue
        _, y = point
        if peak is None or y <= peak:
            if area and peak is not None:
                area.append(_crossing(area[-1], point, peak))
            close()
            peak, area = y, [point]
        else:
            area.append(point)
    close()
    return "".join(parts)


def _crossing(a: tuple[float, float], b: tuple[float, float], level: float) -> tuple[float, float]:
    """Where the line from `a` up to `b` reaches `level`."""
    if a[1] == b[1]:
        return b
    return a[0] + (b[0] - a[0]) * (a[1] - level) / (a[1] - b[1]), level


def _ticks(low: float, high: float) -> list[float]:
    """Three to seven round values, evenly apart, that hold both ends."""
    if high - low < abs(high) * 1e-9 or high == low:
        room = abs(high) * 0.05 or 1.0
        low, high = low - room, high + room
    raw = (high - low) / 4
    magnitude = 10.0 ** floor(log10(raw))
    step = next(size * magnitude for size in (1.0, 2.0, 2.5, 5.0, 10.0) if size * magnitude >= raw)
    first = floor(low / step)
    count = 1
    while (first + count) * step < high:
        count += 1
    return [round((first + index) * step, 12) for index in range(count + 1)]


def _decimals(reach: float, rows: int) -> int:
    """Decimal places that tell two neighbouring labels apart."""
    step = reach / rows
    places = 0
    while places < 8 and abs(step * 10**places - round(step * 10**places)) > 1e-6:
        places += 1
    return places


def _x_labels(start: date, end: date) -> str:
    """The first moment, the middle and the last."""
    moments = (start + (end - start) * part / 2 for part in range(3))
    return "".join(f"<span>{_short_day(moment, end)}</span>" for moment in moments)


def _short_day(moment: date, end: date) -> str:
    text = f"{moment.day}{NBSP}{MONTHS[moment.month - 1]}"
    return text if moment.year == end.year else f"{text}{NBSP}{moment.year}"


# ——— health ———


def uptime_bars(days: Sequence[tuple[date, float | None]], *, title: str) -> SafeString:
    """One bar a day, oldest first: (day, share of checks that were answered from 0 to 1, None = not checked).

    The height says the share as well as the colour does, and each bar's tooltip says it in words.
    """
    step, height = 4, 32
    bars = []
    for index, (when, share) in enumerate(days):
        if share is None or not isfinite(share):
            kind, tall, words = "none", 3.0, "not checked"
        else:
            share = min(max(share, 0.0), 1.0)
            kind = "up" if share >= 0.999 else "down" if share <= 0 else "part"
            tall = max(height * share, 5.0)
            words = "every check answered" if kind == "up" else f"{floor(share * 1000) / 10:g}% answered"
        bars.append(
            f'<rect class="{kind}" x="{index * step}" y="{height - tall:.1f}" width="3" height="{tall:.1f}">'
            f"<title>{day(when)}: {words}</title></rect>"
        )
    width = max(len(days) * step - 1, 1)
    return SafeString(
        f'<svg class="uptime" viewBox="0 0 {width} {height}" preserveAspectRatio="none" role="img">'
        f"<title>{escape(title)}</title>{''.join(bars)}</svg>"
    )
