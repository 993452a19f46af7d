from __future__ import annotations

import io

import numpy as np
import pyarrow as pa
import pytest

from ruleout.models import wire
from ruleout.models.model import Description, Prediction


def test_frames_round_trip_and_broken_ones_are_told() -> None:
    stream = io.BytesIO()
    wire.send(stream, {"do": "predict"}, [b"abc", b""])
    whole = stream.getvalue()
    assert wire.receive(io.BytesIO(whole)) == ({"do": "predict"}, [b"abc", b""])
    with pytest.raises(EOFError):
        wire.receive(io.BytesIO(b""))
    for broken in (whole[:-1], whole[:10], b"junk" * 10, whole.replace(b"predict", b'pre"ict')):
        with pytest.raises(wire.BrokenFrameError):
            wire.receive(io.BytesIO(broken))


@pytest.mark.parametrize(
    "prediction",
    [
        Prediction(np.array(["a", "b"], dtype=object), np.array([[0.5, 0.5], [0.25, 0.75]]), ("a", "b")),
        Prediction(np.array([1, 2]), np.array([0.5, -1.0]), (1, 2)),
        Prediction(np.array([True, False]), None, (False, True)),
        Prediction(np.array([1.5, np.nan])),
    ],
)
def test_predictions_round_trip(prediction: Prediction) -> None:
    again = wire.unpack_prediction(*wire.pack_prediction(prediction))
    np.testing.assert_array_equal(again.prediction, prediction.prediction)
    assert again.prediction.dtype == prediction.prediction.dtype
    assert again.classes == prediction.classes
    if prediction.score is None:
        assert again.score is None
    else:
        np.testing.assert_array_equal(again.score, prediction.score)


def test_parts_that_do_not_fit_are_told() -> None:
    header, payloads = wire.pack_prediction(Prediction(np.array([1, 2]), np.array([0.5, -1.0]), (1, 2)))
    for bad in ({**header, "score": [3]}, {**header, "classes": False}, {}):
        with pytest.raises(wire.BrokenFrameError):
            wire.unpack_prediction(bad, payloads)
    with pytest.raises(wire.BrokenFrameError):
        wire.description_from_dict({"engine": "scikit-learn"})
    with pytest.raises(pa.ArrowInvalid):
        wire.pack_values(np.array([1, "a"], dtype=object))


def test_descriptions_round_trip() -> None:
    description = Description("scikit-learn", "Ridge", ("Ridge",), {"alpha": 1.0}, ("a",), None, {"used": ["a"]}, False, "")
    assert wire.description_from_dict(wire.description_to_dict(description)) == description
