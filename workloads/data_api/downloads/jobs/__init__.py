"""Download jobs: files that are made while nobody waits, and given out by a link that needs no credential.

data-api takes them down in a table; `python -m workloads.data_api jobs` makes the files, one after the other.
"""
