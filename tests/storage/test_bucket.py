"""A bucket as a place: names, writes that refuse the second of two, and a sentence wherever the store does
not do as it is asked.
"""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from pipelines.core.errors import BadInput, SluiceError, TryAgain
from pipelines.storage.backends import s3_client
from pipelines.storage.backends.bucket_path import BucketPath
from pipelines.storage.backends.protocol import Overtaken
from pipelines.storage.backends.s3 import S3
from pipelines.storage.backends.s3_client import Access
from tests.helpers.s3 import files

# --- names


@pytest.mark.parametrize(
    ("url", "bucket", "key"),
    [
        ("s3://sluice", "sluice", ""),
        ("s3://sluice/", "sluice", ""),
        ("s3://my.bucket-1/team_a/data", "my.bucket-1", "team_a/data"),
        ("s3://sluice/data/", "sluice", "data"),
    ],
)
def test_an_address_is_read(url: str, bucket: str, key: str) -> None:
    assert BucketPath.of(url, "SLUICE_DATA") == BucketPath(bucket, key)


@pytest.mark.parametrize(
    "url",
    [
        "s3://",
        "s3:/sluice/x",
        "s3://Sluice/x",
        "s3://sluice//x",
        "s3://sluice/a b",
        "s3://user:pw@sluice/x",
        "s3://s/x?y=1",
    ],
)
def test_what_is_no_address_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(BadInput, match=r"SLUICE_DATA: .* is no address of a bucket; allowed: s3://<bucket>"):
        BucketPath.of(url, "SLUICE_DATA")


def test_a_name_is_taken_apart_as_a_path_is() -> None:
    root = BucketPath("sluice")
    path = root / "tiny/scoring" / "manifest.json"
    assert str(path) == "s3://sluice/tiny/scoring/manifest.json"
    assert (path.name, path.stem, path.parent, root / "") == (
        "manifest.json",
        "manifest",
        BucketPath("sluice", "tiny/scoring"),
        root,
    )
    assert path.relative_to(root / "tiny").as_posix() == "scoring/manifest.json"


@pytest.mark.parametrize("below", ["../other", "a/../../b", "/etc/passwd"])
def test_no_name_leads_out_of_its_place(below: str) -> None:
    with pytest.raises(ValueError, match="not below"):
        BucketPath("sluice", "data") / below


# --- reading and writing


def test_what_is_written_is_read_and_listed(bucket: BucketPath) -> None:
    for name in ("b/2.json", "b/1.json", "b/1.txt", "b/c/3.json", "a.json"):
        S3(bucket / name).publish(name.encode())
    assert S3(bucket / "b/2.json").read() == b"b/2.json"
    assert [path.name for path in S3(bucket / "b").glob("*.json")] == ["1.json", "2.json"]
    assert [path.relative_to(bucket).as_posix() for path in S3(bucket).glob("*/c/*.json")] == ["b/c/3.json"]
    assert S3(bucket).folders() == ["b"]
    S3(bucket / "a.json").unlink()
    assert not S3(bucket / "a.json").is_file()
    with pytest.raises(FileNotFoundError):
        S3(bucket / "a.json").read()


def test_an_object_is_read_here_and_there(bucket: BucketPath) -> None:
    S3(bucket / "x").publish(bytes(range(200)))
    with S3(bucket / "x").open() as file:
        assert file.seek(-3, 2) == 197
        assert file.read() == bytes([197, 198, 199])
        file.seek(10)
        assert file.read(2) == bytes([10, 11])


def test_only_one_may_create_an_object_and_only_who_has_read_it_last_may_change_it(
    bucket: BucketPath,
) -> None:
    one = S3(bucket / "x")
    one.create(b"first")
    with pytest.raises(Overtaken):
        one.create(b"second")
    _, tag = one.tagged()
    one.swap(b"changed", tag)
    with pytest.raises(Overtaken, match="somebody else has written it at the same time"):
        one.swap(b"changed otherwise", tag)
    assert one.read() == b"changed"
    one.unlink()
    with pytest.raises(Overtaken):
        one.swap(b"gone", tag)
    assert not one.is_file()


# --- a store that cannot be used


def test_a_store_that_refuses_the_second_writer_passes_the_probe_and_is_left_as_it_was(
    bucket: BucketPath,
) -> None:
    S3(bucket).probe()
    assert files(bucket) == {}


def test_a_store_whose_conditional_writes_are_none_is_refused(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = S3._put
    monkeypatch.setattr(S3, "_put", lambda self, content, **condition: put(self, content))
    with pytest.raises(
        BadInput,
        match=(
            r"lets 8 of 8 writers make the same object and overwrites what has changed(.|\n)*way out: use a"
            r" store"
        ),
    ):
        S3(bucket).probe()


def test_a_bucket_that_is_not_there_is_named_with_the_setting(bucket: BucketPath) -> None:
    with pytest.raises(
        BadInput, match=r"there is no bucket 'nobodys' at http://127.0.0.1(.|\n)*correct SLUICE_DATA"
    ):
        S3(BucketPath("nobodys", "x")).read()


def test_a_store_that_is_not_there_may_be_tried_again(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3_client, "TRIES", 1)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
    with pytest.raises(TryAgain, match=r"http://127.0.0.1:1 does not answer(.|\n)*AWS_ENDPOINT_URL_S3"):
        S3(bucket / "x").read()
    with pytest.raises(TryAgain, match="does not answer"):
        list(S3(bucket).files())


def test_without_credentials_the_sentence_says_how_to_give_them(
    bucket: BucketPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    with pytest.raises(BadInput, match=r"no credentials for(.|\n)*AWS_ACCESS_KEY_ID"):
        S3(bucket / "x").read()


# --- the connection that Airflow keeps

SECRET = "se/cret"  # noqa: S105 (it opens nothing)
AS_URL = (
    f"aws://key:{quote(SECRET, safe='')}@/?endpoint_url=http%3A%2F%2Fstore%3A9000&region_name=eu-central-1"
)
AS_JSON = json.dumps(
    {
        "conn_type": "aws",
        "login": "key",
        "password": "se/cret",
        "extra": {"endpoint_url": "http://store:9000", "region_name": "eu-central-1"},
    }
)


@pytest.mark.parametrize("text", [AS_URL, AS_JSON])
def test_a_connection_is_read_as_airflow_writes_it(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(s3_client.CONNECTION, text)
    found = Access.from_env()
    assert found == Access("key", SECRET, "http://store:9000", "eu-central-1")
    assert "cret" not in repr(found)
    assert s3_client.client()._request_signer._credentials.secret_key == SECRET  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "text", ["se/cret", AS_URL.replace("aws", "postgresql"), '{"password": "se/cret"', '{"extra": "se/cret"}']
)
def test_what_is_no_connection_is_refused_without_being_shown(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(s3_client.CONNECTION, text)
    with pytest.raises(SluiceError, match=f"{s3_client.CONNECTION} is no connection") as error:
        Access.from_env()
    assert "cret@" not in str(error.value).replace("key:secret@", "")
    assert "se/cret" not in str(error.value)
