"""A template's form is filled in from JSON; nothing is saved before the author has looked at it."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from tests.audit.world import sql
from tests.factories.engines import DCA
from tests.marketplace.test_template_pages import filled, said

pytestmark = pytest.mark.django_db(transaction=True)
NEW = "/templates/new/dca/"


@pytest.fixture
def client(alice: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(alice)


def fill(client: Client, document: object, url: str = NEW, **typed: Any) -> Any:
    text = document if isinstance(document, str) else json.dumps(document)
    return client.post(url, {**filled(), "name": "Typed", **typed, "json": text, "fill": "1"})


def test_what_it_says_is_in_the_fields_and_saved_from_there(client: Client) -> None:
    config = {**DCA, "parameters": {**DCA["parameters"], "take_profit_pct": 7.25}}
    answer = fill(client, config)
    page = said(answer)
    assert answer.status_code == 200, answer.context["json"].errors
    assert 'value="7.25"' in page
    assert 'value="Typed"' in page
    assert sql("SELECT id FROM bot_templates") == []
    form = answer.context["form"]
    typed = {name: value for name, value in form.initial.items() if name not in ("fill", "json", "mode")}
    saved = client.post(NEW, {**filled(), **{k: v for k, v in typed.items() if isinstance(v, str)}})
    assert saved.status_code == 303
    (row,) = sql("SELECT config_json FROM bot_templates")
    assert row.config_json["parameters"]["take_profit_pct"] == 7.25


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("{", "This is not JSON"),
        ("", "This is not JSON"),
        ({**DCA, "api_key": "x"}, "looks like a secret"),
        ({**DCA, "api_key.": "x"}, "“&#x27;api_key.&#x27;” looks like a secret"),
        ({**DCA, "\x00.x": 1}, "“&#x27;\\x00.x&#x27;”: Leave out"),
        ({**DCA, "parameters": {"base_order": "much"}}, "parameters.base_order: "),
        ({**DCA, "pairs": ["NOPE"]}, "pairs"),
        ("[" * 5000, "deep"),
    ],
)
def test_what_does_not_hold_is_said_and_nothing_typed_is_lost(
    client: Client, document: object, words: str
) -> None:
    answer = fill(client, document)
    assert answer.status_code == 422
    assert words in said(answer)
    assert 'value="Typed"' in said(answer)
    assert sql("SELECT id FROM bot_templates") == []


def test_a_draft_is_filled_in_too_and_another_traders_is_not_there(
    client: Client, mallory: User, client_of: Callable[[User], Client]
) -> None:
    saved: Any = client.post(NEW, filled())
    url = saved.url
    answer = fill(client, DCA, f"{url}edit/")
    assert answer.status_code == 200
    assert fill(client_of(mallory), DCA, f"{url}edit/").status_code == 404


def test_arbitrage_is_written_as_a_document_alone(client: Client) -> None:
    assert fill(client, {}, "/templates/new/arbitrage/").status_code == 404
    assert "Fill it in from JSON" not in said(client.get("/templates/new/arbitrage/"))
