"""Every form of the product looks the same: settings name this renderer."""

from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.forms.renderers import BaseRenderer, EngineMixin
from django.template.backends.django import DjangoTemplates
from django.utils.functional import cached_property


class FormRenderer(EngineMixin, BaseRenderer):
    """Renders `{{ form }}` and `{{ form.name.as_field_group }}` with the templates in `components/`.

    Django's own widget templates are taken from where they are installed, so `django.forms` need not
    be an installed app.
    """

    backend = DjangoTemplates
    form_template_name = "components/form.html"
    field_template_name = "components/field.html"

    @cached_property
    def engine(self) -> DjangoTemplates:
        ours: list[Path] = settings.TEMPLATES[0]["DIRS"]  # type: ignore[assignment]
        params: dict[str, Any] = {
            "APP_DIRS": False,
            "DIRS": [*ours, Path(forms.__file__).parent / "templates"],
            "NAME": "tradewise.forms",
            "OPTIONS": {},
        }
        return self.backend(params)
