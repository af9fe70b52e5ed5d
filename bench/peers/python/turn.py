"""Tells the bench when the warm-up is over and when all records are done, in the same process."""

import sys

WARM_UP_SHARE = 0.2


class Turn:
    def __init__(self, total: int) -> None:
        self.total = total
        self.seen = 0
        self.has_begun = False

    def count(self, records: int = 1) -> None:
        self.seen += records
        if not self.has_begun and self.seen >= self.total * WARM_UP_SHARE:
            self.has_begun = True
            print(f"begin {self.seen / self.total}", flush=True)

    def is_over(self) -> bool:
        return self.seen >= self.total

    def end(self) -> None:
        """Returns when the bench has had a look."""
        print("end", flush=True)
        sys.stdin.readline()
