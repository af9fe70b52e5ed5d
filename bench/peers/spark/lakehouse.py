"""Transactions from Kafka into a lakehouse with Spark Structured Streaming, for the lakehouse bench.

`python lakehouse.py --brokers B --jars J --warm-up TOPIC --topic TOPIC --layers silver|all --batch N --out FOLDER`

Does the whole job on the warm-up topic, says `begin`, does it on the topic, says `end`. Every layer is a streaming query
with a checkpoint of its own, which reads the topic in batches of so many records and makes one file of each batch.
"""
import argparse
import os
import shutil
import sys
from datetime import datetime, timezone
from pathlib import Path

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import DoubleType, StringType, StructField, StructType

TEXTS_BEFORE = ["txn_id", "event_ts", "user_id", "card_id", "merchant", "category"]
SCHEMA = StructType(
    [StructField(name, StringType()) for name in TEXTS_BEFORE]
    + [StructField("amount", DoubleType())]
    + [StructField(name, StringType()) for name in ["currency", "status", "city", "country"]]
    + [StructField(name, DoubleType()) for name in ["lat", "lon"]]
)
CSV_COLUMNS = [
    "txn_id", "event_time", "user_id", "card_id", "merchant", "category", "amount", "currency", "status", "city", "country",
    "lat", "lon",
]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    for name in ["brokers", "jars", "warm-up", "topic", "batch", "out"]:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--layers", choices=["silver", "all"], required=True)
    return parser.parse_args()


def session(jars: str, scratch: Path) -> SparkSession:
    """All cores, and as many partitions after a shuffle as the local cluster that such jobs are tried on has."""
    settings = {
        "spark.jars": ",".join(str(path) for path in sorted(Path(jars).glob("*.jar"))),
        "spark.local.dir": str(scratch),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MILLIS",
        "spark.sql.parquet.compression.codec": "snappy",
    }
    builder = SparkSession.builder.master("local[*]").appName("lakehouse")
    for name, value in settings.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.sparkContext.setLogLevel("ERROR")
    return spark


def layers(records: DataFrame, wanted: str) -> dict[str, DataFrame]:
    raw = records.select(f.col("value").cast("string").alias("json_str"), f.col("timestamp").alias("kafka_ts"))
    parsed = raw.select(f.from_json("json_str", SCHEMA).alias("data"), "json_str", "kafka_ts")
    has_both = f.col("data.txn_id").isNotNull() & f.col("data.event_ts").isNotNull()
    silver = (
        parsed.where(has_both)
        .select("data.*", "kafka_ts", "json_str")
        # Spark's cast knows every spelling of the records: with and without a zone, its colon and microseconds.
        .withColumn("event_time", f.to_timestamp("event_ts"))
        .drop("event_ts")
    )
    if wanted == "silver":
        return {"silver": silver}
    bronze = records.select(
        f.col("key").cast("string"), f.col("value").cast("string"), "topic", "partition", "offset",
        f.col("timestamp").alias("kafka_ts"),
    )
    reason = f.when(f.col("data.txn_id").isNotNull(), "event_ts is missing")
    reason = reason.when(f.col("data.event_ts").isNotNull(), "txn_id is missing").otherwise("not JSON")
    quarantine = parsed.where(~f.coalesce(has_both, f.lit(False))).select(
        f.col("json_str").alias("bad_json"), f.col("kafka_ts").alias("bad_ingest_ts"), reason.alias("reason")
    )
    gold = (
        silver.withWatermark("event_time", "5 minutes")
        .groupBy(f.window("event_time", "1 minute").alias("w"), "card_id")
        .agg(
            f.count("*").alias("txn_count"),
            f.sum("amount").alias("sum_amount"),
            f.avg("amount").alias("avg_amount"),
            f.max("amount").alias("max_amount"),
        )
        .select(
            "card_id", f.col("w.start").alias("window_start"), f.col("w.end").alias("window_end"),
            "txn_count", "sum_amount", "avg_amount", "max_amount",
        )
    )
    raw_csv = silver.select(*CSV_COLUMNS)
    return {"bronze": bronze, "quarantine": quarantine, "silver": silver, "gold": gold, "raw_csv": raw_csv}


def one_file_a_batch(frame: DataFrame, layer: str, out: Path):
    """Each batch is staged, then its only part takes a name that tells the batch; a batch that is tried again replaces its file."""
    kind = "csv" if layer == "raw_csv" else "parquet"
    final = out / layer
    final.mkdir(parents=True)

    def write(batch: DataFrame, number: int) -> None:
        staging = out / "_staging" / layer / str(number)
        writer = batch.coalesce(1).write.mode("overwrite")
        (writer.option("header", True).csv if kind == "csv" else writer.parquet)(str(staging))
        for earlier in final.glob(f"*_{number}.{kind}"):
            earlier.unlink()
        stamp = datetime.now(timezone.utc).strftime("%Y%m%d_%H%M%S")
        for part in staging.glob(f"part-*.{kind}"):
            os.replace(part, final / f"{layer}_{stamp}_{number}.{kind}")
        shutil.rmtree(staging)

    checkpoint = str(out / "_chk" / layer)
    stream = frame.writeStream.foreachBatch(write).option("checkpointLocation", checkpoint)
    return stream.trigger(availableNow=True).start()


def job(spark: SparkSession, args: argparse.Namespace, topic: str, out: Path) -> None:
    reader = spark.readStream.format("kafka").option("kafka.bootstrap.servers", args.brokers).option("subscribe", topic)
    reader = reader.option("startingOffsets", "earliest").option("maxOffsetsPerTrigger", args.batch)
    frames = layers(reader.load(), args.layers)
    queries = [one_file_a_batch(frame, layer, out) for layer, frame in frames.items()]
    for query in queries:
        query.awaitTermination()


def main() -> None:
    args = arguments()
    out = Path(args.out)
    spark = session(args.jars, out.parent / "spark-scratch")
    job(spark, args, args.warm_up, out / "_warm-up")
    print("begin", flush=True)
    job(spark, args, args.topic, out)
    print("end", flush=True)
    # What is measured is over; a slow good-bye of the virtual machine is not part of it.
    sys.stdin.readline()
    spark.stop()


main()
