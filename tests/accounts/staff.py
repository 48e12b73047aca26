"""Staff are made by ops, so the tests make them as the superuser would."""

import uuid

import psycopg
from django.contrib.auth.hashers import make_password

from tests import servers
from tests.factories.accounts import PASSWORD


def make_staff(email: str, tenant_id: uuid.UUID) -> None:
    """A member of staff, committed by another connection; removed by the caller's transactional test."""
    with psycopg.connect(servers.admin_dsn(servers.process_database()), autocommit=True) as admin:
        admin.execute("DELETE FROM users WHERE email = %s", [email])
        admin.execute(
            "INSERT INTO users (email, hashed_password, is_staff, tenant_id) VALUES (%s, %s, true, %s)",
            [email, make_password(PASSWORD), tenant_id],
        )
