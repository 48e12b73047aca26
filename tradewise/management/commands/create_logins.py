"""`manage.py create_logins`: the database roles of a server that is not the embedded one."""

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandError, CommandParser

from tradewise.env import database_url
from tradewise.tenancy.roles import LOGINS, create_logins


class Command(BaseCommand):
    """May be run again at any time: it mends what has drifted and removes nothing."""

    help = (
        "Create the database, its owner and the login of each process, with the passwords that stand in "
        "DATABASE_URL and its siblings. Needs DATABASE_URL_ADMIN: a superuser's address, used for this alone."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Where to write the logins for PgBouncer."""
        parser.add_argument("--userlist", type=Path, help="also write the logins to this file for PgBouncer")

    def handle(self, *, userlist: Path | None = None, **options: Any) -> None:
        """Create what is missing, and say what there is."""
        try:
            urls = {login: urlsplit(database_url(login)) for login in LOGINS}
            admin = database_url("tw_admin")
        except ImproperlyConfigured as error:
            raise CommandError(str(error)) from None
        for login, url in urls.items():
            if url.username != login:
                raise CommandError(f"The URL of {login} names the login {url.username}; it must be {login}.")
        passwords = {login: unquote(url.password or "") for login, url in urls.items()}
        if short := [login for login, password in passwords.items() if len(password) < 12]:
            raise CommandError(f"Too short, 12 characters at least: the password of {', '.join(short)}.")
        database = urls["tw_app"].path.lstrip("/")
        create_logins(admin, passwords, database)
        if userlist:
            userlist.unlink(missing_ok=True)  # one that is there may be readable by others
            userlist.touch(mode=0o600)
            userlist.write_text("".join(f'"{login}" "{word}"\n' for login, word in passwords.items()))
        self.stdout.write(f"The database {database} and the logins {', '.join(LOGINS)} are there.")
