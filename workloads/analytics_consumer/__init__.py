"""Turns prices into the feature store's tables and into `commodity-analytics`."""
