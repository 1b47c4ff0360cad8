"""The models by name, each a file of its own: `tsfmicro.create_model`, `tsfmicro.list_models`.

Whichever model is imported first, the registry imports all in their order: one may be made of parts of another.
"""

import tsfmicro.models.registry  # noqa: F401
