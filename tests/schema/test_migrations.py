"""Every migration reverses, and forward again gives the same database, policies and grants included."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests import servers
from tradewise.embedded import binaries

APPS = ["subscriptions", "marketplace", "audit", "bots", "accounts", "tradewise"]


@pytest.fixture
def scratch(django_db_setup: None) -> Iterator[str]:
    """A migrated database to go back and forward in."""
    name = f"{servers.process_database()}_roundtrip"
    servers.build_database(name)
    yield name
    servers.drop_database(name)


def dump(database: str) -> str:
    """The schema as SQL, without what differs at each dump."""
    result = subprocess.run(
        [
            binaries.postgres_programs(None) / "pg_dump",
            "--schema-only",
            "--no-comments",
            servers.admin_dsn(database),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    return re.sub(r"^\\(un)?restrict .*$", "", result.stdout, flags=re.MULTILINE)


def manage(database: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, servers.ROOT / "manage.py", *arguments],
        env={
            **os.environ,
            "TRADEWISE_DATABASE": database,
            "DJANGO_SETTINGS_MODULE": "tradewise.settings.ops",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_back_and_forward_gives_the_same_schema_policies_and_grants(scratch: str) -> None:
    before = dump(scratch)
    assert before.count("CREATE POLICY") > 50
    assert before.count("GRANT ") > 20
    # One reversal takes along what depends on it, also of the apps that are not ours.
    for app in APPS:
        manage(scratch, "migrate", app, "zero", "--skip-checks", "-v0")
    assert "CREATE POLICY" not in dump(scratch)
    assert "tw_app" not in dump(scratch)
    manage(scratch, "migrate", "--skip-checks", "-v0")
    assert normal(dump(scratch)) == normal(before)


def normal(text: str) -> list[str]:
    """Statements, sorted, with the roles of each policy sorted: a dump follows the order of the last change."""
    text = re.sub(
        r"(?<= TO )(?:tw_\w+, )+tw_\w+", lambda roles: ", ".join(sorted(roles[0].split(", "))), text
    )
    return sorted(statement.strip() for statement in text.split(";\n"))


def test_the_models_and_the_migrations_agree() -> None:
    manage(servers.process_database(), "makemigrations", "--check", "--dry-run", "--skip-checks")
