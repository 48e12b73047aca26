"""Demo data for the marketplace, offered once at the first start, and made beside everything else."""

import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tradewise.env import ROOT, is_embedded
from tradewise.running import services
from tradewise.running.preparation import say
from tradewise.running.services import Plan
from tradewise.simulation import installation

HOW: Final = "`.venv/bin/python manage.py seed_demo --apply` makes demo data whenever you want it."
QUESTION: Final = (
    "\nFill the marketplace with demo data? 36 templates, each with a record that Freqtrade really makes on invented\n"
    "prices: two to five minutes beside the rest, at low priority. [y/N] "
)
_PATIENCE: Final = 60.0  # seconds in which an answer is waited for, while everything runs
ASK, YES, NO = "ask", "yes", "no"
_WANTED, _DONE, _DECLINED = "wanted", "done", "declined"


class DemoData:
    """Asks when all is up, looks for the answer without waiting for it, and starts `seed_demo` after a yes."""

    def __init__(self, plan: Plan, answer: str = ASK) -> None:
        self.plan, self.answer = plan, answer
        self.memory: Path = plan.var / "demo-data"
        self.deadline: float | None = None
        self.job: subprocess.Popen[bytes] | None = None

    def offer(self) -> None:
        """Ask, where nobody has been asked yet; go on with what was wanted and not finished."""
        known = self.memory.read_text(encoding="ascii").strip() if self.memory.exists() else ""
        if self.answer == YES and known != _DONE:
            self._remember(_WANTED)
        elif self.answer == NO and not known:
            self._remember(_DECLINED)
        elif self.answer == ASK and not known and is_embedded():
            self._ask()

    def _ask(self) -> None:
        # The next start does not ask again, whatever becomes of this one.
        self._remember(_DECLINED)
        if _is_at_a_terminal():
            sys.stdout.write(QUESTION)
            sys.stdout.flush()
            self.deadline = time.monotonic() + _PATIENCE
        else:
            say(f"\nThe marketplace is empty: {HOW}")

    def look(self) -> None:
        """Take the answer if there is one, start what is wanted once Freqtrade is installed, and see it end."""
        if self.deadline is not None:
            self._take_answer()
        elif self.job is not None:
            self._see_it_end()
        elif self._is_wanted() and installation.is_installed():
            say("Making demo data. Ctrl-C is as safe as ever: the next start goes on where it ended.")
            self.job = subprocess.Popen(  # noqa: S603 - the command is ours
                services.python(str(ROOT / "manage.py"), "seed_demo", "--apply"),
                env=self.plan.environment("ops"),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def _take_answer(self) -> None:
        assert self.deadline is not None
        if _is_at_a_terminal() and select.select([sys.stdin], [], [], 0)[0]:
            said = os.read(sys.stdin.fileno(), 1000).decode(errors="replace").strip().lower()
            self.deadline = None
            if said in ("y", "yes"):
                self._remember(_WANTED)
            else:
                say(f"No demo data. {HOW}")
        elif time.monotonic() > self.deadline:
            self.deadline = None
            say(f"\nNo answer, so no demo data. {HOW}")

    def _see_it_end(self) -> None:
        assert self.job is not None
        code = self.job.poll()
        if code is None:
            return
        self.job = None
        # What failed is not tried again and again: a person reads why, and decides.
        self._remember(_DECLINED if code else _DONE)
        say(f"Demo data could not be made (see above). {HOW}" if code else "The demo data is complete.")

    def _is_wanted(self) -> bool:
        return self.memory.exists() and self.memory.read_text(encoding="ascii").strip() == _WANTED

    def _remember(self, word: str) -> None:
        draft = self.memory.with_suffix(".new")
        draft.write_text(word + "\n", encoding="ascii")
        draft.replace(self.memory)


def _is_at_a_terminal() -> bool:
    """Whether somebody can answer: reading from a terminal whose foreground is another's would stop us."""
    try:
        return sys.stdin.isatty() and sys.stdout.isatty() and os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError, AttributeError):
        return False
