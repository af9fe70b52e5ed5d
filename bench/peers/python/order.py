"""What the orders job makes of one record: the same checks and the same outputs as the pipeline's."""

from datetime import datetime, timezone
from typing import NamedTuple, Optional

import orjson

WINDOW_MS = 60_000
MAX_AMOUNT = 1_000_000
PRODUCT_NAMES = {
    "prod-1": "Laptop",
    "prod-2": "Phone",
    "prod-3": "Tablet",
    "prod-4": "Monitor",
    "prod-5": "Keyboard",
}


class Order(NamedTuple):
    """A valid one; `value` is what goes out."""

    key: str
    value: bytes
    product: str
    cents: int
    time: datetime


def read_order(data: bytes) -> Optional[Order]:
    """None where it is not a valid order."""
    try:
        order = orjson.loads(data)
        order_id, product, amount = order["order_id"], order["product_id"], order["amount"]
        if not (is_text(order_id) and is_text(order["user_id"]) and product in PRODUCT_NAMES):
            return None
        if type(amount) not in (int, float) or not 0 < amount <= MAX_AMOUNT:
            return None
        time = datetime.fromisoformat(order["timestamp"])
    except (ValueError, KeyError, TypeError):
        return None
    order["product_name"] = PRODUCT_NAMES[product]
    order["processed_at"] = iso(datetime.now(timezone.utc))
    return Order(order_id, orjson.dumps(order), product, round(amount * 100), time)


def is_text(value: object) -> bool:
    return type(value) is str and value != ""


def iso(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03d}Z"


def dead_letter(data: bytes) -> bytes:
    return orjson.dumps({"value": data.decode(errors="replace")})


def metrics(product: str, start_ms: int, count: int, cents: int) -> bytes:
    return orjson.dumps(
        {
            "window_start": iso(datetime.fromtimestamp(start_ms / 1000, timezone.utc)),
            "window_end": iso(datetime.fromtimestamp((start_ms + WINDOW_MS) / 1000, timezone.utc)),
            "product_id": product,
            "product_name": PRODUCT_NAMES[product],
            "order_count": count,
            "total_revenue": cents / 100,
            "avg_order_value": round(cents / count) / 100,
        }
    )
