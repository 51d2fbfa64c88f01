#!/usr/bin/env python3
"""Fetches the browser parts others wrote, and the icons in use, into this repository. Run by hand when a
version moves; needs npm. Nothing here runs in the product.

    python tools/vendor.py
"""

import base64
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "static" / "vendor"
NOVNC_SOURCE = ROOT / "vendor-source" / "novnc"

# The hash is npm's own (`npm view <package>@<version> dist.integrity`), noted when the version was chosen.
PACKAGES = {
    "htmx.org": (
        "4.0.1",
        "sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==",
    ),
    "basecoat-css": (
        "1.0.2",
        "sha512-C6I5rr7HziIAoBYNGPO5U6HaU/6FuF3iVp++IgoEqqJ836is3XoRty6l1ibXqxnoIRZNnOAYDMX8QxVC+58zhw==",
    ),
    "@novnc/novnc": (
        "1.7.0",
        "sha512-ucEJOx4T2avIRCleodk7YobZj5O2Ga2AeLfQ69A/yjG9HHba2+PDgwSkN3FttrmG+70ZGx21sElNFouK13RzyA==",
    ),
    "@fontsource-variable/inter": (
        "5.3.0",
        "sha512-OupL48va4JNofb97w6NYeF9S7W/kHNKM0Er8Dem5nqi4jeOLrVJDoE8tZEpnMJmtkvNbB1EIPPwHcdkF6b1oUA==",
    ),
    "lucide-static": (
        "1.62.0",
        "sha512-WBZA/m2PvkFpMGHDtsBck5P2A9G4ehLlYu4GwwICcmEm1BvYVgj00lCDxKRWLlbMlOibLaiwdQ88G5pHkSWgwA==",
    ),
    "axe-core": (
        "4.11.0",
        "sha512-ilYanEU8vxxBexpJd8cWM4ElSQq4QctCLKih0TSfjIfCQTeyH/6zVrmIJfLPrKTKJRbiG+cfnZbQIjAlJmF1jQ==",
    ),
}
ESBUILD = "0.28.2"

# package, file in it, file under static/vendor/
COPIES = [
    ("htmx.org", "dist/htmx.min.js", "htmx/htmx.min.js"),
    ("htmx.org", "dist/ext/hx-ws.min.js", "htmx/hx-ws.min.js"),
    ("htmx.org", "LICENSE", "htmx/LICENSE"),
    ("basecoat-css", "dist/basecoat.cdn.min.css", "basecoat/basecoat.min.css"),
    ("basecoat-css", "LICENSE.md", "basecoat/LICENSE.md"),
    ("@fontsource-variable/inter", "LICENSE", "inter/LICENSE"),
    ("@novnc/novnc", "LICENSE.txt", "novnc/LICENSE.txt"),
    ("@novnc/novnc", "AUTHORS", "novnc/AUTHORS"),
    ("lucide-static", "LICENSE", "lucide/LICENSE"),
    # Only the tests look at pages with it.
    ("axe-core", "axe.min.js", "../../tests/browser/vendor/axe.min.js"),
    ("axe-core", "LICENSE", "../../tests/browser/vendor/LICENSE"),
]

# Lucide's icons in use. What it has not is drawn here: solid = a person has judged, wider core = running.
ICONS = """
    arrow-up-right bell bookmark chevron-down chevron-left chevron-right chevron-up chevrons-up-down
    circle circle-alert circle-check circle-dashed circle-minus circle-pause circle-question-mark
    circle-slash clock-alert clock-plus columns-3 copy corner-down-left download ellipsis
    external-link eye eye-off file file-text flag flask-conical folder hand history hourglass info
    keyboard layers layout-grid link list lock log-out maximize maximize-2 message-square
    messages-square monitor monitor-off moon octagon-minus octagon-x panel-right-open play plus
    power-off refresh-cw rotate-ccw scan search send settings shield sliders-horizontal sun sun-moon
    tag terminal timer-off triangle-alert unplug user users wifi-off x
"""
SOLID = (
    '<circle cx="12" cy="12" r="11" fill="currentColor" stroke="none"/>'
    '<path d="{path}" stroke="var(--on-solid, #fff)" stroke-width="2.4"/>'
)
OWN_ICONS = {
    "circle-dot": (
        '<circle cx="12" cy="12" r="10"/>'
        '<circle cx="12" cy="12" r="4.5" fill="currentColor" stroke="none" opacity="var(--core, 1)"/>'
    ),
    "circle-check-filled": SOLID.format(path="m7.5 12.5 3 3 6-6.5"),
    "circle-minus-filled": SOLID.format(path="M7.5 12h9"),
}
GLYPH = (
    '<rect width="32" height="32" rx="8.6" fill="{ink}"/>'
    '<g fill="none" stroke-width="3.2" stroke-linecap="round">'
    '<path d="M21.9 9.6A8.6 8.6 0 1 0 24.6 16" stroke="{ring}"/>'
    '<path d="M24.6 16H16.6" stroke="#CBF24A"/></g>'
)
# On the tab of a workspace in which a run needs somebody.
NEEDS_MARK = '<circle cx="25" cy="7" r="7" fill="#E0A21B" stroke="#14191B" stroke-width="2"/>'


def run(*command: str, cwd: Path) -> str:
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout


def fetch(package: str, folder: Path) -> Path:
    """The package's unpacked folder. Stops when the tarball is not the one that was chosen."""
    version, integrity = PACKAGES[package]
    told = run("npm", "pack", f"{package}@{version}", "--json", "--ignore-scripts", cwd=folder)
    name = json.loads(told)[0]["filename"]
    tarball = folder / name.replace("@", "").replace("/", "-")
    found = "sha512-" + base64.b64encode(hashlib.sha512(tarball.read_bytes()).digest()).decode()
    if found != integrity:
        raise SystemExit(f"{package} {version}: the tarball is not the one that was chosen ({found})")
    unpacked = folder / package.replace("/", "-")
    with tarfile.open(tarball) as archive:
        archive.extractall(unpacked, filter="data")
    return unpacked / "package"


def copy(source: Path, target: Path) -> None:
    """One file, without its source map line: a map that is not there stops collectstatic."""
    text = re.sub(r"^(//# source|/\*# source)MappingURL=.*$", "", source.read_text(), flags=re.M)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text.rstrip() + "\n")


def keep_inter(package: Path) -> None:
    """The upright subsets, each fetched by pages that have its characters. A page begins in the system's face
    and is not set anew: the font is there from the next page on, unless it comes at once."""
    style = (package / "wght.css").read_text().replace("font-display: swap", "font-display: optional")
    folder = VENDOR / "inter"
    for name in re.findall(r"files/([\w-]+\.woff2)", style):
        shutil.copy(package / "files" / name, folder / name)
    (folder / "inter.css").write_text(style.replace("./files/", "").rstrip() + "\n")


def keep_novnc_source(package: Path) -> None:
    """noVNC's own files, unmodified, as its licence asks; outside static/, where nothing rewrites them."""
    shutil.rmtree(NOVNC_SOURCE, ignore_errors=True)
    NOVNC_SOURCE.mkdir(parents=True)
    for name in ("core", "vendor"):
        shutil.copytree(package / name, NOVNC_SOURCE / name)
    for name in ("LICENSE.txt", "AUTHORS", "README.md", "package.json"):
        shutil.copy(package / name, NOVNC_SOURCE / name)


def bundle_novnc(folder: Path) -> None:
    """One classic script that sets `window.noVNC` and says so with the event `novnc`.

    Classic, because modules are fetched with CORS, which a sandboxed frame cannot pass; inside an async
    function, because noVNC awaits at its top level."""
    run("npm", "install", "--no-save", "--ignore-scripts", f"esbuild@{ESBUILD}", cwd=folder)
    entry = folder / "entry.js"
    entry.write_text(
        f'import RFB from "{NOVNC_SOURCE.as_posix()}/core/rfb.js";\n'
        'window.noVNC = { RFB };\nwindow.dispatchEvent(new Event("novnc"));\n'
    )
    version = PACKAGES["@novnc/novnc"][0]
    licence = f"/*! noVNC {version}, MPL-2.0, see LICENSE.txt; source in vendor-source/novnc/ */"
    run(
        str(folder / "node_modules" / ".bin" / "esbuild"),
        str(entry),
        "--bundle",
        "--minify",
        "--target=es2022",
        "--format=esm",
        "--legal-comments=none",
        f"--banner:js={licence}\n(async () => {{ 'use strict';",
        "--footer:js=})();",
        f"--outfile={VENDOR / 'novnc' / 'novnc.min.js'}",
        cwd=folder,
    )


def build_sprite(lucide: Path) -> None:
    """static/icons.svg: one <symbol> for each icon in use, named as in Lucide."""
    symbols = []
    for name in sorted({*ICONS.split(), *OWN_ICONS}):
        shapes = OWN_ICONS.get(name)
        if shapes is None:
            text = (lucide / "icons" / f"{name}.svg").read_text()
            shapes = " ".join(re.search(r"<svg[^>]*>(.*)</svg>", text, re.S)[1].split())
        symbols.append(
            f'<symbol id="{name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" '
            f'stroke-linecap="round" stroke-linejoin="round" '
            f'stroke-width="var(--icon-weight, 2)">{shapes}</symbol>'
        )
    glyph = GLYPH.format(ink="#14191B", ring="#FFFFFF")
    symbols.append(f'<symbol id="glyph" viewBox="0 0 32 32">{glyph}</symbol>')
    (ROOT / "static" / "icons.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg">\n' + "\n".join(symbols) + "\n</svg>\n"
    )
    for name, mark in (("favicon.svg", ""), ("favicon-needs.svg", NEEDS_MARK)):
        favicon = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">{glyph}{mark}</svg>\n'
        (ROOT / "static" / name).write_text(favicon)


def write_readme() -> None:
    rows = [
        ("`htmx/`", "htmx.org", "0BSD", "`htmx.min.js` and `hx-ws.min.js`, without source map lines"),
        ("`basecoat/`", "basecoat-css", "MIT", "`dist/basecoat.cdn.min.css`"),
        (
            "`inter/`",
            "@fontsource-variable/inter",
            "OFL-1.1",
            "`wght.css` as `inter.css` with `font-display: optional`, and its subsets",
        ),
        (
            "`novnc/`",
            "@novnc/novnc",
            "MPL-2.0",
            f"esbuild {ESBUILD}; source in `vendor-source/novnc/`",
        ),
        ("`tests/browser/vendor/`", "axe-core", "MPL-2.0", "`axe.min.js`, for the tests alone"),
        ("`../icons.svg`", "lucide-static", "ISC", "the icons in use; three shapes and the glyph are ours"),
    ]
    lines = [
        f"| {where} | npm `{name}` {PACKAGES[name][0]} | {licence} | {how} |"
        for where, name, licence, how in rows
    ]
    (VENDOR / "README.md").write_text(
        "# Parts others wrote\n\n"
        "Fetched by `tools/vendor.py`, which checks npm's hashes; not edited by hand.\n\n"
        "| where | what | licence | how |\n|---|---|---|---|\n" + "\n".join(lines) + "\n"
    )


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        packages = {package: fetch(package, folder) for package in PACKAGES}
        for package, source, target in COPIES:
            copy(packages[package] / source, VENDOR / target)
        keep_inter(packages["@fontsource-variable/inter"])
        keep_novnc_source(packages["@novnc/novnc"])
        bundle_novnc(folder)
        build_sprite(packages["lucide-static"])
        write_readme()


if __name__ == "__main__":
    main()
