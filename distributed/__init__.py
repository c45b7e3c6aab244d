"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from . import cluster_resolver
from .cluster_members import id_in_cluster, is_chief
from .cluster_resolver import (
    ClusterResolver,
    GCEClusterResolver,
    KubernetesClusterResolver,
    SimpleClusterResolver,
    SlurmClusterResolver,
    TFConfigClusterResolver,
    TPUClusterResolver,
)
from .cluster_spec import ClusterSpec
from .connect import connect_to_cluster
from .errors import ClusterTypeError, ProcessError, StrategyError, TFConfigError
from .mirrored_strategy import MirroredStrategy
from .multi_worker_mirrored_strategy import MultiWorkerMirroredStrategy
from .preemption_checkpoint import PreemptionCheckpoint
from .run import run
from .server import Server
from .strategy import Strategy
from .tpu_strategy import TPUStrategy
from .tpu_system import initialize_tpu_system

__all__ = [
    "ClusterResolver",
    "ClusterSpec",
    "ClusterTypeError",
    "GCEClusterResolver",
    "KubernetesClusterResolver",
    "MirroredStrategy",
    "MultiWorkerMirroredStrategy",
    "PreemptionCheckpoint",
    "ProcessError",
    "Server",
    "SimpleClusterResolver",
    "SlurmClusterResolver",
    "Strategy",
    "StrategyError",
    "TFConfigClusterResolver",
    "TFConfigError",
    "TPUClusterResolver",
    "TPUStrategy",
    "cluster_resolver",
    "connect_to_cluster",
    "id_in_cluster",
    "initialize_tpu_system",
    "is_chief",
    "run",
]
