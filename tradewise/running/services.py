"""What runs: each process with its settings, its log and the sign that it is ready."""

import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from tradewise.env import LOGINS, ROOT
from tradewise.running.demo_bot import Demo

#: Environment variable by which every process of one run, and every child of one, is known.
MARK = "TRADEWISE_RUN"

#: What one process may have of another's: nothing. By settings module, which of these each is given; the
#: commands of ops are given all.
_PRIVATE = frozenset(
    {"SEAL_PRIVATE_KEYS", "SEAL_PRIVATE_KEY_FILE", "AUDIT_SIGNING_KEY", "AUDIT_SIGNING_KEY_FILE"}
)
_HELD = _PRIVATE | frozenset(LOGINS.values())
_OWN = {
    "base": frozenset[str](),
    "trader": frozenset({"DATABASE_URL"}),
    "staff": frozenset({"DATABASE_URL_STAFF"}),
    "worker": _PRIVATE | {"DATABASE_URL_WORKER"},
    "ops": _HELD,
}


@dataclass(frozen=True, slots=True)
class Service:
    """One process that the supervisor keeps alive."""

    name: str
    command: list[str]
    log: Path
    is_ready: Callable[[], bool]
    environment: dict[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Plan:
    """What this run was asked for."""

    var: Path
    port: int
    staff_port: int
    demo: Demo
    mark: str

    @property
    def site(self) -> str:
        """The trader site's address on this machine."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def staff_site(self) -> str:
        """The staff site's address on this machine."""
        return f"http://127.0.0.1:{self.staff_port}"

    def environment(self, settings: str) -> dict[str, str]:
        """The environment of a process with this settings module; only the demo bot may be dialled.

        Of logins and keys it holds its own alone.
        """
        allowed = [os.environ.get("EGRESS_ALLOW", ""), f"127.0.0.1/32:{self.demo.bot_port}"]
        return {
            "SITE_URL": self.site,
            **{name: value for name, value in os.environ.items() if name not in _HELD - _OWN[settings]},
            "DJANGO_SETTINGS_MODULE": f"tradewise.settings.{settings}",
            "EGRESS_ALLOW": ",".join(filter(None, allowed)),
            "BOT_SIMULATED_EXCHANGE": self.demo.exchange_url,
            "TRADEWISE_VAR": str(self.var),
            "PYTHONUNBUFFERED": "1",
            MARK: self.mark,
        }


def sites_and_workers(plan: Plan) -> list[Service]:
    """The five processes that are TradeWise."""
    celery = ["-m", "celery", "-A", "tradewise.celery:app"]
    beat = [
        *celery,
        "beat",
        "--pidfile=",
        "--loglevel=INFO",
        "--schedule",
        str(plan.var / "run" / "beat-schedule"),
    ]
    worker = [*celery, "worker", "--pool=prefork", "--loglevel=INFO", "--without-gossip", "--without-mingle"]
    slow = _service(plan, "slow-worker", [*worker, "--concurrency=2", "-n", "slow@%h"], "worker", "ready.")
    slow.environment["WORKER_TASKS"] = "slow"
    return [
        _service(plan, "trader-site", _gunicorn(plan.port, workers=2), "trader", lambda: _serves(plan.site)),
        _service(
            plan,
            "staff-site",
            _gunicorn(plan.staff_port, workers=1),
            "staff",
            lambda: _serves(plan.staff_site),
        ),
        _service(plan, "worker", [*worker, "--concurrency=3"], "worker", "ready."),
        slow,
        _service(plan, "beat", beat, "worker", "maxinterval"),
    ]


def exchange(plan: Plan) -> Service:
    """The simulated exchange."""
    url = f"{plan.demo.exchange_url}/api/v3/time"
    command = ["-m", "tradewise.simulation.exchange", "--port", str(plan.demo.exchange_port)]
    return _service(plan, "exchange", command, "base", lambda: _serves(url))


def demo_bot(plan: Plan) -> Service:
    """The Freqtrade that trades there."""
    return _service(plan, "demo-bot", ["-m", "tradewise.running.demo_bot"], "base", plan.demo.answers)


def python(*arguments: str) -> list[str]:
    """A Python of ours that ends with the supervisor."""
    tied = str(Path(__file__).with_name("tied.py"))
    return [sys.executable, "-S", "-E", tied, str(os.getpid()), sys.executable, *arguments]


def _service(
    plan: Plan, name: str, command: list[str], settings: str, ready: str | Callable[[], bool]
) -> Service:
    log = plan.var / "log" / f"{name}.log"
    is_ready = _says(log, ready) if isinstance(ready, str) else ready
    return Service(name, python(*command), log, is_ready, plan.environment(settings))


def _gunicorn(port: int, *, workers: int) -> list[str]:
    return [
        *(
            "-m",
            "gunicorn",
            "tradewise.wsgi:application",
            "--bind",
            f"127.0.0.1:{port}",
            "--chdir",
            str(ROOT),
        ),
        *(
            "--worker-class",
            "gthread",
            "--workers",
            str(workers),
            "--threads",
            "8",
            "--graceful-timeout",
            "8",
        ),
        *("--no-control-socket",),
    ]


def _serves(url: str) -> bool:
    """Whether an HTTP server answers there, with anything but a failure of its own."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        opener.open(url, timeout=5).close()
    except urllib.error.HTTPError as error:
        return error.code < 500
    except (OSError, ValueError):
        return False
    return True


def _says(log: Path, words: str) -> Callable[[], bool]:
    """Whether a log says so, in what was written to it after this call."""
    begin = log.stat().st_size if log.exists() else 0

    def said() -> bool:
        try:
            with log.open("rb") as file:
                file.seek(begin)
                return words.encode() in file.read()
        except OSError:
            return False

    return said
