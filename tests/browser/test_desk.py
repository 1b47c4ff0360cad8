"""The desk as a coder uses it, in a real browser: keys, a saved project, another coder, a phone, the dark."""

import re
import signal
import socket
import subprocess
import sys

import cv2
import pytest

pytest.importorskip("uvicorn", reason="the web extra is not installed")

from tests.waiting import wait_until
from tsfmicro.coding.registry import read
from tsfmicro.data.registry import dataset
from tsfmicro.errors import LabelError
from tsfmicro.run.experiment import run
from tsfmicro.run.watch import Watch
from tsfmicro.study import shipped
from tsfmicro.study.demo import draw_films
from tsfmicro.timeline import units_text
from tsfmicro.use.model_card import demonstration_folder

PHONE, DESK = {"width": 390, "height": 844}, {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def clip(made_once):
    """Two seconds of somebody who never lived, at 50 frames per second."""
    return made_once("clip", lambda root: draw_films(root, 1, 2, 0, 50, 160, 1, Watch())) / "sub01.avi"


class Server:
    """`tsfmicro web --project`, in a process of its own."""

    def __init__(self, project):
        self.project = project
        self.start()

    def start(self, port=0):
        if not port:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                port = free.getsockname()[1]
        command = [sys.executable, "-m", "tsfmicro.app.cli", "web", "--project", str(self.project), "--port", str(port)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert f"http://localhost:{port}/desk/" in self.process.stdout.readline()
        self.port, self.url = port, f"http://localhost:{port}/desk/"

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(60)


@pytest.fixture
def server(tmp_path, clip):
    one = Server(tmp_path / "project")
    yield one
    one.end()


@pytest.fixture
def coder(opened, server, clip):
    """Open the desk as somebody, with the clip in it."""

    def come(name="anna", **options):
        watched = opened(server.url, **({"viewport": DESK} | options))
        page = watched.page
        page.fill("#coder", name)
        page.press("#coder", "Enter")
        if not (server.project / "videos" / clip.name).exists():
            page.click("#videos [data-dialog=add]")
            page.get_by_label("Path of a video").fill(str(clip))
            page.keyboard.press("Enter")
        at(page, 0)
        page.locator("#timeline").focus()
        return watched

    return come


def at(page, frame):
    """Wait until a frame is drawn."""
    page.locator(f"#picture[data-frame='{frame}']").wait_for()


def asked_for(page, held):
    """Wait until a request is held: playwright hands one over only while it is asked something itself."""
    wait_until(lambda: page.title() and held)


def saved(page):
    page.locator("#saved", has_text=re.compile("^saved$")).wait_for()


def go(page, frame):
    """To a frame, with keys."""
    page.keyboard.press("Home")
    for _ in range(frame // 10):
        page.keyboard.press("Shift+ArrowRight")
    for _ in range(frame % 10):
        page.keyboard.press("ArrowRight")


def mark(page, onset, apex, offset):
    go(page, onset)
    page.keyboard.press("n")
    for key, frame in (("a", apex), ("o", offset)):
        go(page, frame)
        page.keyboard.press(key)


def write(page, key, text):
    page.keyboard.press(key)
    page.keyboard.press("Control+a")
    page.keyboard.type(text)
    page.keyboard.press("Escape")


def moments(project):
    return [m for t in read(project / "codes.csv") for m in t.moments]


def test_a_video_is_coded_from_nothing_with_keys_alone_and_leaves_as_an_elan_file(coder, server, tmp_path):
    pytest.importorskip("pympi", reason="the coding extra is not installed")
    watched = coder()
    page = watched.page
    mark(page, 20, 25, 32)
    write(page, "u", "r12b, AU 4?")
    write(page, "e", "happiness")
    write(page, "p", "eva")
    write(page, "t", "odd <b>one</b>")
    mark(page, 50, 60, 90)
    page.keyboard.press("k")
    saved(page)
    first, second = moments(server.project)
    assert (first.onset, first.apex, first.offset, first.kind) == (0.4, 0.5, 0.64, "micro")
    assert [(u.side, u.number, u.intensity, u.certain) for u in first.units] == [
        ("R", 12, "B", True),
        ("", 4, "", False),
    ]
    assert (first.emotion, first.person, first.note, first.coder) == ("happiness", "eva", "odd <b>one</b>", "anna")
    assert (second.onset, second.apex, second.offset, second.person) == (1.0, 1.2, 1.8, "eva"), (
        "the person stays chosen"
    )
    page.click("[data-dialog=export]")
    page.locator("#dialog-body select").first.select_option("elan")
    with page.expect_download() as downloading:
        page.locator("#dialog-body").get_by_role("button", name="Download").click()
    file = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(file)
    (back,) = read(file)
    assert file.name == "sub01.eaf" and back.moments == (first, second) and back.video == "sub01.avi"
    assert watched.complaints == [] and all(asked.startswith((server.url, "blob:", "data:")) for asked in watched.asked)
    assert not (page.locator("#moment-list b").count()), "what a coder writes is text"
    server.end()
    (clip,) = dataset("coded").read(server.project).clips
    assert (clip.onset, clip.apex, clip.offset, clip.subject) == (20, 25, 32, "eva")


def test_what_is_coded_on_the_page_is_trained_on_with_the_classes_that_are_there(coder, server, clip, tmp_path):
    page = coder().page
    for n, person in enumerate(("eva", "ben", "ida")):
        page.click("#videos [data-dialog=add]")
        page.get_by_label("Path of a video").fill(str(brighter(clip, tmp_path / f"{person}.avi", 8 * n)))
        page.keyboard.press("Enter")
        page.locator(f"#video-list [aria-current=true][data-video='{person}.avi']").wait_for()
        at(page, 0)
        page.locator("#timeline").focus()
        for (onset, apex, offset), emotion in (((20, 25, 32), "happiness"), ((50, 60, 70), "surprise")):
            mark(page, onset, apex, offset)
            write(page, "e", emotion)
            write(page, "p", person)
        saved(page)
    server.end()
    roots, few = {"coded": server.project}, ["data.datasets=[coded]", "train.epochs=1", "prepare.size=32"]
    with pytest.raises(LabelError, match=r"no clip is negative\..* data\.scheme=all-3:positive\+surprise"):
        run(shipped.config("demo", [*few, "data.scheme=all-3"]), roots, tmp_path / "run", tmp_path / "cache", "cpu", 1)
    config = shipped.config("demo", [*few, "data.scheme=all-3:positive+surprise"])
    summary = run(config, roots, tmp_path / "run", tmp_path / "cache", "cpu", 1)
    assert (summary.model.people, summary.model.clips) == (3, 6)


def brighter(clip, path, by):
    """The film again, as another one."""
    source = cv2.VideoCapture(str(clip))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 50, (160, 120))
    while (read := source.read())[0]:
        writer.write(cv2.convertScaleAbs(read[1], beta=by))
    writer.release()
    return path


def test_nothing_can_be_pressed_before_the_project_is_there(opened, server, clip):
    watched = opened("about:blank", viewport=DESK)
    page, held = watched.page, []
    page.route("**/api/project", lambda route: held.append(route), times=1)
    page.goto(server.url)
    page.fill("#coder", "anna")
    page.press("#coder", "Enter")
    asked_for(page, held)
    assert page.evaluate("document.querySelector('#videos [data-dialog=add]').closest('[inert]') !== null")
    page.evaluate("document.querySelectorAll('[data-dialog]').forEach((b) => b.focus())")
    assert page.evaluate("document.activeElement.dataset.dialog") is None
    held[0].continue_()
    page.click("#videos [data-dialog=add]")
    page.get_by_label("Path of a video").fill(str(clip))
    page.keyboard.press("Enter")
    at(page, 0)
    assert watched.complaints == []


def test_undo_and_redo_and_a_kill_lose_nothing(coder, server, opened):
    page = coder().page
    mark(page, 20, 25, 32)
    page.keyboard.press("ArrowUp")
    mark(page, 60, 65, 72)
    saved(page)
    for _ in range(3):  # offset, apex, the second moment itself
        page.keyboard.press("Control+z")
        saved(page)
    assert len(moments(server.project)) == 1
    page.keyboard.press("Control+Shift+z")
    saved(page)
    assert [m.onset for m in moments(server.project)] == [0.4, 1.2]
    server.end(signal.SIGKILL)
    server.start()
    page = opened(server.url, viewport=DESK).page
    at(page, 0)
    assert page.locator(".moment").count() == 0, "nobody has said who codes"
    page.fill("#coder", "anna")
    page.press("#coder", "Enter")
    page.locator(".moment").nth(1).wait_for()
    page.locator("#timeline").focus()
    for _ in range(2):
        page.keyboard.press("Control+Shift+z")
        saved(page)
    assert moments(server.project)[1].offset == 1.44 and page.locator("#redo").is_disabled()


def test_moments_are_split_joined_deleted_and_dragged(coder, server):
    page = coder().page
    mark(page, 20, 25, 40)
    write(page, "u", "12 12b R6")
    go(page, 30)
    page.keyboard.press("s")
    saved(page)
    assert [(m.onset, m.apex, m.offset) for m in moments(server.project)] == [(0.4, 0.5, 0.6), (0.6, None, 0.8)]
    page.keyboard.press("j")
    assert page.locator("[name=units]").input_value() == "12B+R6", "what both parts have is there once"
    saved(page)
    assert [(m.onset, m.offset, units_text(m.units)) for m in moments(server.project)] == [(0.4, 0.8, "12B+R6")]
    box = page.locator("#timeline").bounding_box()
    place = lambda seconds: box["x"] + box["width"] * seconds / 2  # noqa: E731
    row = box["y"] + 32
    page.mouse.move(place(0.8) - 1, row)
    page.mouse.down()
    page.mouse.move(place(1.0), row, steps=4)
    page.mouse.up()
    saved(page)
    assert moments(server.project)[0].offset == pytest.approx(1.0, abs=0.021)
    page.mouse.click(place(1.6), row)
    assert 75 < int(page.locator("#timeline").get_attribute("aria-valuenow")) < 85
    page.mouse.click(place(0.7), row)
    page.keyboard.press("Delete")
    saved(page)
    assert moments(server.project) == []


def test_the_form_says_what_it_does_not_take(coder, server):
    page = coder().page
    mark(page, 20, 25, 32)
    write(page, "u", "smile")
    assert "not all action units" in page.locator("#said .bad").inner_text()
    page.locator("[name=onset]").fill("yesterday")
    page.keyboard.press("Enter")
    page.locator("#said .bad", has_text="A time is a number").wait_for()
    assert page.locator("[name=onset]").input_value() == "0.400"
    page.locator("[name=apex]").fill("")
    page.keyboard.press("Enter")
    page.click("#palette summary")
    page.get_by_role("button", name="6, cheek raiser").click()
    page.get_by_label("Intensity of 6").select_option("C")
    saved(page)
    (m,) = moments(server.project)
    assert m.apex is None and [(u.number, u.intensity) for u in m.units] == [(6, "C")]


def test_arrows_step_frames_after_a_choice_with_the_mouse_and_choose_where_one_came_by_tab(coder, server):
    page = coder().page
    mark(page, 20, 25, 32)
    write(page, "u", "1B")
    page.locator("[name=kind][value=macro]").click()
    page.keyboard.press("ArrowRight")
    at(page, 33)
    page.get_by_label("Intensity of 1").select_option("C")
    page.get_by_label("Intensity of 1").dispatch_event("pointerdown")
    page.get_by_label("Intensity of 1").focus()
    page.keyboard.press("ArrowRight")
    at(page, 34)
    sure = page.locator("[name=certainty]")
    sure.click(position={"x": 5, "y": 5})
    certain = float(sure.input_value())
    page.keyboard.press("Shift+ArrowRight")
    at(page, 44)
    saved(page)
    (m,) = moments(server.project)
    assert (m.kind, m.units[0].intensity, m.certainty) == ("macro", "C", certain) and certain < 0.5
    page.keyboard.press("c")
    page.keyboard.press("ArrowRight")
    saved(page)
    assert moments(server.project)[0].certainty == pytest.approx(certain + 0.05)
    page.keyboard.press("Control+z")
    page.locator("#said", has_text="Undone: certainty").wait_for()
    saved(page)
    assert moments(server.project)[0].certainty == certain and float(sure.input_value()) == certain
    page.locator("[name=kind]:checked").focus()
    page.keyboard.press("ArrowRight")
    saved(page)
    assert moments(server.project)[0].kind == "other", "who came by keys chooses by keys"
    at(page, 44)


def test_the_program_is_hidden_until_the_coder_is_done_and_then_its_moments_are_taken(coder, server):
    page = coder().page
    page.click("#program button")
    page.locator("#program", has_text="hidden until you press Done").wait_for()
    assert page.locator(".moment").count() == 0
    page.keyboard.press("d")
    page.locator("#program", has_text="The program found").wait_for()
    found = page.locator(".moment.theirs").count()
    assert found >= 1 and "sub01.avi" in (server.project / "codes.csv").read_text()
    page.keyboard.press("ArrowDown")
    page.locator("#suggestion", has_text="% of the eyes’ distance").wait_for()
    assert not re.search("happiness|disgust|surprise|repression", page.locator("#suggestion").inner_text()), (
        "no emotion"
    )
    page.keyboard.press("y")
    saved(page)
    (m,) = moments(server.project)
    assert m.coder == "anna" and m.apex is not None
    page.keyboard.press("g")
    page.locator("#replay figcaption", has_text="Eight times slower").wait_for()


def test_a_face_gets_a_name_and_its_moments_its_rest_and_its_report_go_with_it(coder, server, tmp_path):
    page = coder().page
    page.click("[data-dialog=people]")
    page.get_by_text("The program has not followed the faces here yet.").wait_for()
    page.keyboard.press("Escape")
    page.click("#program button")
    page.locator("#program", has_text="hidden until you press Done").wait_for()
    page.click("[data-dialog=people]")
    page.locator(".faces img").evaluate("(img) => img.decode()")
    assert "micro" not in page.locator("#dialog-body").inner_text().lower(), "who it is can be said blind"
    page.locator(".faces input").fill("eva")
    page.keyboard.press("Enter")
    page.get_by_text("How eva rests").wait_for()
    page.get_by_label("From, s").fill("0")
    page.get_by_label("to, s", exact=True).fill("0,4")
    page.get_by_role("button", name="eva rests here").click()
    page.get_by_text("sub01.avi, 0.0 to 0.4 s, as a coder said").wait_for()
    page.get_by_role("button", name="Look again with it").click()
    page.locator(".cancel").first.wait_for()
    page.locator(".cancel").wait_for(state="detached")
    page.get_by_role("button", name="Look again with it").wait_for(state="detached")
    page.keyboard.press("Escape")
    page.locator("#timeline").focus()
    page.keyboard.press("d")
    page.locator("#program", has_text="The program found").wait_for()
    page.keyboard.press("ArrowDown")
    page.locator("#suggestion", has_text="The program, eva:").wait_for()
    page.keyboard.press("y")
    saved(page)
    assert [m.person for m in moments(server.project)] == ["eva"]
    page.click("[data-dialog=report]")
    page.locator("#dialog-body select").select_option(label="eva, in all videos")
    with page.context.expect_page() as opening:
        page.get_by_role("link", name="Open it").click()
    report = opening.value
    report.get_by_text("eva rests in sub01.avi from 0.0 to 0.4 s (a coder said so)").wait_for()
    assert report.locator("svg").count() == 1 and report.get_by_text("To detect lies").count() == 1
    with page.expect_download() as downloading:
        page.get_by_role("button", name="Save as PDF").click()
    downloading.value.save_as(tmp_path / "eva.pdf")
    assert downloading.value.suggested_filename == "eva.pdf" and (tmp_path / "eva.pdf").read_bytes().startswith(b"%PDF")


def test_the_file_is_played_with_its_sound_or_it_is_told_why_not(coder, server):
    page = coder().page
    page.keyboard.press("v")
    page.locator("#original figcaption", has_text="This browser does not play this file").wait_for()
    page.keyboard.press("v")
    page.locator("#original").wait_for(state="hidden")
    page.click("#videos [data-dialog=add]")
    page.get_by_label("Path of a video").fill(str(demonstration_folder() / "example.webm"))
    page.keyboard.press("Enter")
    page.get_by_role("button", name="example.webm").click()
    page.wait_for_function("() => location.hash.startsWith('#example')")  # it is open, and not the one before
    page.locator("#timeline").focus()
    page.keyboard.press("v")
    page.evaluate("() => { const v = document.querySelector('#original video'); v.muted = true; return v.play(); }")
    page.locator("#timeline:not([aria-valuenow='0'])").wait_for()


def test_of_two_videos_asked_for_the_later_is_opened_and_an_open_one_is_not_opened_again(coder):
    page = coder().page
    first = page.locator("#videos").get_by_role("button", name="sub01.avi")
    page.click("#videos [data-dialog=add]")
    page.get_by_label("Path of a video").fill(str(demonstration_folder() / "example.webm"))
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash.startsWith('#example')")
    held = []
    page.route("**/api/videos/sub01.avi?*", lambda route: held.append(route), times=2)

    def answer():
        with page.expect_response("**/api/videos/sub01.avi?*"):
            held.pop(0).continue_()
        page.evaluate(
            "() => new Promise((done) => setTimeout(done))"
        )  # what an answer does is done before the next task

    first.click()
    asked_for(page, held)
    page.get_by_role("button", name="example.webm").click()
    answer()
    assert page.evaluate("() => location.hash").startswith("#example")
    first.click()
    asked_for(page, held)
    first.click()
    page.wait_for_function("() => location.hash.startsWith('#sub01')")
    at(page, 0)
    page.keyboard.press("ArrowRight")
    at(page, 1)
    answer()
    first.click()
    page.keyboard.press("ArrowRight")
    at(page, 2)


def test_the_video_of_the_address_is_opened(coder, opened, server):
    page = coder().page
    page.click("#videos [data-dialog=add]")
    page.get_by_label("Path of a video").fill(str(demonstration_folder() / "example.webm"))
    page.keyboard.press("Enter")
    page.wait_for_function("() => location.hash === '#example.webm'")
    page.locator("#video-list [aria-current=true][data-video='example.webm']").wait_for()
    page.reload()
    page.locator("#video-list [aria-current=true]").wait_for()
    assert page.evaluate("() => location.hash") == "#example.webm", "sub01.avi comes first, and is not done"
    page.evaluate("() => (location.hash = '#sub01.avi')")
    page.locator("#video-list [aria-current=true][data-video='sub01.avi']").wait_for()
    page = opened(f"{server.url}#example.webm").page
    page.locator("#video-list [aria-current=true][data-video='example.webm']").wait_for()


def test_what_is_being_written_is_saved_at_a_pause_and_when_the_page_is_left(coder, server):
    page = coder().page
    mark(page, 20, 25, 32)
    saved(page)
    page.keyboard.press("t")
    page.keyboard.type("a pause")
    wait_until(lambda: moments(server.project)[0].note == "a pause")
    assert page.evaluate("document.activeElement.name") == "note"
    page.keyboard.type(", and more")
    page.on("dialog", lambda asked: asked.accept())
    page.reload()
    wait_until(lambda: moments(server.project)[0].note == "a pause, and more")
    page.locator(".moment").click()
    page.keyboard.press("e")
    page.keyboard.type("fear")
    page.close(run_before_unload=True)
    wait_until(lambda: moments(server.project)[0].emotion == "fear")


def test_a_note_is_of_the_moment_it_was_written_for_though_another_is_chosen_on_the_timeline(coder, server):
    page = coder().page
    mark(page, 10, 15, 20)
    mark(page, 70, 75, 80)
    saved(page)
    page.keyboard.press("t")
    page.keyboard.type("late")
    box = page.locator("#timeline").bounding_box()
    page.mouse.click(box["x"] + box["width"] * 0.3 / 2, box["y"] + 32)
    wait_until(lambda: moments(server.project)[1].note == "late")
    saved(page)
    assert [m.note for m in moments(server.project)] == ["", "late"]


def test_a_coder_is_known_whatever_the_capitals(coder, server):
    page = coder("Ben").page
    mark(page, 20, 25, 32)
    saved(page)
    page.fill("#coder", "ben ")
    page.press("#coder", "Enter")
    page.locator("#said", has_text="You code as Ben").wait_for()
    assert page.locator("#coder").input_value() == "Ben" and page.locator(".moment:not(.theirs)").count() == 1
    page.evaluate("() => localStorage.setItem('coder', 'BEN')")
    page.reload()
    page.locator(".moment:not(.theirs)").wait_for()
    assert page.locator("#coder").input_value() == "Ben"


def test_the_model_is_told_in_words(coder):
    page = coder().page
    page.click("[data-dialog=settings]")
    page.locator("#model", has_text="never tried on anybody real").wait_for()


def test_two_coders_are_compared_and_a_disagreement_leads_to_its_place(coder, server):
    page = coder().page
    mark(page, 20, 25, 32)
    page.keyboard.press("k")
    saved(page)
    page.fill("#coder", "ben")
    page.press("#coder", "Enter")
    page.locator(".nothing").wait_for()
    page.locator("#timeline").focus()
    mark(page, 21, 25, 32)
    saved(page)
    page.click("[data-dialog=agree]")
    page.locator("#dialog-body").get_by_role("button", name="Compare").click()
    page.get_by_text("is left out until ben is done there").wait_for()
    page.keyboard.press("Escape")
    page.locator("#timeline").focus()
    page.keyboard.press("d")
    saved(page)
    page.click("[data-dialog=agree]")
    page.locator("#dialog-body").get_by_role("button", name="Compare").click()
    page.get_by_text("1 moments that both marked").wait_for()
    page.get_by_role("button", name="Show").click()
    at(page, 20)
    assert page.locator("dialog").is_hidden()


def test_it_plays_and_loops_a_moment_slowly(coder):
    page = coder().page
    mark(page, 20, 25, 32)
    page.keyboard.press("l")
    assert page.locator("#loop").get_attribute("aria-pressed") == "true"
    seen = set()

    def more():
        seen.add(int(page.locator("#timeline").get_attribute("aria-valuenow")))
        return len(seen) >= 4

    wait_until(more)
    assert seen <= set(range(20, 33))
    page.keyboard.press("l")
    page.keyboard.press("End")
    at(page, 99)
    page.keyboard.press("Home")
    page.keyboard.press("1")
    page.keyboard.press("Space")
    at(page, 99)
    page.locator("#play", has_text="Play").wait_for()


def test_what_is_coded_while_the_program_is_gone_is_saved_when_it_is_back(coder, server):
    page = coder().page
    server.end(signal.SIGKILL)
    page.keyboard.press("n")
    page.locator("#said .bad", has_text="Start it again").wait_for()
    page.locator("#saved", has_text="not saved").wait_for()
    page.keyboard.press("Delete")
    mark(page, 20, 25, 32)
    assert moments(server.project) == []
    server.start(server.port)
    saved(page)
    assert [(m.onset, m.apex, m.offset) for m in moments(server.project)] == [(0.4, 0.5, 0.64)]


def test_frames_that_do_not_come_are_not_asked_for_again_and_again(coder):
    page = coder().page
    page.evaluate("""() => {
        window.asked = {};
        window.real = window.fetch;
        window.fetch = (path, ...more) => {
            const frame = String(path).match(/frames\\/(\\d+)/)?.[1];
            if (!frame || frame === '20') return window.real(path, ...more);
            window.asked[frame] = (window.asked[frame] ?? 0) + 1;
            return new Promise((_, fail) => setTimeout(() => fail(new TypeError('gone')), 0));
        };
    }""")
    go(page, 20)  # past 0 and 10: it may be asked for thrice
    at(page, 20)
    page.evaluate("async () => { for (let n = 0; n < 200; n += 1) await new Promise((done) => setTimeout(done, 0)); }")
    asked = page.evaluate("window.asked")
    assert asked and max(asked.values()) <= 3, asked
    page.evaluate("() => { window.fetch = window.real; }")
    page.keyboard.press("ArrowRight")
    at(page, 21)


def test_a_second_window_of_the_project_looks_and_changes_nothing(coder, server, opened):
    coder()
    second = Server(server.project)
    page = opened(second.url).page
    page.locator("#warning", has_text="The project is open in process").wait_for()
    assert page.locator("#new").is_disabled() and page.locator("#undo").is_disabled()
    second.end()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [PHONE, DESK], ids=["phone", "desk"])
def test_it_fits_and_can_be_read(coder, viewport, scheme):
    page = coder(viewport=viewport, color_scheme=scheme).page
    mark(page, 20, 25, 32)
    saved(page)
    assert page.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"]
    faint = page.evaluate(CONTRASTS)
    assert faint == []
    for name in ("export", "add", "settings", "keys", "import", "agree", "people", "report"):
        page.evaluate("name => document.querySelector(`[data-dialog=${name}]`).click()", name)
        assert page.evaluate("() => document.documentElement.scrollWidth") <= viewport["width"]
        assert page.evaluate(CONTRASTS) == []
        page.keyboard.press("Escape")
    unnamed = page.evaluate("""() => [...document.querySelectorAll('button, input, select, textarea')]
        .filter(e => !e.labels?.length && !e.getAttribute('aria-label') && !e.textContent.trim()).map(e => e.outerHTML)""")
    assert unnamed == []


CONTRASTS = """() => {
  const light = (c) => { const [r, g, b] = c.map(v => (v /= 255) <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
                         return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const parts = (text) => text.match(/[\\d.]+/g).map(Number);
  const ground = (e) => { for (; e; e = e.parentElement) { const c = parts(getComputedStyle(e).backgroundColor); if (c.length < 4 || c[3] > 0.99) return c.slice(0, 3); } return [255, 255, 255]; };
  const told = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || e.disabled || e.tagName === 'OPTION' || !e.getClientRects().length) continue;
    const [a, b] = [light(parts(getComputedStyle(e).color)), light(ground(e))].sort((x, y) => y - x);
    if ((a + 0.05) / (b + 0.05) < 4.5) told.push(`${e.tagName} ${e.className} ${e.textContent.slice(0, 20)} ${((a + 0.05) / (b + 0.05)).toFixed(2)}`);
  }
  return told;
}"""
