"""The part of Model that writes and reads files. The work is done in `nnlib.saving`."""

import importlib
from typing import Any


class Savable:
    """`save`, `save_weights` and `load_weights`.

    Models come before saving in the order of imports, so saving is reached by name.
    """

    def save(
        self,
        filepath: Any,
        overwrite: bool = True,
        include_optimizer: bool = True,
        save_format: str | None = None,
        signatures: Any = None,
        options: Any = None,
    ) -> None:
        """Write the whole model: config, weights, and where its training is.

        `nn.models.load_model(filepath)` makes it again, and training goes on to the bit. What is at
        `filepath` stays there until the new file is complete.

        Args:
            filepath: `.keras`, or `.h5` for the format of Keras 2; Keras reads both. Without a
                suffix it is a folder, to serve the model from.
            overwrite: whether what is there may be replaced.
            include_optimizer: whether the state of training is written.
            save_format: "keras", "h5" or "tf", if the suffix does not say it.
            signatures: of the folder alone: functions by name.
            options: only None.

        Raises:
            SavingError: if something is there with `overwrite=False`, or the disk refuses.
            ArgumentError: for a path of another kind, and for functions without a name.

        >>> import tempfile, nnlib as nn
        >>> model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save(folder + "/model.keras")
        ...     nn.models.load_model(folder + "/model.keras").count_params()
        8
        """
        importlib.import_module("nnlib.saving.model_files").save_model(
            self, filepath, overwrite, include_optimizer, save_format, signatures, options
        )

    def save_weights(
        self,
        filepath: Any,
        overwrite: bool = True,
        save_format: str | None = None,
        options: Any = None,
    ) -> None:
        """Write the weights, and the state of the optimizer to `.weights.h5`.

        Args:
            filepath: `.weights.h5` as Keras 3 has it, `.h5` as Keras 2, `.safetensors`, or a folder
                (an Orbax checkpoint).
            overwrite: whether what is there may be replaced.
            save_format: "h5" or "tf" (a folder), if the suffix does not say it.
            options: only None.

        Raises:
            SavingError: if something is there with `overwrite=False`, or the disk refuses.
            NotBuiltError: if the input shape is not known yet.

        >>> import tempfile, nnlib as nn
        >>> model = nn.Sequential([nn.Input((3,)), nn.layers.Dense(2)])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     model.save_weights(folder + "/model.weights.h5")
        ...     model.load_weights(folder + "/model.weights.h5")
        """
        saving = importlib.import_module("nnlib.saving.weights_files")
        saving.save_weights(self, filepath, overwrite, save_format, options)

    def load_weights(
        self,
        filepath: Any,
        skip_mismatch: bool = False,
        by_name: bool = False,
        options: Any = None,
    ) -> None:
        """Read weights that nnlib, Keras 3 or tf.keras wrote.

        Args:
            filepath: as `save_weights` takes it, or a `.keras` file.
            skip_mismatch: whether layers that do not fit are left as they are, with a warning.
            by_name: in files of Keras 2 (`.h5`): whether layers are found by their names instead of
                their order; those of other names are left as they are.
            options: only None.

        Raises:
            ShapeError: if the file is of another model; then nothing is changed.
            CorruptFileError: if it is damaged.
            NotBuiltError: if the input shape is not known yet.
        """
        saving = importlib.import_module("nnlib.saving.weights_files")
        saving.load_weights(self, filepath, skip_mismatch, by_name, options)
