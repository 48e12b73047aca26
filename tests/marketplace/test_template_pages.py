"""An author writes, previews, submits and withdraws through the pages; others see what is published."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from bots.setup_form import settings_of
from tests.audit.world import sql
from tests.marketplace.test_lifecycle import ask
from tests.marketplace.written import made, rows, template

pytestmark = pytest.mark.django_db(transaction=True)

ClientOf = Callable[[User], Client]


def filled(kind: str = "dca", **changes: Any) -> dict[str, Any]:
    form = {
        "name": "Calm",
        "description": "It waits.\nThen it buys.",
        "risk_level": "low",
        "pairs": "BTC/USDT",
        "stake_currency": "USDT",
        "timeframe": "5m",
        **{
            setting.path: str(setting.default) for setting in settings_of(kind) if setting.default is not None
        },
    }
    if kind == "grid":
        form |= {"parameters.lower": "90", "parameters.upper": "110"}
    return form | changes


def said(answer: Any) -> str:
    return str(answer.content.decode())


@pytest.fixture
def client(alice: User, client_of: ClientOf) -> Client:
    return client_of(alice)


@pytest.mark.parametrize("kind", ["dca", "grid", "momentum"])
def test_a_template_is_written_previewed_and_submitted(client: Client, kind: str) -> None:
    assert 'name="allocation"' not in said(client.get(f"/templates/new/{kind}/"))
    answer: Any = client.post(f"/templates/new/{kind}/", filled(kind))
    assert answer.status_code == 303
    page = said(client.get(answer.url))
    for shown in ("Calm", "It waits.", "Needs at least", "BTC/USDT", "Version 1: draft", "Nobody does yet"):
        assert shown in page
    assert client.post(f"{answer.url}submit/").status_code == 303
    page = said(client.get(answer.url))
    assert "With the moderators since" in page
    assert "submit/" not in page
    assert client.get(f"{answer.url}edit/").status_code == 409
    assert client.post(f"{answer.url}submit/").status_code == 409


def test_arbitrage_is_a_document(client: Client) -> None:
    page = said(client.get("/templates/new/arbitrage/"))
    assert 'name="config"' in page
    form = {"name": "Two places", "risk_level": "high", "description": "", "config": '{"spread": 0.5}'}
    refused = client.post("/templates/new/arbitrage/", {**form, "config": '{"api_key": "canary-1"}'})
    assert refused.status_code == 422
    assert "looks like a secret" in said(refused)
    answer: Any = client.post("/templates/new/arbitrage/", form)
    assert answer.status_code == 303
    page = said(client.get(answer.url))
    assert "&quot;spread&quot;: &quot;0.5&quot;" in page
    assert "Arbitrage cannot be run here" in page
    assert sql("SELECT config_json FROM bot_templates")[0].config_json == {
        "strategy": "arbitrage",
        "spread": "0.5",
    }
    assert "spread" in said(client.get(f"{answer.url}edit/"))


@pytest.mark.parametrize(
    "key", ["\\u0000.x", "\\ud800.x", "\\u202e.x", "password.x", "api_key.", "k" * 5000 + ".x"]
)
@pytest.mark.parametrize("document", ['{"%s": 1}', '{"a": [{"%s": 1}]}'])
def test_a_dot_in_a_key_of_a_document_lets_nothing_through(client: Client, document: str, key: str) -> None:
    form = {"name": "Two places", "risk_level": "high", "description": "", "config": document % key}
    answer = client.post("/templates/new/arbitrage/", form)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["config"]
    assert sql("SELECT FROM bot_templates") == []


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"name": "Calm\u202egnp"}, "turn the direction of writing"),
        ({"name": ""}, "required"),
        ({"name": "x" * 101}, "At most 100 characters."),
        ({"description": "a\u0007b"}, "not seen"),
        ({"risk_level": "none"}, "valid choice"),
        ({"pairs": "BTC/EUR"}, "must end in /USDT"),
        ({"parameters.base_order": "-1"}, "greater"),
    ],
)
def test_what_cannot_be_shown_or_run_is_refused_at_its_field(
    client: Client, changes: dict[str, str], sentence: str
) -> None:
    answer = client.post("/templates/new/dca/", filled(**changes))
    assert answer.status_code == 422
    if sentence != "greater":
        assert sentence in said(answer)
    assert sql("SELECT FROM bot_templates") == []


def test_a_name_like_anothers_is_a_refusal(client: Client, mallory: User) -> None:
    made(mallory, "published", key="calm")
    answer = client.post("/templates/new/dca/", filled(name="CАLM"))
    assert answer.status_code == 409
    assert "Choose a name that is not like it." in said(answer)


def test_the_moderators_answer_is_on_the_page_and_a_change_goes_to_them_again(
    client: Client, alice: User
) -> None:
    number = made(alice, "submitted")
    ask("reject", alice, number)
    url = template(number).get_absolute_url()
    page = said(client.get(url))
    assert "The moderators have not published it" in page
    assert "Say more." in page
    assert client.post(f"{url}submit/").status_code == 409
    assert client.post(f"{url}edit/", filled(name="Calmer")).status_code == 303
    assert "The moderators said before" in said(client.get(url))
    assert client.post(f"{url}submit/").status_code == 303
    assert rows(number)[1].status == "submitted"


def test_others_see_the_published_version_until_the_next_one_is(
    client: Client, alice: User, mallory: User, client_of: ClientOf
) -> None:
    number = made(alice, "published")
    url = template(number).get_absolute_url()
    assert client.post(f"{url}edit/", filled(name="Newer")).status_code == 303
    page = said(client.get(url))
    assert "Version 2: draft" in page
    assert "Calm → Newer" in page
    theirs = client_of(mallory)
    page = said(theirs.get(url))
    assert "Calm" in page
    assert "Newer" not in page
    assert "Start a bot" in page
    assert "Newer" not in said(theirs.get(url, {"version": 2}))
    assert theirs.get(url, {"version": 2}).status_code == 404
    for nonsense in ("x", "0", "9" * 30):
        assert theirs.get(url, {"version": nonsense}).status_code == 200


def test_an_author_withdraws_with_a_reason(
    client: Client, alice: User, mallory: User, client_of: ClientOf
) -> None:
    number = made(alice, "published")
    url = template(number).get_absolute_url()
    assert client.post(f"{url}withdraw/", {"reason": " "}).status_code == 422
    assert client.post(f"{url}withdraw/", {"reason": "It loses."}).status_code == 303
    page = said(client.get(url))
    assert "It was withdrawn" in page
    assert "It loses." in page
    assert client_of(mallory).get(url).status_code == 404
    assert client.post(f"{url}withdraw/", {"reason": "Again."}).status_code == 409


@pytest.mark.parametrize("status", ["draft", "published"])
def test_another_trader_writes_nothing_of_it(
    alice: User, mallory: User, client_of: ClientOf, status: str
) -> None:
    number = made(alice, status)
    before, url, theirs = rows(number), template(number).get_absolute_url(), client_of(mallory)
    for page, form in (("edit/", filled()), ("submit/", {}), ("withdraw/", {"reason": "x"})):
        assert theirs.post(f"{url}{page}", form).status_code == 404
    assert theirs.get(url).status_code == (200 if status == "published" else 404)
    assert rows(number) == before


def test_pages_need_a_login_and_the_right_method(client: Client, alice: User) -> None:
    url = template(made(alice, "draft")).get_absolute_url()
    for page in (f"{url}edit/", f"{url}withdraw/", "/templates/new/dca/"):
        assert Client().get(page).status_code == 302
    assert Client().get(url).status_code == 404
    assert client.get(f"{url}submit/").status_code == 405
    assert client.post(url).status_code == 405
    assert client.get("/templates/new/unknown/").status_code == 404


def test_the_list_names_ones_own_and_costs_the_same_for_one_and_three(client: Client, alice: User) -> None:
    made(alice, "published", name="First")
    client.get("/templates/")
    with CaptureQueriesContext(
        connection,
    ) as one:
        assert "First" in said(client.get("/templates/"))
    made(alice, "rejected", name="Second")
    made(alice, "published", name="<b>Third")
    client.get("/templates/")
    with CaptureQueriesContext(connection) as three:
        page = said(client.get("/templates/"))
    assert "Version 1: rejected" in page
    assert "&lt;b&gt;Third" in page
    assert len(one) == len(three)
