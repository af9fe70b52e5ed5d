"""The orders job on Bytewax, at least once: `orders_bytewax.py BROKERS TOPIC RECOVERY ORDERS`.

Its sink has no transactions; with a recovery store a restart repeats outputs and loses none.
"""

import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Iterable, List, Tuple, Union

import bytewax.operators as op
import bytewax.operators.windowing as win
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource, KafkaSourceMessage
from bytewax.dataflow import Dataflow
from bytewax.operators.windowing import EventClock, TumblingWindower
from bytewax.recovery import RecoveryConfig, init_db_dir
from bytewax.run import cli_main

sys.path.append(str(Path(__file__).parent.parent / "python"))
from order import WINDOW_MS, Order, dead_letter, metrics, read_order
from turn import Turn

# It reads its partitions one after the other, a batch of each: their times are as far apart as that, and more at their ends.
WAIT = timedelta(seconds=60)
EPOCH = datetime.fromtimestamp(0, timezone.utc)
SNAPSHOT_INTERVAL = timedelta(seconds=10)

brokers, topic, recovery, orders = sys.argv[1:5]
turn = Turn(int(orders))


def check(batch: List[KafkaSourceMessage]) -> Iterable[Union[Order, KafkaSourceMessage]]:
    turn.count(len(batch))
    return [read_order(message.value) or message for message in batch]


def outgoing(batch: List[Order]) -> Iterable[KafkaSinkMessage]:
    return [KafkaSinkMessage(order.key, order.value) for order in batch]


def rejected(message: KafkaSourceMessage) -> KafkaSinkMessage:
    return KafkaSinkMessage(message.key, dead_letter(message.value))


def by_product(batch: List[Order]) -> Iterable[Tuple[str, Order]]:
    return [(order.product, order) for order in batch]


def add(sums: Tuple[int, int], order: Order) -> Tuple[int, int]:
    return (sums[0] + 1, sums[1] + order.cents)


def merge(one: Tuple[int, int], other: Tuple[int, int]) -> Tuple[int, int]:
    return (one[0] + other[0], one[1] + other[1])


def row(window: Tuple[str, Tuple[int, Tuple[int, int]]]) -> KafkaSinkMessage:
    product, (number, (count, cents)) = window
    return KafkaSinkMessage(product, metrics(product, number * WINDOW_MS, count, cents))


def late(item: Tuple[str, Tuple[int, Order]]) -> KafkaSinkMessage:
    _product, (_number, order) = item
    return KafkaSinkMessage(order.key, order.value)


def sink(name: str, stream: op.Stream) -> None:
    op.output(name, stream, KafkaSink([brokers], name))


flow = Dataflow("orders")
messages = op.input("orders", flow, KafkaSource([brokers], [topic], tail=False))
checked = op.branch("is-valid", op.flat_map_batch("check", messages, check), lambda one: type(one) is Order)
sink("processed-orders", op.flat_map_batch("outgoing", checked.trues, outgoing))
sink("orders-dlq", op.map("rejected", checked.falses, rejected))
windows = win.fold_window(
    "per-product",
    op.flat_map_batch("by-product", checked.trues, by_product),
    # What has been is read: the clock on the wall does not close windows.
    EventClock(lambda order: order.time, WAIT, to_system_utc=lambda _time: None),
    TumblingWindower(length=timedelta(milliseconds=WINDOW_MS), align_to=EPOCH),
    builder=lambda: (0, 0),
    folder=add,
    merger=merge,
    ordered=False,
)
sink("product-metrics", op.map("row", windows.down, row))
sink("orders-late", op.map("late", windows.late, late))

if __name__ == "__main__":
    init_db_dir(recovery, 1)
    cli_main(flow, epoch_interval=SNAPSHOT_INTERVAL, recovery_config=RecoveryConfig(recovery, timedelta(0)))
    turn.end()
