import base64
import copy
import json
import logging
import pickle

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tradewise.secrets import (
    CannotOpen,
    SealBroken,
    Secret,
    fingerprint,
    is_sealed,
    key_id_of,
    keyring,
    open_sealed,
    seal,
)

CANARY = "freqtrader:kanarienvogel-7731"
CONTEXT = "bots.api_token|4f6c|bot-a|https://bot.example:443"

pytestmark = pytest.mark.usefixtures("keys")


def test_what_was_sealed_opens() -> None:
    assert open_sealed(seal(CANARY, context=CONTEXT), context=CONTEXT).reveal() == CANARY


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    plaintext=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=79),
    context=st.text(alphabet=st.characters(exclude_categories=["Cs"]), min_size=1),
)
def test_any_text_comes_back_as_it_went_in(plaintext: str, context: str) -> None:
    sealed = seal(plaintext, context=context)
    assert is_sealed(sealed)
    assert len(sealed) <= 512
    assert open_sealed(sealed, context=context).reveal() == plaintext


@pytest.mark.parametrize(
    "elsewhere",
    [
        CONTEXT.replace("4f6c", "4f6d"),
        CONTEXT.replace("bot-a", "bot-b"),
        CONTEXT.replace("bot.example", "evil.example"),
        CONTEXT.replace("443", "8443"),
        CONTEXT.replace("api_token", "config"),
    ],
    ids=["tenant", "bot", "host", "port", "column"],
)
def test_a_value_that_was_moved_does_not_open(elsewhere: str) -> None:
    with pytest.raises(SealBroken):
        open_sealed(seal(CANARY, context=CONTEXT), context=elsewhere)


def test_no_changed_byte_goes_unnoticed() -> None:
    sealed = seal("x", context=CONTEXT)
    raw = bytearray(base64.urlsafe_b64decode(sealed + "=" * (-len(sealed) % 4)))
    for place in range(len(raw)):
        changed = bytes(raw[:place]) + bytes([raw[place] ^ 1]) + bytes(raw[place + 1 :])
        text = base64.urlsafe_b64encode(changed).rstrip(b"=").decode()
        with pytest.raises((SealBroken, CannotOpen)):
            open_sealed(text, context=CONTEXT)


def test_a_value_has_one_spelling() -> None:
    sealed = seal("x", context=CONTEXT)  # 115 bytes: the last character has two unused bits
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    twin = sealed[:-1] + alphabet[alphabet.index(sealed[-1]) ^ 1]
    assert base64.urlsafe_b64decode(twin + "==") == base64.urlsafe_b64decode(sealed + "==")
    with pytest.raises(SealBroken):
        open_sealed(twin, context=CONTEXT)


@pytest.mark.parametrize("text", ["", "plain", "A", "AQ" * 100 + "\n", "user:password", "é" * 200, "A" * 600])
def test_what_is_no_sealed_value_is_refused(text: str) -> None:
    assert not is_sealed(text) or key_id_of(text) >= 0
    with pytest.raises((SealBroken, CannotOpen)):
        open_sealed(text, context=CONTEXT)


def test_the_same_password_never_looks_the_same() -> None:
    first, second = seal(CANARY, context=CONTEXT), seal(CANARY, context=CONTEXT)
    assert first != second
    assert fingerprint(first) != fingerprint(second)
    assert fingerprint(first) == fingerprint(first)


def test_passwords_of_different_length_look_alike() -> None:
    assert len(seal("short", context=CONTEXT)) == len(seal("a good deal longer than that", context=CONTEXT))


def test_two_hundred_bytes_fit_and_too_much_is_refused_without_repeating_it() -> None:
    assert len(seal("ä" * 100, context=CONTEXT)) <= 512
    with pytest.raises(ValueError, match="at most 319 bytes") as refusal:
        seal(CANARY * 20, context=CONTEXT)
    assert CANARY not in str(refusal.value)
    with pytest.raises(ValueError, match="not valid text") as refusal:
        seal(CANARY + "\ud800", context=CONTEXT)
    assert CANARY not in repr(refusal.value.args)
    assert refusal.value.__suppress_context__


def test_a_value_without_a_context_is_refused() -> None:
    with pytest.raises(ValueError, match="context"):
        seal(CANARY, context="")


def test_a_process_without_the_private_key_cannot_open(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    sealed = seal(CANARY, context=CONTEXT)
    monkeypatch.setenv("SEAL_PRIVATE_KEY_FILE", str(tmp_path / "nowhere"))
    keyring.forget()
    with pytest.raises(CannotOpen, match="holds no private key"):
        open_sealed(sealed, context=CONTEXT)
    assert seal(CANARY, context=CONTEXT)


def test_a_site_that_only_seals_does_not_look_at_a_key_it_could_read(settings) -> None:
    sealed = seal(CANARY, context=CONTEXT)
    settings.SEAL_OPENS = False
    with pytest.raises(CannotOpen, match="only seals"):
        open_sealed(sealed, context=CONTEXT)


def test_a_secret_shows_itself_to_nobody(caplog: pytest.LogCaptureFixture) -> None:
    secret = open_sealed(seal(CANARY, context=CONTEXT), context=CONTEXT)
    with caplog.at_level(logging.DEBUG):
        logging.getLogger("tradewise.test").warning("%s %r %s", secret, secret, {"token": [secret]})
    shown = [str(secret), repr(secret), f"{secret}", f"{secret!r:>9}", f"{(secret,)}", caplog.text]
    assert not any(CANARY in text or "kanarienvogel" in text for text in shown)
    assert "***" in caplog.text
    assert not hasattr(secret, "__dict__")


def test_a_secret_leaves_the_process_by_no_back_door() -> None:
    secret = Secret(CANARY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)
    with pytest.raises(TypeError):
        hash(secret)
    assert copy.deepcopy(secret).reveal() == CANARY
    assert secret == Secret(CANARY)
    assert secret != Secret("other")
    assert secret != CANARY
    with pytest.raises(AttributeError):
        secret.note = "x"
