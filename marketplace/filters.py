"""What may be asked of the list of templates: parameters of its address. Forms clean; they decide nothing."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final
from urllib.parse import urlencode

from django import forms
from django.core.exceptions import ValidationError

from bots.strategies import kinds
from marketplace import facets
from marketplace.search import SORTS, Place, Search

LONGEST_SEARCH: Final = 200
#: Of amounts where no currency was chosen.
USUAL_CURRENCY: Final = "USDT"
_PAIR: Final = re.compile(r"[A-Z0-9]{1,20}/[A-Z0-9]{1,20}")
_PARAMETER: Final = re.compile(r"([a-z_]{1,40}):(-?[0-9]{1,9}(?:\.[0-9]{1,8})?|[a-z_]{1,40})")
_NAMES: Final = frozenset(
    name
    for kind in kinds.KINDS.values()
    for name in kind.model_fields["parameters"].annotation.model_fields  # type: ignore[union-attr]
)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter that is on: what it says, and the address without it."""

    words: str
    query: str


@dataclass(frozen=True, slots=True)
class Select:
    """A filter as the page draws it: one loop over plain values, since widgets take longer than the search."""

    name: str
    label: str
    chosen: str
    options: tuple[tuple[str, str], ...]


class BrowseForm(forms.Form):
    """Which templates, in which order, and which page of them."""

    q = forms.CharField(label="Search", required=False, max_length=LONGEST_SEARCH)
    pair = forms.CharField(label="Pair", required=False, max_length=41)
    parameter = forms.CharField(label="Parameter", required=False, max_length=70)
    after = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)
    before = forms.CharField(required=False, max_length=40, widget=forms.HiddenInput)

    PLACES = ("after", "before")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for facet in facets.FACETS:
            self.fields[facet.name] = _choice(facet.label, facet.options)
        currency = str(self.data.get("currency") or USUAL_CURRENCY)[:20]
        amounts = [(str(n), f"At most {n:,} {currency}".replace(",", "\u202f")) for n in facets.AMOUNTS]
        self.fields["needs"] = _choice("Needs", amounts)
        usual, without = ("Best match", "relevance") if self.data.get("q") else ("Recommended", "recommended")
        sorts = [(value, label) for value, (label, _) in SORTS.items() if value not in ("relevance", without)]
        self.fields["sort"] = _choice("Sort by", sorts, usual)
        self.order_fields(
            ["q", "sort", "risk", "kind", "tier", "days", "drawdown", "return", "needs", "currency"]
        )

    def clean_pair(self) -> str:
        """As exchanges write it."""
        pair = self.cleaned_data["pair"].upper().replace("-", "/").replace("_", "/")
        if pair and not _PAIR.fullmatch(pair):
            raise ValidationError("Write a pair as BTC/USDT.")
        return str(pair)

    def clean_parameter(self) -> str:
        """A name that kinds of strategies have, and a value."""
        found = _PARAMETER.fullmatch(self.cleaned_data["parameter"].strip())
        if not self.cleaned_data["parameter"].strip():
            return ""
        if found is None or found[1] not in _NAMES:
            raise ValidationError(f"Write a parameter as levels:10. There are {', '.join(sorted(_NAMES))}.")
        return found[0]

    def clean(self) -> dict[str, Any]:
        """Places that an address of ours may bear."""
        cleaned = super().clean() or self.cleaned_data
        for name in self.PLACES:
            cursor = cleaned.get(name)
            cleaned[name] = Place.parse(cursor) if cursor else None
            if cursor and cleaned[name] is None:
                raise ValidationError("There is no such page of the list.")
        return cleaned

    def search(self) -> Search:
        """What a valid form asks for."""
        data = self.cleaned_data
        tags = [facet.tag(data[facet.name]) for facet in facets.FACETS if data[facet.name]]
        if data["pair"]:
            tags.append(f"pair:{data['pair']}")
        if data["needs"]:
            tags.append(f"needs:{data['currency'] or USUAL_CURRENCY}:{data['needs']}")
        return Search(data["q"].strip(), tags, _contained(data["parameter"]), data["sort"])

    @property
    def place(self) -> tuple[Place | None, bool]:
        """Where the page begins, and whether it is read back from there."""
        before = self.cleaned_data["before"]
        return (before, True) if before else (self.cleaned_data["after"], False)

    def filters(self) -> dict[str, str]:
        """What an address of this list bears beside the place."""
        names = [name for name in self.fields if name not in self.PLACES]
        return {name: str(self.cleaned_data[name]) for name in names if self.cleaned_data.get(name)}

    def query(self, **changes: str) -> str:
        """The part of an address behind "?", with changes: an empty one is left out."""
        return urlencode({name: value for name, value in {**self.filters(), **changes}.items() if value})

    def chips(self) -> Iterator[Chip]:
        """Each filter that is on."""
        for name, value in self.filters().items():
            if name == "sort":
                continue
            field: Any = self.fields[name]
            shown = dict(field.choices).get(value, value) if hasattr(field, "choices") else value
            yield Chip(f"{field.label}: {shown}", self.query(**{name: ""}))

    def selects(self) -> tuple[Select, ...]:
        """Every filter that is a choice."""
        return tuple(self._drawn(name, field) for name, field in self.fields.items() if _is_choice(field))

    def _drawn(self, name: str, field: Any) -> Select:
        options = tuple((str(value), label) for value, label in field.choices)
        return Select(name, field.label, str(self.data.get(name) or ""), options)

    def texts(self) -> dict[str, str]:
        """What was typed into the other fields, for fields that are drawn by hand."""
        return {name: str(self.data.get(name) or "") for name in ("q", "pair", "parameter")}

    def offer(self, counts: Mapping[str, int], *, is_exact: bool) -> None:
        """Write beside each option how many there are. Of a filter that is on the others are not known."""
        for facet in facets.FACETS:
            if self.cleaned_data.get(facet.name):
                continue
            field: Any = self.fields[facet.name]
            field.choices = [
                ("", "Any"),
                *(_counted(facet, option, counts, is_exact) for option in facet.options),
            ]


def _is_choice(field: forms.Field) -> bool:
    return isinstance(field, forms.ChoiceField)


def _choice(label: str, options: Any, usual: str = "Any") -> forms.ChoiceField:
    message = f"{label}: choose one of the list."
    return forms.ChoiceField(
        label=label,
        required=False,
        choices=[("", usual), *options],
        error_messages={"invalid_choice": message},
    )


def _counted(
    facet: facets.Facet, option: tuple[str, str], counts: Mapping[str, int], is_exact: bool
) -> tuple[str, str]:
    """An option with its number. What was not among those that were counted is not said to be none."""
    value, label = option
    number = counts.get(facet.tag(value), 0)
    if is_exact:
        return value, f"{label} ({number})"
    return value, f"{label} ({number}+)" if number else label


def _contained(parameter: str) -> str | None:
    """The document that a configuration must contain."""
    if not parameter:
        return None
    name, _, value = parameter.partition(":")
    is_number = value.lstrip("-")[:1].isdigit()
    said = format(Decimal(value), "f") if is_number else json.dumps(value)
    return f'{{"parameters": {{{json.dumps(name)}: {said}}}}}'
