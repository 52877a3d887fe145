"""What customers did, and the figures made from it."""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_STATEMENTS = (
    # `received_at` is when the row came here: what was computed as of an instant before that had not seen it.
    """
    CREATE TABLE features.customer_events (
        event_id uuid PRIMARY KEY,
        customer text NOT NULL,
        subject text NOT NULL,
        kind text NOT NULL,
        occurred_at timestamptz NOT NULL,
        published_at timestamptz NOT NULL,
        source text NOT NULL,
        product text,
        amount double precision,
        currency text,
        score integer,
        status integer,
        received_at timestamptz NOT NULL
    )
    """,
    "CREATE INDEX customer_events_received ON features.customer_events USING brin (received_at)",
    # `currency` is empty where there is no amount: sums are of one currency.
    """
    CREATE TABLE features.customer_hours (
        customer text NOT NULL,
        hour timestamptz NOT NULL CHECK (hour = date_trunc('hour', hour, 'UTC')),
        kind text NOT NULL,
        currency text NOT NULL,
        events bigint NOT NULL,
        amount numeric NOT NULL,
        score bigint NOT NULL,
        last_at timestamptz NOT NULL,
        PRIMARY KEY (customer, hour, kind, currency)
    )
    """,
    "CREATE INDEX customer_hours_hour ON features.customer_hours (hour)",
    """
    CREATE TABLE features.customer_kpis (
        as_of timestamptz NOT NULL,
        name text NOT NULL,
        value double precision,
        detail jsonb NOT NULL DEFAULT '{}',
        PRIMARY KEY (as_of, name)
    )
    """,
    # `why` is what the value is made of: contributions that add up to it, or the figures it was read from.
    """
    CREATE TABLE features.customer_scores (
        figure text NOT NULL,
        as_of timestamptz NOT NULL,
        customer text NOT NULL,
        value double precision NOT NULL,
        label text NOT NULL,
        why jsonb NOT NULL,
        PRIMARY KEY (figure, as_of, customer)
    )
    """,
    "CREATE INDEX customer_scores_customer ON features.customer_scores (customer, figure, as_of DESC)",
    """
    CREATE TABLE features.customer_cohorts (
        as_of timestamptz NOT NULL,
        cohort date NOT NULL,
        month integer NOT NULL CHECK (month >= 0),
        customers bigint NOT NULL,
        active bigint NOT NULL CHECK (active <= customers),
        PRIMARY KEY (as_of, cohort, month)
    )
    """,
    """
    CREATE TABLE features.customer_models (
        figure text NOT NULL,
        as_of timestamptz NOT NULL,
        status text NOT NULL CHECK (status IN ('offered', 'refused')),
        reason text NOT NULL,
        parameters jsonb NOT NULL,
        quality jsonb NOT NULL,
        PRIMARY KEY (figure, as_of)
    )
    """,
    """
    CREATE VIEW features.customers_now AS
        WITH used AS (
            SELECT
                customer,
                max(last_at) AS last_seen,
                sum(events) FILTER (WHERE kind = 'login') AS logins,
                sum(events) FILTER (WHERE kind = 'api-call') AS api_calls,
                sum(events) FILTER (WHERE kind = 'download') AS downloads,
                sum(events) FILTER (WHERE kind = 'scenario') AS scenarios,
                sum(events) FILTER (WHERE kind = 'error') AS errors
            FROM features.customer_hours
            WHERE last_at > now() - interval '24 hours'
            GROUP BY customer
        ), models AS (
            SELECT DISTINCT ON (left(figure, 3)) figure, as_of, status
            FROM features.customer_models
            ORDER BY left(figure, 3), as_of DESC, figure
        ), runs AS (
            -- The newest run of each figure, by its verdict where it is fitted; of value, the currency that
            -- was chosen last. Who is in none of its rows has no figure now, whatever there was before.
            SELECT figure, max(as_of) AS as_of
            FROM features.customer_scores WHERE figure IN ('engagement', 'rfm') GROUP BY figure
            UNION ALL
            SELECT figure, as_of FROM models WHERE status = 'offered'
        ), scored AS (
            SELECT
                customer,
                max(value) FILTER (WHERE figure = 'engagement') AS engagement,
                max(as_of) FILTER (WHERE figure = 'engagement') AS engagement_as_of,
                max(label) FILTER (WHERE figure = 'rfm') AS segment,
                max(value) FILTER (WHERE figure = 'churn') AS churn,
                max(value) FILTER (WHERE figure LIKE 'clv-%') AS lifetime_value,
                max(label) FILTER (WHERE figure LIKE 'clv-%') AS currency,
                max(as_of) FILTER (WHERE figure <> 'engagement') AS figures_as_of
            FROM features.customer_scores JOIN runs USING (figure, as_of)
            GROUP BY customer
        )
        SELECT
            customer,
            used.last_seen,
            coalesce(used.logins, 0) AS logins,
            coalesce(used.api_calls, 0) AS api_calls,
            coalesce(used.downloads, 0) AS downloads,
            coalesce(used.scenarios, 0) AS scenarios,
            coalesce(used.errors, 0) AS errors,
            scored.engagement,
            scored.segment,
            scored.churn,
            scored.lifetime_value,
            scored.currency,
            scored.engagement_as_of,
            scored.figures_as_of
        FROM used
        FULL JOIN scored USING (customer)
    """,
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    raise NotImplementedError("going back would drop what customers did; restore a backup instead")
