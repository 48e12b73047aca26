"""Which template a request is about. Another's that is not public is as little there as one that never was."""

from django.http import Http404

from accounts.http import TraderRequest
from marketplace import queries
from marketplace.models import BotTemplate


def readable_template(template_id: str) -> BotTemplate:
    """One that the tenant, or a visitor who is none, may read."""
    try:
        return queries.readable_templates().get(template_id=template_id)
    except BotTemplate.DoesNotExist:
        raise Http404 from None


def is_written_by(request: TraderRequest, template: BotTemplate) -> bool:
    """Whether it is the trader's own. A visitor has written nothing, nor what nobody owns any more."""
    tenant_id = getattr(request, "tenant_id", None)
    return tenant_id is not None and template.creator_tenant_id == tenant_id


def own_template(request: TraderRequest, template_id: str) -> BotTemplate:
    """One that the tenant wrote."""
    template = readable_template(template_id)
    if template.creator_tenant_id != request.tenant_id:
        raise Http404
    return template
