"""Forecasts of whole delivery days, issued before the gate closes: one run an instrument, day and issue."""
