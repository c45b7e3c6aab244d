"""ConvLSTM1D, ConvLSTM2D, ConvLSTM3D: LSTM over sequences of images."""

from typing import Any

import jax
import jax.numpy as jnp

from nnlib.activations import linear
from nnlib.core.arguments import cast_float
from nnlib.core.errors import ShapeError
from nnlib.core.specs import InputSpec
from nnlib.layers.checks import fraction, place_of, positive_int
from nnlib.layers.convolving import ConvolvingLayer
from nnlib.layers.dropout import checked_seed
from nnlib.layers.lstm_cell import forgetting
from nnlib.layers.recurrent import Recurrent
from nnlib.layers.recurrent_units import dropout_mask
from nnlib.layers.weight_arguments import (
    keep_weight_arguments,
    resolved_activation,
    weight_of,
)
from nnlib.ops.conv_lstm import conv_lstm
from nnlib.ops.convolution import conv


class ConvLSTM(Recurrent, ConvolvingLayer):
    """LSTM whose products are convolutions over any number of spatial axes."""

    kernel: jax.Array
    recurrent_kernel: jax.Array

    def __init__(
        self,
        filters: int,
        kernel_size: Any,
        strides: Any = 1,
        padding: str = "valid",
        data_format: str | None = None,
        dilation_rate: Any = 1,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        unit_forget_bias: bool = True,
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        return_sequences: bool = False,
        return_state: bool = False,
        go_backwards: bool = False,
        stateful: bool = False,
        **kwargs: Any,
    ):
        """Configure the layer.

        Args:
            filters: number of channels of the state and of the output.
            kernel_size: of the window, one number or one for each spatial axis.
            strides: steps of the window over the inputs, likewise.
            padding: of the inputs, "valid" (none) or "same" (output of size ceil(input / stride)).
            data_format: "channels_last" or "channels_first"; None for the global setting.
            dilation_rate: distance between the elements of the window over the inputs; above 1
                only if all strides are 1.
            activation: of the candidate and the cell; a name or function, None for the identity.
            recurrent_activation: of the gates, likewise.
            use_bias: whether a bias is added.
            kernel_initializer: of the (*kernel_size, channels, 4 * filters) kernel.
            recurrent_initializer: of the (*kernel_size, filters, 4 * filters) recurrent kernel.
            bias_initializer: of the (4 * filters,) bias.
            unit_forget_bias: whether the forget gate's bias begins at 1.
            kernel_regularizer: a penalty on the kernel.
            recurrent_regularizer: a penalty on the recurrent kernel.
            bias_regularizer: a penalty on the bias.
            activity_regularizer: a penalty on the outputs.
            kernel_constraint: a projection of the kernel after each update.
            recurrent_constraint: a projection of the recurrent kernel after each update.
            bias_constraint: a projection of the bias after each update.
            dropout: probability of a zero among the inputs while training; a mask for each gate
                and all steps.
            recurrent_dropout: probability of a zero in h while training, likewise.
            seed: an integer mixed into the key of the masks.
            return_sequences: whether the outputs of all steps are returned, not only the last.
            return_state: whether the last h and c are returned too.
            go_backwards: whether the sequence is read from its end; outputs are in that order.
            stateful: whether a call begins with the last states of the one before, row by row.
            kwargs: name, trainable, dtype; `unroll=True` to write the loop out;
                `zero_output_for_mask=True` for zeros as outputs of masked steps.
        """
        super().__init__(
            return_sequences,
            return_state,
            go_backwards,
            stateful,
            data_format=data_format,
            activity_regularizer=activity_regularizer,
            **kwargs,
        )
        own = type(self).__name__
        self.filters = positive_int(own, "filters", filters)
        self.keep_window(kernel_size, strides, padding, dilation_rate)
        self.refuse_strides_with_dilation()
        self.keep_output(activation, use_bias, bias_initializer, bias_regularizer, bias_constraint)
        self.recurrent_activation = resolved_activation(
            self, recurrent_activation, "recurrent_activation"
        )
        self.unit_forget_bias = bool(unit_forget_bias)
        keep_weight_arguments(
            self, "kernel", kernel_initializer, kernel_regularizer, kernel_constraint
        )
        keep_weight_arguments(
            self, "recurrent", recurrent_initializer, recurrent_regularizer, recurrent_constraint
        )
        self.dropout = fraction(own, "dropout", dropout)
        self.recurrent_dropout = fraction(own, "recurrent_dropout", recurrent_dropout)
        self.seed = checked_seed(own, seed)

    def build_weights(self, x: Any) -> None:
        ndim, axis = self.rank + 3, self.channel_axis % (self.rank + 2) + 1
        InputSpec(ndim=ndim).check(x, place_of(self))
        if None in x.shape[2:]:
            raise ShapeError(
                f"{place_of(self)}: expected images of known size, got shape {tuple(x.shape)}. "
                "Give Input() the full shape of a step."
            )
        self.check_size((x.shape[0], *x.shape[2:]))
        sizes = {number: size for number, size in enumerate(x.shape) if number > 1}
        self.input_spec = InputSpec(ndim=ndim, axes=sizes)
        self.step_shape = x.shape[2:]
        columns, axes = 4 * self.filters, (*(None,) * self.rank, "in", "out")
        window = self.kernel_size
        self.kernel = weight_of(self, "kernel", (*window, x.shape[axis], columns), axes=axes)
        self.recurrent_kernel = weight_of(
            self, "recurrent", (*window, self.filters, columns), axes=axes
        )
        options = {"initializer": forgetting(self)} if self.unit_forget_bias else {}
        bias = weight_of(self, "bias", (columns,), axes=("out",), **options)
        self.bias = bias if self.use_bias else None

    def get_initial_state(self, batch_size: Any) -> list[jax.Array]:
        """[h, c], zeros of the size that the inputs have after their convolution."""
        axis = self.channel_axis % (self.rank + 2) - 1
        window = (*self.kernel_size, self.step_shape[axis], self.filters)
        step = jax.ShapeDtypeStruct((batch_size, *self.step_shape), self.compute_dtype)
        kernel = jax.ShapeDtypeStruct(window, self.compute_dtype)
        shape = jax.eval_shape(lambda x, k: conv(x, k, **self._window()), step, kernel).shape
        return [jnp.zeros(shape, self.compute_dtype)] * 2

    def _window(self) -> dict[str, Any]:
        return {
            "strides": self.strides,
            "padding": self.padding,
            "dilation": self.dilation_rate,
            "data_format": self.data_format,
        }

    def run(self, x: jax.Array, states: Any, training: bool, **loop: Any) -> Any:
        return conv_lstm(
            cast_float(x, self.compute_dtype),
            self.kernel,
            self.recurrent_kernel,
            self.bias,
            tuple(states),
            activation=self.activation or linear,
            recurrent_activation=self.recurrent_activation or linear,
            **self._window(),
            **(self._dropout_masks(x, states) if training else {}),
            **loop,
        )

    def _dropout_masks(self, x: jax.Array, states: Any) -> dict[str, Any]:
        """A mask for each gate, drawn once for all steps."""
        shapes = {
            "input_masks": (self.dropout, (x.shape[0], 1, *x.shape[2:])),
            "recurrent_masks": (self.recurrent_dropout, states[0].shape),
        }
        return {
            name: dropout_mask(self, rate, (4, *shape), self.seed)
            for name, (rate, shape) in shapes.items()
            if rate
        }


class ConvLSTM1D(ConvLSTM):
    """LSTM over sequences of rows of numbers, whose products are convolutions.

    `ConvLSTM1D(filters, kernel_size, ...)`; all arguments are listed at `ConvLSTM1D.__init__`.

    Call arguments:
        initial_state: [h, c], each of the output's shape of one step; zeros if None.
        mask: (batch, time) of booleans; where it is False, state and output stay as they are.

    Input shape:
        (batch, time, length, channels), or (batch, time, channels, length) for
        "channels_first".

    Output shape:
        (batch, new_length, filters), or (batch, time, ...) of them with
        `return_sequences`; with `return_state` a tuple of that, h and c.

    Raises:
        ShapeError: if the size of a step is not known, or differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ConvLSTM1D(4, 3)(jnp.ones((2, 5, 8, 3))).shape
    (2, 6, 4)

    Source: Shi et al., "Convolutional LSTM network", NeurIPS 2015.
    """

    rank = 1


class ConvLSTM2D(ConvLSTM):
    """LSTM over sequences of images, whose products are convolutions.

    `ConvLSTM2D(filters, kernel_size, ...)`; all arguments are listed at `ConvLSTM2D.__init__`.

    Call arguments:
        initial_state: [h, c], each of the output's shape of one step; zeros if None.
        mask: (batch, time) of booleans; where it is False, state and output stay as they are.

    Input shape:
        (batch, time, height, width, channels), or (batch, time, channels, height, width) for
        "channels_first".

    Output shape:
        (batch, new_height, new_width, filters), or (batch, time, ...) of them
        with `return_sequences`; with `return_state` a tuple of that, h and c.

    Raises:
        ShapeError: if the size of a step is not known, or differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ConvLSTM2D(4, 3)(jnp.ones((2, 5, 8, 8, 3))).shape
    (2, 6, 6, 4)

    Source: Shi et al., "Convolutional LSTM network", NeurIPS 2015.
    """

    rank = 2


class ConvLSTM3D(ConvLSTM):
    """LSTM over sequences of volumes, whose products are convolutions.

    `ConvLSTM3D(filters, kernel_size, ...)`; all arguments are listed at `ConvLSTM3D.__init__`.

    Call arguments:
        initial_state: [h, c], each of the output's shape of one step; zeros if None.
        mask: (batch, time) of booleans; where it is False, state and output stay as they are.

    Input shape:
        (batch, time, depth, height, width, channels), or with the channels behind time for
        "channels_first".

    Output shape:
        (batch, new_depth, new_height, new_width, filters), or (batch, time, ...) of
        them with `return_sequences`; with `return_state` a tuple of that, h and c.

    Raises:
        ShapeError: if the size of a step is not known, or differs from what it was built for.

    >>> import jax.numpy as jnp, nnlib as nn
    >>> nn.layers.ConvLSTM3D(4, 3)(jnp.ones((1, 2, 4, 4, 4, 1))).shape
    (1, 2, 2, 2, 4)

    Source: Shi et al., "Convolutional LSTM network", NeurIPS 2015.
    """

    rank = 3
