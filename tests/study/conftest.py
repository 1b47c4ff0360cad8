from tests.run.conftest import plan, prepared_folder, start  # noqa: F401
