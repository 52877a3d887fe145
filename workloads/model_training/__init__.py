"""Trains, judges, registers and watches the models that predict a symbol's next session."""
