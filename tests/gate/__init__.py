"""Tests of the gate with the real engine."""
