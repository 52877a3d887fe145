#!/bin/sh
# Become the server. The Dockerfile says what the variables are; KEYCLOAK_HOME and the ports are for plain processes.
set -eu

home=${KEYCLOAK_HOME:-/opt/keycloak}
url=jdbc:postgresql://${POSTGRES_HOST:?is not set}:${POSTGRES_PORT:-5432}/keycloak
if [ -n "${POSTGRES_CA_FILE:-}" ]; then
    url="$url?sslmode=verify-full&sslrootcert=$POSTGRES_CA_FILE"
fi

# It takes secrets from its environment alone, which nobody but its own user can read.
KC_DB_PASSWORD=$(cat "${POSTGRES_PASSWORD_FILE:?is not set}")
KC_BOOTSTRAP_ADMIN_PASSWORD=$(cat "${KEYCLOAK_ADMIN_PASSWORD_FILE:?is not set}")
export KC_DB_PASSWORD KC_BOOTSTRAP_ADMIN_PASSWORD
export KC_BOOTSTRAP_ADMIN_USERNAME=admin
export KC_DB_URL="$url" KC_DB_USERNAME="${POSTGRES_USER:?is not set}" KC_DB_POOL_MAX_SIZE=10
# Tokens name the address that people use; who asks at another gets its answers there.
export KC_HOSTNAME="${KEYCLOAK_HOSTNAME:?is not set}" KC_HOSTNAME_BACKCHANNEL_DYNAMIC=true
export KC_HTTP_ENABLED=true KC_HTTP_PORT="${KEYCLOAK_PORT:-8085}" KC_HTTP_MANAGEMENT_PORT="${KEYCLOAK_MANAGEMENT_PORT:-9100}"
export KC_CACHE=local
export JAVA_OPTS_KC_HEAP="${KEYCLOAK_HEAP:--Xms64m -Xmx384m}"

exec "$home/bin/kc.sh" start --optimized "-Dkc.home.dir=$home"
