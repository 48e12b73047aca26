"""Steps that several tests of accounts share."""

import re

from allauth.account.models import EmailAddress
from django.core import mail

from accounts.models import User
from tradewise.tenancy.context import tenant_context


def verified(user: User) -> User:
    """A user whose address was confirmed."""
    with tenant_context(user.tenant_id):
        EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def code() -> str:
    """The code in the newest mail."""
    found = re.search(r"^\s*([A-Z0-9]{3,}(?:-[A-Z0-9]{3,})*)\s*$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found, mail.outbox[-1].body
    return found.group(1)
