"""Expected values of libs/tabular's metrics and streaming statistics (src/metrics, src/stream) from scikit-learn and SciPy.

Oracles: scikit-learn 1.9.1, NumPy 2.4.6, SciPy 1.17.1 (refuses to run with others).
Run: python tests/golden/sklearn/generate-metrics.py   (writes class-metrics.json, multilabel-metrics.json, ranking-metrics.json,
probability-metrics.json, regression-metrics.json and moments.json beside this one; deterministic)
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from sklearn import metrics as m
from sklearn.calibration import calibration_curve
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight

assert sklearn.__version__ == '1.9.1', sklearn.__version__
assert np.__version__ == '2.4.6', np.__version__
assert scipy.__version__ == '1.17.1', scipy.__version__
warnings.filterwarnings('ignore')

HERE = pathlib.Path(__file__).parent
HEADER = {
    'oracle': f'scikit-learn {sklearn.__version__}, NumPy {np.__version__}, SciPy {scipy.__version__}',
    'generator': 'generate-metrics.py',
}
NAN = float('nan')
rng = np.random.default_rng(20260202)


def plain(value):
    """JSON of a number or array: NaN is null, infinity 'Infinity'."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(v) for v in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return None if math.isnan(value) else 'Infinity' if math.isinf(value) else value
    return value


def write(name, cases):
    body = {'header': HEADER, 'cases': plain(cases)}
    (HERE / f'{name}.json').write_text(json.dumps(body, allow_nan=False, separators=(',', ':')) + '\n')
    print(name, len(cases))


def weights_of(n, kind):
    if kind == 'none':
        return None
    if kind == 'whole':
        return rng.integers(0, 4, n).astype(float)
    return np.round(rng.gamma(2, 1, n), 4)


# --- classes ------------------------------------------------------------------------------------------------------

CLASS = []
AVERAGES = ['micro', 'macro', 'weighted']
SETS = [
    ('binary', 2, rng.integers(0, 2, 40), None),
    ('three classes', 3, rng.integers(0, 3, 60), None),
    ('five classes, skewed', 5, np.minimum(rng.geometric(0.5, 80) - 1, 4), None),
    ('a class never predicted', 3, np.array([0, 1, 2, 2, 1, 0, 2]), np.array([0, 1, 1, 0, 1, 0, 0])),
    ('a class only predicted', 4, np.array([0, 1, 1, 0]), np.array([0, 3, 1, 3])),
    ('perfect', 3, np.array([0, 1, 2, 1]), np.array([0, 1, 2, 1])),
    ('all wrong', 2, np.array([0, 1, 0, 1]), np.array([1, 0, 1, 0])),
    ('one class', 2, np.array([1, 1, 1]), np.array([1, 1, 1])),
    ('constant predictions', 2, np.array([0, 1, 1]), np.array([1, 1, 1])),
]
for title, classes, truth, predicted in SETS:
    if predicted is None:
        predicted = np.where(rng.random(len(truth)) < 0.6, truth, rng.integers(0, classes, len(truth)))
    for kind in ['none', 'whole', 'real']:
        w = weights_of(len(truth), kind)
        if w is not None and w.sum() == 0:
            continue
        if title in ('one class', 'perfect', 'all wrong') and kind == 'whole':
            w = np.arange(1.0, len(truth) + 1)
        arguments = {'sample_weight': w}
        scores = {}
        for zero in [0, 1, NAN]:
            for beta in [1.0, 0.5]:
                options = {'zeroDivision': zero, 'beta': beta}
                p, r, f, s = m.precision_recall_fscore_support(truth, predicted, beta=beta, zero_division=zero, **arguments)
                entry = {'options': options, 'each': {'precision': p, 'recall': r, 'fscore': f, 'support': s}, 'averages': {}}
                for average in AVERAGES:
                    entry['averages'][average] = m.precision_recall_fscore_support(
                        truth, predicted, beta=beta, zero_division=zero, average=average, **arguments)[:3]
                scores[f'{zero} {beta}'] = entry
        jaccard = {a: m.jaccard_score(truth, predicted, average=a, zero_division=0, **arguments) for a in AVERAGES}
        binary = None
        if classes == 2 and title != 'one class':
            binary = m.precision_recall_fscore_support(truth, predicted, average='binary', **arguments)[:3]
        CLASS.append({
            'title': f'{title}, weights {kind}', 'classes': classes, 'truth': truth, 'predicted': predicted, 'weights': w,
            'labels': sorted(set(truth.tolist()) | set(predicted.tolist())),
            'confusion': m.confusion_matrix(truth, predicted, labels=range(classes), **arguments).astype(float),
            'accuracy': m.accuracy_score(truth, predicted, **arguments), 'zeroOne': m.zero_one_loss(truth, predicted, **arguments),
            'balanced': m.balanced_accuracy_score(truth, predicted, **arguments),
            'adjusted': m.balanced_accuracy_score(truth, predicted, adjusted=True, **arguments) if len(set(truth)) > 1 else None,
            'mcc': m.matthews_corrcoef(truth, predicted, **arguments),
            'kappa': m.cohen_kappa_score(truth, predicted, **arguments),
            'kappaLinear': m.cohen_kappa_score(truth, predicted, weights='linear', **arguments),
            'kappaQuadratic': m.cohen_kappa_score(truth, predicted, weights='quadratic', **arguments),
            'scores': list(scores.values()), 'jaccard': jaccard, 'binary': binary,
            'classWeights': compute_class_weight('balanced', classes=np.unique(truth), y=truth), 'sampleWeights': compute_sample_weight('balanced', truth),
        })
write('class-metrics', CLASS)

# --- multi-label --------------------------------------------------------------------------------------------------

MULTI = []
for title, rows, labels, share in [('four labels', 30, 4, 0.4), ('rare labels', 25, 6, 0.1), ('two labels', 15, 2, 0.5), ('one row', 1, 3, 0.5)]:
    truth = (rng.random((rows, labels)) < share).astype(int)
    predicted = np.where(rng.random(truth.shape) < 0.7, truth, 1 - truth)
    if title == 'rare labels':
        truth[:, 5] = 0
        predicted[:, 5] = 0
    probability = np.round(np.clip(0.5 * truth + rng.random(truth.shape) * 0.6, 0, 1), 3)
    for kind in ['none', 'real']:
        w = weights_of(rows, kind)
        arguments = {'sample_weight': w}
        case = {'title': f'{title}, weights {kind}', 'labels': labels, 'truth': truth.ravel(), 'predicted': predicted.ravel(), 'weights': w,
                'hamming': m.hamming_loss(truth, predicted, **arguments), 'subset': m.accuracy_score(truth, predicted, **arguments),
                'scores': [], 'probabilities': probability.ravel()}
        for zero in [0, 1, NAN]:
            averages = {a: m.precision_recall_fscore_support(truth, predicted, average=a, zero_division=zero, **arguments)[:3]
                        for a in [*AVERAGES, 'samples']}
            p, r, f, s = m.precision_recall_fscore_support(truth, predicted, zero_division=zero, **arguments)
            case['scores'].append({'zeroDivision': zero, 'averages': averages, 'each': {'precision': p, 'recall': r, 'fscore': f, 'support': s}})
        case['jaccard'] = {a: m.jaccard_score(truth, predicted, average=a, zero_division=0, **arguments) for a in [*AVERAGES, 'samples']}
        if rows > 1:
            case['auc'] = {a: m.roc_auc_score(truth, probability, average=a, **arguments) for a in AVERAGES}
            case['averagePrecision'] = {a: m.average_precision_score(truth, probability, average=a, **arguments) for a in AVERAGES}
        MULTI.append(case)
write('multilabel-metrics', MULTI)

# --- ranking ------------------------------------------------------------------------------------------------------

RANKING = []
for title, positive, scores in [
    ('continuous', rng.random(50) < 0.4, rng.random(50)), ('ties', rng.random(60) < 0.5, np.round(rng.random(60), 1)),
    ('perfect', np.array([False, False, True, True]), np.array([0.1, 0.2, 0.8, 0.9])), ('reversed', np.array([True, False]), np.array([0.1, 0.9])),
    ('all equal', np.array([True, False, True]), np.full(3, 0.5)), ('one class', np.ones(4, bool), rng.random(4)),
    ('no positives', np.zeros(4, bool), rng.random(4)), ('negative scores', rng.random(30) < 0.3, rng.normal(0, 3, 30)),
]:
    for kind in ['none', 'whole', 'real']:
        w = weights_of(len(positive), kind)
        if w is not None and w.sum() == 0:
            continue
        if kind == 'whole' and len(positive) < 5:
            w = np.arange(1.0, len(positive) + 1)
        both = len(set(positive.tolist())) == 2
        case = {'title': f'{title}, weights {kind}', 'positive': positive.astype(int), 'scores': scores, 'weights': w,
                'averagePrecision': m.average_precision_score(positive.astype(int), scores, sample_weight=w),
                'auc': m.roc_auc_score(positive, scores, sample_weight=w) if both else None,
                'partial': [[f, m.roc_auc_score(positive, scores, sample_weight=w, max_fpr=f)] for f in (0.1, 0.3, 0.75)] if both else []}
        fpr, tpr, t = m.roc_curve(positive.astype(int), scores, pos_label=1, sample_weight=w, drop_intermediate=False)
        p, r, t2 = m.precision_recall_curve(positive.astype(int), scores, pos_label=1, sample_weight=w)
        case['roc'] = {'fpr': fpr, 'tpr': tpr, 'thresholds': t}
        case['pr'] = {'precision': p, 'recall': r, 'thresholds': t2}
        RANKING.append(case)
write('ranking-metrics', RANKING)

# --- probabilities ------------------------------------------------------------------------------------------------

PROBABILITY = []
for title, classes, n in [('binary', 2, 50), ('three classes', 3, 60), ('six classes', 6, 120), ('certain', 3, 9), ('ties', 4, 40)]:
    truth = np.concatenate([np.arange(classes), rng.integers(0, classes, n - classes)])
    p = rng.dirichlet(np.ones(classes), n) * 0.5 + 0.5 * np.eye(classes)[np.where(rng.random(n) < 0.6, truth, rng.integers(0, classes, n))]
    if title == 'certain':
        p = np.eye(classes)[rng.permutation(truth)]
    if title == 'ties':
        p = np.eye(classes)[rng.integers(0, classes, n)] * 0.5 + 0.125
    for kind in ['none', 'whole', 'real']:
        w = weights_of(n, kind)
        arguments = {'sample_weight': w, 'labels': np.arange(classes)}
        case = {'title': f'{title}, weights {kind}', 'classes': classes, 'truth': truth, 'probabilities': p.ravel(), 'weights': w,
                'logLoss': m.log_loss(truth, p, **arguments), 'brier': m.brier_score_loss(truth, p, **arguments),
                'brierFull': m.brier_score_loss(truth, p, scale_by_half=False, **arguments)}
        if classes > 2:
            case['ovr'] = {a: m.roc_auc_score(truth, p, multi_class='ovr', average=a, **arguments) for a in AVERAGES}
            if w is None:
                case['ovo'] = {a: m.roc_auc_score(truth, p, multi_class='ovo', average=a, labels=np.arange(classes)) for a in ['macro', 'weighted']}
            case['averagePrecision'] = {a: m.average_precision_score(truth, p, average=a, sample_weight=w) for a in AVERAGES}
            case['topK'] = [[k, m.top_k_accuracy_score(truth, p, k=k, **arguments)] for k in (1, 2)]
        elif w is None:
            case['calibration'] = []
            for strategy in ['uniform', 'quantile']:
                for bins in [5, 10]:
                    observed, predicted = calibration_curve(truth, p[:, 1], n_bins=bins, strategy=strategy)
                    case['calibration'].append({'strategy': strategy, 'bins': bins, 'observed': observed, 'predicted': predicted})
        PROBABILITY.append(case)
edges = np.round(np.arange(44) % 11 / 10, 1)
truth = (np.arange(44) * 7 % 11 < 5).astype(int)
p = np.column_stack([1 - edges, edges])
PROBABILITY.append({
    'title': 'probabilities on the edges of bins', 'classes': 2, 'truth': truth, 'probabilities': p.ravel(), 'weights': None,
    'logLoss': m.log_loss(truth, p), 'brier': m.brier_score_loss(truth, edges), 'brierFull': 2 * m.brier_score_loss(truth, edges),
    'calibration': [{'strategy': strategy, 'bins': bins, 'observed': o, 'predicted': q} for strategy in ['uniform', 'quantile'] for bins in [2, 5, 10]
                    for o, q in [calibration_curve(truth, edges, n_bins=bins, strategy=strategy)]],
})
write('probability-metrics', PROBABILITY)

# --- regression ---------------------------------------------------------------------------------------------------

REGRESSION = []
for title, truth, predicted in [
    ('normal', rng.normal(10, 3, 40), None), ('positive', rng.gamma(2, 5, 50), rng.gamma(2, 5, 50)), ('large offset', 1e6 + rng.normal(0, 1, 30), None),
    ('constant truth', np.full(6, 3.0), np.array([3.0, 3, 4, 2, 3, 3])), ('perfect constant', np.full(4, 2.5), np.full(4, 2.5)),
    ('zeros in truth', np.array([0.0, 1, 0, -1, 2]), np.array([0.5, 1, 0, -2, 2])), ('one row', np.array([2.0]), np.array([3.0])),
    ('ties', rng.integers(0, 5, 21).astype(float), rng.integers(0, 5, 21).astype(float)),
]:
    predicted = truth + rng.normal(0, 1, len(truth)) if predicted is None else predicted
    for kind in ['none', 'whole', 'real']:
        w = weights_of(len(truth), kind)
        if w is not None and w.sum() == 0:
            w = np.ones(len(truth))
        if title == 'constant truth' and kind == 'real':
            continue  # The weighted mean of a constant is off by a rounding here, and r2 becomes −1e30.
        arguments = {'sample_weight': w}
        logs = bool((truth > -1).all() and (predicted > -1).all())
        # The deviance of numbers near 1e6 is all cancellation, in every implementation.
        positive = bool((truth > 0).all() and (predicted > 0).all() and truth.max() < 1e5)
        REGRESSION.append({
            'title': f'{title}, weights {kind}', 'truth': truth, 'predictions': predicted, 'weights': w,
            'scores': {
                'mae': m.mean_absolute_error(truth, predicted, **arguments), 'mse': m.mean_squared_error(truth, predicted, **arguments),
                'rmse': m.root_mean_squared_error(truth, predicted, **arguments),
                'mape': m.mean_absolute_percentage_error(truth, predicted, **arguments),
                'medianAbsoluteError': m.median_absolute_error(truth, predicted, **arguments), 'maxError': m.max_error(truth, predicted),
                'r2': m.r2_score(truth, predicted, **arguments), 'explainedVariance': m.explained_variance_score(truth, predicted, **arguments),
                'msle': m.mean_squared_log_error(truth, predicted, **arguments) if logs else NAN,
                'rmsle': m.root_mean_squared_log_error(truth, predicted, **arguments) if logs else NAN,
            },
            'pinball': [[a, m.mean_pinball_loss(truth, predicted, alpha=a, **arguments)] for a in (0.1, 0.5, 0.9)],
            'tweedie': [[p, m.mean_tweedie_deviance(truth, predicted, power=p, **arguments)] for p in ((-1, 0, 1, 1.5, 2, 3) if positive else (0,))],
        })
write('regression-metrics', REGRESSION)

# --- moments ------------------------------------------------------------------------------------------------------

MOMENTS = []
for title, values in [('normal', rng.normal(5, 2, 200)), ('skewed', rng.gamma(1, 4, 200)), ('two values', np.array([1.0, 4.0])), ('heavy tails', rng.standard_t(3, 300)),
                      ('offset', 1e4 + rng.random(100))]:
    MOMENTS.append({'title': title, 'values': values, 'mean': values.mean(), 'populationVariance': values.var(), 'sampleVariance': values.var(ddof=1),
                    'skewness': stats.skew(values), 'kurtosis': stats.kurtosis(values)})
write('moments', MOMENTS)
