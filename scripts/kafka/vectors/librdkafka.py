"""Writes and reads records with librdkafka, by the same words and lines as JavaClient.java.

python librdkafka.py produce|transaction BOOTSTRAP TOPIC CODEC < records
python librdkafka.py consume BOOTSTRAP TOPIC COUNT
"""

import sys
import time

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

LINGER_MS = 2_000
PATIENCE_S = 30


def parse(field):
    return None if field == "-" else bytes.fromhex(field[1:])


def text(value):
    return "-" if value is None else "x" + value.hex()


def produce(bootstrap, topic, codec, in_transaction):
    config = {"bootstrap.servers": bootstrap, "compression.codec": codec, "linger.ms": LINGER_MS}
    if in_transaction:
        config["transactional.id"] = topic
    producer = Producer(config)
    if in_transaction:
        producer.init_transactions()
        producer.begin_transaction()
    for line in sys.stdin:
        fields = line.split()
        headers = [(parse(name).decode(), parse(value)) for name, value in zip(fields[3::2], fields[4::2])]
        producer.produce(
            topic,
            partition=0,
            timestamp=int(fields[0]),
            key=parse(fields[1]),
            value=parse(fields[2]),
            headers=headers,
        )
    if in_transaction:
        producer.commit_transaction()
    producer.flush()


def consume(bootstrap, topic, count):
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "vectors",
            "enable.auto.commit": False,
            "check.crcs": True,
            "isolation.level": "read_committed",
        }
    )
    consumer.assign([TopicPartition(topic, 0, OFFSET_BEGINNING)])
    deadline = time.monotonic() + PATIENCE_S
    seen = 0
    while seen < count and time.monotonic() < deadline:
        message = consumer.poll(0.2)
        if message is None:
            continue
        if message.error():
            sys.exit(str(message.error()))
        fields = [str(message.timestamp()[1]), text(message.key()), text(message.value())]
        for name, value in message.headers() or []:
            fields += [text(name.encode()), text(value)]
        print(" ".join(fields))
        seen += 1
    consumer.close()


if __name__ == "__main__":
    command, bootstrap_servers, topic_name, last = sys.argv[1:]
    if command == "consume":
        consume(bootstrap_servers, topic_name, int(last))
    else:
        produce(bootstrap_servers, topic_name, last, command == "transaction")
