"""Makes the golden fixtures of this folder with Keras.

Pinned: Python 3.11, keras==3.15.1, jax==0.10.2, numpy==2.4.6 (pip install keras==3.15.1 jax==0.10.2 numpy==2.4.6).
Run from the repository's root:  KERAS_BACKEND=jax python tests/golden/keras/generate.py [networks|penguins]

networks.json  for several small networks with given weights and batches: Keras's predictions, the loss of each
               batch before its step, and the weights after the first and the last step, for each optimizer. (One
               step of SGD is the gradient: initial - 0.1 gradient.)
penguins.json  cross-validated accuracy on the penguins, 20 seeds x 5 folds: per fold and the mean of each seed.
               Recipe: 5 shuffled folds, features fitted on each fold's training rows only (numeric: mean imputation
               and standardisation; categorical: most frequent and one-hot), Dense 10 relu, 8 relu, 3 softmax,
               SGD 0.01, sparse categorical cross-entropy, 50 epochs, batches of 32.
"""

import json
import os
import pathlib
import sys

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax
import keras
import numpy as np

here = pathlib.Path(__file__).parent
root = here.parents[2]
versions = {"keras": keras.__version__, "jax": jax.__version__, "numpy": np.__version__}


def numbers(array):
    """Float32 values as the shortest decimals that read back to the same float32."""
    return [float(str(value)) for value in np.asarray(array, dtype=np.float32).ravel()]


def network(layers, width, rng):
    # Small enough that no probability reaches 1e-7: there Keras cuts the loss off, which Rookery does not.
    scale = 0.1 if width > 50 else 0.4
    model = keras.Sequential([keras.Input((width,))])
    for layer in layers:
        if layer["type"] == "dense":
            model.add(keras.layers.Dense(layer["units"], activation=layer["activation"]))
        elif layer["type"] == "batch_norm":
            model.add(keras.layers.BatchNormalization(momentum=layer["momentum"], epsilon=layer["epsilon"]))
    model.set_weights([
        np.abs(rng.normal(size=w.shape)).astype(np.float32) + 0.1 if "variance" in w.path
        else (scale * rng.normal(size=w.shape)).astype(np.float32)
        for w in model.weights
    ])
    return model


def weights(model):
    """In the order of a saved TensorFlow.js model: what is trained first, then moving statistics."""
    return [numbers(v) for v in [*model.trainable_variables, *model.non_trainable_variables]]


optimizers = {
    "sgd": lambda: keras.optimizers.SGD(0.1),
    "momentum": lambda: keras.optimizers.SGD(0.05, momentum=0.9),
    "rmsprop": lambda: keras.optimizers.RMSprop(0.01, rho=0.9, epsilon=1e-7),
    "adam": lambda: keras.optimizers.Adam(0.01, beta_1=0.9, beta_2=0.999, epsilon=1e-7),
}
specs = {
    "sgd": {"type": "sgd", "learningRate": 0.1},
    "momentum": {"type": "sgd", "learningRate": 0.05, "momentum": 0.9},
    "rmsprop": {"type": "rmsprop", "learningRate": 0.01, "decay": 0.9, "epsilon": 1e-7},
    "adam": {"type": "adam", "learningRate": 0.01, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7},
}


def dense(units, activation):
    return {"type": "dense", "units": units, "activation": activation}


def network_cases():
    rng = np.random.default_rng(7)
    norm = {"type": "batch_norm", "momentum": 0.99, "epsilon": 1e-3}
    shapes = [
        ("classification", 6, [dense(10, "relu"), dense(8, "relu"), dense(3, "softmax")]),
        ("classification", 4, [dense(7, "tanh"), dense(5, "sigmoid"), dense(2, "softmax")]),
        ("classification", 60, [dense(50, "relu"), dense(4, "softmax")]),
        ("regression", 5, [dense(9, "relu"), dense(1, "linear")]),
        ("regression", 5, [dense(6, "tanh"), dense(2, "linear")]),
        ("classification", 4, [dense(6, "relu"), norm, dense(3, "softmax")]),
    ]
    for task, width, layers in shapes:
        outputs = layers[-1]["units"]
        batches = []
        for size in (32, 32, 17, 32, 5):
            x = rng.normal(size=(size, width)).astype(np.float32)
            y = rng.integers(0, outputs, size) if task == "classification" else rng.normal(size=(size, outputs)).astype(np.float32)
            batches.append((x, y))
        loss = "sparse_categorical_crossentropy" if task == "classification" else "mse"
        model = network(layers, width, rng)
        initial = [v.numpy().copy() for v in model.weights]
        case = {"task": task, "layers": layers, "inputs": width, "initial": weights(model), "fits": []}
        case["batches"] = [
            {"rows": len(x), "features": numbers(x), "targets": y.tolist() if task == "classification" else numbers(y)}
            for x, y in batches
        ]
        case["predictions"] = numbers(model.predict(batches[0][0], verbose=0))
        for name in optimizers if width < 50 else ("sgd", "adam"):
            model.set_weights(initial)
            model.compile(optimizer=optimizers[name](), loss=loss)
            losses, first = [], None
            for x, y in batches:
                losses.append(float(model.train_on_batch(x, y)))
                model.reset_metrics()
                first = first or weights(model)
            case["fits"].append({"optimizer": specs[name], "losses": losses, "first": first, "last": weights(model)})
        yield case


def penguins():
    rows = json.loads((root / "node_modules/vega-datasets/data/penguins.json").read_text())
    rows = [{k: (None if v in (None, ".", "") else v) for k, v in row.items()} for row in rows]
    numeric = ["Beak Length (mm)", "Beak Depth (mm)", "Flipper Length (mm)", "Body Mass (g)"]
    categorical = ["Island", "Sex"]
    species = sorted({row["Species"] for row in rows})
    return rows, numeric, categorical, np.array([species.index(row["Species"]) for row in rows])


def featurise(rows, numeric, categorical, train, test):
    """Matrices of the two sets of rows, from statistics of the first."""
    parts = {"train": [], "test": []}
    for name in numeric:
        values = np.array([np.nan if row[name] is None else float(row[name]) for row in rows])
        mean = np.nanmean(values[train])
        filled = np.where(np.isnan(values), mean, values)
        deviation = filled[train].std() or 1.0
        scaled = (filled - filled[train].mean()) / deviation
        parts["train"].append(scaled[train][:, None])
        parts["test"].append(scaled[test][:, None])
    for name in categorical:
        known = sorted({rows[i][name] for i in train if rows[i][name] is not None})
        counts = [sum(rows[i][name] == value for i in train) for value in known]
        most = known[int(np.argmax(counts))]
        codes = [row[name] if row[name] is not None else most for row in rows]
        hot = np.array([[float(code == value) for value in known] for code in codes])
        parts["train"].append(hot[train])
        parts["test"].append(hot[test])
    return tuple(np.hstack(parts[key]).astype(np.float32) for key in ("train", "test"))


def penguin_accuracy():
    rows, numeric, categorical, labels = penguins()
    seeds = []
    for seed in range(20):
        order = np.random.default_rng(seed).permutation(len(rows))
        accuracies = []
        for fold, test in enumerate(np.array_split(order, 5)):
            train = np.setdiff1d(order, test)
            x_train, x_test = featurise(rows, numeric, categorical, train, test)
            keras.utils.set_random_seed(1000 * seed + fold)
            model = keras.Sequential([
                keras.Input((x_train.shape[1],)),
                keras.layers.Dense(10, activation="relu"),
                keras.layers.Dense(8, activation="relu"),
                keras.layers.Dense(3, activation="softmax"),
            ])
            model.compile(optimizer=keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy")
            model.fit(x_train, labels[train], epochs=50, batch_size=32, verbose=0)
            predicted = model.predict(x_test, verbose=0).argmax(axis=1)
            accuracies.append(float((predicted == labels[test]).mean()))
        seeds.append({"seed": seed, "folds": accuracies, "mean": float(np.mean(accuracies))})
        print(seed, accuracies, flush=True)
    return seeds


if __name__ == "__main__":
    what = sys.argv[1:] or ["networks", "penguins"]
    if "networks" in what:
        cases = list(network_cases())
        (here / "networks.json").write_text(json.dumps({"versions": versions, "cases": cases}, separators=(",", ":")) + "\n")
    if "penguins" in what:
        (here / "penguins.json").write_text(json.dumps({"versions": versions, "seeds": penguin_accuracy()}, indent=1) + "\n")
