#!/bin/sh
# Make the database if the volume has none, then become the server. The Dockerfile says what the variables are.
set -eu

if [ ! -e "$PGDATA/PG_VERSION" ]; then
    : "${POSTGRES_PASSWORD_FILE:?is not set}"
    # It gets its name when it is whole: what was cut short is made anew.
    draft=$PGDATA.new
    rm -rf "$draft"
    initdb --pgdata="$draft" --username=postgres --pwfile="$POSTGRES_PASSWORD_FILE" --auth-host=scram-sha-256 \
        --auth-local=peer --encoding=UTF8 --locale=C.UTF-8 --data-checksums
    echo 'host all all all scram-sha-256' >>"$draft/pg_hba.conf"
    mv "$draft" "$PGDATA"
fi

exec postgres -D "$PGDATA" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql -c jit=off "$@"
