"""
What the transactions pipeline must have written, computed from the records of its topic in the plainest way. Shares no
code and no language with the pipeline: its mistakes would have to be made twice to go unseen.
"""

import json
import math
import re
from datetime import datetime, timedelta, timezone

MINUTE = 60_000
WATERMARK = 5 * MINUTE
MAX_FUTURE = 5 * MINUTE
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
PAYLOAD = ["user_id", "card_id", "merchant", "category", "amount", "currency", "status", "city", "country", "lat", "lon"]
NUMBERS = {"amount", "lat", "lon"}

TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?(?:([Zz])|([+-])(\d\d)(?::?(\d\d))?)?)?", re.ASCII
)
FORMULA = re.compile(r"'*[\t\r\n\0]|['\s\ufeff]*[=+\-@＝＋－＠]")
MAX_TIME = 8_640_000_000_000_000
MAX_SAFE = 2**53 - 1
MAX_AMOUNT = 1_000_000_000_000


def expected(records, drained=True):
    """Rows of every layer as tuples in the order of its columns, times as epoch milliseconds."""
    layers = {name: [] for name in ("bronze", "quarantine", "silver", "gold", "late", "raw_csv")}
    greatest = {}
    windows = {}
    for record in records:
        text = text_of(record.value)
        layers["bronze"].append(
            (text_of(record.key), text, record.topic, record.partition, record.offset, record.timestamp)
        )
        judged = judge(record)
        if isinstance(judged, str):
            layers["quarantine"].append((text, record.timestamp, judged))
            continue
        time = judged["event_ts"]
        payload = (judged["txn_id"], time, *(judged[name] for name in PAYLOAD))
        silver = (*payload, record.timestamp, text)
        layers["silver"].append(silver)
        layers["raw_csv"].append(tuple(csv_field(value, at) for at, value in enumerate(payload)))
        seen = greatest.get(record.partition, -math.inf)
        start = time // MINUTE * MINUTE
        if seen - WATERMARK >= start + MINUTE:
            layers["late"].append(silver)
        else:
            windows.setdefault((start + MINUTE, judged["card_id"]), []).append(judged["amount"])
        greatest[record.partition] = max(seen, time)
    for (end, card), amounts in windows.items():
        known = [amount for amount in amounts if amount is not None]
        total = math.fsum(known)
        figures = (total, total / len(known), max(known)) if known else (None, None, None)
        layers["gold"].append((card, end - MINUTE, end, len(amounts), *figures))
    return layers


def judge(record):
    """The transaction, its time as epoch milliseconds, or the kind of rejection that it meets."""
    if record.value is None:
        return "DecodeError"
    try:
        value = json.loads(record.value.decode("utf-8"), parse_constant=refuse)
    except ValueError:
        return "DecodeError"
    if not isinstance(value, dict):
        return "ValidationError"
    if "txn_id" not in value and "transaction_id" in value:
        value = {**value, "txn_id": value["transaction_id"], "event_ts": value.get("timestamp")}
    try:
        if not isinstance(value.get("txn_id"), str) or value["txn_id"] == "":
            return "ValidationError"
        judged = {"txn_id": value["txn_id"], "event_ts": time_of(value.get("event_ts"))}
        for name in PAYLOAD:
            judged[name] = (number_of if name in NUMBERS else word_of)(value.get(name))
    except ValueError:
        return "ValidationError"
    if judged["amount"] is not None and abs(judged["amount"]) > MAX_AMOUNT:
        return "ValidationError"
    return "FutureRecord" if judged["event_ts"] - record.timestamp > MAX_FUTURE else judged


def time_of(value):
    if isinstance(value, str):
        time = millis(value)
    else:
        time = whole(value)
        if time is not None and abs(time) > MAX_TIME:
            time = None
    if time is None:
        raise ValueError("not a time")
    return time


def word_of(value):
    """Text; a whole number as its digits, as far as a double holds them."""
    if value is None or isinstance(value, str):
        return value
    number = whole(value)
    if number is None or abs(number) > MAX_SAFE:
        raise ValueError("not a text")
    return str(number)


def number_of(value):
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(float(value)):
        raise ValueError("not a number")
    return float(value)


def whole(value):
    """JSON knows one kind of number: 5.0 is as whole as 5."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not float(value).is_integer():
        return None
    return int(value)


def refuse(constant):
    raise ValueError(f"{constant} is not JSON")


def text_of(data):
    """Bytes that are not UTF-8 leave marks, as in every reader of text."""
    return None if data is None else data.decode("utf-8", errors="replace")


def millis(text):
    """
    ISO 8601: `T` or a space, seconds and a fraction or none, `Z`, an offset with or without colon, or no zone, which means
    UTC; a date alone is its midnight.
    """
    match = TIME.fullmatch(text)
    if match is None:
        return None
    *numbers, fraction, _, sign, hours, minutes = match.groups()
    try:
        at = datetime(*(int(number or 0) for number in numbers), tzinfo=timezone.utc)
    except ValueError:
        return None
    if int(hours or 0) > 23 or int(minutes or 0) > 59:
        return None
    offset = timedelta(hours=int(hours or 0), minutes=int(minutes or 0))
    east = (at - EPOCH) - (offset if sign == "+" else -offset)
    return east // timedelta(milliseconds=1) + int((fraction or "").ljust(3, "0")[:3])


def csv_field(value, at):
    """The text of a field: nothing for null, and an apostrophe before what a spreadsheet would take for a formula."""
    if value is None:
        return ""
    if at == 1:
        return (EPOCH + timedelta(milliseconds=value)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{value % 1000:03}Z"
    if isinstance(value, str):
        return f"'{value}" if FORMULA.match(value) else value
    return number_text(value)


def number_text(value):
    """As JavaScript writes it, for the sizes that are met here."""
    return str(int(value)) if float(value).is_integer() else repr(float(value))
