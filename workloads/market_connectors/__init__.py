"""Brings the prices of power markets and their forecasts onto the topics, each market by a kept library."""
