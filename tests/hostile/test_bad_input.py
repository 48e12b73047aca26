"""Every field of every form, every query parameter and every path: nonsense is refused with a message.

The forms are read from the pages themselves, so a new field is attacked as soon as it is shown.
"""

from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Any, NamedTuple
from urllib.parse import quote_from_bytes, urlencode

import pytest
from django.test import Client

from accounts.models import User
from bots.enums import Phase
from bots.models import Bot
from marketplace.models import BotTemplate
from tests.factories.bots import BotFactory
from tests.factories.engines import DCA, engine_bot
from tests.isolation.test_http import URLS, address
from tradewise.tenancy.context import tenant_context

pytestmark = pytest.mark.django_db

#: What people, browsers and attackers send. Bytes, because some of it is no text at all.
NONSENSE: dict[str, bytes] = {
    "NUL": b"a\x00b",
    "lone surrogate": "a\ud800b".encode("utf-8", "surrogatepass"),
    "not UTF-8": b"\xff\xfe\xfa",
    "100,000 characters": b"x" * 100_000,
    "huge number": b"9" * 5_000,
    "beyond an integer": str(2**63).encode(),
    "infinite": b"1e400",
    "not a number": b"NaN",
    "negative": b"-1",
    "markup": b"<script>alert(1)</script>'\"{{7*7}}{% now %}",
    "right to left": "\u202egnp.exe\u2066".encode(),
    "digits of another script": "\u0663\uff11".encode(),
    "line breaks": b"a\r\nSet-Cookie: a=b\r\n",
    "nothing": b"",
    "a path": b"../../../../etc/passwd",
}


class Form(NamedTuple):
    """A form as a browser sees it."""

    method: str
    action: str
    fields: tuple[str, ...]


class FormReader(HTMLParser):
    """Collects the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """A form begins, or one of its fields."""
        given = dict(attrs)
        if tag == "form":
            self.forms.append(Form((given.get("method") or "get").lower(), given.get("action") or "", ()))
        elif tag in ("input", "select", "textarea", "button") and self.forms and given.get("name"):
            form = self.forms[-1]
            self.forms[-1] = form._replace(fields=(*form.fields, str(given["name"])))


def forms_of(client: Client, url: str) -> Iterator[Form]:
    response = client.get(url)
    if response.status_code != 200 or "html" not in response["Content-Type"]:
        return
    reader = FormReader()
    reader.feed(response.content.decode())
    for form in reader.forms:
        yield form._replace(action=form.action or url)


def encoded(pairs: list[tuple[str, bytes]]) -> str:
    return "&".join(f"{urlencode({name: ''})}{quote_from_bytes(value)}" for name, value in pairs)


def send(client: Client, form: Form, pairs: list[tuple[str, bytes]]) -> Any:
    action = form.action.split("#")[0]
    if form.method == "get":
        return client.get(action.split("?")[0], QUERY_STRING=encoded(pairs))
    return client.post(action, encoded(pairs), content_type="application/x-www-form-urlencoded")


@pytest.fixture
def browsers(alice: User, client_of: Callable[[User], Client]) -> Callable[[], list[Client]]:
    """Somebody signed in with a bot, and somebody who is not; anew for each form, since some log out."""
    return lambda: [client_of(alice), Client()]


@pytest.fixture
def own_bot(alice: User) -> Bot:
    """A bot whose pages have forms."""
    bot: Bot = BotFactory(tenant_id=alice.tenant_id)
    return bot


def stored(tenant_id: object) -> list[tuple[object, ...]]:
    with tenant_context(str(tenant_id)):
        return list(Bot.objects.order_by("pk").values_list("pk", "name", "api_url", "description"))


@pytest.fixture
def own_template(alice: User) -> str:
    """The id of a template of hers."""
    with tenant_context(alice.tenant_id):
        own = BotTemplate.across_tenants.create(
            name="T", config_json=DCA, strategy_type="dca", creator_tenant_id=alice.tenant_id
        )
    return str(own.template_id)


#: Forms that a bot of one's own machine has not, or has otherwise; that with keys is in `test_run_pages`.
OF_ENGINES = ["bots:setup", "bots:stop", "bots:delete"]


@pytest.mark.parametrize("name", URLS)
def test_no_form_breaks_and_nothing_is_stored_half(
    name: str, own_bot: Bot, own_template: str, browsers: Callable[[], list[Client]]
) -> None:
    tried = attack(address(name, URLS[name], ids(own_bot, own_template)), own_bot, browsers)
    assert tried or name not in {"bots:connect", "bots:fleet", "account_login", "account_signup"}
    assert tried or name not in {"bots:new_of_kind", "marketplace:start"}


@pytest.mark.parametrize("name", OF_ENGINES)
def test_no_form_about_an_engine_breaks_either(
    name: str, alice: User, browsers: Callable[[], list[Client]]
) -> None:
    # One that is off is stopped already, and one that is on is not deleted.
    bot = engine_bot(alice.tenant_id, Phase.UP if name == "bots:stop" else Phase.OFF)
    assert attack(address(name, URLS[name], {"bot_id": bot.bot_id}), bot, browsers)


def ids(bot: Bot, template_id: str) -> dict[str, str]:
    return {"bot_id": bot.bot_id, "template_id": template_id}


def attack(url: str, own_bot: Bot, browsers: Callable[[], list[Client]]) -> int:
    """Send nonsense in each field of each form of the page; how often that was."""
    tried = 0
    for position, _ in enumerate(browsers()):
        for form in set(forms_of(browsers()[position], url)):
            for field in form.fields:
                if field == "csrfmiddlewaretoken":
                    continue
                client = browsers()[position]
                for what, value in NONSENSE.items():
                    before = stored(own_bot.tenant_id)
                    others = [(other, b"x") for other in form.fields if other != field]
                    response = send(client, form, [(field, value), *others])
                    assert response.status_code < 500, (form.action, field, what)
                    if response.status_code >= 400:
                        assert response.content.strip() or response.status_code == 405, (field, what)
                        assert stored(own_bot.tenant_id) == before, (form.action, field, what)
                    tried += 1
    return tried


PARAMETERS = ("page", "q", "status", "mode", "after", "next", "sort")


@pytest.mark.parametrize("name", URLS)
def test_no_query_and_no_path_breaks_a_page(
    name: str, own_bot: Bot, own_template: str, browsers: Callable[[], list[Client]]
) -> None:
    url = address(name, URLS[name], ids(own_bot, own_template))
    for client in browsers():
        for what, nonsense in NONSENSE.items():
            value = quote_from_bytes(nonsense[:8_000], safe="")
            queries = [f"{parameter}={value}" for parameter in (*PARAMETERS, value or "x")]
            for query in queries if name in {"bots:fleet", "bots:detail"} else ["&".join(queries)]:
                assert client.get(url, QUERY_STRING=query).status_code < 500, (what, query[:80])
            path = url.replace(own_bot.bot_id, value or "x")
            assert client.get(path).status_code < 500, (what, path[:80])
