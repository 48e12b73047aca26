"""What is done before the processes start: servers, logins, tables, keys, accounts."""

import os
import subprocess
import sys
from pathlib import Path

from tradewise import embedded
from tradewise.embedded import ports
from tradewise.embedded.service_account import make_directory
from tradewise.env import ROOT, is_embedded
from tradewise.running.services import Plan
from tradewise.secrets.keyring import ensure_keys
from tradewise.secrets.signing import ensure_signing_keys


class RunError(Exception):
    """A sentence for the person at the terminal."""


def say(line: str) -> None:
    """One line of progress, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def check_ports(plan: Plan) -> None:
    """Raises RunError naming each taken port and how to choose another."""
    wanted = {"PORT": plan.port, "STAFF_PORT": plan.staff_port}
    if plan.port == plan.staff_port:
        raise RunError(
            f"Two sites need two ports, not {plan.port} twice: `make run PORT=8100 STAFF_PORT=8101`."
        )
    taken = {name: port for name, port in wanted.items() if not ports.is_free(port)}
    if taken:
        places = " and ".join(f"port {port}" for port in taken.values())
        others = " ".join(f"{name}={_next_free(port)}" for name, port in taken.items())
        raise RunError(f"Another program listens on {places} already. Choose another: `make run {others}`.")


def _next_free(port: int) -> int:
    candidates = range(min(port + 100, 65_000), 65_535)
    return next(candidate for candidate in candidates if ports.is_free(candidate))


def start_servers(plan: Plan) -> None:
    """PostgreSQL and Redis of our own, or the logins on those that the environment names."""
    if is_embedded():
        first = not (plan.var / "embedded.json").exists()
        say("Creating a PostgreSQL 18 and a Redis …" if first else "Starting PostgreSQL and Redis …")
        embedded.start(plan.var)
    elif os.environ.get("DATABASE_URL_ADMIN"):
        finish(manage(plan, "create_logins"), "The database logins could not be created")


def prepare_database(plan: Plan) -> None:
    """Tables, static files, keys."""
    say("Bringing the tables up to date …")
    migrating = manage(plan, "migrate", "--noinput", "-v1")
    collecting = manage(plan, "collectstatic", "--noinput", "-v0")
    if not os.environ.get("SEAL_PUBLIC_KEY"):
        ensure_keys(plan.var / "keys")
    if not os.environ.get("AUDIT_PUBLIC_KEYS"):
        ensure_signing_keys(plan.var / "keys")
    shown = finish(migrating, "The tables could not be brought up to date")
    for line in shown.splitlines():
        if line.lstrip().startswith("Applying"):
            say(f"  {line.strip()}")
    finish(collecting, "The static files could not be collected")


def create_accounts(plan: Plan) -> list[str]:
    """A trader with the demo bot, and a member of staff; what the commands print about them."""
    demo = {"DEMO_BOT_URL": plan.demo.url, "DEMO_BOT_TOKEN": f"{plan.demo.username}:{plan.demo.password}"}
    commands = {
        "create_demo": ("trader", []),
        "create_staff": ("ops", ["--if-missing", "--email", "staff@example.com"]),
    }
    jobs = [
        (name, manage(plan, name, *arguments, settings=module, extra=demo))
        for name, (module, arguments) in commands.items()
        if list(ROOT.glob(f"*/management/commands/{name}.py"))
    ]
    return [finish(job, f"{name} failed").strip() for name, job in jobs]


def manage(
    plan: Plan, *arguments: str, settings: str = "ops", extra: dict[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start a command of manage.py."""
    return subprocess.Popen(  # noqa: S603 - the commands are ours
        [sys.executable, str(ROOT / "manage.py"), *arguments],
        env=plan.environment(settings) | (extra or {}),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(job: "subprocess.Popen[str]", failure: str) -> str:
    """What the command printed. Raises RunError with its last lines where it failed."""
    output, _ = job.communicate()
    if job.returncode:
        raise RunError(f"{failure}:\n" + "\n".join(output.strip().splitlines()[-8:]))
    return output


def var_of(directory: Path) -> Path:
    """The directory of everything that a run leaves behind, made where it is missing."""
    for name in ("", "run", "log"):
        make_directory(directory / name)
    return directory
