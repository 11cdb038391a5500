"""JSON Schemas of the result formats, as ``GET /schemas/formats/{format}`` shows them."""

from pennylane_qstore.emulator.gates import Json
from pennylane_qstore.emulator.outcome import (
    AGGREGATE_V1,
    HISTOGRAM_V1,
    HISTOGRAM_V2,
    PROBABILITIES_V1,
    PROBABILITIES_V2,
    SHOTS_V1,
    SHOTS_V2,
)

DIALECT = "https://json-schema.org/draft/2020-12/schema"

_PROBABILITY: Json = {"type": "number", "minimum": 0, "maximum": 1}
_COUNT: Json = {"type": "integer", "minimum": 0}


def _map(keys: str, values: Json) -> Json:
    return {"type": "object", "patternProperties": {keys: values}, "additionalProperties": False}


def _object(key: str, value: Json) -> Json:
    return {"type": "object", "properties": {key: value}, "required": [key]}


def _registers(kind: str, values: Json) -> Json:
    registers: Json = {"type": "object", "additionalProperties": _map("^[01]+$", values)}
    return _object(kind, _object("registers", registers))


_BITS: Json = {"type": "array", "items": {"enum": [0, 1]}}
_SHOT = _object("registers", {"type": "object", "additionalProperties": _BITS})

_BODIES: dict[str, Json] = {
    PROBABILITIES_V1: _map("^[0-9]+$", _PROBABILITY),
    PROBABILITIES_V2: _registers("probabilities", _PROBABILITY),
    HISTOGRAM_V1: _map("^[0-9]+$", _COUNT),
    HISTOGRAM_V2: _registers("histogram", _COUNT),
    SHOTS_V1: {"type": "array", "items": {"type": "string", "pattern": "^[0-9]+$"}},
    SHOTS_V2: _object("shots", {"type": "array", "items": _SHOT}),
    AGGREGATE_V1: {"type": "object", "additionalProperties": _map("^[0-9]+$", _PROBABILITY)},
}

SCHEMAS: dict[str, Json] = {
    form: {"$schema": DIALECT, "$id": form, **body} for form, body in _BODIES.items()
}
