"""The public interface as plain data: names, their parameters and defaults.

``python -m tests.docs.interface`` writes it to ``interface.json``, which a release must not break.
"""

import inspect
import json
import re
from importlib import import_module
from pathlib import Path
from typing import Any

SNAPSHOT = Path(__file__).with_name("interface.json")
MODULES = tuple(
    f"pennylane_qstore{part}"
    for part in ("", ".optimize", ".templates", ".mitigation", ".training", ".reporting", ".lint")
)
REQUIRED = "required"


def parameters(thing: Any) -> dict[str, str]:
    """Each parameter with its default, in order; nothing for what cannot be called."""
    if not callable(thing):
        return {}
    try:
        found = inspect.signature(thing).parameters.values()
    except ValueError:  # a built-in
        return {}
    return {
        one.name: REQUIRED if one.default is one.empty else _shown(one.default)
        for one in found
        if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)
    }


def _shown(default: Any) -> str:
    return re.sub(r" at 0x[0-9a-f]+", "", repr(default))


def interface() -> dict[str, dict[str, str]]:
    """All public names by module."""
    found = {}
    for module_name in MODULES:
        module = import_module(module_name)
        for name in module.__all__:
            found[f"{module_name}.{name}"] = parameters(getattr(module, name))
    return found


def breaks(before: dict[str, dict[str, str]], now: dict[str, dict[str, str]]) -> list[str]:
    """What worked before and no longer does; names and optional parameters may be added."""
    found = []
    for name, old in before.items():
        if name not in now:
            found.append(f"{name} is gone")
            continue
        new = now[name]
        found += [f"{name}: {one} is gone" for one in old if one not in new]
        for one, default in new.items():
            if one not in old and default == REQUIRED:
                found.append(f"{name}: {one} is new and required")
            elif one in old and default != old[one]:
                found.append(f"{name}: {one} was {old[one]}, is {default}")
        if [one for one in new if one in old] != [one for one in old if one in new]:
            found.append(f"{name}: the order changed")
    return found


if __name__ == "__main__":
    text = json.dumps(interface(), indent=1, ensure_ascii=False)
    SNAPSHOT.write_text(text + "\n", encoding="utf-8")
