"""Makes positive-weights.json of this folder: steps of multi-label networks whose labels have weights of positives.

Pinned: Python 3.11, jax==0.10.2, numpy==2.4.6. Run from the repository's root:  python tests/golden/keras/generate_positive_weights.py

Keras has no such loss; the oracle is the definition in the documentation of PyTorch's BCEWithLogitsLoss, in float64, with gradients by
JAX's automatic differentiation: -[p * y * log(sigmoid(x)) + (1 - y) * log(1 - sigmoid(x))], mean over labels, times the weight of
the row, mean over rows. The cases have the form of training.json's steps, and `positives`.
"""

import json
import pathlib

import jax
import numpy as np

jax.config.update("jax_enable_x64", True)
jnp = jax.numpy
INPUTS, LABELS, RATE = 5, 3, 0.05


def numbers(array):
    """Float32 values as the shortest decimals that read back to the same float32."""
    return [float(str(value)) for value in np.asarray(array, dtype=np.float32).ravel()]


def loss_of(parameters, x, y, weights, positives):
    kernel, bias, last_kernel, last_bias = parameters
    logits = jnp.tanh(x @ kernel + bias) @ last_kernel + last_bias
    here = jax.nn.log_sigmoid(logits)
    not_here = jax.nn.log_sigmoid(-logits)
    each = -(positives * y * here + (1 - y) * not_here)
    return jnp.mean(weights * jnp.mean(each, axis=1))


def steps():
    rng = np.random.default_rng(5)
    loss_and_gradient = jax.value_and_grad(loss_of)
    for name, positives, weighted, momentum in (
        ("weights of positives above and below 1", [3.7, 1.0, 0.25], False, 0),
        ("large weights of positives, momentum", [40.0, 12.5, 7.0], False, 0.9),
        ("weights of positives and of rows", [2.0, 0.5, 9.0], True, 0),
    ):
        shapes = [(INPUTS, 7), (7,), (7, LABELS), (LABELS,)]
        initial = [rng.normal(scale=0.5, size=shape).astype(np.float32) for shape in shapes]
        parameters = [value.astype(np.float64) for value in initial]
        velocity = [np.zeros(shape) for shape in shapes]
        optimizer = {"type": "sgd", "learningRate": RATE, **({"momentum": momentum} if momentum else {})}
        dense = {"type": "dense", "useBias": True}
        case = {"name": name, "inputs": INPUTS, "loss": "binary_crossentropy", "optimizer": optimizer, "positives": positives,
                "layers": [{**dense, "units": 7, "activation": "tanh"}, {**dense, "units": LABELS, "activation": "sigmoid"}],
                "initial": [numbers(value) for value in initial], "batches": [], "losses": []}
        for size in (16, 16, 7, 16, 3):
            x = rng.normal(size=(size, INPUTS)).astype(np.float32)
            y = (rng.random((size, LABELS)) < 0.3).astype(np.float32)
            w = (rng.integers(0, 5, size) / 2).astype(np.float32) if weighted else np.ones(size, np.float32)
            loss, gradients = loss_and_gradient(parameters, *(a.astype(np.float64) for a in (x, y, w)), np.array(positives))
            case["losses"].append(float(loss))
            velocity = [momentum * v - RATE * np.asarray(g) for v, g in zip(velocity, gradients)]
            parameters = [p + v for p, v in zip(parameters, velocity)]
            case.setdefault("first", [numbers(p) for p in parameters])
            batch = {"rows": size, "features": numbers(x), "targets": numbers(y)}
            case["batches"].append({**batch, "weights": numbers(w)} if weighted else batch)
        case["last"] = [numbers(p) for p in parameters]
        yield case


fixture = {"versions": {"jax": jax.__version__, "numpy": np.__version__}, "steps": list(steps())}
path = pathlib.Path(__file__).parent / "positive-weights.json"
path.write_text(json.dumps(fixture) + "\n")
