"""Migration operations that let a table leave its trace in the audit trail, whoever writes to it.

Each generates the code of its own trigger: comparing columns one by one costs a tenth of turning both rows
into JSON. A column belongs to one of three lists (kept, secret, left out), and a test asks for each.
"""

from collections.abc import Sequence

from tradewise.tenancy.operations import Statements

PLATFORM = "'00000000-0000-0000-0000-000000000000'::uuid"
#: Columns that are compared at once.
GROUP = 5
#: What the login of the worker writes by itself, and nobody asked for.
NOT_THE_WORKER = "session_user <> 'tw_worker'"

# What a function keeps for an entry: who it was, and what the service called it.
_WHO = """
    a record;
    act text;"""


def _entry(resource: str, verb: str, *, tenant: str, key: str, values: str, source: str = "") -> str:
    """The statement that writes an entry; from the rows of `source`, where there may be more than one."""
    user = f"(SELECT u.id FROM public.users u WHERE u.tenant_id = {tenant} AND u.id = a.number)"
    action = f"coalesce(act, '{resource}.' || {verb})"
    written = f"{tenant}, {user}, a.name, {action}, '{resource}', {key}, {values}, a.address, a.agent"
    return (
        "a := public.audit_actor();\n"
        "        act := left(nullif(current_setting('app.action', true), ''), 100);\n"
        "        INSERT INTO public.audit_logs (tenant_id, user_id, actor, action, resource_type, resource_id,"
        " old_values, new_values, ip_address, user_agent)\n        "
        + (f"SELECT {written} FROM {source};" if source else f"VALUES ({written});")
    )


class _Traced(Statements):
    """What both kinds share: functions of `tw_audit`, which nobody can call but a trigger."""

    triggers = ("audit_inserted", "audit_changed", "audit_deleted")

    def __init__(self, model_name: str, *, resource: str) -> None:
        super().__init__(model_name)
        self.resource = resource

    def _function(self, suffix: str, lists: str, body: str) -> list[str]:
        name = f"audit_{{name}}{suffix}"
        return [
            (
                f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER"
                f" SET search_path = pg_catalog, pg_temp AS $body$\n-- {lists}\n{body}\n    RETURN NULL;\nEND\n$body$"
            ),
            f"REVOKE ALL ON FUNCTION {name}() FROM PUBLIC",
        ]

    def _handed_over(self, *suffixes: str) -> list[str]:
        """The functions become those of the only role that may write; after the triggers, which need them."""
        return [
            "GRANT CREATE ON SCHEMA public TO tw_audit",
            *(f"ALTER FUNCTION audit_{{name}}{suffix}() OWNER TO tw_audit" for suffix in suffixes),
            "REVOKE CREATE ON SCHEMA public FROM tw_audit",
        ]

    def _without(self, *functions: str) -> list[str]:
        return [
            *(f"DROP TRIGGER {trigger} ON {{table}}" for trigger in self.triggers),
            *(f"DROP FUNCTION audit_{{name}}{suffix}()" for suffix in functions),
        ]


class Trace(_Traced):
    """Every row that is inserted, changed or deleted leaves an entry with its old and new values.

    `resource` is the table's name in the trader's words and `key` the column by which a row is known, or an
    expression of `{row}` where that stands in another table. `kept` columns are written out; `secrets` appear as
    changed, with a fingerprint; `sealed` ones are JSON in which secrets lie as `{"$enc": …}`; `left_out` ones change
    by themselves, and a row in which nothing else changed leaves no entry. `tenant` is the column that says whose
    row it is.
    """

    def __init__(
        self,
        model_name: str,
        *,
        resource: str,
        key: str,
        kept: str,
        secrets: str = "",
        sealed: str = "",
        left_out: str = "",
        tenant: str = "tenant_id",
    ) -> None:
        super().__init__(model_name, resource=resource)
        self.key, self.tenant = key, tenant
        self.kept, self.secrets, self.sealed, self.left_out = kept, secrets, sealed, left_out

    def _columns(self) -> list[tuple[str, str]]:
        """(column, how a value of it is shown; `%s` is the value) of all that is not left out."""
        return [
            *((name, "%s") for name in _names(self.kept)),
            *((name, "public.audit_mark(%s)") for name in _names(self.secrets)),
            *((name, "public.audit_without_secrets(%s)") for name in _names(self.sealed)),
        ]

    def _whole(self, row: str) -> str:
        pairs = ", ".join(f"'{name}', {_shown(shown, row, name)}" for name, shown in self._columns())
        return f"jsonb_build_object({pairs})"

    def _write(self, row: str, verb: str, values: str) -> str:
        owner = f'{row}."{self.tenant}"'
        tenant = owner if self.tenant == "tenant_id" else f"coalesce({owner}, {PLATFORM})"
        key = self.key.replace("{row}", row) if "{row}" in self.key else f'{row}."{self.key}"::text'
        return _entry(self.resource, verb, tenant=tenant, key=key, values=values)

    def forwards(self) -> Sequence[str]:
        """One function and one trigger for each way of changing a row; an update that changed nothing calls none."""
        lists = "; ".join(
            f"{name}: {', '.join(_names(getattr(self, name)))}"
            for name in ("kept", "secrets", "sealed", "left_out")
        )
        # No WHEN: PostgreSQL reads such a condition anew in every statement, and that cost as much as all the rest.
        columns = ", ".join(f'"{name}"' for name, _ in self._columns())
        run = "EXECUTE FUNCTION audit_{name}()"
        return [
            *self._function("", lists, self._body()),
            f"CREATE TRIGGER audit_inserted AFTER INSERT ON {{table}} FOR EACH ROW {run}",
            f"CREATE TRIGGER audit_changed AFTER UPDATE OF {columns} ON {{table}} FOR EACH ROW {run}",
            f"CREATE TRIGGER audit_deleted AFTER DELETE ON {{table}} FOR EACH ROW {run}",
            *self._handed_over(""),
        ]

    def _body(self) -> str:
        return f"""DECLARE{_WHO}
    was jsonb := '{{}}';
    now_is jsonb := '{{}}';
BEGIN
    IF TG_OP = 'INSERT' THEN
        {self._write("NEW", "'create'", f"NULL, {self._whole('NEW')}")}
        RETURN NULL;
    ELSIF TG_OP = 'DELETE' THEN
        {self._write("OLD", "'delete'", f"{self._whole('OLD')}, NULL")}
        RETURN NULL;
    END IF;
{self._compared()}
    IF now_is = '{{}}' THEN
        RETURN NULL;
    END IF;
    {self._write("OLD", "'change'", "was, now_is")}"""

    def _compared(self) -> str:
        """In groups: most of the columns are as they were, and a group is one expression."""
        columns = self._columns()
        groups = [columns[begin : begin + GROUP] for begin in range(0, len(columns), GROUP)]
        lines = []
        for group in groups:
            old, new = (", ".join(f'{row}."{name}"' for name, _ in group) for row in ("OLD", "NEW"))
            lines.append(f"    IF ROW({old}) IS DISTINCT FROM ROW({new}) THEN")
            for name, shown in group:
                lines += [
                    f'        IF OLD."{name}" IS DISTINCT FROM NEW."{name}" THEN',
                    f"            was := was || jsonb_build_object('{name}', {_shown(shown, 'OLD', name)});",
                    f"            now_is := now_is || jsonb_build_object('{name}', {_shown(shown, 'NEW', name)});",
                    "        END IF;",
                ]
            lines.append("    END IF;")
        return "\n".join(lines)

    def backwards(self) -> Sequence[str]:
        """Nothing is noted any more."""
        return self._without("")


class Retrace(Statements):
    """Trace a table whose columns have changed: by the lists of `now`, and back by those of `before`."""

    def __init__(self, *, before: Trace, now: Trace) -> None:
        super().__init__(now.model_name)
        self.before, self.now = before, now

    def forwards(self) -> Sequence[str]:
        """In one transaction, so that no change falls between the two."""
        return [*self.before.backwards(), *self.now.forwards()]

    def backwards(self) -> Sequence[str]:
        """As it was."""
        return [*self.now.backwards(), *self.before.forwards()]


class TraceSeries(_Traced):
    """A series that the worker writes from what it saw: noted is what anybody else does to it.

    A row that is inserted or changed by another login leaves an entry with its values. Deletions leave one
    entry for each statement and parent with the number of rows, since a bot takes its history along. With
    `worker_updates` the worker's own updates are its work too, otherwise each is noted.
    """

    def __init__(self, model_name: str, *, resource: str, parent: str, worker_updates: bool = False) -> None:
        super().__init__(model_name, resource=resource)
        self.parent, self.worker_updates = parent, worker_updates

    def forwards(self) -> Sequence[str]:
        """Two functions: one for rows, one for statements that delete."""
        quiet = f" WHEN ({NOT_THE_WORKER})"
        rows, gone = "EXECUTE FUNCTION audit_{name}()", "EXECUTE FUNCTION audit_{name}_gone()"
        return [
            *self._function(
                "", "series", f"DECLARE{_WHO}\n    r record := NEW;\nBEGIN\n    {self._written()}"
            ),
            *self._function("_gone", "series", f"DECLARE{_WHO}\nBEGIN\n    {self._deleted()}"),
            f"CREATE TRIGGER audit_inserted AFTER INSERT ON {{table}} FOR EACH ROW{quiet} {rows}",
            (
                "CREATE TRIGGER audit_changed AFTER UPDATE ON {table} FOR EACH ROW"
                f"{quiet if self.worker_updates else ''} {rows}"
            ),
            (
                "CREATE TRIGGER audit_deleted AFTER DELETE ON {table} REFERENCING OLD TABLE AS gone"
                f" FOR EACH STATEMENT {gone}"
            ),
            *self._handed_over("", "_gone"),
        ]

    def _written(self) -> str:
        return _entry(
            self.resource,
            "CASE TG_OP WHEN 'INSERT' THEN 'create' ELSE 'change' END",
            tenant="r.tenant_id",
            key=self.parent.replace("{row}", "r"),
            values="CASE TG_OP WHEN 'UPDATE' THEN to_jsonb(OLD) END, to_jsonb(NEW)",
        )

    def _deleted(self) -> str:
        key = self.parent.replace("{row}", "r")
        return _entry(
            self.resource,
            "'delete'",
            tenant="w.tenant",
            key="w.key",
            values="jsonb_build_object('rows', w.gone), NULL",
            source=f"(SELECT r.tenant_id AS tenant, {key} AS key, count(*) AS gone FROM gone r GROUP BY 1, 2) w",
        )

    def backwards(self) -> Sequence[str]:
        """Nothing is noted any more."""
        return self._without("", "_gone")


def _shown(shown: str, row: str, name: str) -> str:
    return shown % f'{row}."{name}"'


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]
