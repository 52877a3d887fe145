"""Stand-in resource providers: the engine previews, creates, updates and deletes without a cloud.

They give every output a known, well-formed value that depends on nothing but the resource, refuse inputs
that the SDK's types do not have, and say truthfully what would be replaced. They are found by the
`plugins.providers` of a project that a run generates; no committed project names them.
"""
