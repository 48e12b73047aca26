"""Page or fragment, refusals, forms and the layouts, with a template of their own."""

import json
import re
from pathlib import Path

import pytest
from django import forms
from django.contrib.messages import get_messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.template.loader import render_to_string
from django.test import RequestFactory

from tradewise.exceptions import DomainError
from tradewise.web import pages

ROOT = Path(__file__).parents[2]
HTMX = {"HX-Request": "true"}


@pytest.fixture(autouse=True)
def template(settings, tmp_path):
    (tmp_path / "page.html").write_text(
        "{% load partials %}<html>{% partialdef row inline %}<p>{{ bot }}</p>{% endpartialdef %}</html>"
    )
    settings.TEMPLATES = [
        {**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]},
    ]


def ask(**headers):
    request = RequestFactory().get("/", headers=headers)
    request._messages = CookieStorage(request)  # type: ignore[attr-defined]
    return request


def show(request, **options):
    return pages.render_page(request, "page.html", {"bot": "Grid"}, fragment="row", **options)


def refuse(request, **options):
    sentence = DomainError("Grid is stopping.")
    return pages.render_refusal(request, sentence, "page.html", {"bot": "Grid"}, fragment="row", **options)


def test_a_browser_gets_the_page_and_htmx_the_fragment():
    assert show(ask()).content == b"<html><p>Grid</p></html>"
    assert show(ask(**HTMX)).content == b"<p>Grid</p>"


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_what_replaces_the_whole_page_gets_the_whole_page(header):
    assert b"<html>" in show(ask(**HTMX, **{header: "true"})).content


def test_an_action_without_htmx_leads_back_to_the_list():
    response = show(ask(), fallback="/bots/")
    assert (response.status_code, response["Location"]) == (303, "/bots/")


def test_a_refusal_is_409_with_the_row_as_it_is_and_the_sentence_beside_it():
    response = refuse(ask(**HTMX))
    assert response.status_code == 409
    assert response.content == b"<p>Grid</p>"
    assert json.loads(response["HX-Trigger"])["tw:notice"] == {"kind": "refusal", "text": "Grid is stopping."}


def test_a_refusal_without_htmx_is_read_too():
    response = refuse(ask())
    assert response.status_code == 409
    assert b"Grid is stopping." in response.content
    request = ask()
    assert refuse(request, fallback="/bots/").status_code == 303
    assert [str(message) for message in get_messages(request)] == ["Grid is stopping."]


def test_success_is_told_either_way():
    def done(request):
        return pages.redirect_or_fragment(
            request, "/bots/", "page.html", {"bot": "Grid"}, fragment="row", notice="Grid is connected."
        )

    assert "Grid is connected." in done(ask(**HTMX))["HX-Trigger"]
    request = ask()
    assert done(request)["Location"] == "/bots/"
    assert [str(message) for message in get_messages(request)] == ["Grid is connected."]


class Connect(forms.Form):
    url = forms.CharField(label="Address", help_text="Where it <listens>")
    note = forms.CharField(required=False)


def test_a_field_shows_its_label_its_help_and_its_error_and_ties_them_together():
    html = str(Connect({"url": ""}))
    assert '<label for="id_url">Address</label>' in html
    assert 'aria-invalid="true"' in html
    described = re.search(r'aria-describedby="([^"]+)"', html)
    assert described is not None
    for name in described[1].split():
        assert f'id="{name}"' in html
    assert "Where it &lt;listens&gt;" in html
    assert "(optional)" in html


@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 500, 503])
def test_error_pages_need_no_request_and_no_database(status):
    html = render_to_string(f"{status}.html")
    assert "<h1>" in html
    assert "css/tokens.css" in html


def test_htmx_is_configured_to_evaluate_nothing_and_to_swap_refusals():
    html = render_to_string("404.html")
    found = re.search(r"name=\"htmx-config\" content='([^']+)'", html)
    assert found is not None
    config = json.loads(found[1])
    for name in ("allowEval", "allowScriptTags", "includeIndicatorStyles"):
        assert config[name] is False
    assert config["historyCacheSize"] == 0
    first = {
        status: next(rule for rule in config["responseHandling"] if re.search(rule["code"], str(status)))
        for status in (200, 204, 286, 404, 409, 422, 500)
    }
    assert [status for status, rule in first.items() if rule["swap"]] == [200, 286, 409, 422]


def test_no_template_holds_a_script_or_a_style_of_its_own():
    for path in (ROOT / "templates").rglob("*.html"):
        html = path.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|hx-on|javascript:|js:", html), path
        assert not re.search(r"<script(?![^>]*\b(src|type=\"application/json\")[=>\s])", html), path
        assert not re.search(r"\|\s*safe\b|autoescape off", html), path
