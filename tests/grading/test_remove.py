"""What a submission wrote is removed, however deep, and nothing else."""

import os

from tlkeras.grading.sandbox.remove import remove


def test_a_folder_deeper_than_any_path_is_removed(tmp_path):
    inside = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):  # a path ends at 4096 bytes
        os.mkdir("deep" * 60, dir_fd=inside)
        further = os.open("deep" * 60, os.O_RDONLY, dir_fd=inside)
        os.close(inside)
        inside = further
    os.close(inside)
    remove(tmp_path / ("deep" * 60))
    assert list(tmp_path.iterdir()) == []


def test_links_are_removed_and_what_they_lead_to_stays(tmp_path):
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    (tmp_path / "gone" / "closed").mkdir(parents=True)
    (tmp_path / "gone" / "link").symlink_to(tmp_path / "kept")
    (tmp_path / "gone" / "closed").chmod(0)
    remove(tmp_path / "gone")
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept" / "file").read_text() == "x"
