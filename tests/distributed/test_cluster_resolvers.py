"""Cluster resolvers: TensorFlow's answers, recorded; and what is missing is named."""

import json
from types import SimpleNamespace as Object

import pytest
from nnlib.distributed import ClusterSpec
from nnlib.distributed import cluster_resolver as resolvers

import nnlib as nn

BASE = {
    "cluster": {"ps": ["ps0:2222", "ps1:2222"], "worker": ["w0:2222", "w1:2222"]},
    "rpc_layer": "grpc",
    "task": {"type": "ps", "index": 0},
}
TWO = ClusterSpec({"worker": ["w0:1", "w1:2"]})


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    for name in ("TF_CONFIG", "JOB_COMPLETION_INDEX", "TPU_WORKER_HOSTNAMES", "TPU_WORKER_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def tf_config(monkeypatch):
    def write(value, **options):
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv("TF_CONFIG", text)
        return resolvers.TFConfigClusterResolver(**options)

    return write


@pytest.mark.parametrize(
    ("arguments", "address"),
    [
        ((), "grpc://ps0:2222"),
        (("worker", 1), "grpc://w1:2222"),
        (("worker", 1, "test"), "test://w1:2222"),
        (("worker",), "grpc://w0:2222"),
        ((None, None, ""), "ps0:2222"),
    ],
)
def test_tf_config_masters(tf_config, arguments, address):
    assert tf_config(BASE).master(*arguments) == address


def test_tf_config_overrides(tf_config):
    found = tf_config(BASE)
    found.task_type, found.task_id, found.rpc_layer = "worker", 1, "x"
    assert found.master() == "x://w1:2222"
    found = tf_config(BASE, task_type="worker", task_id="1", rpc_layer="http", environment="google")
    assert (found.task_type, found.task_id, found.rpc_layer) == ("worker", 1, "http")
    assert found.environment == "google"
    assert found.master() == "http://w1:2222"
    assert tf_config(BASE).environment is None
    assert tf_config(BASE).num_accelerators() == {}


@pytest.mark.parametrize(
    ("config", "task", "master"),
    [
        ({}, (None, None), ""),
        ([], (None, None), ""),
        ({**BASE, "task": {"type": "worker", "index": "1"}}, ("worker", 1), "grpc://w1:2222"),
        ({**BASE, "session_master": "s"}, ("ps", 0), "s"),
        ({"cluster": {"worker": ["w:1"]}, "task": BASE["task"]}, ("ps", 0), ""),
        (
            {"cluster": {"worker": {"1": "a", "3": "b"}}, "task": {"type": "worker", "index": 3}},
            ("worker", 3),
            "b",
        ),
    ],
)
def test_tf_config_tasks(tf_config, config, task, master):
    found = tf_config(config)
    assert (found.task_type, found.task_id) == task
    assert found.master() == master


def test_tf_config_casts_the_type_to_a_string(tf_config):
    found = tf_config({**BASE, "task": {"type": 1, "index": "1"}})
    assert (found.task_type, found.task_id) == ("1", 1)
    with pytest.raises(ValueError, match="one of the jobs"):
        found.master()


def test_no_tf_config_is_an_empty_cluster():
    found = resolvers.TFConfigClusterResolver()
    assert not found.cluster_spec()
    assert (found.master(), found.task_type, found.task_id, found.rpc_layer) == ("", *[None] * 3)


@pytest.mark.parametrize(
    ("config", "error", "match"),
    [
        ("{bad", json.JSONDecodeError, "TF_CONFIG: expected JSON"),
        ("", json.JSONDecodeError, "TF_CONFIG: expected JSON"),
        ("[1]", ValueError, "expected a dict"),
        ({"cluster": {"worker": "abc"}}, TypeError, "list of addresses"),
        ({"cluster": None}, TypeError, "ClusterSpec: expected"),
        ({"cluster": {"worker": ["a", "b"]}}, ValueError, '"task"'),
        ({**BASE, "task": {"type": "worker", "index": 5}}, ValueError, "expected a task of job"),
        ({**BASE, "task": {"type": "worker", "index": "x"}}, ValueError, "as an integer"),
        ({**BASE, "task": {"type": "worker", "index": 0.5}}, ValueError, "as an integer"),
        ({**BASE, "task": 3}, ValueError, '"task" as'),
    ],
)
def test_tf_config_that_is_wrong(tf_config, config, error, match):
    with pytest.raises(error, match=match) as caught:
        tf_config(config).master()
    assert isinstance(caught.value, nn.errors.NnlibError)


def test_who_is_alone_may_have_any_name(tf_config):
    found = tf_config({"cluster": {"local": ["a:1"]}, "task": {"type": "local", "index": 0}})
    assert nn.distributed.MultiWorkerMirroredStrategy(found).cluster_resolver is found


@pytest.mark.parametrize(
    ("config", "match"),
    [
        ({"clusters": BASE["cluster"], "task": BASE["task"]}, "only 'clusters', 'task'"),
        ({"cluster": {"Worker": ["a:1", "b:1"]}, "task": {"type": "Worker", "index": 0}}, "Worker"),
        ({"cluster": {"trainer": ["a:1", "b:1"]}}, 'jobs out of .* "worker"'),
        ({"cluster": {"ps": ["a:1"]}, "task": {"type": "ps", "index": 0}}, "the ps"),
        ({"cluster": {"worker": ["a:1", "b:1"]}, "task": {"type": "wroker", "index": 0}}, "wroker"),
        ({"cluster": {"worker": ["a:1"], "ps": ["b:1"]}, "task": BASE["task"]}, "the ps"),
    ],
)
def test_nobody_trains_alone_for_a_slip(tf_config, config, match):
    found = tf_config(config)
    with pytest.raises(ValueError, match=match):
        nn.distributed.MultiWorkerMirroredStrategy(found)


@pytest.mark.parametrize("address", ["a", ":1", "a:b", "a:65536"])
def test_addresses_that_are_none(tf_config, address):
    task = {"type": "worker", "index": 0}
    found = tf_config({"cluster": {"worker": [address, "b:1"]}, "task": task})
    with pytest.raises(ValueError, match="host:port"):
        nn.distributed.MultiWorkerMirroredStrategy(found)


@pytest.mark.parametrize(
    ("options", "arguments", "address"),
    [
        ({}, (), ""),
        ({"task_type": "worker", "task_id": 1}, (), ""),
        ({"master": "w", "rpc_layer": "grpc"}, (), "grpc://w"),
        ({"rpc_layer": "grpc"}, ("worker", 1), "grpc://w1:2"),
        ({"rpc_layer": "grpc"}, (), "grpc://"),
        ({}, ("worker", 1, "x"), "x://w1:2"),
    ],
)
def test_simple(options, arguments, address):
    assert resolvers.SimpleClusterResolver(TWO, **options).master(*arguments) == address


def test_simple_tells_what_it_was_told():
    found = resolvers.SimpleClusterResolver(TWO, num_accelerators={"GPU": 8})
    assert found.num_accelerators("worker", 0) == {"GPU": 8}
    assert (found.environment, found.task_type, found.rpc_layer) == ("", None, None)
    assert found.cluster_spec() == TWO
    for wrong in ({"cluster_spec": {}}, {"cluster_spec": TWO, "master": 1}):
        with pytest.raises(TypeError, match="SimpleClusterResolver"):
            resolvers.SimpleClusterResolver(**wrong)
    with pytest.raises(TypeError, match="abstract"):
        resolvers.ClusterResolver()


def test_union():
    one = resolvers.SimpleClusterResolver(TWO, "m", "worker", 1)
    two = resolvers.SimpleClusterResolver(ClusterSpec({"ps": ["p:1"], "worker": ["z:3"]}))
    both = resolvers.UnionResolver(one, two)
    assert both.cluster_spec().as_dict() == {"worker": ["w0:1", "w1:2", "z:3"], "ps": ["p:1"]}
    assert (both.master(), both.task_type, both.task_id) == ("m", "worker", 1)
    assert both.master("worker", 2) == "z:3"
    clash = resolvers.SimpleClusterResolver(ClusterSpec({"worker": {1: "q:1"}}))
    with pytest.raises(KeyError, match=r"^UnionResolver: .* 1 twice"):
        resolvers.UnionResolver(one, clash).cluster_spec()
    with pytest.raises(ValueError, match="at least one"):
        resolvers.UnionResolver()


@pytest.fixture
def slurm(monkeypatch):
    def step(rank, tasks, nodes, per_node, gpus="0,1"):
        values = {"PROCID": rank, "STEP_NUM_TASKS": tasks, "STEP_NODELIST": nodes}
        for name, value in (values | {"STEP_TASKS_PER_NODE": per_node}).items():
            monkeypatch.setenv(f"SLURM_{name}", str(value))
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpus)

    return step


def test_slurm(slurm):
    slurm(3, 5, "t02n13,t02n41,t02n43,t02n[44-45]", "1(x5)")
    found = resolvers.SlurmClusterResolver()
    assert (found.get_task_info(), found.master()) == ((None, None), "")
    hosts = ["t02n13", "t02n41", "t02n43", "t02n44", "t02n45"]
    assert found.cluster_spec() == ClusterSpec({"worker": [f"{host}:8888" for host in hosts]})
    assert found.get_task_info() == ("worker", 3)
    assert found.master() == "grpc://t02n44:8888"
    assert found.num_accelerators() == {"GPU": 2}


def test_slurm_with_jobs(slurm, monkeypatch):
    slurm(3, 5, "n[01-02,05],m3", "2,1(x3)", "0,1,2,3")
    found = resolvers.SlurmClusterResolver({"ps": 1, "worker": 4}, 1000, 2, 1)
    expected = {"ps": ["m3:1000"], "worker": ["n01:1000", "n01:1001", "n02:1000", "n05:1000"]}
    assert found.cluster_spec().as_dict() == expected
    assert found.get_task_info() == ("worker", 2)
    assert found.master("ps", 0, "t") == "t://m3:1000"
    slurm(2, 8, "n[1-4]", "2(x4)")
    found = resolvers.SlurmClusterResolver(tasks_per_node=2, gpus_per_node=0)
    assert found.cluster_spec().job_tasks("worker")[:3] == ["n1:8888", "n1:8889", "n2:8888"]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"jobs": {"worker": 9}}, "expected 9 tasks, got 5"),
        ({"gpus_per_node": 1, "gpus_per_task": 1}, "expected 2 GPUs"),
    ],
)
def test_slurm_gave_less(slurm, options, match):
    slurm(3, 5, "n[01-02,05],m3", "2,1(x3)")
    with pytest.raises(RuntimeError, match=match):
        resolvers.SlurmClusterResolver(**options)


@pytest.mark.parametrize("nodes", ["n[1-2", "n[a-b]", "n]"])
def test_slurm_lists_that_are_wrong(slurm, nodes):
    slurm(0, 1, nodes, "1")
    with pytest.raises(ValueError, match=r"n\[01-04\]"):
        resolvers.SlurmClusterResolver()


def test_outside_of_slurm(monkeypatch):
    monkeypatch.delenv("SLURM_PROCID", raising=False)
    with pytest.raises(RuntimeError, match="SLURM_PROCID"):
        resolvers.SlurmClusterResolver()


def pod(name, address, phase="Running"):
    return Object(metadata=Object(name=name), status=Object(phase=phase, host_ip=address))


def test_kubernetes(monkeypatch):
    pods = {"job-name=tensorflow": [pod("b", "10.0.0.2"), pod("a", "10.0.0.1")]}
    client = Object(
        list_pod_for_all_namespaces=lambda label_selector: Object(items=pods[label_selector])
    )
    found = resolvers.KubernetesClusterResolver(override_client=client)
    assert found.cluster_spec().as_dict() == {"worker": ["10.0.0.1:8470", "10.0.0.2:8470"]}
    assert (found.master(), found.master("worker", 1)) == ("", "grpc://10.0.0.2:8470")
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    found = resolvers.KubernetesClusterResolver(override_client=client)
    assert found.master() == "grpc://10.0.0.2:8470"
    pods["job-name=tensorflow"].append(pod("c", "", "Pending"))
    with pytest.raises(RuntimeError, match="'c' to run, got the phase 'Pending'"):
        found.cluster_spec()
    with pytest.raises(ValueError, match="ExecutableLocation"):
        resolvers.KubernetesClusterResolver(executable_location=0)


def test_compute_engine():
    def execute(value):
        return Object(execute=lambda: value)

    names = {"a": "10.0.0.9", "b": "10.0.0.3"}
    page = {"items": [{"instance": f"https://x/{name}"} for name in names]}
    address = lambda name: {"networkInterfaces": [{"networkIP": names[name]}]}  # noqa: E731
    service = Object(
        instanceGroups=lambda: Object(
            listInstances=lambda **given: execute(page),
            listInstances_next=lambda **given: None,
        ),
        instances=lambda: Object(get=lambda instance, **given: execute(address(instance))),
    )
    found = resolvers.GCEClusterResolver("p", "z", "g", 8470, service=service)
    assert found.cluster_spec().as_dict() == {"worker": ["10.0.0.3:8470", "10.0.0.9:8470"]}
    assert found.master() == "grpc://10.0.0.3:8470"
    with pytest.raises(RuntimeError, match="task_type"):
        found.task_type = "ps"


@pytest.mark.parametrize(
    ("make", "package"),
    [
        (resolvers.KubernetesClusterResolver, "kubernetes.config"),
        (lambda: resolvers.GCEClusterResolver("p", "z", "g", 1), "googleapiclient.discovery"),
    ],
)
def test_clients_that_are_not_installed(make, package, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, package, None)
    with pytest.raises(ImportError, match="pip install"):
        make()


def test_tpu_machines(monkeypatch):
    assert not resolvers.TPUClusterResolver().cluster_spec()
    monkeypatch.setenv("TPU_WORKER_HOSTNAMES", "t0,t1")
    monkeypatch.setenv("TPU_WORKER_ID", "1")
    found = resolvers.TPUClusterResolver("mine")
    assert found.cluster_spec().as_dict() == {"worker": ["t0:8476", "t1:8476"]}
    assert found.get_master() == found.master() == "grpc://t1:8476"
    assert found.num_accelerators() == {"TPU": 0}
    assert not resolvers.TPUClusterResolver("local").cluster_spec()
    with pytest.warns(UserWarning, match="expected no zone"):
        resolvers.TPUClusterResolver("mine", zone="here")


def test_without_a_tpu_it_says_what_it_looked_for():
    resolver = resolvers.TPUClusterResolver("mine")
    nn.distributed.connect_to_cluster(resolver)
    for asked in (
        lambda: nn.distributed.initialize_tpu_system(resolver),
        lambda: nn.distributed.TPUStrategy(resolver),
        lambda: resolvers.TPUClusterResolver.connect("mine"),
    ):
        with pytest.raises(RuntimeError, match=r"'mine'.*found cpu.*/dev/accel.*HOSTNAMES"):
            asked()
