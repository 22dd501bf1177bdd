"""Fits networks with Keras on JAX: one JSON task a line in, one JSON answer a line out.

A task: {"rows", "width", "hidden", "classes", "batch", "fitRows", "epochs", "fresh"}. The answer: {"ms", "cpuMs"}. With `fresh` a
network is built, compiled and fitted, as for every fold of a cross-validation; else the one of the task before of that
size is fitted further, and what JAX compiled for its first fit is there already.
"""

import json
import os
import sys
import time

os.environ["KERAS_BACKEND"] = "jax"
import keras  # noqa: E402
import numpy as np  # noqa: E402


def data(task):
    rows, width, classes = task["rows"], task["width"], task["classes"]
    numbers = np.sin(np.arange(rows * width) * 12.9898) * np.sqrt(2)
    features = numbers.astype(np.float32).reshape(rows, width)
    targets = features[:, : min(classes, width)].argmax(axis=1).astype(np.int32)
    return features, targets


def built(task):
    layers = [keras.Input((task["width"],))]
    layers += [keras.layers.Dense(units, activation="relu") for units in task["hidden"]]
    layers += [keras.layers.Dense(task["classes"], activation="softmax")]
    model = keras.Sequential(layers)
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="sparse_categorical_crossentropy")
    return model


tables = {}
networks = {}
print(json.dumps({"keras": keras.__version__, "backend": keras.backend.backend()}), flush=True)
for line in sys.stdin:
    task = json.loads(line)
    size = (task["rows"], task["width"], *task["hidden"])
    if size not in tables:
        tables[size] = data(task)
        networks[size] = built(task)
    features, targets = tables[size]
    rows = task["fitRows"]
    wall, cpu = time.perf_counter(), time.process_time()
    model = built(task) if task["fresh"] else networks[size]
    model.fit(features[:rows], targets[:rows], batch_size=task["batch"], epochs=task["epochs"], verbose=0)
    answer = {"ms": (time.perf_counter() - wall) * 1000, "cpuMs": (time.process_time() - cpu) * 1000}
    print(json.dumps(answer), flush=True)
