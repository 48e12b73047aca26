"""What browsing goes by: columns that the database reckons from a template, and their indexes.

The functions take whatever JSON they are given: a record that is not as agreed has no figures, and is written all the same.
"""

from django.db import migrations

from audit.operations import Retrace, Trace

# Each option that is counted has a bit, by its place here; marketplace/facets.py has the same list.
FACETS = """
CREATE FUNCTION template_facets() RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ARRAY[
    'risk:low', 'risk:medium', 'risk:high',
    'kind:dca', 'kind:grid', 'kind:momentum', 'kind:arbitrage',
    'tier:run_by_tradewise', 'tier:observed', 'tier:simulated', 'tier:none',
    'days:30', 'days:90', 'days:180', 'days:365',
    'drawdown:5', 'drawdown:10', 'drawdown:20', 'drawdown:30', 'drawdown:50',
    'return:0', 'return:5', 'return:10', 'return:25', 'return:50', 'return:100',
    'timeframe:1m', 'timeframe:3m', 'timeframe:5m', 'timeframe:15m', 'timeframe:30m', 'timeframe:1h', 'timeframe:4h',
    'timeframe:1d', 'currency:USDT', 'currency:USDC', 'currency:EUR', 'currency:BTC'];

CREATE FUNCTION template_mask(tags text[]) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN (
    SELECT coalesce(bit_or(1::bigint << (array_position(template_facets(), t) - 1)), 0)
    FROM unnest(tags) t WHERE t = ANY (template_facets()));
"""
NO_FACETS = "DROP FUNCTION template_mask(text[]); DROP FUNCTION template_facets()"

# A class comes before every figure: 3 is a record to judge by, 2 one of too little data, of an earlier version or one
# that has ended, 1 one on invented prices, 0 none. What is false or not there is NULL, and falls to the next.
RECORD = r"""
CREATE FUNCTION template_number(data jsonb, name text) RETURNS float8 LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN data ->> name ~ '^-?[0-9]{1,6}([.][0-9]{1,30})?$' THEN (data ->> name)::float8 END;

CREATE FUNCTION template_class(data jsonb, version integer) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN (data ->> 'tier' IN ('run_by_tradewise', 'observed')) IS NOT TRUE THEN 0
         WHEN (data ->> 'mode' IN ('dry_run', 'live')) IS NOT TRUE OR data -> 'is_replay' = 'true'::jsonb THEN 1
         WHEN data -> 'is_enough' = 'true'::jsonb AND data ->> 'version' = version::text
              AND (data -> 'ended' = 'true'::jsonb) IS NOT TRUE THEN 3
         ELSE 2 END;

-- What figures are read from: all but the long parts, which lie outside of the row and are unpacked at every look.
CREATE FUNCTION template_slim(data jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN jsonb_typeof(data) = 'object' THEN data - '{curve,hold,months,caveats}'::text[] END;

CREATE FUNCTION template_rank(sort text, data jsonb, version integer, featured timestamptz) RETURNS float8
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    record jsonb := public.template_slim(data);
    class integer := public.template_class(record, version);
    figure float8;
BEGIN
    IF sort = 'recommended' THEN
        RETURN CASE WHEN featured IS NULL THEN 0 WHEN class = 1 THEN 5e3 ELSE 1e6 END + class * 1e4 + CASE WHEN class > 0
            THEN least(greatest(coalesce(public.template_number(record, 'days_observed'), 0), 0), 4999) ELSE 0 END;
    ELSIF class = 0 OR sort <> 'days_observed' AND (record -> 'is_enough' = 'true'::jsonb) IS NOT TRUE THEN
        RETURN 0;
    END IF;
    figure := public.template_number(record, sort);
    RETURN CASE WHEN figure IS NULL THEN 0 WHEN sort = 'return' THEN class * 1e7 + figure
        WHEN sort = 'drawdown' THEN class * 1e7 - figure ELSE least(class, 2) * 1e7 + figure END;
END $body$;
"""
NO_RECORD = """
DROP FUNCTION template_rank(text, jsonb, integer, timestamptz);
DROP FUNCTION template_slim(jsonb);
DROP FUNCTION template_class(jsonb, integer);
DROP FUNCTION template_number(jsonb, text)
"""

# Thresholds are tags too, so that every filter is an element of one array, and all of them meet in one index.
TAGS = r"""
CREATE FUNCTION template_pairs(config jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN ARRAY(
    SELECT DISTINCT p FROM jsonb_array_elements_text(
        CASE WHEN jsonb_typeof(config -> 'pairs') = 'array' THEN config -> 'pairs' ELSE '[]' END) p
    WHERE p ~ '^[A-Z0-9]{1,20}/[A-Z0-9]{1,20}$' ORDER BY 1 LIMIT 20);

CREATE FUNCTION template_tags(risk text, kind text, config jsonb, needed numeric, data jsonb) RETURNS text[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $body$
DECLARE
    record jsonb := public.template_slim(data);
    class integer := public.template_class(record, 0);
    timeframe text := CASE WHEN config ->> 'timeframe' ~ '^[0-9]{1,2}[mhd]$' THEN config ->> 'timeframe' END;
    currency text := CASE WHEN config ->> 'stake_currency' ~ '^[A-Z0-9]{1,20}$' THEN config ->> 'stake_currency' END;
    tags text[] := array_remove(ARRAY['risk:' || risk, 'kind:' || kind, 'timeframe:' || timeframe, 'currency:' || currency,
        'tier:' || CASE class WHEN 0 THEN 'none' WHEN 1 THEN 'simulated' ELSE record ->> 'tier' END], NULL);
    figure float8;
    n integer;
BEGIN
    FOR n IN 1 .. cardinality(public.template_pairs(config)) LOOP
        tags := tags || ('pair:' || (public.template_pairs(config))[n]);
    END LOOP;
    IF currency IS NOT NULL THEN
        FOREACH n IN ARRAY ARRAY[50, 100, 250, 500, 1000, 2500, 5000, 10000, 50000] LOOP
            IF needed <= n THEN
                tags := tags || ('needs:' || currency || ':' || n);
            END IF;
        END LOOP;
    END IF;
    IF class = 0 THEN
        RETURN tags;
    END IF;
    figure := public.template_number(record, 'days_observed');
    FOREACH n IN ARRAY ARRAY[30, 90, 180, 365] LOOP
        IF figure >= n THEN
            tags := tags || ('days:' || n);
        END IF;
    END LOOP;
    IF (record -> 'is_enough' = 'true'::jsonb) IS NOT TRUE THEN
        RETURN tags;
    END IF;
    figure := public.template_number(record, 'drawdown');
    FOREACH n IN ARRAY ARRAY[5, 10, 20, 30, 50] LOOP
        IF figure <= n / 100.0::float8 THEN
            tags := tags || ('drawdown:' || n);
        END IF;
    END LOOP;
    figure := public.template_number(record, 'return');
    FOREACH n IN ARRAY ARRAY[0, 5, 10, 25, 50, 100] LOOP
        IF figure >= n / 100.0::float8 THEN
            tags := tags || ('return:' || n);
        END IF;
    END LOOP;
    RETURN tags;
END $body$;
"""
NO_TAGS = """
DROP FUNCTION template_tags(text, text, jsonb, numeric, jsonb);
DROP FUNCTION template_pairs(jsonb)
"""

# Words as they are written, so that one that is being typed finds them, and their stems. A pair is two words.
WORDS = """
CREATE FUNCTION template_words(name text, kind text, config jsonb, description text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE BEGIN ATOMIC
    SELECT setweight(to_tsvector('pg_catalog.simple', n) || to_tsvector('pg_catalog.english', n), 'A')
        || setweight(to_tsvector('pg_catalog.simple', k), 'B')
        || setweight(to_tsvector('pg_catalog.english', d), 'C') || setweight(to_tsvector('pg_catalog.simple', d), 'D')
    FROM (SELECT translate(name, '/', ' ') AS n, left(translate(coalesce(description, ''), '/', ' '), 10000) AS d,
        coalesce(kind, '') || ' ' || translate(array_to_string(template_pairs(config), ' '), '/', ' ') AS k) t;
END;
"""
NO_WORDS = "DROP FUNCTION template_words(text, text, jsonb, text)"

# What somebody typed, as the words that a search must find: NULL where there is none to look up. A word that is still
# being typed, the last one, is looked for by its beginning. Nothing typed can be an error: no text becomes a query.
QUERY = r"""
CREATE FUNCTION template_query(typed text) RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp SET client_min_messages = warning AS $body$
DECLARE
    words text := translate(left(typed, 200), '/', ' ');
    last text := substring(words FROM '(?:^|\s)([^\s"\-][^\s"]+)$');
    head text := left(words, -length(last));
    asked tsquery := websearch_to_tsquery('english', words);
    begun text;
BEGIN
    IF last IS NOT NULL AND lower(last) <> 'or' AND length(words) - length(replace(words, '"', '')) IN (0, 2, 4) THEN
        begun := plainto_tsquery('simple', last)::text;
        IF begun <> '' THEN
            IF head ~* '\mor\s+$' THEN
                asked := asked || websearch_to_tsquery('english', head) || (begun || ':*')::tsquery;
            ELSE
                asked := asked || (websearch_to_tsquery('english', head) && (begun || ':*')::tsquery);
            END IF;
        END IF;
    END IF;
    -- Without a word that must be there, every template would have to be looked at.
    RETURN CASE WHEN querytree(asked) NOT IN ('', 'T') THEN asked END;
END $body$;
"""
NO_QUERY = "DROP FUNCTION template_query(text)"

# Two ways to the same answer. What few templates have is taken from the GIN indexes and sorted: at most 5,000. What
# many have lies everywhere in the order asked for, so that order's own index is read from where the page begins. Which
# way it is, a look at the top of that order tells: 20,000 narrow entries, or 2,000 rows where bits do not tell all.
# Policies do not bind the owner of these functions, or no GIN index would be used; so they name public templates
# themselves, in every statement. Text that somebody typed is only ever a parameter.
COUNTED = ", ".join(f"count(*) FILTER (WHERE f & {1 << place} <> 0)" for place in range(38))
BROWSE = r"""
CREATE FUNCTION template_conditions(asked tsquery, wanted text[], parameters jsonb) RETURNS text
LANGUAGE sql IMMUTABLE RETURN
    CASE WHEN wanted <> '{}' THEN ' AND tags @> $1' ELSE '' END
    || CASE WHEN asked IS NOT NULL THEN ' AND search @@ $2' ELSE '' END
    || CASE WHEN parameters IS NOT NULL THEN ' AND config_json @> $3' ELSE '' END;

CREATE FUNCTION template_candidates(asked tsquery, wanted text[], parameters jsonb, sort text)
RETURNS TABLE (id integer, facets bigint, key float8) LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_indexscan = off
SET enable_indexonlyscan = off SET enable_bitmapscan = on SET work_mem = '16MB' SET jit = off AS $body$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT id, facets, %s FROM public.bot_templates WHERE status = ''published''%s LIMIT 5001',
        CASE sort WHEN 'relevance' THEN 'ts_rank(search, $2)::float8' ELSE format('%I', 'rank_' || sort) END,
        public.template_conditions(asked, wanted, parameters)) USING wanted, asked, parameters;
END $body$;

CREATE FUNCTION browse_templates(typed text, wanted text[], parameters jsonb, sort text, place_sort text,
    place_key float8, place_id integer, backwards boolean, most integer,
    OUT is_understood boolean, OUT sorted_by text, OUT ids integer[], OUT keys float8[], OUT total integer,
    OUT is_exact boolean, OUT counts integer[])
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_bitmapscan = off SET jit = off AS $body$
DECLARE
    asked tsquery := public.template_query(typed);
    bits bigint := public.template_mask(wanted);
    others text[] := ARRAY(SELECT t FROM unnest(wanted) t WHERE t <> ALL (public.template_facets()));
    is_plain boolean := asked IS NULL AND others = '{}' AND parameters IS NULL;
    is_all boolean := is_plain AND bits = 0;
    conditions text := public.template_conditions(asked, others, parameters);
    -- What has no record, or an invented one, lies at the end of these orders: begin there.
    bound text := CASE WHEN sort IN ('return', 'drawdown', 'days') THEN format(CASE WHEN 'tier:none' = ANY (wanted)
        THEN ' AND %I <= 0' WHEN 'tier:simulated' = ANY (wanted) THEN ' AND %I < 2e7' ELSE '' END, 'rank_' || sort)
        ELSE '' END;
    more text := CASE WHEN is_plain THEN '' ELSE ', tags, search, config_json' END;
    near integer := CASE WHEN is_plain THEN 20000 ELSE 2000 END;
    found integer;
    is_many boolean;
    few integer[];
    few_keys float8[];
    masks bigint[];
BEGIN
    is_understood := typed = '' OR asked IS NOT NULL;
    IF sort IS NULL OR sort NOT IN ('recommended', 'newest', 'return', 'drawdown', 'days', 'subscribers', 'relevance')
        OR sort = 'relevance' AND asked IS NULL
    THEN
        sort := 'recommended';
    END IF;
    sorted_by := sort;
    IF NOT is_understood THEN
        RETURN;
    END IF;
    most := least(greatest(most, 1), 100);

    EXECUTE format('SELECT count(*), array_agg(facets) FROM (SELECT facets FROM (
            SELECT facets%2$s FROM public.bot_templates WHERE is_public%4$s ORDER BY %1$I DESC, id DESC LIMIT $5) near
        WHERE facets & $4 = $4%3$s LIMIT 1001) f',
        'rank_' || CASE sort WHEN 'relevance' THEN 'recommended' ELSE sort END, more, conditions, bound)
        INTO found, masks USING others, asked, parameters, bits, near;
    is_exact := is_all AND found <= 1000;
    is_many := found > 1000 OR is_all OR found::float8 / near * (
        SELECT reltuples FROM pg_class WHERE oid = 'public.bot_templates'::regclass) > 5000;
    IF NOT is_many THEN
        SELECT count(*), array_agg(c.id), array_agg(c.facets), array_agg(c.key) INTO found, few, masks, few_keys
        FROM public.template_candidates(asked, wanted, parameters, sort) c;
        is_many := found > 5000;
        is_exact := found <= 1000;
        found := least(found, 1001);
    END IF;
    total := found;
    counts := (SELECT ARRAY[{COUNTED}]::integer[] FROM unnest(masks[:1001]) f);
    IF NOT is_many THEN
        IF place_sort IS DISTINCT FROM sorted_by THEN
            place_id := NULL;
            backwards := false;
        END IF;
        SELECT array_agg(p.i), array_agg(p.k) INTO ids, keys FROM (
            SELECT i, k FROM unnest(few, few_keys) c(i, k)
            WHERE place_id IS NULL OR NOT backwards AND (k, i) < (place_key, place_id)
                OR backwards AND (k, i) > (place_key, place_id)
            ORDER BY CASE WHEN backwards THEN k ELSE -k END, CASE WHEN backwards THEN i ELSE -i END LIMIT most) p;
        RETURN;
    END IF;

    IF sort = 'relevance' THEN
        sort := 'recommended';
        sorted_by := sort;
    END IF;
    IF place_sort IS DISTINCT FROM sorted_by THEN
        place_id := NULL;
        backwards := false;
    END IF;
    -- OFFSET 0 keeps the order, and whatever else is asked for outside of it.
    EXECUTE format('SELECT array_agg(id), array_agg(key) FROM (SELECT id, key FROM (
            SELECT id, %1$I AS key%2$s FROM public.bot_templates
            WHERE is_public AND facets & $4 = $4%6$s%3$s ORDER BY %1$I %4$s, id %4$s OFFSET 0) o
        WHERE true%5$s LIMIT $7) p',
        'rank_' || sort, more,
        CASE WHEN place_id IS NULL THEN '' ELSE
            format(' AND (%I, id) %s ($5, $6)', 'rank_' || sort, CASE WHEN backwards THEN '>' ELSE '<' END) END,
        CASE WHEN backwards THEN 'ASC' ELSE 'DESC' END,
        conditions, bound)
        INTO ids, keys USING others, asked, parameters, bits, place_key, place_id, most;
END $body$;
REVOKE ALL ON FUNCTION template_candidates(tsquery, text[], jsonb, text), browse_templates(text, text[], jsonb, text,
    text, float8, integer, boolean, integer) FROM PUBLIC;
GRANT CREATE ON SCHEMA public TO tw_catalog;
ALTER FUNCTION template_candidates(tsquery, text[], jsonb, text) OWNER TO tw_catalog;
ALTER FUNCTION browse_templates(text, text[], jsonb, text, text, float8, integer, boolean, integer) OWNER TO tw_catalog;
REVOKE CREATE ON SCHEMA public FROM tw_catalog;
SET LOCAL ROLE tw_catalog;
GRANT EXECUTE ON FUNCTION browse_templates(text, text[], jsonb, text, text, float8, integer, boolean, integer) TO tw_app;
SET LOCAL ROLE tw_owner
""".replace("{COUNTED}", COUNTED)
NO_BROWSE = """
DROP FUNCTION browse_templates(text, text[], jsonb, text, text, float8, integer, boolean, integer);
DROP FUNCTION template_candidates(tsquery, text[], jsonb, text);
DROP FUNCTION template_conditions(tsquery, text[], jsonb)
"""

RANKED = "GENERATED ALWAYS AS (template_rank('{}', performance_data, version, featured_at)) STORED"
COLUMNS = f"""
ALTER TABLE bot_templates
    ADD tags text[] GENERATED ALWAYS AS (
        template_tags(risk_level, strategy_type, config_json, needed_allocation, performance_data)) STORED,
    ADD facets bigint GENERATED ALWAYS AS (template_mask(
        template_tags(risk_level, strategy_type, config_json, needed_allocation, performance_data))) STORED,
    ADD search tsvector GENERATED ALWAYS AS (template_words(name, strategy_type, config_json, description)) STORED,
    ADD rank_recommended float8 {RANKED.format("recommended")},
    ADD rank_newest float8 GENERATED ALWAYS AS (
        extract(epoch FROM coalesce(published_at, created_at) - to_timestamp(0))::float8) STORED,
    ADD rank_return float8 {RANKED.format("return")},
    ADD rank_drawdown float8 {RANKED.format("drawdown")},
    ADD rank_days float8 {RANKED.format("days_observed")},
    ADD rank_subscribers float8 GENERATED ALWAYS AS (subscribers_count::float8) STORED
"""
SORTS = ("recommended", "newest", "return", "drawdown", "days", "subscribers")
NO_COLUMNS = "ALTER TABLE bot_templates DROP tags, DROP facets, DROP search, " + ", ".join(
    f"DROP rank_{sort}" for sort in SORTS
)
# The lists of pending entries, which every search reads through, are kept short. Public is exactly published (a CHECK of
# the table). Said as the latter, candidates can be read from nothing but these indexes: the planner would otherwise go
# through all that is public where it takes a word for common.
INDEXES = """
CREATE INDEX idx_templates_tags ON bot_templates USING gin (tags) WITH (gin_pending_list_limit = 256)
    WHERE status = 'published';
CREATE INDEX idx_templates_search ON bot_templates USING gin (search) WITH (gin_pending_list_limit = 256)
    WHERE status = 'published';
""" + "".join(
    f"CREATE INDEX idx_templates_{sort} ON bot_templates (rank_{sort}, id) INCLUDE (facets) WHERE is_public;\n"
    for sort in SORTS
)
NO_INDEXES = "DROP INDEX idx_templates_tags, idx_templates_search, " + ", ".join(
    f"idx_templates_{sort}" for sort in SORTS
)

LEFT_OUT = "performance_data, subscribers_count, updated_at"
BROWSED = "tags, facets, search, " + ", ".join(f"rank_{sort}" for sort in SORTS)
OF_TEMPLATE = {
    "resource": "template",
    "key": "template_id",
    "tenant": "creator_tenant_id",
    "sealed": "config_json",
    "kept": "id, template_id, name, description, is_public, risk_level, strategy_type, creator_tenant_id, created_at, "
    "status, version, needed_allocation, max_allocation, published_at, featured_at",
}


class Migration(migrations.Migration):
    dependencies = [("marketplace", "0008_allocations_and_evidence")]

    operations = [
        migrations.RunSQL(FACETS, NO_FACETS),
        migrations.RunSQL(RECORD, NO_RECORD),
        migrations.RunSQL(TAGS, NO_TAGS),
        migrations.RunSQL(WORDS, NO_WORDS),
        migrations.RunSQL(COLUMNS, NO_COLUMNS),
        migrations.RunSQL(INDEXES, NO_INDEXES),
        migrations.RunSQL(QUERY, NO_QUERY),
        migrations.RunSQL(BROWSE, NO_BROWSE),
        Retrace(
            before=Trace("bottemplate", left_out=LEFT_OUT, **OF_TEMPLATE),
            now=Trace("bottemplate", left_out=f"{LEFT_OUT}, {BROWSED}", **OF_TEMPLATE),
        ),
    ]
