"""The Pulumi program: settings → platform → components → manifests."""
