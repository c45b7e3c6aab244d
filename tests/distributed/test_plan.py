"""plan: shardings, memory, arithmetic and traffic of a step, found without running it."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from jax.sharding import Mesh
from jax.sharding import PartitionSpec as P
from nnlib.distributed.mesh_placement import MeshPlacement
from nnlib.distributed.planning import report, targets
from nnlib.distributed.planning.arithmetic import flops_of
from nnlib.distributed.planning.hlo_text import collectives_of
from rich.console import Console

import nnlib as nn
from nnlib.training.placement import ONE_DEVICE


def network(*units, optimizer="adam", features=16):
    layers = [nn.layers.Dense(unit, "tanh") for unit in units]
    model = nn.Sequential([nn.Input((features,)), *layers])
    model.compile(optimizer, "mse")
    return model


class Cut(nn.distributed.Strategy):
    """The rows over one axis, each kernel over both."""

    def __init__(self, mesh=None):
        devices = np.array(jax.devices()).reshape(4, 2)
        super().__init__(Mesh(devices, ("data", "model")) if mesh is None else mesh)

    def placement_of(self, model):
        def cuts():
            return {
                (*path, name): (weight.shape, P("data", "model"))
                for path, _, name, weight in model.weight_specs()
                if len(weight.shape) == 2
            }

        return MeshPlacement(self.mesh, ("data",), cuts)


def test_data_parallel_training_sends_the_least_and_the_sums_of_the_logs():
    model = network(32, 8)
    found = nn.distributed.plan(model, nn.distributed.MirroredStrategy(), 64, verbose=False)
    weights = 4 * (16 * 32 + 32 + 32 * 8 + 8)
    assert [one.kind for one in found.collectives] == ["all-reduce"]
    assert found.least_bytes == 2 * 7 / 8 * weights
    assert found.collective_bytes - found.least_bytes == 2 * 7 / 8 * 4  # the loss
    assert found.memory.weights == weights
    assert found.memory.optimizer == 2 * weights + 8
    assert found.memory.batch == 64 // 8 * (16 + 8) * 4
    assert found.memory.needed > found.memory.kept
    products = 2 * 64 * (16 * 32 + 32 * 8)
    assert found.flops == (2 * products + 2 * 64 * 32 * 8) / 8  # no gradient of the inputs
    assert {weight.path: weight.spec for weight in found.weights}["dense/kernel"] == ()
    assert found.devices == 8
    assert repr(found).startswith("Plan('local', devices=8, ")


def test_cut_weights():
    found = nn.distributed.plan(network(32, 8), Cut(), 64, verbose=False)
    kernel = next(weight for weight in found.weights if weight.path == "dense/kernel")
    assert kernel.spec == ("data", "model")
    assert kernel.bytes == 4 * 16 * 32 / 8
    kernels, biases = 4 * (16 * 32 + 32 * 8), 4 * (32 + 8)
    assert found.memory.weights == kernels / 8 + biases
    # Half of each kernel is gathered, and its gradient reduced and scattered, over four devices.
    assert found.least_bytes == 2 * 3 / 4 * (kernels / 2 + biases)
    assert found.collective_bytes >= found.least_bytes
    assert {one.group for one in found.collectives} <= {2, 4, 8}


def test_it_is_the_step_that_fit_runs():
    """Planning changes nothing, and one mesh is as good as a strategy with it."""
    x, y = np.ones((32, 16), "float32"), np.ones((32, 8), "float32")
    strategy = nn.distributed.MirroredStrategy()
    with strategy.scope():
        model = network(8, optimizer="sgd")
    found = nn.distributed.plan(model, strategy, (x, y), verbose=False)
    assert not any(layer._core.cell for layer in model.layers)  # nothing was allocated
    model.fit(x, y, batch_size=32, verbose=0)
    again = nn.distributed.plan(model, strategy, (x, y), verbose=False)
    by_mesh = nn.distributed.plan(model, strategy.mesh, 32, verbose=False)
    assert found == again == by_mesh


def test_labels_of_a_sparse_loss():
    model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(3, "softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    found = nn.distributed.plan(model, nn.distributed.MirroredStrategy(), 16, verbose=False)
    assert found.memory.batch == 2 * (4 * 4 + 4)


def test_a_model_larger_than_the_machine_is_refused_at_once():
    model = network(200_000, 200_000)
    with pytest.raises(nn.distributed.DoesNotFitError, match=r"A weight takes 149\.01 GiB"):
        nn.distributed.plan(model, nn.distributed.MirroredStrategy(), 512)
    assert not any(layer._core.cell for layer in model.layers)


@pytest.mark.parametrize(
    ("units", "rows", "match"),
    [
        ([512] * 4, 64, r"ShardedStrategy\(\) they are 1.50 MiB"),
        ([512] * 30, 64, r"are 90.\d* MiB together: take at least 12 such"),
        ([8], 8 * 10**6, "a batch of about"),
    ],
)
def test_the_remedy_is_named(monkeypatch, units, rows, match):
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 1}.get(name, 8 * 10**7))
    model = network(*units, features=512 if units[0] > 8 else 16)
    with pytest.raises(nn.distributed.DoesNotFitError, match=match):
        nn.distributed.plan(model, nn.distributed.MirroredStrategy(), rows, verbose=False)


@pytest.mark.parametrize(
    ("needs", "units", "remedy"),
    [
        ("20.50G", 32, "got 20.50 GiB: .* a batch of about 49 rows instead of 64"),
        ("2.01T", 32, "got 2058.24 GiB: .* Make activations again"),
        ("20.50G", 2 * 10**8, "A weight takes 11.92 GiB where it is used"),
    ],
)
def test_what_compilers_say_of_the_need(monkeypatch, needs, units, remedy):
    """What TPUs call temporaries is all: that arguments come on top would be wrong."""
    said = f"RESOURCE_EXHAUSTED: memory required for HLO temporaries ({needs}) exceeds available"

    def compile(self):
        raise jax.errors.JaxRuntimeError(f"{said} HBM (15.75G).")

    monkeypatch.setattr("jax.stages.Lowered.compile", compile)
    monkeypatch.setattr("os.sysconf", lambda name: 2**20)
    strategy = nn.distributed.ShardedStrategy()
    with pytest.raises(nn.distributed.DoesNotFitError, match=f"at most 15.75 GiB .*{remedy}"):
        nn.distributed.plan(network(units, optimizer="sgd"), strategy, 64, verbose=False)


def test_what_jax_takes_of_a_gpu(monkeypatch):
    memory = targets.FACTS["h100"].memory
    assert targets._usable(targets.FACTS["h100"]).memory == int(0.75 * memory)
    monkeypatch.setenv("XLA_CLIENT_MEM_FRACTION", "0.9")
    assert targets._usable(targets.FACTS["h100"]).memory == int(0.9 * memory)
    for wrong in ("most", "nan", "-1", "0", "1.5"):
        monkeypatch.setenv("XLA_CLIENT_MEM_FRACTION", wrong)
        with pytest.raises(ValueError, match=f"got '{wrong}'"):
            targets._usable(targets.FACTS["h100"])
    assert targets.FACTS["h100"].flops == pytest.approx(989.4e12, rel=1e-3)  # as NVIDIA says


def test_arithmetic_that_devices_repeat_or_wait_for():
    """Five rows are up to two on each of four groups, whose second devices repeat the first."""
    products = 2 * 2 * (2 * 16 * 8)  # forward, and the gradient of the kernel
    strategy = nn.distributed.ShardedStrategy({"data": 4, "model": 2})
    found = nn.distributed.plan(network(8, optimizer="sgd"), strategy, 5, verbose=False)
    assert found.flops == pytest.approx(products)
    cut = nn.distributed.ShardedStrategy({"data": 4, "model": 2}, {"out": "model"})
    found = nn.distributed.plan(network(8, optimizer="sgd"), cut, 8, verbose=False)
    assert found.flops == products / 2
    both = nn.distributed.ShardedStrategy(
        {"data": 4, "model": 2}, {"out": "model"}, sequence="model"
    )
    with pytest.warns(UserWarning, match="nothing cuts sequences"):
        once = nn.distributed.plan(network(8, optimizer="sgd"), both, 8, verbose=False)
    assert once.flops == found.flops
    assert json.loads(json.dumps(dataclasses.asdict(found)))["flops"] == found.flops


def test_tables_and_a_picture(tmp_path, capsys):
    picture = tmp_path / "folder" / "plan.png"
    found = nn.distributed.plan(network(*[8] * 30), Cut(), 16, picture=picture, verbose=False)
    assert picture.read_bytes()[:4] == b"\x89PNG"
    console = Console(width=120, record=True, quiet=True)
    report.show(found, console)
    console = Console(width=120, file=None)
    report.show(found, console)
    text = capsys.readouterr().out
    for part in ("data=4, model=2", "40 others", "('data', 'model')", "all-reduce", "GFLOP"):
        assert part in text


class Asynchronous(nn.distributed.MirroredStrategy):
    def placement_of(self, model):
        return ONE_DEVICE


class Stays(nn.distributed.MirroredStrategy):
    def on_mesh(self, mesh):
        return nn.distributed.MirroredStrategy(["cpu:0", "cpu:1"])


@pytest.mark.parametrize(
    ("strategy", "batch", "target", "match"),
    [
        (nn.distributed.MirroredStrategy, 8, "v99:2x2", "v5p:8x8x8"),
        (nn.distributed.MirroredStrategy, 8, "h100:2x4", "h100:8"),
        (nn.distributed.MirroredStrategy, 8, "2xh100:8", "two slices"),
        (nn.distributed.MirroredStrategy, 8, "0xv5e:4x4", "two slices"),
        (nn.distributed.MirroredStrategy, 8, "nowhere", "local"),
        (nn.distributed.MirroredStrategy, 8, "h100:0", "local"),
        (nn.distributed.MirroredStrategy, 8, None, "local"),
        (nn.distributed.MirroredStrategy, 0, "local", "above 0"),
        (nn.distributed.MirroredStrategy, "many", "local", "number of rows"),
        (nn.distributed.MirroredStrategy, None, "local", "number of rows"),
        (nn.distributed.MirroredStrategy, np.ones((0, 16)), "local", "above 0, got 0"),
        (lambda: jax.make_mesh((8,), ("rows",)), 8, "local", "automatic axes"),
        (lambda: None, 8, "local", "a strategy or a Mesh"),
        (Asynchronous, 8, "local", "train in step"),
        (Stays, 8, "local", "on_mesh"),
    ],
)
def test_what_is_refused(strategy, batch, target, match):
    with pytest.raises((ValueError, RuntimeError), match=match):
        nn.distributed.plan(network(4), strategy(), batch, target)


def test_models_that_are_refused():
    with pytest.raises(nn.errors.ArgumentError, match="a model, got 3"):
        nn.distributed.plan(3, nn.distributed.MirroredStrategy(), 8)
    model = network(4)
    model.compile("sgd", lambda y, p: (y - p) ** 2)
    with pytest.raises(nn.errors.ArgumentError, match="Pass batch="):
        nn.distributed.plan(model, nn.distributed.MirroredStrategy(), 8)


def test_missing_compilers(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    for target, extra in (("v5e:2x2", "aot-tpu"), ("h100:8", "aot-cuda")):
        with pytest.raises(nn.errors.MissingExtraError, match=rf"nnlib\[{extra}\]"):
            nn.distributed.plan(network(4), nn.distributed.MirroredStrategy(), 8, target)
    model = nn.Sequential([nn.Input((4,)), nn.layers.Dense(1)])
    with pytest.raises(nn.errors.NotCompiledError):
        nn.distributed.plan(model, nn.distributed.MirroredStrategy(), 8)


# As XLA of jax 0.10.2 and of 0.12 writes them, for CPUs, TPUs and GPUs.
@pytest.mark.parametrize(
    ("line", "kind", "size", "group"),
    [
        (
            "%a = (f32[16]{0}, f32[16,6]{1,0}, f32[]) all-reduce(%b, %c, %d), channel_id=1, "
            "replica_groups=mesh['axis_0'=8,'axis_1'=1] {'axis_0'}, to_apply=%region",
            "all-reduce", 4 * (16 + 96 + 1), 8,
        ),
        (
            "%a = f32[6,16]{0,1} all-gather(%b), channel_id=1, "
            "replica_groups=mesh['axis_0'=1,'axis_1'=8] {'axis_1'}, dimensions={1}",
            "all-gather", 4 * 96, 8,
        ),
        (
            "%a = f32[8]{0} all-gather(%b), channel_id=8, replica_groups=mesh['axis_0'=2,"
            "'axis_1'=4], device_ids=([4,2]T(1,0)) {'axis_0'}, dimensions={0}",
            "all-gather", 32, 2,
        ),
        (
            "%a = bf16[8]{0} all-gather(%b), replica_groups=mesh['data'=4,'model'=2,'x'=3] "
            "{'data', 'model'}",
            "all-gather", 16, 8,
        ),
        (
            "%a = f32[8]{0} all-reduce(%b), replica_groups=mesh['data'=8] {'data':(2)4}",
            "all-reduce", 32, 4,
        ),
        (
            "%a = bf16[4,4,4]{2,1,0:T(4,128)(2,1)S(1)} all-gather(%b), channel_id=3, "
            "replica_groups=[2,4]<=[4,2]T(1,0), dimensions={0}",
            "all-gather", 128, 4,
        ),
        (
            "%a = f32[249]{0} all-reduce-start(%b), replica_groups={{0,1,2,3},{4,5,6,7}}",
            "all-reduce", 4 * 249, 4,
        ),
        (
            "%a = (f32[4]{0}, f32[32]{0}) all-gather-start(%b), replica_groups=[1,8]<=[8]",
            "all-gather", 128, 8,
        ),
        (
            "%a = ((f32[4]{0}, s8[4]{0}), (f32[32]{0}, s8[32]{0})) all-gather-start(%b, %c), "
            "replica_groups=[1,8]<=[8]",
            "all-gather", 128 + 32, 8,
        ),
        (
            "%a = (f32[4,4]{1,0:T(4,128)S(1)}, f32[4,4]{1,0:T(4,128)S(1)}, u32[]{:S(2)}, "
            "u32[]{:S(2)}) collective-permute-start(%b), source_target_pairs={{0,2},{2,4}}",
            "collective-permute", 64, 8,
        ),
        ("%a = f32[4]{0} reduce-scatter(%b), replica_groups={}, dimensions={0}",
         "reduce-scatter", 16, 8),
        (
            "%a = ((f32[3401]{0}), f32[3401]{0}) all-reduce-start(%b), channel_id=1, "
            "replica_groups=mesh['axis_0'=8] {'axis_0'}, output_to_operand_aliasing={{1}: (0, {})}",
            "all-reduce", 4 * 3401, 8,
        ),
        ("ROOT %a = pred[16]{0} all-to-all(%b), replica_groups=[1,8]<=[8]", "all-to-all", 16, 8),
    ],
)  # fmt: skip
def test_collectives_in_the_text_of_programs(line, kind, size, group):
    text = f"HloModule m\n\nENTRY %main.1 (b: f32[4]) -> f32[4] {{\n  {line}\n}}\n"
    (found,) = collectives_of(text, 8)
    assert (found.kind, found.bytes, found.group) == (kind, size, group)
    share = (group - 1) / group
    factor = {"all-reduce": 2 * share, "reduce-scatter": group - 1, "collective-permute": 1}
    assert found.wire_bytes == pytest.approx(factor.get(kind, share) * size)


@pytest.mark.parametrize(
    ("transfer", "target", "kind", "slices"),
    [
        ("ALL_REDUCE", '"{1,2,3}x{0:7}"', "all-reduce", 3),
        ("ALL_GATHER", "{{100000,300000},{100001,300001},{200000,400000}}", "all-gather", 2),
        ("ALL_TO_ALL", "{{100000,100001,200000,200001}}", "all-to-all", 2),
        ("ONE_TO_ONE", "{{100004->200000},{200004->100000}}", "collective-permute", 2),
    ],
)
def test_what_arrives_over_the_network_between_slices(transfer, target, kind, slices):
    attributes = (
        'frontend_attributes={_xla_host_transfer_handler_name="xla_megascale_runtime",'
        f'_xla_megascale_target={target},_xla_megascale_transfer_type="{transfer}"}}'
    )
    text = f"""HloModule m

ENTRY %main.1 (b: f32[4]) -> f32[4] {{
  %s = (f32[2,4]{{1,0:T(8,128)}}, u32[]{{:S(2)}}, token[]) send(%b, %t), channel_id=2, {attributes}
  %r = (f32[2,8]{{1,0:T(8,128)}}, u32[]{{:S(2)}}, token[]) recv(%t), channel_id=1, {attributes}
  ROOT %d = (f32[2,8]{{1,0}}, token[]) recv-done(%r), channel_id=1, {attributes}
}}
"""
    (found,) = collectives_of(text, 16)
    assert (found.kind, found.bytes, found.group) == (kind, 64, slices)
    assert found.between_slices


def test_sums_that_tpus_scatter_by_a_fusion():
    text = """HloModule m

%all-reduce-scatter.8 (a: f32[16,4]) -> f32[2,4] {
  %r = f32[16,4]{1,0} all-reduce(%a), channel_id=3, replica_groups=[1,8]<=[8], to_apply=%add
  ROOT %s = f32[2,4]{1,0} dynamic-slice(%r, %i, %z), dynamic_slice_sizes={2,4}
}

ENTRY %main.1 (b: f32[16,4]) -> f32[2,4] {
  ROOT %f = f32[2,4]{1,0} fusion(%b), kind=kCustom, calls=%all-reduce-scatter.8
}
"""
    (found,) = collectives_of(text, 8)
    assert (found.kind, found.bytes, found.group) == ("reduce-scatter", 32, 8)


def test_collectives_in_loops_count_as_often_as_they_run():
    mesh = Mesh(np.array(jax.devices()), ("rows",))
    row = jax.sharding.NamedSharding(mesh, P("rows"))

    def looped(x):
        def body(carry, _):
            return jax.lax.with_sharding_constraint(carry + carry.sum() * 0.5, row), None

        return jax.lax.scan(body, x, length=5)[0]

    spec = jax.ShapeDtypeStruct((16,), "float32", sharding=row)
    text = jax.jit(looped).lower(spec).compile().as_text()
    (found,) = collectives_of(text, 8)
    assert (found.kind, found.bytes, found.times, found.counted) == ("all-reduce", 4, 5, True)
    unknown = text.replace("known_trip_count", "forgotten")
    assert not collectives_of(unknown, 8)[0].counted


def test_arithmetic():
    def step(x, kernel, image, filters):
        def body(carry, _):
            return carry @ kernel, None

        once = jax.lax.conv(image, filters, (2, 2), "VALID")
        chosen = jax.lax.cond(x[0, 0] > 0, lambda a: a @ kernel, lambda a: a, x)
        return jax.lax.scan(body, x, length=3)[0] + chosen, once

    shapes = [(2, 4), (4, 4), (1, 3, 9, 9), (5, 3, 3, 3)]
    jaxpr = jax.make_jaxpr(step)(*(np.ones(shape, "float32") for shape in shapes))
    assert flops_of(jaxpr) == 4 * 2 * 2 * 4 * 4 + 2 * (5 * 4 * 4) * (3 * 3 * 3)
