"""People."""

from typing import Any

import factory

from accounts.models import User
from tradewise.tenancy.context import tenant_context

PASSWORD = "correct horse battery"


class UserFactory(factory.django.DjangoModelFactory):
    """A trader, who is a tenant."""

    class Meta:
        model = User

    email = factory.Sequence(lambda n: f"trader{n}@example.com")
    full_name = factory.Sequence(lambda n: f"Trader {n}")

    @classmethod
    def _create(cls, model_class: type[User], *args: Any, **kwargs: Any) -> User:
        password = kwargs.pop("password", PASSWORD)
        user = model_class(**kwargs)
        user.set_password(password)
        with tenant_context(user.tenant_id):
            user.save(force_insert=True)
        return user
