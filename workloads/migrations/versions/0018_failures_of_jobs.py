"""Download jobs: how often one broke off is counted beside how often it was begun.

A worker that is told to end gives its job back, and nothing is wrong with the job. One that was not heard of
any more counts: a job that ends its makers is not begun for ever.
"""

from __future__ import annotations

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

_STATEMENTS = (
    "ALTER TABLE features.download_jobs ADD COLUMN failures integer NOT NULL DEFAULT 0",
    # What a function gives cannot be changed in place.
    "DROP FUNCTION features.claim_download_job(interval)",
    """
    CREATE FUNCTION features.claim_download_job(lease interval) RETURNS TABLE (
        id uuid, tenant_id text, attempt integer, failures integer
    ) LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
        UPDATE features.download_jobs AS job SET attempt = job.attempt + 1,
            failures = job.failures + (job.state = 'running')::int, state = 'running',
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
        RETURNING job.id, job.tenant_id, job.attempt, job.failures
    $$
    """,
    "REVOKE ALL ON FUNCTION features.claim_download_job(interval) FROM PUBLIC",
    "GRANT EXECUTE ON FUNCTION features.claim_download_job(interval) TO data_api",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("workers read what the function gives now; restore a backup instead")
