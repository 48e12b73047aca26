"""What a trader asks of bots. Nothing here waits for a bot: the worker asks it."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from accounts.http import TraderRequest
from accounts.models import User
from bots import queries
from bots.enums import StopWay
from bots.forms import SelectedForm, StopForm
from bots.models import Bot, BotEngine
from bots.services import lifecycle
from bots.views.detail import live_context
from bots.views.engine import ways_to_stop
from bots.views.requests import engine_of, own_bot, way_back
from bots.views.rows import row_html
from tradewise.exceptions import DomainError
from tradewise.web.pages import SeeOther, notify, redirect_or_fragment, render_refusal, wants_fragment

Service = Callable[..., Bot]

UNWATCHED: Final = "While it is stopped, nobody watches its open trades: no stop-loss, no take-profit."
SHOWN_REFUSALS: Final = 5


@require_POST
@login_required
def start(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Ask a stopped or paused bot to trade."""
    return _ask(request, own_bot(bot_id), lifecycle.request_start, "{bot} was asked to start.")


@require_POST
@login_required
def resume(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Let a paused bot open new trades again."""
    return _ask(request, own_bot(bot_id), lifecycle.request_resume, "{bot} was asked to go on.")


@require_POST
@login_required
def pause(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Ask a bot to open no new trades."""
    return _ask(request, own_bot(bot_id), lifecycle.request_pause, "{bot} was asked to pause.")


@require_POST
@login_required
def check(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Look at the bot at the next tick."""
    return _ask(request, own_bot(bot_id), lifecycle.check_now, "{bot} is being checked.")


@require_http_methods(["GET", "POST"])
@login_required
def stop(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Say what stopping means and offer to pause instead; then ask the bot to stop."""
    bot = own_bot(bot_id)
    engine = engine_of(bot)
    if engine is not None:
        return _stop_engine(request, bot, engine)
    if request.method == "POST":
        return _ask(request, bot, lifecycle.request_stop, "{bot} was asked to stop.")
    return render(
        request,
        "bots/stop.html",
        {"bot": bot, "open_trades": _open_trades(bot), "unwatched": UNWATCHED},
    )


def _stop_engine(request: TraderRequest, bot: Bot, engine: BotEngine) -> HttpResponse:
    """The choice of what becomes of the open trades, the safest first; then what was chosen."""
    form = StopForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        service = partial(lifecycle.request_stop, way=form.chosen())
        return _ask(request, bot, service, "{bot} was asked to stop.")
    asked = request.GET.get("way", "")
    context = {
        "bot": bot,
        "engine": engine,
        "mode": engine.mode,
        "form": form,
        "open_trades": _open_trades(bot),
        "ways": ways_to_stop(_open_trades(bot)),
        "chosen": asked if asked in StopWay.values else StopWay.EXITS,
    }
    return render(request, "bots/stop_engine.html", context, status=422 if form.is_bound else 200)


@require_http_methods(["GET", "POST"])
@login_required
def reload(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Say what reloading means; then ask the bot to read its configuration anew."""
    bot = own_bot(bot_id)
    if request.method == "POST":
        return _ask(request, bot, lifecycle.request_reload, "{bot} was asked to read its configuration anew.")
    return render(request, "bots/reload.html", {"bot": bot})


@require_POST
@login_required
def commands(request: TraderRequest) -> HttpResponse:
    """Ask the same of all bots that were ticked; those that cannot do it are named with the reason."""
    form = SelectedForm(request.POST)
    back = way_back(request, reverse("bots:fleet"))
    if not form.is_valid():
        if request.POST.getlist("bot"):
            return render(request, "bots/fleet.html", {"form": form, "invalid": True}, status=422)
        messages.warning(request, "Tick the bots first.")
        return SeeOther(back)
    bots = list(Bot.objects.with_figures().filter(bot_id__in=form.cleaned_data["bot"]).order_by("name", "pk"))
    command = form.cleaned_data["command"]
    if command == "stop" and not form.cleaned_data["confirmed"]:
        return render(request, "bots/stop_selected.html", {**_before_stopping(bots), "next": back})
    service = _SERVICES[command]
    if command == "stop":
        # Bots on machines of their traders know one way only, and are asked as before.
        service = partial(service, way=StopWay(form.cleaned_data["way"] or StopWay.EXITS))
    _report(request, command, *_ask_each(bots, service, actor=request.user))
    return SeeOther(back)


def _before_stopping(bots: list[Bot]) -> dict[str, Any]:
    """What the page says that asks once more."""
    known = [count for count in map(_open_trades, bots) if count is not None]
    own = [bot for bot in bots if not lifecycle.is_run_here(bot)]
    engines = len(bots) - len(own)
    return {
        "bots": bots,
        "open_trades": sum(known),
        "unknown": len(bots) - len(known),
        "own": len(own),
        "engines": engines,
        "ways": ways_to_stop(None) if engines else [],
        "unwatched": UNWATCHED,
    }


def _report(request: TraderRequest, command: str, done: int, refusals: list[str]) -> None:
    if done:
        messages.success(request, f"{done} {'bot was' if done == 1 else 'bots were'} asked to {command}.")
    for refusal in refusals[:SHOWN_REFUSALS]:
        messages.error(request, refusal)
    if len(refusals) > SHOWN_REFUSALS:
        messages.error(request, f"{len(refusals) - SHOWN_REFUSALS} more could not be asked.")


def _open_trades(bot: Bot) -> int | None:
    figures = getattr(bot, "figures", None)
    return figures.open_trade_count if figures else None


_SERVICES: Final[dict[str, Service]] = {
    "start": lifecycle.request_start,
    "stop": lifecycle.request_stop,
    "pause": lifecycle.request_pause,
    "check": lifecycle.check_now,
}


def _ask_each(bots: list[Bot], service: Service, *, actor: User) -> tuple[int, list[str]]:
    refusals = []
    for bot in bots:
        try:
            service(actor=actor, bot=bot)
        except DomainError as refusal:
            refusals.append(str(refusal))
    return len(bots) - len(refusals), refusals


def _ask(request: TraderRequest, bot: Bot, service: Service, notice: str) -> HttpResponse:
    """Run the service; answer with the row of the fleet or the live part of the bot's page as it is then."""
    back = way_back(request, bot.get_absolute_url())
    try:
        service(actor=request.user, bot=bot)
    except DomainError as refusal:
        bot = own_bot(bot.bot_id)
        if _is_row(request):
            return notify(_row(bot, status=409), str(refusal), kind="refusal")
        context = live_context(bot)
        return render_refusal(request, refusal, "bots/detail.html", context, fragment="live", fallback=back)
    done = notice.format(bot=bot)
    if _is_row(request):
        return notify(_row(bot, status=200), done, kind="success")
    context = live_context(own_bot(bot.bot_id)) if wants_fragment(request) else {}
    return redirect_or_fragment(request, back, "bots/detail.html", context, fragment="live", notice=done)


def _is_row(request: TraderRequest) -> bool:
    return wants_fragment(request) and (request.htmx.target or "").startswith("bot-")


def _row(bot: Bot, *, status: int) -> HttpResponse:
    return HttpResponse(row_html(queries.fleet_row(bot), timezone.now()), status=status)
