"""The trail as a file that a spreadsheet opens, and cannot be attacked with."""

import csv
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from io import StringIO
from typing import Final

from django.db import connection

from audit import queries
from audit.queries import Place, Search
from tradewise.tenancy.context import tenant_context

CHUNK: Final = 2_000
BOM: Final = "\ufeff"  # without it a spreadsheet takes UTF-8 for something else

# Where a spreadsheet begins to calculate: at a cell's beginning, also behind spaces and quotes, which some
# programs drop; and behind what the spreadsheet of another language takes for the end of a cell.
_CALCULATED = re.compile(
    "(?:^|(?<=[;\t\r\n]))(?=[\\s\"'`\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20])|^(?=[\t\r\n])"
)


def harmless(cell: str) -> str:
    """The cell with an apostrophe before all that would be calculated; nothing else of it is changed."""
    return _CALCULATED.sub("'", cell)


def lines(tenant_id: uuid.UUID, search: Search) -> Iterator[str]:
    """The file in pieces, newest entries first.

    Each piece is read in a short transaction of its own, so that a slow reader keeps nobody else waiting.
    """
    yield BOM + _csv([queries.RECORD])
    before: Place | None = None
    while True:
        with tenant_context(tenant_id):
            found = queries.find(search, before, most=CHUNK)
            records = queries.records(found.places)
        if not connection.in_atomic_block:
            connection.close()  # back to the pool, for as long as the network takes
        if records:
            yield _csv([[_cell(value) for value in record] for record in records])
        if found.older is None:
            return
        before = found.older


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    return harmless(str(value))


def _csv(rows: Iterable[Sequence[str]]) -> str:
    text = StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue()
