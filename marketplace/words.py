"""The trail's words about templates."""

from collections.abc import Iterable, Mapping

from audit import words
from audit.words import Resource
from marketplace.enums import RiskLevel, StrategyType
from marketplace.models import BotTemplate

ACTIONS = {
    "template.create": "Created a template",
    "template.change": "Changed a template",
    "template.delete": "Deleted a template",
    "platform_bot.ask": "Asked TradeWise to run the template",
    "platform_bot.run": "Ran the template for TradeWise",
    "platform_bot.refused": "Could not run the template for TradeWise",
}
FIELDS = {
    "template.template_id": "Public number",
    "template.is_public": "Shown to others",
    "config_json": "Configuration",
    "risk_level": "Risk",
    "strategy_type": "Kind of strategy",
    "creator_tenant_id": "Author",
}
VALUES = {
    "template.risk_level": {value: str(label) for value, label in RiskLevel.choices},
    "template.strategy_type": {value: str(label) for value, label in StrategyType.choices},
}


def find_templates(keys: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Names of the templates that the tenant may read. They have no pages yet."""
    found = BotTemplate.across_tenants.filter(template_id__in=list(keys)).values_list("template_id", "name")
    return {key: (name, "") for key, name in found}


def learn() -> None:
    """Make them known."""
    words.learn(
        "Templates",
        ACTIONS,
        resources={"template": Resource("template", find=find_templates)},
        fields=FIELDS,
        values=VALUES,
    )
