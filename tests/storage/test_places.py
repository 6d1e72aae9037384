"""What holds of files in any place: on a disk, and in a bucket."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.core.errors import BadInput, TryAgain
from pipelines.storage import places
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.s3 import S3
from pipelines.storage.places import Place


@pytest.fixture(params=["disk", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """An empty one of each kind."""
    if request.param == "disk":
        return tmp_path / "place"
    found: BucketPath = request.getfixturevalue("bucket")
    return found


def test_a_path_is_a_disk_and_an_address_a_bucket(tmp_path: Path) -> None:
    assert places.of("data", "SLUICE_DATA", tmp_path) == tmp_path / "data"
    assert places.of("/elsewhere", "SLUICE_DATA", tmp_path) == Path("/elsewhere")
    assert places.of("s3://sluice/data", "SLUICE_DATA", tmp_path) == BucketPath("sluice", "data")


def test_another_kind_of_storage_is_refused_by_the_name_of_its_setting(tmp_path: Path) -> None:
    with pytest.raises(
        BadInput,
        match=r"SLUICE_DATA: gs:// is no kind of storage; allowed: a folder of this machine, or s3://",
    ):
        places.of("gs://user:secret@sluice/data", "SLUICE_DATA", tmp_path)


def test_writers_side_by_side_lose_no_change(place: Place) -> None:
    def count(_: int) -> None:
        with places.at(place / "lock").one_writer(30, "busy"):
            places.at(place / "count").rewrite(lambda before: str(int(before or 0) + 1).encode())

    with ThreadPoolExecutor(8) as writers:
        list(writers.map(count, range(40)))
    assert places.at(place / "count").read() == b"40"


def test_a_change_that_is_none_writes_nothing(place: Place) -> None:
    places.at(place / "x").rewrite(lambda before: None)
    assert not places.at(place / "x").is_file()


def test_lines_of_writers_side_by_side_do_not_mix(place: Place) -> None:
    with ThreadPoolExecutor(4) as writers:
        list(writers.map(lambda n: places.at(place / "lines").append(f"{n}\n".encode()), range(20)))
    assert sorted(map(int, places.at(place / "lines").read().splitlines())) == list(range(20))


def test_what_was_written_although_its_answer_was_lost_is_not_written_twice(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = S3._put

    def sent_twice(self: S3, content: bytes, **condition: str) -> None:
        """As boto3 does when no answer comes to the first."""
        put(self, content, **condition)
        put(self, content, **condition)

    monkeypatch.setattr(S3, "_put", sent_twice)
    places.at(bucket / "lines").append(b"once\n")
    assert S3(bucket / "lines").read() == b"once\n"
    with places.at(bucket / "claim").alone("somebody is in"):
        pass


def test_what_one_may_do_alone_a_second_may_not(place: Place) -> None:
    with (
        places.at(place / "claim").alone("somebody is in"),
        pytest.raises(TryAgain, match="somebody is in"),
        places.at(place / "claim").alone("somebody is in"),
    ):
        pytest.fail("a second one is in")
    with places.at(place / "claim").alone("somebody is in"):
        pass


def test_a_claim_of_a_process_that_was_killed_lapses(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    S3(bucket / "claim").create(b"by one that is dead")
    monkeypatch.setattr("pipelines.storage.backends.s3.CLAIM", 0)
    with places.at(bucket / "claim").alone("somebody is in"):
        pass


def test_a_draft_appears_in_its_place_and_elsewhere_under_its_checksum(place: Place, tmp_path: Path) -> None:
    with places.at(place).draft() as (draft, sink):
        sink.write(b"content")
        sink.flush()
        places.at(place / "a").put(draft)
    places.at(place / "b").link(places.at(place / "a"))
    (tmp_path / "on a disk").write_bytes(b"content")
    places.at(place / "c").link(places.at(tmp_path / "on a disk"))
    checksum = hashlib.sha256(b"content").hexdigest()
    for copy in (place / "a", place / "b", place / "c"):
        found = places.at(copy).verified(checksum)
        assert found is not None
        assert found.read_bytes() == b"content"


def test_other_content_than_was_promised_is_none_and_a_file_that_is_gone_an_error(place: Place) -> None:
    places.at(place / "a").publish(b"changed since")
    assert places.at(place / "a").verified(hashlib.sha256(b"as it was promised").hexdigest()) is None
    with pytest.raises(FileNotFoundError):
        places.at(place / "b").verified(hashlib.sha256(b"never there").hexdigest())


def test_a_folder_goes_with_all_that_is_in_it(place: Place) -> None:
    for name in ("gone/part-1", "gone/deep/manifest.json", "stays/x"):
        places.at(place / name).publish(b"")
    places.at(place / "gone").remove()
    places.at(place / "never there").remove()
    assert places.at(place).folders() == ["stays"]
    assert places.at(place / "never there").folders() == []


def test_what_names_the_parts_goes_before_them_so_that_no_kill_leaves_half_a_table(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("raw/manifest.json", "raw/part-1.parquet", "a/part-2.parquet", "judged_good.json"):
        places.at(bucket / "aside" / name).publish(b"")
    gone: list[str] = []
    monkeypatch.setattr(S3, "unlink", lambda self: gone.append(self.path.name))
    places.at(bucket / "aside").remove()
    assert sorted(gone[:2]) == ["judged_good.json", "manifest.json"]
    assert sorted(gone[2:]) == ["part-1.parquet", "part-2.parquet"]


def test_a_place_that_can_be_written_passes_the_probe_and_is_left_as_it_was(place: Place) -> None:
    places.at(place).probe()
    assert places.at(place).folders() == []
    assert not list(places.at(place).glob("*"))


def test_a_folder_that_cannot_be_made_is_refused_by_the_name_of_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BadInput, match=r"SLUICE_DATA: .*/file/data cannot be written: Not a directory"):
        places.at(tmp_path / "file" / "data").probe()
