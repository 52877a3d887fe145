"""Names of the metrics that alerts, dashboards and the status screen rely on."""

from __future__ import annotations

from typing import Final

# Every consumer (labels: group, topic, partition where it applies).
CONSUMER_LAG: Final = "carbon_consumer_lag_messages"
CONSUMER_RECORDS: Final = "carbon_consumer_records_total"  # outcome: processed | dead_letter | retried
CONSUMER_DEAD_LETTERS: Final = "carbon_consumer_dead_letters_total"  # group, topic, error
CONSUMER_BATCH_SECONDS: Final = "carbon_consumer_batch_seconds"
CONSUMER_LATENCY_SECONDS: Final = "carbon_consumer_latency_seconds"  # record timestamp -> effect durable
CONSUMER_RESTORED: Final = "carbon_consumer_restored_records_total"  # group, topic
CONSUMER_PAUSED: Final = "carbon_consumer_paused"  # 1 while a transient error holds the consumer back

# Every reader of a topic's past.
READER_LEFT_OUT: Final = "carbon_reader_left_out_total"  # topic, error

# prediction-consumer.
PREDICTIONS: Final = "carbon_predictions_total"  # symbol, alias
PREDICTION_ANOMALIES: Final = "carbon_prediction_anomalies_total"  # symbol

# price-replay.
REPLAY_STEPS: Final = "carbon_replay_steps"
REPLAY_STEPS_PUBLISHED: Final = "carbon_replay_steps_published"  # equal to REPLAY_STEPS once it has ended

# egress-proxy.
EGRESS_REQUESTS: Final = "carbon_egress_requests_total"  # client, outcome

# model-server.
REQUEST_SECONDS: Final = "carbon_model_server_request_seconds"  # endpoint, code
REQUESTS_REFUSED: Final = "carbon_model_server_refused_total"  # reason
MODEL_VERSION: Final = "carbon_model_version"  # symbol, alias
MODEL_SKILL: Final = "carbon_model_skill"  # symbol, provenance; score on the unseen window
STALE_ANSWERS: Final = "carbon_model_server_stale_answers_total"
MODELS_RESIDENT: Final = "carbon_model_server_resident_models"
MODEL_LOADS: Final = "carbon_model_server_model_loads_total"
REGISTRY_UP: Final = "carbon_model_registry_up"

# data-api.
API_REQUEST_SECONDS: Final = "carbon_data_api_request_seconds"  # endpoint, code
API_REFUSED: Final = "carbon_data_api_refused_total"  # reason
API_ROWS: Final = "carbon_data_api_rows_total"  # endpoint
API_STREAM_CLIENTS: Final = "carbon_data_api_stream_clients"
API_STREAM_EVENTS: Final = "carbon_data_api_stream_events_total"
API_STREAM_DROPPED: Final = "carbon_data_api_stream_dropped_total"
API_TOLD_DROPPED: Final = "carbon_data_api_told_dropped_total"  # events of customers

# api-integration.
INTEGRATION_REQUEST_SECONDS: Final = "carbon_api_integration_request_seconds"  # provider, cache, code
INTEGRATION_CALLS: Final = "carbon_api_integration_calls_total"  # provider, outcome
INTEGRATION_CALL_SECONDS: Final = "carbon_api_integration_call_seconds"  # provider
INTEGRATION_COST: Final = "carbon_api_integration_cost_units_total"  # provider
INTEGRATION_NOT_CALLED: Final = "carbon_api_integration_not_called_total"  # provider, reason
INTEGRATION_CIRCUIT_OPEN: Final = "carbon_api_integration_circuit_open"  # provider
INTEGRATION_DROPPED: Final = "carbon_api_integration_dropped_records_total"  # outlet: postgres | kafka
INTEGRATION_REDIS_AWAY: Final = "carbon_api_integration_redis_away_total"
INTEGRATION_FENCED: Final = "carbon_api_integration_fenced_total"

# data-quality.
QUALITY_ALERTS: Final = "carbon_quality_alerts_total"  # rule, severity, source
QUALITY_OVERDUE: Final = "carbon_quality_overdue_seconds"  # source; 0 while nothing of it is overdue

# From the database, through postgres-exporter: figures that outlive the job that made them.
JOB_LAST_SUCCESS: Final = "carbon_job_last_success_timestamp_seconds"  # job_name (`job` is Prometheus's own)
STORE_MONTHS_AHEAD: Final = "carbon_store_partitions_months_ahead"  # table_name
JOB_LAST_RUN_FAILED: Final = "carbon_job_last_run_failed"  # job_name; 1 if the newest run failed
WAREHOUSE_LEFT_OUT: Final = "carbon_warehouse_run_tables_left_out"  # of the newest run, as the two below
WAREHOUSE_ROWS: Final = "carbon_warehouse_run_rows"
WAREHOUSE_REFUSED: Final = "carbon_warehouse_run_rows_refused"
MODEL_TRAINED: Final = "carbon_model_trained_timestamp_seconds"  # symbol
MODEL_LIVE_SKILL: Final = "carbon_model_live_skill"  # symbol, provenance
MODEL_LIVE_COVERAGE: Final = "carbon_model_live_coverage"  # symbol, provenance
