"""Requests of customers that come again, whose older records the team still has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from ruleout.faults.fault import Inapplicable
from ruleout.faults.service import Service

__all__ = ["OWNED", "last_record", "owned", "with_owners"]

OWNED: Mapping[str, Any] = {"entity": "customer_no", "time": "seen_at"}
"""What a case with such requests says of itself."""


def with_owners(service: Service, rng: np.random.Generator) -> Service:
    """The service with a customer and a moment for every row: training rows come first, then validation rows, then the requests."""
    import pandas as pd

    half, frames = service.fitted.half, []
    n_customers = max(30, len(half.train) // int(rng.integers(2, 6)))
    first = pd.Timestamp("2024-01-01")
    for frame, days in ((half.train, 90), (half.validation, 30), (service.requests, 30)):
        seconds = np.sort(rng.integers(0, days * 86_400, len(frame)))
        owner = rng.integers(0, n_customers, len(frame)) + 10_000
        rows = frame.drop(columns=[c for c in (service.system.dataset.time,) if c])
        frames.append(rows.assign(customer_no=owner, seen_at=first + pd.to_timedelta(seconds, unit="s")))
        first += pd.Timedelta(days=days)
    train, validation, requests = frames
    half = half.with_frame("train", train).with_frame("validation", validation)
    return replace(service, fitted=replace(service.fitted, half=half), requests=requests)


def owned(service: Service, log: Any) -> Any:
    """The log with the customer and the moment of each request."""
    return log.assign(**{c: service.requests[c].to_numpy() for c in OWNED.values()})


def last_record(service: Service, columns: list[str]) -> Any:
    """The columns as the newest older record of the request's customer has them; as they are for customers without one."""
    import pandas as pd

    half, name = service.fitted.half, OWNED["entity"]
    known = pd.concat([half.train, half.validation]).drop_duplicates(name, keep="last").set_index(name)
    if not len(known):
        raise Inapplicable("no older records")
    requests = service.requests
    old = known[columns].reindex(requests[name]).reset_index(drop=True)
    there = requests[name].isin(known.index).to_numpy()
    return pd.DataFrame({c: np.where(there, old[c], requests[c]) for c in columns}, index=requests.index)
