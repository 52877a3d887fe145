"""indicator-consumer: forecasts and actuals of zones to the feature store."""
