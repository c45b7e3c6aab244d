"""The templates in deploy/training: valid, and what they set is what nnlib reads."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nnlib as nn

FOLDER = Path(__file__).parents[2] / "deploy" / "training"


@pytest.fixture
def job_set():
    pytest.importorskip("kubernetes_validate", reason="extra `deploy`")
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((FOLDER / "kubernetes-jobset.yaml").read_text())


def test_the_job_is_one_that_kubernetes_knows(job_set):
    import kubernetes_validate

    assert (job_set["apiVersion"], job_set["kind"]) == ("jobset.x-k8s.io/v1alpha2", "JobSet")
    assert set(job_set["spec"]) == {"failurePolicy", "replicatedJobs"}
    for replicated in job_set["spec"]["replicatedJobs"]:
        assert set(replicated) == {"name", "replicas", "template"}
        job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "train-worker-0"}}
        kubernetes_validate.validate({**job, **replicated["template"]}, "1.31", strict=True)


def test_every_pod_of_the_job_set_knows_the_cluster(job_set, monkeypatch):
    (replicated,) = job_set["spec"]["replicatedJobs"]
    job, name = replicated["template"]["spec"], job_set["metadata"]["name"]
    (container,) = job["template"]["spec"]["containers"]
    index, tf_config = container["env"]
    (port,) = container["ports"]
    assert index["name"] == "INDEX"
    assert job["completions"] == job["parallelism"]
    for number in range(job["completions"]):
        monkeypatch.setenv("TF_CONFIG", tf_config["value"].replace("$(INDEX)", str(number)))
        found = nn.distributed.TFConfigClusterResolver()
        assert (found.task_type, found.task_id) == ("worker", number)
        assert found.cluster_spec().as_dict() == {
            "worker": [
                f"{name}-{replicated['name']}-0-{i}.{name}:{port['containerPort']}"
                for i in range(job["completions"])
            ]
        }


@pytest.mark.parametrize(("code", "requeued"), [(0, False), (75, True), (134, False)])
def test_the_slurm_script(tmp_path, code, requeued):
    """With an srun and an scontrol that only note what they are told."""
    for name, then in (("srun", f"exit {code}"), ("scontrol", "exit 0")):
        program = tmp_path / name
        program.write_text(f'#!/bin/bash\necho "{name} $@" >> "{tmp_path}/told"\n{then}\n')
        program.chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(FOLDER / "slurm.sh"), "--epochs", "5"],
        env={"PATH": path, "SLURM_JOB_ID": "42", "BACKUP": "/b", "PROGRAM": "train.py"},
        check=False,
    )
    assert done.returncode == code
    told = (tmp_path / "told").read_text().splitlines()
    assert told[0].endswith("python -u train.py --backup /b --epochs 5")
    assert told[1:] == (["scontrol requeue 42"] if requeued else [])


def test_the_program_trains_alone_and_in_slurm_of_one(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(
        sys, "argv", ["train.py", "--backup", str(tmp_path / "b"), "--epochs", "1", "--rows", "64"]
    )
    for name, value in (("PROCID", 0), ("STEP_NUM_TASKS", 1), ("STEP_NODELIST", "n1")):
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    monkeypatch.setenv("SLURM_STEP_TASKS_PER_NODE", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("TF_CONFIG", raising=False)
    source = (FOLDER / "train.py").read_text()
    names = {"__name__": "train"}
    exec(compile(source, "train.py", "exec"), names)
    names["main"]()
    assert "Epoch 1/1" in capsys.readouterr().out
    assert json.dumps(names["AGAIN"]) in (FOLDER / "slurm.sh").read_text()
