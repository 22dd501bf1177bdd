"""Expected values of libs/tabular's transformers and splits (src/preprocess, src/split) from scikit-learn.

Oracles: scikit-learn 1.9.1, NumPy 2.4.6, SciPy 1.17.1, pandas 3.1.1, mpmath 1.3.0 (refuses to run with others).
Run: python tests/golden/sklearn/generate-transformers.py   (writes steps.json, target-encoders.json, column-transformers.json,
power-lambdas.json and splits.json beside this one; deterministic)
"""

import json
import math
import pathlib
import warnings

import mpmath
import numpy as np
import pandas as pd
import scipy
import sklearn
from scipy import stats
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    GroupKFold, KFold, PredefinedSplit, RepeatedStratifiedKFold, ShuffleSplit, StratifiedGroupKFold, StratifiedKFold,
    StratifiedShuffleSplit, TimeSeriesSplit,
)
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    LabelEncoder, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PowerTransformer, QuantileTransformer, RobustScaler,
    StandardScaler, TargetEncoder,
)

assert sklearn.__version__ == '1.9.1', sklearn.__version__
assert np.__version__ == '2.4.6', np.__version__
assert scipy.__version__ == '1.17.1', scipy.__version__
assert mpmath.__version__ == '1.3.0', mpmath.__version__
assert pd.__version__ == '3.1.1', pd.__version__
warnings.filterwarnings('ignore')

HERE = pathlib.Path(__file__).parent
HEADER = {
    'oracle': f'scikit-learn {sklearn.__version__}, NumPy {np.__version__}, SciPy {scipy.__version__}, pandas {pd.__version__}, mpmath {mpmath.__version__}',
    'generator': 'generate-transformers.py',
}
NAN = float('nan')
rng = np.random.default_rng(20260101)


def write(name, cases):
    body = {'header': HEADER, 'cases': cases}
    (HERE / f'{name}.json').write_text(json.dumps(body, allow_nan=False, separators=(',', ':')) + '\n')
    print(name, len(cases))


def plain(value):
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, bool):  # Indicators among strings
        return float(value)
    return value


def frame(columns):
    """A DataFrame: lists with strings as object columns, others as float64; None is missing."""
    out = {}
    for name, values in columns.items():
        text = any(isinstance(v, str) for v in values)
        out[name] = pd.Series([NAN if v is None else v for v in values], dtype=object if text else 'float64')
    return pd.DataFrame(out)


def table(columns, like=None):
    out = {}
    for name, values in columns.items():
        text = any(isinstance(v, str) for v in ((like or {}).get(name) or values)) or any(isinstance(v, str) for v in values)
        out[name] = {'type': 'categorical' if text else 'numeric', 'values': [plain(v) for v in values]}
    return out


def cells(matrix):
    """Columns; numbers among strings (infrequent_sklearn) as text, but for 0 and 1 of indicators."""
    matrix = np.asarray(matrix)
    columns = [[plain(v) for v in matrix[:, j]] for j in range(matrix.shape[1])]
    return [[str(v) if isinstance(v, float) and any(isinstance(o, str) for o in c) else v for v in c] for c in columns]


STEPS = []


def step(title, spec, estimator, train, test=None, inverse=True):
    """Fit on train, transform test (default: train); a fit or transform that raises is a case, too."""
    test = train if test is None else test
    case = {'title': f"{spec['kind']}: {title}", 'spec': spec, 'train': table(train), 'test': table(test, train)}
    try:
        estimator.fit(frame(train))
    except (ValueError, TypeError, AttributeError) as error:
        STEPS.append({**case, 'error': 'fit', 'message': str(error)[:80]})
        return
    try:
        test_frame = frame(test)
        for name in test_frame:  # The type of the training column
            if frame(train)[name].dtype == object:
                test_frame[name] = test_frame[name].astype(object)
        output = np.asarray(estimator.transform(test_frame))
    except (ValueError, TypeError, AttributeError) as error:
        STEPS.append({**case, 'error': 'transform', 'message': str(error)[:80]})
        return
    case['names'] = list(estimator.get_feature_names_out())
    case['output'] = cells(output)
    if inverse:
        case['inverse'] = cells(estimator.inverse_transform(output))
    STEPS.append(case)


def numbers(n, missing=0.0, scale=3.0, shift=10.0):
    values = np.round(rng.normal(shift, scale, n), 6).tolist()
    return [None if rng.random() < missing else v for v in values]


def words(n, vocabulary, missing=0.0):
    p = np.arange(len(vocabulary), 0, -1, dtype=float)
    return [None if rng.random() < missing else str(rng.choice(vocabulary, p=p / p.sum())) for _ in range(n)]


N = 37
BASE = {'a': numbers(N), 'b': numbers(N, missing=0.2, scale=100, shift=-50), 'c': np.exp(rng.normal(0, 1.5, N)).round(8).tolist()}
TEST = {'a': numbers(12, missing=0.1), 'b': numbers(12, missing=0.2, scale=150, shift=-50), 'c': np.exp(rng.normal(0, 2, 12)).round(8).tolist()}
CONSTANT = {'k': [0.1] * 20, 'z': [0.0] * 20, 'big': [1e15 + 0.25] * 20, 'tiny': [1e-20 * i for i in range(20)]}
EMPTY = {'a': numbers(8), 'none': [None] * 8}
ONE = {'a': [4.5], 'b': [-1.0]}
HUGE = {'h': (1e9 + rng.normal(0, 1, 50)).tolist(), 't': (1e-9 * rng.normal(0, 1, 50)).tolist()}
TIES = {'a': [1.0, 1, 1, 2, 2, 3, 3, 3, 3, 10] * 3, 'b': [0.0] * 15 + [1.0] * 15}

# --- imputers -----------------------------------------------------------------------------------------------------

HOLES = {'a': numbers(N, 0.3), 'b': numbers(N), 'c': [5.0, 5, 3, 3, None, 7, None] + numbers(N - 7, 0.5)}
HOLES_TEST = {'a': [None, 1.0, None, 2.5], 'b': [None, 2.0, 3.0, None], 'c': [1.0, None, None, 4.0]}
for strategy in ['mean', 'median', 'most_frequent', 'constant']:
    for indicator in [False, True]:
        step(f'{strategy}, indicator {indicator}', {'kind': 'simple_imputer', 'strategy': strategy, 'addIndicator': indicator},
             SimpleImputer(strategy=strategy, add_indicator=indicator), HOLES, HOLES_TEST, inverse=indicator)
    for keep in [False, True]:
        step(f'{strategy}, a column without values, keep {keep}',
             {'kind': 'simple_imputer', 'strategy': strategy, 'keepEmptyFeatures': keep, 'addIndicator': True},
             SimpleImputer(strategy=strategy, keep_empty_features=keep, add_indicator=True), EMPTY, {'a': [None, 3.0], 'none': [1.0, None]},
             inverse=False)
step('constant −1.5', {'kind': 'simple_imputer', 'strategy': 'constant', 'fillValue': -1.5},
     SimpleImputer(strategy='constant', fill_value=-1.5), HOLES, HOLES_TEST, inverse=False)
TEXT_HOLES = {'s': ['b', 'a', None, 'b', 'a', 'c', None], 't': ['é', 'z', None, 'Z', None, 'é', 'z']}
step('most frequent string, a tie', {'kind': 'simple_imputer', 'strategy': 'most_frequent'},
     SimpleImputer(strategy='most_frequent'), TEXT_HOLES, {'s': [None, 'q'], 't': [None, 'z']}, inverse=False)
step('constant string', {'kind': 'simple_imputer', 'strategy': 'constant', 'addIndicator': True},
     SimpleImputer(strategy='constant', add_indicator=True), TEXT_HOLES, {'s': [None, 'q'], 't': ['z', None]}, inverse=False)
step('given string', {'kind': 'simple_imputer', 'strategy': 'constant', 'fillValue': 'unknown'},
     SimpleImputer(strategy='constant', fill_value='unknown'), TEXT_HOLES, {'s': [None, 'q'], 't': ['z', None]}, inverse=False)
step('mean of strings', {'kind': 'simple_imputer', 'strategy': 'mean'}, SimpleImputer(), TEXT_HOLES)
step('most frequent number, ties', {'kind': 'simple_imputer', 'strategy': 'most_frequent'}, SimpleImputer(strategy='most_frequent'),
     {'a': [3.0, 1, 3, 1, None, 2], 'b': [-1.0, 0, None, None, 0, -1]}, {'a': [None], 'b': [None]}, inverse=False)

# --- scalers ------------------------------------------------------------------------------------------------------

for label, train, test in [('plain', BASE, TEST), ('constant', CONSTANT, None), ('one row', ONE, {'a': [1.0, 4.5], 'b': [3.0, -1.0]}),
                           ('a column without values', EMPTY, None), ('huge and tiny', HUGE, None), ('ties', TIES, None)]:
    step(label, {'kind': 'standard_scaler'}, StandardScaler(), train, test)
    step(label, {'kind': 'min_max_scaler'}, MinMaxScaler(), train, test)
    step(label, {'kind': 'robust_scaler'}, RobustScaler(), train, test)
step('huge and nearly constant', {'kind': 'standard_scaler'}, StandardScaler(), {'c': [1e8, 1e8 + 1e-7] * 10, 'd': [1e8, 1e8 + 1] * 10})
step('without mean', {'kind': 'standard_scaler', 'withMean': False}, StandardScaler(with_mean=False), BASE, TEST)
step('without std', {'kind': 'standard_scaler', 'withStd': False}, StandardScaler(with_std=False), BASE, TEST)
step('range −2 to 5', {'kind': 'min_max_scaler', 'featureRange': [-2, 5]}, MinMaxScaler(feature_range=(-2, 5)), BASE, TEST)
step('clip', {'kind': 'min_max_scaler', 'clip': True}, MinMaxScaler(clip=True), BASE, TEST)
step('an empty range', {'kind': 'min_max_scaler', 'featureRange': [1, 1]}, MinMaxScaler(feature_range=(1, 1)), BASE)
step('range 10 to 90', {'kind': 'robust_scaler', 'quantileRange': [10, 90]}, RobustScaler(quantile_range=(10, 90)), BASE, TEST)
step('unit variance', {'kind': 'robust_scaler', 'unitVariance': True}, RobustScaler(unit_variance=True), BASE, TEST)
step('without centering', {'kind': 'robust_scaler', 'withCentering': False}, RobustScaler(with_centering=False), BASE, TEST)
step('without scaling', {'kind': 'robust_scaler', 'withScaling': False}, RobustScaler(with_scaling=False), BASE, TEST)
step('a reversed range', {'kind': 'robust_scaler', 'quantileRange': [75, 25]}, RobustScaler(quantile_range=(75, 25)), BASE)

# --- quantile and power -------------------------------------------------------------------------------------------

MANY = {'x': rng.gamma(2, 2, 400).tolist(), 'y': rng.integers(0, 7, 400).astype(float).tolist()}
MANY_TEST = {'x': [-1.0, 0.0, 1.0, 3.3, 100.0, None], 'y': [0.0, 3.0, 3.5, 6.0, 7.0, None]}
for dist in ['uniform', 'normal']:
    for label, train, test, n in [('all rows', BASE, TEST, 1000), ('ten quantiles', MANY, MANY_TEST, 10), ('hundred quantiles', MANY, MANY_TEST, 100),
                                  ('ties', TIES, None, 1000), ('constant', CONSTANT, None, 5), ('one quantile', BASE, TEST, 1)]:
        step(f'{dist}, {label}', {'kind': 'quantile_transformer', 'outputDistribution': dist, 'nQuantiles': n},
             QuantileTransformer(output_distribution=dist, n_quantiles=n, subsample=None), train, test)

POSITIVE = {'g': rng.gamma(2, 3, 60).tolist(), 'l': np.exp(rng.normal(3, 1, 60)).tolist(), 'u': rng.uniform(1000, 1010, 60).tolist(),
            's': (rng.gamma(1, 1e-6, 60) + 1e-12).tolist(), 'm': [None if i % 7 == 0 else float(v) for i, v in enumerate(rng.weibull(1.5, 60) * 50)]}
MIXED = {'n': rng.normal(0, 2, 60).tolist(), 'e': (rng.exponential(5, 60) - 3).tolist(), 'neg': (-rng.gamma(2, 3, 60)).tolist(),
         'big': (rng.normal(0, 1, 60) ** 3 * 1e5).tolist(), 'm': [None if i % 5 == 0 else float(v) for i, v in enumerate(rng.standard_t(3, 60))],
         'k': [2.5] * 60}
LAMBDAS = []


def exact_lambda(method, x, start):
    """λ of the largest likelihood with 60 digits: the root of the likelihood's derivative next to SciPy's λ."""
    mpmath.mp.dps = 60
    logs = [(mpmath.log(mpmath.mpf(v)), 1) if method == 'box-cox' else (mpmath.log1p(abs(mpmath.mpf(v))), 1 if v >= 0 else -1) for v in x.tolist()]
    jacobian = sum(sign * log for log, sign in logs)

    def llf(lam):
        y = []
        for log, sign in logs:
            t = lam if sign > 0 else 2 - lam
            y.append(sign * mpmath.expm1(t * log) / t)
        mean = sum(y) / len(y)
        return -mpmath.mpf(len(y)) / 2 * mpmath.log(sum((v - mean) ** 2 for v in y) / len(y)) + lam * jacobian

    def slope(lam):
        h = mpmath.mpf(10) ** -20
        return (llf(lam + h) - llf(lam - h)) / (2 * h)

    return float(mpmath.findroot(slope, (mpmath.mpf(start) - mpmath.mpf('1e-3'), mpmath.mpf(start) + mpmath.mpf('1e-3')), solver='secant', tol=1e-40))


for method, train in [('box-cox', POSITIVE), ('yeo-johnson', MIXED), ('yeo-johnson', POSITIVE)]:
    fitted = PowerTransformer(method=method, standardize=False).fit(frame(train))
    for name, value in zip(train, fitted.lambdas_):
        x = np.array([v for v in train[name] if v is not None])
        constant = bool(np.all(x == x[0]))
        LAMBDAS.append({
            'title': f'{method} of {name} ({"positive" if train is POSITIVE else "mixed"})', 'method': method, 'values': x.tolist(), 'lambda': float(value),
            'exact': None if constant else exact_lambda(method, x, value),
            # Transforms and inverses at SciPy's own lambda and at special ones.
            'transforms': [{
                'lambda': lam,
                'output': [float(v) for v in (stats.boxcox(x[:8], lam) if method == 'box-cox' else stats.yeojohnson(x[:8], lam))],
            } for lam in [float(value), 0.0, 2.0, -0.5, 1.0]],
        })
step('box-cox of zero', {'kind': 'power_transformer', 'method': 'box-cox'}, PowerTransformer(method='box-cox'), {'a': [0.0, 1.0, 2.0]})
step('box-cox of a constant', {'kind': 'power_transformer', 'method': 'box-cox'}, PowerTransformer(method='box-cox'), {'a': [2.0, 2.0, 2.0]})
step('box-cox transforms a negative number', {'kind': 'power_transformer', 'method': 'box-cox'}, PowerTransformer(method='box-cox'),
     {'a': [1.0, 2.0, 5.0]}, {'a': [-1.0]})
for method, train in [('box-cox', POSITIVE), ('yeo-johnson', MIXED)]:
    for standardize in [True, False]:
        train = {k: v for k, v in train.items() if k not in ('s', 'u', 'big')}
        step(f'{method}, standardize {standardize}', {'kind': 'power_transformer', 'method': method, 'standardize': standardize},
             PowerTransformer(method=method, standardize=standardize), train)

# --- encoders -----------------------------------------------------------------------------------------------------

CITIES = ['lyon', 'oslo', 'rome', 'Kyiv', 'ōita', 'a b']
CATS = {'city': words(N, CITIES), 'flag': words(N, ['no', 'yes']), 'size': [float(v) for v in rng.integers(1, 5, N)], 'only': ['x'] * N}
CATS_TEST = {'city': words(9, CITIES), 'flag': words(9, ['no', 'yes']), 'size': [float(v) for v in rng.integers(1, 5, 9)], 'only': ['x'] * 9}
CATS_NEW = {'city': ['lyon', 'mars', 'oslo'], 'flag': ['maybe', 'no', 'yes'], 'size': [9.0, 1.0, 2.0], 'only': ['y', 'x', 'x']}
CATS_MISSING = {'city': words(N, CITIES, 0.2), 'size': [None if i % 9 == 4 else float(i % 4) for i in range(N)]}
CATS_MISSING_TEST = {'city': [None, 'lyon', 'rome'], 'size': [None, 1.0, 3.0]}
ODD = {'v': [1e-5, 123456789012345680000.0, -0.5, 3.0, 0.1, 1e-4, 1e16, 1234567.875]}
NOISY = {'w': list('aaaaabbbbcccddeeffgh') * 2, 'n': [float(v) for v in [1, 1, 1, 1, 2, 2, 2, 3, 3, 4] * 4]}
NOISY_TEST = {'w': ['a', 'd', 'h', 'q', 'c'], 'n': [1.0, 4.0, 3.0, 9.0, 2.0]}


def one_hot(title, train, test=None, inverse=True, **options):
    spec = {'kind': 'one_hot_encoder'}
    for key, value in options.items():
        spec[''.join(w.title() if i else w for i, w in enumerate(key.split('_')))] = value
    options['categories'] = [[NAN if c is None else c for c in cats] for cats in options['categories']] if 'categories' in options else 'auto'
    step(title, spec, OneHotEncoder(sparse_output=False, **options), train, test, inverse)


one_hot('plain', CATS, CATS_TEST)
one_hot('unknown category, error', CATS, CATS_NEW)
one_hot('unknown category, ignored', CATS, CATS_NEW, handle_unknown='ignore')
one_hot('unknown category, infrequent where it exists', CATS, CATS_NEW, handle_unknown='infrequent_if_exist')
for drop in ['first', 'if_binary']:
    one_hot(f'drop {drop}', CATS, CATS_TEST, drop=drop)
    one_hot(f'drop {drop}, unknown ignored', CATS, CATS_NEW, drop=drop, handle_unknown='ignore')
    one_hot(f'drop {drop}, infrequent', NOISY, {'w': ['a', 'd', 'h'], 'n': [1.0, 4.0, 3.0]}, drop=drop, min_frequency=6)
    one_hot(f'drop {drop}, two outputs by grouping', NOISY, {'w': ['a', 'd', 'h'], 'n': [1.0, 4.0, 3.0]}, drop=drop, max_categories=2)
one_hot('drop given categories', CATS, CATS_TEST, drop=['oslo', 'yes', 2.0, 'x'])
one_hot('drop a category that does not occur', CATS, drop=['mars', 'yes', 2.0, 'x'])
one_hot('drop an infrequent category', NOISY, drop=['h', 1.0], min_frequency=5)
one_hot('missing is a category', CATS_MISSING, CATS_MISSING_TEST)
one_hot('a missing cell that was not fitted', {'city': ['a', 'b']}, {'city': ['a', None]}, handle_unknown='ignore')
one_hot('missing dropped', CATS_MISSING, CATS_MISSING_TEST, drop='first')
one_hot('given order', {'s': ['mid', 'low', 'high'], 'n': [3.0, 1.0, 2.0]}, categories=[['low', 'mid', 'high', 'top'], [1.0, 2.0, 3.0, 4.0]])
one_hot('given categories lack one', {'s': ['mid', 'low', 'high']}, categories=[['low', 'mid']])
one_hot('given categories lack one, ignored', {'s': ['mid', 'low', 'high']}, categories=[['low', 'mid']], handle_unknown='ignore')
one_hot('given numbers that do not ascend', {'n': [3.0, 1.0, 2.0]}, categories=[[3.0, 1.0, 2.0]])
one_hot('given categories twice', {'s': ['a', 'b']}, categories=[['a', 'b', 'a']])
one_hot('names of numbers', ODD)
for minimum in [1, 4, 8, 0.1, 0.205, 0.25]:
    one_hot(f'infrequent below {minimum}', NOISY, NOISY_TEST, min_frequency=minimum, handle_unknown='infrequent_if_exist')
    one_hot(f'infrequent below {minimum}, unknown ignored', NOISY, NOISY_TEST, min_frequency=minimum, handle_unknown='ignore')
for most in [1, 2, 4, 5, 6, 20]:
    one_hot(f'at most {most} categories', NOISY, NOISY_TEST, max_categories=most, handle_unknown='infrequent_if_exist')
one_hot('infrequent and at most', NOISY, NOISY_TEST, max_categories=3, min_frequency=6, handle_unknown='infrequent_if_exist')
one_hot('infrequent with missing', CATS_MISSING, CATS_MISSING_TEST, min_frequency=8, handle_unknown='infrequent_if_exist')


def ordinal(title, train, test=None, inverse=True, **options):
    spec = {'kind': 'ordinal_encoder'}
    for key, value in options.items():
        spec[''.join(w.title() if i else w for i, w in enumerate(key.split('_')))] = plain(value)
    step(title, spec, OrdinalEncoder(**options), train, test, inverse)


ordinal('plain', CATS, CATS_TEST)
ordinal('unknown category, error', CATS, CATS_NEW)
ordinal('unknown category is −1', CATS, CATS_NEW, handle_unknown='use_encoded_value', unknown_value=-1)
ordinal('unknown category is NaN', CATS, CATS_NEW, handle_unknown='use_encoded_value', unknown_value=NAN)
ordinal('unknown value is taken', CATS, handle_unknown='use_encoded_value', unknown_value=1)
ordinal('unknown value without its option', CATS, unknown_value=-1)
ordinal('missing', CATS_MISSING, CATS_MISSING_TEST)
ordinal('missing is −2', CATS_MISSING, CATS_MISSING_TEST, encoded_missing_value=-2)
ordinal('missing value is taken', CATS_MISSING, encoded_missing_value=0)
ordinal('a missing cell that was not fitted', {'city': ['a', 'b']}, {'city': ['a', None]}, handle_unknown='use_encoded_value', unknown_value=-1)
ordinal('infrequent', NOISY, {'w': ['a', 'd', 'h'], 'n': [1.0, 4.0, 3.0]}, min_frequency=6)
ordinal('infrequent, unknown', NOISY, NOISY_TEST, min_frequency=6, handle_unknown='use_encoded_value', unknown_value=-1)
ordinal('at most three', NOISY, NOISY_TEST, max_categories=3, handle_unknown='use_encoded_value', unknown_value=-1)
ordinal('infrequent with missing', CATS_MISSING, CATS_MISSING_TEST, inverse=False, min_frequency=8, encoded_missing_value=-9)
ordinal('rare missing cells are no infrequent category', {'v': ['a'] * 5 + ['b'] * 3 + ['c', None]}, {'v': ['c', 'a', None, 'b']}, inverse=False,
        min_frequency=2)
write('steps', STEPS)
write('power-lambdas', LAMBDAS)

# --- target encoder -----------------------------------------------------------------------------------------------

TARGETS = []
Y = {
    'continuous': np.round(rng.normal(5, 2, N), 5).tolist(),
    'binary': words(N, ['no', 'yes']),
    'multiclass': words(N, ['red', 'green', 'blue']),
}
for kind, y in Y.items():
    for smooth in ['auto', 0, 5.0]:
        for label, train, test in [('plain', CATS, CATS_NEW), ('missing', CATS_MISSING, CATS_MISSING_TEST)]:
            folds = np.arange(N) % 4
            encoder = TargetEncoder(target_type=kind, smooth=float(smooth) if smooth != 'auto' else smooth, cv=PredefinedSplit(folds))
            crossed = encoder.fit_transform(frame(train), np.array(y))
            test_frame = frame(test)
            TARGETS.append({
                'title': f'{kind}, smooth {smooth}, {label}', 'smooth': smooth, 'target': {'type': kind, 'values': y},
                'train': table(train), 'test': table(test, train), 'folds': folds.tolist(), 'names': list(encoder.get_feature_names_out()),
                'crossed': cells(crossed), 'output': cells(encoder.transform(test_frame)),
            })
write('target-encoders', TARGETS)

# --- column transformers ------------------------------------------------------------------------------------------

COMPOSED = []
PENGUIN = {'height': numbers(30, 0.1), 'weight': numbers(30, 0.1, 500, 4000), 'island': words(30, ['Biscoe', 'Dream', 'Torgersen'], 0.1),
           'sex': words(30, ['female', 'male'], 0.1), 'year': [float(2007 + i % 3) for i in range(30)]}
PENGUIN_TEST = {'height': [None, 9.0, 12.5], 'weight': [4100.5, None, 3900.0], 'island': ['Dream', None, 'Atlantis'],
                'sex': [None, 'male', 'female'], 'year': [2008.0, 2009.0, 2007.0]}
IMPUTE = {'kind': 'simple_imputer'}
MEDIAN = {'kind': 'simple_imputer', 'strategy': 'median', 'addIndicator': True}
FREQUENT = {'kind': 'simple_imputer', 'strategy': 'most_frequent'}
SCALE = {'kind': 'standard_scaler'}
HOT = {'kind': 'one_hot_encoder', 'handleUnknown': 'ignore'}
MAKE = {
    'mean': SimpleImputer, 'median': lambda: SimpleImputer(strategy='median', add_indicator=True),
    'frequent': lambda: SimpleImputer(strategy='most_frequent'), 'scale': StandardScaler,
    'hot': lambda: OneHotEncoder(handle_unknown='ignore', sparse_output=False),
    'ordinal': lambda: OrdinalEncoder(handle_unknown='use_encoded_value', unknown_value=-1), 'range': MinMaxScaler,
}
SPEC = {'mean': IMPUTE, 'median': MEDIAN, 'frequent': FREQUENT, 'scale': SCALE, 'hot': HOT,
        'ordinal': {'kind': 'ordinal_encoder', 'handleUnknown': 'use_encoded_value', 'unknownValue': -1}, 'range': {'kind': 'min_max_scaler'}}
NUMERIC_TYPES = {'types': ['numeric']}
TEXT_TYPES = {'excludeTypes': ['numeric']}


def selector(selection):
    if isinstance(selection, list):
        return selection
    return make_column_selector(
        pattern=selection.get('pattern'), dtype_include='number' if 'types' in selection else None,
        dtype_exclude='number' if 'excludeTypes' in selection else None)


def pipeline(steps):
    return steps if isinstance(steps, str) else Pipeline([(s, MAKE[s]()) for s in steps])


def compose(title, parts, remainder='drop', verbose=True):
    estimator = ColumnTransformer(
        [(name, pipeline(steps), selector(columns)) for name, columns, steps in parts], remainder=pipeline(remainder),
        verbose_feature_names_out=verbose, sparse_threshold=0)
    def ours(steps):
        return steps if isinstance(steps, str) else [SPEC[s] for s in steps]
    case = {
        'title': title, 'train': table(PENGUIN), 'test': table(PENGUIN_TEST, PENGUIN),
        'spec': {'transformers': [{'name': n, 'columns': c, 'steps': ours(s)} for n, c, s in parts], 'remainder': ours(remainder),
                 'verboseFeatureNamesOut': verbose},
    }
    try:
        estimator.fit(frame(PENGUIN))
        case['names'] = list(estimator.get_feature_names_out())
    except ValueError as error:
        COMPOSED.append({**case, 'error': 'fit', 'message': str(error)[:80]})
        return
    case['output'] = cells(estimator.transform(frame(PENGUIN_TEST)))
    COMPOSED.append(case)


for verbose in [True, False]:
    tag = 'verbose' if verbose else 'plain names'
    compose(f'numbers and categories by type, {tag}', [('num', NUMERIC_TYPES, ['mean', 'scale']), ('cat', TEXT_TYPES, ['frequent', 'hot'])], verbose=verbose)
    compose(f'by name, remainder dropped, {tag}', [('n', ['weight', 'height'], ['median', 'scale']), ('s', ['sex'], ['frequent', 'ordinal'])], verbose=verbose)
    compose(f'remainder passed through, {tag}', [('n', ['weight'], ['mean', 'range']), ('c', ['island'], ['hot'])], 'passthrough', verbose)
    compose(f'remainder transformed, {tag}', [('c', ['sex', 'island'], ['hot'])], ['median', 'scale'], verbose)
    compose(f'pattern, {tag}', [('n', {'pattern': 'eight$', 'types': ['numeric']}, ['mean']), ('rest', ['island'], 'drop')], 'passthrough', verbose)
    compose(f'a column twice, {tag}', [('one', ['height'], ['mean', 'scale']), ('two', ['height', 'year'], ['median', 'range'])], verbose=verbose)
    compose(f'an empty selection, {tag}', [('none', {'pattern': 'zzz'}, ['mean']), ('n', ['height'], ['mean'])], verbose=verbose)
    compose(f'passed through by name, {tag}', [('kept', ['year', 'sex'], 'passthrough'), ('n', ['height'], ['mean'])], verbose=verbose)
write('column-transformers', COMPOSED)

# --- splits -------------------------------------------------------------------------------------------------------

SPLITS = []


def folds_of(splitter, n, y=None, groups=None):
    return [{'train': [int(i) for i in a], 'test': [int(i) for i in b]} for a, b in splitter.split(np.zeros(n), y, groups)]


def split(title, kind, splitter, n, options, y=None, groups=None):
    case = {'title': f'{kind}: {title}', 'kind': kind, 'n': n, 'options': options,
            'codes': None if y is None else [int(v) for v in y], 'groups': None if groups is None else [plain(g) for g in groups]}
    try:
        SPLITS.append({**case, 'folds': folds_of(splitter, n, y, groups)})
    except ValueError as error:
        SPLITS.append({**case, 'error': str(error)[:80]})


for k in [2, 3, 5]:
    for label, groups in [('even groups', np.arange(30) % 10), ('uneven groups', np.repeat(np.arange(8), [1, 9, 2, 2, 5, 5, 3, 3])),
                          ('random groups', rng.integers(0, 12, 41)), ('words', np.array(words(25, CITIES), dtype=object))]:
        split(f'{label}, {k} folds', 'group', GroupKFold(k), len(groups), {'k': k}, groups=groups)
for k in [2, 3, 4]:
    for classes in [2, 3, 9]:
        groups = rng.integers(0, 15, 70)
        y = rng.integers(0, classes, 70)
        split(f'{classes} classes, {k} folds', 'stratified_group', StratifiedGroupKFold(k), 70, {'k': k}, y, groups)
split('groups of one class each', 'stratified_group', StratifiedGroupKFold(3), 24, {'k': 3}, np.repeat([0, 1], 12), np.arange(24) // 2)
split('too many folds', 'stratified_group', StratifiedGroupKFold(5), 8, {'k': 5}, [0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 2, 2, 3, 3])
split('too many folds', 'group', GroupKFold(5), 8, {'k': 5}, groups=[0, 0, 1, 1, 2, 2, 3, 3])
for label, options in [('default', {}), ('gap', {'gap': 2}), ('max_train_size', {'maxTrainSize': 6}), ('test_size', {'testSize': 3}),
                       ('all', {'gap': 1, 'maxTrainSize': 5, 'testSize': 2}), ('too long a gap', {'gap': 20})]:
    for n, k in [(12, 3), (23, 5)]:
        arguments = {{'gap': 'gap', 'maxTrainSize': 'max_train_size', 'testSize': 'test_size'}[key]: v for key, v in options.items()}
        split(f'{label}, {n} rows, {k} splits', 'time', TimeSeriesSplit(k, **arguments), n, {'k': k, **options})
split('more splits than rows', 'time', TimeSeriesSplit(5), 5, {'k': 5})
# Sizes only: which rows are drawn depends on NumPy's generator.
for label, options in [('default', {}), ('a third', {'test_size': 1 / 3}), ('seven rows', {'test_size': 7}), ('train share', {'train_size': 0.6}),
                       ('both', {'test_size': 0.2, 'train_size': 5}), ('too much', {'test_size': 0.7, 'train_size': 0.6}), ('all', {'test_size': 25})]:
    ours = {''.join(w.title() if i else w for i, w in enumerate(key.split('_'))): v for key, v in options.items()}
    for kind, splitter, y in [('hold_out', ShuffleSplit, None), ('stratified_hold_out', StratifiedShuffleSplit, [0] * 13 + [1] * 8 + [2] * 4)]:
        if 'test_size' not in options and 'train_size' not in options:
            case_options = {'test_size': 0.25}
        else:
            case_options = options
        case = {'title': f'{kind}: {label}', 'kind': kind, 'n': 25, 'options': ours, 'codes': y, 'groups': None}
        try:
            train, test = next(splitter(1, random_state=0, **case_options).split(np.zeros(25), y))
            case['sizes'] = [len(train), len(test)]
            if y is not None:
                case['counts'] = [np.bincount(np.array(y)[train], minlength=3).tolist(), np.bincount(np.array(y)[test], minlength=3).tolist()]
        except ValueError as error:
            case['error'] = str(error)[:80]
        SPLITS.append(case)
y = [int(v) for v in rng.integers(0, 3, 31)]
repeated = [{'sizes': len(b), 'counts': np.bincount(np.array(y)[b], minlength=3).tolist()}
            for _, b in RepeatedStratifiedKFold(n_splits=4, n_repeats=3, random_state=1).split(np.zeros(31), y)]
SPLITS.append({'title': 'repeated_stratified: sizes and class counts', 'kind': 'repeated_stratified', 'n': 31, 'options': {'k': 4, 'repeats': 3},
               'codes': y, 'groups': None, 'repeated': repeated})
write('splits', SPLITS)

LABELS = []
for title, labels in [('strings', ['b', 'a', 'é', 'b', 'Z']), ('numbers', [3.0, -1.0, 2.5, 3.0])]:
    encoder = LabelEncoder().fit(labels)
    LABELS.append({'title': title, 'labels': labels, 'classes': [plain(c) for c in encoder.classes_], 'codes': encoder.transform(labels).tolist()})
write('labels', LABELS)
