"""api-integration: third-party APIs, asked once for all who want to know, within what they allow."""
