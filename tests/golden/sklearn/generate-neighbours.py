"""Expected answers of the example plug-in examples/plugins/knn from scikit-learn's nearest neighbours.

Oracles: scikit-learn 1.9.1, NumPy 2.4.6 (refuses to run with others).
Run: python tests/golden/sklearn/generate-neighbours.py   (writes neighbours.json beside this one; deterministic)
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

assert sklearn.__version__ == '1.9.1', sklearn.__version__
assert np.__version__ == '2.4.6', np.__version__

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(20260303)


def rows(count, width, grid):
    """Features as float32 has them; with a grid many rows are at the same place and distance."""
    drawn = rng.normal(size=(count, width))
    return (np.round(drawn * 2) / 2 if grid else drawn).astype(np.float32)


cases = []
for task in ('classification', 'regression'):
    for grid in (False, True):
        train, test = rows(60, 3, grid), rows(20, 3, grid)
        if grid:
            test[:5] = train[:5]
        classes = 3
        if task == 'classification':
            targets = rng.integers(0, classes, size=60)
        else:
            # The values of float32 in float64: a float32 target makes scikit-learn average in float32.
            targets = rng.normal(size=60).astype(np.float32).astype(np.float64)
        for metric in ('euclidean', 'manhattan'):
            for weights in ('uniform', 'distance'):
                for k in (1, 5, 60):
                    # Which of several rows at the same distance is nearer is no definition of scikit-learn's: on the grid only
                    # the case of all rows, and the rows that lie on training rows with weights by distance, are determined.
                    if grid and k != 60:
                        continue
                    model = (KNeighborsClassifier if task == 'classification' else KNeighborsRegressor)(
                        n_neighbors=k, weights=weights, metric=metric, algorithm='brute'
                    )
                    model.fit(train.astype(np.float64), targets)
                    x = test.astype(np.float64)
                    expected = model.predict_proba(x) if task == 'classification' else model.predict(x)
                    cases.append(
                        {
                            'task': task,
                            'options': {'k': k, 'weights': weights, 'metric': metric},
                            'train': train.astype(float).ravel().tolist(),
                            'targets': np.asarray(targets, dtype=float).tolist(),
                            'test': test.astype(float).ravel().tolist(),
                            'width': 3,
                            'outputs': classes if task == 'classification' else 1,
                            'expected': np.asarray(expected, dtype=float).ravel().tolist(),
                        }
                    )

(HERE / 'neighbours.json').write_text(
    json.dumps(
        {
            'oracle': f'scikit-learn {sklearn.__version__}, NumPy {np.__version__}',
            'generator': 'generate-neighbours.py',
            'cases': cases,
        },
        indent=1,
    )
    + '\n'
)
print(len(cases))
