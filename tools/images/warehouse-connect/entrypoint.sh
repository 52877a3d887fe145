#!/bin/sh
# Become the worker. The Dockerfile says what the variables are.
set -eu

if [ -n "${KAFKA_TLS_DIR:-}" ]; then
    # Java wants key and certificate in one file.
    umask 077
    cat "$KAFKA_TLS_DIR/user.key" "$KAFKA_TLS_DIR/user.crt" >/tmp/kafka-client.pem
fi
# When memory runs out, the pod is restarted rather than left half alive. The heap is a list of words.
# shellcheck disable=SC2086
exec java ${CONNECT_HEAP_OPTS:--Xmx320m} -XX:+UseSerialGC -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
    -Dlog4j2.configurationFile=/opt/connect/log4j2.xml -cp '/opt/connect/libs/*' \
    org.apache.kafka.connect.cli.ConnectDistributed "${CONNECT_CONFIG:?is not set}"
