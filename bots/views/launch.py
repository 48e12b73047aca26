"""Starting a bot that TradeWise runs: choose a kind, set it up, and see what it needs before anything is made."""

from dataclasses import dataclass, field
from typing import Any, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.http import TraderRequest, outside_transaction
from bots.enums import Mode
from bots.exceptions import SetupRefused
from bots.models import Bot, BotEngine
from bots.services import places, running
from bots.services.limits import may_ask_exchange
from bots.services.markets import Asked, ask_exchange
from bots.services.running import Wanted
from bots.setup_form import LaunchForm, SetupForm, starting_values
from bots.strategies import kinds
from bots.strategies.common import Configuration
from bots.views.needed import needed_facts
from tradewise.exceptions import DomainError
from tradewise.web.binding import as_trader
from tradewise.web.pages import SeeOther, render_page, wants_fragment

TOO_OFTEN: Final = (
    "The exchange was asked for you many times in a short time. Wait a minute, then try again; "
    "nothing was changed."
)
USED: Final = (
    "This form has started {bot} already, with other settings. Nothing was changed. To start another bot with what "
    "stands here, press Start once more."
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of strategy in plain words."""

    value: str
    title: str
    sentence: str
    suits: str = ""
    reason: str = ""


KINDS: Final = (
    Kind(
        "dca",
        "DCA",
        "Buys a first portion, and more portions when the price falls or time passes, so that the average price "
        "comes down. Sells everything at once when the whole is in profit.",
        "For prices that come back. While they fall, it puts in more and more.",
    ),
    Kind(
        "grid",
        "Grid",
        "Lays lines between two prices. Buys one unit at each line that the price falls to, and sells it one line "
        "higher.",
        "For prices that go to and fro. Below the lowest line it holds what it bought.",
    ),
    Kind(
        "momentum",
        "Momentum",
        "Buys when the price begins to rise faster than before, and sells when it no longer does, at a profit that "
        "you set, or at a loss that you set.",
        "For prices that move for long in one direction. To and fro costs it fees.",
    ),
    Kind(
        "arbitrage",
        "Arbitrage",
        "Buys at one place what is sold dearer at another at the same moment.",
        reason=kinds.NOT_RUNNABLE["arbitrage"],
    ),
)
BY_VALUE: Final = {kind.value: kind for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Start:
    """What a form of a new bot begins with, and where it came from."""

    kind: Kind
    values: dict[str, Any]
    template_id: str = ""
    context: dict[str, Any] = field(default_factory=dict)


@require_GET
@login_required
def new(request: TraderRequest) -> HttpResponse:
    """Which kind of strategy?"""
    return render(request, "bots/new.html", {"kinds": KINDS})


@outside_transaction
@require_http_methods(["GET", "POST"])
@login_required
def new_of_kind(request: TraderRequest, kind: str) -> HttpResponse:
    """Check the set-up of a bot of this kind, or start it."""
    if kind not in kinds.KINDS:
        raise Http404
    return launch(request, Start(BY_VALUE[kind], starting_values(kind)))


def launch(request: TraderRequest, start: Start) -> HttpResponse:
    """The form, its check, or the bot. The exchange is asked outside every transaction."""
    with as_trader(request):
        can_simulate = places.can_simulate()
    options: dict[str, Any] = {"tenant": str(request.tenant_id), "can_simulate": can_simulate}
    kind = start.kind.value
    if request.method == "GET":
        form = LaunchForm(kind, initial=start.values, **options)
        form.renew_ticket()
        return _page(request, start, form)
    form = LaunchForm(kind, request.POST, initial=start.values, **options)
    if not form.is_valid():
        return _page(request, start, form, status=422)
    made = _made_by(request, form)
    if made is not None:
        return (
            made if isinstance(made, HttpResponse) else _page(request, start, form, status=409, refusal=made)
        )
    if not may_ask_exchange(request.user):
        return _page(request, start, form, status=429, refusal=TOO_OFTEN)
    return _check_or_start(request, start, form)


def _check_or_start(request: TraderRequest, start: Start, form: LaunchForm) -> HttpResponse:
    mode = Mode(form.cleaned_data["mode"])
    asked = ask_exchange(form.cleaned_data["configuration"], mode)
    wanted = form.wanted(mode, asked, template_id=start.template_id, bot_id=form.cleaned_data["ticket"])
    if not is_fine(form, wanted, asked):
        return _page(request, start, form, status=422, note=asked.note)
    if request.POST.get("intent") == "check":
        return _page(request, start, form, note=asked.note, needed=needed_facts(wanted, asked))
    try:
        with as_trader(request):
            bot = running.launch_bot(actor=request.user, wanted=wanted)
    except DomainError as refusal:
        return _page(request, start, form, status=409, refusal=refusal, note=asked.note)
    return _to_bot(request, bot, f"{bot} was made and is being started. This page shows how far it is.")


def is_fine(form: SetupForm, wanted: Wanted, asked: Asked) -> bool:
    """Whether nothing stands against it; otherwise the form shows what does."""
    problems = list(asked.problems)
    try:
        running.refuse_problems(wanted)
    except SetupRefused as refused:
        problems += refused.problems
    form.take(problems)
    return not problems


def _made_by(request: TraderRequest, form: LaunchForm) -> HttpResponse | str | None:
    """The way to the bot that this very form has made; a sentence where it says something else by now."""
    data = form.cleaned_data
    with as_trader(request):
        bot = Bot.objects.filter(bot_id=data["ticket"]).first()
        engine = BotEngine.objects.filter(bot=bot).first() if bot is not None else None
    if bot is None or engine is None:
        return None
    # It may have gone live since; whether its prices are invented stays.
    is_same_mode = bot.is_simulated == (Mode(data["mode"]) == Mode.SIMULATED)
    if (
        is_same_mode
        and bot.name == data["name"]
        and _is_set_up_so(engine, data["configuration"], data["allocation"])
    ):
        return _to_bot(request, bot, f"This form has made {bot} already. This is its page.")
    form.renew_ticket()
    return USED.format(bot=bot)


def _is_set_up_so(engine: BotEngine, configuration: Configuration, allocation: Any) -> bool:
    return bool(engine.config_json == kinds.dump(configuration) and engine.allocation == allocation)


def _page(
    request: TraderRequest, start: Start, form: LaunchForm, *, status: int = 200, **context: Any
) -> HttpResponse:
    if status == 422:
        form.focus_on_error()
    told = {"kind": start.kind, "form": form, "here": request.path, **start.context, **context}
    return render_page(request, "bots/launch.html", told, fragment="form", status=status)


def _to_bot(request: TraderRequest, bot: Bot, said: str) -> HttpResponse:
    messages.success(request, said)
    there = bot.get_absolute_url()
    return HttpResponseClientRedirect(there) if wants_fragment(request) else SeeOther(there)
