"""From a dry run to real money, and back."""

from typing import Any, Final
from urllib.parse import urlencode

from allauth.account.decorators import reauthentication_required
from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.debug import sensitive_post_parameters, sensitive_variables
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import TraderRequest, outside_transaction
from bots.enums import Mode
from bots.exchanges import KeyPermissions, KeysRefused
from bots.forms import LiveForm
from bots.models import Bot, BotEngine
from bots.services import running
from bots.services.limits import may_ask_exchange
from bots.services.markets import ask_keys
from bots.views.launch import TOO_OFTEN
from bots.views.requests import own_engine, way_back
from tradewise.exceptions import DomainError
from tradewise.web.binding import as_trader
from tradewise.web.pages import SeeOther, render_refusal

UNWATCHED_LIVE: Final = "What it bought with real money stays on the exchange, and nobody watches it."
UNBOUND: Final = (
    "The exchange takes these keys from every internet address. Restrict them to the address of TradeWise there, if "
    "you can: then they are of no use to anybody else."
)


@outside_transaction
@sensitive_post_parameters("key", "secret")
@require_http_methods(["GET", "POST"])
@login_required
def live(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Say what live means, ask for keys and the bot's name; the exchange is asked outside every transaction."""
    with as_trader(request):
        bot, engine = own_engine(bot_id)
    why_not = _why_not(bot, engine)
    if why_not:
        return _page(
            request, bot, engine, None, status=200 if request.method == "GET" else 409, why_not=why_not
        )
    asks = _asks_for_password(request)
    if asks is not None:
        return asks
    form = LiveForm(request.POST or None, bot_name=str(bot))
    if request.method == "GET" or not form.is_valid():
        return _page(request, bot, engine, form, status=200 if request.method == "GET" else 422)
    if not may_ask_exchange(request.user):
        return _page(request, bot, engine, form, status=429, refusal=TOO_OFTEN)
    return _go_live(request, bot, engine, form)


@require_POST
@login_required
def dry_run(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Back to a dry run; the keys are forgotten."""
    bot, _ = own_engine(bot_id)
    back = way_back(request, bot.get_absolute_url())
    try:
        running.leave_live(actor=request.user, bot=bot)
    except DomainError as refusal:
        return render_refusal(request, refusal, "409.html", {}, fragment="", fallback=back)
    messages.success(
        request, f"{bot} is a dry run again, and the keys of the exchange are forgotten. {UNWATCHED_LIVE}"
    )
    return SeeOther(back)


def _why_not(bot: Bot, engine: BotEngine) -> str:
    if engine.mode == Mode.SIMULATED:
        return "A simulated bot stays one. Start a bot like it as a dry run: that one can go live."
    if engine.is_on:
        return f"{bot} is on. Stop it first: a bot goes live only from its next start on."
    return ""


def _asks_for_password(request: TraderRequest) -> HttpResponse | None:
    """The way to the page that asks for it, unless it was entered a moment ago.

    allauth would keep a form that was posted in the session, for afterwards: keys are not kept there.
    """
    try:
        _entered(request)
    except ReauthenticationRequired:
        there = reverse("account_reauthenticate")
        return SeeOther(f"{there}?{urlencode({'next': request.path})}")
    return None


@reauthentication_required  # type: ignore[untyped-decorator]
def _entered(request: TraderRequest) -> None:
    """Reached only by who has just entered the password."""


@sensitive_variables()
def _go_live(request: TraderRequest, bot: Bot, engine: BotEngine, form: LiveForm) -> HttpResponse:
    key, secret = form.cleaned_data["key"], form.cleaned_data["secret"]
    try:
        permitted = ask_keys(key, secret)
        with as_trader(request):
            running.go_live(actor=request.user, bot=bot, keys=f"{key}:{secret}")
    except KeysRefused as refused:
        return _page(request, bot, engine, form, status=422, refusal=refused.sentence)
    except DomainError as refusal:
        return _page(request, bot, engine, form, status=409, refusal=refusal)
    return _is_live(request, bot, permitted)


def _is_live(request: TraderRequest, bot: Bot, permitted: KeyPermissions) -> HttpResponse:
    messages.success(
        request, f"{bot} trades with real money from its next start on. It has not been started yet."
    )
    if permitted.is_bound_to_addresses is False:
        messages.warning(request, UNBOUND)
    return SeeOther(bot.get_absolute_url())


def _page(
    request: TraderRequest, bot: Bot, engine: BotEngine, form: LiveForm | None, *, status: int, **context: Any
) -> HttpResponse:
    told = {"bot": bot, "engine": engine, "form": form, **context}
    return render(request, "bots/live.html", told, status=status)
