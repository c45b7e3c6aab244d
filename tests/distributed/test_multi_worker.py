"""MultiWorkerMirroredStrategy: two processes of two devices have the numbers of one."""

from pathlib import Path

import numpy as np
import pytest

import nnlib as nn


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("two")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        import two_processes

        both = nn.distributed.run(
            two_processes.train, 2, (folder,), cpu_devices=2, timeout_seconds=120
        )
        alone = tmp_path_factory.mktemp("one")
        return folder, both, two_processes.train(alone)


def assert_close(found, expected):
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6 * np.abs(b).max())


def test_both_processes_have_the_same_bits(results):
    _, (first, second), _ = results
    assert (first["index"], second["index"]) == (0, 1)
    assert first["digest"] == second["digest"]
    for name in ("history", "evaluate", "step"):
        assert first[name] == second[name]
    for name in ("predict", "dataset", "other"):
        np.testing.assert_equal(first[name], second[name])


def test_they_have_the_numbers_of_one_process(results):
    _, (first, _), alone = results
    assert first["replicas"] == first["again"] == 4
    assert first["step"] == alone["step"] == 8  # stopped early, after the second epoch
    assert list(first["history"]) == list(alone["history"])
    for name, values in first["history"].items():
        assert values == pytest.approx(alone["history"][name], rel=1e-5)
    assert first["evaluate"] == pytest.approx(alone["evaluate"], rel=1e-5)
    for name in ("weights", "other"):
        assert_close(first[name], alone[name])
    np.testing.assert_allclose(first["predict"], alone["predict"], atol=1e-6)
    for a, b in zip(first["dataset"], alone["dataset"], strict=True):  # by Adam
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_the_chief_alone_writes_and_prints(results):
    folder, (first, second), _ = results
    assert sorted(path.name for path in folder.iterdir()) == ["best.keras", "log-0.csv"]
    assert first["restored"] == second["restored"] == first["digest"]
    assert "Epoch 2/4" in first["printed"]
    assert second["printed"] == ""


def test_no_other_interface_is_listened_at(results):
    _, both, _ = results
    assert [found["listens"] for found in both] == [[True, False]] * 2


def test_what_goes_wrong_goes_wrong_on_both(results):
    _, both, _ = results
    for index, found in enumerate(both):
        values, shapes, cluster = found["refused"]
        assert "the same data on every process" in values
        assert "the same data on every process" in shapes
        assert f"got number {index} of 2" in cluster
