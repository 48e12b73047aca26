"""Make a member of staff: on the staff site nobody can."""

import secrets
import sys
import uuid
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management import BaseCommand, CommandError, CommandParser
from django.core.validators import validate_email
from django.db import IntegrityError

from accounts.models import User
from audit.commanding import by_ops


class Command(BaseCommand):
    """`create_staff --email someone@example.com [--name …] [--password-stdin]`."""

    help = "Make a member of staff. Prints a random password once, unless one is given on standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        """The address is what they log in with."""
        parser.add_argument("--email", required=True)
        parser.add_argument("--name", default="")
        parser.add_argument("--password-stdin", action="store_true")
        parser.add_argument("--if-missing", action="store_true", help="Succeed where they exist already.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Store them as a tenant of their own, which owns nothing."""
        email = options["email"].strip().lower()
        given = sys.stdin.readline().rstrip("\n") if options["password_stdin"] else ""
        password = given or secrets.token_urlsafe(15)
        tenant_id = uuid.uuid4()
        try:
            validate_email(email)
            validate_password(password, User(email=email, full_name=options["name"]))
            with by_ops(tenant_id, action="staff.create"):
                User.objects.create_user(
                    email, password, tenant_id=tenant_id, is_staff=True, full_name=options["name"] or None
                )
        except ValidationError as refusal:
            raise CommandError(" ".join(refusal.messages)) from refusal
        except IntegrityError as refusal:
            if options["if_missing"]:
                self.stdout.write(f"{email} may log in to the staff site with the password shown before.")
                return
            raise CommandError(f"{email} has an account already.") from refusal
        self.stdout.write(f"{email} may log in to the staff site.")
        if not given:
            self.stdout.write(f"Password, shown this once: {password}")
