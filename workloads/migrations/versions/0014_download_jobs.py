"""Download jobs: files that tenants asked for, each row one file and how far it is.

A tenant sees its own rows, by the policy `own` as of scenarios. Three functions with their owner's rights are
what is no tenant's: `claim_download_job` hands the next one to a worker, and one whose worker was not heard
of again; `ended_download_jobs` lists what is to be removed; `download_link` is what a link without a
credential is checked against. A job that somebody has (`attempt`) is changed by nobody else.
"""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_STATEMENTS = (
    """
    CREATE TABLE features.download_jobs (
        id uuid PRIMARY KEY,
        tenant_id text NOT NULL CHECK (tenant_id <> ''),
        asked_at timestamptz NOT NULL,
        asked_by text NOT NULL,
        question jsonb NOT NULL CHECK (octet_length(question::text) <= 4096),
        as_of timestamptz NOT NULL,
        state text NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'expired', 'removed')),
        not_before timestamptz NOT NULL,
        attempt integer NOT NULL DEFAULT 0,
        leased_until timestamptz,
        rows_estimated bigint,
        row_count bigint NOT NULL DEFAULT 0,
        bytes bigint NOT NULL DEFAULT 0,
        error text,
        place text,
        digest text,
        link_key bytea NOT NULL CHECK (octet_length(link_key) = 32),
        ended_at timestamptz,
        expires_at timestamptz,
        CHECK (state <> 'done' OR (place IS NOT NULL AND digest IS NOT NULL AND expires_at IS NOT NULL))
    )
    """,
    "CREATE INDEX download_jobs_of_tenant ON features.download_jobs (tenant_id, asked_at)",
    "CREATE INDEX download_jobs_open ON features.download_jobs (asked_at)"
    " WHERE state IN ('queued', 'running')",
    "ALTER TABLE features.download_jobs ENABLE ROW LEVEL SECURITY",
    """
    CREATE POLICY own ON features.download_jobs TO data_api
        USING (tenant_id = current_setting('carbon.tenant', true))
        WITH CHECK (tenant_id = current_setting('carbon.tenant', true))
    """,
    # Tenants take turns: who has fewest under way is next, and then who has waited longest.
    """
    CREATE FUNCTION features.claim_download_job(lease interval) RETURNS TABLE (
        id uuid, tenant_id text, attempt integer
    ) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        UPDATE features.download_jobs AS job SET state = 'running', attempt = job.attempt + 1,
            leased_until = clock_timestamp() + lease, row_count = 0, bytes = 0
        WHERE job.id = (
            SELECT waiting.id FROM features.download_jobs AS waiting
            WHERE (waiting.state = 'queued' AND waiting.not_before <= clock_timestamp())
                OR (waiting.state = 'running' AND waiting.leased_until < clock_timestamp())
            ORDER BY (
                SELECT count(*) FROM features.download_jobs AS others
                WHERE others.tenant_id = waiting.tenant_id AND others.state = 'running'
            ), waiting.asked_at
            LIMIT 1 FOR UPDATE OF waiting SKIP LOCKED
        )
        RETURNING job.id, job.tenant_id, job.attempt
    $$
    """,
    """
    CREATE FUNCTION features.ended_download_jobs(kept interval) RETURNS TABLE (id uuid, tenant_id text)
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT id, tenant_id FROM features.download_jobs
        WHERE state = 'removed' OR (state = 'done' AND expires_at <= now())
            OR (state IN ('failed', 'expired') AND ended_at <= now() - kept)
        ORDER BY ended_at LIMIT 100
    $$
    """,
    """
    CREATE FUNCTION features.download_link(job uuid) RETURNS TABLE (
        tenant_id text, state text, question jsonb, as_of timestamptz, place text, bytes bigint, digest text,
        link_key bytea, expires_at timestamptz
    ) LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        SELECT tenant_id, state, question, as_of, place, bytes, digest, link_key, expires_at
        FROM features.download_jobs WHERE id = job AND state IN ('done', 'expired')
    $$
    """,
    *(
        statement
        for function in (
            "claim_download_job(interval)",
            "ended_download_jobs(interval)",
            "download_link(uuid)",
        )
        for statement in (
            f"REVOKE ALL ON FUNCTION features.{function} FROM PUBLIC",
            f"GRANT EXECUTE ON FUNCTION features.{function} TO data_api",
        )
    ),
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop what tenants asked for; restore a backup instead")
