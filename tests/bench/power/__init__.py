"""Forecasts of day-ahead power on prices that the user points at, beside what others published."""
