"""All bots of a trader: is everything running, and am I up or down?"""

from functools import lru_cache, partial
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.views.decorators.http import require_GET

from accounts.http import TraderRequest
from bots import queries
from bots.enums import BotStatus
from bots.forms import FleetFilter
from bots.queries import FleetState
from bots.views.rows import rows_html
from tradewise.web.pages import render_page, wants_fragment

PAGE = 50

_COUNTED = (
    (BotStatus.RUNNING, "running"),
    (BotStatus.CONNECTED, "paused"),
    (BotStatus.INACTIVE, "stopped"),
    (BotStatus.STARTING, "starting"),
    (BotStatus.STOPPING, "stopping"),
)


@require_GET
@login_required
def fleet(request: TraderRequest) -> HttpResponse:
    """The page, and the part of it that asks again every few seconds and hears 204 when nothing changed."""
    form = FleetFilter(request.GET)
    if not form.is_valid():
        return render(request, "bots/fleet.html", {"form": form, "invalid": True}, status=422)
    state = queries.fleet_state()
    wanted = form.cleaned_data
    if wants_fragment(request) and wanted["seen"] == state.version:
        return HttpResponse(status=204)
    filters = {name: wanted[name] for name in ("q", "status", "mode") if wanted[name]}
    rows: Any = WholeFleet(state.count)
    if filters:
        rows = queries.fleet(text=wanted["q"], status=wanted["status"], mode=wanted["mode"])
    page = Paginator(rows, PAGE).get_page(wanted["page"])
    context: dict[str, Any] = {
        "filters": partial(filters_html, wanted["q"], wanted["status"], wanted["mode"]),
        "state": state,
        "filtered": bool(filters),
        "rows": rows_html(page.object_list, timezone.now()) if state.count else "",
        "page": page,
        "summary": summary(state),
        "query": urlencode(filters),
        "here": urlencode({**filters, **({"page": page.number} if page.number > 1 else {})}),
    }
    return render_page(request, "bots/fleet.html", context, fragment="fleet")


@lru_cache(maxsize=64)
def filters_html(text: str, status: str, mode: str) -> SafeString:
    """The fields of the filter, kept: they take as long as a dozen rows, and hardly ever change."""
    form = FleetFilter({"q": text, "status": status, "mode": mode})
    return SafeString("".join(form[name].as_field_group() for name in ("q", "status", "mode")))


def summary(state: FleetState) -> str:
    """`3 running, 1 paused. 2 need attention.`"""
    counted = [
        f"{state.by_status[status]} {word}" for status, word in _COUNTED if state.by_status.get(status)
    ]
    down = state.by_status.get(BotStatus.ERROR, 0)
    if down:
        counted.insert(0, f"{down} down")
    return ", ".join(counted)


class WholeFleet:
    """The rows of all bots, of whom there are `count`, as a paginator slices them."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, part: slice) -> list[tuple[Any, ...]]:
        return queries.page_of_fleet(part.start, PAGE)
