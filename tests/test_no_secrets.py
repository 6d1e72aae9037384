"""No secret is in the tree: keys and tokens by their shape, passwords by what they are called."""

from __future__ import annotations

import re
import subprocess

import pytest

from pipelines.storage.settings import ROOT

SHAPES = {
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY-----",
    "a key of AWS": r"\b(AKIA|ASIA)[0-9A-Z]{16}\b",
    "a token of GitHub or GitLab": r"\b(gh[pousr]_[A-Za-z0-9]{36}|github_pat_\w{22,}|glpat-[\w-]{20})\b",
    "a token of Slack": r"\bxox[abprs]-[\w-]{10,}",
    "a token of a package index": r"\b(pypi-AgE\w{20,}|npm_[A-Za-z0-9]{36})",
    "a key of Google": r"\bAIza[\w-]{35}\b",
    "a JSON web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a Fernet key": r"(?<![\w/+=-])[\w-]{43}=(?![\w=])",
    "a password in an address": r"\b[a-z][a-z0-9+]*://[^\s:/@\"'{}$<]+:(?P<value>[^\s:/@\"'{}$<*]{3,})@",
    "a secret by its name": (
        r"(?i)\b\w*(password|passwd|secret|token|api_?key|private_?key)\w*[\"']?\s*[:=]\s*[\"'](?P<value>[^\"'\s{}$<]{12,})[\"']"
    ),
}
# Words of examples and of tests, that open nothing.
NONE = {"password", "s3cret", "secret", "PASSWORD"}
LOCKS = re.compile(r"requirements.*\.txt$")
PICTURES = (".png",)


def tree() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [
        name
        for name in listed.stdout.split("\0")
        if name and not name.endswith(PICTURES) and not LOCKS.search(name) and (ROOT / name).is_file()
    ]


def secrets(text: str) -> list[str]:
    return [
        f"{what}: {found[0][:12]}..."
        for what, shape in SHAPES.items()
        for found in re.finditer(shape, text)
        if found.groupdict().get("value") not in NONE
    ]


def test_no_file_holds_a_secret() -> None:
    found = {name: secrets((ROOT / name).read_text(encoding="utf-8")) for name in tree()}
    assert len(found) > 200
    assert {name: what for name, what in found.items() if what} == {}


@pytest.mark.parametrize(
    "line",
    [
        "-----BEGIN RSA PRIVATE " + "KEY-----",
        "aws_access_key_id = AKIA" + "IOSFODNN7EXAMPLE",
        "gh" + "p_" + "a1B2" * 9,
        "eyJhbGciOiJI" + "UzI1NiJ9.eyJzdWIiOiIxMjM0" + "NTY3ODkwIn0.abcdefghijkl",
        "81HqDtbqAywKSOumSha3" + "BhWNOdQ26slT6K0YaZeZyPs=",
        "postgresql://airflow:" + "hunter2@db/airflow",
        "PASSWORD = '" + "correct-horse-battery" + "'",
        '"api_key": "' + "0123456789abcdef" + '"',
    ],
)
def test_a_secret_would_be_found(line: str) -> None:
    assert secrets(line)
