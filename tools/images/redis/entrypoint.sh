#!/bin/sh
# Become the server, with the password in a file rather than among the arguments.
set -eu
: "${REDIS_PASSWORD_FILE:?is not set}"

umask 077
config=${TMPDIR:-/tmp}/redis.conf
{
    printf 'requirepass "%s"\n' "$(sed 's/[\\"]/\\&/g' "$REDIS_PASSWORD_FILE")"
    printf '%s\n' 'bind * -::*' 'dir /data'
} >"$config"
exec redis-server "$config" "$@"
