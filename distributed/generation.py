"""Generations of a gang: what its supervisor tells workers that outlive one of them.

They talk by files in a folder of their own: the supervisor writes `generation.json`, and each
worker leaves a mark when it has joined a generation, when it has left it, and when it gives up.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = "NNLIB_REFORM"
"""The variable that says where the folder is; there where workers form anew in their processes."""


@dataclass(frozen=True)
class Generation:
    """A cluster of workers; the next one has another address, and processes in place of lost ones.

    Args:
        number: counted from 1.
        attempt: NNLIB_ATTEMPT of its workers.
        addresses: of the workers.
        since: for each worker the generation that its process began with.
    """

    number: int
    attempt: int
    addresses: list[str]
    since: list[int]

    def write(self, folder: Path) -> None:
        """Announce it."""
        beside = folder / "generation.next"
        beside.write_text(json.dumps(asdict(self)))
        os.replace(beside, folder / "generation.json")


def tf_config(addresses: list[str], index: int) -> str:
    """TF_CONFIG of a worker, of those at some addresses."""
    task = {"type": "worker", "index": index}
    return json.dumps({"cluster": {"worker": addresses}, "task": task})


def newest(folder: Path) -> Generation:
    """What was announced last."""
    return Generation(**json.loads((folder / "generation.json").read_text()))


def mark(folder: Path, what: str, number: int, index: int) -> Path:
    """The file by which a worker says that it has "joined" a generation, "left" it, or "failed"."""
    return folder / f"{what}-{number}-{index}"
