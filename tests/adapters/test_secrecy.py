import logging
import pickle
import traceback

import pytest

from bots.adapters import AdapterError, Credentials, CredentialsError
from tests.adapters import answers as said

CANARY = "kanarienvogel-7731"
TOKEN = f"freqtrader:{CANARY}:with:colons"


def test_the_first_colon_parts_name_and_password() -> None:
    credentials = Credentials.parse(TOKEN)
    assert (credentials.username, credentials.password) == ("freqtrader", f"{CANARY}:with:colons")


@pytest.mark.parametrize(
    "text",
    [CANARY, f":{CANARY}", f"{CANARY}:", f"ü:{CANARY}", f"a:{CANARY}\n", f"a:{CANARY}" + "x" * 200, ""],
)
def test_what_no_bot_would_accept_is_refused_without_repeating_it(text: str) -> None:
    with pytest.raises(CredentialsError) as refusal:
        Credentials.parse(text)
    assert str(refusal.value).endswith(".")
    assert CANARY not in str(refusal.value)


def test_credentials_show_nothing() -> None:
    credentials = Credentials.parse(TOKEN)
    assert CANARY not in f"{credentials} {credentials!r}"
    assert "freqtrader" not in repr(credentials)
    with pytest.raises(TypeError):
        pickle.dumps(credentials)


def test_the_password_is_sent_as_basic_and_shows_up_nowhere_else(bot, caplog) -> None:
    echo = {"error": f"wrong: {TOKEN}", "detail": TOKEN}
    secret = Credentials.parse(TOKEN).authorization
    found = []
    for answer in ((401, echo), (404, echo), (502, echo), (500, TOKEN), TOKEN, (302, TOKEN), (503, echo)):
        bot.answers = {"show_config": answer, "profit": answer}
        with caplog.at_level(logging.DEBUG):
            found.append(repr(bot.talk(lambda adapter: adapter.probe(), token=TOKEN)))
            try:
                bot.talk(lambda adapter: adapter.figures(), token=TOKEN)
            except AdapterError as error:
                found += [str(error), repr(error), *traceback.format_exception(error)]
    assert set(bot.headers) == {secret}
    assert not any(CANARY in text or secret in text for text in [*found, caplog.text])


def test_a_server_that_repeats_the_password_does_not_get_it_stored(bot) -> None:
    secret = Credentials.parse(TOKEN).authorization
    bot.answers["show_config"] = said.SHOW_CONFIG | {"bot_name": TOKEN, "strategy": f"x {secret}"}
    seen = bot.talk(lambda adapter: adapter.probe(), token=TOKEN)
    assert (seen.bot_name, seen.strategy, seen.exchange) == (None, None, "binance")
