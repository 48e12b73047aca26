"""Subscribing to a template: what will happen, and one confirmation."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.http import TraderRequest
from bots.enums import Mode
from bots.exceptions import SetupRefused
from bots.models import EnginePlace
from bots.services import places
from bots.setup_form import parameters_in_words
from bots.strategies import needs
from bots.strategies.common import Configuration
from bots.strategies.fields import plain
from bots.views.launch import BY_VALUE
from marketplace.exceptions import TemplateNotStartable
from marketplace.models import BotTemplate
from marketplace.services.starting import configuration_of
from subscriptions.exceptions import VersionNotOffered
from subscriptions.forms import SubscribeForm
from subscriptions.queries import current_subscription
from subscriptions.services import following
from tradewise.exceptions import DomainError
from tradewise.web import formatting
from tradewise.web.pages import SeeOther


@require_http_methods(["GET", "POST"])
@login_required
def subscribe(request: TraderRequest, template_id: str) -> HttpResponse:
    """Say what will be started and where, then start it. Sent twice, it is one subscription."""
    template = _template(template_id)
    there = current_subscription(template)
    if there is not None and request.method == "POST":
        return _to_list(request, f"You are subscribed to {template} already, and nothing was changed.")
    try:
        configuration = configuration_of(template)
    except TemplateNotStartable as refusal:
        context = {"template": template, "reason": refusal}
        status = 200 if request.method == "GET" else 409
        return render(request, "marketplace/not_startable.html", context, status=status)
    form = _form(request, template, configuration)
    if form.is_bound and form.is_valid():
        return _subscribe(request, template, configuration, form)
    status = 422 if form.is_bound else 200
    return _page(request, template, configuration, form, status=status, there=there)


def _subscribe(
    request: TraderRequest, template: BotTemplate, configuration: Configuration, form: SubscribeForm
) -> HttpResponse:
    data = form.cleaned_data
    chosen = {"allocation": data["allocation"], "mode": Mode(data["mode"]), "number": data["version"]}
    try:
        following.subscribe(actor=request.user, template=template, **chosen)
    except VersionNotOffered as newer:
        form.data = {**request.POST.dict(), "version": str(template.version)}
        return _page(request, template, configuration, form, status=409, refusal=newer)
    except SetupRefused as refused:
        form.take(refused.problems)
        return _page(request, template, configuration, form, status=422)
    except DomainError as refusal:
        return _page(request, template, configuration, form, status=409, refusal=refusal)
    return _to_list(request, f"You are subscribed to {template}. Its bot is being started.")


def _to_list(request: TraderRequest, sentence: str) -> HttpResponse:
    messages.success(request, sentence)
    return SeeOther(reverse("subscriptions:mine"))


def _template(template_id: str) -> BotTemplate:
    """A public one. Any other is as little there as one that never was."""
    template = BotTemplate.across_tenants.filter(template_id=template_id, is_public=True).first()
    if template is None:
        raise Http404
    return template


def _form(request: TraderRequest, template: BotTemplate, configuration: Configuration) -> SubscribeForm:
    needed, unit = needs.needed_allocation(configuration), configuration.stake_currency
    most = template.max_allocation
    return SubscribeForm(
        request.POST if request.method == "POST" else None,
        initial={"allocation": plain(needed), "mode": Mode.DRY_RUN, "version": template.version},
        currency=unit,
        least=formatting.amount(needed, unit),
        most="" if most is None else formatting.amount(most, unit),
        can_simulate=places.can_simulate(),
    )


def _page(
    request: TraderRequest,
    template: BotTemplate,
    configuration: Configuration,
    form: SubscribeForm,
    *,
    status: int,
    **told: Any,
) -> HttpResponse:
    context = {
        "template": template,
        "kind": BY_VALUE[configuration.strategy],
        "form": form,
        "facts": _facts(template, configuration),
        "parameters": parameters_in_words(configuration),
        "room": _room(request),
        **told,
    }
    return render(request, "subscriptions/subscribe.html", context, status=status)


def _facts(template: BotTemplate, configuration: Configuration) -> tuple[tuple[str, str], ...]:
    unit, most = configuration.stake_currency, template.max_allocation
    orders = needs.orders(configuration)
    return (
        ("Strategy", BY_VALUE[configuration.strategy].title),
        ("Exchange", configuration.exchange.capitalize()),
        ("Pairs", ", ".join(configuration.pairs)),
        ("Timeframe", configuration.timeframe),
        ("Needs at least", formatting.amount(needs.needed_allocation(configuration), unit)),
        *((("Takes at most", formatting.amount(most, unit)),) if most is not None else ()),
        ("Open trades", f"at most {needs.most_open_trades(configuration)}"),
        ("Orders of a trade", f"at most {len(orders)}, the first of {formatting.amount(orders[0], unit)}"),
    )


def _room(request: TraderRequest) -> str:
    taken = EnginePlace.across_tenants.filter(tenant_id=request.tenant_id).count()
    most = places.limit_of(request.user.tenant_id)
    return (
        f"{taken} of the {most} bots that your account may run at the same time have a place at the moment."
    )
