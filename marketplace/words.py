"""The trail's words about templates."""

from collections.abc import Iterable, Mapping

from audit import words
from audit.words import Resource
from marketplace.enums import RiskLevel, StrategyType, TemplateStatus
from marketplace.models import BotTemplate

ACTIONS = {
    "template.create": "Created a template",
    "template.change": "Changed a template",
    "template.delete": "Deleted a template",
    "template.edit": "Wrote on a template",
    "template.submit": "Submitted a template to the moderators",
    "template.approve": "Published a template",
    "template.reject": "Sent a template back to its author",
    "template.withdraw": "Withdrew a template",
    "template.discard": "Deleted a draft of a template",
    "template.feature": "Featured a template",
    "template.unfeature": "Featured a template no more",
    "template.tell": "Told an author of a decision",
    "template_version.create": "Began a version of a template",
    "template_version.change": "Changed a version of a template",
    "demo.seed": "Filled the marketplace with demo data",
    "demo.remove": "Took the demo data away",
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
    "template.status": "Where it stands",
    "template.version": "Version",
    "template.featured_at": "Featured since",
    "template_version.status": "Where it stands",
    "template_version.number": "Version",
    "template_version.template_id": "Template",
    "template_version.reason": "Reason",
    "template_version.submitted_at": "Submitted",
    "template_version.decided_at": "Decided",
    "template_version.record_bot_id": "Bot shown as evidence",
}
_STATUS = {value: str(label) for value, label in TemplateStatus.choices}
VALUES = {
    "template.status": _STATUS,
    "template_version.status": _STATUS,
    "template_version.risk_level": {value: str(label) for value, label in RiskLevel.choices},
    "template_version.strategy_type": {value: str(label) for value, label in StrategyType.choices},
    "template.risk_level": {value: str(label) for value, label in RiskLevel.choices},
    "template.strategy_type": {value: str(label) for value, label in StrategyType.choices},
}


def find_templates(keys: Iterable[str]) -> Mapping[str, tuple[str, str]]:
    """Names of the templates that the tenant may read, and their pages."""
    found = BotTemplate.across_tenants.filter(template_id__in=list(keys))
    return {template.template_id: (template.name, template.get_absolute_url()) for template in found}


def learn() -> None:
    """Make them known."""
    words.learn(
        "Templates",
        ACTIONS,
        resources={
            "template": Resource("template", find=find_templates),
            "template_version": Resource(
                "version of a template", "versions of templates", find=find_templates, part_of="template"
            ),
        },
        fields=FIELDS,
        values=VALUES,
    )
