"""The layers that a stack is composed of: arguments say what each needs, attributes what it gives.

`infra.platform` and `infra.stack` put them together.
"""
