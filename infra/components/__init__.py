"""Component resources: they register what the manifest functions make, and say in which order."""
