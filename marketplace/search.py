"""Looking through the public templates: one call of the database's function, which answers with their keys.

The function sees every template, so that its plans may use the indexes, and answers with public ones alone. Their
rows are then read as all rows are, under the policies (`marketplace.queries`).
"""

import base64
import binascii
import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, Self

from django.db import connection

from marketplace import facets

PAGE: Final = 20
#: Counted so far and no further.
MOST_COUNTED: Final = 1000

#: How a page may be sorted, and what that means.
SORTS: Final[Mapping[str, tuple[str, str]]] = {
    "recommended": (
        "Recommended",
        "First what moderators feature, then what has a record to judge by on real prices, longest first.",
    ),
    "relevance": (
        "Best match",
        "Words in the name count most, then the kind and the pairs, then the description.",
    ),
    "newest": ("Newest", "Last published first."),
    "return": ("Best return", "Highest return since the record began."),
    "drawdown": ("Smallest drawdown", "Smallest worst fall from a high."),
    "days": ("Longest record", "Most days observed. A record on invented prices comes after every real one."),
    "subscribers": ("Most subscribers", "Most subscriptions that go on."),
}
#: What comes first in the sorts by a figure, whatever the figure.
CLASSES: Final = (
    "Records to judge by come first; then those of too little data, of an earlier version or at their end; then "
    "those on invented prices; last, templates without the figure."
)
_PLACE: Final = struct.Struct(">Bdi")


class Place(NamedTuple):
    """Where a page begins or ends: in which order, at which key, at which row."""

    sort: str
    key: float
    number: int

    @property
    def cursor(self) -> str:
        """As an address bears it."""
        packed = _PLACE.pack(list(SORTS).index(self.sort), self.key, self.number)
        return base64.urlsafe_b64encode(packed).decode().rstrip("=")

    @classmethod
    def parse(cls, cursor: str) -> Self | None:
        """The place that was written so, or None for anything else."""
        try:
            packed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
            order, key, number = _PLACE.unpack(packed)
        except (binascii.Error, ValueError, struct.error):
            return None
        if order >= len(SORTS) or not math.isfinite(key) or number < 1:
            return None
        return cls(list(SORTS)[order], key, number)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Empty means any."""

    typed: str = ""
    tags: Sequence[str] = ()
    #: What `config_json` must contain, as JSON.
    parameters: str | None = None
    sort: str = ""

    @property
    def order(self) -> str:
        """The sort that was chosen, or the usual one."""
        return self.sort or ("relevance" if self.typed else "recommended")


@dataclass(frozen=True, slots=True)
class Found:
    """A page of templates, and what is known of all that match."""

    #: Primary keys, in order.
    numbers: Sequence[int] = ()
    #: How many match, as far as they were counted: at least so many where `is_exact` is false.
    total: int = 0
    is_exact: bool = True
    #: By tag, of as many as were counted.
    counts: Mapping[str, int] = field(default_factory=dict)
    sorted_by: str = "recommended"
    previous: Place | None = None
    next: Place | None = None
    #: False where the search has no word that could be looked up.
    is_understood: bool = True


class _Answer(NamedTuple):
    is_understood: bool
    sorted_by: str
    ids: list[int] | None
    keys: list[float] | None
    total: int | None
    is_exact: bool | None
    counts: list[int] | None


def find(search: Search, place: Place | None = None, *, backwards: bool = False, most: int = PAGE) -> Found:
    """One page, from a place on or back from it."""
    answer = _ask(search, place, backwards=backwards, most=most + 1)
    numbers, keys = answer.ids or [], answer.keys or []
    is_placed = place is not None and place.sort == answer.sorted_by
    is_further = len(numbers) > most
    if backwards and is_placed and not is_further:
        # The page before the second one is the first one, whole, though rows were added meanwhile.
        return find(search, most=most)
    numbers, keys = numbers[:most], keys[:most]
    places = [Place(answer.sorted_by, key, number) for number, key in zip(numbers, keys, strict=True)]
    if backwards and is_placed:
        places.reverse()
    # Back from a place there is always that place, and on from one always the page before it.
    has_previous = is_placed and (is_further or not backwards)
    has_next = is_further or (backwards and is_placed)
    return Found(
        numbers=[each.number for each in places],
        total=answer.total or 0,
        is_exact=bool(answer.is_exact),
        counts=facets.counts(answer.counts or []),
        sorted_by=answer.sorted_by,
        previous=places[0] if places and has_previous else None,
        next=places[-1] if places and has_next else None,
        is_understood=answer.is_understood,
    )


def _ask(search: Search, place: Place | None, *, backwards: bool, most: int) -> _Answer:
    statement = (
        "SELECT is_understood, sorted_by, ids, keys, total, is_exact, counts FROM browse_templates("
        "%s, %s::text[], %s::jsonb, %s, %s, %s::float8, %s::integer, %s, %s)"
    )
    where = (place.sort, place.key, place.number) if place else (None, None, None)
    with connection.cursor() as cursor:
        cursor.execute(
            statement,
            [
                search.typed,
                list(search.tags),
                search.parameters,
                search.order,
                *where,
                backwards and place is not None,
                most,
            ],
        )
        return _Answer._make(cursor.fetchone())
