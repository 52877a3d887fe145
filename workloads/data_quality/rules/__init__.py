"""The rules: what each looks for in the values of one series, as pure state and functions without I/O.

A rule sees values in the order of their topic and returns `Finding`s; `data_quality.series` puts them
together.
"""
