"""topics.csv: a multi-label table, drawn by scikit-learn's make_multilabel_classification.

Pinned: scikit-learn==1.9.1, numpy==2.4.6. Run from the root of the repository: python data/scripts/generate_topics.py
Deterministic: the seed is below. The numbers are counts of words; a topic is 1 where a document has it. Some
documents have none.
"""

import csv
from pathlib import Path

import numpy as np
import sklearn
from sklearn.datasets import make_multilabel_classification

assert sklearn.__version__ == "1.9.1", sklearn.__version__
assert np.__version__ == "2.4.6", np.__version__

TOPICS = ["economy", "health", "politics", "science", "sports"]

counts, flags = make_multilabel_classification(
    n_samples=600, n_features=20, n_classes=len(TOPICS), n_labels=2, length=60, allow_unlabeled=True, random_state=20261123
)
with open(Path(__file__).parent.parent / "topics.csv", "w", newline="") as file:
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow([f"word_{i:02d}" for i in range(counts.shape[1])] + TOPICS)
    for row, labels in zip(counts.astype(int), flags):
        rows.writerow([*row.tolist(), *labels.tolist()])
print(flags.sum(axis=0), (flags.sum(axis=1) == 0).sum(), (flags.sum(axis=1) == 5).sum())
