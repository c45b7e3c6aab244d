"""Rows of activations, normalisations, noise, merges, attention and what else is basic."""

import flax.linen
import jax
import jax.numpy as jnp

from nnlib import layers
from tests.contract.case import case

STEPS, IMAGE = (5, 4), (4, 3, 4)


def mixed(params, state, rng, inputs, training):
    """For JaxLayer: an affine map that counts its calls."""
    y = inputs @ params["w"] + params["b"][None]
    return y, {"calls": state["calls"] + (1 if training else 0)}


def mixed_init(rng, inputs):
    w = jax.random.normal(rng, (inputs.shape[-1], 2))
    return {"w": w, "b": jnp.zeros(2)}, {"calls": jnp.zeros(())}


CASES = [
    case(layers.ELU, 0.7, inputs=[(3, 2)], free=[(None, 2)]),
    case(layers.LeakyReLU, inputs=[(3, 2)], smooth=False),
    case(layers.PReLU, inputs=[(3, 2)], wrong=[(3, 3)], smooth=False),
    case(
        layers.PReLU, inputs=[IMAGE], wrong=[(4, 3, 5)], free=[(None, None, 4)], note="shared",
        options={"shared_axes": (1, 2)}, smooth=False,
    ),
    case(layers.GroupNormalization, 2, inputs=[IMAGE], wrong=[(4, 3, 6)], free=[(None, None, 4)]),
    case(
        layers.GroupNormalization, -1, inputs=[(4, 3, 2)], wrong=[(4, 3)], note="instance",
        options={"axis": 1, "scale": False},
    ),
    case(layers.RMSNormalization, inputs=[STEPS], wrong=[(5, 3)], free=[(None, 4)]),
    case(
        layers.UnitNormalization, inputs=[STEPS], wrong=[()], options={"axis": (1, 2)},
        free=[(None, 4)],
    ),
    case(
        layers.SpectralNormalization, layers.Dense(3), inputs=[(4,)], wrong=[(5,)], smooth=False,
        follows_policy=False,
    ),
    case(
        layers.BatchNormalization, inputs=[STEPS], note="renorm", free=[(None, 4)], wrong=[(5, 3)],
        options={"renorm": True, "renorm_clipping": {"rmin": 0.5, "rmax": 2.0, "dmax": 1.0}},
        smooth=False,
    ),
    case(layers.ActivityRegularization, 0.1, 0.2, inputs=[(3,)]),
    case(layers.AlphaDropout, 0.5, inputs=[(20,)], random=True, free=[(None,)]),
    case(layers.GaussianDropout, 0.5, inputs=[(20,)], random=True),
    case(layers.GaussianNoise, 0.5, inputs=[(20,)], random=True, options={"seed": 1}),
    case(layers.SpatialDropout1D, 0.5, inputs=[(3, 20)], random=True, wrong=[(3,)]),
    case(layers.SpatialDropout2D, 0.5, inputs=[(2, 3, 20)], random=True, wrong=[(3, 20)]),
    case(
        layers.SpatialDropout3D, 0.5, inputs=[(20, 2, 2, 3)], random=True, wrong=[(3, 20)],
        options={"data_format": "channels_first"},
    ),
    case(
        layers.Dot, (2, 1), inputs=[(3, 4), (4, 2)], wrong=[(3, 4), (3, 2)], listed=True,
        options={"normalize": True}, free=[(None, 4), (4, None)],
    ),
    case(layers.Masking, inputs=[STEPS], smooth=False, free=[(None, 4)]),
    case(layers.Wrapper, layers.Dense(3), inputs=[(4,)], follows_policy=False),
    case(layers.Pipeline, [layers.Flatten(), layers.Dense(2)], inputs=[STEPS],
         follows_policy=False),
    case(
        layers.Attention, inputs=[STEPS, (3, 4)], wrong=[STEPS, (3, 2)], listed=True,
        options={"use_scale": True}, free=[(None, 4), (None, 4)],
    ),
    case(
        layers.Attention, inputs=[STEPS, (3, 2), (3, 4)], wrong=[STEPS], listed=True,
        options={"score_mode": "concat", "dropout": 0.5, "seed": 1}, random=True, note="concat",
    ),
    case(
        layers.AdditiveAttention, inputs=[STEPS, (3, 4)], wrong=[STEPS, (3, 2)], listed=True,
        free=[(None, 4), (None, 4)],
    ),
    case(
        layers.MultiHeadAttention, inputs=[STEPS, (3, 2)], wrong=[STEPS, (3, 4)],
        options={"num_heads": 2, "key_dim": 3, "use_gate": True}, free=[(None, 4), (None, 2)],
    ),
    case(
        layers.GroupQueryAttention, 3, 4, 2, inputs=[STEPS, (3, 4)], wrong=[STEPS, (3, 5)],
        options={"use_bias": False}, free=[(None, 4), (None, 4)],
    ),
    case(
        layers.EinsumDense, "...x,xy->...y", 3, inputs=[STEPS], wrong=[(5, 3)], free=[(None, 4)],
        options={"bias_axes": "y", "activation": "tanh"},
    ),
    case(
        layers.EinsumDense, "btd,dhk->bthk", (None, 2, 3), inputs=[STEPS], wrong=[(4,)],
        options={"lora_rank": 2, "lora_alpha": 3, "bias_axes": "h"}, note="lora",
        free=[(None, 4)],
    ),
    case(layers.Dense, 3, inputs=[(4,)], wrong=[(5,)], options={"lora_rank": 2}, note="lora"),
    case(
        layers.Embedding, 5, 4, inputs=[(3,)], dtype="int32", note="masked",
        options={"mask_zero": True, "lora_rank": 2},
    ),
    case(layers.ReversibleEmbedding, 5, 4, inputs=[(3,)], dtype="int32",
         options={"tie_weights": False, "logit_soft_cap": 2.0}),
    case(
        layers.JaxLayer, mixed, mixed_init, inputs=[(4,)], json=False, free=[(4,)],
        options={"seed": 3},
    ),
    case(layers.FlaxLayer, flax.linen.Dense(3), inputs=[(4,)], json=False, follows_policy=False),
]  # fmt: skip
