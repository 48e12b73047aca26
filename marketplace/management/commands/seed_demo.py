"""Fill the marketplace with demo data, or take it away again."""

import signal
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accounts.platform import Platform, ensure_platform_account
from audit.commanding import by_ops, who
from bots.replays.engine import ReplayFailed, replay_engine
from bots.services.replaying import keep_replay
from marketplace.models import BotTemplate
from marketplace.records.evidence import counted
from marketplace.services.demo import removing, seeding
from marketplace.services.demo.catalog import CATALOG
from marketplace.services.demo.entries import Entry
from tradewise.exceptions import DomainError
from tradewise.tenancy.context import PLATFORM

SEED, REMOVE = "demo.seed", "demo.remove"


class Command(BaseCommand):
    """`seed_demo` says what it would do, and with `--apply` does it. Run again, it completes what is missing."""

    help = (
        "Make a believable marketplace: published demo templates, each with a record that Freqtrade's backtesting "
        "made of it on the simulated exchange. Needs the login of ops."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """By default nothing is changed."""
        parser.add_argument("--apply", action="store_true", help="do it; otherwise it is only said")
        parser.add_argument("--remove", action="store_true", help="take away what it made, and nothing else")
        parser.add_argument("--templates", type=int, default=len(CATALOG), help="only the first so many")
        parser.add_argument("--days", type=int, default=seeding.DAYS, help="how many days are replayed")

    def handle(self, *_: Any, **options: Any) -> None:
        """Progress is one line for each template; a failure is a sentence and the exit status 1."""
        self.actor = Platform(f"ops:{who()}")
        # Ended in good order, so that no files are left behind; Freqtrade ends with its input in any case.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        if options["days"] < 1 or options["templates"] < 0:
            raise CommandError("--days is at least 1, and --templates at least 0.")
        if options["remove"]:
            self._remove(apply=options["apply"])
            return
        entries = CATALOG[: options["templates"]]
        with by_ops(PLATFORM, action=SEED):
            found = seeding.standing()
        unwritten = found.unwritten(entries)
        waiting = len(unwritten) + len(found.unreplayed(entries))
        if not waiting:
            self._say_that_nothing_is_missing(entries, found)
        elif not options["apply"]:
            self.stdout.write(
                f"Would publish {len(unwritten)} demo templates, and replay {waiting} on {options['days']} days of "
                "invented prices: some minutes at low priority. Add --apply to do it."
            )
        else:
            self._seed(entries, unwritten, options["days"])

    def _seed(self, entries: Sequence[Entry], unwritten: Sequence[Entry], days: int) -> None:
        span = seeding.Span.until(datetime.now(UTC).date(), days)
        began = time.monotonic()
        try:
            with replay_engine(span.candles) as engine:
                left_out = self._publish(unwritten)
                with by_ops(PLATFORM, action=SEED):
                    wanted = [entry.template_id for entry in seeding.standing().unreplayed(entries)]
                    found = seeding.demo_templates().filter(template_id__in=wanted)
                    templates = sorted(found, key=lambda template: wanted.index(template.template_id))
                failed = self._replay(templates, seeding.Replayer(engine, span))
        except ReplayFailed as failure:
            raise CommandError(str(failure)) from None
        kept = len(templates) - failed
        self.stdout.write(f"Kept {kept} replays of {span.days} days in {time.monotonic() - began:.0f} s.")
        if failed or left_out:
            raise CommandError(
                f"{failed + left_out} of {len(entries)} are missing, see above. Run it again to try them anew."
            )

    def _publish(self, entries: Sequence[Entry]) -> int:
        """How many were refused."""
        refused = 0
        for entry in entries:
            try:
                with by_ops(PLATFORM, action=SEED):
                    ensure_platform_account()
                    seeding.publish(actor=self.actor, entry=entry)
            except DomainError as refusal:
                refused += 1
                self.stderr.write(f"“{entry.name}” was left out: {refusal}")
        if entries:
            self.stdout.write(f"Published {len(entries) - refused} demo templates.")
        return refused

    def _replay(self, templates: Sequence[BotTemplate], replayer: seeding.Replayer) -> int:
        """How many failed. While Freqtrade is busy with one, the prices of the next are made."""
        failed = 0
        for number, (template, following) in enumerate(pairwise([*templates, None]), start=1):
            assert template is not None
            if number == 1:
                replayer.ask(template)
            if following is not None:
                replayer.ask(following)
            try:
                kept = replayer.answer(template)
                with by_ops(PLATFORM, action=SEED):
                    keep_replay(actor=self.actor, kept=kept)
            except ReplayFailed as failure:
                failed += 1
                self.stderr.write(f"“{template}” was not replayed: {failure}")
                continue
            trades, earned = len(kept.replay.trades), kept.replay.final - kept.replay.starting
            self.stdout.write(
                f"{number} of {len(templates)}: {template}, {counted(trades, 'trade')}, {earned:+.2f} USDT"
            )
            self.stdout.flush()
        return failed

    def _say_that_nothing_is_missing(self, entries: Sequence[Entry], found: seeding.Standing) -> None:
        withdrawn = sum(entry.template_id in found.templates - found.public for entry in entries)
        said = f" ({withdrawn} were withdrawn, and stay so)" if withdrawn else ""
        self.stdout.write(f"All {len(entries)} demo templates are there{said}. Nothing was added.")

    def _remove(self, *, apply: bool) -> None:
        with by_ops(PLATFORM, action=REMOVE):
            found = seeding.standing()
        if not (found.templates or found.replayed):
            self.stdout.write("There is no demo data.")
            return
        if not apply:
            self.stdout.write(
                f"Would remove {len(found.templates)} demo templates and {len(found.replayed)} replays. "
                "Add --apply to do it."
            )
            return
        with by_ops(PLATFORM, action=REMOVE):
            done = removing.remove_demo(actor=self.actor)
        self.stdout.write(f"Removed {done.deleted} demo templates and {done.replays} replays.")
        if done.withdrawn:
            self.stdout.write(
                f"Withdrew {len(done.withdrawn)} that somebody follows or followed, or that TradeWise runs: "
                f"{', '.join(done.withdrawn)}."
            )
