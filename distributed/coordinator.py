"""Names that TensorFlow keeps in `tf.distribute.coordinator`."""

from .parameter_server.cluster_coordinator import ClusterCoordinator, RemoteValue
from .parameter_server.cluster_coordinator import PerWorker as PerWorkerValue

PerWorkerValues = PerWorkerValue

__all__ = ["ClusterCoordinator", "PerWorkerValue", "PerWorkerValues", "RemoteValue"]
