"""Training on many devices: strategies, as `tf.distribute` names them, on meshes of JAX.

>>> import nnlib as nn
>>> nn.distributed.MirroredStrategy().num_replicas_in_sync >= 1
True
"""

from . import cluster_resolver, coordinator, experimental
from .average_loss import compute_average_loss, scale_regularization_loss
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
from .communication_options import CommunicationImplementation, CommunicationOptions
from .connect import connect_to_cluster
from .cross_device_ops import (
    CrossDeviceOps,
    HierarchicalCopyAllReduce,
    NcclAllReduce,
    ReductionToOneDevice,
)
from .datasets_from_function import DistributedDatasetFromFunction
from .default_strategy import (
    experimental_set_strategy,
    get_replica_context,
    get_strategy,
    has_strategy,
    in_cross_replica_context,
)
from .distributed_dataset import DistributedDataset, DistributedIterator
from .errors import (
    ClusterKeyError,
    ClusterTypeError,
    DoesNotFitError,
    ProcessError,
    StrategyError,
    TFConfigError,
)
from .input_context import (
    InputContext,
    InputOptions,
    InputReplicationMode,
    RunOptions,
    ValueContext,
)
from .mirrored_strategy import MirroredStrategy
from .multi_worker_mirrored_strategy import MultiWorkerMirroredStrategy
from .one_device_strategy import OneDeviceStrategy
from .parameter_server import (
    ClusterCoordinator,
    FixedShardsPartitioner,
    MaxSizePartitioner,
    MinSizePartitioner,
    Parameters,
    ParameterServerStrategy,
    Partitioner,
    RemoteValue,
    Rows,
)
from .per_replica import per_replica
from .pipeline import pipeline
from .pipeline_loss import pipeline_loss
from .planning import Plan, plan
from .preemption_checkpoint import PreemptionCheckpoint
from .reduce_op import ReduceOp
from .replica_context import ReplicaContext
from .ring_attention import ring_attention
from .run import run
from .server import Server
from .sharded_strategy import ShardedStrategy
from .shardings import gathered_at_use, shardings
from .strategy import Strategy
from .tpu_strategy import TPUStrategy
from .tpu_system import initialize_tpu_system
from .values import DistributedValues, PerReplica

__all__ = [
    "ClusterCoordinator",
    "ClusterKeyError",
    "ClusterResolver",
    "ClusterSpec",
    "ClusterTypeError",
    "CommunicationImplementation",
    "CommunicationOptions",
    "CrossDeviceOps",
    "DistributedDataset",
    "DistributedDatasetFromFunction",
    "DistributedIterator",
    "DistributedValues",
    "DoesNotFitError",
    "FixedShardsPartitioner",
    "GCEClusterResolver",
    "HierarchicalCopyAllReduce",
    "InputContext",
    "InputOptions",
    "InputReplicationMode",
    "KubernetesClusterResolver",
    "MaxSizePartitioner",
    "MinSizePartitioner",
    "MirroredStrategy",
    "MultiWorkerMirroredStrategy",
    "NcclAllReduce",
    "OneDeviceStrategy",
    "ParameterServerStrategy",
    "Parameters",
    "Partitioner",
    "PerReplica",
    "Plan",
    "PreemptionCheckpoint",
    "ProcessError",
    "ReduceOp",
    "ReductionToOneDevice",
    "RemoteValue",
    "ReplicaContext",
    "Rows",
    "RunOptions",
    "Server",
    "ShardedStrategy",
    "SimpleClusterResolver",
    "SlurmClusterResolver",
    "Strategy",
    "StrategyError",
    "TFConfigClusterResolver",
    "TFConfigError",
    "TPUClusterResolver",
    "TPUStrategy",
    "ValueContext",
    "cluster_resolver",
    "compute_average_loss",
    "connect_to_cluster",
    "coordinator",
    "experimental",
    "experimental_set_strategy",
    "gathered_at_use",
    "get_replica_context",
    "get_strategy",
    "has_strategy",
    "id_in_cluster",
    "in_cross_replica_context",
    "initialize_tpu_system",
    "is_chief",
    "per_replica",
    "pipeline",
    "pipeline_loss",
    "plan",
    "ring_attention",
    "run",
    "scale_regularization_loss",
    "shardings",
]
