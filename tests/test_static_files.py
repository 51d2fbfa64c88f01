"""Our own scripts and styles mean the same after they were made small, and are made once."""

import errno
import os

import pytest
from django.conf import settings
from django.contrib.staticfiles.finders import FileSystemFinder, get_finder
from django.core.management import CommandError
from django.utils.module_loading import import_string

from dashboard.static_files import small
from runs.management.commands.collect import collect_static_files, state_of_sources


@pytest.mark.parametrize(
    "style, shorter",
    [
        (".bar :is(.a, .b) { color: red; }", ".bar :is(.a,.b){color:red}"),
        (":is(.a, .b) .c { color: red; }", ":is(.a,.b) .c{color:red}"),
        (".a:is(.b) { color: red; }", ".a:is(.b){color:red}"),
        ("a { width: calc(100% - 20px); }", "a{width:calc(100% - 20px)}"),
    ],
)
def test_a_style_stays_what_it_is(style, shorter):
    assert small("css", style) == shorter


def test_a_script_keeps_what_it_says_and_what_others_import_of_it():
    script = "export const say = (text) => { const all = `a  ${text} // b`; return all; };"
    shorter = small("js", script)
    assert shorter.startswith("export const say=") and "`a  ${" in shorter and "// b`" in shorter


def test_the_own_names_of_a_script_that_exports_nothing_become_short():
    script = '// Why.\nimport { $ } from "./core.js";\n\nconst manyRows = $("tr");\n$(manyRows, manyRows);\n'
    assert small("js", script) == 'import{$}from"./core.js";{const e=$("tr");$(e,e)}'


@pytest.fixture
def image(tmp_path, settings):
    """Static files that were collected, as they are in an image: their sources, and where they were put."""
    settings.STATICFILES_DIRS = [tmp_path / "static"]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "dashboard.static_files.Storage"},
    }
    for name in ("css/one.css", "js/two.js", "three.svg"):
        file = tmp_path / "static" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"/* {name} */")
    get_finder.cache_clear()
    collect_static_files()
    yield tmp_path
    get_finder.cache_clear()


@pytest.fixture
def refused(monkeypatch):
    """Whoever collects may not write, as the user of an image. (The superuser that runs tests might.)"""

    def refuse(*args, **kwargs):
        raise PermissionError(errno.EACCES, "Permission denied", "collected/three.svg")

    monkeypatch.setattr("django.core.files.storage.FileSystemStorage._save", refuse)
    monkeypatch.setattr("django.core.files.storage.FileSystemStorage.delete", refuse)


def whole_seconds(static) -> None:
    """As the layers of an image keep times."""
    for file in static.rglob("*"):
        os.utime(file, (int(file.stat().st_mtime),) * 2)


def another_day(static) -> None:
    for file in static.rglob("*"):
        os.utime(file, (1_000_000_000, 1_000_000_000))


def another_order(static) -> None:
    """Folders are listed in the order of the file system they are on."""
    contents = {file: file.read_bytes() for file in static.rglob("*") if file.is_file()}
    for file in contents:
        file.unlink()
    for file in sorted(contents, reverse=True):
        file.write_bytes(contents[file])


def read_only(static) -> None:
    for file in static.rglob("*"):
        file.chmod(0o444 if file.is_file() else 0o555)


@pytest.mark.parametrize("copied", [whole_seconds, another_day, another_order, read_only])
def test_an_image_that_was_pushed_and_pulled_has_its_static_files(image, refused, copied):
    copied(image / "static")
    collect_static_files()


def test_static_files_are_hashed_in_no_order_of_their_folders(image, monkeypatch):
    before = state_of_sources()
    listed = FileSystemFinder.list
    monkeypatch.setattr(FileSystemFinder, "list", lambda *args: reversed(list(listed(*args))))
    assert state_of_sources() == before


@pytest.mark.parametrize("name", ["css/one.css", "css/new.css"])
@pytest.mark.parametrize("unpacked", [whole_seconds, another_day])
def test_other_static_files_are_collected_anew(image, name, unpacked):
    (image / "static" / name).write_text("a{top:0}")
    unpacked(image / "static")
    collect_static_files()
    assert (image / "collected" / name).read_text() == "a{top:0}"
    served = import_string(settings.STORAGES["staticfiles"]["BACKEND"])().stored_name(name)
    assert (image / "collected" / served).read_text() == "a{top:0}"


def test_other_static_files_that_cannot_be_written_are_one_line(image, refused):
    (image / "static" / "three.svg").write_text("<svg/>")
    with pytest.raises(CommandError, match=r"are not of this version.*Permission denied; set STATIC_ROOT"):
        collect_static_files()
