"""Whichever model is imported first, the registry imports all in their order: one may be made of parts of another."""

import tsfmicro.models.registry  # noqa: F401
