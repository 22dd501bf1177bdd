"""Expected numbers of the example plug-in examples/plugins/tfidf from scikit-learn's TfidfVectorizer.

Oracles: scikit-learn 1.9.1, NumPy 2.4.6 (refuses to run with others).
Run: python tests/golden/sklearn/generate-tfidf.py   (writes tfidf.json beside this one; deterministic)
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.feature_extraction.text import TfidfVectorizer

assert sklearn.__version__ == '1.9.1', sklearn.__version__
assert np.__version__ == '2.4.6', np.__version__

HERE = pathlib.Path(__file__).parent
rng = np.random.default_rng(20260304)
WORDS = ['penguin', 'Gentoo', 'ice', 'ICE', 'a', 'x1', 'snow_drift', 'Ærø', 'naïve', 'krill', '42', 'mer', 'été']


def texts(count):
    return [
        ' '.join(rng.choice(WORDS, size=rng.integers(0, 9))) + str(rng.choice(['', '.', '!', ', ice-cold']))
        for _ in range(count)
    ]


cases = []
for min_rows in (1, 2, 5):
    train, test = texts(40), [*texts(15), '', 'unheard of']
    model = TfidfVectorizer(min_df=min_rows)
    model.fit(train)
    cases.append(
        {
            'options': {'minRows': min_rows, 'maxFeatures': 5000},
            'train': train,
            'test': test,
            'names': model.get_feature_names_out().tolist(),
            'expected': model.transform(test).toarray().ravel().tolist(),
        }
    )

(HERE / 'tfidf.json').write_text(
    json.dumps(
        {
            'oracle': f'scikit-learn {sklearn.__version__}, NumPy {np.__version__}',
            'generator': 'generate-tfidf.py',
            'cases': cases,
        },
        indent=1,
        ensure_ascii=False,
    )
    + '\n',
    encoding='utf-8',
)
print(len(cases))
