"""Scores of scikit-learn on data/topics.csv, on the folds of Rookery: scores.json beside this file.

Pinned: scikit-learn==1.9.1, numpy==2.4.6. Run from the root of the repository:
  node tests/golden/topics/export.mjs <file> && python tests/golden/topics/generate.py <file>

Features are standardised on the training rows of each fold. Two models: a logistic regression for each label alone, and the
default network of an event (10 relu, 8 relu, a sigmoid for each label; SGD without momentum, 100 epochs of batches of 32) with
the learning rate 0.05, with several seeds. scikit-learn's loss is the sum over the labels, Rookery's the mean: a fifth of the
rate here. A label is predicted where its probability is above 0.5. Scores are means over the folds.
"""

import csv
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert np.__version__ == "2.4.6", np.__version__
warnings.filterwarnings("ignore")

HERE = Path(__file__).parent
with open(HERE.parent.parent.parent / "data" / "topics.csv", newline="") as file:
    TABLE = np.array(list(csv.reader(file))[1:], dtype=float)
X, Y = TABLE[:, :-5], TABLE[:, -5:].astype(int)
FOLDS = np.array(json.loads(Path(sys.argv[1]).read_text()))


def scores(truth, probabilities):
    predicted = (probabilities > 0.5).astype(int)
    found = {"subset_accuracy": m.accuracy_score(truth, predicted), "hamming_loss": m.hamming_loss(truth, predicted)}
    for average in ("micro", "macro", "samples"):
        found[f"f1_{average}"] = m.f1_score(truth, predicted, average=average, zero_division=0)
    found["roc_auc_macro"] = m.roc_auc_score(truth, probabilities, average="macro")
    return found


def cross_validated(model):
    folds = []
    for fold in range(FOLDS.max() + 1):
        train, test = FOLDS != fold, FOLDS == fold
        scaler = StandardScaler().fit(X[train])
        fitted = model().fit(scaler.transform(X[train]), Y[train])
        folds.append(scores(Y[test], fitted.predict_proba(scaler.transform(X[test]))))
    return {name: float(np.mean([fold[name] for fold in folds])) for name in folds[0]}


def network(seed):
    return MLPClassifier((10, 8), solver="sgd", momentum=0, alpha=0, learning_rate_init=0.05 / 5, max_iter=100, batch_size=32,
                         tol=0, n_iter_no_change=1000, random_state=seed)


runs = [cross_validated(lambda: network(seed)) for seed in range(5)]
result = {
    "oracle": f"scikit-learn {sklearn.__version__}, NumPy {np.__version__}",
    "generator": "generate.py",
    "rowsOfFolds": np.bincount(FOLDS).tolist(),
    "rowsOfLabelsInFolds": [Y[FOLDS == fold].sum(axis=0).tolist() for fold in range(FOLDS.max() + 1)],
    "logistic": cross_validated(lambda: OneVsRestClassifier(LogisticRegression(max_iter=1000))),
    "network": {name: {"mean": float(np.mean([r[name] for r in runs])), "min": float(np.min([r[name] for r in runs])),
                       "max": float(np.max([r[name] for r in runs]))} for name in runs[0]},
}
(HERE / "scores.json").write_text(json.dumps(result, indent=2) + "\n")
print(json.dumps(result, indent=1))
