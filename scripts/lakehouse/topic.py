"""The records of a topic: out of Kafka by kafka-python, or out of a dump, one JSON object a line."""

import base64
import json
from typing import NamedTuple, Optional


class Record(NamedTuple):
    topic: str
    partition: int
    offset: int
    # Epoch milliseconds, as the log keeps it.
    timestamp: int
    key: Optional[bytes]
    value: Optional[bytes]


def from_dump(path):
    """Key and value are base64, or null."""
    records = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            each = json.loads(line)
            for field in ("key", "value"):
                if each[field] is not None:
                    each[field] = base64.b64decode(each[field])
            records.append(Record(**each))
    return in_order(records)


def from_kafka(brokers, topic):
    """All committed records from the first to the end that the topic has now."""
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(
        bootstrap_servers=brokers,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
    )
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic)]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    records = []
    while any(consumer.position(each) < ends[each] for each in partitions):
        for each, batch in consumer.poll(timeout_ms=1000).items():
            for one in batch:
                if one.offset < ends[each]:
                    records.append(Record(topic, one.partition, one.offset, one.timestamp, one.key, one.value))
    consumer.close()
    return in_order(records)


def in_order(records):
    return sorted(records, key=lambda record: (record.partition, record.offset))
