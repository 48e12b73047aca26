"""The words that the database, the sweep and the pages share about bots."""

from django.db import models


class BotType(models.TextChoices):
    """Whose machine a bot runs on."""

    EXTERNAL = "external", "Your own"
    SHARED = "shared", "Run by TradeWise for you"
    PLATFORM = "platform", "Run by TradeWise"


class BotStatus(models.TextChoices):
    """What is seen of a bot. `error` means three failed checks in a row."""

    INACTIVE = "inactive", "Stopped"
    STARTING = "starting", "Starting"
    RUNNING = "running", "Running"
    STOPPING = "stopping", "Stopping"
    ERROR = "error", "Down"
    CONNECTED = "connected", "Paused"


class DesiredState(models.TextChoices):
    """What the trader asked for; what is seen is `BotStatus`."""

    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    STOPPED = "stopped", "stopped"


class EngineState(models.TextChoices):
    """The engine's own word for what it does."""

    RUNNING = "running", "running"
    PAUSED = "paused", "paused"
    STOPPED = "stopped", "stopped"
    RELOAD_CONFIG = "reload_config", "reloading"


class Command(models.TextChoices):
    """What a trader may ask of a bot."""

    START = "start", "Start"
    STOP = "stop", "Stop"
    PAUSE = "pause", "Pause"
    RELOAD = "reload", "Reload configuration"


class HealthReason(models.TextChoices):
    """Why a check ended as it did, for machines; the sentence is beside it."""

    UNKNOWN = "unknown", "Not checked yet"
    OK = "ok", "Working"
    PAUSED = "paused", "Paused"
    STOPPED = "stopped", "Stopped"
    MALFORMED = "malformed", "Address malformed"
    FORBIDDEN = "forbidden", "Address not allowed"
    NAME_NOT_FOUND = "name_not_found", "Name not found"
    REFUSED = "refused", "Unreachable: connection refused"
    UNREACHABLE = "unreachable", "Unreachable"
    TIMED_OUT = "timed_out", "Unreachable: no answer in time"
    TLS = "tls", "Certificate problem"
    REDIRECT = "redirect", "Redirected elsewhere"
    AUTH = "auth", "Wrong user name or password"
    NOT_FREQTRADE = "not_freqtrade", "Not a Freqtrade"
    NO_TRADER = "no_trader", "Freqtrade without a trader"
    TOO_OLD = "too_old", "Freqtrade too old"
    PROXY = "proxy", "The proxy answers, the bot does not"
    PROTOCOL = "protocol", "Answer not understood"
    HUNG = "hung", "The bot's loop hangs"
    EXCHANGE_UNREACHABLE = "exchange_unreachable", "The exchange does not answer the bot"
    NEEDS_TOKEN = "needs_token", "Password needed"
    ENGINE_FAILED = "engine_failed", "The engine does not run"


class Mode(models.TextChoices):
    """With what money, and on which exchange, a bot that TradeWise runs trades."""

    DRY_RUN = "dry_run", "Dry run"
    LIVE = "live", "Live"
    SIMULATED = "simulated", "Simulated"


class StopWay(models.TextChoices):
    """What becomes of the open trades of a bot that is stopped."""

    EXITS = "exits", "Keep managing exits"
    CLOSE = "close", "Close all and stop"
    NOW = "now", "Stop now"


class Phase(models.TextChoices):
    """Where the engine of a bot is on its way, as the reconciler sees it."""

    OFF = "off", "Off"
    QUEUED = "queued", "Waits for its turn"
    LAUNCHED = "launched", "Starting"
    UP = "up", "Up"
    CLOSING = "closing", "Winding down"
    READING = "reading", "Flat, being read"
    ENDING = "ending", "Ending"
    FAILED = "failed", "Given up"
