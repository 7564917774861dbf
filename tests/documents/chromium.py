"""Pages opened in headless Chromium: a picture at two widths, and the printed pages.

    python tests/documents/chromium.py FOLDER PAGE.html...

puts `PAGE_desktop.png`, `PAGE_phone.png`, `PAGE_dark.png` and `PAGE.pdf` into FOLDER
and fails where the browser asks for anything but the page itself, where a page is wider
than the window, or where it prints nothing.  Without Chromium nothing is done.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
)
# Widths and heights of windows [px].
WINDOWS = {"desktop": (1280, 2400), "phone": (500, 3200), "dark": (1280, 1600)}
DARK = "--blink-settings=preferredColorScheme=0"
_PATIENCE = 120.0
# Says of the page how wide it is, and how many parts it loaded from elsewhere.
_PROBE = """
<script>
addEventListener("load", () => {
  const asked = performance.getEntriesByType("resource").length;
  const wide = document.documentElement.scrollWidth > innerWidth + 1;
  document.documentElement.setAttribute("data-probe", `asked ${asked} wide ${wide}`);
});
</script>
"""


def browser() -> str | None:
    """Return the path of Chromium, `None` where it is not installed."""
    return next((path for name in BROWSERS if (path := shutil.which(name))), None)


def run(program: str, *words: str) -> str:
    """Run the browser with a profile of its own; return what it printed."""
    with tempfile.TemporaryDirectory() as profile:
        command = [program, *FLAGS, f"--user-data-dir={profile}", *words]
        ran = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, check=True
        )
    return ran.stdout


def look(program: str, page: Path, folder: Path) -> list[str]:
    """Take pictures of a page and print it; return what is wrong with it."""
    folder.mkdir(parents=True, exist_ok=True)
    address = page.resolve().as_uri()
    for name, (width, height) in WINDOWS.items():
        target = folder / f"{page.stem}_{name}.png"
        more = (DARK,) if name == "dark" else ()
        size = f"--window-size={width},{height}"
        run(program, *more, size, f"--screenshot={target}", address)
    target = folder / f"{page.stem}.pdf"
    run(program, "--no-pdf-header-footer", f"--print-to-pdf={target}", address)
    wrong = [] if b"/Page" in target.read_bytes() else ["prints nothing"]
    return wrong + _probed(program, page)


def _probed(program: str, page: Path) -> list[str]:
    """Open a copy of a page that tells what it asked for, at both widths."""
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "page.html"
        text = page.read_text(encoding="utf-8")
        copy.write_text(text.replace("</head>", f"{_PROBE}</head>", 1), "utf-8")
        for name in ("desktop", "phone"):
            size = "--window-size={},{}".format(*WINDOWS[name])
            dumped = run(program, size, "--dump-dom", copy.as_uri())
            found = re.search(r'data-probe="asked (\d+) wide (\w+)"', dumped)
            if found is None:
                wrong.append(f"{name}: does not load")
                continue
            if found[1] != "0":
                wrong.append(f"{name}: asks for {found[1]} parts from elsewhere")
            if found[2] != "false":
                wrong.append(f"{name}: is wider than the window")
    return wrong


def main(words: list[str]) -> int:
    """Look at pages; return 1 if something is wrong with one."""
    program = browser()
    if program is None:
        print("there is no Chromium: pages are not looked at")
        return 0
    folder, *pages = map(Path, words)
    bad = 0
    for page in pages:
        for wrong in look(program, page, folder):
            print(f"{page}: {wrong}")
            bad = 1
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
