"""A trader to look round as, with one bot."""

import json
import os
import secrets
import uuid
from pathlib import Path
from typing import Any, Final

from allauth.account.models import EmailAddress
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import ProgrammingError
from django.views.decorators.debug import sensitive_variables

from accounts.door import tenant_of_email
from accounts.models import User
from audit.commanding import by_ops
from bots.adapters import Credentials, CredentialsError
from bots.enums import HealthReason
from bots.models import Bot
from bots.services.addresses import normal_url
from bots.services.connecting import Address, connect_unseen
from bots.services.editing import readdress_bot
from tradewise.egress import EgressError
from tradewise.tenancy.context import current_tenant_id

EMAIL: Final = "demo@tradewise.example"
SETTINGS: Final = "tradewise.settings.trader"
BOT_NAME: Final = "Demo bot"


class Command(BaseCommand):
    """Makes what is missing and keeps what is there. The password is printed when it is made, never again."""

    help = "Create the demo trader with a verified address and connect a bot, if they are not there yet."

    def add_arguments(self, parser: CommandParser) -> None:
        """The bot comes from the options or from DEMO_BOT_URL and DEMO_BOT_TOKEN (username:password)."""
        parser.add_argument("--email", default=EMAIL)
        parser.add_argument("--reset-password", action="store_true", help="make a new password and print it")
        parser.add_argument("--bot-url", default=os.environ.get("DEMO_BOT_URL", ""))
        parser.add_argument("--bot-name", default=BOT_NAME)
        parser.add_argument(
            "--bot-credentials-file", type=Path, help='JSON with "username" and "password" of the bot'
        )
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    @sensitive_variables()
    def handle(self, *_: Any, **options: Any) -> None:
        email: str = options["email"].strip().lower()
        address = _address(options["bot_url"], options["bot_credentials_file"])
        tenant_id = _tenant_of(email)
        made = tenant_id is None
        password = secrets.token_urlsafe(12) if made or options["reset_password"] else None
        with by_ops(tenant_id or uuid.uuid4(), action="demo.create"):
            user = _create(email, password) if made else User.objects.get(email=email)
            if password and not made:
                user.set_password(password)
                user.save(update_fields=["password", "updated_at"])
            bot = _connect(user, options["bot_name"], address) if address else None
        if options["json"]:
            told = {"email": email, "password": password, "created": made}
            self.stdout.write(json.dumps({**told, "bot_id": bot.bot_id if bot else None}))
        elif password:
            self.stdout.write(f"Demo trader  {email}  password {password}")
        else:
            self.stdout.write(
                f"Demo trader  {email}  (password as printed at first; "
                f"`manage.py create_demo --reset-password --settings {SETTINGS}` makes a new one)"
            )


def _tenant_of(email: str) -> uuid.UUID | None:
    try:
        return tenant_of_email(email)
    except ProgrammingError as error:
        raise CommandError(
            f"Only the trader site's login may look for a trader: add --settings {SETTINGS}."
        ) from error


def _address(url: str, file: Path | None) -> Address | None:
    """The bot's address and credentials; None without an address."""
    if not url:
        return None
    try:
        if file is not None:
            told = json.loads(file.read_text(encoding="utf-8"))
            token = f"{told['username']}:{told['password']}"
        else:
            token = os.environ.get("DEMO_BOT_TOKEN", "")
        return Address(normal_url(url), Credentials.parse(token))
    except (OSError, ValueError, KeyError, TypeError, CredentialsError) as error:
        raise CommandError(f"The bot's user name and password cannot be read: {error}") from None
    except EgressError as error:
        raise CommandError(f"The bot's address cannot be used: {error}") from None


def _create(email: str, password: str | None) -> User:
    user = User.objects.create_user(email, password, full_name="Demo trader", tenant_id=current_tenant_id())
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    return user


def _connect(user: User, name: str, address: Address) -> Bot:
    """The demo's bot: as it is, at its new address, or new."""
    bot = Bot.objects.filter(api_url=address.url).first() or Bot.objects.filter(name=name).first()
    if bot is None:
        return connect_unseen(actor=user, name=name, address=address)
    locked_out = bot.health in (HealthReason.AUTH, HealthReason.NEEDS_TOKEN)
    if bot.api_url != address.url or locked_out:
        return readdress_bot(actor=user, bot=bot, address=address)
    return bot
