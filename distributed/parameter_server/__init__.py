"""Asynchronous training: parameter servers and workers, which are actors of Ray."""

from .cluster_coordinator import ClusterCoordinator, RemoteValue
from .parameters import Parameters
from .partitioners import (
    FixedShardsPartitioner,
    MaxSizePartitioner,
    MinSizePartitioner,
    Partitioner,
)
from .rows import Rows
from .strategy import ParameterServerStrategy

__all__ = [
    "ClusterCoordinator",
    "FixedShardsPartitioner",
    "MaxSizePartitioner",
    "MinSizePartitioner",
    "ParameterServerStrategy",
    "Parameters",
    "Partitioner",
    "RemoteValue",
    "Rows",
]
