"""The order, transcribed as data, and every amendment with its reason."""

#: table → column → (type, NOT NULL, default). Types as PostgreSQL's catalogue spells them.
TABLES: dict[str, dict[str, tuple[str, bool, str | None]]] = {
    "users": {
        "id": ("integer", True, "serial"),
        "email": ("character varying(255)", True, None),
        "hashed_password": ("character varying(255)", True, None),
        "full_name": ("character varying(255)", False, None),
        "is_active": ("boolean", False, "true"),
        "tenant_id": ("uuid", False, "gen_random_uuid()"),
        "created_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
        "updated_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
    },
    "bots": {
        "id": ("integer", True, "serial"),
        "bot_id": ("character varying(255)", True, None),
        "tenant_id": ("uuid", True, None),
        "bot_type": ("character varying(50)", True, None),
        "name": ("character varying(255)", False, None),
        "description": ("text", False, None),
        "status": ("character varying(50)", False, "'inactive'"),
        "api_url": ("character varying(512)", False, None),
        "api_token": ("character varying(512)", False, None),
        "config_template": ("character varying(255)", False, None),
        "is_public": ("boolean", False, "false"),
        "exposed_host_port": ("integer", False, None),
        "last_ping": ("timestamp", False, None),
        "connection_error": ("text", False, None),
        "created_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
        "updated_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
    },
    "bot_templates": {
        "id": ("integer", True, "serial"),
        "template_id": ("character varying(255)", True, None),
        "name": ("character varying(255)", True, None),
        "description": ("text", False, None),
        "config_json": ("jsonb", True, None),
        "is_public": ("boolean", False, "false"),
        "risk_level": ("character varying(20)", False, "'medium'"),
        "strategy_type": ("character varying(50)", False, None),
        "performance_data": ("jsonb", False, None),
        "creator_tenant_id": ("uuid", False, None),
        "subscribers_count": ("integer", False, "0"),
        "created_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
        "updated_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
    },
    "subscriptions": {
        "id": ("integer", True, "serial"),
        "user_id": ("integer", True, None),
        "bot_id": ("integer", True, None),
        "template_id": ("integer", True, None),
        "allocation_amount": ("numeric(15,2)", False, None),
        "status": ("character varying(50)", False, "'active'"),
        "performance_data": ("jsonb", False, None),
        "created_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
        "updated_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
    },
    "audit_logs": {
        "id": ("integer", True, "serial"),
        "tenant_id": ("uuid", True, None),
        "user_id": ("integer", False, None),
        "action": ("character varying(100)", True, None),
        "resource_type": ("character varying(50)", True, None),
        "resource_id": ("character varying(255)", False, None),
        "old_values": ("jsonb", False, None),
        "new_values": ("jsonb", False, None),
        "ip_address": ("inet", False, None),
        "user_agent": ("text", False, None),
        "created_at": ("timestamp", False, "CURRENT_TIMESTAMP"),
    },
}

#: index → (table, unique, columns or method, condition)
INDEXES: dict[str, tuple[str, bool, str, str | None]] = {
    "idx_users_email": ("users", False, "btree (email)", None),
    "idx_users_tenant_id": ("users", False, "btree (tenant_id)", None),
    "idx_users_active": ("users", False, "btree (is_active)", "is_active"),
    "idx_bots_tenant_id": ("bots", False, "btree (tenant_id)", None),
    "idx_bots_bot_id": ("bots", False, "btree (bot_id)", None),
    "idx_bots_type": ("bots", False, "btree (bot_type)", None),
    "idx_bots_status": ("bots", False, "btree (status)", None),
    "idx_bots_public": ("bots", False, "btree (is_public)", "is_public"),
    "idx_bots_unique_external_url": (
        "bots",
        True,
        "btree (tenant_id, api_url)",
        "(api_url IS NOT NULL) AND bot_type = 'external'",
    ),
    "idx_bots_last_ping": ("bots", False, "btree (last_ping)", None),
    "idx_templates_public": ("bot_templates", False, "btree (is_public)", "is_public"),
    "idx_templates_risk": ("bot_templates", False, "btree (risk_level)", None),
    "idx_templates_strategy": ("bot_templates", False, "btree (strategy_type)", None),
    "idx_templates_creator": ("bot_templates", False, "btree (creator_tenant_id)", None),
    "idx_templates_performance": ("bot_templates", False, "gin (performance_data)", None),
    "idx_templates_config": ("bot_templates", False, "gin (config_json)", None),
    "idx_subscriptions_user": ("subscriptions", False, "btree (user_id)", None),
    "idx_subscriptions_bot": ("subscriptions", False, "btree (bot_id)", None),
    "idx_subscriptions_template": ("subscriptions", False, "btree (template_id)", None),
    "idx_subscriptions_status": ("subscriptions", False, "btree (status)", None),
    "idx_subscriptions_unique": (
        "subscriptions",
        True,
        "btree (user_id, template_id)",
        "status = 'active'",
    ),
    "idx_audit_tenant": ("audit_logs", False, "btree (tenant_id)", None),
    "idx_audit_user": ("audit_logs", False, "btree (user_id)", None),
    "idx_audit_action": ("audit_logs", False, "btree (action)", None),
    "idx_audit_resource": ("audit_logs", False, "btree (resource_type, resource_id)", None),
    "idx_audit_created": ("audit_logs", False, "btree (created_at)", None),
}

#: table.columns → (referenced table.columns, ON DELETE)
FOREIGN_KEYS: dict[str, tuple[str, str]] = {
    "bots(tenant_id)": ("users(tenant_id)", "CASCADE"),
    "bot_templates(creator_tenant_id)": ("users(tenant_id)", "SET NULL"),
    "subscriptions(user_id)": ("users(id)", "CASCADE"),
    "subscriptions(bot_id)": ("bots(id)", "CASCADE"),
    "subscriptions(template_id)": ("bot_templates(id)", "CASCADE"),
    "audit_logs(user_id)": ("users(id)", "SET NULL"),
}

#: Columns that the database refuses other values in.
ENUMS: dict[str, set[str]] = {
    "bots.bot_type": {"external", "shared", "platform"},
    "bots.status": {"inactive", "starting", "running", "stopping", "error", "connected"},
    "bot_templates.risk_level": {"low", "medium", "high"},
    "bot_templates.strategy_type": {"dca", "grid", "momentum", "arbitrage"},
    "subscriptions.status": {"active", "paused", "cancelled"},
}

UNIQUE_COLUMNS = {"users": ["email"], "bots": ["bot_id"], "bot_templates": ["template_id"]}

# --- The amendments ------------------------------------------------------------------------------

EVERY_TIMESTAMP = "timestamptz: a moment, whatever the session's time zone"
EVERY_DEFAULT_IS_NOT_NULL = (
    "a column with a default is NOT NULL: a third value of a yes-or-no, or of a status, means nothing"
)
EVERY_SERIAL_IS_IDENTITY = "serial is spelled GENERATED BY DEFAULT AS IDENTITY: the sequence needs no grant"

#: table.column → (type, NOT NULL, default) instead, and why.
AMENDED_COLUMNS: dict[str, tuple[tuple[str, bool, str | None], str]] = {
    "audit_logs.id": (
        ("bigint", True, "serial"),
        "every change writes an entry: when the numbers were used up, nothing could be changed any more",
    ),
}

AMENDED_INDEXES: dict[str, tuple[tuple[str, bool, str, str | None], str]] = {
    "idx_users_email": (
        ("users", True, "btree (email)", None),
        "the unique index bears the name: one index, not two",
    ),
    "idx_users_tenant_id": (
        ("users", True, "btree (tenant_id)", None),
        "users.tenant_id is UNIQUE, otherwise PostgreSQL refuses the foreign key of bots",
    ),
    "idx_bots_bot_id": (
        ("bots", True, "btree (bot_id)", None),
        "the unique index bears the name: one index, not two",
    ),
    "idx_bots_last_ping": (
        ("bots", False, "brin (last_ping)", None),
        "a btree on a column written at every check ends HOT updates; BRIN keeps them",
    ),
    "idx_bots_unique_external_url": (
        (
            "bots",
            True,
            "btree (tenant_id, api_url, remote_name)",
            "(api_url IS NOT NULL) AND bot_type = 'external'",
        ),
        "one URL may serve several bots, told apart by the remote bot's name",
    ),
    "idx_audit_tenant": (
        ("audit_logs", False, "btree (tenant_id, created_at, id)", None),
        "a trail is read newest first, by keyset: any page of a million entries costs the same",
    ),
    "idx_audit_created": (
        ("audit_logs", False, "brin (created_at, xact)", None),
        "entries come in the order of time: a BRIN finds them as well and costs each change far less",
    ),
    "idx_subscriptions_bot": (
        ("subscriptions", True, "btree (tenant_id, bot_id)", None),
        "a bot trades for one subscription alone, and the foreign key holds the tenant: one index, not two",
    ),
    "idx_subscriptions_unique": (
        ("subscriptions", True, "btree (user_id, template_id)", "NOT status = 'cancelled'"),
        "a paused and an active subscription to one template were both accepted",
    ),
}

AMENDED_FOREIGN_KEYS: dict[str, tuple[str, tuple[str, str], str]] = {
    "subscriptions(user_id)": (
        "subscriptions(tenant_id, user_id)",
        ("users(tenant_id, id)", "CASCADE"),
        "the check of a plain foreign key bypasses RLS: another tenant's row was accepted",
    ),
    "subscriptions(bot_id)": (
        "subscriptions(tenant_id, bot_id)",
        ("bots(tenant_id, id)", "CASCADE"),
        "the check of a plain foreign key bypasses RLS: another tenant's row was accepted",
    ),
    "audit_logs(user_id)": (
        "audit_logs(tenant_id, user_id)",
        ("users(tenant_id, id)", "SET NULL (user_id)"),
        "the check of a plain foreign key bypasses RLS; the entry keeps its tenant",
    ),
}

ADDED_COLUMNS: dict[str, dict[str, str]] = {
    "audit_logs": {
        "actor": "who it was where it was no user of the tenant: staff, ops, the worker; and once an account is closed",
        "login": "which process wrote it, by the database's own word",
        "xact": "what is finished is sealed, and nothing in flight is missed",
    },
    "users": {
        "last_login": "Django's reset tokens die with the next login",
        "is_staff": "who may enter the staff site",
    },
    "subscriptions": {
        "tenant_id": "isolation across all tables",
        "start_told": "a trader is told once that a subscription has started",
        "paused_at": "since when, which explains why a result differs from the template's",
        "paused_for": "how long in all, which explains why a result differs from the template's",
        "version": "a trader stays on the version that was consented to",
        "next_reckoning_at": "the database is the queue; empty once a result is final",
        "cancelled_at": "when it ended: updated_at says when anything changed last",
    },
    "bot_templates": {
        "status": "a template is a draft, in moderation, rejected with a reason, published or withdrawn",
        "version": "what is published never changes: a change is a new version, and this is the one that is shown",
        "needed_allocation": "a trader reads and filters by what it needs, and a database cannot reckon it",
        "max_allocation": "the most that its author wants anybody to put on it",
        "published_at": "since when everybody sees it",
        "featured_at": "moderators recommend it",
        "tags": "generated: every filter is an element of one array, and all of them meet in one index",
        "facets": "generated: what is counted, as bits, so that a narrow index answers by itself",
        "search": "generated: the words that a search looks up",
        "rank_recommended": "generated: an order to page through, by its own index",
        "rank_newest": "generated: an order to page through, by its own index",
        "rank_return": "generated: an order to page through, by its own index",
        "rank_drawdown": "generated: an order to page through, by its own index",
        "rank_days": "generated: an order to page through, by its own index",
        "rank_subscribers": "generated: an order to page through, by its own index",
    },
    "bots": {
        "token_set_at": "a token is never shown back, so its date is",
        "remote_name": "one URL may serve several bots",
        "desired_state": "what was asked for and what is seen are two things",
        "command": "a trader's command, until the worker has carried it out",
        "command_asked_at": "which command it is: a newer one is not overwritten",
        "command_sent_at": "sent once",
        "health": "the machine-readable reason beside connection_error",
        "health_since": "since when",
        "failures": "three in a row make DOWN",
        "checks": "how many checks were written: none twice",
        "checked_at": "the last try; last_ping is the last success",
        "latency_ms": "how long the bot took",
        "next_check_at": "the database is the queue",
        "next_figures_at": "figures are read more rarely than health",
        "lease_until": "the database is the queue",
        "lease_token": "a late writer is fenced off",
        "engine_state": "the engine's own word",
        "engine_version": "what the bot says of itself",
        "strategy": "what the bot says of itself",
        "exchange": "what the bot says of itself",
        "timeframe": "what the bot says of itself",
        "stake_currency": "what the bot says of itself",
        "dry_run": "dry run and live are never confused",
        "is_simulated": "a simulated exchange is shown as one wherever the mode is",
        "record_since": "amounts of another currency or mode are never shown as this one's",
    },
}
