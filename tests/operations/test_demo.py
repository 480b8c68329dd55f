"""The demo's own folder is emptied; nobody else's is."""

from pathlib import Path

import pytest

from operations.demo import MARKER, DemoError, empty_work_folder, only_one


def test_a_folder_of_its_own_is_emptied(tmp_path: Path) -> None:
    work = tmp_path / "new" / "work"
    empty_work_folder(work)
    (work / "old.log").write_text("old")
    empty_work_folder(work)
    assert [path.name for path in work.iterdir()] == [MARKER]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    empty_work_folder(tmp_path)
    assert (tmp_path / MARKER).is_file()


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(DemoError, match="files in it that no demo made"):
        empty_work_folder(tmp_path)
    assert precious.read_text() == "years of work"


def test_a_file_in_its_place_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DemoError, match=r"--work .*file: Not a directory"):
        empty_work_folder(tmp_path / "file")


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    work = tmp_path / "work"
    with (
        only_one(work),
        pytest.raises(DemoError, match="another demo is at work"),
        only_one(work),
    ):
        pass
    with only_one(work):
        pass
