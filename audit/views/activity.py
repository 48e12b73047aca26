"""Who did what: the trader's own trail, and its export."""

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from audit import entries, exporting, ledger, queries
from audit.forms import ActivityFilter
from tradewise.web.binding import as_trader
from tradewise.web.http import TenantRequest, outside_transaction
from tradewise.web.pages import render_page

TEMPLATE = "audit/activity.html"


@require_GET
@login_required
def activity(request: TenantRequest) -> HttpResponse:
    """A page of the trail, newest first; htmx gets the list without the filters."""
    form = ActivityFilter(request.GET)
    if not form.is_valid():
        return _refused(request, form)
    found = queries.find(form.search, form.place)
    kind, key = form.thing
    form.show_as_chosen(entries.name_of(kind, key))
    context = {
        "form": form,
        "filters": form.filters,
        "rows": entries.rows(queries.entries(found.places)),
        "is_later_page": form.place is not None,
        "latest": urlencode(form.filters),
        "older": urlencode({**form.filters, "before": found.older.cursor}) if found.older else "",
        "looked_back_to": found.looked_back_to,
    }
    return render_page(request, TEMPLATE, context, fragment="trail")


@outside_transaction
@require_POST
@login_required
def export(request: TenantRequest) -> HttpResponseBase:
    """The same entries as a file. It leaves an entry itself, so it is asked for by a form."""
    form = ActivityFilter(request.POST)
    if not form.is_valid():
        return _refused(request, form)
    with as_trader(request):
        ledger.event("audit.export", resource="trail", new=form.filters or None)
    name = f"tradewise-activity-{timezone.now():%Y-%m-%d}.csv"
    return StreamingHttpResponse(
        exporting.lines(request.tenant_id, form.search),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        },
    )


def _refused(request: TenantRequest, form: ActivityFilter) -> HttpResponse:
    return render_page(request, TEMPLATE, {"form": form, "invalid": True}, fragment="trail", status=422)
