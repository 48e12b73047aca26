"""Every secret that anybody enters goes through every flow, and is nowhere afterwards: dump, logs, Redis, pages."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management import call_command

from bots.models import Bot
from marketplace.models import BotTemplate
from tests import servers
from tests.accounts.staff import make_staff
from tests.accounts.test_staff_site import visit
from tests.audit.conftest import seal_now
from tests.audit.world import browser, code, sql
from tests.bots import conftest as played
from tests.bots.conftest import USERNAME, Freqtrade
from tests.factories.bots import BotFactory
from tests.logins import as_login
from tests.secrets.test_canary import arguments_of_processes, kept_in_redis
from tests.secrets.test_canary import written as logged
from tradewise.celery import app
from tradewise.embedded import binaries
from tradewise.outbox import enqueue
from tradewise.secrets import seal
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db(transaction=True)

freqtrade, _keys, written = played.freqtrade, played._keys, logged  # fixtures
app.loader.import_default_modules()

CANARY: Final = "canaryQ7x"
PASSWORDS: Final = {
    name: f"{CANARY}-{name}-of twelve & more"
    for name in ("first", "second", "third", "wrong", "staff", "staffnew", "made", "demo")
}


def dump() -> bytes:
    """What `pg_dump` writes, as the login that makes backups."""
    command: list[str | Path] = [
        binaries.postgres_programs(None) / "pg_dump",
        servers.dsn("tw_backup", servers.process_database()),
    ]
    return subprocess.run(command, capture_output=True, check=True).stdout


def of_the_account(pages: list[Any]) -> Any:
    """Sign up, confirm, log out, log in wrongly and rightly, change, forget, set anew."""
    visitor, email = browser(), "carol@example.com"
    form = {"full_name": "Carol", "email": email, "password1": PASSWORDS["first"]}
    pages.append(visitor.post("/account/signup/", form))
    pages.append(visitor.post("/account/confirm-email/", {"code": "WRONG1", "action": "verify"}))
    pages.append(visitor.post("/account/confirm-email/", {"code": code(), "action": "verify"}))
    pages.append(visitor.post("/account/logout/"))
    pages.append(visitor.post("/account/login/", {"login": email, "password": PASSWORDS["wrong"]}))
    # Typed into the wrong field it stands in that field again, for the one who typed it; nowhere else.
    visitor.post("/account/login/", {"login": PASSWORDS["wrong"], "password": email})
    pages.append(visitor.post("/account/login/", {"login": email, "password": PASSWORDS["first"]}))
    form = {
        "oldpassword": PASSWORDS["first"],
        "password1": PASSWORDS["second"],
        "password2": PASSWORDS["second"],
    }
    pages.append(visitor.post("/account/password/change/", form))
    pages.append(visitor.post("/account/reauthenticate/", {"password": PASSWORDS["wrong"]}))
    pages.append(visitor.post("/account/reauthenticate/", {"password": PASSWORDS["second"]}))
    other = browser()
    pages.append(other.post("/account/password/reset/", {"email": email}))
    pages.append(other.post("/account/password/reset/confirm/", {"code": code()}))
    form = {"password1": PASSWORDS["third"], "password2": PASSWORDS["third"]}
    pages.append(other.post("/account/password/reset/complete/", form))
    again = browser()
    pages.append(again.post("/account/login/", {"login": email, "password": PASSWORDS["third"]}))
    assert pages[-1].status_code == 302
    return again


def of_the_bots(client: Any, freqtrade: Freqtrade, pages: list[Any], secret: str) -> None:
    """Connect wrongly and rightly, look, edit, command, delete."""
    form = {"url": freqtrade.url, "name": "Holder", "username": USERNAME, "password": PASSWORDS["wrong"]}
    pages.append(client.post("/connect/", form))
    pages.append(client.post("/connect/", {**form, "password": secret}))
    assert pages[-1].status_code == 303
    bot_id = pages[-1].headers["Location"].split("/")[2]
    for verb in ("pause", "stop", "check"):
        pages.append(client.post(f"/bots/{bot_id}/{verb}/"))
        with as_login("tw_worker"):
            app.tasks["bots.sweep"].apply()
    form = {
        "name": "Holder",
        "description": "",
        "url": freqtrade.url,
        "username": USERNAME,
        "password": secret,
    }
    pages.append(client.post(f"/bots/{bot_id}/edit/", form))
    pages += [client.get(path) for path in ("/", f"/bots/{bot_id}/", f"/bots/{bot_id}/edit/", "/activity/")]
    export = client.post("/activity/export.csv")
    pages.append(b"".join(export.streaming_content))
    assert b"Holder" in pages[-1]
    pages.append(client.post(f"/bots/{bot_id}/delete/", {"name": "Holder"}))


def of_ops(tmp_path: Path) -> bytes:
    """Commands that take or make secrets, with what they print."""
    environment = {
        **os.environ,
        "TRADEWISE_DATABASE": servers.process_database(),
        "DJANGO_SETTINGS_MODULE": "tradewise.settings.ops",
    }
    command = [sys.executable, str(servers.ROOT / "manage.py")]
    made = subprocess.run(
        [*command, "create_staff", "--email", "made@example.com", "--password-stdin"],
        env=environment,
        input=PASSWORDS["made"].encode(),
        capture_output=True,
        check=True,
    )
    demo = subprocess.run(
        [
            *command,
            "create_demo",
            "--settings",
            "tradewise.settings.trader",
            "--bot-url",
            "http://127.0.0.1:9",
        ],
        env={
            **environment,
            "DEMO_BOT_TOKEN": f"{USERNAME}:{PASSWORDS['demo']}",
            "EGRESS_ALLOW": "127.0.0.1/32:9",
        },
        capture_output=True,
        check=False,
    )
    assert demo.returncode == 0, demo.stderr.decode()[-800:]
    for name in ("export_audit_heads", "verify_audit"):
        out = tmp_path / name
        with out.open("w") as file:
            call_command(name, stdout=file)
    return made.stdout + made.stderr + demo.stdout + demo.stderr


def test_secrets_go_through_every_flow_and_are_nowhere(
    alice: Any,
    freqtrade: Freqtrade,
    written: Callable[[], str],
    settings: Any,
    tmp_path: Path,
    monkeypatch: Any,
    capfd: Any,
) -> None:
    settings.EMAIL_BACKEND = "tradewise.outbox.mail.OutboxBackend"
    settings.OUTBOX_EMAIL = {"backend": "tradewise.outbox.files.EmlBackend", "directory": tmp_path / "mail"}
    secret = f"{CANARY}-token"
    monkeypatch.setattr(played, "SECRET", secret)
    pages: list[Any] = []
    client = of_the_account(pages)
    of_the_bots(client, freqtrade, pages, secret)
    sealed = seal(f"{CANARY}-exchange-key", context="template")
    with tenant_context(alice.tenant_id):
        config = {"exchange": {"key": {"$enc": sealed}, "name": "binance"}}
        BotTemplate.across_tenants.create(name="T", config_json=config, creator_tenant_id=alice.tenant_id)
        enqueue(
            "mail",
            {"subject": "s", "body": f"code {CANARY}-code", "from": "a@example.com", "to": ["b@example.com"]},
        )
    staff = uuid.uuid4()
    make_staff("staff@example.com", staff)
    seen = visit(
        ("post", "/login/", {"username": "staff@example.com", "password": PASSWORDS["wrong"]}),
        ("post", "/login/", {"username": "staff@example.com", "password": "correct horse battery"}),
        (
            "post",
            "/password_change/",
            {
                "old_password": "correct horse battery",
                "new_password1": PASSWORDS["staff"],
                "new_password2": PASSWORDS["staff"],
            },
        ),
        ("get", "/bots/bot/", None),
        ("get", "/audit/auditlog/", None),
        ("get", f"/audit/auditlog/{sql('SELECT max(id) AS m FROM audit_logs')[0].m}/change/", None),
    )
    assert [status for status, *_ in seen] == [200, 302, 302, 200, 200, 200]
    with as_login("tw_worker"):
        app.tasks["tradewise.deliver_outbox"].apply()
    seal_now()
    printed = of_ops(tmp_path)
    places = {
        "pg_dump": dump(),
        "logs": written().encode(),
        "Redis": kept_in_redis(),
        "pages": b"".join(
            page if isinstance(page, bytes) else page.content + repr(page.headers).encode() for page in pages
        ),
        "staff pages": json.dumps(seen).encode(),
        "printed": printed + "".join(capfd.readouterr()).encode(),
        "arguments": arguments_of_processes(),
        "files": b"".join(
            path.read_bytes() for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".eml"
        ),
    }
    trail = [row.action for row in sql("SELECT DISTINCT action FROM audit_logs ORDER BY 1")]
    assert {"account.sign_up", "bot.connect", "staff.password_change", "bot.token_used"} <= set(trail)
    assert all(len(content) > 100 for name, content in places.items() if name not in ("logs", "printed"))
    assert {name: content.count(CANARY.encode()) for name, content in places.items()} == dict.fromkeys(
        places, 0
    )
    mails = [path.read_bytes() for path in (tmp_path / "mail").glob("*.eml")]
    # The mail whose word the canary is holds it, and shows that the search would find it.
    assert sum(mail.count(CANARY.encode()) for mail in mails) == 1
    assert len(mails) > 4


def test_the_dump_would_show_what_is_in_the_trail(alice: Any) -> None:
    with tenant_context(alice.tenant_id):
        BotFactory(tenant_id=alice.tenant_id, name=f"{CANARY} in a name")
        assert Bot.objects.count() == 1
    assert dump().count(f"{CANARY} in a name".encode()) == 2  # the bot, and its entry
