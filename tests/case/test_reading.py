"""Code is read for leaks and never run: each leak at its own line, and nothing in code that splits first."""

from __future__ import annotations

import pytest

from ruleout.case.code import Code
from ruleout.case.reading import read_leaks

SPLIT = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)\n"

LEAKS = {
    "fit-before-split": "scaler = StandardScaler().fit(X)\nX = scaler.transform(X)\n" + SPLIT,
    "selection-before-split": "best = SelectKBest(k=5)\nX = best.fit_transform(X, y)\n" + SPLIT,
    "resampling-before-split": "X, y = SMOTE(random_state=0).fit_resample(X, y)\n" + SPLIT,
    "aggregate-before-split": "df['rate'] = df.groupby('shop')['bought'].transform('mean')\na, b = df[:n], df[n:]\n",
    "fit-on-test": SPLIT
    + "encoder = TargetEncoder()\nX_train = encoder.fit_transform(X_train, y_train)\nX_test = encoder.fit_transform(X_test, y_test)\n",
    "shuffled-time-split": "df = df.sample(frac=1, random_state=3)\na, b = df[:n], df[n:]\n",
}

LINES = {"fit-on-test": 4}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leak_is_found_at_its_line(kind: str) -> None:
    found = [r for r in read_leaks(Code({"prepare.py": LEAKS[kind]}), target="bought", time="day") if r.kind == kind]
    assert [(r.file, r.line) for r in found] == [("prepare.py", LINES.get(kind, 2 if kind == "selection-before-split" else 1))]
    assert found[0].text == LEAKS[kind].splitlines()[found[0].line - 1]


def test_a_function_that_is_called_before_the_split_is_read_where_it_is_called() -> None:
    text = (
        "def add(df):\n    df['share'] = (df.bought == 'yes').groupby(df.shop).transform('mean')\n    return df\n\n"
        "def tables(path):\n    df = add(read(path))\n    cut = int(len(df) * 0.7)\n    return df[:cut], df[cut:]\n"
    )
    (found,) = read_leaks(Code({"features.py": text}), target="bought")
    assert (found.kind, found.line, found.columns) == ("aggregate-before-split", 2, ("share",))


def test_statistics_of_all_rows_before_a_split_are_a_fit() -> None:
    text = "X = (X - X.mean()) / X.std()\n" + SPLIT
    assert [r.kind for r in read_leaks(Code({"a.py": text}))] == ["fit-before-split"]


def test_a_fit_on_both_tables_together_is_on_held_out_rows() -> None:
    text = "rows = pd.concat([train, test])\nimputer = SimpleImputer().fit(rows)\n"
    assert [(r.kind, r.line) for r in read_leaks(Code({"a.py": text}))] == [("fit-on-test", 2)]


def test_answers_of_a_model_of_all_rows_are_features_that_know_them() -> None:
    text = (
        "def stack(df, columns):\n    first = GradientBoostingClassifier().fit(df[columns], df.bought)\n"
        "    said = pd.DataFrame(first.predict_proba(df[columns]), columns=[f'p_{c}' for c in first.classes_])\n"
        "    return df.join(said)\n\ndef tables(df, columns):\n    df = stack(df, columns)\n    return df[:n], df[n:]\n"
    )
    (found,) = read_leaks(Code({"a.py": text}), target="bought")
    assert (found.kind, found.line, found.columns) == ("answers-before-split", 3, ("p_*",))


HONEST = {
    "a first model out of fold": "df['p'] = cross_val_predict(RandomForestClassifier(), df[columns], df.bought)\na, b = df[:n], df[n:]\n",
    "a first model of the training rows": "first = LogisticRegression().fit(train[columns], train.bought)\n"
    "df['p'] = first.predict(df[columns])\na, b = df[:n], df[n:]\n",
    "a model fitted and asked after the split": SPLIT + "model = Ridge().fit(X_train, y_train)\nout['p'] = model.predict(X_test)\n",
    "split first": SPLIT + "scaler = StandardScaler().fit(X_train)\nX_test = scaler.transform(X_test)\n",
    "a pipeline": "model = make_pipeline(StandardScaler(), SelectKBest(k=3), LogisticRegression())\ncross_val_score(model, X, y)\n",
    "cut by time": "df = df.sort_values('day')\ntrain, test = df[:cut], df[cut:]\nrate = train.groupby('shop')['bought'].mean()\n",
    "resampling the training rows": SPLIT + "X_train, y_train = SMOTE().fit_resample(X_train, y_train)\n",
    "means of features": "df['size'] = df.groupby('shop')['price'].transform('mean')\na, b = df[:n], df[n:]\n",
    "no Python": "this is {{ not }} a program",
}


@pytest.mark.parametrize("what", HONEST)
def test_honest_code_is_not_accused(what: str) -> None:
    text = HONEST[what]
    time = "day" if what == "cut by time" else None
    assert read_leaks(Code({"prepare.py": text}), target="bought", time=time) == ()


def test_a_network_that_is_never_set_to_evaluation() -> None:
    text = "import torch\n\ndef predict(network, x):\n    return network(x)\n"
    assert [(r.kind, r.line) for r in read_leaks(Code({"a.py": text}))] == [("evaluation-mode", 3)]
    assert read_leaks(Code({"a.py": text.replace("return", "network.eval()\n    return")})) == ()


AHEAD = {
    "shift": "rows['soon'] = rows['sold'].shift(-1)\n",
    "diff": "rows = rows.assign(soon=rows.sold.diff(periods=-2))\n",
    "centred": "rows['soon'] = rows['sold'].rolling(3, center=True).mean()\n",
    "by another name": "later = rows['sold'].shift(-7)\nrows['soon'] = later.fillna(0)\n",
}


@pytest.mark.parametrize("how", AHEAD)
def test_a_column_made_of_later_rows_is_named(how: str) -> None:
    (found,) = read_leaks(Code({"a.py": AHEAD[how]}), target="sold")
    assert (found.kind, found.line, found.columns) == ("made-of-later-rows", 1, ("soon",))


@pytest.mark.parametrize(
    "line", ["rows['sold'] = rows['count'].shift(-1)\n", "rows['before'] = rows['sold'].shift(1)\n", "y = x.shift(-1)\n"]
)
def test_a_label_of_later_rows_and_a_step_back_are_right(line: str) -> None:
    assert read_leaks(Code({"a.py": line}), target="sold") == ()


def test_a_column_filled_by_the_mean_of_its_class_is_named() -> None:
    text = "mean = df.groupby('bought')['rating'].transform('mean')\ndf['rating'] = df['rating'].fillna(mean)\n" + SPLIT
    (found,) = read_leaks(Code({"a.py": text}), target="bought")
    assert (found.kind, found.line, found.columns) == ("aggregate-before-split", 1, ("rating",))


def test_how_many_columns_a_selector_keeps_is_read() -> None:
    (found,) = read_leaks(Code({"a.py": LEAKS["selection-before-split"]}))
    assert found.chosen == 5
