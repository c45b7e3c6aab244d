"""Downloads, from files and from a server on this machine."""

import hashlib
import io
import tarfile
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

import nnlib as nn
from nnlib.core.errors import ArgumentError, DataError, DownloadError

get_file = nn.utils.get_file
TEXT = b"Hello, " * 1000


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source" / "a.txt"
    path.parent.mkdir()
    path.write_bytes(TEXT)
    return path


@pytest.fixture
def fetch(tmp_path):
    """get_file into a cache of this test."""
    return lambda **arguments: Path(get_file(cache_dir=tmp_path / "cache", **arguments))


def test_a_file_is_loaded_once_and_kept(source, fetch, tmp_path, capsys):
    path = fetch(origin=source.as_uri())
    assert path == tmp_path / "cache" / "datasets" / "a.txt"
    assert path.read_bytes() == TEXT
    source.write_bytes(b"new")
    assert fetch(origin=source.as_uri()).read_bytes() == TEXT
    assert capsys.readouterr().out.count("Downloading") == 1
    assert fetch(origin=source.as_uri(), force_download=True).read_bytes() == b"new"
    named = fetch(fname="b.txt", origin=source.as_uri(), cache_subdir="deep/er")
    assert named == tmp_path / "cache" / "deep" / "er" / "b.txt"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"], "nothing else is left"


def test_the_cache_follows_the_environment(source, tmp_path, monkeypatch):
    monkeypatch.setenv("NNLIB_HOME", str(tmp_path / "home"))
    assert get_file(origin=source.as_uri()) == str(tmp_path / "home" / "datasets" / "a.txt")
    monkeypatch.delenv("NNLIB_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    path = get_file(origin=source.as_uri())
    assert path == str(tmp_path / "user" / ".nnlib" / "datasets" / "a.txt")
    away = get_file(origin=source.as_uri(), cache_subdir=tmp_path / "away")
    assert away == str(tmp_path / "away" / "a.txt")


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
def test_hashes(source, fetch, algorithm, capsys):
    right = hashlib.new(algorithm, TEXT).hexdigest()
    origin = source.as_uri()
    with pytest.raises(DownloadError, match="hash is not"):
        fetch(origin=origin, file_hash=right[::-1])
    assert not list(source.parents[1].glob("cache/datasets/*")), "nothing wrong is kept"
    path = fetch(origin=origin, file_hash=right)
    assert fetch(origin=origin, file_hash=right, hash_algorithm=algorithm) == path
    path.write_bytes(b"damaged")
    assert fetch(origin=origin, file_hash=right).read_bytes() == TEXT
    assert "another hash" in capsys.readouterr().out
    if algorithm == "md5":
        assert fetch(origin=origin, md5_hash=right) == path


def packed(path, members):
    """A tar.gz or zip file with these members."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
    else:
        with tarfile.open(path, "w:gz") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return path


@pytest.mark.parametrize("name", ["data.zip", "data.tar.gz"])
def test_archives(name, fetch, tmp_path):
    archive = packed(tmp_path / name, {"inner/a.txt": b"A", "b.txt": b"B"})
    base, origin = tmp_path / "cache" / "datasets", archive.as_uri()
    folder = fetch(origin=origin, extract=True)
    assert folder == base / name
    assert (folder / "inner" / "a.txt").read_bytes() == b"A"
    assert (base / f"{name}_archive").exists()
    assert fetch(fname="plain", origin=origin, extract=True) == base / "plain"
    dotted = fetch(fname=f"x.{name}", origin=origin, extract=True)
    assert dotted == base / "x_extracted"
    (dotted / "mine.txt").touch()
    packed(archive, {"b.txt": b"new"})
    fetch(fname=f"x.{name}", origin=origin, extract=True, force_download=True)
    assert (dotted / "b.txt").read_bytes() == b"new"
    assert (dotted / "mine.txt").exists()
    if name == "data.tar.gz":
        assert fetch(fname="old", origin=origin, untar=True) == base / "old"
    assert not [p for p in base.iterdir() if p.name.startswith(".")]


@pytest.mark.parametrize("name", ["evil.zip", "evil.tar.gz"])
def test_archives_cannot_reach_out(name, fetch, tmp_path):
    archive = packed(tmp_path / name, {"../../../out.txt": b"!"})
    with pytest.raises(DataError):
        fetch(fname="evil", origin=archive.as_uri(), extract=True)
    assert not (tmp_path / "cache" / "datasets" / "evil").exists()
    assert not list(tmp_path.rglob("out.txt"))


class Server(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/missing":
            self.send_error(404)
            return
        self.send_response(200)
        if self.path != "/endless":
            self.send_header("Content-Length", str(len(TEXT)))
        self.end_headers()
        self.wfile.write(TEXT[: 100 if self.path == "/torn" else None])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def address():
    server = HTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_http(address, fetch, tmp_path):
    assert fetch(origin=f"{address}/a.txt?query=1").name == "a.txt"
    assert fetch(origin=f"{address}/endless").read_bytes() == TEXT
    for name, message in (("missing", "404"), ("torn", "ended after 100 of 7000 bytes")):
        with pytest.raises(DownloadError, match=message) as caught:
            fetch(origin=f"{address}/{name}")
        assert isinstance(caught.value, OSError)
        assert f"{tmp_path / 'cache' / 'datasets' / name} yourself" in str(caught.value)
    names = sorted(p.name for p in (tmp_path / "cache" / "datasets").iterdir())
    assert names == ["a.txt", "endless"]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({}, ArgumentError, "expected origin"),
        ({"origin": "file:///x", "fname": "a/b"}, ArgumentError, "without folders"),
        ({"origin": "http://host/"}, ArgumentError, "expected fname"),
        ({"origin": "file:///x", "hash_algorithm": "crc"}, ArgumentError, "hash_algorithm"),
        ({"origin": "file:///no/such/file"}, DownloadError, "No such file"),
        ({"origin": "no-url"}, DownloadError, "unknown url type"),
    ],
)
def test_refusals(fetch, arguments, error, message):
    with pytest.raises(error, match=message):
        fetch(**arguments)


def test_what_is_no_archive_is_refused(source, fetch):
    with pytest.raises(DataError, match="archive of tar or zip format"):
        fetch(origin=source.as_uri(), extract=True)
    with pytest.raises(DataError, match="archive of known format"):
        fetch(origin=source.as_uri(), extract=True, archive_format=None)
    with pytest.raises(ArgumentError, match="archive_format"):
        fetch(origin=source.as_uri(), extract=True, archive_format="rar")
