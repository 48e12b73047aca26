"""Templates: set-ups that somebody made, and bots that begin with one."""

from functools import lru_cache
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.decorators import login_not_required, login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.views.decorators.http import require_GET, require_http_methods

from accounts.http import TraderRequest, outside_transaction
from bots.enums import Mode
from bots.setup_form import values_of
from bots.strategies import needs
from bots.strategies.common import Configuration
from bots.strategies.fields import plain
from bots.views.launch import BY_VALUE, KINDS, Start, launch
from marketplace import queries
from marketplace.exceptions import TemplateNotStartable
from marketplace.filters import BrowseForm, Select
from marketplace.models import BotTemplate
from marketplace.search import CLASSES, MOST_COUNTED, SORTS, Found, find
from marketplace.services.authoring import MOST
from marketplace.services.starting import configuration_of
from marketplace.views.cards import cards
from marketplace.views.requests import readable_template
from tradewise.web import formatting
from tradewise.web.binding import as_trader
from tradewise.web.pages import render_page, wants_fragment

#: Seconds for which caches may show visitors the same page.
SECONDS_KEPT: Final = 10
PLACES: Final = frozenset(BrowseForm.PLACES)
#: Sorts in which records to judge by come first.
BY_FIGURE: Final = ("return", "drawdown")


@require_GET
@login_not_required
def templates(request: TraderRequest) -> HttpResponse:
    """Public ones, for everybody; a trader's own beside them."""
    form = BrowseForm(request.GET)
    if not form.is_valid():
        return _shown(request, {"form": form, "invalid": True}, status=422)
    place, is_back = form.place
    found = find(form.search(), place, backwards=is_back)
    context = {
        "form": form,
        "found": found,
        "cards": cards(found.numbers),
        "chips": list(form.chips()),
        "summary": summary(found),
        "sorted": SORTS[found.sorted_by],
        "classes": CLASSES if found.sorted_by in BY_FIGURE else "",
        "is_other_sort": found.sorted_by != form.search().order,
        "first": form.query(),
        "next": form.query(after=found.next.cursor) if found.next else "",
        "previous": form.query(before=found.previous.cursor) if found.previous else "",
    }
    return _shown(request, context)


def summary(found: Found) -> str:
    """How many there are, as far as they were counted."""
    if not found.is_exact:
        at_least = "More than 1,000" if found.total > MOST_COUNTED else f"At least {found.total}"
        return f"{at_least} templates".replace(",", formatting.THIN)
    return f"{found.total} template{'' if found.total == 1 else 's'}"


@lru_cache(maxsize=512)
def _choices(selects: tuple[Select, ...], is_fragment: bool) -> str:
    """The filters as they are drawn, which takes longer than most searches. The same for the same counts."""
    return render_to_string("marketplace/_filters.html", {"filters": selects, "is_fragment": is_fragment})


def _shown(request: TraderRequest, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
    is_trader = request.user.is_authenticated
    is_page = not wants_fragment(request)
    if is_trader and is_page:
        context |= {"own": queries.own_versions()[:MOST], "kinds": KINDS}
    if not is_trader:
        # Nothing that a visitor could post, so no token, and no cookie that would keep the page out of caches.
        context["csrf_token"] = ""
    selects = context["form"].selects(context.get("found"))
    context |= {
        "choices": _choices(selects, not is_page),
        "is_fragment": not is_page,
        "list_url": request.path,
    }
    response = render_page(request, "marketplace/templates.html", context, fragment="results", status=status)
    if not is_page and status == 200:
        # The address as a person would write it: without what was left empty.
        query = request.GET.urlencode() if PLACES & request.GET.keys() else context["first"]
        response.headers["HX-Push-Url"] = f"{request.path}?{query}" if query else request.path
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        # A part of the page, and a page for htmx, differ by more headers than one.
        kept = f"public, max-age={SECONDS_KEPT}" if not request.htmx else "no-store"
        response.headers["Cache-Control"] = kept
    return response


@outside_transaction
@require_http_methods(["GET", "POST"])
@login_required
def start(request: TraderRequest, template_id: str) -> HttpResponse:
    """A bot with what the template says, and whatever the trader wants otherwise."""
    with as_trader(request):
        template = readable_template(template_id)
    try:
        configuration = configuration_of(template)
    except TemplateNotStartable as refusal:
        context = {"template": template, "reason": refusal}
        status = 200 if request.method == "GET" else 409
        return render(request, "marketplace/not_startable.html", context, status=status)
    return launch(request, _start(template, configuration))


def _start(template: BotTemplate, configuration: Configuration) -> Start:
    values: dict[str, Any] = {
        **values_of(configuration),
        "name": template.name[:100],
        "allocation": plain(needs.needed_allocation(configuration)),
        "mode": Mode.DRY_RUN,
    }
    context = {"template": template}
    return Start(BY_VALUE[configuration.strategy], values, template_id=template.template_id, context=context)
