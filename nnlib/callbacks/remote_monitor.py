"""RemoteMonitor: send the logs of every epoch to a server."""

import json
import urllib.error
import urllib.parse
import urllib.request
import warnings
from collections.abc import Mapping

from nnlib.training.callback import Callback, Logs

SECONDS = 10.0
"""How long a server may take to answer before training goes on."""


class RemoteMonitor(Callback):
    """Posts `{"epoch": n, "loss": ..., ...}` after every epoch.

    A server that does not answer brings a warning, and training goes on.

    Args:
        root: the address of the server.
        path: where on it.
        field: the name of the form field that holds the JSON text.
        headers: further HTTP headers.
        send_as_json: whether the body is the JSON text itself instead of a form.
    """

    chief_only = True

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: Mapping[str, str] | None = None,
        send_as_json: bool = False,
    ):
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = dict(headers or {}), send_as_json

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Send."""
        text = json.dumps({"epoch": epoch, **(logs or {})})
        body = text if self.send_as_json else urllib.parse.urlencode({self.field: text})
        kind = "application/json" if self.send_as_json else "application/x-www-form-urlencoded"
        request = urllib.request.Request(
            self.root + self.path, body.encode(), {"Content-Type": kind, **self.headers}
        )
        try:
            with urllib.request.urlopen(request, timeout=SECONDS):
                pass
        except (urllib.error.URLError, OSError) as error:
            warnings.warn(
                f"RemoteMonitor: expected an answer of {self.root}, got none ({error}).",
                stacklevel=2,
            )
