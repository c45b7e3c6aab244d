"""Tables of which rows alone travel: compared with training on one device, without processes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nnlib.distributed.parameter_server.gradient_step import GradientStep
from nnlib.distributed.parameter_server.layout import flat
from nnlib.distributed.parameter_server.parameters import Parameters, ShardActor, constraints_of
from nnlib.distributed.parameter_server.row_reads import RowReads
from nnlib.distributed.parameter_server.row_updates import moves_rows_alone
from nnlib.distributed.parameter_server.rows import Rows
from nnlib.distributed.parameter_server.shard import ParameterShard, Rules

import nnlib as nn
from nnlib.training.batch import Batch

RNG = np.random.default_rng(0)
WORDS, RATE = 60, 0.1
IDS = RNG.integers(0, WORDS, (3, 4, 3)).astype("int32")
Y = RNG.normal(size=(3, 4, 1)).astype("float32")


class Call:
    """A method of an actor, called in this process; counts the bytes that it returns."""

    def __init__(self, method, counted, results=1):
        self.method, self.counted, self.results = method, counted, results

    def options(self, num_returns):
        return Call(self.method, self.counted, num_returns)

    def remote(self, *args):
        result = self.method(*args)
        parts = [result] if self.results == 1 else list(result)
        self.counted.append(sum(len(part) for part in parts if isinstance(part, bytes)))
        return parts


class Server:
    def __init__(self, folder):
        self.shard = ShardActor({}, folder)
        self.sent = {}

    def __getattr__(self, name):
        return Call(getattr(self.shard, name), self.sent.setdefault(name, []))


class Local(Parameters):
    def _reached(self):
        return self.servers

    def _answers(self, calls):
        return [part for call in calls for part in (call if isinstance(call, list) else [call])]


def local(folder, weights, optimizer, servers=1, pieces=None, **more):
    cut = pieces and nn.distributed.FixedShardsPartitioner(pieces)
    made = Local([Server(folder / str(n)) for n in range(servers)], cut, weights)
    made.load(optimizer, weights, **more)
    return made


def steps(model, parameters, batches):
    """What a worker does in `fit`, one batch after the other; the step."""
    step, state = GradientStep(model, parameters), model.trainer.current()
    key = np.asarray(jax.random.key_data(state.rng)), jax.random.key_impl(state.rng)
    frozen = jax.device_get(state.frozen)
    for number, batch in enumerate(batches):
        step(number, number, frozen, key, batch)
    return step


def prepared(model, optimizer, batch, loss="mse"):
    model.compile(optimizer, loss)
    model.trainer.prepare_for(batch)
    return model.trainer.current()


def compare(folder, model, optimizer, by_rows, xs=IDS, ys=Y, servers=1, pieces=None):
    """Train on servers and on one device; the bytes of the pulls."""
    batches = [Batch(x, y, None) for x, y in zip(xs, ys, strict=True)]
    state = prepared(model, optimizer, batches[0])
    parameters = local(
        folder,
        state.trainable,
        optimizer,
        servers,
        pieces,
        opt=state.opt,
        state=state.state,
        constraints=constraints_of(model),
    )
    step = steps(model, parameters, batches)
    (reads, _), *_ = step._compiled.values()
    assert [path[-2] for path in reads.sizes] == by_rows
    found, slots, _ = parameters.everything(state.opt)
    for x, y in zip(xs, ys, strict=True):
        model.train_on_batch(x, y)
    after = model.trainer.current()
    for one, other in ((found, after.trainable), (slots, after.opt)):
        arrays = flat(other)
        assert flat(one).keys() == arrays.keys()
        for path, array in flat(one).items():
            np.testing.assert_allclose(array, arrays[path], rtol=1e-5, atol=1e-7)
    return [sum(server.sent["pull_parcel"]) for server in parameters.servers]


def words(size=WORDS, width=2, **options):
    layers = [nn.layers.Embedding(size, width, **options), nn.layers.GlobalAveragePooling1D()]
    return nn.Sequential([nn.Input((3,), dtype="int32"), *layers, nn.layers.Dense(1)])


@pytest.mark.parametrize("optimizer", [nn.optimizers.SGD(RATE), nn.optimizers.Adam(RATE)])
def test_rows_move_as_on_one_device(tmp_path, optimizer):
    compare(tmp_path, words(mask_zero=True), optimizer, ["embedding"])


def test_tables_that_are_cut_over_servers(tmp_path):
    adagrad = nn.optimizers.Adagrad(RATE)
    model = words(WORDS, 16)
    sent = compare(tmp_path, model, adagrad, ["embedding"], servers=3, pieces=2)
    piece = WORDS // 2 * 16 * 4
    assert all(bytes_ < len(IDS) * piece for bytes_ in sent)  # of a piece in each pull


@pytest.mark.parametrize(
    ("optimizer", "alone"),
    [
        (nn.optimizers.SGD(RATE), True),
        (nn.optimizers.SGD(RATE, clipvalue=0.1), True),
        (nn.optimizers.Adagrad(RATE, clipnorm=0.01), True),
        (nn.optimizers.SGD(RATE, momentum=0.9), False),  # these move all rows: the server does
        (nn.optimizers.SGD(RATE, weight_decay=0.1), False),
        (nn.optimizers.SGD(RATE, use_ema=True, ema_overwrite_frequency=2), False),
        (nn.optimizers.SGD(RATE, gradient_accumulation_steps=2), False),
        (nn.optimizers.Adagrad(RATE, epsilon=0.0), False),
        (nn.optimizers.RMSprop(RATE), False),
        (nn.optimizers.Ftrl(RATE, l1_regularization_strength=0.1), False),
    ],
)
def test_an_update_of_rows_is_that_of_the_whole_gradient(tmp_path, optimizer, alone):
    assert moves_rows_alone(optimizer) == alone
    table, path = RNG.normal(size=(20, 2)).astype("float32"), ("table",)
    shards = [ParameterShard(tmp_path / name) for name in ("rows", "whole")]
    for shard in shards:
        shard.load(Rules(optimizer, {}), {path: table}, {}, {})
    for number in range(3):
        ids = np.sort(RNG.permutation(20)[: 3 + number])
        rows = Rows(ids, RNG.normal(size=(len(ids), 2)).astype("float32"))
        shards[0].push(number, {path: rows}, {})
        shards[1].push(number, {path: rows.dense((20, 2))}, {})
    for one, other in zip(*(shard.everything()[:2] for shard in shards), strict=True):
        for name, array in one.items():
            np.testing.assert_allclose(array, other[name], rtol=1e-6, atol=1e-7)


class Encoder(nn.Model):
    """A table with the name of another one, which a regularizer reads as a whole."""

    def __init__(self):
        super().__init__()
        self.table = nn.layers.Embedding(WORDS, 2, embeddings_regularizer="l2")

    def call(self, x):
        return self.table(x)


class Nested(nn.Model):
    """Two tables of one name and shape, one below the name that Adagrad has for its slots."""

    def __init__(self):
        super().__init__()
        self.table, self.accumulator = nn.layers.Embedding(WORDS, 2), Encoder()
        self.out = nn.layers.Dense(1)

    def call(self, x):
        return self.out((self.table(x) + self.accumulator(x)).sum(1))


@pytest.mark.parametrize("optimizer", [nn.optimizers.SGD(RATE), nn.optimizers.Adagrad(RATE)])
def test_tables_of_one_name(tmp_path, optimizer):
    compare(tmp_path, Nested(), optimizer, ["table"], servers=3, pieces=2)


def test_rows_of_a_table_and_the_whole_gradient_of_its_namesake(tmp_path):
    one, other = ("table",), ("accumulator", "table")
    gradients = {one: Rows(np.array([3, 5]), np.ones((2, 1))), other: np.ones((8, 1))}
    shards = [ParameterShard(tmp_path / name) for name in ("rows", "whole")]
    for shard in shards:
        shard.load(
            Rules(nn.optimizers.Adagrad(RATE), {}),
            {path: np.zeros((8, 1)) for path in (one, other)},
            {},
            {},
        )
    shards[0].push(0, gradients, {})
    shards[1].push(0, gradients | {one: gradients[one].dense((8, 1))}, {})
    for found, expected in zip(*(shard.everything()[:2] for shard in shards), strict=True):
        assert found.keys() == expected.keys()
        for path, array in found.items():
            np.testing.assert_allclose(array, expected[path], rtol=1e-6)


def test_bytes_do_not_grow_with_the_table(tmp_path):
    small, large = (
        compare(tmp_path / str(size), words(size, 16), nn.optimizers.SGD(RATE), ["embedding"])
        for size in (WORDS, 50 * WORDS)
    )
    assert large == pytest.approx(small, abs=100)
    assert sum(large) < 3 * (12 * 16 * 4 + 1000)  # three pulls of 12 rows at most, and names


class Twice(nn.Model):
    """A table that is used twice, on ids of its own making."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.table, self.out = nn.layers.Embedding(WORDS, 2), nn.layers.Dense(1)

    def call(self, x):
        return self.out(self.table(x).sum(1) + self.table((x[:, :1] * 7) % WORDS)[:, 0])


class Measured(Twice):
    """A table that is also read, for its shape alone."""

    def call(self, x):
        return super().call(x) / self.table.embeddings.shape[1]


class Tied(nn.Model):
    """A table that also makes the outputs."""

    def __init__(self):
        super().__init__()
        self.table = nn.layers.Embedding(WORDS, 2)

    def call(self, x):
        return (self.table(x).sum(1) @ self.table.embeddings.T)[:, :1]


class Chosen(nn.Model):
    """A second table whose ids depend on the rows of the first."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.layers.Embedding(WORDS, 2), nn.layers.Embedding(WORDS, 2)

    def call(self, x):
        rows = self.first(x).sum(1)
        return (rows + self.second(jnp.argmax(rows, axis=1))).sum(1, keepdims=True)


class Scanned(nn.Model):
    """Lookups within a loop."""

    def __init__(self):
        super().__init__()
        self.table = nn.layers.Embedding(WORDS, 2)

    def build(self, x=None):
        self.table.build()

    def call(self, x):
        table = self.table.embeddings
        add = lambda total, ids: (total + nn.ops.embedding(ids, table), None)  # noqa: E731
        total, _ = jax.lax.scan(add, jnp.zeros((x.shape[0], 2)), x.T)
        return total.sum(1, keepdims=True)


@pytest.mark.parametrize(
    ("make", "by_rows"),
    [
        (Twice, ["table"]),
        (lambda: Measured(dtype="mixed_bfloat16"), ["table"]),
        (Tied, []),
        (Chosen, ["first"]),
        (Scanned, []),
        (lambda: words(embeddings_regularizer="l2"), []),
        (lambda: words(embeddings_constraint="unit_norm"), ["embedding"]),
        (lambda: words(size=20), []),  # a batch may look up half of it
        (lambda: words(lora_rank=1), []),
        (lambda: words(dtype="mixed_bfloat16"), ["embedding"]),
        (lambda: words(dtype="bfloat16"), ["embedding"]),
    ],
)
def test_what_is_read_by_rows_and_what_whole(tmp_path, make, by_rows):
    xs = IDS % 20
    compare(tmp_path, make(), nn.optimizers.SGD(RATE), by_rows, xs)


def test_ids_out_of_range_and_short_batches(tmp_path):
    xs = [np.array([[-5, 0, 1000], [59, 60, 2]], "int32"), np.zeros((1, 3), "int32")]
    compare(tmp_path, words(), nn.optimizers.SGD(RATE), ["embedding"], xs, [Y[0][:2], Y[0][:1]])


def test_a_batch_without_rows():
    spec = jax.ShapeDtypeStruct
    trainable = {"table": spec((9, 2), "float32")}
    reads = RowReads(
        lambda tables, state, ids: nn.ops.embedding(ids, tables["table"]).sum(),
        trainable,
        {},
        spec((0, 3), "int32"),
    )
    empty = np.zeros((0, 3), "int32")
    assert reads.places(empty) == ({}, [])  # JAX looks nothing up; the table comes whole
    assert float(reads.loss({"table": jnp.ones((9, 2))}, [], {}, jnp.asarray(empty))) == 0.0


@pytest.mark.parametrize("dtype", ["int32", "uint32", "uint8"])
def test_ids_in_any_order_and_more_than_once(dtype):
    values = np.arange(8, dtype="float32").reshape(4, 2)
    rows = Rows(np.array([5, 0, 5, 3], dtype), values)
    expected = np.zeros((6, 2))
    np.add.at(expected, [5, 0, 5, 3], values)
    np.testing.assert_array_equal(rows.dense((6, 2)), expected)
    np.testing.assert_array_equal(rows.within(slice(3, 6)).dense((3, 2)), expected[3:])
    assert rows.summed().ids.tolist() == [0, 3, 5]


def test_rows_of_ones_own(tmp_path):
    table = RNG.normal(size=(10, 2)).astype("float32")
    made = local(tmp_path, {"a": {"table": table}, "w": np.ones(2)}, nn.optimizers.SGD(1.0), 2, 2)
    ids = np.array([9, 0, 4, 9])
    pulled = made.pull(rows={"a": {"table": ids}})
    np.testing.assert_array_equal(pulled["a"]["table"], table[ids])
    assert pulled["w"].tolist() == [1, 1]
    empty = np.zeros(0, int)
    assert made.pull(rows={"a": {"table": empty}})["a"]["table"].shape == (0, 2)
    made.push({"a": {"table": Rows(ids, np.ones((4, 2)))}, "w": np.zeros(2)})
    made.push({"a": {"table": Rows(empty, np.ones((0, 2)))}, "w": np.zeros(2)})
    expected = table.copy()
    np.subtract.at(expected, ids, 1)
    np.testing.assert_allclose(made.pull()["a"]["table"], expected, rtol=1e-6)
    again = ShardActor({}, tmp_path / "0")  # the next process
    np.testing.assert_array_equal(again.pull()[1]["a", "table"], made.pull()["a"]["table"][:5])


@pytest.mark.parametrize(
    ("rows", "gradient", "match"),
    [
        ({"b": np.zeros(0, int)}, None, "got b, which is no weight"),
        ({"table": {"x": np.zeros(0, int)}}, None, "got table/x, which is no"),
        ({"scale": np.zeros(0, int)}, None, "got scale, which is a number"),
        (np.arange(2), None, "a dict of ids, got ndarray"),
        ({"table": np.arange(3.0)}, None, "integers"),
        ({"table": np.array([10])}, None, "from 10 to 10"),
        (None, Rows(np.array([-1]), np.ones((1, 2))), "from -1"),
        (None, Rows(np.array([1.0]), np.ones((1, 2))), "float64"),
        (None, Rows(np.array([1]), np.ones((1, 3))), "values of"),
        (None, np.ones((1, 2)), r"\(10, 2\) for table, got \(1, 2\)"),
        (None, {"rows": np.ones((10, 2))}, "none for table and some for unknown table/rows"),
        (None, None, "none for table"),
    ],
)
def test_rows_that_are_not_there(tmp_path, rows, gradient, match):
    weights = {"table": np.ones((10, 2)), "scale": np.ones(())}
    made = local(tmp_path, weights, nn.optimizers.SGD(1.0), servers=2)
    gradients = {"table": gradient, "scale": np.zeros(())}
    with pytest.raises(ValueError, match=match):
        made.push(gradients) if rows is None else made.pull(rows=rows)
    assert all(server.shard.pull()[0] == 0 for server in made.servers)
