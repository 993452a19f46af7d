"""The page on package versions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from ruleout.case.case import Case, Environment
from ruleout.causes.beside import beside, taken_back
from ruleout.causes.casts import cast_columns, cast_reference
from ruleout.causes.functions import columns_assigned
from ruleout.causes.making import beyond_its_recipe, short_of_its_recipe
from ruleout.causes.moved import moved_columns, moved_most
from ruleout.causes.page import Cause, Finding, Look
from ruleout.causes.released import released
from ruleout.causes.scores import same_config
from ruleout.causes.upgraded import put_back, put_forward
from ruleout.guards.guard import Guard
from ruleout.guards.systems import code_fingerprint
from ruleout.models.model import Description
from ruleout.problem.problem import Problem

__all__ = ["Dependency", "by_suspicion"]

TOUCHES_RESULTS: Final = (
    "pandas",
    "scikit-learn",
    "numpy",
    "xgboost",
    "lightgbm",
    "catboost",
    "torch",
    "tensorflow",
    "keras",
    "jax",
    "transformers",
    "tokenizers",
    "polars",
    "pyarrow",
    "scipy",
    "python",
    "category-encoders",
    "imbalanced-learn",
    "onnxruntime",
    "statsmodels",
    "nltk",
    "spacy",
)
"""Packages whose releases are known to change what is computed, those that touch most pipelines first."""

LEVELS: Final = {"major": 0.8, "minor": 0.4, "patch": 0.0}


class Dependency(Cause):
    """A package version changed behaviour, so the same code on the same rows makes another model.

    What goes wrong
    ---------------
    The environment of the current side is not the one of the reference, and one of the packages in which they differ computes
    something otherwise: a default, a type, a sort order, a random stream.

    Why it happens
    --------------
    Versions are not pinned, an image is rebuilt, a transitive dependency moves, the laptop and the server are upgraded apart.

    What you see
    ------------
    Nobody changed anything. Columns are silently dropped (text that is no longer of the type that was asked for), categories are
    sorted otherwise, defaults have new values, and no error is raised.

    How it is tested
    ----------------
    Versions are compared part by part: a major release counts 0.8, a minor one 0.4, half of that for packages not known to touch results;
    patches alone are no suspicion.

    What the two artifacts are made of (steps, columns that reach the model, categories, parameters) is compared where configuration and
    code are the same: what differs there was made by the environment, and adds 3 to the likeliest package and 1 to the others. Where the
    tables hold what the same code made, columns that it assigns and that moved furthest are held against major releases of the packages
    that it imports, those first that are known to change what it leans on (dates in pandas 3, small integers in numpy 2). Where numbers
    wrapped around, the reference's are wrapped likewise and measured; the rest rests on observation.

    Where two environments logged the same rows, each column that differs is held against what known releases do: text of missing values
    is missing or the word nan (pandas 3), whole numbers wrap around (numpy 2), dates count another unit (pandas 3). Else the columns that
    differ must all be assigned by code that is the same on both sides and imports a package with another major release. The values of the
    reference's log are put in their place and the artifact is asked again.

    An artifact that its own recipe, cloned and fitted again here on its own rows and settings, does not give (by three standard errors and
    a fifth of the change) was made by something else: with code and settings the same, by the packages; a major release gains 2. If it is
    the reference's artifact that cannot be given again, the current side is put right by taking that artifact.

    With --build-environments both environments are installed, each in a folder of its own, and the current side is asked, then trained
    again, in the reference's. Where that brings the metric back, mixes of both are installed and run until it is told which packages do
    it: alone, each in part, either of two, or only together. Each is put back by itself, and forward by itself, on the same rows. What
    cannot be installed is said to be untested.

    What would rule it out
    ----------------------
    Equal versions of every package that was recorded, or the same model out of both environments.

    How it is fixed
    ---------------
    Install the reference's version of the named package, or mend the code that leaned on the old behaviour and train again.

    How it stays fixed
    ------------------
    Lock every version with hashes, keep the lock beside the artifact, and upgrade one package at a time against a recorded run.

    Told apart from
    ---------------
    pipeline.code and model.hyperparameter, whose files differ. pipeline.serialization, where the artifact itself does not survive
    the other version. pipeline.numerics, where only the last digits move.

    References
    ----------
    Semantic Versioning 2.0.0. Zhang et al. (2021), Unveiling the mystery of API evolution in deep learning frameworks, ICSE SEIP.
    PEP 440, for the order of versions.
    """

    needs = (("reference.environment", "current.environment"),)
    cost = 0.1

    def suspect(self, problem: Problem) -> Look:
        """Compare versions, and what the two environments made of the same code and settings."""
        reference, current = problem.case.reference, problem.case.current
        if reference is None or reference.environment is None or current.environment is None:
            return Look(statement="environment: not known on both sides, n = 0 packages.")
        was, now = _versions(reference.environment), _versions(current.environment)
        moved = sorted((m for m in (_move(p, was.get(p), now.get(p)) for p in {**was, **now}) if m), key=_rank)
        n = len({*was, *now})
        if not moved:
            return Look((), 0.9, f"environment: 0 of n = {n} packages differ.", ("environment",))
        logged = tuple(_of_logs(problem.case, moved)) if problem.situation == "environment" else ()
        if logged:
            return Look(logged, 0.95, covers=("environment", "serving"))
        made = _made_otherwise(problem) if _same_program(problem.case) else ""
        again = "" if made or not _same_program(problem.case) else _not_given_again(problem)
        findings = [] if made or again else list(_of_tables(problem.case, moved, n))
        if findings:
            return Look(tuple(findings), 0.9, covers=("environment",))
        for at, move in enumerate(moved[:8]):
            known = move.package in TOUCHES_RESULTS
            base = LEVELS[move.level] * (1.0 if known else 0.5)
            extra = (3.0 if at == 0 else 1.0) * bool(made)
            if again and move.level == "major":
                extra += 2.0 if at == 0 else 1.0
            if base + extra <= 0 or move.level == "patch":
                # A patch release is not accused of an artifact that is made otherwise.
                continue
            why = f"; {made or again}" if made or again else ""
            statement = (
                f"environment.{move.package}: {move.new or 'absent'}, in the reference {move.old or 'absent'} ({move.level});"
                f" {len(moved)} of n = {n} packages differ, expected 0{why}."
            )
            findings.append(
                Finding(
                    f"environment.{move.package}",
                    "environment",
                    min(base + extra, 6.0),
                    statement,
                    {"reference": move.old, "current": move.new, "level": move.level, "made_otherwise": made},
                    {"package": move.package, "version": move.old, "artifact": beyond_its_recipe(problem) is not None},
                    specificity=0.7 if made or again else 0.3,
                )
            )
        if findings:
            return Look(tuple(findings), 0.6, covers=("environment",))
        names = ", ".join(m.package for m in moved[:4])
        return Look(
            (),
            0.5,
            f"environment: {len(moved)} of n = {n} packages differ by patches alone ({names}), and no artifact tells of it.",
            ("environment",),
        )

    def put_right(self, case: Case, finding: Finding) -> Case | None:
        """The current side in the reference's environment: its artifact must be made again as the reference's was.

        Where numbers wrapped around in a table, the reference's are wrapped likewise; None where tables hold what the packages made.
        """
        if finding.repair.get("installed"):
            return put_back(case, finding)
        if finding.repair.get("casts"):
            return cast_reference(case, finding.repair["casts"])
        if finding.repair.get("beside"):
            return taken_back(case, finding.repair["beside"])
        if finding.repair.get("made"):
            return None
        reference = case.reference
        if reference is None or reference.environment is None or reference.model is None or case.current.train is None:
            return None
        artifact = reference.model if finding.repair.get("artifact") else None
        return case.with_side("current", replace(case.current, environment=reference.environment, model=artifact))

    def put_wrong(self, case: Case, finding: Finding) -> Case | None:
        """The reference side in the current environment: its artifact must be made again as the current one was."""
        if finding.repair.get("installed"):
            return put_forward(case, finding)
        reference = case.reference
        if reference is None or reference.train is None or case.current.model is None:
            return None
        return case.with_side("reference", replace(reference, environment=case.current.environment, model=None))

    def fix(self, finding: Finding) -> str:
        """Which version to install, where it was proved by installing it."""
        package, version = finding.repair.get("package"), finding.repair.get("version")
        if not finding.repair.get("installed") or not version:
            return super().fix(finding)
        pinned = f"Pin {package} to {version}" if package == "python" else f"Pin {package}=={version}"
        return f"{pinned}, or mend the code that leans on how it behaved, and train again."

    def guard(self, problem: Problem, finding: Finding) -> Guard | None:
        """The package has the version that it had when the system worked."""
        if not finding.repair["version"] or finding.repair["package"] == "python":
            return None
        given = {"package": finding.repair["package"], "version": finding.repair["version"]}
        return Guard(
            self.id(),
            finding.place,
            "package_equals",
            "environment",
            given,
            f"{finding.repair['package']} is not the version that was tested.",
        )


def by_suspicion(case: Case, packages: Sequence[str]) -> tuple[str, ...]:
    """Packages that differ between the sides, those first whose releases are the most likely to change what is computed."""
    reference = case.reference
    was = _versions(reference.environment) if reference is not None and reference.environment is not None else {}
    now = _versions(case.current.environment) if case.current.environment is not None else {}
    # Versions that read the same in their numbers (a build for another device) are the least suspect.
    moved = {p: _move(p, was.get(p), now.get(p)) or _Moved(p, "", "", "patch") for p in packages}
    return tuple(sorted(packages, key=lambda p: _rank(moved[p])))


class _Known(NamedTuple):
    """A release that is known to compute something otherwise, and the code that leans on it."""

    package: str
    release: int
    leans: str
    said: str


KNOWN: Final = (
    _Known("pandas", 3, r"to_datetime|datetime64|Timestamp|int64|\.view\(", "dates count microseconds and not nanoseconds"),
    _Known("pandas", 3, r"astype\(\s*(str|object)|select_dtypes|dtype\s*==|\binplace\b|\[.*\]\[.*\]\s*=", "text is str; copies on write"),
    _Known(
        "pandas",
        2,
        r"groupby|append\(|mean\(|sum\(|to_datetime|infer_datetime",
        "columns of text are no longer dropped; dates are read strictly",
    ),
    _Known(
        "numpy", 2, r"u?int(8|16|32)|float(16|32)|dtype", "small integers and floats stay small in arithmetic with Python numbers (NEP 50)"
    ),
)
"""Major releases that change columns without an error, from their release notes."""


def _of_tables(case: Case, packages: list[_Moved], n: int) -> Iterator[Finding]:
    """Columns that moved in the tables although the code that makes them is the same, where a major release explains it."""
    reference, current = case.reference, case.current
    if reference is None or reference.code is None or current.code is None or same_config(case) is False:
        return
    if code_fingerprint(reference.code.files) != code_fingerprint(current.code.files):
        return
    text, columns = "\n".join(current.code.files.values()), moved_columns(case)
    majors = [m for m in packages if m.level == "major" and m.package in TOUCHES_RESULTS and _imported(m.package, text)]
    if not columns or not majors:
        return
    known = [(m, k) for m in majors for k in KNOWN if k.package == m.package and _crosses(m, k.release) and re.search(k.leans, text)]
    package = known[0][0] if known else majors[0]
    why = f", since which {known[0][1].said}" if known else ""
    wrapped = [c for c in cast_columns(case) if "packed into" in c.words] if package.package == "numpy" else []
    assigned = set(columns_assigned(current.code.files))
    furthest = moved_most(columns)
    made = [m.column for m in columns if m.column in assigned]
    figures = {"reference": package.old, "current": package.new, "columns": [m.column for m in columns], "assigned": made}
    place = f"environment.{package.package}"
    given = {"package": package.package, "version": package.old}
    if wrapped:
        for number, cast in enumerate((wrapped[0], *wrapped[:11])):
            at, alike = (cast.place, [cast]) if number else (place, wrapped)
            said = (
                f"{at}: {package.package} is {package.new}, in the reference {package.old}{why}; the code is the same, and {cast.place} is"
                f" what the reference's becomes {cast.words}, n = {cast.n:,}."
            )
            repair = {**given, "casts": [(c.table, c.column, c.words) for c in alike]}
            yield Finding(at, cast.table, 3.9, said, figures, repair, specificity=1.0)
        return
    if not made or furthest[0].column not in assigned:
        return
    evidence = (3.4 if all(m.column in assigned for m in furthest) else 2.0) + (0.5 if known else -0.5)
    for at in (place, *made[:6]):
        said = (
            f"{at}: made by code that is the same on both sides, and moved by up to {furthest[0].distance:.2f}; {package.package} is"
            f" {package.new}, in the reference {package.old}{why}; {len(columns)} columns moved, {len(made)} assigned by the code,"
            f" n = {n} packages."
        )
        yield Finding(at, "environment", evidence, said, figures, {**given, "made": True}, specificity=0.7)


def _of_logs(case: Case, packages: list[_Moved]) -> Iterator[Finding]:
    """Columns that two environments logged otherwise for the same rows as a known release does, or by the same code."""
    rows, reference, current = beside(case), case.reference, case.current
    if rows is None or not rows.unlike or reference is None:
        return
    files = [side.code.files for side in (reference, current) if side.code is not None]
    if len(files) == 2 and code_fingerprint(files[0]) != code_fingerprint(files[1]):
        return
    text = "\n".join(files[-1].values()) if files else ""
    majors = {m.package: m for m in packages if m.level == "major" and m.package in TOUCHES_RESULTS}
    known = [r for r in released(rows) if r.package in majors and _crosses(majors[r.package], r.release)]
    if known:
        move, columns, why, evidence = majors[known[0].package], known[0].columns, known[0].words, 3.9
    else:
        imported = [m for m in majors.values() if len(files) == 2 and _imported(m.package, text)]
        if not imported or not set(rows.unlike) <= set(columns_assigned(files[-1])):
            return
        leaning = [m for m in imported for k in KNOWN if k.package == m.package and _crosses(m, k.release) and re.search(k.leans, text)]
        move, columns, evidence = (leaning or imported)[0], tuple(rows.unlike), 3.4 if leaning else 2.0
        why = "they are assigned by code that is the same on both sides"
    given = {"package": move.package, "version": move.old, "beside": list(columns)}
    figures = {"reference": move.old, "current": move.new, "columns": list(columns)}
    for at in (f"environment.{move.package}", *(f"serving.{c}" for c in columns[:8])):
        said = (
            f"{at}: {move.package} is {move.new}, in the reference {move.old}; {', '.join(columns[:4])} differ between the logs in"
            f" {max(float(rows.unlike[c].mean()) for c in columns):.1%} of n = {rows.n:,} rows, expected 0%: {why}."
        )
        yield Finding(at, "environment", evidence, said, figures, given, specificity=1.0)


def _imported(package: str, text: str) -> bool:
    """Whether code imports a package, or speaks of it by name."""
    name = {"scikit-learn": "sklearn", "category-encoders": "category_encoders", "imbalanced-learn": "imblearn"}.get(package, package)
    return package == "python" or re.search(rf"\b{re.escape(name)}\b", text) is not None


def _crosses(move: _Moved, release: int) -> bool:
    """Whether a change of version goes over a major release, either way."""
    old, new = (_parts(v)[:1] for v in (move.old, move.new))
    return bool(old and new) and min(old[0], new[0]) < release <= max(old[0], new[0])


class _Moved(NamedTuple):
    """A package whose version differs, with both versions and the level of the difference."""

    package: str
    old: str
    new: str
    level: str


def _versions(environment: Environment) -> dict[str, str]:
    found = {str(k): str(v) for k, v in environment.packages.items()}
    python = environment.settings.get("python")
    return found | ({"python": str(python)} if python else {})


def _move(package: str, old: str | None, new: str | None) -> _Moved | None:
    if old == new:
        return None
    first, second = _parts(old or ""), _parts(new or "")
    if first and first == second:
        return None
    level = "major" if first[:1] != second[:1] else "minor" if first[1:2] != second[1:2] else "patch"
    if first[:1] == (0,) and second[:1] == (0,) and level == "minor":
        # Below 1.0 a minor release may break as a major one may (Semantic Versioning, item 4).
        level = "major"
    return _Moved(package, old or "", new or "", level)


def _parts(version: str) -> tuple[int, ...]:
    return tuple(int(p) for p in re.findall(r"\d+", version.split("+", maxsplit=1)[0])[:3])


def _rank(move: _Moved) -> tuple[float, int, str]:
    known = TOUCHES_RESULTS.index(move.package) if move.package in TOUCHES_RESULTS else len(TOUCHES_RESULTS)
    return (-LEVELS[move.level] * (1.0 if known < len(TOUCHES_RESULTS) else 0.5), known, move.package)


def _same_program(case: Case) -> bool:
    """Whether configuration and code are not known to differ: what the artifacts are made of then follows from rows and packages."""
    reference = case.reference
    if reference is None or same_config(case) is False:
        return False
    was, now = reference.code, case.current.code
    return was is None or now is None or code_fingerprint(was.files) == code_fingerprint(now.files)


def _made_otherwise(problem: Problem) -> str:
    """How the artifacts' make-up differs, in words; "" where it does not."""
    first, second = problem.laboratory.model("reference"), problem.laboratory.model("current")
    return "" if first is None or second is None else _unlike(first.describe(), second.describe())


def _not_given_again(problem: Problem) -> str:
    """How an artifact is not what its own rows and settings give here, in words; "" where each is."""
    more = beyond_its_recipe(problem)
    if more is not None:
        return f"fitted again from its rows and settings, the reference's artifact is worse by {more}"
    less = short_of_its_recipe(problem)
    return "" if less is None else f"fitted again from its rows and settings, the current artifact is better by {less}"


def _unlike(was: Description, now: Description) -> str:
    used, uses = _used(was), _used(now)
    if used and uses and used != uses:
        lost, new = sorted(used - uses), sorted(uses - used)
        said = [f"without {', '.join(lost[:4])}" if lost else "", f"with {', '.join(new[:4])}" if new else ""]
        return (
            f"with settings unchanged the artifact is made {' and '.join(s for s in said if s)} ({len(uses)} and not {len(used)} columns)"
        )
    if was.steps != now.steps:
        return f"with settings unchanged the artifact has the steps {', '.join(now.steps[:5])} and not {', '.join(was.steps[:5])}"
    shared = [k for k in was.parameters if k in now.parameters]
    other = [k for k in shared if not k.endswith(("random_state", "seed")) and repr(was.parameters[k]) != repr(now.parameters[k])]
    if other:
        return f"with settings unchanged the artifact's {other[0]} is {now.parameters[other[0]]!r} and not {was.parameters[other[0]]!r}"
    first: Mapping[str, Any] = was.fitted.get("categories", {})
    second: Mapping[str, Any] = now.fitted.get("categories", {})
    order = [
        c for c in first if c in second and list(first[c]) != list(second[c]) and sorted(map(str, first[c])) == sorted(map(str, second[c]))
    ]
    return f"with settings unchanged the categories of {order[0]} stand in another order" if order else ""


def _used(artifact: Description) -> set[str]:
    return set(artifact.fitted.get("used") or artifact.features or ())
