"""Server and connect_to_cluster, in a process that is alone."""

import json
import os
import time

import jax
import pytest
from nnlib.distributed import Server, connect_to_cluster

import nnlib as nn


def test_the_only_process_of_a_cluster(monkeypatch):
    monkeypatch.setenv(
        "TF_CONFIG",
        json.dumps(
            {"cluster": {"worker": ["localhost:1234"]}, "task": {"type": "worker", "index": 0}}
        ),
    )
    server = Server(nn.distributed.TFConfigClusterResolver(), protocol="grpc")
    server.start()
    assert server.target == "grpc://localhost:1234"
    server.join()
    monkeypatch.delenv("TF_CONFIG")
    server = Server(nn.distributed.TFConfigClusterResolver(), protocol="grpc")
    assert server.target == ""
    assert nn.distributed.MultiWorkerMirroredStrategy().num_replicas_in_sync == 8
    assert nn.distributed.MirroredStrategy().cluster_resolver is None


def test_processes_that_do_not_come_are_not_waited_for_for_ever(monkeypatch):
    monkeypatch.setattr(jax.distributed, "initialize", lambda *_, **__: time.sleep(5))
    cluster = {"worker": ["10.0.0.1:1", "127.0.0.1:1"]}
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))  # given back behind it
    with pytest.raises(RuntimeError, match=r"2 processes at 10\.0\.0\.1:1 .*not all there"):
        connect_to_cluster(cluster, "worker", 1, start_seconds=0.05)


def test_an_evaluator_is_alone(monkeypatch):
    cluster = {"worker": ["a:1", "b:1"], "evaluator": ["c:1"]}
    config = {"cluster": cluster, "task": {"type": "evaluator", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    strategy = nn.distributed.MultiWorkerMirroredStrategy()
    assert strategy.num_replicas_in_sync == 8
    found = strategy.cluster_resolver
    assert (found.task_type, found.task_id) == ("evaluator", 0)


@pytest.mark.parametrize(
    ("cluster", "match"),
    [
        (
            {"chief": ["10.0.0.1:1"], "ps": ["10.0.0.2:1"], "worker": ["b:1"]},
            r"ray start --block --address=10\.0\.0\.1:6379",
        ),
        ({"ps": ["a:1"], "worker": ["b:1"]}, r"--address=CHIEF:6379.*RAY_AUTH_TOKEN"),
        ({"ps": {0: "localhost:1"}, "worker": ["localhost:2"]}, "chief alone"),
    ],
)
def test_there_is_no_server_of_parameter_servers(cluster, match):
    server = Server(cluster, "ps", 0, start=False)
    with pytest.raises(RuntimeError, match=match):
        server.start()


@pytest.mark.parametrize(
    ("arguments", "error", "match"),
    [
        (({"worker": ["a:1", "b:1"]},), ValueError, "task_index"),
        (({"worker": ["a:1"], "ps": ["b:1"]},), ValueError, "job_name"),
        (({"worker": ["a:1"]}, "ps", 0), ValueError, "one of the jobs"),
        (({"worker": ["a:1"]}, "worker", 3), ValueError, "expected a task"),
        (({"worker": ["a:1"]}, "worker", 0, "rdma"), ValueError, "grpc"),
        (("a",), TypeError, "ClusterSpec"),
    ],
)
@pytest.mark.parametrize("make", [Server, connect_to_cluster])
def test_tasks_that_are_not_there(make, arguments, error, match):
    with pytest.raises(error, match=match):
        make(*arguments)


def test_a_process_that_used_jax_cannot_join(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", os.environ.get("XLA_FLAGS", ""))  # joining adds to it
    jax.devices()
    cluster = {"worker": ["127.0.0.1:1", "127.0.0.1:2"]}
    with pytest.raises(RuntimeError, match="before JAX computes"):
        connect_to_cluster(cluster, "worker", 1)


@pytest.mark.parametrize(
    ("cluster", "task", "match"),
    [
        ({"worker": ["203.0.113.1:80", "b:1"]}, ("worker", 0), "JAX_COORDINATOR_BIND_ADDRESS"),
        ({"worker": ["nowhere", "b:1"]}, ("worker", 0), '"host:port"'),
        ({"worker": ["a:1", "b:1"], "ps": ["c:1"]}, ("ps", 0), "chief or a worker"),
    ],
)
def test_clusters_that_cannot_be_joined(cluster, task, match):
    with pytest.raises((RuntimeError, ValueError), match=match):
        connect_to_cluster(cluster, *task)


def test_a_strategy_wants_options_for_its_communication():
    with pytest.raises(ValueError, match="CommunicationOptions"):
        nn.distributed.MultiWorkerMirroredStrategy(communication_options="nccl")


@pytest.mark.parametrize("resolver", [{"worker": ["a:1"]}, "a:1"])
def test_a_strategy_wants_a_resolver(resolver):
    with pytest.raises(ValueError, match="ClusterResolver"):
        nn.distributed.MultiWorkerMirroredStrategy(resolver)
