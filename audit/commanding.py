"""Commands of ops: each that may change something is in the platform's trail before it runs.

Who is at the terminal the operating system says; from where, the database does.
"""

import getpass
import re
import sys
import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.core.management.base import CommandParser, handle_default_options
from django.db import Error, connection

from audit import ledger
from tradewise.tenancy.context import PLATFORM, tenant_context

#: Commands that change nothing in the database. What is not here is noted: better one entry too many.
READS: Final = frozenset(
    {
        *("", "help", "version", "--help", "-h", "--version"),
        *(
            "check",
            "check_rls",
            "verify_audit",
            "showmigrations",
            "sqlmigrate",
            "sqlflush",
            "sqlsequencereset",
        ),
        *("collectstatic", "findstatic", "diffsettings", "inspectdb", "makemigrations", "makemessages"),
        *(
            "compilemessages",
            "runserver",
            "startapp",
            "startproject",
            "squashmigrations",
            "optimizemigration",
        ),
    }
)
#: Commands that make what an entry is written to; they are noted afterwards where they could not be before.
FOUNDATIONS: Final = frozenset({"create_logins", "migrate", "make_seal_keys"})
_CREDENTIALS: Final = re.compile(r"(?<=://)[^/@\s]*@")
_SECRET_OPTION: Final = re.compile(r"(?i)^(--?[\w-]*(?:pass|secret|token|key)[\w-]*)(=.*)?$")


def execute(argv: Sequence[str]) -> None:
    """What `manage.py` does: note the command, then run it."""
    name = argv[1] if len(argv) > 1 else ""
    if name in READS:
        execute_from_command_line(list(argv))
        return
    _set_up(argv)
    noted = note(argv)
    if not noted and name not in FOUNDATIONS:
        sys.stderr.write(
            "This command is not noted in the audit trail: the database does not take the entry.\n"
        )
    execute_from_command_line(list(argv))
    if not noted and name in FOUNDATIONS:
        note(argv)


def _set_up(argv: Sequence[str]) -> None:
    """Django as the command wants it: its --settings may name another process's login."""
    import django

    parser = CommandParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--settings")
    parser.add_argument("--pythonpath")
    handle_default_options(parser.parse_known_args(list(argv[2:]))[0])
    django.setup()


def note(argv: Sequence[str]) -> bool:
    """Write the entry; False where there is no database, or no trail in it yet."""
    try:
        with by_ops(PLATFORM):
            told = {"arguments": _without_secrets(argv[2:])}
            ledger.event("command.run", resource="command", key=argv[1], new=told)
    except (Error, ImproperlyConfigured):
        return False
    finally:
        connection.close()
    return True


def by_ops(tenant_id: uuid.UUID, *, action: str = "") -> AbstractContextManager[None]:
    """A transaction of a command, as that tenant: the trail knows who ran it and which one it was."""
    return tenant_context(
        tenant_id, actor=f"ops:{who()}", action=action, user_agent=f"manage.py {_command()}"
    )


def who() -> str:
    """The user of the operating system at the terminal."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user without a name, as in a container
        return "unknown"


def _command() -> str:
    is_ours = Path(sys.argv[0]).name == "manage.py" and len(sys.argv) > 1
    return sys.argv[1] if is_ours else "command"


def _without_secrets(words: Sequence[str]) -> list[str]:
    """Passwords are never arguments of ours; one in an address or behind an option is struck out all the same."""
    told = []
    is_secret = False
    for word in words:
        option = _SECRET_OPTION.match(word)
        if option:
            told.append(f"{option[1]}=…" if option[2] else word)
        else:
            told.append("…" if is_secret and not word.startswith("-") else _CREDENTIALS.sub("…@", word)[:200])
        is_secret = bool(option and not option[2])
    return told
