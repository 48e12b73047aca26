"""Steps that several tests of accounts share."""

import re
from typing import TYPE_CHECKING

import psycopg
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

from accounts.models import User
from tests import servers
from tests.factories.accounts import PASSWORD
from tradewise.tenancy.context import tenant_context


def verified(user: User) -> User:
    """A user whose address was confirmed."""
    with tenant_context(user.tenant_id):
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def code() -> str:
    """The code in the newest mail."""
    found = re.search(r"^    (\S+)$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found.group(1)


def log_in(client: Client, email: str, password: str = PASSWORD) -> "Answer":
    """Post the login form."""
    return client.post("/account/login/", {"login": email, "password": password})


def sign_up(client: Client, email: str, name: str = "Carol", password: str = PASSWORD) -> "Answer":
    """Post the form that makes an account."""
    return client.post("/account/signup/", {"full_name": name, "email": email, "password1": password})


def enter(client: Client, entered: str) -> "Answer":
    """Post the code that confirms an address."""
    return client.post("/account/confirm-email/", {"code": entered, "action": "verify"})


def stored(user: User) -> User:
    """The user as the database has it."""
    with tenant_context(user.tenant_id):
        return User.objects.get(pk=user.pk)


def count_users() -> int:
    """All users, as only the superuser can count them."""
    with psycopg.connect(servers.admin_dsn(servers.process_database())) as connection:
        row = connection.execute("SELECT count(*) FROM users").fetchone()
    assert row
    return int(row[0])
