"""Expected values of the distributions and drift tests of libs/tabular from SciPy.

Oracles: SciPy 1.17.1, NumPy 2.4.6 (refuses to run with others).
Run: python tests/golden/drift/generate.py   (writes the .json files beside this one; deterministic)
"""

import json
import math
import pathlib
import warnings

import numpy as np
import scipy
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

assert scipy.__version__ == '1.17.1', scipy.__version__
assert np.__version__ == '2.4.6', np.__version__
warnings.filterwarnings('ignore')

HERE = pathlib.Path(__file__).parent
HEADER = {'oracle': f'SciPy {scipy.__version__}, NumPy {np.__version__}', 'generator': 'generate.py'}


def write(name, cases, **more):
    body = {'header': HEADER, **more, 'cases': cases}
    (HERE / f'{name}.json').write_text(json.dumps(body, allow_nan=False, separators=(',', ':')) + '\n')
    print(name, len(cases))


# --- distributions ------------------------------------------------------------------------------------------------

def distributions():
    cases = []
    # Values that must stay what they are, whatever SciPy is installed.
    known = [
        (.02, 5739, 0.02000810268540017), (.0185, 5739, 0.038864006835185316), (.01, 6000, 0.5824116190707832),
        (.05, 6000, 1.7821450409183714e-13), (.003, 100000, 0.3284563327726956), (.08, 50, 0.880839701941023),
        (.15, 50, 0.19026366518248072), (.3, 50, 0.00017353260202718738), (.6, 50, 9.634070456142374e-18),
        (.05, 140, 0.857648029765611), (.12, 140, 0.03252638258561632), (.02, 952, 0.8333265449733626),
        (.045, 952, 0.041035719005384386), (.08, 952, 9.536122899886358e-6),
    ]
    for d, n, p in known:
        assert math.isclose(stats.kstwo.sf(d, n), p, rel_tol=1e-10), (d, n)
        cases.append({'title': f'known: kstwo sf({d}; {n})', 'kind': 'kstwo', 'n': n, 'd': d, 'p': p})
    for x, df, p in ((3.2, 5, 0.6691829020332432), (.5, 1, 0.47950012218695337), (50, 5, 1.3857973367009573e-9),
                     (120, 9, 1.336164776532522e-21)):
        assert math.isclose(stats.chi2.sf(x, df), p, rel_tol=1e-12), (x, df)
        cases.append({'title': f'known: chi2 sf({x}; {df})', 'kind': 'chi2', 'x': x, 'df': df, 'p': p})

    def kstwo(branch, n, d):
        cases.append({'title': f'kstwo sf, {branch}: n = {n}, d = {d!r}', 'kind': 'kstwo', 'n': n, 'd': d,
                      'p': float(stats.kstwo.sf(d, n))})
    for n in (1, 2, 3, 10, 139, 141, 5000):
        kstwo('nd <= 1/2', n, 0.45 / n)
        kstwo('1/2 < nd <= 1', n, 0.9 / n)
        if n > 1:
            kstwo('nd >= n - 1', n, 1 - 0.5 / n)
    for n, d in ((7, .5), (7, .6), (50, .5), (50, .55), (139, .51), (500, .5), (769, .5)):
        kstwo('d >= 1/2', n, d)
    for n in (5, 20, 50, 100, 140):
        for scaled in (.1, .4, .75, .76, 1.2, 2.5, 3.9, 4.1, 6, 12):
            d = round(math.sqrt(scaled / n), 6)
            if d < .5 and n * d > 1:
                kstwo('n <= 140', n, d)
    for n in (141, 500, 769, 952, 5739, 50000, 99999):
        for scaled in (.05, .2, .5, 1, 1.8, 2.19, 2.21, 4, 10, 40, 100, 200):
            d = round(math.sqrt(scaled / n), 8)
            if d < .5:
                kstwo('n > 140', n, d)
    for n in (100001, 400000, 1000000):
        for scaled in (.1, .5, 1, 2, 2.5, 20):
            kstwo('n > 100000', n, round(math.sqrt(scaled / n), 10))
    kstwo('n d^2 >= 370', 1000, .61)
    kstwo('n d^2 >= 370', 5739, .3)
    for df in (1, 2, 3, 4, 7, 15, 40, 200, 999):
        for x in (.01, .3, 1, df * .5, df * .9, df, df * 1.1, df * 2, df * 5 + 20):
            cases.append({'title': f'chi2 sf({x}; {df})', 'kind': 'chi2', 'x': float(x), 'df': df, 'p': float(stats.chi2.sf(x, df))})
    for x in (0, 1e-8, .1, .5, 1, 1.2, 1.3, 1.96, 3, 5, 8, 15, 25):
        cases.append({'title': f'erfc({x})', 'kind': 'erfc', 'x': x, 'p': float(special.erfc(x))})
    write('distributions', cases)


# --- two-sample KS ------------------------------------------------------------------------------------------------

def ks_cases():
    rng = np.random.default_rng(23)
    cases = []
    for n1, n2 in ((1, 1), (1, 7), (3, 3), (5, 8), (12, 30), (50, 50), (64, 48), (97, 101), (342, 200), (1000, 500),
                   (1000, 997), (700, 4000)):
        for shift in (0, .25, 1.5):
            a, b = rng.normal(0, 1, n1), rng.normal(shift, 1, n2)
            if n1 % 2 == 0:
                a, b = np.round(a, 1), np.round(b, 1)
            result = stats.ks_2samp(a, b)
            cases.append({'title': f'{n1} and {n2} rows, shift {shift}', 'n1': n1, 'n2': n2,
                          'statistic': float(result.statistic), 'p': float(result.pvalue)})
    # Asymptotic: one sample of more than 10,000 rows. The statistic is a ratio of whole numbers near the wanted one.
    for n1, n2 in ((800, 20000), (50, 20000), (1000, 10001), (12000, 11000), (345, 100000), (30000, 400000)):
        for scaled in (.3, 1.1, 3, 9):
            en = n1 * n2 / (n1 + n2)
            d = round(math.sqrt(scaled / en) * n1) / n1
            a = np.arange(n1) / n1
            b = (np.arange(n2) + .5) / n2 + d
            result = stats.ks_2samp(a, b)
            cases.append({'title': f'{n1} and {n2} rows, statistic {result.statistic:.6f}', 'n1': n1, 'n2': n2,
                          'statistic': float(result.statistic), 'p': float(result.pvalue)})
    write('ks', cases)


# --- column drift: the default rule on whole columns, each method by its definition -----------------------------

def clean(values):
    return [v for v in values if v is not None and not (isinstance(v, float) and not math.isfinite(v))]


def union_counts(ref, cur):
    keys = sorted(set(ref) | set(cur))
    return np.array([ref.count(k) for k in keys], float), np.array([cur.count(k) for k in keys], float)


def shares(ref, cur, numeric):
    if numeric and len(set(ref)) > 20:
        edges = np.histogram_bin_edges(np.array(ref + cur, float), bins='sturges')
        return np.histogram(ref, edges)[0] / len(ref), np.histogram(cur, edges)[0] / len(cur)
    r, c = union_counts(ref, cur)
    return r / len(ref), c / len(cur)


def fill(p):
    p = p.copy()
    m = p[p != 0].min()
    p[p == 0] = m / 1e6 if m <= 1e-4 else 1e-4
    return p


def score(method, ref, cur, numeric):
    if method == 'ks':
        return float(stats.ks_2samp(ref, cur).pvalue)
    if method == 'chisquare':
        r, c = union_counts(ref, cur)
        if (r == 0).any():
            return 0.0
        return float(stats.chisquare(c, r * len(cur) / len(ref)).pvalue)
    if method == 'z':
        r, c = union_counts(ref, cur)
        if len(r) < 2:
            return 1.0
        n1, n2 = len(ref), len(cur)
        p1, p2 = 1 - r[0] / n1, 1 - c[0] / n2
        pooled = (n1 * p1 + n2 * p2) / (n1 + n2)
        z = (p1 - p2) / math.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n2))
        return float(2 * stats.norm.sf(abs(z)))
    if method == 'wasserstein':
        return float(stats.wasserstein_distance(ref, cur) / max(np.std(ref), .001))
    p, q = shares(ref, cur, numeric)
    if method == 'jensenshannon':
        return float(jensenshannon(p, q))
    p, q = fill(p), fill(q)
    if method == 'psi':
        return float(np.sum((p - q) * np.log(p / q)))
    return float(stats.entropy(p, q))


def default_method(ref, cur, numeric):
    u, large = len(set(ref) | set(cur)), len(ref) > 1000
    if numeric and u > 5:
        return 'wasserstein' if large else 'ks'
    if large:
        return 'jensenshannon'
    return 'chisquare' if u > 2 else 'z'


def drift_cases():
    rng = np.random.default_rng(29)
    cases, samples = [], {}

    def case(title, ref, cur, methods=('auto',)):
        a, b = clean(ref), clean(cur)
        numeric = not isinstance((a + b)[0], str)
        # JSON has no infinities: they travel as text.
        samples[title] = [[str(v) if v in (math.inf, -math.inf) else v for v in side] for side in (ref, cur)]
        for asked in methods:
            method = default_method(a, b, numeric) if asked == 'auto' else asked
            cases.append({
                'title': f'{title}: {asked}', 'sample': title, 'type': 'numeric' if numeric else 'categorical',
                'asked': asked,
                'method': method, 'score': score(method, a, b, numeric),
                'referenceRows': len(a), 'currentRows': len(b),
            })

    def numbers(n, loc=0., scale=1., digits=2):
        return [float(v) for v in np.round(rng.normal(loc, scale, n), digits)]

    def letters(n, weights):
        return [str(v) for v in rng.choice(list('abcdefgh')[:len(weights)], n, p=np.array(weights) / sum(weights))]

    numeric_methods = ('auto', 'ks', 'wasserstein', 'jensenshannon', 'psi', 'kl_div')
    for n1, n2, shift in ((60, 45, 0), (200, 128, .4), (344, 200, 2), (256, 256, .1), (1000, 60, .2)):
        case(f'numeric {n1}/{n2}, shift {shift}', numbers(n1), numbers(n2, shift), numeric_methods)
    case('numeric large reference', numbers(1001), numbers(300, .1), ('auto', 'psi'))
    case('numeric large reference, shifted', numbers(1500, 100, 15, 1), numbers(700, 108, 15, 1), ('auto', 'jensenshannon'))
    case('pooled rows a power of two', numbers(100, 5, 2, 3), numbers(156, 5, 2, 3), ('jensenshannon', 'psi', 'kl_div'))
    few = lambda n, k, **kw: [float(v) for v in rng.choice(k, n, **kw)]
    case('numeric, 2 distinct', few(80, 2), few(60, 2, p=[.3, .7]), ('auto', 'psi'))
    case('numeric, 4 distinct', few(80, 4), few(60, 4, p=[.4, .3, .2, .1]), ('auto', 'ks', 'wasserstein'))
    case('numeric, 5 distinct', few(80, 5), few(60, 5))
    case('numeric, 6 distinct', few(80, 6), few(60, 6))
    case('numeric, 3 distinct, large reference', few(1100, 3), few(200, 3, p=[.5, .3, .2]))
    case('reference of 20 distinct, current continuous', few(200, 20), numbers(80, 10, 5), ('jensenshannon', 'psi', 'kl_div'))
    case('reference of 21 distinct', [float(v) for v in range(21)] * 5, numbers(80, 10, 5), ('jensenshannon', 'psi'))
    category_methods = ('auto', 'chisquare', 'jensenshannon', 'psi', 'kl_div')
    case('3 categories', letters(152, [5, 3, 2]), letters(90, [5, 3, 2]), category_methods)
    case('5 categories, drifted', letters(300, [5, 3, 2, 1, 1]), letters(120, [1, 1, 2, 5, 3]), category_methods)
    case('2 categories', letters(333, [1, 1]), letters(200, [1, 1]), ('auto', 'psi'))
    case('2 categories, drifted', letters(333, [1, 1]), letters(200, [5, 1]), ('auto', 'chisquare'))
    case('categories, large reference', letters(1200, [5, 3, 2]), letters(90, [3, 3, 4]))
    case('2 categories, large reference', letters(1200, [5, 3]), letters(90, [3, 3]))
    case('category absent from current', letters(100, [4, 3, 3]), letters(50, [1, 1]), category_methods)
    case('category new in current', letters(100, [1, 1]), letters(50, [1, 1, 1]), category_methods)
    case('one category, the same', ['a'] * 30, ['a'] * 20, ('auto', 'psi', 'jensenshannon', 'kl_div'))
    case('rare category: small zero fill', ['a'] * 9999 + ['b'], ['a'] * 49 + ['c'], ('psi', 'kl_div'))
    case('constants, equal', [3.] * 50, [3.] * 50, numeric_methods)
    case('constants, different', [1.] * 50, [2.] * 50, numeric_methods + ('z',))
    case('constant reference, current varies', [1.] * 50, numbers(40, 1, 1), ('auto', 'wasserstein', 'psi'))
    case('missing and infinite cells are left out', numbers(80) + [None] * 5 + [math.inf, -math.inf],
         numbers(50) + [None] * 9 + [math.inf], numeric_methods)
    case('missing categories are left out', letters(80, [1, 2, 3]) + [None] * 9, letters(60, [3, 2, 1]) + [None])
    case('one current row', numbers(100), [0.3], numeric_methods)
    case('negative and huge values', numbers(100, -1e7, 1e6, 0), numbers(60, -1e7, 2e6, 0), numeric_methods)
    write('columns', cases, samples=samples)


distributions()
ks_cases()
drift_cases()
