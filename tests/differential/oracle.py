"""What scikit-learn and SciPy say: one JSON question a line in, one JSON answer a line out.

The first line out is {"versions"}. A question is {"kind", …}, an answer {"value"} or, where the library refuses, {"error"}.
Numbers that JSON lacks (and −0, which JavaScript writes as 0) are {"f": "nan" | "inf" | "-inf" | "-0.0"} both ways.
"""

import json
import math
import sys
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn import calibration, metrics
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit, train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer, LabelEncoder, MinMaxScaler, OneHotEncoder, OrdinalEncoder, PowerTransformer, QuantileTransformer,
    RobustScaler, StandardScaler, TargetEncoder,
)

warnings.filterwarnings("ignore")
np.seterr(all="ignore")
NAN = float("nan")


def decoded(item):
    return float(item["f"]) if item.keys() == {"f"} else item


def encoded(value):
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dict):
        return {key: encoded(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [encoded(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return {"f": repr(value)}
    return value


def matrix(table):
    """Columns as one array: of float64 where all are numbers, else of objects; None is missing."""
    text = table["type"] != "numeric"
    columns = [
        np.array([NAN if cell is None else cell for cell in cells], dtype=object if text else np.float64)
        for cells in table["columns"]
    ]
    return np.column_stack(columns) if columns else np.empty((table["rows"], 0))


# --- transformers -------------------------------------------------------------------------------------------------


def categories(spec):
    given = spec.get("categories", "auto")
    if given == "auto":
        return given
    return [np.array([NAN if c is None else c for c in one], dtype=object if any(isinstance(c, str) for c in one) else float)
            for one in given]


def rare(spec):
    return {"min_frequency": spec.get("minFrequency"), "max_categories": spec.get("maxCategories")}


def estimator(spec):
    kind = spec["kind"]
    get = spec.get
    if kind == "simple_imputer":
        return SimpleImputer(strategy=get("strategy", "mean"), fill_value=get("fillValue"), add_indicator=get("addIndicator", False),
                             keep_empty_features=get("keepEmptyFeatures", False))
    if kind == "standard_scaler":
        return StandardScaler(with_mean=get("withMean", True), with_std=get("withStd", True))
    if kind == "min_max_scaler":
        return MinMaxScaler(feature_range=tuple(get("featureRange", (0, 1))), clip=get("clip", False))
    if kind == "robust_scaler":
        return RobustScaler(with_centering=get("withCentering", True), with_scaling=get("withScaling", True),
                            quantile_range=tuple(get("quantileRange", (25, 75))), unit_variance=get("unitVariance", False))
    if kind == "quantile_transformer":
        return QuantileTransformer(n_quantiles=get("nQuantiles", 1000), output_distribution=get("outputDistribution", "uniform"),
                                   subsample=None)
    if kind == "power_transformer":
        return PowerTransformer(method=get("method", "yeo-johnson"), standardize=get("standardize", True))
    if kind == "one_hot_encoder":
        drop = get("drop")
        return OneHotEncoder(sparse_output=False, categories=categories(spec), handle_unknown=get("handleUnknown", "error"),
                             drop=np.array([NAN if c is None else c for c in drop], dtype=object) if isinstance(drop, list) else drop,
                             **rare(spec))
    if kind == "ordinal_encoder":
        number = {} if "unknownValue" not in spec else {"unknown_value": NAN if spec["unknownValue"] is None else spec["unknownValue"]}
        missing = spec.get("encodedMissingValue")
        return OrdinalEncoder(categories=categories(spec), handle_unknown=get("handleUnknown", "error"),
                              encoded_missing_value=NAN if missing is None else missing, **number, **rare(spec))
    raise KeyError(kind)


def transform(task):
    step = estimator(task["spec"])
    train, test = matrix(task["train"]), matrix(task["test"])
    step.fit(train)
    output = np.asarray(step.transform(test))
    value = {"output": [column(output[:, j]) for j in range(output.shape[1])]}
    if task["names"] is not None:
        value["names"] = [str(name) for name in step.get_feature_names_out(np.array(task["names"], dtype=object))]
    if task["spec"]["kind"] == "power_transformer":
        value["lambdas"] = step.lambdas_
    return value


def column(cells):
    return [None if isinstance(c, float) and math.isnan(c) else float(c) if isinstance(c, (bool, np.bool_)) else c for c in cells.tolist()]


def target_encode(task):
    kind = task["target"]["type"]
    y = np.array(task["target"]["values"], dtype=float if kind == "continuous" else object)
    if kind != "continuous" and not any(isinstance(v, str) for v in y):
        y = y.astype(np.int64)
    elif kind != "continuous":
        y = y.astype(str)
    step = TargetEncoder(smooth=task["spec"].get("smooth", "auto"), target_type=kind, random_state=0)
    train = matrix(task["train"])
    if len(task["train"]["columns"]):
        step.fit(train, y)
    output = step.transform(matrix(task["test"]))
    return {"output": [column(output[:, j]) for j in range(output.shape[1])]}


def label_encode(task):
    encoder = LabelEncoder().fit(np.array(task["labels"], dtype=object if isinstance(task["labels"][0], str) else float))
    return {"classes": encoder.classes_, "codes": encoder.transform(np.array(task["test"], dtype=object if isinstance(task["labels"][0], str) else float))}


def as_numbers(cells):
    return cells.astype(np.float64)


def compose(task):
    """Branches over an array of objects; those of numbers are cast first."""
    table = matrix(task["train"])
    branches = []
    for branch in task["branches"]:
        steps = [estimator(spec) for spec in branch["steps"]]
        cast = [FunctionTransformer(as_numbers)] if branch["numeric"] else []
        branches.append((branch["name"], make_pipeline(*cast, *steps), branch["columns"]))
    both = ColumnTransformer(branches, remainder="drop", sparse_threshold=0)
    both.fit(table)
    output = np.asarray(both.transform(matrix(task["test"])))
    return {"output": [column(output[:, j].astype(float)) for j in range(output.shape[1])]}


# --- splits -------------------------------------------------------------------------------------------------------


def split(task):
    kind, k, n = task["split"], task["k"], task["rows"]
    x = np.zeros((n, 1))
    if kind == "kfold":
        folds = KFold(k).split(x)
    elif kind == "stratified":
        folds = StratifiedKFold(k).split(x, task["codes"])
    elif kind == "group":
        folds = GroupKFold(k).split(x, None, task["groups"])
    elif kind == "stratified_group":
        folds = StratifiedGroupKFold(k).split(x, task["codes"], task["groups"])
    elif kind == "time_series":
        folds = TimeSeriesSplit(k, gap=task["gap"], max_train_size=task.get("maxTrainSize"), test_size=task.get("testSize")).split(x)
    elif kind == "hold_out":
        folds = [train_test_split(np.arange(n), test_size=task.get("testSize"), train_size=task.get("trainSize"), shuffle=False)]
    return [{"train": train, "test": test} for train, test in folds]


def stratified_sizes(task):
    train, test = train_test_split(np.arange(task["rows"]), test_size=task.get("testSize"), train_size=task.get("trainSize"),
                                   stratify=task["codes"], random_state=0)
    return {"train": len(train), "test": len(test)}


# --- metrics ------------------------------------------------------------------------------------------------------


def refused(metric):
    """The metric, or NaN where scikit-learn refuses."""
    try:
        return float(metric())
    except ValueError:
        return NAN


def classification(task):
    truth, probabilities = np.array(task["truth"]), np.array(task["probabilities"], dtype=float).reshape(len(task["truth"]), -1)
    k = probabilities.shape[1]
    labels = np.arange(k)
    weights = task.get("weights")
    w = None if weights is None else np.array(weights, dtype=float)
    guessed = probabilities.argmax(axis=1)
    out = {
        "accuracy": refused(lambda: metrics.accuracy_score(truth, guessed, sample_weight=w)),
        "balanced_accuracy": refused(lambda: metrics.balanced_accuracy_score(truth, guessed, sample_weight=w)),
        "mcc": refused(lambda: metrics.matthews_corrcoef(truth, guessed, sample_weight=w)),
        "cohen_kappa": refused(lambda: metrics.cohen_kappa_score(truth, guessed, sample_weight=w)),
    }
    for average in ("micro", "macro", "weighted"):
        for name, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score), ("f1", metrics.f1_score)):
            out[f"{name}_{average}"] = refused(lambda: score(truth, guessed, average=average, zero_division=0, sample_weight=w))
    out["log_loss"] = refused(lambda: metrics.log_loss(truth, probabilities, labels=labels, sample_weight=w))
    if k == 2:
        for name, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score), ("f1", metrics.f1_score)):
            out[name] = refused(lambda: score(truth, guessed, pos_label=1, average="binary", zero_division=0, sample_weight=w))
        both = len(set(task["truth"])) == 2
        second = probabilities[:, 1]
        out["brier"] = refused(lambda: metrics.brier_score_loss(truth, second, pos_label=1, labels=[0, 1], sample_weight=w))
        out["roc_auc"] = refused(lambda: metrics.roc_auc_score(truth, second, sample_weight=w)) if both else NAN
        out["pr_auc"] = refused(lambda: metrics.average_precision_score(truth, second, sample_weight=w)) if (truth == 1).any() else NAN
    else:
        out["brier"] = refused(lambda: metrics.brier_score_loss(truth, probabilities, labels=labels, sample_weight=w))
        every = len(set(task["truth"])) == k
        out["roc_auc_ovr"] = refused(lambda: metrics.roc_auc_score(truth, probabilities, multi_class="ovr", labels=labels, sample_weight=w)) if every else NAN
        out["roc_auc_ovo"] = refused(lambda: metrics.roc_auc_score(truth, probabilities, multi_class="ovo", labels=labels)) if every else NAN
        onehot = (truth[:, None] == labels).astype(int)
        out["pr_auc"] = refused(lambda: metrics.average_precision_score(onehot, probabilities, sample_weight=w)) if every else NAN
    top = probabilities[:, 1] if k == 2 else probabilities.max(axis=1)
    hit = (truth == 1 if k == 2 else guessed == truth).astype(int)
    out["ece"] = expected_calibration_error(hit, top, w)
    return out


def expected_calibration_error(hit, p, w):
    """Bins as calibration_curve makes them; scikit-learn itself has no such error."""
    w = np.ones(len(p)) if w is None else w
    bins = np.searchsorted(np.linspace(0, 1, 11)[1:-1], p)
    total = sum(abs(math.fsum(w[bins == b] * hit[bins == b]) - math.fsum(w[bins == b] * p[bins == b])) for b in range(10))
    return total / math.fsum(w) if math.fsum(w) > 0 else NAN


def multilabel(task):
    labels = task["labels"]
    truth = np.array(task["truth"], dtype=int).reshape(-1, labels)
    scores = np.array(task["probabilities"], dtype=float).reshape(-1, labels)
    guessed = (scores > task["threshold"]).astype(int)
    weights = task.get("weights")
    w = None if weights is None else np.array(weights, dtype=float)
    out = {
        "subset_accuracy": refused(lambda: metrics.accuracy_score(truth, guessed, sample_weight=w)),
        "hamming_loss": refused(lambda: metrics.hamming_loss(truth, guessed, sample_weight=w)),
    }
    for average in ("micro", "macro", "weighted", "samples"):
        for name, score in (("precision", metrics.precision_score), ("recall", metrics.recall_score), ("f1", metrics.f1_score)):
            out[f"{name}_{average}"] = refused(lambda: score(truth, guessed, average=average, zero_division=0, sample_weight=w))
    for average in ("micro", "macro"):
        out[f"roc_auc_{average}"] = refused(lambda: metrics.roc_auc_score(truth, scores, average=average, sample_weight=w))
        every = truth.any(axis=0).all() if average == "macro" else truth.any()
        out[f"pr_auc_{average}"] = refused(lambda: metrics.average_precision_score(truth, scores, average=average, sample_weight=w)) if every else NAN
    losses = [metrics.log_loss(truth[:, j], scores[:, j], labels=[0, 1], sample_weight=w) for j in range(labels)]
    out["log_loss"] = float(np.mean(losses))
    out["brier"] = float(np.mean([metrics.brier_score_loss(truth[:, j], scores[:, j], pos_label=1, labels=[0, 1], sample_weight=w) for j in range(labels)]))
    return out


def regression(task):
    y, p = np.array(task["truth"], dtype=float), np.array(task["predictions"], dtype=float)
    weights = task.get("weights")
    w = None if weights is None else np.array(weights, dtype=float)
    return {
        "mae": refused(lambda: metrics.mean_absolute_error(y, p, sample_weight=w)),
        "mse": refused(lambda: metrics.mean_squared_error(y, p, sample_weight=w)),
        "rmse": refused(lambda: metrics.root_mean_squared_error(y, p, sample_weight=w)),
        "mape": refused(lambda: metrics.mean_absolute_percentage_error(y, p, sample_weight=w)),
        "median_absolute_error": refused(lambda: metrics.median_absolute_error(y, p, sample_weight=w)),
        "max_error": refused(lambda: metrics.max_error(y, p)),
        "r2": refused(lambda: metrics.r2_score(y, p, sample_weight=w)),
        "explained_variance": refused(lambda: metrics.explained_variance_score(y, p, sample_weight=w)),
    }


def calibration_bins(task):
    observed, predicted = calibration.calibration_curve(np.array(task["positive"]), np.array(task["probabilities"], dtype=float),
                                                        n_bins=task["bins"], strategy=task["strategy"], pos_label=1)
    return {"observed": observed, "predicted": predicted}


# --- drift --------------------------------------------------------------------------------------------------------


def zero_filled(counts):
    shares = counts / counts.sum()
    smallest = shares[shares > 0].min()
    return np.where(shares == 0, smallest / 1e6 if smallest <= 1e-4 else 1e-4, shares)


def counted(task):
    """Counts over the sorted union of the values, or in Sturges's bins over the pooled range (Evidently's rules)."""
    reference, current, method = task["reference"], task["current"], task["method"]
    numeric = not any(isinstance(v, str) for v in reference + current)
    if numeric and method in ("jensenshannon", "psi", "kl_div") and len(set(reference)) > 20:
        edges = np.histogram_bin_edges(np.array(reference + current, dtype=float), bins="sturges")
        return tuple(np.histogram(np.array(side, dtype=float), edges)[0].astype(float) for side in (reference, current))
    union = sorted(set(reference) | set(current))
    place = {value: at for at, value in enumerate(union)}
    return tuple(np.bincount([place[v] for v in side], minlength=len(union)).astype(float) for side in (reference, current))


def drift(task):
    reference, current, method = task["reference"], task["current"], task["method"]
    if method == "ks":
        found = stats.ks_2samp(np.array(reference, dtype=float), np.array(current, dtype=float))
        return {"score": found.pvalue, "statistic": found.statistic}
    if method == "wasserstein":
        a, b = np.array(reference, dtype=float), np.array(current, dtype=float)
        return {"score": stats.wasserstein_distance(a, b) / max(np.std(a), 0.001)}
    a, b = counted(task)
    if method == "chisquare":
        if len(a) < 2:
            return {"score": 1.0, "statistic": 0.0}
        found = stats.chisquare(b, a * (b.sum() / a.sum()))
        return {"score": found.pvalue, "statistic": found.statistic}
    if method == "z":
        n, m = a.sum(), b.sum()
        ones = n - a[0], m - b[0]
        pooled = sum(ones) / (n + m)
        if len(a) < 2 or not 0 < pooled < 1:
            return {"score": 1.0, "statistic": 0.0}
        z = (ones[0] / n - ones[1] / m) / math.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        return {"score": 2 * stats.norm.sf(abs(z)), "statistic": z}
    if method == "jensenshannon":
        return {"score": jensenshannon(a, b)}
    p, q = zero_filled(a), zero_filled(b)
    return {"score": np.sum((p - q) * np.log(p / q)) if method == "psi" else stats.entropy(p, q)}


ANSWERS = {
    "transform": transform, "target_encode": target_encode, "label_encode": label_encode, "compose": compose, "split": split,
    "stratified_sizes": stratified_sizes, "classification": classification, "multilabel": multilabel, "regression": regression,
    "calibration_bins": calibration_bins, "drift": drift,
}

print(json.dumps({"versions": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__, "numpy": np.__version__}}), flush=True)
for line in sys.stdin:
    question = json.loads(line, object_hook=decoded)
    try:
        answer = {"value": encoded(ANSWERS[question["kind"]](question))}
    except (ValueError, TypeError, AttributeError, IndexError, OverflowError, ZeroDivisionError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"[:200]}
    print(json.dumps(answer), flush=True)
