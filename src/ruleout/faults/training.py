"""python train.py --train TABLE --config CONFIG --model MODEL [--seed N]: fits the model that the configuration describes."""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any


def estimator(config: dict[str, Any]) -> Any:
    """The last step, as the configuration names it."""
    algorithm, seed = config["algorithm"], config.get("seed", 0)
    regression = config["task"] == "regression"
    if algorithm == "logistic":
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(
            C=config.get("C", 1.0),
            class_weight=config.get("class_weight"),
            fit_intercept=config.get("fit_intercept", True),
            max_iter=config.get("max_iter", 200),
        )
    if algorithm == "ridge":
        from sklearn.linear_model import Ridge

        return Ridge(alpha=config.get("alpha", 1.0), fit_intercept=config.get("fit_intercept", True))
    if algorithm == "boosting":
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        settings: dict[str, Any] = {
            "learning_rate": config.get("learning_rate", 0.1),
            "max_iter": config.get("n_estimators", 60),
            "max_leaf_nodes": config.get("max_leaf_nodes", 15),
            "max_depth": config.get("max_depth"),
            "min_samples_leaf": config.get("min_samples_leaf", 20),
            "l2_regularization": config.get("l2_regularization", 0.0),
            "early_stopping": config.get("early_stopping", False),
            "random_state": seed,
        }
        return (HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier)(**settings)
    if algorithm == "forest":
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        settings = {
            "n_estimators": config.get("n_estimators", 30),
            "max_depth": config.get("max_depth"),
            "min_samples_leaf": config.get("min_samples_leaf", 1),
            "max_features": config.get("max_features", 0.5),
            "max_samples": config.get("max_samples"),
            "random_state": seed,
        }
        if regression:
            return RandomForestRegressor(**settings)
        return RandomForestClassifier(class_weight=config.get("class_weight"), **settings)
    if algorithm == "mlp":
        from sklearn.neural_network import MLPClassifier, MLPRegressor

        network = MLPRegressor if regression else MLPClassifier
        return network(
            hidden_layer_sizes=tuple(config.get("hidden", [32])),
            activation=config.get("activation", "relu"),
            learning_rate_init=config.get("learning_rate", 0.005),
            alpha=config.get("weight_decay", 0.0001),
            batch_size=config.get("batch_size", 64),
            max_iter=config.get("epochs", 20),
            n_iter_no_change=1000,
            random_state=seed,
        )
    raise SystemExit(f"config: algorithm is {algorithm!r}, expected logistic, ridge, boosting, forest or mlp.")


def preparation(config: dict[str, Any], numeric: list[str], categorical: list[str]) -> Any:
    """What is done to the columns before the last step."""
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numbers: Any = SimpleImputer(strategy="median")
    categories: Any = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    if config["algorithm"] in ("logistic", "ridge", "mlp"):
        numbers = Pipeline([("impute", numbers), ("scale", StandardScaler())])
        categories = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    elif config["algorithm"] == "boosting":
        numbers = "passthrough"
    parts = [("numbers", numbers, numeric)]
    if categorical:
        parts.append(("categories", categories, categorical))
    return ColumnTransformer(parts)


def fit(config: dict[str, Any], frame: Any) -> Any:
    """Fit the whole pipeline on a labelled frame."""
    import pandas as pd
    from sklearn.pipeline import Pipeline

    frame = frame[frame[config["target"]].notna()]
    numeric = [column for column in config["numeric"] if column in frame.columns]
    categorical = [column for column in config["categorical"] if column in frame.columns]
    features = frame[numeric + categorical].copy()
    for column in numeric:
        if features[column].dtype.kind not in "fiub":
            features[column] = pd.to_numeric(features[column], errors="coerce")
    numeric = [column for column in numeric if features[column].notna().any()]  # a column without a value says nothing
    model = Pipeline([("prepare", preparation(config, numeric, categorical)), ("model", estimator(config))])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a run that has not converged is judged by its metric
        return model.fit(features, frame[config["target"]])


def main() -> None:
    """Read the table and the configuration, fit, write the artifact."""
    import joblib
    import pandas as pd

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--train", required=True)
    parser.add_argument("--config", required=True)
    parser.add_argument("--model", required=True)
    parser.add_argument("--seed", type=int)
    arguments = parser.parse_args()
    config = json.loads(Path(arguments.config).read_text(encoding="utf-8"))
    if arguments.seed is not None:
        config["seed"] = arguments.seed
    frame = pd.read_csv(arguments.train) if arguments.train.endswith(".csv") else pd.read_parquet(arguments.train)
    joblib.dump(fit(config, frame), arguments.model, compress=3)


if __name__ == "__main__":
    main()
