"""What the environment says about mail servers and proxies."""

from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from tradewise.env import networks, outbox_email


def test_a_mail_server_is_read_from_one_url(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OUTBOX_EMAIL_URL", "smtp+tls://me%40example.com:p%3Aw@mail.example.com:587")
    options = outbox_email(tmp_path)
    assert options["backend"] == "django.core.mail.backends.smtp.EmailBackend"
    assert (options["host"], options["port"], options["use_tls"]) == ("mail.example.com", 587, True)
    assert (options["username"], options["password"]) == ("me@example.com", "p:w")
    assert options["timeout"] == 20


def test_without_one_mails_are_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("OUTBOX_EMAIL_URL", raising=False)
    assert outbox_email(tmp_path) == {"backend": "tradewise.outbox.files.EmlBackend", "directory": tmp_path}


def test_a_proxy_that_is_no_network_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRUSTED_PROXIES", "10.0.0.0/8, 192.168.1.7")
    assert networks("TRUSTED_PROXIES") == ["10.0.0.0/8", "192.168.1.7"]
    monkeypatch.setenv("TRUSTED_PROXIES", "my-proxy")
    with pytest.raises(ImproperlyConfigured, match="my-proxy"):
        networks("TRUSTED_PROXIES")
