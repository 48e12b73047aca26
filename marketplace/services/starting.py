"""From a template to a bot: what the template says, read again with the rules of today."""

from typing import Any

from bots.strategies import kinds
from bots.strategies.common import Configuration, ConfigurationRefused
from marketplace.exceptions import TemplateNotStartable
from marketplace.models import BotTemplate, TemplateVersion


def configuration_of(template: BotTemplate | TemplateVersion) -> Configuration:
    """What a bot of this template, or version, runs. Raises TemplateNotStartable with the reason."""
    reason = kinds.NOT_RUNNABLE.get(template.strategy_type or "")
    if reason is not None:
        raise TemplateNotStartable(reason)
    try:
        return kinds.parse(template.config_json)
    except ConfigurationRefused as refused:
        raise TemplateNotStartable(_why(template, refused)) from None


def _why(template: BotTemplate | TemplateVersion, refused: ConfigurationRefused) -> str:
    config = template.config_json if isinstance(template.config_json, dict) else {}
    kind = config.get("strategy")
    if isinstance(kind, str) and kind in kinds.NOT_RUNNABLE:
        return kinds.NOT_RUNNABLE[kind]
    problems = " ".join(
        f"{_title(kind, problem.field)}: {problem.sentence}" if problem.field else problem.sentence
        for problem in refused.problems[:3]
    )
    return f"What this template says is not valid any more, so no bot can be started from it. {problems}"


def _title(kind: object, path: str) -> str:
    """What people call the field of a problem."""
    model: Any = kinds.KINDS.get(str(kind))
    head, _, name = path.partition(".")
    if name and model is not None:
        model, head = model.model_fields["parameters"].annotation, name
    field = model.model_fields.get(head) if model is not None else None
    return str(field.title) if field is not None and field.title else path
