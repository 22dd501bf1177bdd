"""Writes diabetes.csv and breast_cancer.csv beside this folder, from the copies that scikit-learn ships.

Needs scikit-learn 1.9 or any later version (pip install scikit-learn pandas); the files were made with the version
that data/README.md names. Run: python data/scripts/export_sklearn.py
"""

from pathlib import Path

from sklearn.datasets import load_breast_cancer, load_diabetes

FOLDER = Path(__file__).resolve().parent.parent


def write(name, frame):
    frame.to_csv(FOLDER / name, index=False, lineterminator="\n")


def diabetes():
    # scaled=False: the measurements as they were taken, not centred and divided as in scikit-learn's default.
    return load_diabetes(as_frame=True, scaled=False).frame


def breast_cancer():
    data = load_breast_cancer(as_frame=True)
    frame = data.data.rename(columns=lambda column: column.replace(" ", "_"))
    frame["diagnosis"] = [data.target_names[label] for label in data.target]
    return frame


write("diabetes.csv", diabetes())
write("breast_cancer.csv", breast_cancer())
