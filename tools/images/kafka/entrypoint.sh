#!/bin/sh
# Format the storage if it is empty, then become the broker. The Dockerfile says what the variables are.
set -eu
: "${CLUSTER_ID:?is not set}" "${POD_NAME:?is not set}"

NODE_ID=${POD_NAME##*-}
export NODE_ID
properties=${TMPDIR:-/tmp}/server.properties
{ cat "$KAFKA_CONFIG"; printf '\nnode.id=%s\n' "$NODE_ID"; } >"$properties"
storage=$(sed -n 's/^log\.dirs *= *\([^, ]*\).*/\1/p' "$properties")

run() { # HEAP CLASS ARGUMENT…
    heap=$1
    shift
    # Heap and options are lists of words. When memory runs out, the pod is restarted rather than left half alive.
    # shellcheck disable=SC2086
    exec java $heap $KAFKA_JVM_OPTS -server -XX:+ExitOnOutOfMemoryError -Djava.awt.headless=true \
        -Dlog4j2.configurationFile=/opt/kafka/log4j2.xml -cp '/opt/kafka/libs/*' "$@"
}

# A restart should not wait for a second Java to find out that there is nothing to do.
if [ ! -e "$storage/meta.properties" ]; then
    (run '-Xmx128m -XX:TieredStopAtLevel=1' \
        kafka.tools.StorageTool format --ignore-formatted --cluster-id="$CLUSTER_ID" --config "$properties")
fi
run "$KAFKA_HEAP_OPTS" kafka.Kafka "$properties"
