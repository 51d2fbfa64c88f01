#!/bin/sh
# Prints the path of a Chromium for the browser tests: found, else installed where that is possible, else nothing.
# Best is the one without windows: a page of its own costs it a third of the processor time.
found() {
    for name in "$CHROMIUM" chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        [ -n "$name" ] && command -v "$name" && return 0
    done
    "${PYTHON:-python3}" - <<'EOF'
import pathlib, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as p:
    path = pathlib.Path(p.chromium.executable_path)
print(path) if path.exists() else sys.exit(1)
EOF
}
found && exit 0
echo "No Chromium found; trying Playwright's own." >&2
"${PYTHON:-python3}" -m playwright install chromium >&2 && found && exit 0
if command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
    echo "Trying apt-get install chromium-headless-shell." >&2
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium-headless-shell; } >&2 && found && exit 0
fi
echo "NO CHROMIUM: the browser tests cannot run." >&2
exit 0
