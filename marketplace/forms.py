"""What comes in from the pages of the marketplace."""

from typing import Final

from django import forms

LAST_PAGE: Final = 10_000


class TemplatesForm(forms.Form):
    """Which page of the list."""

    page = forms.IntegerField(required=False, min_value=1, max_value=LAST_PAGE)

    def number(self) -> int:
        """The first one where nothing sensible was asked for."""
        return (self.cleaned_data["page"] or 1) if self.is_valid() else 1
