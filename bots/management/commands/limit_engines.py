"""How many bots of a tenant TradeWise runs at the same time."""

import uuid
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from audit.commanding import by_ops
from bots.models import EngineLimit
from bots.services.places import limit_of

MOST = 10_000


class Command(BaseCommand):
    """`limit_engines TENANT [NUMBER] [--apply]`: says the limit, or sets another one."""

    help = "Show or set how many bots of a tenant may run on TradeWise's machines at the same time."

    def add_arguments(self, parser: CommandParser) -> None:
        """Without a number the present limit is shown."""
        parser.add_argument("tenant", help="the tenant's id, as the staff site shows it")
        parser.add_argument("number", nargs="?", type=int, help=f"0 to {MOST}")
        parser.add_argument("--apply", action="store_true", help="set it; otherwise it is only said")

    def handle(self, *_: Any, **options: Any) -> None:
        """Refusals are a sentence and the exit status 1."""
        try:
            tenant_id = uuid.UUID(options["tenant"])
        except ValueError:
            raise CommandError("A tenant's id is a UUID.") from None
        number: int | None = options["number"]
        if number is not None and not 0 <= number <= MOST:
            raise CommandError(f"The number must be from 0 to {MOST}.")
        with by_ops(tenant_id, action="engine_limit.set"):
            before = limit_of(tenant_id)
            if number is None:
                usual = settings.BOT_ENGINES_PER_TENANT
                self.stdout.write(f"{before} (where nothing is set, {usual})")
            elif not options["apply"]:
                self.stdout.write(f"Would set {number} instead of {before}. Add --apply to do it.")
            else:
                EngineLimit.objects.update_or_create(tenant_id=tenant_id, defaults={"engines": number})
                self.stdout.write(f"{number} instead of {before}. Bots that run go on.")
