"""Brings prices from the configured sources onto `commodity-prices`, each exactly once."""
