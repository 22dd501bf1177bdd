"""Makes training.json of this folder with Keras: what the model specification can say, step by step.

Pinned: Python 3.11, keras==3.15.1, jax==0.10.2, numpy==2.4.6 (pip install keras==3.15.1 jax==0.10.2 numpy==2.4.6).
Run from the repository's root:  KERAS_BACKEND=jax python tests/golden/keras/generate_training.py

steps         small networks with given weights and batches: the loss of each batch before its step, and the weights after
              the first and the last step. Each case varies one thing: loss, weights of rows, optimizer, clipping, schedule,
              layer, activation, penalty.
initialisers  mean, deviation, least and greatest of a 300 x 400 kernel (1.2e5 numbers) of each initialiser.
stopping      epochs at which EarlyStopping ends a fit and which is the best, for given sequences of values.
rates         learning rates of schedules at steps.
"""

import json
import os
import pathlib

os.environ.setdefault("KERAS_BACKEND", "jax")
import jax
import keras
import numpy as np

here = pathlib.Path(__file__).parent
versions = {"keras": keras.__version__, "jax": jax.__version__, "numpy": np.__version__}


def numbers(array):
    """Float32 values as the shortest decimals that read back to the same float32."""
    return [float(str(value)) for value in np.asarray(array, dtype=np.float32).ravel()]


def penalty(layer):
    if "l1" in layer or "l2" in layer:
        return keras.regularizers.L1L2(layer.get("l1", 0.0), layer.get("l2", 0.0))
    return None


def activation(name):
    return "silu" if name == "swish" else name


def apply(layer, x, built):
    """Adds a layer of a specification; `built` gets the Keras layers with weights in the specification's order."""
    def use(keras_layer, value):
        built.append(keras_layer)
        return keras_layer(value)

    kind = layer["type"]
    if kind == "dense":
        return use(keras.layers.Dense(
            layer["units"], activation=activation(layer["activation"]), use_bias=layer.get("useBias", True),
            kernel_regularizer=penalty(layer)), x)
    if kind == "batch_norm":
        return use(keras.layers.BatchNormalization(momentum=layer["momentum"], epsilon=layer["epsilon"]), x)
    if kind == "layer_norm":
        return use(keras.layers.LayerNormalization(epsilon=layer["epsilon"]), x)
    if kind == "activation":
        return keras.layers.Activation(activation(layer["activation"]))(x)
    if kind == "residual":
        inner = x
        for one in layer["layers"]:
            inner = apply(one, inner, built)
        shortcut = use(keras.layers.Dense(inner.shape[-1]), x) if layer["projection"] else x
        return keras.layers.Add()([inner, shortcut])
    raise ValueError(kind)


def network(case, rng):
    inputs = keras.Input((case["inputs"],))
    built = []
    x = inputs
    embeddings = case.get("embeddings", [])
    if embeddings:
        taken = {j for e in embeddings for j in range(*e["columns"])}
        rest = [inputs[:, j:j + 1] for j in range(case["inputs"]) if j not in taken]
        parts = []
        for e in embeddings:
            layer = keras.layers.Embedding(e["vocabulary"], e["dimension"], embeddings_regularizer=penalty(e))
            built.append(layer)
            first = e["columns"][0]
            parts.append(keras.layers.Flatten()(layer(inputs[:, first:first + 1])))
        x = keras.layers.Concatenate()(rest + parts)
    for layer in case["layers"]:
        x = apply(layer, x, built)
    model = keras.Model(inputs, x)
    variables = [v for layer in built for v in layer.trainable_variables]
    variables += [v for layer in built for v in layer.non_trainable_variables]
    for v in variables:
        shape = v.shape
        value = np.abs(rng.normal(size=shape)) + 0.5 if "variance" in v.path or "gamma" in v.path else 0.4 * rng.normal(size=shape)
        v.assign(value.astype(np.float32))
    return model, variables


def schedule_of(spec):
    rate, schedule = spec["learningRate"], spec.get("schedule")
    if schedule is None:
        return rate
    s = keras.optimizers.schedules
    if schedule["type"] == "exponential":
        return s.ExponentialDecay(rate, schedule["decaySteps"], schedule["decayRate"], schedule["staircase"])
    if schedule["type"] == "piecewise":
        return s.PiecewiseConstantDecay(schedule["boundaries"], schedule["values"])
    if schedule["warmupSteps"] == 0:
        return s.CosineDecay(rate, schedule["decaySteps"], schedule["alpha"])
    return s.CosineDecay(schedule["warmupFrom"], schedule["decaySteps"], schedule["alpha"],
                         warmup_target=rate, warmup_steps=schedule["warmupSteps"])


def optimizer_of(spec):
    o = keras.optimizers
    shared = {"learning_rate": schedule_of(spec), "clipnorm": spec.get("clipNorm"),
              "global_clipnorm": spec.get("globalClipNorm"), "clipvalue": spec.get("clipValue")}
    if spec["type"] == "sgd":
        return o.SGD(momentum=spec.get("momentum", 0.0), nesterov=spec.get("nesterov", False), **shared)
    if spec["type"] == "rmsprop":
        return o.RMSprop(rho=spec["decay"], epsilon=spec["epsilon"], **shared)
    adam = {"beta_1": spec["beta1"], "beta_2": spec["beta2"], "epsilon": spec["epsilon"], **shared}
    return o.Adam(**adam) if spec["type"] == "adam" else o.AdamW(weight_decay=spec["weightDecay"], **adam)


losses = {
    "sparse_categorical_crossentropy": keras.losses.SparseCategoricalCrossentropy,
    "binary_crossentropy": keras.losses.BinaryCrossentropy,
    "mse": keras.losses.MeanSquaredError,
    "mae": keras.losses.MeanAbsoluteError,
    "huber": keras.losses.Huber,
}


def dense(units, name="tanh", **more):
    return {"type": "dense", "units": units, "activation": name, **more}


def cases():
    sgd = {"type": "sgd", "learningRate": 0.05}
    moments = {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-7}
    adam = {"type": "adam", "learningRate": 0.01, **moments}
    soft = [dense(7), dense(3, "softmax")]

    def case(name, layers=soft, loss="sparse_categorical_crossentropy", optimizer=sgd, **more):
        return {"name": name, "inputs": 5, "layers": layers, "loss": loss, "optimizer": optimizer, **more}

    ends = {"sparse_categorical_crossentropy": ("softmax", 3), "binary_crossentropy": ("sigmoid", 3),
            "mse": ("linear", 2), "mae": ("linear", 2), "huber": ("linear", 2)}
    for loss, (end, outputs) in ends.items():
        for weighted in (False, True):
            yield case(f"{loss}{', weighted rows' if weighted else ''}", [dense(7), dense(outputs, end)], loss, weighted=weighted)
    yield case("momentum", optimizer={**sgd, "momentum": 0.9})
    yield case("nesterov", optimizer={**sgd, "momentum": 0.9, "nesterov": True})
    yield case("rmsprop", optimizer={"type": "rmsprop", "learningRate": 0.01, "decay": 0.9, "epsilon": 1e-7})
    yield case("adam", optimizer=adam)
    yield case("adamw", optimizer={**adam, "type": "adamw", "weightDecay": 0.1})
    yield case("clipNorm", optimizer={**sgd, "clipNorm": 0.05})
    yield case("globalClipNorm", optimizer={**adam, "globalClipNorm": 0.05})
    yield case("clipValue", optimizer={**sgd, "momentum": 0.9, "clipValue": 0.01})
    for name, schedule in schedules().items():
        yield case(f"schedule {name}", optimizer={**sgd, "momentum": 0.5, "schedule": schedule})
    yield case("adamw with a cosine", optimizer={**adam, "type": "adamw", "weightDecay": 0.1, "schedule": schedules()["warm-up"]})
    for name in ("relu", "sigmoid", "elu", "selu", "gelu", "silu", "softplus", "leaky_relu"):
        yield case(f"activation {name}", [dense(9, name), dense(3, "softmax")])
    norm = {"type": "batch_norm", "momentum": 0.9, "epsilon": 1e-3}
    layer_norm = {"type": "layer_norm", "epsilon": 1e-3}
    relu = {"type": "activation", "activation": "relu"}
    yield case("layer_norm", [dense(6), layer_norm, dense(3, "softmax")])
    yield case("batch_norm before an activation", [dense(6, "linear", useBias=False), norm, relu, dense(3, "softmax")])
    block = {"type": "residual", "projection": False, "layers": [dense(5, "gelu"), norm, dense(5, "linear")]}
    wide = {"type": "residual", "projection": True, "layers": [layer_norm, dense(8, "relu")]}
    yield case("residual", [block, dense(3, "softmax")])
    yield case("residual with projection, adam", [wide, dense(3, "softmax")], optimizer=adam)
    yield case("embedding", embeddings=[{"columns": [2, 3], "vocabulary": 4, "dimension": 3}])
    yield case("embedding with l2, adam", optimizer=adam,
               embeddings=[{"columns": [2, 3], "vocabulary": 4, "dimension": 3, "l2": 0.05}])
    yield case("l1", [dense(7, l1=0.02), dense(3, "softmax")])
    yield case("l2", [dense(7, l2=0.03), dense(3, "softmax")])
    yield case("l1 and l2, clipped, adamw", [dense(7, l1=0.02, l2=0.03), dense(3, "softmax", l2=0.01)],
               optimizer={**adam, "type": "adamw", "weightDecay": 0.1, "globalClipNorm": 0.1})


def schedules():
    return {
        "exponential": {"type": "exponential", "unit": "steps", "decaySteps": 3, "decayRate": 0.5, "staircase": False},
        "staircase": {"type": "exponential", "unit": "steps", "decaySteps": 2, "decayRate": 0.5, "staircase": True},
        "piecewise": {"type": "piecewise", "unit": "steps", "boundaries": [1, 3], "values": [0.1, 0.05, 0.01]},
        "cosine": {"type": "cosine", "unit": "steps", "decaySteps": 4, "alpha": 0.1, "warmupSteps": 0, "warmupFrom": 0},
        "warm-up": {"type": "cosine", "unit": "steps", "decaySteps": 4, "alpha": 0.1, "warmupSteps": 2, "warmupFrom": 0.001},
    }


def steps():
    rng = np.random.default_rng(11)
    for case in cases():
        print(case["name"], flush=True)
        loss, outputs = case["loss"], case["layers"][-1]["units"]
        case["batches"] = []
        model, variables = network(case, rng)
        case["initial"] = [numbers(v) for v in variables]
        model.compile(optimizer=optimizer_of(case["optimizer"]), loss=losses[loss]())
        case["losses"] = []
        for size in (16, 16, 7, 16, 3):
            x = rng.normal(size=(size, case["inputs"])).astype(np.float32)
            for e in case.get("embeddings", []):
                x[:, e["columns"][0]] = rng.integers(0, e["vocabulary"], size)
            if loss == "sparse_categorical_crossentropy":
                y = rng.integers(0, outputs, size)
            elif loss == "binary_crossentropy":
                y = rng.integers(0, 2, (size, outputs)).astype(np.float32)
            else:
                y = (2 * rng.normal(size=(size, outputs))).astype(np.float32)
            w = (rng.integers(0, 5, size) / 2).astype(np.float32) if case.get("weighted") else None
            case["losses"].append(float(model.train_on_batch(x, y, sample_weight=w)))
            model.reset_metrics()
            case.setdefault("first", [numbers(v) for v in variables])
            batch = {"rows": size, "features": numbers(x), "targets": numbers(y)}
            case["batches"].append({**batch, "weights": numbers(w)} if w is not None else batch)
        case["last"] = [numbers(v) for v in variables]
        yield case


def initialisers():
    i = keras.initializers
    kinds = {
        "glorot_uniform": i.GlorotUniform, "glorot_normal": i.GlorotNormal, "he_uniform": i.HeUniform, "he_normal": i.HeNormal,
        "lecun_uniform": i.LecunUniform, "lecun_normal": i.LecunNormal, "random_uniform": i.RandomUniform, "random_normal": i.RandomNormal,
    }
    for name, kind in kinds.items():
        values = np.asarray(kind(seed=3)((300, 400)), dtype=np.float64)
        yield {"initializer": name, "mean": values.mean(), "deviation": values.std(), "least": values.min(), "greatest": values.max()}


def stopping():
    falling = [1.0, 0.8, 0.79, 0.795, 0.7, 0.71, 0.72, 0.69, 0.73, 0.74, 0.75, 0.76, 0.6]
    rising = [0.5, 0.6, 0.6, 0.65, 0.64, 0.66, 0.66, 0.66, 0.67, 0.6, 0.6, 0.6, 0.9]
    settings = [
        {"monitor": "val_loss", "patience": 0}, {"monitor": "val_loss", "patience": 2}, {"monitor": "val_loss", "patience": 3},
        {"monitor": "val_loss", "patience": 2, "minDelta": 0.05}, {"monitor": "val_loss", "patience": 1, "startFromEpoch": 4},
        {"monitor": "val_loss", "patience": 50}, {"monitor": "val_metric", "patience": 0}, {"monitor": "val_metric", "patience": 2},
        {"monitor": "val_metric", "patience": 2, "minDelta": 0.02}, {"monitor": "loss", "patience": 1},
    ]
    for one in settings:
        values = rising if one["monitor"].endswith("metric") else falling

        class Fake:
            stop_training = False
            epoch = 0

            def get_weights(self):
                return self.epoch

            def set_weights(self, weights):
                self.restored = weights

        model = Fake()
        callback = keras.callbacks.EarlyStopping(
            monitor="value", patience=one["patience"], min_delta=one.get("minDelta", 0), restore_best_weights=True,
            start_from_epoch=one.get("startFromEpoch", 0), mode="max" if one["monitor"].endswith("metric") else "min")
        callback.set_model(model)
        callback.on_train_begin()
        ran = 0
        for epoch, value in enumerate(values):
            model.epoch = epoch + 1
            ran = epoch + 1
            callback.on_epoch_end(epoch, {"value": value})
            if model.stop_training:
                break
        callback.on_train_end()
        whole = {"minDelta": 0, "startFromEpoch": 0, "restoreBest": True, **one}
        yield {"spec": whole, "values": values, "epochs": ran, "best": model.restored, "stopped": model.stop_training}


def rates():
    for name, schedule in schedules().items():
        spec = {"type": "sgd", "learningRate": 0.05, "schedule": schedule}
        yield {"optimizer": spec, "rates": numbers([float(schedule_of(spec)(step)) for step in range(12)])}


if __name__ == "__main__":
    whole = {"versions": versions, "steps": list(steps()), "initialisers": list(initialisers()),
             "stopping": list(stopping()), "rates": list(rates())}
    (here / "training.json").write_text(json.dumps(whole, separators=(",", ":")) + "\n")
    print(len(whole["steps"]), "cases of steps")
