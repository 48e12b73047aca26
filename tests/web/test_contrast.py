"""Words can be read on everything they lie on, in the light and in the dark."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).parents[2] / "static" / "css" / "tokens.css"
PAIR = re.compile(r"--([\w-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")

SURFACES = ("bg", "surface", "raised")
WORDS = [
    *((ink, on) for ink in ("text", "muted", "accent", "warn", "gain", "loss") for on in SURFACES),
    *(("accent-strong", on) for on in SURFACES),
    ("accent-ink", "accent"),
    ("accent-ink", "accent-strong"),
    ("text", "accent-tint"),
    ("text", "warn-tint"),
    ("warn", "warn-tint"),
]
# Borders of controls and the focus ring: WCAG 1.4.11 asks for 3.
EDGES = [("line-strong", "bg"), ("line-strong", "surface"), ("accent", "bg"), ("accent", "surface")]


def tokens(theme: str) -> dict[str, str]:
    return {
        name: light if theme == "light" else dark for name, light, dark in PAIR.findall(TOKENS.read_text())
    }


def luminance(colour: str) -> float:
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_the_formula_gives_what_wcag_gives():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("ink", "on"), WORDS)
def test_words_reach_aa(theme, ink, on):
    colours = tokens(theme)
    assert contrast(colours[ink], colours[on]) >= 4.5


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("edge", "on"), EDGES)
def test_the_edges_of_controls_can_be_seen(theme, edge, on):
    colours = tokens(theme)
    assert contrast(colours[edge], colours[on]) >= 3


def test_no_other_stylesheet_names_a_colour():
    for sheet in TOKENS.parent.glob("*.css"):
        if sheet != TOKENS:
            assert not re.search(r"#[0-9a-f]{3,8}\b[^{]*;|rgba?\(|hsla?\(", sheet.read_text()), sheet.name
