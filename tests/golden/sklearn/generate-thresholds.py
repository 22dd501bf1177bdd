"""Makes thresholds.json of this folder: thresholds of single labels with the highest F1.

Pinned: Python 3.11, scikit-learn==1.9.1, numpy==2.4.6. Run from the repository's root:
python tests/golden/sklearn/generate-thresholds.py

The thresholds that can differ are those of precision_recall_curve (a row is predicted at or above one), the F1 of each is f1_score's.
`threshold` is the choice by the rule of libs/tabular among those of the highest F1: halfway to the next lower score (or to 0), nearest to
0.5, then the higher. `best_score` is what TunedThresholdClassifierCV finds where it is given the same candidates.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import f1_score, precision_recall_curve
from sklearn.model_selection import TunedThresholdClassifierCV


class Given(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose one feature is the probability of the positive class."""

    def fit(self, X, y):
        self.classes_ = np.array([0, 1])
        return self

    def predict_proba(self, X):
        return np.column_stack([1 - X[:, 0], X[:, 0]])

    def predict(self, X):
        return (X[:, 0] > 0.5).astype(int)


def case(name, truth, scores, weights=None):
    scores = np.asarray(scores, dtype=np.float32).astype(np.float64)
    _, _, thresholds = precision_recall_curve(truth, scores, sample_weight=weights, drop_intermediate=False)
    found = []
    for threshold in thresholds:
        lower = scores[scores < threshold]
        cut = (threshold + (lower.max() if lower.size else 0)) / 2
        f1 = f1_score(truth, scores >= threshold, sample_weight=weights)
        assert f1 == f1_score(truth, scores > cut, sample_weight=weights)
        found.append((f1, -abs(cut - 0.5), cut))
    best, _, cut = max(found)
    one = {"name": name, "truth": [int(v) for v in truth], "probabilities": scores.tolist(), "threshold": cut, "f1": best}
    if weights is not None:
        # TunedThresholdClassifierCV takes weights only where metadata routing is switched on.
        return {**one, "weights": [float(v) for v in weights]}
    if len(set(scores)) == 1:
        # It refuses those.
        return one
    tuned = TunedThresholdClassifierCV(
        Given().fit(None, None), scoring="f1", cv="prefit", refit=False, thresholds=sorted(c for _, _, c in found))
    tuned.fit(scores[:, None], truth)
    return {**one, "best_score": float(tuned.best_score_)}


def cases():
    rng = np.random.default_rng(23)
    for rows, share, noise, digits in ((40, 0.3, 0.5, 2), (200, 0.1, 0.3, 7), (200, 0.05, 0.9, 2), (500, 0.5, 0.2, 7), (500, 0.9, 0.4, 1),
                                       (3000, 0.2, 0.4, 3)):
        truth = (rng.random(rows) < share).astype(int)
        truth[0] = 1
        scores = np.clip(truth * (1 - noise) * 0.8 + rng.random(rows) * noise, 0, 1).round(digits)
        scores = np.maximum(scores, 0.001)
        yield case(f"{rows} rows, {share} of them positive, {digits} digits", truth, scores)
        yield case(f"{rows} rows, {share} of them positive, {digits} digits, weighted", truth, scores, rng.integers(1, 9, rows) / 4)
    yield case("two thresholds of equal F1", [1, 0, 0, 1], [0.9, 0.8, 0.6, 0.3])
    yield case("all of one probability", [1, 0, 1, 0], [0.4, 0.4, 0.4, 0.4])
    yield case("every row positive", [1, 1, 1], [0.2, 0.7, 0.9])
    yield case("one positive at the end", [0, 0, 0, 1], [0.9, 0.7, 0.5, 0.1])


fixture = {"versions": {"scikit-learn": sklearn.__version__, "numpy": np.__version__}, "cases": list(cases())}
path = pathlib.Path(__file__).parent / "thresholds.json"
path.write_text(json.dumps(fixture) + "\n")
print(len(fixture["cases"]))
