"""Templates: set-ups that somebody made, and bots that begin with one."""

from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods

from accounts.http import TraderRequest, outside_transaction
from bots.enums import Mode
from bots.setup_form import parameters_in_words, values_of
from bots.strategies import needs
from bots.strategies.common import Configuration
from bots.strategies.fields import plain
from bots.views.launch import BY_VALUE, KINDS, Start, launch
from marketplace import queries
from marketplace.exceptions import TemplateNotStartable
from marketplace.forms import TemplatesForm
from marketplace.models import BotTemplate
from marketplace.services.authoring import MOST
from marketplace.services.starting import configuration_of
from marketplace.views.requests import readable_template
from tradewise.web import formatting
from tradewise.web.binding import as_trader

PAGE: Final = 20


@dataclass(frozen=True, slots=True)
class Card:
    """A template as the list shows it. `reason` says why no bot starts from it."""

    template: BotTemplate
    is_own: bool
    kind: str
    needed: str = ""
    pairs: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    reason: str = ""


@require_GET
@login_required
def templates(request: TraderRequest) -> HttpResponse:
    """Public ones, and one's own."""
    form = TemplatesForm(request.GET)
    page = Paginator(queries.readable_templates(), PAGE).get_page(form.number())
    context = {
        "page": page,
        "cards": [card(template, request) for template in page.object_list],
        "own": queries.own_versions()[:MOST],
        "kinds": KINDS,
    }
    return render(request, "marketplace/templates.html", context)


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


def card(template: BotTemplate, request: TraderRequest) -> Card:
    """What the list says of it."""
    is_own = template.creator_tenant_id == request.tenant_id
    kind = template.get_strategy_type_display() if template.strategy_type else ""
    try:
        configuration = configuration_of(template)
    except TemplateNotStartable as refusal:
        return Card(template, is_own, kind, reason=str(refusal))
    needed = formatting.amount(needs.needed_allocation(configuration), configuration.stake_currency)
    return Card(
        template,
        is_own,
        BY_VALUE[configuration.strategy].title,
        needed=needed,
        pairs=", ".join(configuration.pairs),
        parameters=tuple(parameters_in_words(configuration)),
    )
