"""Seals over the trail: what was written is compared with them, and found where it was altered.

A round covers all transactions between two numbers, every one of them finished. In it each tenant's entries of a
month have a seal: the number and the SHA-256 of every entry. Seals are chained by tenant and month, rounds are
chained with each other, and both are signed by the worker with a key that the database does not know.
"""

from django.db import migrations

TABLES = """
CREATE TABLE audit_rounds (
    number integer PRIMARY KEY,
    xact_from bigint NOT NULL,
    xact_to bigint NOT NULL,
    months jsonb NOT NULL,
    sealed_at timestamptz NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    key_id varchar(16) NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT audit_rounds_go_on CHECK (number > 0 AND xact_to > xact_from)
);
CREATE TABLE audit_seals (
    tenant_id uuid NOT NULL,
    month date NOT NULL,
    number integer NOT NULL,
    round integer NOT NULL,
    entries integer NOT NULL,
    leaves bytea NOT NULL,
    previous bytea NOT NULL,
    hash bytea NOT NULL,
    key_id varchar(16) NOT NULL,
    signature bytea NOT NULL,
    PRIMARY KEY (month, tenant_id, number),
    CONSTRAINT audit_seals_hold_each_entry CHECK (entries > 0 AND octet_length(leaves) = 40 * entries)
) PARTITION BY RANGE (month);
CREATE INDEX audit_seals_round ON audit_seals (round);
-- Hashes do not compress.
ALTER TABLE audit_seals ALTER COLUMN leaves SET STORAGE EXTERNAL;
CREATE TABLE audit_archives (
    month date PRIMARY KEY,
    entries bigint NOT NULL,
    seals integer NOT NULL,
    file varchar(255) NOT NULL,
    sha256 bytea NOT NULL,
    archived_at timestamptz NOT NULL,
    key_id varchar(16) NOT NULL,
    signature bytea NOT NULL
);
CREATE TABLE audit_seals_rest PARTITION OF audit_seals DEFAULT;
SELECT audit_close('audit_seals_rest');
SELECT audit_close(name) FROM unnest(ARRAY['audit_rounds', 'audit_archives', 'audit_seals']) name;
CREATE TRIGGER audit_only_added_to BEFORE UPDATE OR DELETE ON audit_seals
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_only_added_to BEFORE UPDATE OR DELETE ON audit_rounds
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_only_added_to BEFORE UPDATE OR DELETE ON audit_archives
    FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE POLICY tenant_reads ON audit_seals FOR SELECT TO tw_app, tw_owner USING (tenant_id = app_current_tenant());
CREATE POLICY tw_audit_select ON audit_seals FOR SELECT TO tw_audit USING (true);
CREATE POLICY tw_audit_insert ON audit_seals FOR INSERT TO tw_audit WITH CHECK (true);
CREATE POLICY tw_audit_select ON audit_rounds FOR SELECT TO tw_audit USING (true);
CREATE POLICY tw_audit_insert ON audit_rounds FOR INSERT TO tw_audit WITH CHECK (true);
CREATE POLICY tw_audit_select ON audit_archives FOR SELECT TO tw_audit, tw_owner USING (true);
CREATE POLICY tw_audit_insert ON audit_archives FOR INSERT TO tw_audit WITH CHECK (true);
GRANT SELECT ON audit_seals TO tw_app;
GRANT SELECT, INSERT ON audit_seals, audit_rounds, audit_archives TO tw_audit;
SELECT audit_keep_partitions(3);
"""
NO_TABLES = """
DROP TABLE audit_archives, audit_seals, audit_rounds;
"""

# The text of which an entry's hash is taken: a JSON array of texts, the same in every time zone and language.
# `user_id` is not in it, since closing an account empties it; `actor` says the same and is.
# A transaction of a number under the horizon is finished, whatever happens; so nothing in flight is missed.
UNSEALED = """
CREATE FUNCTION audit_unsealed(most integer, largest integer) RETURNS TABLE (
    round integer, xact_from bigint, xact_to bigint, round_before bytea, sealed_at timestamptz, more boolean,
    tenant_id uuid, month date, number bigint, before bytea, entries integer, leaves bytea)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off AS $body$
DECLARE
    r_number integer := 1;
    r_before bytea := '\\x';
    lower bigint := 0;
    upper bigint;
    first bigint;
    cut bigint;
    is_cut boolean := false;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('audit_seal')) THEN
        RETURN;  -- another worker is at it
    END IF;
    -- Not before the lock: the one that had it may have sealed further than was finished then.
    upper := public.audit_xact(pg_snapshot_xmin(pg_current_snapshot()));
    SELECT r.number + 1, r.xact_to, r.hash INTO r_number, lower, r_before
    FROM public.audit_rounds r ORDER BY r.number DESC LIMIT 1;
    IF NOT FOUND THEN
        r_number := 1; lower := 0; r_before := '\\x';
    END IF;
    IF upper < lower THEN
        RAISE EXCEPTION 'The transactions of this server are counted from the beginning again: it was restored.'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT l.xact INTO first FROM public.audit_logs l
    WHERE l.xact >= lower AND l.xact < upper ORDER BY l.xact LIMIT 1;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    SELECT l.xact INTO cut FROM public.audit_logs l
    WHERE l.xact >= lower AND l.xact < upper ORDER BY l.xact OFFSET most LIMIT 1;
    IF FOUND THEN
        upper := greatest(cut, first + 1);  -- the entries of one transaction stay together
        is_cut := true;
    END IF;
    RETURN QUERY
    WITH leaf AS MATERIALIZED (
        SELECT l.tenant_id AS t, date_trunc('month', l.created_at AT TIME ZONE 'UTC')::date AS m, l.id,
            int8send(l.id) || sha256(convert_to(json_build_array(l.id::text, l.tenant_id::text, l.actor, l.action,
                l.resource_type, l.resource_id, l.old_values::text, l.new_values::text, l.ip_address::text,
                l.user_agent, (extract(epoch FROM l.created_at) * 1000000)::bigint::text, l.login,
                l.xact::text)::text, 'UTF8')) AS bytes
        FROM public.audit_logs l WHERE l.xact >= lower AND l.xact < upper
    ), placed AS (
        SELECT leaf.*, (row_number() OVER (PARTITION BY t, m ORDER BY id) - 1) / largest AS part FROM leaf
    ), seal AS (
        SELECT t, m, part, count(*)::integer AS n, string_agg(bytes, '' ORDER BY id) AS bytes
        FROM placed GROUP BY t, m, part
    )
    SELECT r_number, lower, upper, r_before, now(), is_cut, s.t, s.m, coalesce(p.number, 0) + 1 + s.part,
        coalesce(p.hash, '\\x'), s.n, s.bytes
    FROM seal s LEFT JOIN LATERAL (
        SELECT q.number, q.hash FROM public.audit_seals q WHERE q.month = s.m AND q.tenant_id = s.t
        ORDER BY q.number DESC LIMIT 1) p ON true
    ORDER BY s.t, s.m, s.part;
END $body$;
CREATE FUNCTION audit_add_round(number integer, xact_from bigint, xact_to bigint, months jsonb,
    sealed_at timestamptz, before bytea, hash bytea, key_id text, signature bytea, seals jsonb)
RETURNS void LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
    INSERT INTO public.audit_rounds VALUES (audit_add_round.number, audit_add_round.xact_from,
        audit_add_round.xact_to, audit_add_round.months, audit_add_round.sealed_at, audit_add_round.before,
        audit_add_round.hash, audit_add_round.key_id, audit_add_round.signature);
    INSERT INTO public.audit_seals (tenant_id, month, number, round, entries, leaves, previous, hash, key_id, signature)
    SELECT s.t, s.m, s.n, audit_add_round.number, s.e, decode(s.l, 'hex'), decode(s.p, 'hex'), decode(s.h, 'hex'),
        audit_add_round.key_id, decode(s.s, 'hex')
    FROM jsonb_to_recordset(audit_add_round.seals) AS s (t uuid, m date, n integer, e integer, l text, p text, h text, s text)
$body$;
REVOKE ALL ON FUNCTION audit_unsealed(integer, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION audit_add_round(integer, bigint, bigint, jsonb, timestamptz, bytea, bytea, text, bytea, jsonb)
    FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit_unsealed(integer, integer) TO tw_worker;
GRANT EXECUTE ON FUNCTION audit_add_round(integer, bigint, bigint, jsonb, timestamptz, bytea, bytea, text, bytea, jsonb)
    TO tw_worker;
GRANT CREATE ON SCHEMA public TO tw_audit;
ALTER FUNCTION audit_unsealed(integer, integer) OWNER TO tw_audit;
ALTER FUNCTION audit_add_round(integer, bigint, bigint, jsonb, timestamptz, bytea, bytea, text, bytea, jsonb)
    OWNER TO tw_audit;
REVOKE CREATE ON SCHEMA public FROM tw_audit;
"""
# The note that a month lies in a file now. The counts are compared under a lock: what was not written is not dropped.
ARCHIVE = """
CREATE FUNCTION audit_add_archive(month date, entries bigint, seals integer, file text, sha256 bytea, key_id text,
    signature bytea)
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $body$
BEGIN
    IF (SELECT count(*) FROM public.audit_logs l
        WHERE l.created_at >= audit_add_archive.month::timestamp AT TIME ZONE 'UTC'
            AND l.created_at < (audit_add_archive.month + interval '1 month') AT TIME ZONE 'UTC')
        <> audit_add_archive.entries
        OR (SELECT count(*) FROM public.audit_seals s WHERE s.month = audit_add_archive.month)
        <> audit_add_archive.seals
    THEN
        RAISE EXCEPTION 'The month has other entries than the file.'
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO public.audit_archives VALUES (audit_add_archive.month, audit_add_archive.entries,
        audit_add_archive.seals, audit_add_archive.file, audit_add_archive.sha256, now(), audit_add_archive.key_id,
        audit_add_archive.signature);
END $body$;
REVOKE ALL ON FUNCTION audit_add_archive(date, bigint, integer, text, bytea, text, bytea) FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO tw_audit;
ALTER FUNCTION audit_add_archive(date, bigint, integer, text, bytea, text, bytea) OWNER TO tw_audit;
REVOKE CREATE ON SCHEMA public FROM tw_audit;
SET LOCAL ROLE tw_audit;
GRANT EXECUTE ON FUNCTION audit_add_archive(date, bigint, integer, text, bytea, text, bytea) TO tw_owner;
SET LOCAL ROLE tw_owner;
"""
NO_UNSEALED = """
DROP FUNCTION audit_add_round(integer, bigint, bigint, jsonb, timestamptz, bytea, bytea, text, bytea, jsonb);
DROP FUNCTION audit_unsealed(integer, integer);
"""


class Migration(migrations.Migration):
    dependencies = [("audit", "0003_ledger")]

    operations = [
        migrations.RunSQL(TABLES, NO_TABLES),
        migrations.RunSQL(UNSEALED, NO_UNSEALED),
        migrations.RunSQL(
            ARCHIVE, "DROP FUNCTION audit_add_archive(date, bigint, integer, text, bytea, text, bytea)"
        ),
    ]
