"""warehouse-etl: legacy systems to the staging topic, and from there to raw, cleaned and analytics layers."""
