"""`manage.py check_rls`: whether the connected database really keeps its tenants apart."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tradewise.tenancy import inspection


class Command(BaseCommand):
    """Exits 1 with the list of what is wrong. Changes nothing."""

    help = (
        "Prove on the connected database that every table with a tenant's data is isolated: row-level "
        "security enabled and forced, policies for each command, partitions and views included, and no "
        "login that is a superuser, an owner or has BYPASSRLS."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        """List what is wrong, or say how much was looked at."""
        found = inspection.problems()
        if found:
            raise CommandError("\n".join([f"{len(found)} thing(s) break isolation:", *found]))
        count = len(inspection.tenant_tables())
        self.stdout.write(f"Isolation holds: {count} tables with tenants' data, each enabled and forced.")
