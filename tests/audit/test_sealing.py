import pytest

from bots.models import Bot
from tests.audit.conftest import seal_now
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_is_finished_is_sealed_once(alice, mallory, bot, superuser):
    before = superuser.execute("SELECT count(*) FROM audit_logs").fetchone()[0]
    assert before == 3
    assert seal_now() == before
    assert seal_now() == 0
    with tenant_context(alice.tenant_id):
        Bot.objects.update(name="Another name")
    assert seal_now() == 1
