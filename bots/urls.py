"""Where a trader's bots are shown and driven."""

from django.urls import URLPattern, path, register_converter

from bots.views import commands, connect, detail, edit, equity, fleet, launch, live, log, setup


class PublicId:
    """A bot's public identifier."""

    regex = "[A-Za-z0-9_-]{1,64}"

    def to_python(self, value: str) -> str:
        return value

    def to_url(self, value: str) -> str:
        return value


register_converter(PublicId, "public_id")

app_name = "bots"
urlpatterns: list[URLPattern] = [
    path("", fleet.fleet, name="fleet"),
    path("connect/", connect.connect, name="connect"),
    path("commands/", commands.commands, name="commands"),
    path("bots/new/", launch.new, name="new"),
    path("bots/new/<slug:kind>/", launch.new_of_kind, name="new_of_kind"),
    path("bots/<public_id:bot_id>/", detail.detail, name="detail"),
    path("bots/<public_id:bot_id>/equity.json", equity.equity, name="equity"),
    path("bots/<public_id:bot_id>/edit/", edit.edit, name="edit"),
    path("bots/<public_id:bot_id>/setup/", setup.setup, name="setup"),
    path("bots/<public_id:bot_id>/log/", log.log, name="log"),
    path("bots/<public_id:bot_id>/live/", live.live, name="live"),
    path("bots/<public_id:bot_id>/dry-run/", live.dry_run, name="dry_run"),
    path("bots/<public_id:bot_id>/delete/", edit.delete, name="delete"),
    path("bots/<public_id:bot_id>/start/", commands.start, name="start"),
    path("bots/<public_id:bot_id>/stop/", commands.stop, name="stop"),
    path("bots/<public_id:bot_id>/pause/", commands.pause, name="pause"),
    path("bots/<public_id:bot_id>/resume/", commands.resume, name="resume"),
    path("bots/<public_id:bot_id>/reload/", commands.reload, name="reload"),
    path("bots/<public_id:bot_id>/check/", commands.check, name="check"),
]
