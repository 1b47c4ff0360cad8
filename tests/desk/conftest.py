"""A project with three videos, and who is in them."""

import pytest

from tests.desk.films import film
from tsfmicro.desk.found import kept
from tsfmicro.desk.people import People
from tsfmicro.desk.project import Project


@pytest.fixture
def project(tmp_path):
    opened = Project(tmp_path / "project")
    for n, name in enumerate(("a.avi", "b.avi", "c.avi")):
        opened.add(film(tmp_path / name, blank=20 * n), link=True)
    yield opened
    opened.close()


@pytest.fixture
def people(project):
    return People(project, lambda video: kept(project.found_in(video)))
