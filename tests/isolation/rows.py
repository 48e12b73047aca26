"""One row of a given tenant in every table that holds a tenant's data: data that could leak.

`{tenant}` is the tenant's id and `{canary}` a word that stands nowhere else. A tenant table that
is not here fails `test_raw_sql`.
"""

USER = (
    "INSERT INTO users (id, email, hashed_password, full_name, tenant_id) "
    "VALUES ({number}, '{canary}@example.com', 'x', '{canary}', '{tenant}')"
)
BOT = (
    "INSERT INTO bots (id, bot_id, tenant_id, bot_type, name, api_url) "
    "VALUES ({number}, 'bot-{canary}', '{tenant}', 'external', '{canary}', 'https://{canary}.example.com')"
)

#: table → how to insert the row, in an order that foreign keys bear.
ROWS: dict[str, str] = {
    "users": USER,
    "bots": BOT,
    "bot_engines": (
        "INSERT INTO bot_engines (tenant_id, bot_id, mode, allocation, config_json, log_lines) "
        "VALUES ('{tenant}', {number}, 'dry_run', 100, '{{\"strategy\": \"dca\"}}', '{canary}')"
    ),
    "engine_places": (
        "INSERT INTO engine_places (host, port, tenant_id, bot_id) VALUES ('{canary}', 18100, '{tenant}', {number})"
    ),
    "engine_limits": "INSERT INTO engine_limits (tenant_id, engines) VALUES ('{tenant}', 3)",
    "bot_figures": "INSERT INTO bot_figures (tenant_id, bot_id) VALUES ('{tenant}', {number})",
    "bot_days": (
        "INSERT INTO bot_days (tenant_id, bot_id, day, profit) VALUES ('{tenant}', {number}, '2026-01-01', 1)"
    ),
    "bot_marks": "INSERT INTO bot_marks (tenant_id, bot_id, capital) VALUES ('{tenant}', {number}, 1000)",
    "bot_trades": (
        "INSERT INTO bot_trades (tenant_id, bot_id, trade_id, pair, opened_at, closed_at) "
        "VALUES ('{tenant}', {number}, 1, '{canary}', now(), now())"
    ),
    "bot_events": (
        "INSERT INTO bot_events (tenant_id, bot_id, kind, sentence) "
        "VALUES ('{tenant}', {number}, 'health', '{canary}')"
    ),
    "bot_samples": (
        "INSERT INTO bot_samples (tenant_id, bot_id, taken_at, equity) "
        "VALUES ('{tenant}', {number}, now(), 1)"
    ),
    "bot_templates": (
        "INSERT INTO bot_templates (id, template_id, name, config_json, creator_tenant_id) "
        "VALUES ({number}, 't-{canary}', '{canary}', '{{}}', '{tenant}')"
    ),
    # The first version comes with the template.
    "template_versions": (
        "INSERT INTO template_versions (creator_tenant_id, template_id, number, status, reason, name, config_json, "
        "risk_level) VALUES ('{tenant}', {number}, 2, 'withdrawn', '{canary}', '{canary}', '{{}}', 'low')"
    ),
    "subscriptions": (
        "INSERT INTO subscriptions (tenant_id, user_id, bot_id, template_id, allocation_amount) "
        "VALUES ('{tenant}', {number}, {number}, {number}, 100)"
    ),
    "allocation_limits": (
        "INSERT INTO allocation_limits (tenant_id, currency, amount) VALUES ('{tenant}', '{canary}', 5)"
    ),
    "audit_logs": (
        "INSERT INTO audit_logs (tenant_id, user_id, actor, action, resource_type) "
        "VALUES ('{tenant}', {number}, '{number}', '{canary}', 'bot')"
    ),
    "audit_seals": (
        "INSERT INTO audit_seals (tenant_id, month, number, round, entries, leaves, previous, hash, key_id, "
        "signature) VALUES ('{tenant}', '2026-01-01', 1, 1, 1, convert_to(repeat('x', 40), 'UTF8'), '', '', "
        "'{canary}', '')"
    ),
    "account_emailaddress": (
        'INSERT INTO account_emailaddress (tenant_id, user_id, email, verified, "primary") '
        "VALUES ('{tenant}', {number}, '{canary}@example.com', true, true)"
    ),
    "account_emailconfirmation": (
        "INSERT INTO account_emailconfirmation (tenant_id, created, key, email_address_id) "
        "SELECT '{tenant}', now(), '{canary}', id FROM account_emailaddress WHERE tenant_id = '{tenant}'"
    ),
    "notifications": (
        "INSERT INTO notifications (tenant_id, event, subject, occurrence, name, title, text, path) "
        "VALUES ('{tenant}', 'test', '{canary}', '1', '{canary}', '{canary}', '{canary}', '/')"
    ),
    "notification_choices": (
        "INSERT INTO notification_choices (tenant_id, event, by_mail, by_webhook) "
        "VALUES ('{tenant}', 'bot.up', true, false)"
    ),
    "webhooks": (
        "INSERT INTO webhooks (tenant_id, url, secret) "
        "VALUES ('{tenant}', 'https://{canary}.example.com', 'AQ' || repeat('A', 170))"
    ),
    "bot_outages": "INSERT INTO bot_outages (tenant_id, bot_id) VALUES ('{tenant}', {number})",
    "outbox_messages": (
        "INSERT INTO outbox_messages (tenant_id, kind, payload) "
        "VALUES ('{tenant}', 'mail', '{{\"to\": \"{canary}\"}}')"
    ),
    "django_session": (
        "INSERT INTO django_session (session_key, session_data, expire_date) "
        "VALUES ('{canary}', '{canary}', now() + interval '1 day')"
    ),
}
