"""The folders of the lakehouse: their columns and types, and how a reader finds the rows of a file."""

import csv
import io
import json
import os
import re

import pyarrow as pa
import pyarrow.parquet as pq

UTC = pa.timestamp("ms", tz="UTC")
MONEY = pa.decimal128(18, 2)

PAYLOAD = [
    ("txn_id", pa.string()),
    ("event_time", UTC),
    ("user_id", pa.string()),
    ("card_id", pa.string()),
    ("merchant", pa.string()),
    ("category", pa.string()),
    ("amount", pa.float64()),
    ("currency", pa.string()),
    ("status", pa.string()),
    ("city", pa.string()),
    ("country", pa.string()),
    ("lat", pa.float64()),
    ("lon", pa.float64()),
]
PARQUET = {
    "bronze": [
        ("key", pa.string()),
        ("value", pa.string()),
        ("topic", pa.string()),
        ("partition", pa.int32()),
        ("offset", pa.int64()),
        ("kafka_ts", UTC),
    ],
    "quarantine": [("bad_json", pa.string()), ("bad_ingest_ts", UTC), ("reason", pa.string())],
    "silver": PAYLOAD + [("kafka_ts", UTC), ("json_str", pa.string())],
    "gold": [
        ("card_id", pa.string()),
        ("window_start", UTC),
        ("window_end", UTC),
        ("txn_count", pa.int64()),
        ("sum_amount", pa.float64()),
        ("avg_amount", pa.float64()),
        ("max_amount", pa.float64()),
    ],
    "late": PAYLOAD + [("kafka_ts", UTC), ("json_str", pa.string())],
}
CSV = {"raw_csv": [name for name, _ in PAYLOAD]}
LAYERS = [*PARQUET, *CSV]

NAME = re.compile(r"^\w+?_(\d{8})_(\d{6})_(\d+)(?:-(\d+))?\.(parquet|csv)$")


class Broken(Exception):
    """A file that a reader of the folder cannot take."""


def listing(folder):
    """What a reader of the folder finds, oldest first: no hidden names, no folders that are none of its own."""
    found = []
    for at, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith((".", "_"))]
        for name in names:
            if name.startswith((".", "_")):
                continue
            match = NAME.match(name)
            if match is None:
                raise Broken(f"{os.path.join(at, name)}: not a name of a published file")
            order = (int(match[3]), int(match[4] or 1), at)
            found.append((order, os.path.join(at, name)))
    return [path for _, path in sorted(found)]


def rows_of(layer, path):
    """The rows of a file as tuples in the order of the columns; times as epoch milliseconds."""
    return csv_rows(layer, path) if layer in CSV else parquet_rows(layer, path)


def parquet_rows(layer, path):
    wanted = PARQUET[layer]
    with open(path, "rb") as file:
        try:
            table = pq.ParquetFile(file).read()
            table.validate(full=True)
        except Exception as error:
            raise Broken(f"{path}: {error}") from error
    found = [(field.name, field.type) for field in table.schema]
    if found != wanted:
        raise Broken(f"{path}: has the columns {found}, not {wanted}")
    if table.num_rows == 0:
        raise Broken(f"{path}: has no rows")
    columns = [
        column.cast(pa.int64()).to_pylist() if pa.types.is_timestamp(column.type) else column.to_pylist()
        for column in table.columns
    ]
    return list(zip(*columns))


def csv_rows(layer, path):
    """Fields as they stand, quotes aside."""
    with open(path, "rb") as file:
        data = file.read()
    if not data.endswith(b"\r\n"):
        raise Broken(f"{path}: does not end with a whole line")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8"), newline=""), strict=True))
    if rows[0] != CSV[layer]:
        raise Broken(f"{path}: has the header {rows[0]}, not {CSV[layer]}")
    if len(rows) == 1 or any(len(row) != len(rows[0]) for row in rows):
        raise Broken(f"{path}: has no rows, or one of another length")
    return [tuple(row) for row in rows[1:]]


def published(folder):
    """Rows of every file that was published into the folder, and the files that were pruned, as its logs tell."""
    rows, pruned = {}, set()
    logs = os.path.join(folder, ".published")
    for name in sorted(os.listdir(logs)) if os.path.isdir(logs) else []:
        with open(os.path.join(logs, name), encoding="utf-8") as lines:
            for line in lines:
                told = json.loads(line)
                if "published" in told:
                    rows[told["published"]] = told["rows"]
                else:
                    pruned.add(told["pruned"])
    return rows, pruned
