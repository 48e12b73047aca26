"""The cast: alice owns, mallory is next door. The database: real, and entered as `tw_app`."""

import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import caches
from django.db import connections
from django.test import Client, TransactionTestCase
from pytest_django import DjangoDbBlocker

from accounts.models import User
from bots.models import Bot
from tests import servers
from tests.factories.accounts import UserFactory
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import tenant_context


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """A database for this process, built by the migrator."""
    name = servers.process_database()
    servers.build_database(name)
    settings.DATABASES["default"]["NAME"] = name
    connections["default"].settings_dict["NAME"] = name
    yield
    with django_db_blocker.unblock():
        connections.close_all()
    servers.drop_database(name)


#: Pages of a table from which on it is truncated. Deleting a few rows is far quicker; it leaves dead ones behind.
MOST_PAGES = 64
_STAY = "'django_migrations', 'django_content_type', 'auth_permission'"
_EMPTY = f"""DO $$ DECLARE name regclass; used text; BEGIN
FOR name IN SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
    AND relname NOT IN ({_STAY}) AND pg_relation_size(oid) > 0
LOOP
    IF pg_relation_size(name) > {MOST_PAGES} * 8192 THEN
        EXECUTE format('TRUNCATE %s CASCADE', name);
    ELSE
        -- Waits for whoever still writes there.
        EXECUTE format('LOCK %s IN SHARE ROW EXCLUSIVE MODE', name);
        EXECUTE format('DELETE FROM %s', name);
    END IF;
END LOOP;
FOR used IN SELECT format('%I', sequencename) FROM pg_sequences
    WHERE schemaname = 'public' AND last_value IS NOT NULL AND NOT sequencename LIKE ANY (
        SELECT stays || '%' FROM unnest(ARRAY[{_STAY}]) stays)
LOOP
    PERFORM setval(used, 1, false);
END LOOP; END $$"""


def _empty_tables(self: TransactionTestCase) -> None:
    """After a transactional test. `tw_app` may not empty them, so the superuser does."""
    connections.close_all()
    superuser = servers.superuser()
    # The audit trail refuses to be emptied to everybody; only with its triggers off does it let a test begin anew.
    superuser.execute("SET session_replication_role = replica")
    superuser.execute(_EMPTY)


setattr(TransactionTestCase, "_fixture_teardown", _empty_tables)  # noqa: B010 - the stubs do not know it


@pytest.fixture
def alice(db: None) -> User:
    """A trader."""
    return UserFactory(email="alice@example.com", full_name="Alice")


@pytest.fixture
def mallory(db: None) -> User:
    """Another trader, who would like to see what alice has."""
    return UserFactory(email="mallory@example.com", full_name="Mallory")


@pytest.fixture
def bot(alice: User) -> Bot:
    """Alice's bot."""
    return BotFactory(tenant_id=alice.tenant_id, name="Grid of Alice")


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    """No test is limited by what another one tried. Emptying Redis would disturb who tests beside us."""
    prefix = f"test-{uuid.uuid4().hex}"
    configured: Any = settings.CACHES
    for alias, options in configured.items():
        options["KEY_PREFIX"] = caches[alias].key_prefix = prefix


@pytest.fixture
def client_of() -> Callable[[User], Client]:
    """A browser in which somebody is logged in: `client_of(alice).get(…)`."""

    def log_in(user: User) -> Client:
        client = Client()
        with tenant_context(user.tenant_id):
            client.force_login(user)
        return client

    return log_in


@pytest.fixture
def signed_in(alice: User, client_of: Callable[[User], Client]) -> Client:
    """Alice's browser."""
    return client_of(alice)
