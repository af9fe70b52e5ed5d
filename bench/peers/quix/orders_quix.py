"""The orders job on Quix Streams, exactly once: `orders_quix.py BROKERS TOPIC GROUP STATE VALID_ORDERS by-order|by-product`.

Orders are re-keyed by product through a topic, as the engine does it, but where their keys are products already. A late order is
dropped: all that may be done with it is a callback, which has no part in the transaction.
"""

import sys
from pathlib import Path
from typing import Union

from quixstreams import Application
from quixstreams.dataframe.windows import Count, Sum
from quixstreams.models import Serializer, Topic

sys.path.append(str(Path(__file__).parent.parent / "python"))
from order import WINDOW_MS, Order, dead_letter, metrics, read_order
from turn import Turn

# Its partitions are read at paces of their own.
GRACE_MS = 60_000

brokers, topic, group, state, valid_orders, keys = sys.argv[1:7]
turn = Turn(int(valid_orders))
app = Application(
    brokers,
    consumer_group=group,
    auto_offset_reset="earliest",
    processing_guarantee="exactly-once",
    state_dir=state,
    loglevel="WARNING",
)


class OrderSerializer(Serializer):
    def __call__(self, value: Order, ctx: object) -> bytes:
        return value.value


def output(name: str, value_serializer: Union[str, Serializer] = "bytes") -> Topic:
    return app.topic(name, key_serializer="str", value_serializer=value_serializer)


def seen(_value: object) -> None:
    turn.count()
    if turn.is_over():
        app.stop()


checked = app.dataframe(app.topic(topic, key_deserializer="str", value_deserializer="bytes")).apply(
    lambda data: (read_order(data), data)
)
rejected = checked.filter(lambda both: both[0] is None)
rejected.apply(lambda both: dead_letter(both[1])).to_topic(output("orders-dlq"))
orders = checked.filter(lambda both: both[0] is not None).apply(lambda both: both[0])
orders = orders.set_timestamp(lambda order, *_: round(order.time.timestamp() * 1000))
orders.to_topic(output("processed-orders", OrderSerializer()), key=lambda order: order.key)
sums = orders.apply(lambda order: {"product": order.product, "cents": order.cents})
if keys == "by-order":
    sums = sums.group_by("product", key_serializer="str", key_deserializer="str")
sums = sums.update(seen)
windows = (
    sums.tumbling_window(WINDOW_MS, grace_ms=GRACE_MS, on_late=lambda *_: False)
    .agg(count=Count(), cents=Sum("cents"))
    .final()
)
windows.apply(
    lambda window, product, *_: metrics(product, window["start"], window["count"], window["cents"]), metadata=True
).to_topic(output("product-metrics"))

if __name__ == "__main__":
    app.run()
    turn.end()
