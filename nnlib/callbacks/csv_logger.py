"""CSVLogger: the logs of every epoch in a file."""

import csv
from pathlib import Path
from typing import Any

from nnlib.training.callback import Callback, Logs


class CSVLogger(Callback):
    """Writes a line per epoch; each is on the disk before the next epoch begins.

    Args:
        filename: of the file; its folder has to be there.
        separator: between the values.
        append: whether lines are added to a file that is there, or it is begun anew.
    """

    chief_only = True

    def __init__(self, filename: Any, separator: str = ",", append: bool = False):
        self.filename, self.sep, self.append = Path(filename), separator, append
        self._file: Any = None
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        self.on_train_end()
        going_on = self.append and self.filename.exists() and self.filename.stat().st_size > 0
        self._header = not going_on
        self._file = self.filename.open("a" if self.append else "w", newline="")
        self.keys = None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the line."""
        logs = logs or {}
        writer = csv.writer(self._file, delimiter=self.sep, lineterminator="\r\n")
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(key.startswith("val_") for key in self.keys):
                # Validation may come in later epochs only: its columns have to be there.
                self.keys += [f"val_{key}" for key in self.keys]
            if self._header:
                writer.writerow(["epoch", *self.keys])
        writer.writerow([epoch, *(logs.get(key, "NA") for key in self.keys)])
        self._file.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None
