"""Run a public template on TradeWise's own account: the source of its verified record."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.platform import Platform, ensure_platform_account
from audit.commanding import by_ops, who
from bots.enums import BotType, Mode
from bots.models import Bot
from marketplace.models import BotTemplate
from marketplace.services import platform_bots
from tradewise.exceptions import DomainError
from tradewise.tenancy.context import PLATFORM


class Command(BaseCommand):
    """`run_platform_bot` lists; with a template it says what it would do, and with `--apply` does it."""

    help = "Run a public template (its public number) in dry run on TradeWise's own account, or stop its bot."

    def add_arguments(self, parser: CommandParser) -> None:
        """Without a template the platform's bots are listed."""
        parser.add_argument("template", nargs="?", default="")
        parser.add_argument("--stop", action="store_true", help="end it when its open trades are closed")
        parser.add_argument(
            "--simulated", action="store_true", help="on the simulated exchange, to try it out"
        )
        parser.add_argument("--apply", action="store_true", help="do it; otherwise it is only said")

    def handle(self, *_: Any, **options: Any) -> None:
        """Refusals are a sentence and the exit status 1."""
        actor = Platform(f"ops:{who()}")
        with by_ops(PLATFORM, action="platform_bot.run"):
            if not options["template"]:
                self._list()
                return
            template = _template(options["template"])
            if not options["apply"]:
                verb = "stop the bot of" if options["stop"] else "run"
                self.stdout.write(f"Would {verb} “{template}”. Add --apply to do it.")
                return
            ensure_platform_account()
            mode = Mode.SIMULATED if options["simulated"] else Mode.DRY_RUN
            try:
                self._apply(actor, template, mode, stop=options["stop"])
            except DomainError as refusal:
                raise CommandError(str(refusal)) from None

    def _apply(self, actor: Platform, template: BotTemplate, mode: Mode, *, stop: bool) -> None:
        if stop:
            stopped = platform_bots.stop_template(actor=actor, template=template)
            self.stdout.write(
                f"The bot of “{template}” ends when its open trades are closed."
                if stopped
                else f"No bot of “{template}” runs."
            )
            return
        bot = platform_bots.run_template(actor=actor, template=template, mode=mode)
        self.stdout.write(f"“{template}” runs as the bot {bot.bot_id} ({bot.get_status_display().lower()}).")

    def _list(self) -> None:
        # A platform bot without an engine is a replay, which nothing runs.
        platform = Bot.objects.filter(bot_type=BotType.PLATFORM, engine__isnull=False)
        bots = platform.select_related("engine").order_by("name")
        for bot in bots:
            told = (
                bot.config_template or "",
                bot.bot_id,
                bot.engine.mode,
                bot.status,
                bot.connection_error or "",
            )
            self.stdout.write("\t".join((*told, str(bot))))
        if not bots:
            self.stdout.write("TradeWise runs no template on its own account.")


def _template(template_id: str) -> BotTemplate:
    template = BotTemplate.across_tenants.filter(template_id=template_id, is_public=True).first()
    if template is None:
        raise CommandError("There is no public template with this number.")
    return template
