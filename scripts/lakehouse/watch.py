"""
A reader that never looks away: lists the folders of the lakehouse all the time, reads each file once as soon as it is
there, and remembers it. Told by lines of JSON on stdin, answers each with one on stdout:
{"do": "look"} → how many rows were seen by layer, and what was wrong since the last time;
{"do": "compare", "dump": PATH} → the report of compare.py over all files that ever stood there.
"""

import json
import os
import select
import sys

import compare
import expected
import layers
import topic

EVERY_S = 0.02


class Watcher:
    def __init__(self, folder):
        self.folder = folder
        # By layer: path → rows, in the order in which they were published, and what identified the file.
        self.files = {layer: {} for layer in layers.LAYERS}
        self.marks = {}
        self.gone = set()
        self.rows = {layer: set() for layer in layers.LAYERS}
        self.problems = []

    def look(self, again=False):
        """Files that are known are looked at `again` only when it matters: there are many of them."""
        for layer in layers.LAYERS:
            try:
                listed = layers.listing(os.path.join(self.folder, layer))
                for path in listed:
                    if again or path not in self.marks or path in self.gone:
                        self.take(layer, path)
                self.gone |= self.files[layer].keys() - set(listed)
            except layers.Broken as error:
                self.problems.append(str(error))

    def take(self, layer, path):
        try:
            status = os.stat(path)
            mark = (status.st_ino, status.st_size, status.st_mtime_ns)
            if path in self.marks:
                if self.marks[path] != mark or path in self.gone:
                    self.problems.append(f"{path}: another file under the same name")
                    self.marks[path] = mark
                    self.gone.discard(path)
                return
            rows = layers.rows_of(layer, path)
        except FileNotFoundError:
            # Pruned between the listing and the reading, as files may be.
            return
        self.marks[path] = mark
        self.files[layer][path] = rows
        for row in rows:
            key = identity(layer, row)
            if key is None:
                continue
            if key in self.rows[layer]:
                self.problems.append(f"{path}: a row that was there before: {row}")
            self.rows[layer].add(key)

    def answer(self, told):
        if told["do"] == "look":
            ends = {}
            for layer in ("bronze",):
                for topic_name, partition, offset in self.rows[layer]:
                    ends[partition] = max(offset + 1, ends.get(partition, 0))
            problems, self.problems = self.problems, []
            rows = {layer: sum(map(len, files.values())) for layer, files in self.files.items()}
            return {"rows": rows, "bronzeEnds": ends, "problems": problems, "kept": self.kept()}
        records = topic.from_dump(told["dump"])
        report = compare.Report()
        report.differences += self.problems
        found, unseen = {}, {}
        for layer, files in self.files.items():
            folder = os.path.join(self.folder, layer)
            found[layer] = [row for path in sorted(files, key=epoch_of) for row in files[path]]
            told_rows, pruned = layers.published(folder)
            seen = {os.path.relpath(path, folder) for path in files}
            unseen[layer] = sum(told_rows[path] for path in pruned - seen)
            self.check_log(report, folder, files, told_rows, pruned)
        compare.compare(report, records, expected.expected(records), found, unseen)
        return {"lines": report.lines, "differences": report.differences}

    def check_log(self, report, folder, files, told_rows, pruned):
        """The log tells of every file, and of every one that is not there any more that it was pruned."""
        for path, rows in files.items():
            name = os.path.relpath(path, folder)
            if told_rows.get(name) != len(rows):
                report.differences.append(f"{path} has {len(rows)} rows, its log says {told_rows.get(name)}")
            if os.path.exists(path) == (name in pruned):
                state = "there, and pruned by" if name in pruned else "gone, and not pruned by"
                report.differences.append(f"{path} is {state} its log")

    def kept(self):
        return {layer: sum(path not in self.gone for path in files) for layer, files in self.files.items()}


def epoch_of(path):
    match = layers.NAME.match(os.path.basename(path))
    return (int(match[3]), int(match[4] or 1), path)


def identity(layer, row):
    """What makes a row one that must not be there twice, as far as it has something of the kind."""
    if layer == "bronze":
        return row[2:5]
    if layer == "gold":
        return row[:2]
    return None if layer == "quarantine" else row[0]


def main():
    watcher = Watcher(sys.argv[1])
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], EVERY_S)
        line = sys.stdin.readline() if ready else None
        if line == "":
            return
        watcher.look(again=line is not None)
        if line is not None:
            print(json.dumps(watcher.answer(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
