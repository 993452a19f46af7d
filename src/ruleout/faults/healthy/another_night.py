"""Another night of the same pipeline."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ruleout.faults.fault import Severity
from ruleout.faults.night import Night, NightFault, Spoilt, Style, run_night
from ruleout.faults.system import System


class AnotherNight(NightFault):
    """Nothing is wrong: there are more or fewer rows, a stage more, a warning that means nothing, a later start."""

    variants = ("plain", "fewer-rows", "another-stage", "warning", "later", "patch-releases")

    def draw(
        self, system: System, rng: np.random.Generator, severity: Severity, variant: str, style: Style, day: int
    ) -> tuple[System, Night, Spoilt]:
        """The second night, in one of these ways."""
        half = system.current
        if variant == "fewer-rows":
            share = float(rng.uniform(0.8, 0.97))
            half = half.with_frame("train", half.train.sample(frac=share, random_state=int(rng.integers(1000))).reset_index(drop=True))
        if variant == "patch-releases":
            newer = dict(half.environment)
            package = str(rng.choice(sorted(newer)))
            *front, last = newer[package].split(".")
            newer[package] = ".".join([*front, str(int(last) + 1) if last.isdigit() else f"{last}1"])
            half = replace(half, environment=newer)
        night = run_night(system, half, style, day)
        if variant == "another-stage":
            extra = {"stage": str(rng.choice(["profile", "backup", "notify"])), "rows_in": 0, "rows_out": 0, "status": "ok"}
            night = replace(night, log=(*night.log, {**extra, "started": night.log[-1]["started"], "message": "sent"}))
        elif variant == "warning":
            said = ["2 rows had no error code", "slow query, 40 s", "3 late rows were left for tomorrow", "retrying: source was busy"]
            night = night.with_stage(str(rng.choice(["extract", "clean", "join"])), message=said[int(rng.integers(len(said)))])
        elif variant == "later":
            log = [{**record, "started": str(record["started"]).replace("T02:", "T05:")} for record in night.log]
            night = replace(night, log=tuple(log))
        return system, night, Spoilt(night, (), (), {})
