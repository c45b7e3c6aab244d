"""Bad arguments and data of the layers that prepare tables and texts."""

import numpy as np

from nnlib import errors, layers
from tests.contract.refusal import refusal

ARGUMENT, DATA, DTYPE = errors.ArgumentError, errors.DataError, errors.DTypeError
StringLookup, IntegerLookup = layers.StringLookup, layers.IntegerLookup
TextVectorization, Hashing = layers.TextVectorization, layers.Hashing

REFUSALS = [
    refusal(lambda: layers.Normalization(mean=1.0), ARGUMENT, "both mean and variance"),
    refusal(lambda: layers.Normalization(mean=[1.0], variance=[1.0, 2.0]), ARGUMENT, "one shape"),
    refusal(lambda: layers.Normalization(None, [1.0], [1.0]), ARGUMENT, "axes"),
    refusal(
        lambda: layers.Normalization(-1, [1.0, 2.0], [1.0, 2.0])(np.ones((2, 3))),
        errors.ShapeError, "sizes.*3",
    ),
    refusal(lambda: layers.Normalization(3)(np.ones((2, 3))), errors.ShapeError, "axis 3"),
    refusal(lambda: layers.Normalization(mean=1, variance=2).adapt(np.ones(3)), ARGUMENT, "without"),
    refusal(lambda: layers.Normalization().adapt(np.array(["a"])), DTYPE, "numbers"),
    refusal(lambda: layers.Normalization().adapt(iter([])), DATA, "at least one batch"),
    refusal(lambda: layers.Normalization().adapt(3), ARGUMENT, "got int"),
    refusal(lambda: layers.Discretization(), ARGUMENT, "either bin_boundaries or num_bins"),
    refusal(lambda: layers.Discretization([2.0, 1.0]), ARGUMENT, "ascending"),
    refusal(lambda: layers.Discretization(num_bins=0), ARGUMENT, "num_bins"),
    refusal(lambda: layers.Discretization(num_bins=2, epsilon=0), ARGUMENT, "epsilon"),
    refusal(lambda: layers.Discretization([1.0], sparse=True), ARGUMENT, "sparse"),
    refusal(lambda: layers.Discretization([1.0]).adapt([1.0]), ARGUMENT, "num_bins="),
    refusal(lambda: layers.Discretization(num_bins=2)(np.ones(3)), errors.NotBuiltError, "adapt"),
    refusal(lambda: layers.CategoryEncoding(), ARGUMENT, "num_tokens"),
    refusal(lambda: layers.CategoryEncoding(3, "int"), ARGUMENT, "output_mode.*int"),
    refusal(lambda: layers.CategoryEncoding(3, sparse=True), ARGUMENT, "sparse"),
    refusal(lambda: layers.CategoryEncoding(3)(np.array([3])), DATA, "0 to 2, got 3"),
    refusal(
        lambda: layers.CategoryEncoding(3)(np.array([1]), count_weights=np.ones(1)), ARGUMENT,
        "count_weights",
    ),
    refusal(
        lambda: layers.CategoryEncoding(3, "count")(np.array([1]), count_weights=np.ones(2)),
        errors.ShapeError, "count_weights",
    ),
    refusal(lambda: Hashing(0), ARGUMENT, "num_bins.*0"),
    refusal(lambda: Hashing(3, salt=[1]), ARGUMENT, "salt"),
    refusal(lambda: Hashing(3, salt="a"), ARGUMENT, "salt"),
    refusal(lambda: Hashing(3, sparse=True), ARGUMENT, "sparse"),
    refusal(lambda: Hashing(3, output_mode="tf_idf"), ARGUMENT, "output_mode"),
    refusal(lambda: Hashing(3, dtype="float32"), ARGUMENT, "integer dtype.*float32"),
    refusal(lambda: Hashing(3)(np.array([True])), DTYPE, "bool"),
    refusal(lambda: Hashing(3, mask_value="a")([1, 2]), DTYPE, "mask_value"),
    refusal(lambda: Hashing(3)(["a", None]), DTYPE, "NoneType, str"),
    refusal(lambda: Hashing(3)([["a"], ["b", "c"]]), DATA, "different lengths"),
    refusal(lambda: layers.HashedCrossing(3)(np.ones(2, int)), ARGUMENT, "list of features"),
    refusal(lambda: layers.HashedCrossing(3)([np.ones(2, int)]), ARGUMENT, "at least two"),
    refusal(lambda: layers.HashedCrossing(3)([["a"], [1, 2]]), errors.ShapeError, "one shape"),
    refusal(lambda: layers.HashedCrossing(3)([[1.5], [1]]), DTYPE, "float"),
    refusal(lambda: layers.HashedCrossing(3)([[[1, 2]], [[1, 2]]]), errors.ShapeError, "batch, 1"),
    refusal(lambda: StringLookup()(["a"]), errors.NotBuiltError, "adapt"),
    refusal(lambda: StringLookup(1), ARGUMENT, "max_tokens.*2"),
    refusal(lambda: StringLookup(pad_to_max_tokens=True), ARGUMENT, "max_tokens"),
    refusal(lambda: StringLookup(num_oov_indices=-1), ARGUMENT, "num_oov_indices"),
    refusal(lambda: StringLookup(invert=True, output_mode="count"), ARGUMENT, "invert"),
    refusal(lambda: StringLookup(idf_weights=[1.0]), ARGUMENT, "idf_weights"),
    refusal(lambda: StringLookup(vocabulary=["a"], output_mode="tf_idf"), ARGUMENT, "idf_weights"),
    refusal(
        lambda: StringLookup(vocabulary=["a"], idf_weights=[1.0, 2.0], output_mode="tf_idf"),
        ARGUMENT, "each of the 1 terms",
    ),
    refusal(lambda: StringLookup(vocabulary=["a", "b", "a"]), DATA, "once.*'a'"),
    refusal(lambda: StringLookup(vocabulary=["a", ""], mask_token=""), DATA, "reserved.*term 1"),
    refusal(lambda: StringLookup(vocabulary=["a", "[UNK]"], invert=True), DATA, "UNK"),
    refusal(lambda: StringLookup(2, vocabulary=["a", "b"]), ARGUMENT, "max_tokens=2.*got 3"),
    refusal(lambda: StringLookup(vocabulary=[]), ARGUMENT, "at least one term"),
    refusal(lambda: StringLookup(vocabulary="nowhere.txt"), ARGUMENT, "nowhere.txt"),
    refusal(lambda: StringLookup(vocabulary=[1, 2]), DTYPE, "strings"),
    refusal(lambda: StringLookup(vocabulary=["a"])([1]), DTYPE, "strings.*int"),
    refusal(lambda: StringLookup(vocabulary=["a"]).adapt(["b"]), ARGUMENT, "without vocabulary="),
    refusal(lambda: StringLookup(vocabulary=["a"], num_oov_indices=0)(["b"]), DATA, "'b'"),
    refusal(lambda: StringLookup(vocabulary=["a"], sparse=True), ARGUMENT, "sparse"),
    refusal(lambda: StringLookup().adapt([["a"], ["b", "c"]]), DATA, "different lengths"),
    refusal(lambda: StringLookup().adapt(iter([["a"]]), batch_size=2), ARGUMENT, "batch_size=None"),
    refusal(lambda: StringLookup().adapt(["a"], steps=0), ARGUMENT, "steps"),
    refusal(lambda: IntegerLookup(vocabulary=["a"]), DTYPE, "integers"),
    refusal(lambda: IntegerLookup(vocabulary_dtype="int32"), ARGUMENT, "vocabulary_dtype"),
    refusal(lambda: IntegerLookup(oov_method="sha"), ARGUMENT, "oov_method"),
    refusal(lambda: IntegerLookup(salt=3), ARGUMENT, "farmhash"),
    refusal(lambda: TextVectorization(standardize="upper"), ARGUMENT, "standardize.*upper"),
    refusal(lambda: TextVectorization(split=","), ARGUMENT, "split"),
    refusal(lambda: TextVectorization(ngrams="two"), ARGUMENT, "ngrams"),
    refusal(lambda: TextVectorization(ragged=True), ARGUMENT, "ragged"),
    refusal(lambda: TextVectorization(sparse=True), ARGUMENT, "sparse"),
    refusal(lambda: TextVectorization(output_mode="one_hot"), ARGUMENT, "one_hot"),
    refusal(
        lambda: TextVectorization(output_mode="count", output_sequence_length=3), ARGUMENT,
        "output_sequence_length",
    ),
    refusal(
        lambda: TextVectorization(vocabulary=["a"])([["a", "b"]]), errors.ShapeError, r"\(1, 2\)"
    ),
    refusal(
        lambda: TextVectorization(vocabulary=["a"], standardize=lambda x: x[:1])(["a", "b"]), DATA,
        "standardize",
    ),
    refusal(
        lambda: TextVectorization(vocabulary=["a"], split=lambda x: [["a"]])(["a", "b"]), DATA,
        "split",
    ),
]  # fmt: skip
