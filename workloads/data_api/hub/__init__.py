"""The hub: the platform in a browser. Pages are frames; what they show they ask of the API, as all do."""
