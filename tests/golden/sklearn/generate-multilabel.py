"""Expected values of libs/tabular's evaluation of sets of labels (src/metrics/multilabel.ts) and of the folds that spread
them (src/split/label-set-folds.ts).

Oracles: scikit-learn 1.9.1, NumPy 2.4.6, iterative-stratification 0.1.9 (refuses to run with others).
Run: python tests/golden/sklearn/generate-multilabel.py   (writes multilabel.json beside this one; deterministic)

Folds: the package breaks ties by a random state; here by one that always takes the first of equally good ones.
"""

import importlib.metadata
import json
import math
import pathlib
import warnings

import numpy as np
import sklearn
from iterstrat.ml_stratifiers import IterativeStratification
from sklearn import metrics as m

assert sklearn.__version__ == '1.9.1', sklearn.__version__
assert np.__version__ == '2.4.6', np.__version__
STRATIFIER = importlib.metadata.version('iterative-stratification')
assert STRATIFIER == '0.1.9', STRATIFIER
warnings.filterwarnings('ignore')

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(20261123)


class TakesTheFirst:
    """In place of a random state."""

    def choice(self, count, *arguments, **options):
        return 0


def plain(value):
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and math.isnan(value):
        return None
    return value


def evaluation(title, truth, probabilities, threshold, weights):
    rows, labels = truth.shape
    predicted = (probabilities > threshold).astype(int)
    w = {'sample_weight': weights}
    found = {'subset_accuracy': m.accuracy_score(truth, predicted, **w), 'hamming_loss': m.hamming_loss(truth, predicted, **w)}
    for average in ('micro', 'macro', 'weighted', 'samples'):
        p, r, f, _ = m.precision_recall_fscore_support(truth, predicted, average=average, zero_division=0, **w)
        found |= {f'precision_{average}': p, f'recall_{average}': r, f'f1_{average}': f}
    whole = all(truth.sum(axis=0) > 0)
    for average in ('micro', 'macro', 'weighted'):
        # A label without a row has no weight, so the weighted average does without it.
        defined = whole or average != 'macro'
        if defined and (average == 'micro' or all(truth.sum(axis=0) < rows)):
            found[f'roc_auc_{average}'] = m.roc_auc_score(truth, probabilities, average=average, **w)
        if defined:
            found[f'pr_auc_{average}'] = m.average_precision_score(truth, probabilities, average=average, **w)
    each = [(truth[:, k], probabilities[:, k]) for k in range(labels)]
    found['log_loss'] = np.mean([m.log_loss(y, p, labels=[0, 1], **w) for y, p in each])
    found['brier'] = np.mean([m.brier_score_loss(y, p, labels=[0, 1], **w) for y, p in each])
    p, r, f, support = m.precision_recall_fscore_support(truth, predicted, average=None, zero_division=0, **w)
    for k, (y, scores) in enumerate(each):
        if support[k] + np.average(predicted[:, k], weights=weights) > 0:
            found |= {f'precision_of_l{k}': p[k], f'recall_of_l{k}': r[k], f'f1_of_l{k}': f[k]}
        if y.any():
            found[f'pr_auc_of_l{k}'] = m.average_precision_score(y, scores, **w)
            if not y.all():
                found[f'roc_auc_of_l{k}'] = m.roc_auc_score(y, scores, **w)
    confusion = [matrix.ravel() for matrix in m.multilabel_confusion_matrix(truth, predicted)]
    return {'title': title, 'labels': labels, 'threshold': threshold, 'truth': truth.ravel(), 'weights': weights,
            'probabilities': probabilities.ravel(), 'metrics': found, 'confusion': confusion}


EVALUATIONS = []
for title, rows, labels, share in [('five labels', 60, 5, 0.4), ('two labels', 20, 2, 0.5), ('many rare labels', 80, 12, 0.08), ('one row', 1, 3, 0.5),
                                   ('a label that no row has', 30, 3, 0.4), ('a label that every row has', 30, 3, 0.4)]:
    for threshold in (0.5, 0.25, 0.8):
        for weighted in (False, True):
            truth = (rng.random((rows, labels)) < share).astype(int)
            if 'no row' in title:
                truth[:, 1] = 0
            if 'every row' in title:
                truth[:, 1] = 1
            if rows == 1:
                truth[0] = [0, 1, 1]
            probabilities = np.round(np.clip(0.5 * truth + rng.random(truth.shape) * 0.7 - 0.1, 0, 1), 3)
            weights = np.round(rng.gamma(2, 1, rows) + 0.01, 4) if weighted else None
            name = f'{title}, above {threshold}{", weighted" if weighted else ""}'
            EVALUATIONS.append(evaluation(name, truth, probabilities, threshold, weights))

FOLDS = []
for title, rows, labels, share, folds in [('dense', 100, 5, 0.5, 5), ('sparse', 120, 8, 0.05, 4), ('hardly any row', 7, 3, 0.5, 3), ('two folds', 41, 6, 0.3, 2),
                                          ('no labels at all', 11, 2, 0.0, 3), ('uneven labels', 150, 6, None, 10)]:
    shares = np.array([0.9, 0.5, 0.3, 0.1, 0.05, 0.02]) if share is None else share
    flags = rng.random((rows, labels)) < shares
    fold = IterativeStratification(flags, np.full(folds, 1 / folds), TakesTheFirst())
    FOLDS.append({'title': title, 'rows': rows, 'labels': labels, 'folds': folds, 'flags': flags.astype(int).ravel(), 'fold': fold})

body = {
    'header': {'oracle': f'scikit-learn {sklearn.__version__}, NumPy {np.__version__}, iterative-stratification {STRATIFIER}',
               'generator': 'generate-multilabel.py'},
    'evaluations': plain(EVALUATIONS), 'folds': plain(FOLDS),
}
(HERE / 'multilabel.json').write_text(json.dumps(body, allow_nan=False, separators=(',', ':')) + '\n')
print(len(EVALUATIONS), len(FOLDS))
