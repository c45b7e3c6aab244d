"""Bad arguments of losses and metrics."""

import jax
import numpy as np

from nnlib import errors, losses, metrics
from tests.contract.refusal import refusal

SOME = np.ones((4, 3), "float32")
ONE = np.ones(4, "float32")

REFUSALS = [
    # losses
    refusal(
        lambda: losses.BinaryFocalCrossentropy(gamma=-1), errors.ArgumentError, "gamma of 0.*-1"
    ),
    refusal(lambda: losses.BinaryFocalCrossentropy(alpha=2), errors.ArgumentError, "alpha.*2"),
    refusal(
        lambda: losses.BinaryFocalCrossentropy(label_smoothing=2),
        errors.ArgumentError,
        "label_smoothing",
    ),
    refusal(
        lambda: losses.CategoricalFocalCrossentropy(alpha=[1, 2])(SOME, SOME),
        errors.ShapeError,
        r"one per class, 3 of them, got shape \(2,\)",
    ),
    refusal(lambda: losses.Dice(reduction="median"), errors.ArgumentError, "reduction.*'median'"),
    refusal(lambda: losses.Dice()(SOME, SOME, ONE), errors.ShapeError, "one value per sample"),
    refusal(lambda: losses.Dice()(SOME, ONE), errors.ShapeError, "output's shape"),
    refusal(lambda: losses.Tversky(alpha=-0.5), errors.ArgumentError, "alpha and beta.*-0.5"),
    refusal(lambda: losses.Circle(gamma=0), errors.ArgumentError, "gamma above 0, got 0"),
    refusal(lambda: losses.Circle(margin=3), errors.ArgumentError, "margin from 0 to 1, got 3"),
    refusal(lambda: losses.Circle()(SOME, SOME), errors.ShapeError, r"labels of shape \(batch,\)"),
    refusal(
        lambda: losses.circle(ONE, SOME, ref_labels=ONE[:2]), errors.ShapeError, "ref_embeddings"
    ),
    refusal(lambda: losses.CTC()(SOME, SOME), errors.ShapeError, r"\(batch, steps, classes\)"),
    refusal(
        lambda: losses.MeanSquaredError()(SOME, SOME, np.ones(3)),
        errors.ShapeError,
        "sample_weight",
    ),
    refusal(lambda: losses.deserialize("dise"), errors.UnknownNameError, "Did you mean 'dice'"),
    # metrics
    refusal(lambda: metrics.AUC(num_thresholds=1), errors.ArgumentError, "num_thresholds of 2"),
    refusal(lambda: metrics.AUC(curve="F"), errors.ArgumentError, "curve.*ROC.*'F'"),
    refusal(
        lambda: metrics.AUC(summation_method="trapezoid"), errors.ArgumentError, "summation_method"
    ),
    refusal(lambda: metrics.AUC(thresholds=[2]), errors.ArgumentError, "thresholds from 0 to 1"),
    refusal(lambda: metrics.AUC(num_labels=3), errors.ArgumentError, "multi_label=True only"),
    refusal(lambda: metrics.AUC(multi_label=True)(ONE, ONE), errors.ShapeError, "batch, labels"),
    refusal(lambda: metrics.AUC(multi_label=True).result(), errors.NotBuiltError, "num_labels"),
    refusal(
        lambda: metrics.AUC(multi_label=True, num_labels=2)(SOME, SOME),
        errors.ShapeError,
        "expected 2 labels, got 3",
    ),
    refusal(
        lambda: metrics.AUC(label_weights=[1, 2])(SOME, SOME), errors.ShapeError, "3 labels, got 2"
    ),
    refusal(lambda: metrics.Precision(thresholds=[]), errors.ArgumentError, r"got \[\]"),
    refusal(lambda: metrics.Recall(class_id=0)(ONE, ONE), errors.ArgumentError, r"shape \(4,\)"),
    refusal(lambda: metrics.PrecisionAtRecall(2), errors.ArgumentError, "recall from 0 to 1"),
    refusal(lambda: metrics.RecallAtPrecision(-1), errors.ArgumentError, "precision from 0 to 1"),
    refusal(
        lambda: metrics.SensitivityAtSpecificity(0.5, num_thresholds=0),
        errors.ArgumentError,
        "num_thresholds above 0",
    ),
    refusal(
        lambda: metrics.SpecificityAtSensitivity(0.5, num_thresholds=2.5),
        errors.ArgumentError,
        "whole num_thresholds, got 2.5",
    ),
    refusal(
        lambda: metrics.SpecificityAtSensitivity(0.5, class_id=7)(SOME, SOME),
        errors.ArgumentError,
        "class_id from 0 to 2",
    ),
    refusal(lambda: metrics.F1Score("mean"), errors.ArgumentError, "average.*'mean'"),
    refusal(lambda: metrics.F1Score(threshold=0), errors.ArgumentError, "threshold above 0"),
    refusal(lambda: metrics.FBetaScore(beta=0), errors.ArgumentError, "beta above 0"),
    refusal(lambda: metrics.F1Score()(ONE, SOME), errors.ShapeError, "to_categorical"),
    refusal(lambda: metrics.F1Score().result(), errors.NotBuiltError, "a batch before the result"),
    refusal(lambda: metrics.R2Score("mean"), errors.ArgumentError, "class_aggregation.*'mean'"),
    refusal(lambda: metrics.R2Score(num_regressors=-1), errors.ArgumentError, "num_regressors"),
    refusal(lambda: metrics.R2Score()(ONE, ONE), errors.ShapeError, r"\(batch, outputs\)"),
    refusal(lambda: metrics.R2Score().result(), errors.NotBuiltError, "a batch before the result"),
    refusal(lambda: metrics.MeanIoU(0), errors.ArgumentError, "num_classes above 0"),
    refusal(lambda: metrics.IoU(2, [2]), errors.ArgumentError, "target_class_ids from 0 to 1"),
    refusal(lambda: metrics.IoU(2, []), errors.ArgumentError, "target_class_ids"),
    refusal(lambda: metrics.MeanIoU(2)(ONE, SOME), errors.ShapeError, r"\(4,\).*\(4, 3\)"),
    refusal(lambda: metrics.MeanIoU(2)(ONE, ONE, np.ones(3)), errors.ShapeError, "sample_weight"),
    refusal(
        lambda: metrics.PearsonCorrelation()(SOME, np.ones((4, 2))), errors.ShapeError, "output's"
    ),
    refusal(lambda: metrics.deserialize("acu"), errors.UnknownNameError, "Did you mean"),
    refusal(
        lambda: jax.jit(metrics.AUC().update_state)(ONE, ONE), errors.StateWriteError, "outside of"
    ),
    refusal(lambda: metrics.Mean().add_variable(()), errors.ArgumentError, "init.. returns"),
]
