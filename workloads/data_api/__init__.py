"""data-api: prices, aggregates, predictions and their record over HTTP, as of any instant."""
