"""Asks the model server for a prediction from each fresh price, and publishes it."""
