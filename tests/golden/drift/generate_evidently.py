"""Method choice, score and verdict of Evidently for whole columns.

Oracles: Evidently 0.7.23 (with pandas 2.3.3, SciPy 1.17.1, NumPy 2.4.6; refuses to run with others).
Run: python tests/golden/drift/generate_evidently.py   (writes evidently.json beside this file; deterministic)
"""

import json
import pathlib
import warnings
from importlib.metadata import version

import numpy as np
import pandas as pd

warnings.filterwarnings('ignore')

from evidently.legacy.calculations.stattests.registry import get_stattest  # noqa: E402
from evidently.legacy.core import ColumnType  # noqa: E402

VERSIONS = {'evidently': '0.7.23', 'pandas': '2.3.3', 'scipy': '1.17.1', 'numpy': '2.4.6'}
for package, wanted in VERSIONS.items():
    assert version(package) == wanted, (package, version(package))

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parents[2]


def penguins():
    rows = json.loads((ROOT / 'node_modules/vega-datasets/data/penguins.json').read_text())
    names = {
        'Beak Length (mm)': 'culmen_length_mm', 'Beak Depth (mm)': 'culmen_depth_mm',
        'Flipper Length (mm)': 'flipper_length_mm', 'Body Mass (g)': 'body_mass_g', 'Island': 'island', 'Sex': 'sex',
        'Species': 'species',
    }
    frame = pd.DataFrame(rows).rename(columns=names).replace('.', np.nan)
    for name in ('culmen_length_mm', 'culmen_depth_mm', 'flipper_length_mm', 'body_mass_g'):
        frame[name] = frame[name].astype(float)
    return frame


def plain(series):
    return [None if pd.isna(v) else v for v in series.tolist()]


def main():
    cases, samples = [], {}

    def compare(title, reference, current, asked=None):
        numeric = reference.dtype.kind == 'f'
        kind = ColumnType.Numerical if numeric else ColumnType.Categorical
        a, b = reference.dropna(), current.dropna()
        test = get_stattest(a, b, kind, asked)
        result = test(a, b, kind, None)
        samples[title] = [plain(reference), plain(current)]
        cases.append({
            'title': f'{title}: {asked or "auto"}', 'sample': title, 'type': 'numeric' if numeric else 'categorical',
            'asked': asked or 'auto', 'method': test.name,
            'score': float(result.drift_score), 'drifted': bool(result.drifted),
            'threshold': float(result.actual_threshold),
        })

    frame = penguins()
    columns = list(frame.columns)
    shifted = frame.copy()
    rng = np.random.default_rng(31)
    shifted['body_mass_g'] += rng.uniform(1, 3 * frame['body_mass_g'].std(), len(frame)).round()
    splits = (
        ('penguins, two halves', frame[::2], frame[1::2]),
        ('penguins, heavier', frame, shifted[40:240]),
        ('penguins, Biscoe only', frame, frame[frame['island'] == 'Biscoe']),
    )
    for title, reference, current in splits:
        for name in columns:
            compare(f'{title}, {name}', reference[name], current[name])
    for name in ('body_mass_g', 'culmen_length_mm'):
        for asked in ('ks', 'wasserstein', 'jensenshannon', 'psi', 'kl_div'):
            compare(f'penguins, heavier, {name}', frame[name], shifted[name][40:240], asked)
    for name in ('island', 'sex'):
        for asked in ('jensenshannon', 'psi', 'kl_div'):
            compare(f'penguins, two halves, {name}', frame[name][::2], frame[name][1::2], asked)
    many = pd.concat([frame] * 4, ignore_index=True)
    for name in columns:
        compare(f'penguins four times, heavier, {name}', many[name], shifted[name][40:240])
    stars = pd.Series(rng.integers(1, 6, 120).astype(float))
    compare('five stars', stars, pd.Series(rng.integers(1, 6, 90).astype(float)))
    compare('two numbers', stars.clip(upper=2), pd.Series(rng.integers(1, 3, 90).astype(float)))
    body = {'header': {'oracle': ', '.join(f'{k} {v}' for k, v in VERSIONS.items()), 'generator': 'generate_evidently.py'},
            'samples': samples, 'cases': cases}
    (HERE / 'evidently.json').write_text(json.dumps(body, allow_nan=False, separators=(',', ':')) + '\n')
    print(len(cases), sorted({c['method'] for c in cases}))


main()
