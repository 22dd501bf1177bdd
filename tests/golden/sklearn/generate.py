"""Expected values of libs/tabular from scikit-learn and NumPy.

Oracles: scikit-learn 1.9.1, NumPy 2.4.6 (refuses to run with others).
Run: python tests/golden/sklearn/generate.py   (writes the .json files beside this one; deterministic)
"""

import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.metrics import (
    accuracy_score, balanced_accuracy_score, brier_score_loss, confusion_matrix, explained_variance_score, log_loss,
    max_error, mean_absolute_error, mean_absolute_percentage_error, mean_squared_error, median_absolute_error,
    precision_recall_fscore_support, r2_score, roc_auc_score, root_mean_squared_error,
)
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

assert sklearn.__version__ == '1.9.1', sklearn.__version__
assert np.__version__ == '2.4.6', np.__version__
warnings.filterwarnings('ignore')

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]
HEADER = {'oracle': f'scikit-learn {sklearn.__version__}, NumPy {np.__version__}', 'generator': 'generate.py'}


def write(name, cases):
    body = {'header': HEADER, 'cases': cases}
    (HERE / f'{name}.json').write_text(json.dumps(body, allow_nan=False, separators=(',', ':')) + '\n')
    print(name, len(cases))


def penguins():
    rows = json.loads((ROOT / 'node_modules/vega-datasets/data/penguins.json').read_text())
    def column(key, type_):
        return {'type': type_, 'values': [None if r[key] in (None, '.') else r[key] for r in rows]}
    return {
        'culmen_length_mm': column('Beak Length (mm)', 'numeric'),
        'culmen_depth_mm': column('Beak Depth (mm)', 'numeric'),
        'flipper_length_mm': column('Flipper Length (mm)', 'numeric'),
        'body_mass_g': column('Body Mass (g)', 'numeric'),
        'island': column('Island', 'categorical'),
        'sex': column('Sex', 'categorical'),
        'species': column('Species', 'categorical'),
    }


# --- transformers -------------------------------------------------------------------------------------------------

def as_object(column, rows):
    values = [column['values'][r] for r in rows]
    if column['type'] == 'numeric':
        return np.array([np.nan if v is None else float(v) for v in values]).reshape(-1, 1)
    return np.array([np.nan if v is None else v for v in values], dtype=object).reshape(-1, 1)


def matrix(table, names, rows):
    out = np.empty((len(rows), len(names)), dtype=object)
    for i, name in enumerate(names):
        out[:, i] = as_object(table[name], rows)[:, 0]
    return out


def transformer_case(title, table, train, test, imputer='mean', scaler='standard', features=None, embed=True):
    features = features or list(table)
    numeric = [f for f in features if table[f]['type'] == 'numeric']
    categorical = [f for f in features if table[f]['type'] == 'categorical']
    steps = [('impute', SimpleImputer(strategy=imputer, keep_empty_features=True))]
    if scaler == 'standard':
        steps.append(('scale', StandardScaler()))
    fitted, blocks = {'numeric': [], 'categorical': []}, []
    if numeric:
        pipe = Pipeline(steps)
        x = matrix(table, numeric, train).astype(float)
        pipe.fit(x)
        blocks.append(pipe.transform(matrix(table, numeric, test).astype(float)))
        for i, name in enumerate(numeric):
            fitted['numeric'].append({
                'column': name,
                'fill': float(pipe['impute'].statistics_[i]) if not np.isnan(pipe['impute'].statistics_[i]) else 0.0,
                'mean': float(pipe['scale'].mean_[i]) if scaler == 'standard' else 0.0,
                'scale': float(pipe['scale'].scale_[i]) if scaler == 'standard' else 1.0,
            })
    if categorical:
        pipe = Pipeline([
            ('impute', SimpleImputer(strategy='most_frequent')),
            ('encode', OneHotEncoder(handle_unknown='ignore', sparse_output=False)),
        ])
        pipe.fit(matrix(table, categorical, train))
        blocks.append(pipe.transform(matrix(table, categorical, test)))
        for i, name in enumerate(categorical):
            fitted['categorical'].append({
                'column': name,
                'fill': pipe['impute'].statistics_[i],
                'categories': list(pipe['encode'].categories_[i]),
            })
    return {
        'title': title,
        'table': table if embed else 'penguins',
        'features': features, 'numericImputer': imputer, 'scaler': scaler,
        'train': [int(r) for r in train], 'test': [int(r) for r in test],
        'fitted': fitted,
        'width': int(sum(b.shape[1] for b in blocks)),
        'output': [float(v) for v in np.hstack(blocks).ravel()],
    }


def random_table(rng, rows, numeric, categorical, missing, levels=4):
    table = {}
    for i in range(numeric):
        v = np.round(rng.normal(rng.uniform(-50, 50), rng.uniform(0.1, 30), rows), 3)
        table[f'x{i}'] = {'type': 'numeric', 'values': [None if rng.random() < missing else float(a) for a in v]}
    names = ['b', 'a', 'Z', 'é', 'aa', '10', '9']
    for i in range(categorical):
        v = rng.integers(0, levels, rows)
        table[f'c{i}'] = {'type': 'categorical', 'values': [None if rng.random() < missing else names[a] for a in v]}
    return table


def transformer_cases():
    cases = []
    data = penguins()
    features = ['culmen_length_mm', 'culmen_depth_mm', 'flipper_length_mm', 'body_mass_g', 'island', 'sex']
    for imputer in ('mean', 'median'):
        for fold, (train, test) in enumerate(KFold(5).split(np.arange(344))):
            cases.append(transformer_case(f'penguins, fold {fold}, {imputer}', data, train, test, imputer,
                                          features=features, embed=False))
    everything = np.arange(344)
    cases.append(transformer_case('penguins, all rows, features in another order', data, everything, everything,
                                  features=['sex', 'body_mass_g', 'island', 'culmen_depth_mm'], embed=False))
    rng = np.random.default_rng(7)
    for i in range(8):
        table = random_table(rng, 60, 3, 2, [0, 0.1, 0.4, 0.7][i % 4])
        order = rng.permutation(60)
        cases.append(transformer_case(f'random table {i}', table, order[:40], order[40:],
                                      ['mean', 'median'][i % 2], ['standard', 'standard', 'none'][i % 3]))
    def special(title, values, **kw):
        table = {'x': {'type': 'numeric', 'values': values}}
        rows = range(len(values))
        cases.append(transformer_case(title, table, rows, rows, **kw))
    special('constant column: scale 1', [3.5] * 7)
    special('constant column with rounding noise: scale 1', [0.1 + 0.2, 0.3, 0.3, 0.1 + 0.2, 0.3, 0.3])
    special('constant after imputation', [2.0, None, 2.0, None])
    special('no value at all: filled with 0', [None, None, None])
    special('one row', [42.0])
    special('large offset, small spread', [1e9 + i * 1e-3 for i in range(20)])
    special('large magnitudes', [1e300, -1e300, 2e299, None, 5e299], imputer='median', scaler='none')
    special('small magnitudes', [1e-200, 3e-200, None, 2e-200])
    def categories(title, values, train):
        table = {'c': {'type': 'categorical', 'values': values}}
        cases.append(transformer_case(title, table, train, range(len(values))))
    categories('tie of the most frequent: the smallest', ['b', 'a', 'b', 'a', None, 'c'], range(6))
    categories('category unknown to the training rows: zeros', ['a', 'b', 'a', 'new', None], range(3))
    categories('sorted by code point', ['\U0001F427', '\uFB01', 'z', 'Z', 'é', '10', '9', ' '], range(8))
    write('transformers', cases)
    (HERE / 'penguins.json').write_text(json.dumps(data, separators=(',', ':')) + '\n')


# --- metrics ------------------------------------------------------------------------------------------------------

def classification_case(title, truth, p):
    truth, p = np.asarray(truth), np.asarray(p, dtype=float)
    k = p.shape[1]
    labels = list(range(k))
    predicted = p.argmax(axis=1)
    expected = {
        'accuracy': accuracy_score(truth, predicted),
        'balanced_accuracy': balanced_accuracy_score(truth, predicted),
        'log_loss': log_loss(truth, p, labels=labels),
        'brier': brier_score_loss(truth, p[:, 1], labels=labels) if k == 2 else brier_score_loss(truth, p, labels=labels),
    }
    for average in ('macro', 'weighted'):
        values = precision_recall_fscore_support(truth, predicted, average=average, zero_division=0)
        for name, value in zip(('precision', 'recall', 'f1'), values[:3]):
            expected[f'{name}_{average}'] = value
    if len(set(truth)) == k:
        expected['roc_auc'] = roc_auc_score(truth, p[:, 1]) if k == 2 else roc_auc_score(truth, p, multi_class='ovr')
    per_class = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    if k == 2:
        for name, values in zip(('precision', 'recall', 'f1'), per_class[:3]):
            expected[name] = values[1]
    return {
        'title': title, 'labels': k, 'truth': truth.tolist(), 'probabilities': p.ravel().tolist(),
        'metrics': {name: float(value) for name, value in expected.items()},
        'perClass': [[float(v) for v in values] for values in zip(*per_class)],
        'confusion': confusion_matrix(truth, predicted, labels=labels).tolist(),
    }


def classification_cases():
    rng = np.random.default_rng(11)
    cases = []
    for k in (2, 3, 5):
        for rows in (12, 57, 200):
            logits = rng.normal(0, 1, (rows, k))
            truth = rng.integers(0, k, rows)
            truth[:k] = range(k)
            logits[np.arange(rows), truth] += 1
            p = np.exp(logits)
            p /= p.sum(axis=1, keepdims=True)
            cases.append(classification_case(f'{k} classes, {rows} rows', truth, p))
            if rows == 57:
                q = np.round(p * 8) / 8 + 1e-9
                cases.append(classification_case(f'{k} classes, tied scores', truth, q / q.sum(axis=1, keepdims=True)))
    cases.append(classification_case('certain and wrong', [0, 1, 1, 0], [[1, 0], [0, 1], [1, 0], [0, 1]]))
    cases.append(classification_case('a class never predicted', [0, 1, 2, 2, 0], [[.8, .1, .1], [.2, .7, .1], [.5, .3, .2], [.4, .4, .2], [.9, .05, .05]]))
    cases.append(classification_case('a class without rows', [0, 1, 1, 0], [[.8, .1, .1], [.2, .7, .1], [.1, .6, .3], [.5, .4, .1]]))
    cases.append(classification_case('a class without rows is predicted', [0, 1, 1, 0], [[.8, .1, .1], [.2, .1, .7], [.1, .6, .3], [.5, .4, .1]]))
    write('classification', cases)


def regression_cases():
    rng = np.random.default_rng(13)
    def case(title, truth, predictions):
        truth, predictions = np.asarray(truth, float), np.asarray(predictions, float)
        metrics = {
            'mae': mean_absolute_error(truth, predictions), 'mse': mean_squared_error(truth, predictions),
            'rmse': root_mean_squared_error(truth, predictions), 'mape': mean_absolute_percentage_error(truth, predictions),
            'median_absolute_error': median_absolute_error(truth, predictions), 'max_error': max_error(truth, predictions),
            'r2': r2_score(truth, predictions), 'explained_variance': explained_variance_score(truth, predictions),
        }
        metrics = {name: float(value) for name, value in metrics.items() if not np.isnan(value)}
        return {'title': title, 'truth': truth.tolist(), 'predictions': predictions.tolist(), 'metrics': metrics}
    cases = []
    for rows, offset in ((5, 0), (50, 100), (201, -7), (300, 1e4)):
        truth = rng.normal(offset, 10, rows)
        cases.append(case(f'{rows} rows around {offset}', truth, truth + rng.normal(1, 3, rows)))
    cases.append(case('constant truth', [2, 2, 2], [1, 2, 3]))
    cases.append(case('constant truth, met', [2, 2, 2], [2, 2, 2]))
    cases.append(case('one row', [2], [1]))
    cases.append(case('zero truth: mape is huge, not infinite', [0, 1, -1], [0.5, 1, -2]))
    write('regression', cases)


# --- folds --------------------------------------------------------------------------------------------------------

def fold_cases():
    rng = np.random.default_rng(17)
    cases = []
    def stratified(title, codes, k):
        codes = np.asarray(codes)
        splitter = StratifiedKFold(k)
        classes = int(codes.max()) + 1
        tests = [test for _, test in splitter.split(np.zeros(len(codes)), codes)]
        shuffled = [test for _, test in StratifiedKFold(k, shuffle=True, random_state=3).split(np.zeros(len(codes)), codes)]
        counts = [np.bincount(codes[t], minlength=classes).tolist() for t in tests]
        assert counts == [np.bincount(codes[t], minlength=classes).tolist() for t in shuffled]
        cases.append({'title': title, 'kind': 'stratified', 'codes': codes.tolist(), 'k': k,
                      'tests': [t.tolist() for t in tests], 'counts': counts})
    species = {'Adelie': 0, 'Chinstrap': 1, 'Gentoo': 2}
    codes = [species[s] for s in penguins()['species']['values']]
    for k in (2, 3, 5, 10):
        stratified(f'penguins, {k} folds', codes, k)
    for i in range(8):
        k = int(rng.integers(2, 8))
        codes = rng.integers(0, 4, int(rng.integers(25, 90)))
        codes[codes == 3] = rng.integers(0, 4)
        stratified(f'random classes {i}', codes, k)
    stratified('a class smaller than the folds', [0] * 11 + [1] * 2 + [2] * 7, 5)
    stratified('first seen class is not the smallest code', [2, 0, 2, 1, 1, 0, 2, 2, 0, 1, 2], 3)
    for n, k in ((10, 3), (344, 5), (7, 7), (11, 4)):
        cases.append({'title': f'{n} rows, {k} folds', 'kind': 'plain', 'n': n, 'k': k,
                      'tests': [t.tolist() for _, t in KFold(k).split(np.zeros(n))]})
    write('folds', cases)


# --- column profiles ----------------------------------------------------------------------------------------------

def profile_cases():
    rng = np.random.default_rng(19)
    cases = []
    for title, values in (
        ('normal', np.round(rng.normal(10, 3, 101), 4)), ('few integers', rng.integers(0, 4, 40).astype(float)),
        ('two values', np.array([1.0, 2.0])), ('one value', np.array([5.0])), ('body mass', np.array(
            [v for v in penguins()['body_mass_g']['values'] if v is not None], float)),
    ):
        counts, edges = np.histogram(values, bins=10)
        cases.append({
            'title': title, 'values': values.tolist(), 'mean': float(values.mean()), 'populationStd': float(values.std()),
            'sampleStd': float(values.std(ddof=1)) if len(values) > 1 else None, 'distinct': len(np.unique(values)),
            'quantiles': [float(np.quantile(values, q)) for q in (.05, .25, .5, .75, .95)],
            'histogram': None if len(np.unique(values)) < 2 else {'counts': counts.tolist(), 'edges': edges.tolist()},
        })
    write('profiles', cases)


transformer_cases()
classification_cases()
regression_cases()
fold_cases()
profile_cases()
