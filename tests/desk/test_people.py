"""Who is who: faces have the names that coders give, and a person's videos share where the person rests."""

from dataclasses import replace

import numpy as np
import pytest

from tests.desk.seen import look, name, rested
from tsfmicro.desk.found import kept
from tsfmicro.desk.project import Project
from tsfmicro.errors import AnnotationError
from tsfmicro.spot.rest import Rest


def test_a_face_has_the_name_that_a_coder_gives_it_and_is_among_the_people_of_the_video(project, people):
    look(project, "a.avi", faces=(1, 2))
    assert [f["name"] for f in people.faces("a.avi")] == ["", ""]
    name(project, "a.avi", f1="Eva", f2=" ben\n")
    assert [f["name"] for f in people.faces("a.avi")] == ["Eva", "ben"]
    assert project.videos["a.avi"]["people"] == ["Eva", "ben"] and people.everybody() == ["Eva", "ben"]
    project.undo()
    assert project.videos["a.avi"]["people"] == [] and people.everybody() == []


def test_a_moment_is_shown_on_the_face_of_its_person(project, people):
    look(project, "a.avi", faces=(1, 2))
    name(project, "a.avi", f1="Eva", f2="ben")
    assert [people.face_of("a.avi", one) for one in ("BEN", "eva", "ida", "")] == [2, 1, None, None]
    found = replace(kept(project.found_in("a.avi")), landmarks=(np.zeros((60, 5, 2)), np.ones((60, 5, 2))))
    assert found.landmarks_near(0.1, 2).max() == 1 and found.landmarks_near(0.1).max() == 0
    assert found.landmarks_near(5.0, 2) is None


def test_the_only_face_is_that_of_the_only_person(project, people):
    look(project, "a.avi")
    project.change("people", "anna", {("video", "a.avi"): {"people": ["eva"]}})
    assert people.name_of("a.avi", 1) == "eva"
    look(project, "b.avi", faces=(1, 2))
    project.change("people", "anna", {("video", "b.avi"): {"people": ["eva"]}})
    assert people.name_of("b.avi", 1) == "", "which of the two it is, nobody said"


def test_a_person_s_rest_is_used_in_their_other_videos_whatever_the_capitals(project, people):
    look(project, "a.avi", [rested(1, 0.1, 0.3, 0.4)])
    name(project, "a.avi", f1="Eva")
    name(project, "b.avi", f2="eva", f1="ben")
    known = people.rest_for("b.avi")
    assert list(known) == [2] and isinstance(known[2], Rest)
    assert (known[2].video, known[2].begin, known[2].end, known[2].unrest.max()) == ("a.avi", 0.1, 0.3, 0.4)
    assert people.rest_for("a.avi") is None, "there the program looks for it as ever"
    project.change("people", "anna", {("video", "c.avi"): {"people": ["eva"]}})
    assert people.rest_for("c.avi").video == "a.avi", "of one person, whichever number the face will have"


def test_where_a_coder_says_that_somebody_rests_counts_and_is_looked_at_first(project, people):
    look(project, "a.avi", [rested(1, 0.1, 0.3)])
    name(project, "a.avi", f1="eva")
    name(project, "b.avi", f1="eva")
    project.change("rest", "anna", {("person", "EVA"): {"rest": {"video": "b.avi", "from": 0.2, "to": 0.5}}})
    known = people.baseline("Eva")
    assert (known.video, known.by_coder, known.rest) == ("b.avi", True, None)
    assert people.rest_for("b.avi") == {1: (0.2, 0.5)} and people.rest_for("a.avi") is None
    assert people.before(["a.avi"]) == ["b.avi"], "the program has to measure it there before"
    look(project, "b.avi", [rested(1, 0.2, 0.5, 0.7)])
    people.forget("b.avi")
    assert people.before(["a.avi"]) == [] and people.rest_for("a.avi")[1].unrest.max() == 0.7
    told = people.told("a.avi")["rests"]["eva"]
    assert told["stale"] and told["used"]["video"] == "a.avi" and told["is"]["video"] == "b.avi"
    look(project, "a.avi", [rested(1, 0.2, 0.5, 0.7, "b.avi")])
    people.forget("a.avi")
    assert not people.told("a.avi")["rests"]["eva"]["stale"], "it has looked again with it"
    project.undo()
    assert not people.baseline("eva").by_coder


def test_it_is_told_where_the_program_has_not_used_a_rest_yet(project, people):
    look(project, "a.avi", [rested(1, 0.1, 0.3)])
    look(project, "b.avi")
    for video in ("a.avi", "b.avi"):
        name(project, video, f1="eva")
    told = people.told("b.avi")["rests"]["eva"]
    assert (told["used"], told["stale"]) == (None, True) and not people.told("a.avi")["rests"]["eva"]["stale"]


def test_a_rest_that_was_borrowed_is_not_lent(project, people):
    look(project, "a.avi", [rested(1, 0.1, 0.3, video="gone.avi")])
    name(project, "a.avi", f1="eva")
    assert people.baseline("eva") is None


def test_a_rest_survives_opening_again_and_goes_with_its_video(project, people):
    project.change("rest", "anna", {("person", "eva"): {"rest": {"video": "b.avi", "from": 0.2, "to": 0.5}}})
    project.close()
    again = Project(project.folder)
    assert again.rest_of("Eva") == {"video": "b.avi", "from": 0.2, "to": 0.5} and not again.notes
    again.remove("b.avi", "anna")
    assert again.rest_of("eva") is None
    again.close()


@pytest.mark.parametrize(
    "rest",
    [
        {},
        {"video": "z.avi", "from": 0, "to": 1},
        {"video": "a.avi", "from": 1, "to": 1},
        {"video": "a.avi", "from": -1, "to": 1},
        {"video": "a.avi", "from": "x", "to": 1},
        {"video": ["a"], "from": 0, "to": 1},
    ],
)
def test_what_is_no_rest_is_refused(project, rest):
    with pytest.raises(AnnotationError, match="a rest must have seconds"):
        project.change("rest", "anna", {("person", "eva"): {"rest": rest}})


@pytest.mark.parametrize("who", [{"x": "eva"}, {"1": 5}, ["eva"]])
def test_what_is_no_naming_of_faces_is_refused(project, who):
    with pytest.raises(AnnotationError, match="a name to the number of a face"):
        project.change("who", "anna", {("video", "a.avi"): {"who": who}})
