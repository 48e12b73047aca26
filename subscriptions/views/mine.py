"""My subscriptions: are they worth it? And what may be asked of each."""

from collections.abc import Callable
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.http import TraderRequest
from bots.enums import StopWay
from bots.exceptions import SetupRefused, WayNotChosen
from bots.forms import StopForm
from bots.strategies import needs
from bots.strategies.fields import plain
from bots.views.engine import mode_of_engine, ways_to_stop
from bots.views.requests import engine_of
from subscriptions.forms import AllocationForm, ListForm
from subscriptions.models import Subscription
from subscriptions.queries import subscriptions_with_bots
from subscriptions.services import following
from subscriptions.services.amounts import followed
from subscriptions.services.following import wanted_of
from subscriptions.views.rows import figures_of, rows_of, version_of
from tradewise.exceptions import DomainError
from tradewise.web import formatting
from tradewise.web.pages import SeeOther, render_page, wants_fragment

PAGE: Final = 20


@require_GET
@login_required
def mine(request: TraderRequest) -> HttpResponse:
    """The page, and the part of it that asks again every few seconds and hears 204 when nothing changed."""
    return _list(request)


@require_POST
@login_required
def pause(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Let its bot open no new trades."""
    return _ask(request, own_subscription(bot_id), following.pause, "{bot} was asked to open no new trades.")


@require_POST
@login_required
def resume(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Let its bot trade again."""
    return _ask(request, own_subscription(bot_id), following.resume, "{bot} was asked to go on.")


@require_http_methods(["GET", "POST"])
@login_required
def allocation(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Ask how much its bot may use, and let it."""
    subscription = own_subscription(bot_id)
    try:
        form = _allocation_form(request, subscription)
    except SetupRefused as refusal:
        return _list(request, refusal=refusal)
    if form.is_bound and form.is_valid():
        amount = form.cleaned_data["allocation"]
        try:
            following.change_allocation(actor=request.user, subscription=subscription, allocation=amount)
        except SetupRefused as refused:
            form.take(refused.problems)
        except DomainError as refusal:
            return _list(request, refusal=refusal)
        else:
            return _done(
                request, f"The allocation of {subscription.bot} is {_money(subscription, amount)} now."
            )
    context = {"subscription": subscription, "bot": subscription.bot, "form": form}
    return render(request, "subscriptions/allocation.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def cancel(request: TraderRequest, bot_id: str) -> HttpResponse:
    """The choice of what becomes of the open trades, the safest first; then what was chosen."""
    subscription = own_subscription(bot_id)
    form = StopForm(request.POST if request.method == "POST" else None)
    refusal = None
    if form.is_bound and form.is_valid():
        try:
            following.cancel(actor=request.user, subscription=subscription, way=form.chosen())
        except WayNotChosen as not_chosen:
            # Its bot was off when the page was made: now there is a choice to show.
            refusal, subscription = not_chosen, own_subscription(bot_id)
        except DomainError as refused:
            return _list(request, refusal=refused)
        else:
            done = f"The subscription of {subscription.bot} is cancelled. The bot stays, with its record."
            return _done(request, done)
    context = {"subscription": subscription, "form": form, **_before_cancelling(subscription)}
    status = 409 if refusal else 422 if form.is_bound else 200
    return render(request, "subscriptions/cancel.html", {**context, "refusal": refusal}, status=status)


def own_subscription(bot_id: str) -> Subscription:
    """The tenant's, by its bot's public id. Another's is as little there as one that never was."""
    try:
        return subscriptions_with_bots().get(bot__bot_id=bot_id)
    except Subscription.DoesNotExist:
        raise Http404 from None


def _list(request: TraderRequest, *, refusal: DomainError | None = None) -> HttpResponse:
    """What is true now, and why something was not done."""
    form = ListForm(request.GET)
    page = Paginator(subscriptions_with_bots(), PAGE).get_page(form.number())
    subscriptions = list(page.object_list)
    version = version_of(subscriptions)
    if refusal is None and wants_fragment(request) and form.seen_version() == version:
        return HttpResponse(status=204)
    context = {
        "page": page,
        "rows": rows_of(subscriptions, timezone.now()),
        "version": version,
        "refusal": refusal,
    }
    status = 200 if refusal is None else 409
    return render_page(request, "subscriptions/mine.html", context, fragment="subscriptions", status=status)


def _ask(
    request: TraderRequest, subscription: Subscription, service: Callable[..., Subscription], notice: str
) -> HttpResponse:
    try:
        service(actor=request.user, subscription=subscription)
    except DomainError as refusal:
        return _list(request, refusal=refusal)
    return _done(request, notice.format(bot=subscription.bot))


def _done(request: TraderRequest, notice: str) -> HttpResponse:
    messages.success(request, notice)
    return SeeOther(reverse("subscriptions:mine"))


def _allocation_form(request: TraderRequest, subscription: Subscription) -> AllocationForm:
    """Raises SetupRefused where the bot's parameters are not valid any more."""
    bot = subscription.bot
    wanted = wanted_of(bot, bot.engine)
    currency = wanted.configuration.stake_currency
    most = followed(subscription).max_allocation
    return AllocationForm(
        request.POST if request.method == "POST" else None,
        initial={"allocation": plain(wanted.allocation)},
        currency=currency,
        least=formatting.amount(needs.needed_allocation(wanted.configuration), currency),
        most="" if most is None else formatting.amount(most, currency),
    )


def _before_cancelling(subscription: Subscription) -> dict[str, Any]:
    bot, engine = subscription.bot, engine_of(subscription.bot)
    figures = figures_of(bot)
    open_trades = figures.open_trade_count if figures else None
    return {
        "bot": bot,
        "mode": mode_of_engine(bot, engine),
        "is_on": engine is not None and engine.is_on,
        "open_trades": open_trades,
        "ways": ways_to_stop(open_trades),
        "chosen": StopWay.EXITS,
    }


def _money(subscription: Subscription, amount: Any) -> str:
    return formatting.amount(amount, subscription.bot.stake_currency)
