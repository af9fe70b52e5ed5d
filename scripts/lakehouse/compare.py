"""
Compares every folder of the lakehouse with what is computed from the topic, row by row, as pyarrow reads it and again as
DuckDB does; prints one JSON object.
"""

import argparse
import collections
import json
import math
import os

import duckdb

import expected
import layers
import topic


class Report:
    def __init__(self):
        self.lines = []
        self.differences = []

    def add(self, what, count, difference):
        verdict = "as computed" if difference is None else "DIFFERENT"
        self.lines.append(f"{what:<20} {count:>8} rows  {verdict}")
        if difference is not None:
            self.differences.append(f"{what}: {difference}")

    def print(self):
        print(json.dumps({"lines": self.lines, "differences": self.differences}), flush=True)


def compare(report, records, wanted, found, unseen=None):
    """
    `found`: the rows of each layer in the order of its files. `unseen`: how many rows were in files that nobody has seen
    before they were pruned.
    """
    origins = {}
    for record in records:
        origins[expected.text_of(record.value)] = (record.partition, record.offset)
    for layer, rows in found.items():
        if layer == "quarantine":
            rows = [(*row[:2], kind_of(row[2])) for row in rows]
        missing = (unseen or {}).get(layer, 0)
        difference = row_difference(layer, rows, wanted[layer], missing) or order_difference(layer, rows, origins)
        report.add(layer, len(rows), difference)
        if missing > 0:
            report.lines.append(f"{'':<20} {missing:>8} rows  pruned before anybody saw them")


def kind_of(reason):
    """`ValidationError: amount must be a number` → what comes first; the rest is for people."""
    kind, _, words = reason.partition(": ")
    return kind if words else reason


def row_difference(layer, rows, wanted, missing):
    if len(rows) + missing != len(wanted):
        surplus = next(iter((multiset(layer, rows) - multiset(layer, wanted)).elements()), None)
        lacking = next(iter((multiset(layer, wanted) - multiset(layer, rows)).elements()), None)
        return f"{len(rows)} rows and {missing} pruned, {len(wanted)} wanted; too many: {surplus}, too few: {lacking}"
    if missing > 0:
        surplus = multiset(layer, rows) - multiset(layer, wanted)
        return f"not wanted: {next(surplus.elements())}" if surplus else None
    for at, (row, want) in enumerate(zip(sorted(rows, key=order_of(layer)), sorted(wanted, key=order_of(layer)))):
        if not same(row, want):
            return f"row {at} of {len(rows)} is {row}, not {want}"
    return None


def order_of(layer):
    """Figures that are sums are no part of it: their last digits may differ."""
    return (lambda row: repr(row[:4])) if layer == "gold" else repr


def multiset(layer, rows):
    return collections.Counter(tuple(round(v, 6) if isinstance(v, float) else v for v in row) for row in rows)


def same(row, wanted):
    return len(row) == len(wanted) and all(same_value(a, b) for a, b in zip(row, wanted))


def same_value(a, b):
    if isinstance(a, float) and isinstance(b, (int, float)):
        return a == b or math.isclose(a, b, rel_tol=1e-12)
    return type(a) is type(b) and a == b


def order_difference(layer, rows, origins):
    """What one partition brought keeps its order, through all files, and so do windows."""
    if layer == "gold":
        # Windows close in one order.
        ends = [(row[2], row[0].encode()) for row in rows if row[0] is not None]
        return None if ends == sorted(ends) else "the windows are not in the order in which they close"
    last = {}
    if layer not in ("bronze", "silver", "late"):
        return None
    for row in rows:
        partition, offset = (row[3], row[4]) if layer == "bronze" else origins[row[-1]]
        if offset <= last.get(partition, -1):
            return f"offset {offset} of partition {partition} stands behind offset {last[partition]}"
        last[partition] = offset
    return None


def duck_rows(layer, paths):
    """The rows of a layer as DuckDB reads them, and the types that it finds."""
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    if layer in layers.CSV:
        relation = duck.from_csv_auto(paths, header=True, all_varchar=True, quotechar='"', escapechar='"')
        return relation.types, [tuple(v or "" for v in row) for row in relation.fetchall()]
    relation = duck.read_parquet(paths, hive_partitioning=False)
    names = [
        f'epoch_ms("{name}") as "{name}"' if "TIMESTAMP" in str(kind) else f'"{name}"'
        for name, kind in zip(relation.columns, relation.types)
    ]
    return [str(kind) for kind in relation.types], relation.project(", ".join(names)).fetchall()


DUCK_TYPES = {"string": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE"}


def duck_difference(layer, paths, rows):
    types, again = duck_rows(layer, paths)
    if layer in layers.PARQUET:
        wanted = [DUCK_TYPES.get(str(kind), "TIMESTAMP WITH TIME ZONE") for _, kind in layers.PARQUET[layer]]
        if types != wanted:
            return f"DuckDB finds the types {types}, not {wanted}"
    if sorted(again, key=repr) != sorted(rows, key=repr):
        return "DuckDB reads other rows than pyarrow"
    return None


GOLD = """
    select card_id, epoch_ms(start), epoch_ms(start + interval 1 minute), count(*), sum(amount), avg(amount), max(amount)
    from (select *, time_bucket(interval 1 minute, event_time) as start from silver_rows anti join late_rows using (txn_id))
    group by card_id, start
"""


def gold_by_sql(silver, late):
    """The windows once more, out of the files of silver and late."""
    duck = duckdb.connect()
    duck.execute("set timezone = 'UTC'")
    duck.read_parquet(silver, hive_partitioning=False).create_view("silver_rows")
    none = "select * from silver_rows where false"
    (duck.read_parquet(late, hive_partitioning=False) if late else duck.sql(none)).create_view("late_rows")
    return duck.sql(GOLD).fetchall()


def compare_folder(report, records, folder):
    paths, found = {}, {}
    for layer in layers.LAYERS:
        try:
            paths[layer] = layers.listing(os.path.join(folder, layer))
            found[layer] = [row for path in paths[layer] for row in layers.rows_of(layer, path)]
        except layers.Broken as error:
            report.add(layer, 0, str(error))
    compare(report, records, expected.expected(records), found)
    for layer, rows in found.items():
        if rows:
            report.add(f"{layer} in DuckDB", len(rows), duck_difference(layer, paths[layer], rows))
    if {"silver", "gold", "late"} <= found.keys() and paths["silver"]:
        rows = gold_by_sql(paths["silver"], paths["late"])
        difference = row_difference("gold", rows, found["gold"], 0)
        report.add("gold by SQL", len(rows), difference)


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--dump")
    flags.add_argument("--brokers")
    flags.add_argument("--topic")
    flags.add_argument("--folder", required=True)
    told = flags.parse_args()
    records = topic.from_dump(told.dump) if told.dump else topic.from_kafka(told.brokers, told.topic)
    report = Report()
    report.add("topic", len(records), None if records else "is empty")
    compare_folder(report, records, told.folder)
    report.print()


if __name__ == "__main__":
    main()
