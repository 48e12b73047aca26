"""All templates of the demo."""

from typing import Final

from marketplace.services.demo.dca import DCA
from marketplace.services.demo.entries import Entry
from marketplace.services.demo.grid import GRID
from marketplace.services.demo.momentum import MOMENTUM

CATALOG: Final[tuple[Entry, ...]] = tuple(
    entry for three in zip(DCA, GRID, MOMENTUM, strict=True) for entry in three
)
"""The kinds in turns, so that the first few are of each."""
