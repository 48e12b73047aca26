import pytest
from django.core.exceptions import FieldError
from django.db import IntegrityError, connection, models, transaction
from django.db.models.sql import UpdateQuery

from bots.models import Bot
from tradewise.secrets import open_sealed, seal
from tradewise.secrets.fields import SealedCharField, SealedText
from tradewise.tenancy.context import tenant_context

CONTEXT = "tests|tenant|row"

pytestmark = pytest.mark.usefixtures("keys")


class Keeper(models.Model):
    """A model of the tests alone; it has no table."""

    token = SealedCharField(max_length=512, null=True, blank=True)

    class Meta:
        app_label = "secrets_tests"
        managed = False


def prepared(value: object) -> object:
    return Keeper._meta.get_field("token").get_db_prep_save(value, connection)


@pytest.mark.parametrize("plain", ["user:password", "sealed", b"bytes", 7, ["x"]])
def test_plaintext_is_refused_before_it_reaches_the_database(plain: object) -> None:
    with pytest.raises(TypeError, match="token takes a sealed value only"):
        prepared(plain)


def test_an_update_of_many_rows_refuses_plaintext_too() -> None:
    query = UpdateQuery(Keeper)
    query.add_update_values({"token": "user:password"})
    with pytest.raises(TypeError, match="sealed value only"):
        query.get_compiler(connection=connection).as_sql()


def test_a_sealed_value_is_stored_as_it_is() -> None:
    sealed = seal("x", context=CONTEXT)
    assert prepared(sealed) == sealed
    assert type(prepared(SealedText(sealed))) is str
    assert prepared(SealedText(sealed)) == sealed


def test_nothing_entered_is_null() -> None:
    assert prepared(None) is None
    assert prepared("") is None


def test_a_stored_value_is_not_rendered() -> None:
    from django.template import Context, Engine

    sealed = seal("x", context=CONTEXT)
    value = SealedCharField(max_length=512).from_db_value(sealed)
    page = Engine().from_string("{{ v }} {{ v|safe }} {% autoescape off %}{{ v }}{% endautoescape %}")
    shown = [str(value), repr(value), f"{value}", f"{value!s:>9}", page.render(Context({"v": value}))]
    assert not any(sealed[:20] in text for text in shown)
    assert value is not None
    assert open_sealed(value, context=CONTEXT).reveal() == "x"


def test_the_column_is_a_varchar_with_a_check() -> None:
    field = Keeper._meta.get_field("token")
    assert field.db_type(connection) == "varchar(512)"
    assert "length" in str(field.db_check(connection))


def test_the_database_refuses_plaintext_in_raw_sql(bot: Bot) -> None:
    sealed = seal("user:password", context=CONTEXT)
    update = "UPDATE bots SET api_token = %s WHERE id = %s"
    with tenant_context(bot.tenant_id), connection.cursor() as cursor:
        cursor.execute(update, [sealed, bot.pk])
        assert cursor.rowcount == 1
        for plain in ("user:password", "A" * 200, "AQ" * 20, sealed + "\n"):
            with pytest.raises(IntegrityError, match="api_token"), transaction.atomic():
                cursor.execute(update, [plain, bot.pk])


def test_a_sealed_value_comes_back_hidden_and_whole(bot: Bot) -> None:
    sealed = seal("user:password", context=CONTEXT)
    with tenant_context(bot.tenant_id):
        Bot.objects.filter(pk=bot.pk).update(api_token=sealed)
        stored = Bot.objects.get(pk=bot.pk).api_token
        with pytest.raises(TypeError, match="sealed value only"):
            Bot.objects.filter(pk=bot.pk).update(api_token="user:password")
    assert str(stored) == "sealed"
    assert stored is not None
    assert open_sealed(stored, context=CONTEXT).reveal() == "user:password"


def test_there_is_no_looking_for_a_token() -> None:
    with pytest.raises(FieldError):
        Keeper._default_manager.filter(token="x")
    with pytest.raises(FieldError):
        Keeper._default_manager.filter(token__startswith="A")
    assert "IS NULL" in str(Keeper._default_manager.filter(token__isnull=True).query)


def test_a_migration_can_write_the_field_down() -> None:
    from django.db.migrations.writer import MigrationWriter

    text, imports = MigrationWriter.serialize(Keeper._meta.get_field("token"))
    assert text.startswith("tradewise.secrets.fields.SealedCharField(")
    assert "max_length=512" in text
    assert imports
    clone = Keeper._meta.get_field("token").clone()
    assert isinstance(clone, SealedCharField)
    assert clone.null


def test_no_form_shows_it() -> None:
    from django.forms import modelform_factory

    assert list(modelform_factory(Keeper, fields="__all__").base_fields) == []
