"""A newer version of the template: what is new, what it does to the bot, and the trader's consent."""

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from accounts.http import TraderRequest
from bots.enums import DesiredState
from bots.services import running
from bots.strategies import needs
from marketplace.differences import differences
from marketplace.models import BotTemplate, TemplateVersion
from marketplace.queries import published_version
from subscriptions.forms import MoveForm
from subscriptions.models import Subscription
from subscriptions.queries import is_set_up_otherwise
from subscriptions.services import moving
from subscriptions.services.amounts import followed, refuse_more_than
from subscriptions.views.mine import own_subscription
from subscriptions.views.rows import figures_of
from tradewise.exceptions import DomainError
from tradewise.web import formatting
from tradewise.web.pages import SeeOther


@require_http_methods(["GET", "POST"])
@login_required
def move(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Show what is new, then move to the version that was shown, and to no other."""
    subscription = own_subscription(bot_id)
    form = MoveForm(request.POST if request.method == "POST" else None)
    if not form.is_bound:
        return _page(request, subscription)
    if not form.is_valid():
        return _page(request, subscription, status=422)
    number = form.cleaned_data["version"]
    try:
        moving.move(actor=request.user, subscription=subscription, number=number)
    except DomainError as refusal:
        return _page(request, subscription, status=409, refusal=refusal)
    messages.success(request, f"{subscription.bot} follows version {number} now.")
    return SeeOther(reverse("subscriptions:mine"))


def _page(
    request: TraderRequest,
    subscription: Subscription,
    *,
    status: int = 200,
    refusal: DomainError | None = None,
) -> HttpResponse:
    template = BotTemplate.across_tenants.filter(pk=subscription.template_id, is_public=True).first()
    newer = published_version(template) if template is not None else None
    context: dict[str, Any] = {
        "subscription": subscription,
        "bot": subscription.bot,
        "template": template,
        "refusal": refusal,
    }
    is_behind = newer is not None and newer.number > (subscription.version or 0)
    if newer is not None and template is not None and is_behind and not subscription.is_over:
        context |= _what_is_new(subscription, template, newer)
    return render(request, "subscriptions/move.html", context, status=status)


def _what_is_new(subscription: Subscription, template: BotTemplate, newer: TemplateVersion) -> dict[str, Any]:
    bot, old = subscription.bot, followed(subscription)
    figures = figures_of(bot)
    known = {
        "newer": newer,
        "differences": differences(old if old.pk else None, newer),
        "is_old_known": bool(old.pk),
        "is_set_up_otherwise": is_set_up_otherwise(bot.engine, old) if old.pk else False,
        "open_trades": figures.open_trade_count if figures else None,
        "restarts": bot.engine.is_on and bot.desired_state != DesiredState.STOPPED,
    }
    try:
        wanted = moving.wanted_by(template, bot, bot.engine)
    except DomainError as reason:
        return {**known, "reason": reason}
    unit = wanted.configuration.stake_currency
    known["needed"] = formatting.amount(needs.needed_allocation(wanted.configuration), unit)
    known["most"] = "" if newer.max_allocation is None else formatting.amount(newer.max_allocation, unit)
    try:
        running.refuse_problems(wanted)
        refuse_more_than(wanted, newer)
    except DomainError as reason:
        return {**known, "reason": reason, "is_amount": True}
    return known
