"""What Freqtrade's answers mean, without asking anything."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Context, Decimal
from typing import Final

from bots.adapters import parsing, sentences
from bots.adapters.base import AdapterError, Credentials, OpenTrade, Probe, Rejection
from bots.adapters.parsing import UnreadableError
from bots.adapters.sentences import Words
from bots.enums import Command, EngineState, HealthReason
from tradewise.egress import Response

OLDEST_API: Final = Decimal("2.40")
"""A decimal fraction, not a dotted version: 2.5 is 2.50 and newer than 2.49."""
TRADING_MODES: Final = frozenset({"live", "dry_run"})
# A double holds 15 to 17 digits; the last ones of a quotient are noise.
_FOURTEEN_DIGITS: Final = Context(prec=14)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
# Beside the three of every proxy, those that Cloudflare has of its own.
_GATEWAY: Final = frozenset({502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 530})
_STATES: Final[Mapping[str, EngineState]] = {state.value: state for state in EngineState}
_STATE_REASONS: Final = {
    EngineState.RUNNING: HealthReason.OK,
    EngineState.PAUSED: HealthReason.PAUSED,
    EngineState.STOPPED: HealthReason.STOPPED,
    EngineState.RELOAD_CONFIG: HealthReason.OK,
}


def read(response: Response, words: Words) -> object:
    """The JSON of a good answer. Raises AdapterError with the diagnosis for any other."""
    if response.status == 200:
        try:
            return parsing.decode(response.body)
        except UnreadableError:
            looks_like_json = response.body.lstrip()[:1] in (b"{", b"[")
            reason = HealthReason.PROTOCOL if looks_like_json else HealthReason.NOT_FREQTRADE
            raise AdapterError(reason, words.about(reason)) from None
    raise trouble(response, words)


def trouble(response: Response, words: Words) -> AdapterError:
    """What a status other than 200 means."""
    status, fields = response.status, _json_fields(response)
    if status in _REDIRECTS:
        return _about(HealthReason.REDIRECT, words)
    if status == 401 and fields:
        return _about(HealthReason.AUTH, words)
    if status in (401, 403, 407):
        # Freqtrade says 401, in JSON; in any other voice it is somebody in front of it.
        reason = HealthReason.AUTH if status == 401 else HealthReason.PROXY
        return AdapterError(reason, words.say(sentences.GUARDED))
    if status == 400 and b"HTTPS port" in response.body:
        return AdapterError(HealthReason.TLS, words.say(sentences.SPEAKS_HTTPS))
    if status == 429:
        return AdapterError(HealthReason.PROTOCOL, words.say(sentences.SLOW_DOWN))
    if status in _GATEWAY:
        return _gateway_trouble(fields, words)
    if status >= 500:
        if response.content_type == "text/html":
            return _about(HealthReason.PROXY, words)
        return AdapterError(HealthReason.PROTOCOL, words.say(sentences.INTERNAL_ERROR))
    if status >= 400 and status != 422:
        return _about(HealthReason.NOT_FREQTRADE, words)
    return _about(HealthReason.PROTOCOL, words)


def is_refusal(response: Response) -> bool:
    """Whether a bot that is alive says that it cannot answer this now: 502 with a JSON `error`.

    A missing trader is no such refusal: that is a diagnosis.
    """
    return response.status == 502 and "error" in (fields := _json_fields(response)) and not _no_trader(fields)


def command_trouble(response: Response, words: Words, command: Command) -> AdapterError | None:
    """None when the bot took the command, or was already so."""
    if response.status == 200:
        if "status" in _json_fields(response):
            return None
        return _about(HealthReason.PROTOCOL, words)
    if response.status in (404, 405):
        fields = _json_fields(response)
        reason = HealthReason.TOO_OLD if fields else HealthReason.NOT_FREQTRADE
        return AdapterError(reason, words.say(sentences.NO_COMMAND, command=command))
    if is_refusal(response):
        return AdapterError(HealthReason.PROTOCOL, words.say(sentences.COMMAND_REFUSED, command=command))
    return trouble(response, words)


def config_fields(value: object, words: Words, credentials: Credentials | None) -> parsing.Fields:
    """The members of `show_config` of a Freqtrade that can be worked with. Raises AdapterError."""
    fields = parsing.fields(value)
    known = "runmode" in fields or "state" in fields
    if not known or not fields.keys() & {"api_version", "version", "strategy", "dry_run"}:
        raise _about(HealthReason.NOT_FREQTRADE, words)
    api = parsing.number(fields.get("api_version"))
    if api is None or api < OLDEST_API:
        raise _about(HealthReason.TOO_OLD, words)
    state, mode = fields.get("state"), fields.get("runmode")
    if state in (None, "") or (mode is not None and mode not in TRADING_MODES):
        raise _about(HealthReason.NO_TRADER, words)
    if not isinstance(state, str) or state not in _STATES:
        raise _about(HealthReason.PROTOCOL, words)
    if credentials is None or not _repeats("\n".join(_texts(fields)), credentials):
        return fields
    return {name: _harmless(member, credentials) for name, member in fields.items()}


def probe_of(fields: parsing.Fields, words: Words, *, latency_ms: int) -> Probe:
    """`fields` are those of `config_fields`."""
    state = _STATES[fields["state"]]
    return Probe(
        reason=_STATE_REASONS[state],
        sentence=words.state(state),
        latency_ms=latency_ms,
        state=state,
        version=parsing.text(fields.get("version")),
        strategy=parsing.text(fields.get("strategy")),
        exchange=parsing.text(fields.get("exchange")),
        stake_currency=parsing.text(fields.get("stake_currency")),
        bot_name=parsing.text(fields.get("bot_name")),
        dry_run=parsing.truth(fields.get("dry_run")),
        timeframe=parsing.text(fields.get("timeframe")),
    )


def closed_count(profit: parsing.Fields) -> int | None:
    """How many trades are closed, or None when the bot does not say in any way."""
    closed = parsing.count(profit.get("closed_trade_count"))
    winning, losing = (parsing.count(profit.get(name)) for name in ("winning_trades", "losing_trades"))
    if closed is None and winning is not None and losing is not None:
        return winning + losing
    return closed


def capital_from_profit(profit: parsing.Fields) -> Decimal | None:
    """The capital that the bot itself measures its profit by: profit divided by its ratio.

    Freqtrade computes `profit_all_ratio` as `profit_all_coin` over the starting balance, unrounded, so the
    division gives that balance back to fourteen digits. None before the first profit or loss.
    """
    for kind in ("closed", "all"):
        coin = parsing.number(profit.get(f"profit_{kind}_coin"))
        ratio = parsing.number(profit.get(f"profit_{kind}_ratio"))
        if coin and ratio and (coin > 0) == (ratio > 0):
            capital = coin / ratio
            if capital < parsing.LARGEST:
                return _FOURTEEN_DIGITS.plus(capital).normalize() + Decimal(0)  # 1000, not 1E+3
    return None


def rejection(profit: parsing.Fields, open_trades: tuple[OpenTrade, ...]) -> Rejection | None:
    """Why these figures show no true equity: without prices, Freqtrade leaves open trades out or null."""
    if any(trade.current_rate is None or trade.profit_abs is None for trade in open_trades):
        return Rejection.PRICES_MISSING
    if any(trade.current_rate == 0 for trade in open_trades):
        return Rejection.ZERO_VALUED
    if parsing.number(profit.get("profit_all_coin")) is not None:
        return None
    trades, closed = parsing.count(profit.get("trade_count")), closed_count(profit)
    some_open = bool(open_trades) or (trades is not None and closed is not None and trades > closed)
    return Rejection.PRICES_MISSING if some_open else Rejection.PROFIT_UNKNOWN


def balance_rejection(balance: parsing.Fields, open_trades: tuple[OpenTrade, ...]) -> Rejection | None:
    """With its exchange out of reach, Freqtrade values what it holds at 0 and says nothing about it."""
    held = {trade.pair.partition("/")[0] for trade in open_trades}
    for item in parsing.items(balance.get("currencies")):
        row = parsing.fields(item)
        amount, worth = parsing.number(row.get("balance")), parsing.number(row.get("est_stake"))
        if row.get("currency") in held and amount and not worth:
            return Rejection.ZERO_VALUED
    return None


LOG_CELLS: Final = 5
"""A row of the log: time in words, milliseconds, logger, level, text."""
RECENT: Final = timedelta(seconds=75)
"""Longer than the minute after which candles are asked for at the latest, where the timeframe is one."""
TRIES: Final = 5


def exchange_is_gone(logs: parsing.Fields, now: datetime) -> bool:
    """Whether Freqtrade's log of the last `RECENT` tells of an exchange that does not answer.

    `now` is by the bot's clock. A call that failed for good leaves a line for each of its five tries; one
    that came through at the second try leaves one, and says nothing.
    """
    failed = 0
    for row in parsing.items(logs.get("logs")):
        cells = parsing.items(row)
        if len(cells) < LOG_CELLS:
            continue
        at, logger, told = parsing.moment(cells[1]), cells[2], cells[4]
        recent = at is not None and now - at < RECENT
        failed += recent and logger == "freqtrade.exchange.common" and "returned exception" in str(told)[:200]
    return failed >= TRIES


def _gateway_trouble(fields: parsing.Fields, words: Words) -> AdapterError:
    if _no_trader(fields):
        return _about(HealthReason.NO_TRADER, words)
    if "error" in fields or "detail" in fields:
        return AdapterError(HealthReason.PROTOCOL, words.say(sentences.QUESTION_REFUSED))
    return _about(HealthReason.PROXY, words)


def _no_trader(fields: parsing.Fields) -> bool:
    """Two dialects: 503 with `detail` now, 502 with `error` and the path before it until 2024."""
    said = f"{fields.get('detail', '')} {fields.get('error', '')}"
    return "bot is not in the correct state" in said.lower()


def _harmless(value: object, credentials: Credentials) -> object:
    """A server that repeats the password it was sent does not get it into our database."""
    return None if isinstance(value, str) and _repeats(value, credentials) else value


def _repeats(text: str, credentials: Credentials) -> bool:
    if credentials.password in text and len(credentials.password) > 3:
        return True
    return credentials.authorization.removeprefix("Basic ") in text


def _texts(fields: parsing.Fields) -> list[str]:
    return [member for member in fields.values() if isinstance(member, str)]


def _json_fields(response: Response) -> parsing.Fields:
    try:
        return parsing.fields(parsing.decode(response.body))
    except UnreadableError:
        return {}


def _about(reason: HealthReason, words: Words) -> AdapterError:
    return AdapterError(reason, words.about(reason))
