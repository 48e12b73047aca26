"""One visit to one engine: look, decide, act. Everything here is outside every transaction."""

import logging
from dataclasses import dataclass, replace
from typing import Final

from django.views.decorators.debug import sensitive_variables

from bots.adapters import AdapterError, Credentials, CredentialsError, Probe
from bots.adapters.own import OwnFreqtrade
from bots.enums import Command, DesiredState, EngineState, HealthReason, Mode, Phase
from bots.reconciler.decide import Do, Look, Step
from bots.reconciler.leased import Leased
from bots.reconciler.machine import Machine, can_start
from bots.runtimes import Launch, Runtime, RuntimeRefused, Usage
from bots.runtimes.words import ending
from bots.services.composing import Setup, compose, database_of, name_of, secrets_of
from bots.services.tokens import token_context
from bots.strategies import kinds
from bots.strategies.common import ConfigurationRefused
from tradewise.egress import Client
from tradewise.secrets import SecretsError, open_sealed

logger = logging.getLogger(__name__)

ANSWER_SECONDS: Final = 3.0
MEASURE_SECONDS: Final = 30.0
_PROBED: Final = frozenset(
    {HealthReason.OK, HealthReason.PAUSED, HealthReason.STOPPED, HealthReason.EXCHANGE_UNREACHABLE}
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a visit came to. `handle`, `usage` and `probe` where they were seen."""

    engine: Leased
    step: Step
    handle: str = ""
    usage: Usage | None = None
    probe: Probe | None = None


class Cannot(Exception):  # noqa: N818 - a finished sentence: the engine cannot be started as it is set up
    """Trying again would not help."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Visits the engines of one machine."""

    machine: Machine
    runtime: Runtime

    def look(self, engine: Leased) -> tuple[Look, str, Usage | None]:
        """What the runtime says: whether it lives, its handle, what it uses, and why it ended where it did."""
        seen = self.runtime.look(engine.bot_id)
        usage = None
        if seen.alive and engine.phase in (Phase.UP, Phase.CLOSING) and engine.measured_ago > MEASURE_SECONDS:
            usage = self.runtime.usage(engine.bot_id)
        trouble, final = "", False
        if engine.phase in (Phase.LAUNCHED, Phase.UP, Phase.CLOSING, Phase.READING) and not seen.alive:
            told = self.runtime.ended_because(engine.bot_id)
            last = ending(self.runtime.log(engine.bot_id))
            trouble, final = told or last.sentence, last.final and not told
        look = Look(
            alive=seen.alive,
            ended_with_machine=seen.ended_with_machine,
            starts_at_once=self.machine.starts_at_once if can_start(self.runtime) else 0,
            trouble=trouble,
            final=final,
        )
        return look, seen.handle, usage

    async def ask(self, client: Client, engine: Leased, look: Look) -> tuple[Look, Probe | None]:
        """What the engine itself says, where the next step needs it."""
        if not look.alive or engine.phase not in (Phase.LAUNCHED, Phase.CLOSING):
            return look, None
        adapter = _adapter(client, engine)
        if adapter is None:
            return look, None
        try:
            if engine.phase == Phase.CLOSING:
                return replace(look, open_trades=await adapter.open_trade_count()), None
            return await self._ask_ready(engine, look, adapter)
        except (AdapterError, OSError):
            # The latter: this process has no socket left, which says nothing about the engine.
            return look, None

    async def _ask_ready(
        self, engine: Leased, look: Look, adapter: OwnFreqtrade
    ) -> tuple[Look, Probe | None]:
        """Ready is an authenticated `show_config` with our bot's name: a port that answers may be a stranger's."""
        probe = await adapter.probe()
        name = probe.bot_name or ""
        is_ours = probe.reason in _PROBED and probe.state in (EngineState.RUNNING, EngineState.PAUSED)
        answers = is_ours and name == name_of(engine.bot_id, engine.revision)
        if is_ours and not answers and name.startswith(f"{engine.bot_id}."):
            return replace(look, is_former=True), None
        if not answers:
            return look, None
        # As they were launched: after an update of TradeWise the whole may not be valid any more.
        wanted = engine.config.get("pairs", [])
        there = await adapter.pairs()
        missing = tuple(pair for pair in wanted if pair not in there)
        return replace(look, answers=True, missing=missing), probe

    def act(self, engine: Leased, step: Step) -> Step:
        """Do what the runtime must do. What cannot be done becomes a failure, or waits."""
        try:
            match step.do:
                case Do.LAUNCH:
                    self.launch(engine)
                case Do.TERMINATE:
                    self.runtime.end(engine.bot_id)
                case Do.KILL:
                    self.runtime.end(engine.bot_id, by_force=True)
        except Cannot as refusal:
            return Step(Do.FAIL, 0.0, str(refusal), final=True)
        except RuntimeRefused as refusal:
            if step.do is not Do.LAUNCH:
                logger.warning("an engine could not be ended: %s bot=%s", refusal, engine.bot_id)
                return Step(Do.WAIT, 2.0)
            return Step(Do.FAIL, 0.0, refusal.sentence, refusal.final)
        return step

    async def tell(self, client: Client, engine: Leased, step: Step) -> None:
        """Do what the engine itself must be told: to open no new trades, asked again at each visit, or to go on."""
        if step.do is Do.WIND_DOWN:
            await _command(client, engine, Command.PAUSE)
        elif step.do is Do.GO_ON and engine.desired == DesiredState.RUNNING:
            await _command(client, engine, Command.START)

    async def sell(self, client: Client, engine: Leased, step: Step) -> None:
        """Ask it to sell what is held; again at each visit until it has."""
        adapter = _adapter(client, engine)
        if adapter is None:
            return
        try:
            await adapter.close_all()
        except AdapterError as error:
            logger.info("trades are not closed yet: %s bot=%s", error.reason, engine.bot_id)

    @sensitive_variables()
    def launch(self, engine: Leased) -> None:
        """Start it. Raises Cannot or RuntimeRefused."""
        try:
            configuration = kinds.parse(engine.config)
        except ConfigurationRefused as refused:
            problems = " ".join(problem.sentence for problem in refused.problems)
            raise Cannot(f"The parameters are not valid any more. {problems}") from None
        if engine.mode == Mode.SIMULATED and not self.machine.simulated_exchange:
            raise Cannot("There is no simulated exchange on this installation any more.")
        if engine.port is None:
            raise Cannot("The bot has no place on a machine. Stop it, then start it again.")
        mode = Mode(engine.mode)
        setup = Setup(
            bot_id=engine.bot_id,
            configuration=configuration,
            allocation=engine.allocation,
            mode=mode,
            port=engine.port,
            revision=engine.revision,
            desired=DesiredState(engine.desired or DesiredState.RUNNING),
            simulated_exchange=self.machine.simulated_exchange,
        )
        secrets = secrets_of(credentials_of(engine), keys_of(engine))
        self.runtime.launch(Launch(engine.bot_id, engine.port, compose(setup), secrets, database_of(mode)))


async def _command(client: Client, engine: Leased, command: Command) -> None:
    adapter = _adapter(client, engine)
    if adapter is None:
        return
    try:
        await adapter.command(command)
    except AdapterError as error:
        logger.info("%s was not taken: %s bot=%s", command, error.reason, engine.bot_id)


@sensitive_variables("credentials")
def _adapter(client: Client, engine: Leased) -> OwnFreqtrade | None:
    if engine.api_url is None:
        return None
    try:
        credentials = credentials_of(engine)
    except Cannot:
        return None
    return OwnFreqtrade(client, engine.api_url, credentials, seconds=ANSWER_SECONDS)


@sensitive_variables()
def credentials_of(engine: Leased) -> Credentials:
    """Of the engine's own API. Raises Cannot."""
    if engine.api_token is None or engine.api_url is None:
        raise Cannot("The bot has no address. Stop it, then start it again.")
    context = token_context(engine.tenant_id, engine.bot_id, engine.api_url)
    try:
        return Credentials.parse(open_sealed(engine.api_token, context=context).reveal())
    except (SecretsError, CredentialsError):
        raise Cannot(
            "The engine's own password cannot be opened any more: the keys of the server have changed. Stop the bot, "
            "then start it again."
        ) from None


@sensitive_variables()
def keys_of(engine: Leased) -> str:
    """`key:secret` of the exchange; empty where no real money is traded. Raises Cannot."""
    if engine.mode != Mode.LIVE:
        return ""
    exchange = engine.config["exchange"]
    context = f"bot_engines.exchange_keys|{engine.tenant_id}|{engine.bot_id}|{exchange}"
    try:
        return open_sealed(engine.keys or "", context=context).reveal()
    except SecretsError:
        raise Cannot(
            "The keys of the exchange cannot be opened any more: the keys of the server have changed. Enter them again."
        ) from None
