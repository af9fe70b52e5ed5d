"""What stands in the folders of a lakehouse, whoever wrote it: files, rows and sums by layer, as one line of JSON.

`python check.py FOLDER LAYER …`; hidden files and folders, and those that start with an underscore, are nobody's output.
"""
import json
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

MS = pa.timestamp("ms", "UTC")
# Column → how it is summed. Means come from divisions: the last digit of their sum is nobody's fault.
SUMS = {
    "bronze": {"key": "bytes", "value": "bytes", "topic": "bytes", "partition": "number", "offset": "number", "kafka_ts": "time"},
    "quarantine": {"bad_json": "bytes", "bad_ingest_ts": "time", "reason": "any"},
    "silver": {
        "txn_id": "bytes", "user_id": "bytes", "card_id": "bytes", "merchant": "bytes", "category": "bytes", "amount": "cents",
        "currency": "bytes", "status": "bytes", "city": "bytes", "country": "bytes", "lat": "micros", "lon": "micros",
        "event_time": "time", "kafka_ts": "time", "json_str": "bytes",
    },
    "gold": {
        "card_id": "bytes", "window_start": "time", "window_end": "time", "txn_count": "number", "sum_amount": "cents",
        "avg_amount": "near", "max_amount": "cents",
    },
    "raw_csv": {
        "txn_id": "bytes", "event_time": "time", "user_id": "bytes", "card_id": "bytes", "merchant": "bytes",
        "category": "bytes", "amount": "cents", "currency": "bytes", "status": "bytes", "city": "bytes", "country": "bytes",
        "lat": "micros", "lon": "micros",
    },
}
SCALES = {"number": 1, "cents": 100, "micros": 1_000_000}


def sum_of(column: pa.ChunkedArray, how: str):
    if how == "any":
        return len(column) - column.null_count
    if how == "near":
        return pc.sum(column.cast(pa.float64())).as_py() or 0.0
    if how == "bytes":
        return pc.sum(pc.binary_length(column)).as_py() or 0
    if how == "time":
        whole = pc.floor_temporal(column, unit="millisecond").cast(MS, safe=False)
        # More digits than the reader's numbers hold.
        return str(sum_of_whole(whole.cast(pa.int64())))
    scaled = pc.round(pc.multiply(column.cast(pa.float64()), float(SCALES[how])))
    return sum_of_whole(scaled.cast(pa.int64()))


def sum_of_whole(column: pa.ChunkedArray) -> int:
    """Exact: a sum of times does not fit into 64 bits."""
    return pc.sum(column.cast(pa.decimal128(38, 0))).as_py().__int__() if len(column) > 0 else 0


def plus(a, b):
    return str(int(a) + int(b)) if isinstance(b, str) else a + b


def read(path: Path, columns: list[str]) -> pa.Table:
    if path.suffix == ".parquet":
        return pq.ParquetFile(path).read()
    # Texts that look like something else, such as card numbers, stay texts.
    kinds = {name: pa.string() for name, how in SUMS["raw_csv"].items() if how == "bytes"}
    options = pa.csv.ConvertOptions(column_types={**kinds, "event_time": pa.timestamp("ms", "UTC")})
    return pa.csv.read_csv(path, convert_options=options)


def layer_of(folder: Path, layer: str) -> dict:
    sums = SUMS[layer]
    kind = "csv" if layer == "raw_csv" else "parquet"
    files = [path for path in sorted(folder.glob(f"*.{kind}")) if path.name[0] not in "._"]
    found = {"files": len(files), "rows": 0, "bytes": 0, "sums": {name: 0 for name in sums}}
    for path in files:
        table = read(path, list(sums))
        if set(table.column_names) != set(sums):
            raise SystemExit(f"{path.name} has the columns {table.column_names}, not {list(sums)}")
        found["rows"] += table.num_rows
        found["bytes"] += path.stat().st_size
        for name, how in sums.items():
            found["sums"][name] = plus(found["sums"][name], sum_of(table[name], how))
    return found


folder = Path(sys.argv[1])
print(json.dumps({layer: layer_of(folder / layer, layer) for layer in sys.argv[2:]}))
