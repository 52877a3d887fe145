#!/bin/sh
# Succeed if the server answers.
set -eu
REDISCLI_AUTH=$(cat "$REDIS_PASSWORD_FILE")
export REDISCLI_AUTH
[ "$(redis-cli ping)" = PONG ]
