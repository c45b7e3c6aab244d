"""Cluster resolvers: how a process finds out which cluster it belongs to, and as what."""

from .base import ClusterResolver
from .gce import GCEClusterResolver
from .kubernetes import KubernetesClusterResolver, KubernetesExecutableLocation
from .simple import SimpleClusterResolver
from .slurm import SlurmClusterResolver
from .tf_config import TFConfigClusterResolver
from .tpu import TPUClusterResolver
from .union import UnionResolver

__all__ = [
    "ClusterResolver",
    "GCEClusterResolver",
    "KubernetesClusterResolver",
    "KubernetesExecutableLocation",
    "SimpleClusterResolver",
    "SlurmClusterResolver",
    "TFConfigClusterResolver",
    "TPUClusterResolver",
    "UnionResolver",
]
