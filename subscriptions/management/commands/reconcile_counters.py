"""Compare the number of subscribers that each template shows with its subscriptions."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from audit.commanding import by_ops
from subscriptions.services import counters
from tradewise.tenancy.context import PLATFORM


class Command(BaseCommand):
    """`reconcile_counters` lists what differs; with `--apply` it mends that. Needs the login of ops."""

    help = "List templates whose number of subscribers is wrong; with --apply, count them anew."

    def add_arguments(self, parser: CommandParser) -> None:
        """By default nothing is changed."""
        parser.add_argument("--apply", action="store_true", help="mend them; otherwise they are only listed")

    def handle(self, *_: Any, **options: Any) -> None:
        """One line for each template, and a sentence at the end."""
        with by_ops(PLATFORM, action="template.count_subscribers"):
            found = counters.drift()
        for template_id, stored, counted in found:
            self.stdout.write(f"{template_id}\t{stored}\t{counted}")
            if options["apply"]:
                with by_ops(PLATFORM, action="template.count_subscribers"):
                    counters.mend(template_id)
        if not found:
            self.stdout.write("Every template's number of subscribers is right.")
        elif options["apply"]:
            self.stdout.write(f"Mended: {len(found)}.")
        else:
            self.stdout.write(
                f"Wrong: {len(found)} (template, its number, its subscriptions). Add --apply to mend them."
            )
