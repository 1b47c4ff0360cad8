"""Our docstrings keep a section on few lines; the site has an entry of each argument."""

from __future__ import annotations

import re
from typing import Any

import griffe

_NAMES = r"[a-z_]\w*(?:, [a-z_]\w*)*: "


class OnFewLines(griffe.Extension):
    """Sections as the reader of Google's docstrings wants them."""

    def on_instance(self, *, obj: griffe.Object, **more: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = spread(obj.docstring.value)


def spread(text: str) -> str:
    """'Args: a: x. b: y' as a line for each; what is raised and returned, and arguments without a name, as prose."""
    lines = re.sub(r"(?<=[.)]) (Raises|Returns): ", r"\n\1: ", text).splitlines()
    told: list[str] = []
    while lines:
        line = lines.pop(0)
        found = re.match(r"(Args|Attributes|Raises|Returns):(.*)", line)
        if not found:
            told.append(line)
            continue
        section, body = found[1], [found[2].strip()]
        while lines and (lines[0].startswith("    ")):
            body.append(lines.pop(0).strip())
        words = " ".join(body).strip()
        if section in ("Args", "Attributes") and re.match(_NAMES, words):
            entries = re.split(rf"(?<=[.;]) (?={_NAMES})", words)
            told += [f"{section}:", *(f"    {entry}" for entry in entries), ""]
        else:
            told += ["", f"**{section}:** {words}", ""]
    return "\n".join(told)
