"""Every address of the desk, without a browser: what it answers, and what it refuses."""

import base64
import json

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the web extra is not installed")

from starlette import testclient

from tests.desk.films import film
from tests.waiting import wait_until
from tsfmicro.app.desk.server import PAGE, Desk
from tsfmicro.coding.registry import read
from tsfmicro.desk.found import PARTS, Found, keep

OURS = {"x-desk": "1"}
MOMENT = {
    "video": "a.avi",
    "onset": 0.1,
    "apex": 0.2,
    "offset": 0.4,
    "kind": "micro",
    "units": "R12B",
    "person": "eva",
    "coder": "anna",
}


@pytest.fixture
def desk(tmp_path):
    one = Desk(tmp_path / "project")
    yield one
    one.close()


@pytest.fixture
def client(desk):
    return testclient.TestClient(desk.alone(), base_url="http://localhost:7860", headers=OURS)


@pytest.fixture
def with_video(client, tmp_path):
    assert client.post(
        "/desk/api/add", json={"path": str(film(tmp_path / "a.avi")), "link": True, "coder": "anna"}
    ).json() == {"names": ["a.avi"], "notes": []}
    return client


def code(client, name="m1", coder="anna", **values):
    things = [["moment", name, {**MOMENT, "coder": coder, **values}]]
    revision = client.get("/desk/api/project").json()["revision"]
    return client.post(
        "/desk/api/change", json={"coder": coder, "what": "coded", "things": things, "revision": revision}
    )


def spotted(desk, name="a.avi"):
    told = {"face": 1, "kind": "micro", "onset": 30, "apex": 35, "offset": 45, "onset_s": 0.3, "apex_s": 0.35, "offset_s": 0.45, "region": "upper lip",
            "motion": 2.0, "confidence": 0.8, "doubt": "", "emotion": "disgust", "probabilities": {"disgust": 0.9}}  # fmt: skip
    found = Found(
        {"moments": [told], "marks": [], "notes": []},
        (1,),
        (np.arange(60) / 100,),
        (np.ones((60, len(PARTS))),),
        (np.zeros((60, 5, 2)),),
    )
    keep(found, desk.table.project.own / "found" / f"{name}.npz")
    desk.table.project.learn(name, {"found": 1})


def done(client, coder, video="a.avi"):
    things = [["video", video, {"done": {coder: "2026-01-01 blind"}}]]
    client.post("/desk/api/change", json={"coder": coder, "what": "done", "things": things, "revision": 99})


def refused(answer, status=400):
    assert answer.status_code == status
    (said,) = answer.json().values()
    assert isinstance(said, str) and said and "\n" not in said and "Traceback" not in said
    return said


def test_the_page_and_all_its_files_are_there_and_may_ask_nothing_elsewhere(client):
    page = client.get("/")
    assert page.status_code == 200 and "The desk" in page.text and page.url.path == "/desk/"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for file in PAGE.iterdir():
        assert client.get(f"/desk/page/{file.name}").status_code == 200
        assert "http://" not in file.read_text("utf-8") and "https://" not in file.read_text("utf-8")


def test_no_file_of_the_page_is_long_and_none_writes_html(client):
    for file in PAGE.glob("*.js"):
        lines = file.read_text("utf-8").splitlines()
        assert len(lines) < 400 and lines[0].startswith("/**"), file.name
        assert not [line for line in lines if "innerHTML" in line or "eval(" in line], file.name


@pytest.mark.parametrize(
    "path",
    [
        "page/../server.py",
        "page/%2e%2e%2fserver.py",
        "page/..%5cserver.py",
        "page//etc/passwd",
        "page/x.js",
        "page/.hidden",
    ],
)
def test_no_other_file_can_be_read(client, path):
    assert client.get(f"/desk/{path}").status_code == 404


@pytest.mark.parametrize(
    "name", ["../codes.csv", "..%2fcodes.csv", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "b.avi", "a.avi%00", ""]
)
def test_a_video_that_the_project_does_not_have_is_told_whatever_its_name(with_video, name):
    for path in (
        f"videos/{name}",
        f"videos/{name}/frames/0",
        f"videos/{name}/replay?onset=0&offset=1",
        f"videos/{name}/curves?from=0&to=1&points=5",
    ):
        answer = with_video.get(f"/desk/api/{path}")
        assert answer.status_code in (400, 404), path


def test_the_project_tells_its_videos_and_where_the_history_stands(with_video):
    told = with_video.get("/desk/api/project").json()
    (video,) = told["videos"]
    assert (told["name"], told["undo"], told["readonly"], told["names"]) == ("project", "", "", False)
    assert (video["name"], video["seconds"], video["trouble"], video["job"]) == ("a.avi", 0.6, "", None)
    assert code(with_video).json()["undo"] == "coded"
    assert with_video.get("/desk/api/project").json()["videos"][0]["coded"] == {"anna": 1}


def test_a_video_is_opened_with_its_frames_counted_and_shown(with_video):
    told = with_video.get("/desk/api/videos/a.avi", params={"coder": "anna"}).json()
    assert (told["frames"], told["fps"], told["seconds"], told["counted"], told["times"]) == (60, 100, 0.6, 1, None)
    picture = with_video.get("/desk/api/videos/a.avi/frames/59")
    assert picture.headers["content-type"] == "image/jpeg" and "immutable" in picture.headers["cache-control"]
    assert refused(with_video.get("/desk/api/videos/a.avi/frames/60")) == "a.avi: has no frame 60; the last one is 59."
    replay = with_video.get("/desk/api/videos/a.avi/replay", params={"onset": 0.1, "offset": 0.2})
    assert replay.headers["content-type"] == "image/webp"


def test_frames_have_the_times_of_the_file_where_some_are_missing(client, tmp_path):
    (folder_of_images(tmp_path) / "2.png").rename(tmp_path / "clip" / "4.png")  # 0, 1, 3 and 4 are left
    client.post("/desk/api/add", json={"path": str(tmp_path / "clip"), "fps": 100, "link": True})
    told = client.get("/desk/api/videos/clip").json()
    assert told["times"] == [0, 0.01, 0.03, 0.04] and told["fps"] == 75, "none of them is half a frame off"


def test_a_change_is_saved_undone_and_done_again(with_video, tmp_path):
    told = code(with_video).json()
    assert told["things"][0][2]["units"] == "R12B" and len(read(tmp_path / "project" / "codes.csv")[0].moments) == 1
    told = with_video.post("/desk/api/undo", json={}).json()
    assert told["things"] == [["moment", "m1", None]] and (told["redo"], told["videos"]) == ("coded", ["a.avi"])
    assert with_video.post("/desk/api/redo", json={}).json()["things"][0][2]["onset"] == 0.1


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"7", b"\xff\xfe", b'{"coder": "a"}', b'{"coder": "a", "what": "x", "things": [1], "revision": 0}',
     b'{"coder": "a", "what": "x", "things": [["moment", "m", 5]], "revision": 0}', b"[" * 100_000],
)  # fmt: skip
def test_what_is_no_change_is_told_in_a_line(with_video, body):
    assert "Reload it" in refused(with_video.post("/desk/api/change", content=body))


def test_a_change_of_an_old_state_is_refused(with_video):
    code(with_video)
    body = {"coder": "ben", "what": "x", "things": [["moment", "m1", None]], "revision": 0}
    assert "changed in between" in refused(with_video.post("/desk/api/change", json=body), 409)


def test_nobody_but_the_page_itself_may_ask(with_video):
    change = {"json": {"coder": "a", "what": "x", "things": [], "revision": 99}}
    assert "own page" in refused(with_video.post("/desk/api/change", headers={"x-desk": "0"}, **change), 403)
    assert "Another page" in refused(
        with_video.get("/desk/api/project", headers={"origin": "http://evil.example"}), 403
    )
    assert "Another page" in refused(with_video.get("/desk/api/project", headers={"origin": "null"}), 403)
    for host in ("evil.example", "evil.example:7860", "localhost.evil.example", ""):
        assert "for the machine that it runs on" in refused(
            with_video.get("/desk/api/project", headers={"host": host}), 403
        )
    for host in ("localhost:7860", "127.0.0.1:7860", "[::1]:7860"):
        assert (
            with_video.get("/desk/api/project", headers={"host": host, "origin": f"http://{host}"}).status_code == 200
        )


def test_from_another_machine_nobody_names_files_of_this_one(tmp_path):
    desk = Desk(tmp_path / "project", local=False)
    other = testclient.TestClient(desk.alone(), base_url="http://lab:7860", headers=OURS)
    for path, body in (
        ("open", {"folder": "/"}),
        ("add", {"path": "/etc/passwd"}),
        ("find", {"video": "a.avi", "path": "/etc/passwd"}),
    ):
        assert "From another machine nobody can" in refused(other.post(f"/desk/api/{path}", json=body))
    desk.close()


def test_without_a_project_the_page_opens_or_makes_one(tmp_path):
    desk = Desk()
    client = testclient.TestClient(desk.alone(), base_url="http://localhost", headers=OURS)
    assert client.get("/desk/api/project").json() == {"open": False, "local": True}
    assert refused(client.get("/desk/api/videos/a.avi")) == "No project is open. Open or make one first."
    assert "give the whole path" in refused(client.post("/desk/api/open", json={"folder": "project"}))
    assert client.post("/desk/api/open", json={"folder": str(tmp_path / "new")}).json()["name"] == "new"
    assert (tmp_path / "new" / "videos").is_dir()
    assert client.post("/desk/api/open", json={"folder": str(tmp_path / "other")}).json()["name"] == "other"
    assert not (tmp_path / "new" / "desk" / "lock.json").exists(), "the first one is closed"
    desk.close()


@pytest.mark.parametrize("path", ["", 5, None, "a.avi", "/no/such.avi", "/tmp/\0x"])
def test_what_is_no_video_is_not_added(client, path):
    refused(client.post("/desk/api/add", json={"path": path}))


def test_what_is_called_a_video_and_is_none_is_not_added(client, tmp_path):
    (tmp_path / "x.mp4").write_text("#EXTM3U")
    assert "is not a video" in refused(client.post("/desk/api/add", json={"path": str(tmp_path / "x.mp4")}))
    assert "Add --fps" in refused(client.post("/desk/api/add", json={"path": str(folder_of_images(tmp_path))}))
    assert client.post("/desk/api/add", json={"path": str(tmp_path / "clip"), "fps": 200, "link": True}).json() == {
        "names": ["clip"],
        "notes": [],
    }
    assert client.get("/desk/api/videos/clip").json()["frames"] == 4


def test_a_folder_is_added_with_all_its_videos_named_by_where_they_are(client, tmp_path):
    for name in ("sub01/a.avi", "sub02/a.avi", "sub02/b.mp4"):
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        film(
            tmp_path / "all" / name, 20 + len(name), codec="mp4v" if "b.mp4" in name else None, blank=10 * int(name[4])
        )
    folder_of_images(tmp_path).rename(tmp_path / "all" / "sub02" / "EP1")
    (tmp_path / "all" / "sub01" / "notes.mp4").write_text("no video")
    told = client.post("/desk/api/add", json={"path": str(tmp_path / "all"), "fps": 100, "link": True}).json()
    assert told["names"] == ["sub01_a.avi", "sub02_EP1", "sub02_a.avi", "sub02_b.mp4"]
    assert len(told["notes"]) == 1 and "notes.mp4: is not a video" in told["notes"][0]
    assert "in the project already" in refused(
        client.post("/desk/api/add", json={"path": str(tmp_path / "all"), "fps": 100})
    )
    (tmp_path / "empty").mkdir()
    assert "has no video and no images" in refused(client.post("/desk/api/add", json={"path": str(tmp_path / "empty")}))


def folder_of_images(tmp_path):
    import cv2

    (tmp_path / "clip").mkdir()
    for n in range(4):
        cv2.imwrite(str(tmp_path / "clip" / f"{n}.png"), np.full((20, 20, 3), 50 * n, np.uint8))
    return tmp_path / "clip"


def test_an_upload_becomes_a_video_of_the_project_and_leaves_nothing_else(client, desk, tmp_path):
    content = film(tmp_path / "a.avi").read_bytes()
    assert client.post("/desk/api/upload", params={"name": "../../<b>ä.avi"}, content=content).status_code == 400, (
        "no name for Windows"
    )
    assert client.post("/desk/api/upload", params={"name": "../../ä.avi"}, content=content).json() == {
        "names": ["ä.avi"],
        "notes": [],
    }
    assert (tmp_path / "project" / "videos" / "ä.avi").read_bytes() == content
    said = refused(client.post("/desk/api/upload", params={"name": "b.avi"}, content=b"no video at all"))
    assert said.startswith("b.avi: is not a video")
    assert sorted(f.name for f in (tmp_path / "project" / "desk").iterdir()) == ["history.jsonl", "lock.json"]


def test_the_program_s_moments_are_hidden_until_the_coder_is_done(with_video, desk):
    spotted(desk)

    def get(coder):
        return with_video.get("/desk/api/videos/a.avi", params={"coder": coder}).json()

    curve = {"from": 0, "to": 1, "points": 10}
    assert get("anna")["program"] is None and not get("anna")["sees"]
    assert with_video.get("/desk/api/videos/a.avi/curves", params={**curve, "coder": "anna"}).json() == {"faces": []}
    code(with_video, coder="ben")
    assert get("anna")["moments"] == {} and get("anna")["hidden"] == 1, "another coder's are, too"
    done(with_video, "anna")
    assert (
        len(get("anna")["program"]["moments"]) == 1
        and len(get("anna")["moments"]) == 1
        and get("clara")["program"] is None
    )
    assert len(with_video.get("/desk/api/videos/a.avi/curves", params={**curve, "coder": "anna"}).json()["faces"]) == 1


def test_the_demonstration_names_no_emotion_unless_asked(with_video, desk):
    spotted(desk)

    def setting(name, on):
        body = {"coder": "a", "what": "x", "things": [["setting", name, {"is": on}]], "revision": 99}
        return with_video.post("/desk/api/change", json=body)

    setting("blind", False)
    (told,) = with_video.get("/desk/api/videos/a.avi").json()["program"]["moments"]
    assert "emotion" not in told and "probabilities" not in told
    setting("names", True)
    (told,) = with_video.get("/desk/api/videos/a.avi").json()["program"]["moments"]
    assert told["probabilities"] == {"disgust": 0.9}


@pytest.mark.parametrize("form", ["elan", "praat", "boris", "datavyu", "openface", "megc", "codes"])
def test_codes_go_out_and_come_back(with_video, desk, form):
    if form in ("elan", "praat"):
        pytest.importorskip("pympi", reason="the coding extra is not installed")
    code(with_video, emotion="happiness")
    told = with_video.get("/desk/api/export", params={"as": form, "video": "a.avi", "coder": "anna"}).json()
    (file,) = told["files"]
    with_video.post("/desk/api/undo", json={})
    back = with_video.post(
        "/desk/api/import",
        params={"name": file["name"], "coder": "ben", "video": "a.avi"},
        content=base64.b64decode(file["base64"]),
    )
    assert back.json()["notes"][0].startswith("1 moments were imported")
    (moment,) = desk.table.project.moments("a.avi").values()
    assert moment["coder"] in ("anna", "ben") and moment["onset"] == pytest.approx(0.1, abs=0.011)
    again = with_video.post(
        "/desk/api/import",
        params={"name": file["name"], "coder": "ben", "video": "a.avi"},
        content=base64.b64decode(file["base64"]),
    )
    assert "are there already" in " ".join(again.json()["notes"])


def test_a_file_of_another_video_or_cut_is_refused_and_nothing_changes(with_video):
    code(with_video)
    file = with_video.get("/desk/api/export", params={"as": "codes", "coder": "anna"}).json()["files"][0]
    content = base64.b64decode(file["base64"]).decode()

    def take(text, name="x.csv"):
        return with_video.post("/desk/api/import", params={"name": name, "coder": "b"}, content=text.encode())

    assert "is of b.avi, which the project does not have" in refused(take(content.replace("a.avi", "b.avi")))
    assert "another cut" in refused(take(content.replace(",100,0.6", ",100,9")))
    assert "x.csv" in refused(take("nothing,here\n1,2\n")) and "x.eaf" in refused(take("<xml", "x.eaf"))
    assert "x.exe" in refused(take("MZ", "x.exe"))
    assert len(with_video.get("/desk/api/videos/a.avi", params={"coder": "anna"}).json()["moments"]) == 1


def test_nothing_coded_and_unknown_formats_are_told(with_video):
    assert "Nothing is coded yet" in refused(with_video.get("/desk/api/export", params={"as": "codes"}))
    assert "unknown format" in refused(with_video.get("/desk/api/export", params={"as": "word"}))
    assert "read, not written" in refused(with_video.get("/desk/api/export", params={"as": "spotted"}))


def test_two_coders_are_compared_and_the_program_is_one(with_video, desk):
    spotted(desk)
    code(with_video, units="12B")
    code(with_video, "m2", coder="ben", onset=0.12, units="12D")
    done(with_video, "anna")
    told = with_video.get("/desk/api/agree", params={"one": "anna", "other": "ben", "coder": "anna"}).json()
    assert told["about"][0].startswith("A anna, B ben: 1 video") and told["about"][1].startswith(
        "1 moments that both marked"
    )
    (odd,) = told["disagreements"]
    assert (odd["what"], odd["one"], odd["other"], odd["onset_other"]) == ("intensity", "12B", "12D", 0.12)
    told = with_video.get("/desk/api/agree", params={"one": "anna", "other": "the program", "coder": "anna"}).json()
    assert "B the program" in told["about"][0]
    assert "/tmp" not in json.dumps(told)
    said = refused(with_video.get("/desk/api/agree", params={"one": "anna", "other": "nobody"}))
    assert "/tmp" not in said


def test_a_blind_coder_gets_no_answer_by_an_export_or_by_agreement(with_video, desk, tmp_path):
    with_video.post("/desk/api/add", json={"path": str(film(tmp_path / "b.avi", blank=20)), "link": True})
    for video in ("a.avi", "b.avi"):
        spotted(desk, video)
        code(with_video, f"anna-{video[0]}", video=video)
        code(with_video, f"ben-{video[0]}", coder="ben", video=video, onset=0.12)
    done(with_video, "anna", "a.avi")

    def export(coder, **more):
        return with_video.get("/desk/api/export", params={"as": "codes", "coder": coder, **more})

    told = export("ben").json()
    assert told["notes"] == ["What others and the program marked in a.avi, b.avi is left out until ben is done there."]
    table = base64.b64decode(told["files"][0]["base64"]).decode()
    assert table.count(",ben,") == 2 and "anna" not in table
    told = export("anna").json()
    assert base64.b64decode(told["files"][0]["base64"]).decode().count(",ben,") == 1 and "b.avi" in told["notes"][0]
    assert "Press Done there" in refused(export("ben", by="anna", video="b.avi"))
    assert "nothing" not in refused(export("clara", video="b.avi")), "others saw something there"

    def agreement(coder, one="anna", other="the program"):
        return with_video.get("/desk/api/agree", params={"one": one, "other": other, "coder": coder})

    told = agreement("anna").json()
    assert "1 video;" in told["about"][0] and {d["video"] for d in told["disagreements"]} <= {"a.avi"}
    assert told["about"][-1] == "What others and the program marked in b.avi is left out until anna is done there."
    for other in ("anna", "the program"):
        assert "until ben is done there. Press Done there." in refused(agreement("ben", "ben", other))
    done(with_video, "clara", "b.avi")
    assert "anna" in refused(agreement("anna", "clara", "the program")), "what clara did not see there is hidden, too"


def test_a_video_is_removed_and_comes_back(with_video):
    code(with_video)
    with_video.post("/desk/api/remove", json={"video": "a.avi", "coder": "anna"})
    assert with_video.get("/desk/api/project").json()["videos"] == []
    with_video.post("/desk/api/undo", json={})
    assert len(with_video.get("/desk/api/project").json()["videos"]) == 1
    refused(with_video.post("/desk/api/remove", json={"video": "b.avi"}))


def test_a_video_that_moved_is_found(with_video, tmp_path):
    moved = (tmp_path / "a.avi").rename(tmp_path / "moved.avi")
    assert "is not there any more" in with_video.get("/desk/api/videos/a.avi").json()["trouble"]
    refused(with_video.get("/desk/api/videos/a.avi/frames/0"))
    assert with_video.post("/desk/api/find", json={"video": "a.avi", "path": str(moved)}).status_code == 200
    assert with_video.get("/desk/api/videos/a.avi").json()["trouble"] == ""


def test_looking_for_moments_is_a_job_that_tells_and_can_be_cancelled(with_video, desk):
    assert with_video.post("/desk/api/look", json={"videos": ["a.avi"]}).status_code == 200
    assert with_video.get("/desk/api/project").json()["videos"][0]["job"]["share"] == 0
    with_video.post("/desk/api/cancel", json={"video": "a.avi"})
    wait_until(lambda: desk.table.jobs.state() == {})
    with_video.post("/desk/api/look", json={"videos": ["a.avi"]})  # squares, and no face
    wait_until(lambda: "trouble" in desk.table.jobs.state().get("a.avi", {}))
    assert "no face is seen long enough" in desk.table.jobs.state()["a.avi"]["trouble"]
    refused(with_video.post("/desk/api/look", json={"videos": "a.avi"}))
    refused(with_video.post("/desk/api/look", json={"videos": ["../x"]}))


def test_coding_needs_no_torch():
    import subprocess
    import sys

    told = subprocess.run(
        [sys.executable, "-c", "import sys, tsfmicro.app.desk.server, tsfmicro.app.web; print('torch' in sys.modules, 'gradio' in sys.modules)"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.split() == ["False", "False"]


def test_a_report_is_a_page_of_its_own_that_may_load_nothing(with_video, desk):
    code(with_video)
    page = with_video.get("/desk/api/report", params={"video": "a.avi", "coder": "anna"})
    assert page.headers["content-type"].startswith("text/html") and "R12B" in page.text
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert "AU 12" in with_video.get("/desk/api/report", params={"person": "Eva", "coder": "anna"}).text
    assert "no person of the project" in refused(with_video.get("/desk/api/report", params={"person": "ben"}))
    assert "no such video" in refused(with_video.get("/desk/api/report", params={"video": "../a.avi"}))


def test_who_is_who_is_told_and_its_faces_are_pictures(with_video, desk):
    spotted(desk)
    things = [["video", "a.avi", {"who": {"1": "eva"}}]]
    revision = with_video.get("/desk/api/project").json()["revision"]
    body = {"coder": "anna", "what": "name", "things": things, "revision": revision}
    assert with_video.post("/desk/api/change", json=body).json()["things"][0][2]["people"] == ["eva"]
    told = with_video.get("/desk/api/videos/a.avi", params={"coder": "anna"}).json()
    assert [(f["face"], f["name"]) for f in told["faces"]] == [(1, "eva")] and told["rests"]["eva"]["is"] is None
    assert told["program"] is None, "blind all the same"
    assert with_video.get("/desk/api/project").json()["people"] == ["eva"]
    assert "no face 2" in refused(with_video.get("/desk/api/videos/a.avi/faces/2"))


def test_the_model_is_told_in_words(with_video):
    told = with_video.get("/desk/api/model").json()
    assert "never tried on anybody real" in told["words"] and "UF1" in told["figures"] and "UF1" not in told["words"]


def test_the_file_itself_is_given_in_parts_to_the_browser_s_player(with_video, tmp_path):
    whole = (tmp_path / "a.avi").read_bytes()
    assert with_video.get("/desk/api/videos/a.avi/file").content == whole
    part = with_video.get("/desk/api/videos/a.avi/file", headers={"range": "bytes=10-19"})
    assert part.status_code == 206 and part.content == whole[10:20]
    with_video.post("/desk/api/add", json={"path": str(folder_of_images(tmp_path)), "fps": 100, "link": True})
    assert "has no sound" in refused(with_video.get("/desk/api/videos/clip/file"))
