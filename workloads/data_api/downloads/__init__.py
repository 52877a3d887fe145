"""/v1/downloads: all rows that a question asks for in one file, sent as the database reads them.

One table of datasets says what there is; each form of a file takes the rows as COPY sends them.
"""
