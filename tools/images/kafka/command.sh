#!/bin/sh
# Kafka's commands under their usual names: this file is linked to each of them.
set -eu
case $(basename "$0") in
    kafka-topics) class=org.apache.kafka.tools.TopicCommand ;;
    kafka-consumer-groups) class=org.apache.kafka.tools.consumer.group.ConsumerGroupCommand ;;
    kafka-console-consumer) class=org.apache.kafka.tools.consumer.ConsoleConsumer ;;
    *) echo "$0 is not a command of this image" >&2; exit 64 ;;
esac
# Small: it runs beside the broker, in the same memory limit.
exec java -Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile=/opt/kafka/log4j2.xml \
    -cp '/opt/kafka/libs/*' "$class" "$@"
