"""Changing how a bot that TradeWise runs is set up."""

from contextlib import suppress
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.views.decorators.http import require_http_methods
from django_htmx.http import HttpResponseClientRedirect

from accounts.http import TraderRequest, outside_transaction
from bots.enums import Mode, Phase
from bots.models import Bot, BotEngine
from bots.services import running
from bots.services.limits import may_ask_exchange
from bots.services.markets import ask_exchange
from bots.setup_form import ChangeForm, values_of
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from bots.strategies.fields import plain
from bots.views.launch import BY_VALUE, TOO_OFTEN, is_fine
from bots.views.needed import MODES, needed_facts
from bots.views.requests import own_engine
from tradewise.exceptions import DomainError
from tradewise.web.binding import as_trader
from tradewise.web.pages import SeeOther, render_page, wants_fragment


@outside_transaction
@require_http_methods(["GET", "POST"])
@login_required
def setup(request: TraderRequest, bot_id: str) -> HttpResponse:
    """Check other parameters, or save them. The exchange is asked outside every transaction."""
    with as_trader(request):
        bot, engine = own_engine(bot_id)
    form = _form(request, bot, engine)
    if request.method == "GET":
        return _page(request, bot, engine, form)
    if not form.is_valid():
        return _page(request, bot, engine, form, status=422)
    if not may_ask_exchange(request.user):
        return _page(request, bot, engine, form, status=429, refusal=TOO_OFTEN)
    mode = Mode(engine.mode)
    asked = ask_exchange(form.cleaned_data["configuration"], mode)
    wanted = form.wanted(mode, asked)
    if not is_fine(form, wanted, asked):
        return _page(request, bot, engine, form, status=422, note=asked.note)
    if request.POST.get("intent") == "check":
        return _page(request, bot, engine, form, note=asked.note, needed=needed_facts(wanted, asked))
    return _save(request, bot, engine, form, wanted)


def _form(request: TraderRequest, bot: Bot, engine: BotEngine) -> ChangeForm:
    """What stands in the database; a configuration that is not valid any more is to be entered anew."""
    initial: dict[str, Any] = {"name": bot.name, "description": bot.description}
    initial["allocation"] = plain(engine.allocation)
    with suppress(ConfigurationRefused):
        initial |= values_of(kinds.parse(engine.config_json))
    fixed = {"stake_currency": bot.stake_currency, "exchange": bot.exchange}
    return ChangeForm(engine.config_json["strategy"], request.POST or None, fixed=fixed, initial=initial)


def _page(
    request: TraderRequest,
    bot: Bot,
    engine: BotEngine,
    form: ChangeForm,
    *,
    status: int = 200,
    **context: Any,
) -> HttpResponse:
    if status == 422:
        form.focus_on_error()
    told = {
        "bot": bot,
        "form": form,
        "kind": BY_VALUE[form.kind],
        "here": request.path,
        "mode": MODES[Mode(engine.mode)],
        "is_live": engine.mode == Mode.LIVE,
        "restarts": engine.phase in (Phase.LAUNCHED, Phase.UP),
        **context,
    }
    return render_page(request, "bots/setup.html", told, fragment="form", status=status)


def _save(
    request: TraderRequest, bot: Bot, engine: BotEngine, form: ChangeForm, wanted: running.Wanted
) -> HttpResponse:
    try:
        with as_trader(request):
            note = form.cleaned_data["description"]
            bot = running.change(actor=request.user, bot=bot, wanted=wanted, note=note)
    except DomainError as refusal:
        return _page(request, bot, engine, form, status=409, refusal=refusal)
    messages.success(request, f"{bot} is saved.")
    there = bot.get_absolute_url()
    return HttpResponseClientRedirect(there) if wants_fragment(request) else SeeOther(there)
