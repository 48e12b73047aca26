"""Reading the trail: newest first, and at the same cost on each page of it, however long it is.

A page begins after a place, never at a number, and is looked for among the next entries of the tenant's own
index alone: what is rare is not hunted through a million of them at once. Where that window ends before
the page is full, the reader is told so and goes on from there.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, NamedTuple, Self

from django.db import connection
from django.db.models import BooleanField, F, Func, JSONField, Q, QuerySet, TextField, Value
from django.db.models.functions import Cast

from audit import words
from audit.models import AuditLog
from tradewise.tenancy.context import current_tenant_id

PAGE: Final = 50
#: So many entries one page looks through, whatever it looks for.
WINDOW: Final = 20_000
#: A thing with no more entries than this is looked up by its own index, across all time.
FEW: Final = 2_000

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LARGEST: Final = 2**63 - 1


class Place(NamedTuple):
    """Where an entry lies in the trail. All entries of one transaction share its moment."""

    moment: datetime
    number: int

    @property
    def cursor(self) -> str:
        """The place as a page's address bears it: microseconds and number."""
        return f"{(self.moment - _EPOCH) // timedelta(microseconds=1)}-{self.number}"

    @classmethod
    def parse(cls, cursor: str) -> Self | None:
        """The place that was written so; None for none, and for one beyond all time."""
        micros, _, number = cursor.partition("-")
        try:
            return cls(_EPOCH + timedelta(microseconds=int(micros)), min(int(number), _LARGEST))
        except (OverflowError, ValueError):
            return None


BEGINNING: Final = datetime.min.replace(tzinfo=UTC)
END: Final = Place(datetime.max.replace(tzinfo=UTC), _LARGEST)


@dataclass(frozen=True, slots=True)
class Search:
    """What is looked for. Empty means any; moments are included at both ends."""

    action: str = ""
    kind: str = ""
    key: str = ""
    address: str = ""
    since: datetime | None = None
    until: datetime | None = None
    #: Also what only accompanies something else.
    everything: bool = False

    def parameters(self, before: Place) -> dict[str, Any]:
        """What the statements below take."""
        known = words.RESOURCES.get(self.kind)
        return {
            "tenant": current_tenant_id(),
            "since": self.since or BEGINNING,
            "moment": before.moment,
            "number": before.number,
            "window": WINDOW,
            "few": FEW,
            "action": self.action or None,
            "kinds": words.family(self.kind) if self.kind else None,
            "key": self.key or None,
            "address": self.address or None,
            "everything": self.everything or bool(known and known.accompanies),
            "accompanying": words.accompanying(),
            "alone": words.shown_alone(),
        }


@dataclass(frozen=True, slots=True)
class Found:
    """Where the entries of a page lie, newest first, and where the next one begins."""

    places: Sequence[Place] = ()
    #: None at the end of the trail.
    older: Place | None = None
    #: Set where the window ended before the page was full.
    looked_back_to: datetime | None = None


class Entry(NamedTuple):
    """An entry as it is shown."""

    id: int
    created_at: datetime
    actor: str
    action: str
    resource_type: str
    resource_id: str | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    ip_address: str | None
    user_agent: str | None


class Exact(json.JSONDecoder):
    """Reads amounts as they were written, and not as the nearest float."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "parse_float": Decimal})


# ——— looking ———

# A condition on what may be any stands in the statement and folds away when it is planned.
_LOOK = """
SELECT created_at, id FROM (
    SELECT created_at, id, action, resource_type, resource_id, ip_address
    FROM audit_logs WHERE tenant_id = %(tenant)s AND {window}
) looked
WHERE (%(action)s::text IS NULL OR action = %(action)s)
  AND (%(kinds)s::text[] IS NULL OR resource_type = ANY(%(kinds)s::text[]))
  AND (%(key)s::text IS NULL OR resource_id = %(key)s)
  AND (%(address)s::inet IS NULL OR ip_address = %(address)s::inet)
  AND (%(everything)s OR resource_type <> ALL(%(accompanying)s::text[]) OR action = ANY(%(alone)s::text[]))
  AND {fitting}
ORDER BY created_at DESC, id DESC LIMIT %(most)s
"""
# The pair is what the index goes by; the moments let whole months be left out.
_PLACE = """created_at >= %(since)s AND created_at <= %(moment)s
  AND (created_at, id) < (%(moment)s, %(number)s)"""
_IN_THE_TRAIL: Final = _LOOK.replace(
    "{window}", f"{_PLACE} ORDER BY created_at DESC, id DESC LIMIT %(window)s"
).replace("{fitting}", "true")
# Without an order, so that nothing tempts the planner to read the whole trail in the right one.
_OF_ONE_THING: Final = _LOOK.replace(
    "{window}", "resource_type = ANY(%(kinds)s::text[]) AND resource_id = %(key)s LIMIT %(few)s"
).replace("{fitting}", _PLACE)


def find(search: Search, before: Place | None = None, most: int = PAGE) -> Found:
    """The places of at most so many entries before one, and where to go on."""
    last = Place(search.until, _LARGEST) if search.until else END
    start = min(before, last) if before else last
    in_few = bool(search.kind and search.key) and _has_few(search.kind, search.key)
    statement = _OF_ONE_THING if in_few else _IN_THE_TRAIL
    places = _look(statement, {**search.parameters(start), "most": most + 1})
    if len(places) > most:
        return Found(places[:most], older=places[most - 1])
    end = None if in_few else _end_of_window(search, start)
    return Found(places, older=end, looked_back_to=end.moment if end else None)


def _look(statement: str, parameters: dict[str, Any]) -> list[Place]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [Place._make(row) for row in cursor.fetchall()]


def _has_few(kind: str, key: str) -> bool:
    """Whether all entries about it can be read at once. Counts no further than that."""
    about = AuditLog.objects.filter(resource_type__in=words.family(kind), resource_id=key)
    return about.order_by().values("pk")[: FEW + 1].count() <= FEW


def _end_of_window(search: Search, start: Place) -> Place | None:
    """The last place that was looked at, or None where the trail ended before."""
    looked = AuditLog.objects.filter(
        _before(start), created_at__lte=start.moment, created_at__gte=search.since or BEGINNING
    )
    places = looked.order_by("-created_at", "-id").values_list("created_at", "id")
    found = list(places[WINDOW - 1 : WINDOW])
    return Place._make(found[0]) if found else None


def _before(place: Place) -> Q:
    """Both columns compared as one, as the index holds them."""
    here = Func(F("created_at"), F("id"), function="ROW")
    there = Func(Value(place.moment), Value(place.number), function="ROW")
    return Q(Func(here, there, arg_joiner=" < ", template="%(expressions)s", output_field=BooleanField()))


# ——— loading ———


def entries(places: Sequence[Place]) -> list[Entry]:
    """The entries at those places, newest first."""
    rows = _at(places).annotate(
        old=Cast("old_values", JSONField(decoder=Exact)), new=Cast("new_values", JSONField(decoder=Exact))
    )
    return [Entry._make(values) for values in rows.values_list(*Entry._fields)]


RECORD: Final = (
    *("id", "created_at", "tenant_id", "user_id", "actor", "login", "action", "resource_type", "resource_id"),
    *("old_values", "new_values", "ip_address", "user_agent", "xact"),
)


def records(places: Sequence[Place]) -> list[tuple[Any, ...]]:
    """All columns of the entries at those places, in the order of RECORD; values as the text of their JSON."""
    rows = _at(places).annotate(
        old_text=Cast("old_values", TextField()), new_text=Cast("new_values", TextField())
    )
    texts = {"old_values": "old_text", "new_values": "new_text"}
    return list(rows.values_list(*(texts.get(name, name) for name in RECORD)))


def _at(places: Sequence[Place]) -> QuerySet[AuditLog]:
    if not places:
        return AuditLog.objects.none()
    at = AuditLog.objects.filter(
        id__in=[place.number for place in places],
        created_at__gte=places[-1].moment,
        created_at__lte=places[0].moment,
    )
    return at.order_by("-created_at", "-id")


def latest_about(kind: str, key: str, most: int = 8) -> list[Entry]:
    """The last entries about one thing."""
    return entries(find(Search(kind=kind, key=key), most=most).places)
