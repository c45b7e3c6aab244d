"""ClusterSpec and who is who: TensorFlow's answers, recorded."""

import pytest
from nnlib.distributed import ClusterSpec, ClusterTypeError, id_in_cluster, is_chief

import nnlib as nn

SPARSE = {"worker": {"1": "x", 3: "y"}, "ps": ["a", "b"]}


def test_sparse_and_dense_jobs():
    spec = ClusterSpec(SPARSE)
    assert spec.jobs == ["worker", "ps"]
    assert spec.as_dict() == {"worker": {1: "x", 3: "y"}, "ps": ["a", "b"]}
    assert spec.task_indices("worker") == [1, 3]
    assert spec.num_tasks("worker") == 2
    assert spec.task_address("worker", 3) == "y"
    assert spec.job_tasks("worker") == [None, "x", None, "y"]
    assert spec.job_tasks("ps") == ["a", "b"]
    assert repr(spec) == "ClusterSpec({'ps': ['a', 'b'], 'worker': {1: 'x', 3: 'y'}})"


def test_equality_and_truth():
    spec = ClusterSpec(SPARSE)
    assert spec == ClusterSpec(spec) == ClusterSpec(spec.as_dict())
    assert spec == {"worker": {1: "x", 3: "y"}, "ps": {0: "a", 1: "b"}}
    assert spec != ClusterSpec({"ps": ["a", "b"]})
    assert not ClusterSpec({})
    assert ClusterSpec({"worker": []})
    assert ClusterSpec({"worker": []}).as_dict() == {"worker": {}}
    assert ClusterSpec({"worker": ("a",)}).as_dict() == {"worker": ["a"]}
    with pytest.raises(TypeError, match="unhashable"):
        hash(spec)


@pytest.mark.parametrize(
    "cluster",
    [
        None,
        "worker",
        ["a"],
        {"worker": "abc"},
        {"worker": [1]},
        {"worker": [None]},
        {"worker": None},
        {1: ["a"]},
    ],
)
def test_other_types_are_refused(cluster):
    with pytest.raises(TypeError, match="ClusterSpec: expected"):
        ClusterSpec(cluster)
    assert issubclass(ClusterTypeError, nn.errors.NnlibError)


@pytest.mark.parametrize("index", ["a", -1, 1.5, None])
def test_numbers_of_tasks_are_integers(index):
    with pytest.raises(ValueError, match="integers from 0"):
        ClusterSpec({"worker": {index: "a"}})


@pytest.mark.parametrize(
    "asked",
    [
        lambda s: s.num_tasks("chief"),
        lambda s: s.task_indices("chief"),
        lambda s: s.job_tasks("chief"),
        lambda s: s.task_address("chief", 0),
        lambda s: s.task_address("worker", 0),
        lambda s: s.task_address("worker", "1"),
    ],
)
def test_unknown_jobs_and_tasks(asked):
    with pytest.raises(ValueError, match="ClusterSpec: expected"):
        asked(ClusterSpec(SPARSE))


WITH_CHIEF = {"chief": ["a"], "worker": ["b", "c"]}
WORKERS = {"worker": ["b", "c"]}


@pytest.mark.parametrize(
    ("cluster", "task", "chief", "number"),
    [
        (WITH_CHIEF, ("chief", 0), True, 0),
        (WITH_CHIEF, ("worker", 0), False, 1),
        (WITH_CHIEF, ("worker", 1), False, 2),
        (WORKERS, ("worker", 0), True, 0),
        (WORKERS, ("worker", 1), False, 1),
        ({"worker": ["b"], "evaluator": ["e"]}, ("evaluator", 0), True, 0),
        (WORKERS, ("evaluator", 0), True, 0),
        ({"worker": {1: "a", 3: "b"}}, ("worker", 1), False, 1),
        ({"worker": ["b"], "ps": ["p"]}, ("ps", 0), False, None),
        ({}, (None, None), False, None),
    ],
)
def test_chief_and_numbers(cluster, task, chief, number):
    assert is_chief(cluster, *task) is chief
    if number is None:
        with pytest.raises(ValueError, match="id_in_cluster"):
            id_in_cluster(cluster, *task)
    else:
        assert id_in_cluster(cluster, *task) == number


@pytest.mark.parametrize(
    ("cluster", "task", "match"),
    [
        ({"chief": ["a", "b"]}, ("chief", 0), "at most one chief"),
        ({"worker": ["b"]}, ("worker", 2), "below 1"),
        ({"worker": {1: "a", 3: "b"}}, ("worker", 3), "below 2"),
        ({"x": ["b"]}, ("x", 0), "jobs out of"),
        ({"worker": ["b"]}, ("ps", 0), "among worker"),
        ({"worker": ["b"]}, ("foo", 0), "task type out of"),
    ],
)
def test_tasks_that_are_not_there(cluster, task, match):
    for asked in (is_chief, id_in_cluster):
        with pytest.raises(ValueError, match=match):
            asked(cluster, *task)
