"""Factories write as the tenant they write for; no test needs a back door."""

import uuid
from typing import Any

import factory
from django.db import models

from tests.factories.accounts import UserFactory
from tradewise.tenancy.context import tenant_context


class TenantOwnedFactory(factory.django.DjangoModelFactory):
    """Enters the row's tenant; without one, makes a trader."""

    class Meta:
        abstract = True

    tenant_id = factory.LazyFunction(lambda: UserFactory().tenant_id)

    @classmethod
    def _create(cls, model_class: type[models.Model], *args: Any, **kwargs: Any) -> models.Model:
        tenant_id: uuid.UUID = kwargs["tenant_id"]
        with tenant_context(tenant_id):
            return model_class._base_manager.create(*args, **kwargs)
