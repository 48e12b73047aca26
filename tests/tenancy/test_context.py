"""The tenant is bound for one transaction, and the former one is back afterwards."""

import uuid

import pytest
from django.db import connection, transaction

from accounts.models import User
from bots.models import Bot
from tests.factories.bots import BotFactory
from tradewise.tenancy.context import NoTenantError, current_tenant_id, tenant_context


def told() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant_id', true)")
        return cursor.fetchone()[0] or ""


def test_a_tenant_sees_its_own_rows_with_the_python_filter_removed(bot: Bot, mallory: User) -> None:
    theirs = BotFactory(tenant_id=mallory.tenant_id)
    with tenant_context(bot.tenant_id):
        assert list(Bot.across_tenants.all()) == [bot]
    with tenant_context(mallory.tenant_id):
        assert list(Bot.across_tenants.all()) == [theirs]


def test_without_a_tenant_the_manager_raises_and_the_database_shows_nothing(bot: Bot) -> None:
    with pytest.raises(NoTenantError):
        Bot.objects.count()
    assert list(Bot.across_tenants.all()) == []


def test_a_nested_context_gives_the_former_tenant_back(alice: User, mallory: User) -> None:
    with tenant_context(alice.tenant_id):
        with tenant_context(mallory.tenant_id):
            assert told() == str(mallory.tenant_id)
        assert told() == str(alice.tenant_id)
        assert current_tenant_id() == alice.tenant_id
    assert told() == ""


def test_a_nested_context_that_fails_gives_the_former_tenant_back(alice: User, mallory: User) -> None:
    with tenant_context(alice.tenant_id):
        with pytest.raises(ZeroDivisionError), tenant_context(mallory.tenant_id):
            _ = 1 / 0
        assert told() == str(alice.tenant_id)


@pytest.mark.django_db(transaction=True)
def test_nothing_outlives_the_transaction_on_a_reused_connection(alice: User) -> None:
    with tenant_context(alice.tenant_id):
        pid = connection.connection.info.backend_pid
        assert told() == str(alice.tenant_id)
    with pytest.raises(ZeroDivisionError), tenant_context(alice.tenant_id):
        _ = 1 / 0
    assert connection.connection.info.backend_pid == pid
    assert told() == ""
    assert list(User.across_tenants.all()) == []
    with transaction.atomic():
        assert told() == ""


def test_garbage_is_no_tenant() -> None:
    with pytest.raises(ValueError, match="badly formed"), tenant_context("1' OR '1'='1"):
        pass


def test_a_user_agent_full_of_quotes_is_a_value_and_not_sql(alice: User) -> None:
    agent = "a'; SET LOCAL app.tenant_id = '" + str(uuid.uuid4()) + "'; --\x00\\"
    with tenant_context(alice.tenant_id, user_agent=agent):
        assert told() == str(alice.tenant_id)
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_setting('app.user_agent')")
            assert cursor.fetchone()[0] == agent.replace("\x00", "")
