"""What differs between two versions, in the words of the form."""

from decimal import Decimal
from typing import Any

import pytest

from marketplace.differences import differences
from marketplace.models import TemplateVersion
from tests.factories.engines import DCA


def version(name: str = "Calm", **parameters: Any) -> TemplateVersion:
    config = {**DCA, "parameters": {**DCA["parameters"], **parameters}}
    return TemplateVersion(name=name, strategy_type="dca", config_json=config)


def test_values_have_their_units_and_one_is_singular() -> None:
    old, new = (
        version(take_profit_pct=1.5, max_safety_orders=2),
        version(take_profit_pct=7.5, max_safety_orders=1),
    )
    assert [str(each) for each in differences(old, new)] == [
        "Safety orders: 2 orders → 1 order",
        "Take profit: 1.5 % → 7.5 %",
    ]


def test_what_is_no_number_is_shown_as_it_stands() -> None:
    (found,) = differences(version(), version(take_profit_pct="much"))
    assert found.new == "much"


def test_another_bot_as_evidence_is_said_and_not_which() -> None:
    old, new = version(), version()
    old.record_bot_id, new.record_bot_id = 4711, 4712
    assert [str(each) for each in differences(old, new)] == [
        "Evidence: a bot of the author → another bot of the author"
    ]
    old.record_bot_id = None
    assert [str(each) for each in differences(old, new)] == ["Evidence: — → a bot of the author"]
    assert [str(each) for each in differences(new, old)] == ["Evidence: a bot of the author → —"]


def test_nothing_differs_from_itself() -> None:
    assert differences(version(), version()) == []


def written(config: dict[str, Any], **about: Any) -> TemplateVersion:
    """Of a kind without a form: the author's own document."""
    return TemplateVersion(
        **{"name": "Calm", "risk_level": "low", "strategy_type": "arbitrage", "config_json": config, **about}
    )


def told(old: dict[str, Any], new: dict[str, Any], **about: Any) -> list[str]:
    return [str(each) for each in differences(written(old), written(new, **about))]


@pytest.mark.parametrize(
    ("about", "change"),
    [
        ({"name": "Wild"}, "Name: Calm → Wild"),
        ({"description": "Send me your coins."}, "Description: — → Send me your coins."),
        ({"risk_level": "high"}, "Risk: Low → High"),
        ({"strategy_type": "dca"}, "Kind: Arbitrage → DCA"),
        ({"max_allocation": Decimal(5)}, "Largest allocation: — → 5"),
    ],
)
def test_no_name_in_a_document_hides_what_is_said_about_the_template(
    about: dict[str, Any], change: str
) -> None:
    covering = dict.fromkeys(("Name", "Description", "Risk", "Kind", "Largest allocation"), "as it was")
    assert told(covering, covering, **about) == [change]


def test_what_a_document_says_is_not_taken_for_the_form() -> None:
    assert told({"a": 1}, {"a": 1, "Risk": "Low", "Pairs": ["BTC/USDT"]}) == [
        'Document: Risk: — → "Low"',
        'Document: Pairs: — → ["BTC/USDT"]',
    ]


def test_a_kind_with_a_form_has_its_settings_hidden_by_none_of_the_documents_names() -> None:
    old, new = version(take_profit_pct=1.5), version(take_profit_pct=9)
    new.config_json = {**new.config_json, "Take profit": "1.5 %", "parameters.take_profit_pct": 1.5}
    assert "Take profit: 1.5 % → 9 %" in [str(each) for each in differences(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        ({"a": {"b": 1}, "a.b": 2}, {"a": {"b": 3}, "a.b": 2}, ["Document: a.b: 1 → 3"]),
        ({"a": {"b": 1}, "a.b": 2}, {"a": {"b": 1}, "a.b": 3}, ["Document: 'a.b': 2 → 3"]),
        ({"a.b": 1}, {"a": {"b": 1}}, ["Document: a.b: — → 1", "Document: 'a.b': 1 → —"]),
        ({"a": 1, ".a": 2}, {"a": 1, ".a": 3}, ["Document: '.a': 2 → 3"]),
        ({"": {"a": 1}, "a": 2}, {"": {"a": 3}, "a": 2}, ["Document: ''.a: 1 → 3"]),
        ({}, {"x: 1 → 2": 3}, ["Document: 'x: 1 → 2': — → 3"]),
        ({}, {"\u202ex": 1}, ["Document: '\\u202ex': — → 1"]),
        ({"a": 1}, {"a": "1"}, ['Document: a: 1 → "1"']),
        ({"a": ["b, c"]}, {"a": ["b", "c"]}, ['Document: a: ["b, c"] → ["b", "c"]']),
        ({"a": 1}, {"a": 1, "b": {}}, ["Document: b: — → {}"]),
        ({"a": 1}, {"a": 1, "b": "—"}, ['Document: b: — → "—"']),
    ],
)  # fmt: skip
def test_two_places_and_two_values_are_told_apart(
    old: dict[str, Any], new: dict[str, Any], changes: list[str]
) -> None:
    same = {"strategy": "arbitrage"}
    assert told({**same, **old}, {**same, **new}) == changes
