"""Migration operations that hand isolation to PostgreSQL: the only place that writes policy SQL.

The order inside each is policy, grant, enable, force: policies and grants are inert until then, and
the other way round a running site would see empty tables for a moment.
"""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

TENANT = "app_current_tenant()"

#: Who works inside a tenant's context: the site, the worker, and the ops login as the owner.
INSIDE = "tw_app, tw_worker, tw_owner"


class Statements(Operation):
    """SQL forwards and backwards on one table, which Django's models cannot see.

    `model_name` is a model of the migration's app, or "app.model" of another's.
    """

    reversible = True
    reduces_to_sql = True

    def __init__(self, model_name: str) -> None:
        self.model_name = model_name

    def state_forwards(self, app_label: str, state: ProjectState) -> None:
        """The models do not change."""

    def forwards(self) -> Sequence[str]:
        """Statements that make it so; `{table}` is the table's quoted name, `{name}` its bare one."""
        raise NotImplementedError

    def backwards(self) -> Sequence[str]:
        """Statements that undo it."""
        raise NotImplementedError

    def database_forwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Run the statements."""
        self._run(self.forwards(), app_label, schema_editor, to_state)

    def database_backwards(
        self,
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        from_state: ProjectState,
        to_state: ProjectState,
    ) -> None:
        """Undo the statements."""
        self._run(self.backwards(), app_label, schema_editor, from_state)

    def _run(
        self,
        statements: Sequence[str],
        app_label: str,
        schema_editor: BaseDatabaseSchemaEditor,
        state: ProjectState,
    ) -> None:
        name = self._table_name(app_label, state)
        for statement in statements:
            schema_editor.execute(
                statement.replace("{table}", schema_editor.quote_name(name)).replace("{name}", name)
            )

    def _table_name(self, app_label: str, state: ProjectState) -> str:
        label, _, model_name = self.model_name.rpartition(".")
        model: Any = state.apps.get_model(label or app_label, model_name)
        return str(model._meta.db_table)

    def describe(self) -> str:
        """For `migrate --plan`."""
        return f"{type(self).__name__} on {self.model_name}"


class IsolateByTenant(Statements):
    """Let a tenant see and write its own rows and no others, whoever owns the table.

    `column` holds the tenant. `guard` is an extra condition on what the site may write. `grants` is what
    `tw_app` may do at all. One policy for each command, because the USING of a policy FOR ALL
    also widens what is read.
    """

    def __init__(
        self,
        model_name: str,
        *,
        column: str = "tenant_id",
        guard: str = "",
        grants: str = "SELECT, INSERT, UPDATE, DELETE",
    ) -> None:
        super().__init__(model_name)
        self.column = column
        self.guard = guard
        self.grants = grants

    def forwards(self) -> Sequence[str]:
        """Policies for the site and for those who work inside a tenant's context."""
        mine = f"{self.column} = {TENANT}"
        written = f"{mine} AND {self.guard}" if self.guard else mine
        site, inside = ("tw_app", "tw_worker, tw_owner") if self.guard else (INSIDE, "")
        statements = []
        for prefix, roles, check in (("tenant", site, written), ("inside", inside, mine)):
            if not roles:
                continue
            statements += [
                f"CREATE POLICY {prefix}_reads ON {{table}} FOR SELECT TO {roles} USING ({mine})",
                f"CREATE POLICY {prefix}_inserts ON {{table}} FOR INSERT TO {roles} WITH CHECK ({check})",
                (
                    f"CREATE POLICY {prefix}_updates ON {{table}} FOR UPDATE TO {roles}"
                    f" USING ({check}) WITH CHECK ({check})"
                ),
                f"CREATE POLICY {prefix}_deletes ON {{table}} FOR DELETE TO {roles} USING ({check})",
            ]
        return [
            *statements,
            f"GRANT {self.grants} ON {{table}} TO tw_app",
            "ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        ]

    def backwards(self) -> Sequence[str]:
        """The table is open to its owner alone again."""
        prefixes = ("tenant", "inside") if self.guard else ("tenant",)
        return [
            "ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
            "ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
            "REVOKE ALL ON {table} FROM tw_app",
            *(
                f"DROP POLICY {prefix}_{command} ON {{table}}"
                for prefix in prefixes
                for command in ("reads", "inserts", "updates", "deletes")
            ),
        ]


class Serve(Statements):
    """Open named columns of an isolated table to a login that works across tenants.

    `reads`, `inserts` and `updates` are column lists ("*" for all, empty for none); `deletes` opens
    rows. Rows are all of them, or those that `rows` (a condition) names.
    """

    def __init__(
        self,
        model_name: str,
        *,
        role: str,
        reads: str = "",
        inserts: str = "",
        updates: str = "",
        deletes: bool = False,
        rows: str = "true",
    ) -> None:
        super().__init__(model_name)
        self.role = role
        self.reads, self.inserts, self.updates, self.deletes = reads, inserts, updates, deletes
        self.rows = rows

    def _commands(self) -> list[tuple[str, str, str]]:
        """(command, column list, clause) of each command that is open."""
        using, check = f"USING ({self.rows})", f"WITH CHECK ({self.rows})"
        wanted = [
            ("SELECT", self.reads, using),
            ("INSERT", self.inserts, check),
            ("UPDATE", self.updates, f"{using} {check}"),
            ("DELETE", "*" if self.deletes else "", using),
        ]
        return [(command, columns, clause) for command, columns, clause in wanted if columns]

    def forwards(self) -> Sequence[str]:
        """One policy and one grant for each open command."""
        policies = [
            f"CREATE POLICY {self.role}_{command.lower()} ON {{table}} FOR {command} TO {self.role} {clause}"
            for command, _, clause in self._commands()
        ]
        grants = [
            f"GRANT {command}{'' if columns == '*' else f' ({columns})'} ON {{table}} TO {self.role}"
            for command, columns, _ in self._commands()
        ]
        return [*policies, *grants]

    def backwards(self) -> Sequence[str]:
        """Nothing is open to the role any more."""
        return [
            f"REVOKE ALL ON {{table}} FROM {self.role}",
            *(
                f"REVOKE {command} ({columns}) ON {{table}} FROM {self.role}"
                for command, columns, _ in self._commands()
                if columns != "*"
            ),
            *(
                f"DROP POLICY {self.role}_{command.lower()} ON {{table}}"
                for command, _, _ in self._commands()
            ),
        ]


class Grant(Statements):
    """Give a role rights on a table that holds no tenant's data, or on a column that came later."""

    def __init__(self, model_name: str, *, role: str, rights: str) -> None:
        super().__init__(model_name)
        self.role, self.rights = role, rights

    def forwards(self) -> Sequence[str]:
        """The grant."""
        return [f"GRANT {self.rights} ON {{table}} TO {self.role}"]

    def backwards(self) -> Sequence[str]:
        """Its revocation."""
        return [f"REVOKE {self.rights} ON {{table}} FROM {self.role}"]


class Withhold(Grant):
    """Take rights from a role that an earlier migration gave it."""

    def forwards(self) -> Sequence[str]:
        """The revocation."""
        return super().backwards()

    def backwards(self) -> Sequence[str]:
        """Given again."""
        return super().forwards()


class ServeAnew(Statements):
    """Open a table to a role as `now` says instead of as `before` says."""

    def __init__(self, *, before: Serve, now: Serve) -> None:
        super().__init__(now.model_name)
        self.before, self.now = before, now

    def forwards(self) -> Sequence[str]:
        """In one transaction, so that the role is never without."""
        return [*self.before.backwards(), *self.now.forwards()]

    def backwards(self) -> Sequence[str]:
        """As it was."""
        return [*self.now.backwards(), *self.before.forwards()]


class ForeignKey(Statements):
    """A foreign key that Django cannot say: composite, or with ON DELETE in the database.

    A plain key to another tenant's row would be accepted, because the check of a foreign key
    bypasses row-level security; with the tenant in the key it is refused.
    """

    def __init__(
        self, model_name: str, *, name: str, columns: str, references: str, on_delete: str = "CASCADE"
    ) -> None:
        super().__init__(model_name)
        self.name, self.columns, self.references, self.on_delete = name, columns, references, on_delete

    def forwards(self) -> Sequence[str]:
        """Add the constraint."""
        return [
            (
                f"ALTER TABLE {{table}} ADD CONSTRAINT {self.name} FOREIGN KEY ({self.columns})"
                f" REFERENCES {self.references} ON DELETE {self.on_delete}"
            )
        ]

    def backwards(self) -> Sequence[str]:
        """Drop the constraint."""
        return [f"ALTER TABLE {{table}} DROP CONSTRAINT {self.name}"]


class Fillfactor(Statements):
    """Leave room on each page, so that an update of a hot column stays on it (HOT)."""

    def __init__(self, model_name: str, percent: int) -> None:
        super().__init__(model_name)
        self.percent = percent

    def forwards(self) -> Sequence[str]:
        """For rows written from now on."""
        return [f"ALTER TABLE {{table}} SET (fillfactor = {self.percent})"]

    def backwards(self) -> Sequence[str]:
        """PostgreSQL's default."""
        return ["ALTER TABLE {table} RESET (fillfactor)"]
