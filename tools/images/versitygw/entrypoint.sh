#!/bin/sh
# Make the buckets that are missing, then become the server. The Dockerfile says what the variables are.
set -eu
: "${ROOT_ACCESS_KEY_ID:?is not set}" "${VGW_DATA:?is not set}"

# It takes its secret from the environment alone.
ROOT_SECRET_ACCESS_KEY=$(cat "$ROOT_SECRET_ACCESS_KEY_FILE")
export ROOT_SECRET_ACCESS_KEY
for bucket in ${VGW_BUCKETS-}; do
    mkdir -p "$VGW_DATA/$bucket"
done
exec "${VERSITYGW:-versitygw}" --quiet posix "$VGW_DATA"
