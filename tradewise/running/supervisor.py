"""The foreground process of `make run`: starts everything, restarts what dies, ends it all."""

import contextlib
import fcntl
import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from tradewise import embedded
from tradewise.embedded import processes
from tradewise.embedded.processes import Process
from tradewise.env import ROOT, is_embedded
from tradewise.running import leftovers, services
from tradewise.running.demo_data import ASK, DemoData
from tradewise.running.preparation import (
    RunError,
    check_ports,
    create_accounts,
    prepare_database,
    say,
    start_servers,
    var_of,
)
from tradewise.running.services import Plan, Service
from tradewise.simulation import installation

RECORD = "up"
_READY_SECONDS = 90.0
_LONGEST_PAUSE = 30.0  # seconds between two starts of a process that keeps dying
_LIVED_WELL = 60.0  # seconds after which a death counts as the first again


class Stopped(Exception):  # noqa: N818 - it is no error: somebody asked
    """Ctrl-C, `make stop`, or the end of the terminal."""


@dataclass
class Running:
    """One service and its present process."""

    service: Service
    process: Process
    began: float = field(default_factory=time.monotonic)
    deaths: int = 0
    start_again_at: float | None = None


class Supervisor:
    """Keeps the processes of one run alive, and knows every one of them."""

    def __init__(self, plan: Plan, demo_data: str = ASK) -> None:
        self.plan = plan
        self.demo_data = DemoData(plan, demo_data)
        self.running: dict[str, Running] = {}
        self.installer: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Bring everything up and stay. Raises Stopped, RunError or EmbeddedError."""
        began = time.monotonic()
        start_servers(self.plan)
        self.start(services.exchange(self.plan))
        self.start_demo_bot()
        prepare_database(self.plan)
        accounts = create_accounts(self.plan)
        say("Starting the sites, the worker and beat …")
        main = services.sites_and_workers(self.plan)
        try:
            for service in main:
                self.start(service)
            for service in main:
                self.wait_until_ready(service)
        except BaseException:
            # New passwords are shown once, so also when what follows them fails.
            self.introduce(accounts)
            raise
        self.announce(accounts, time.monotonic() - began)
        self.demo_data.offer()
        self.watch()

    def start_demo_bot(self) -> None:
        """Start Freqtrade; where it is not installed yet, install it while everything else comes up."""
        if installation.is_installed():
            self.start(services.demo_bot(self.plan))
            return
        say("Installing Freqtrade for the demo bot beside the rest: about a minute, once.")
        self.installer = subprocess.Popen(  # noqa: S603 - the command is ours
            services.python("-m", "tradewise.running.install_engine"),
            env=self.plan.environment("base"),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )

    def start(self, service: Service) -> None:
        """Start a process in a session of its own, and record it."""
        processes.rotate(service.log)
        process = processes.launch(
            service.command, log=service.log, cwd=ROOT, environment=service.environment
        )
        processes.record(self.plan.var, service.name, process)
        self.running[service.name] = Running(service, process)

    def wait_until_ready(self, service: Service) -> None:
        """Raises RunError with the last line of its log when it dies or stays silent."""
        deadline = time.monotonic() + _READY_SECONDS
        while not service.is_ready():
            dead = not self.running[service.name].process.alive()
            if dead or time.monotonic() > deadline:
                what = "ended by itself" if dead else f"was not ready within {_READY_SECONDS:.0f} s"
                raise RunError(
                    f"{service.name} {what}: {processes.last_line(service.log)} (log: {service.log})"
                )
            time.sleep(0.1)

    def announce(self, accounts: list[str], seconds: float) -> None:
        """Where to go."""
        say(f"\nTradeWise is up after {seconds:.1f} s.")
        say(f"  Trader site  {self.plan.site}")
        say(f"  Staff site   {self.plan.staff_site}")
        if not os.environ.get("OUTBOX_EMAIL_URL"):
            say(f"  Mails        {self.plan.var / 'mail'} (files; OUTBOX_EMAIL_URL names a mail server)")
        say(f"  Demo bot     {self.plan.demo.url} (a real Freqtrade in dry run on a simulated exchange)")
        self.introduce(accounts)
        say(f"\nLogs are in {self.plan.var / 'log'}. Ctrl-C or `make stop` ends everything.")

    def introduce(self, accounts: list[str]) -> None:
        """Who may log in."""
        for text in filter(None, accounts):
            say("\n" + text)

    def watch(self) -> None:
        """Stay, restart what dies, and say when the demo bot trades."""
        bot_is_new = True
        while True:
            time.sleep(0.5)
            self.demo_data.look()
            if self.installer and self.installer.poll() is not None:
                if self.installer.returncode:
                    say("Freqtrade could not be installed (see above): no demo bot. The rest runs on.")
                else:
                    self.start(services.demo_bot(self.plan))
                self.installer = None
            for one in list(self.running.values()):
                self.revive(one)
            bot = self.running.get("demo-bot")
            if bot_is_new and bot and bot.process.alive() and bot.service.is_ready():
                say("The demo bot trades.")
                bot_is_new = False

    def revive(self, one: Running) -> None:
        """Start a dead process again, later each time it dies soon."""
        now = time.monotonic()
        if one.start_again_at is None:
            if one.process.alive():
                return
            one.deaths = 1 if now - one.began > _LIVED_WELL else one.deaths + 1
            pause = min(_LONGEST_PAUSE, 2.0 ** (one.deaths - 1))
            one.start_again_at = now + pause
            last = processes.last_line(one.service.log)
            say(f"{one.service.name} ended by itself, starts again in {pause:.0f} s, and said last: {last}")
        elif now >= one.start_again_at:
            deaths = one.deaths
            self.start(one.service)
            self.running[one.service.name].deaths = deaths

    def stop(self) -> bool:
        """End every process of this run, the servers last: whether nothing is left."""
        for name in self.running:
            processes.forget(self.plan.var, name)
        gone = leftovers.end(self.plan.var)
        if is_embedded():
            gone = embedded.stop(self.plan.var) and gone
        processes.forget(self.plan.var, RECORD)
        return gone


def up(var: Path, port: int, staff_port: int, demo_data: str = ASK) -> int:
    """Run in the foreground until somebody ends it; the exit status."""
    from tradewise.running.demo_bot import remembered

    var = var_of(var)
    with only_one(var):
        _end_on_signals()
        processes.record(var, RECORD, Process(os.getpid(), processes.start_time(os.getpid()) or 0))
        supervisor = None
        try:
            leftovers.end(var)
            mark = leftovers.begin(var, secrets.token_hex(16))
            supervisor = Supervisor(Plan(var, port, staff_port, remembered(var), mark), demo_data)
            check_ports(supervisor.plan)
            supervisor.run()
        except Stopped:
            say("\nStopping …")
            code = 0
        except (RunError, embedded.EmbeddedError) as error:
            say(f"\n{error}")
            code = 1
        finally:
            _end_at_once_on_signals()
            gone = supervisor is None or supervisor.stop()
        say("Everything has ended." if gone else "Something is still running: run `make stop` again.")
    return code if gone else 1


@contextlib.contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Raises RunError where TradeWise runs from this directory already."""
    with (var / "run" / "up.lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RunError("TradeWise runs from this directory already. `make stop` ends it.") from None
        yield


def _end_on_signals() -> None:
    def stop(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def _end_at_once_on_signals() -> None:
    """A second Ctrl-C shortens the patience with what does not want to end."""

    def hurry(number: int, frame: FrameType | None) -> None:
        leftovers.hurry()

    signal.signal(signal.SIGINT, hurry)
