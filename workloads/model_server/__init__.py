"""Serves the registered models over HTTP: `/predict` and the V2 open inference protocol."""
