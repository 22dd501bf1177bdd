"""Scores of the examples by Keras and scikit-learn, on the folds of Rookery: scores.json beside this file.

Pinned: Python 3.11, scikit-learn==1.9.1, keras==3.15.1, jax==0.10.2, numpy==2.4.6
(pip install scikit-learn==1.9.1 keras==3.15.1 jax==0.10.2 numpy==2.4.6).
Run from the repository's root:
  node tests/golden/examples/export.mjs <folder> && KERAS_BACKEND=jax python tests/golden/examples/generate.py <folder> [name …]

The same recipe as examples/*.json with the defaults of a bare event: impute and scale the numbers, impute and one-hot encode
the categories, fitted on the training rows of each fold; Dense 10 relu, Dense 8 relu, an output for each class (softmax) or one
(linear, on a standardised target), SGD 0.01, 50 epochs of batches of 32. Keras is this network exactly; scikit-learn's MLP has
another initialisation, a single output for two classes, and half the squared error as its loss (so twice the rate here). Each
with several seeds of weights and batch order (a table of more than 100,000 rows with one).

Labels: a sigmoid for each and the mean of their cross-entropies (scikit-learn's is the sum: its rate is divided by the labels). Tuned
thresholds: a fold is judged by those of the highest F1 of each label over the held-out rows of the other folds, by
precision_recall_curve.
"""

import csv
import json
import sys
import time
from pathlib import Path

import numpy as np
import jax
import keras
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import (accuracy_score, f1_score, hamming_loss, mean_absolute_error, precision_recall_curve, r2_score,
                             recall_score, roc_auc_score)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

here = Path(__file__).parent
MISSING = {"", ".", "NA"}
FLAGS = {"true", "false"}


def read(example):
    with open(example["file"], newline="") as file:
        rows = csv.reader(file)
        names = next(rows)
        columns = list(zip(*rows))
    table = dict(zip(names, columns))
    if "targets" in example:
        target = np.column_stack([np.array(table.pop(name)).astype(int) for name in example["targets"]])
    else:
        target = np.array(table.pop(example["target"]))
    numeric, categorical = {}, {}
    for name, cells in table.items():
        present = [cell for cell in cells if cell not in MISSING]
        try:
            if all(cell in FLAGS for cell in present):
                raise ValueError
            numeric[name] = np.array([np.nan if cell in MISSING else float(cell) for cell in cells])
        except ValueError:
            categorical[name] = np.array([None if cell in MISSING else cell for cell in cells], dtype=object)
    return numeric, categorical, target


def featurise(example, numeric, categorical, train, test):
    """Float32 features of both sides, fitted on the training rows."""
    strategy = example["request"].get("preprocessing", {}).get("numeric", {}).get("imputer", "mean")
    parts = []
    if numeric:
        matrix = np.column_stack(list(numeric.values()))
        steps = make_pipeline(SimpleImputer(strategy=strategy), StandardScaler())
        parts.append((steps.fit_transform(matrix[train]), steps.transform(matrix[test])))
    if categorical:
        matrix = np.column_stack(list(categorical.values()))
        steps = make_pipeline(
            SimpleImputer(strategy="most_frequent", missing_values=None),
            OneHotEncoder(handle_unknown="ignore", sparse_output=False),
        )
        parts.append((steps.fit_transform(matrix[train]), steps.transform(matrix[test])))
    return (np.concatenate([p[side] for p in parts], axis=1).astype(np.float32) for side in (0, 1))


def keras_outputs(x, y, held, outputs, epochs, batch, seed, rate=0.01):
    keras.utils.set_random_seed(seed)
    regression, sets = outputs == 1, y.ndim == 2
    model = keras.Sequential(
        [
            keras.Input((x.shape[1],)),
            keras.layers.Dense(10, activation="relu"),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(outputs, activation="linear" if regression else "sigmoid" if sets else "softmax"),
        ]
    )
    loss = "mse" if regression else "binary_crossentropy" if sets else "sparse_categorical_crossentropy"
    model.compile(keras.optimizers.SGD(rate), loss)
    model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0)
    return model.predict(held, verbose=0, batch_size=8192)


def sklearn_outputs(x, y, held, outputs, epochs, batch, seed, rate=0.01):
    options = dict(
        hidden_layer_sizes=(10, 8), solver="sgd", alpha=0.0, momentum=0.0, nesterovs_momentum=False, batch_size=batch,
        max_iter=epochs, random_state=seed, n_iter_no_change=epochs, tol=0.0,
    )
    if outputs == 1:
        return MLPRegressor(learning_rate_init=2 * rate, **options).fit(x, y).predict(held).reshape(-1, 1)
    rate = rate / outputs if y.ndim == 2 else rate
    return MLPClassifier(learning_rate_init=rate, **options).fit(x, y).predict_proba(held)


def scores(outputs, truth, labels):
    if labels is None:
        predicted = outputs[:, 0]
        return {
            "rmse": float(np.sqrt(np.mean((truth - predicted) ** 2))),
            "mae": float(mean_absolute_error(truth, predicted)),
            "r2": float(r2_score(truth, predicted)),
        }
    predicted = outputs.argmax(axis=1)
    out = {"accuracy": float(accuracy_score(truth, predicted)), "f1_macro": float(f1_score(truth, predicted, average="macro"))}
    if len(labels) == 2:
        out["roc_auc"] = float(roc_auc_score(truth, outputs[:, 1]))
        out[f"recall_of_{labels[1]}"] = float(recall_score(truth, predicted))
    return out


def best_threshold(truth, probabilities):
    _, _, thresholds = precision_recall_curve(truth, probabilities, drop_intermediate=False)
    return max((f1_score(truth, probabilities >= one), -abs(one - 0.5), one) for one in thresholds)[2]


def scores_of_sets(outputs, truths, tuned):
    """Scores of each fold, of which the held-out outputs and truths are given."""
    found = []
    for fold, (own, truth) in enumerate(zip(outputs, truths)):
        thresholds = np.full(truth.shape[1], 0.5)
        if tuned:
            others = [one for one in range(len(outputs)) if one != fold]
            rest, known = (np.concatenate([part[one] for one in others]) for part in (outputs, truths))
            thresholds = [best_threshold(known[:, k], rest[:, k]) for k in range(truth.shape[1])]
        predicted = (own >= thresholds).astype(int)
        averages = {f"f1_{a}": float(f1_score(truth, predicted, average=a, zero_division=0)) for a in ("micro", "macro", "samples")}
        found.append({"subset_accuracy": float(accuracy_score(truth, predicted)), "hamming_loss": float(hamming_loss(truth, predicted)),
                      **averages, "roc_auc_macro": float(roc_auc_score(truth, own, average="macro"))})
    return found


def run_sets(folder, example, fold_of):
    numeric, categorical, truth = read(example)
    request = example["request"]
    epochs, batch, rate = request.get("epochs", 50), request.get("batchSize", 32), request.get("learningRate", 0.01)
    seeds, folds = range(4), range(int(fold_of.max()) + 1)
    summary = {}
    for engine, fit in (("keras", keras_outputs), ("sklearn", sklearn_outputs)):
        means = []
        for seed in seeds:
            outputs, truths = [], []
            for fold in folds:
                train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
                x, held = featurise(example, numeric, categorical, train, test)
                outputs.append(fit(x, truth[train], held, truth.shape[1], epochs, batch, seed, rate))
                truths.append(truth[test])
            found = scores_of_sets(outputs, truths, request.get("labelThreshold") == "tuned")
            means.append({metric: np.mean([one[metric] for one in found]) for metric in found[0]})
            print(engine, seed, means[-1], flush=True)
        summary[engine] = {
            metric: {"mean": float(np.mean([m[metric] for m in means])), "std_of_seeds": float(np.std([m[metric] for m in means])),
                     "seeds": len(means)}
            for metric in means[0]
        }
    return {"rows": len(truth), "folds": len(folds), **summary}


def run(folder, name):
    example = json.loads((folder / f"{name}.json").read_text())
    fold_of = np.frombuffer((folder / f"{name}.folds").read_bytes(), dtype=np.uint8)
    if "targets" in example:
        return run_sets(folder, example, fold_of)
    numeric, categorical, target = read(example)
    try:
        distinct = np.unique(target.astype(float))
        regression = len(distinct) > 10 or np.any(distinct != np.round(distinct))
    except ValueError:
        regression = False
    if regression:
        labels, truth = None, target.astype(float)
    else:
        labels, truth = np.unique(target, return_inverse=True)
        labels = [str(label) for label in labels]
    epochs, batch = example["request"].get("epochs", 50), example["request"].get("batchSize", 32)
    seeds = range(1 if len(truth) > 100_000 else 4)
    found = {"keras": [], "sklearn": []}
    for fold in range(int(fold_of.max()) + 1):
        train, test = np.flatnonzero(fold_of != fold), np.flatnonzero(fold_of == fold)
        started = time.perf_counter()
        x, held = featurise(example, numeric, categorical, train, test)
        seconds = {"features": time.perf_counter() - started}
        mean, std = (truth[train].mean(), truth[train].std()) if regression else (0.0, 1.0)
        y = ((truth[train] - mean) / std).astype(np.float32) if regression else truth[train]
        for engine, fit in (("keras", keras_outputs), ("sklearn", sklearn_outputs)):
            started = time.perf_counter()
            for seed in seeds:
                outputs = fit(x, y, held, 1 if regression else len(labels), epochs, batch, seed)
                found[engine].append((seed, scores(outputs * std + mean, truth[test], labels)))
            seconds[engine] = time.perf_counter() - started
        # For comparison by hand: fits, outputs and scores of all seeds; no part of what is committed.
        print(name, "fold", fold, ", ".join(f"{part} {took:.1f} s" for part, took in seconds.items()), flush=True)
    summary = {}
    for engine, results in found.items():
        summary[engine] = {}
        for metric in results[0][1]:
            means = [np.mean([r[metric] for s, r in results if s == seed]) for seed in seeds]
            summary[engine][metric] = {"mean": float(np.mean(means)), "std_of_seeds": float(np.std(means)), "seeds": len(means)}
    return {"rows": len(truth), "folds": int(fold_of.max()) + 1, **summary}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    names = sys.argv[2:] or sorted(path.stem for path in folder.glob("*.json"))
    file = here / "scores.json"
    result = json.loads(file.read_text()) if file.exists() else {"examples": {}}
    result["versions"] = {
        "scikit-learn": sklearn.__version__, "keras": keras.__version__, "jax": jax.__version__, "numpy": np.__version__,
    }
    for name in names:
        result["examples"][name] = run(folder, name)
        file.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")
