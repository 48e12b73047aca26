"""What the views of bots start from: a bot of one's own, and the way back."""

from django.http import Http404, HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme

from bots.models import Bot


def own_bot(bot_id: str) -> Bot:
    """The tenant's bot with this public id. Another's is as little there as one that never was."""
    try:
        return Bot.objects.with_figures().get(bot_id=bot_id)
    except Bot.DoesNotExist:
        raise Http404 from None


def way_back(request: HttpRequest, otherwise: str) -> str:
    """Where the form that was posted stands: its field `next`, if that is a page of ours."""
    there = request.POST.get("next", "")
    ours = there.startswith("/") and url_has_allowed_host_and_scheme(there, allowed_hosts=None)
    return there if ours and len(there) < 1000 else otherwise
