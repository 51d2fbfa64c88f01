"""How static files are kept: our own scripts and styles without their comments, every name with the hash of
its content, each compressed."""

import re
from contextlib import closing
from pathlib import PurePath

import minify
from django.core.files.base import ContentFile
from django.http import HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage

# By folder: what is vendored comes as it is.
KINDS = {"js": "application/javascript", "css": "text/css"}
IMPORTING = re.compile(r"\A((?://[^\n]*\n)*(?:import [^;]+;\n)+)(.+)\Z", re.S)


class Storage(CompressedManifestStaticFilesStorage):
    # Our own scripts import each other by their hashed names too.
    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1],
    )

    def get_modified_time(self, name):
        """Not known, so that each file is written anew: Django leaves what is older than its copy, as all of
        an update from an archive is."""
        raise NotImplementedError

    def _save(self, name, content):
        folder = PurePath(name).parts[0]
        if folder in KINDS:
            content.seek(0)
            content = ContentFile(small(folder, content.read().decode()).encode())
        return super()._save(name, content)


class Middleware(WhiteNoiseMiddleware):
    """WhiteNoise's, whose answers are whole: files are small, and under ASGI one that is read piece by piece
    is read into a list of its pieces first."""

    @staticmethod
    def serve(static_file, request):
        read = WhiteNoiseMiddleware.serve(static_file, request)
        with closing(read):
            whole = HttpResponse(b"".join(read), status=read.status_code)
        del whole["Content-Type"]
        for name, value in read.items():
            whole[name] = value
        return whole


def small(folder: str, text: str) -> str:
    """A script or style that says the same in fewer bytes. The names at the top of a script are kept, because
    others might mean them; those of a module that exports nothing stand in a block, and become short."""
    module = IMPORTING.match(text)
    if module and "\nexport " not in text:
        text = "{}{{{}}}".format(*module.groups())
    return minify.string(KINDS[folder], text)
