"""The account of TradeWise itself, which owns the bots that paper-trade public templates."""

from django.db import migrations

BIND = "SET LOCAL app.tenant_id = '00000000-0000-0000-0000-000000000000'"
UNBIND = "SET LOCAL app.tenant_id = ''"
MAKE = """
INSERT INTO users (email, hashed_password, full_name, is_active, is_staff, tenant_id)
VALUES ('platform@tradewise.invalid', '!', 'TradeWise', false, false, '00000000-0000-0000-0000-000000000000')
ON CONFLICT DO NOTHING"""
REMOVE = "DELETE FROM users WHERE tenant_id = '00000000-0000-0000-0000-000000000000'"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_trace")]

    operations = [migrations.RunSQL([BIND, MAKE, UNBIND], [BIND, REMOVE, UNBIND])]
