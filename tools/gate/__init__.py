"""The gate: each stack as the real engine would make it, with stand-in providers, and the checks over it."""
