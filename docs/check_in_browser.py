"""Open pages of the built site in Chromium: no error is logged, and pictures are kept.

    python docs/check_in_browser.py docs/_build/html

Each page is opened without a network, as wide as a desk's and a phone's.  Where there
is no Chromium nothing is checked, which is said.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = (
    "index",
    "tutorial",
    "physics/chip",
    "physics/step",
    "generated/gallery",
    "generated/commands",
)
WIDTHS = {"desk": (1280, 1600), "phone": (390, 1600)}
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SECONDS = 60
# Chromium's own complaints about the machine are no fault of a page.
_CONSOLE = re.compile(r"CONSOLE[:(].*")


def main(site: Path) -> int:
    """Check the pages of `site`; return the exit code."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("No Chromium here: the pages were not opened.")
        return 0
    pictures = site.parent / "pictures"
    pictures.mkdir(exist_ok=True)
    faults = []
    for page in PAGES:
        for name, size in WIDTHS.items():
            picture = pictures / f"{page.replace('/', '_')}_{name}.png"
            said = _open(browser, site, page, size, picture)
            faults += [f"{page} ({name}): {fault}" for fault in said]
    print("\n".join(faults) or f"Opened {len(PAGES)} pages; pictures in {pictures}.")
    return 1 if faults else 0


def _open(
    browser: str, site: Path, page: str, size: tuple[int, int], picture: Path
) -> list[str]:
    """Return what went wrong when `page` was opened."""
    picture.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        done = subprocess.run(
            [
                browser,
                "--headless",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                "--enable-logging=stderr",
                f"--user-data-dir={profile}",
                f"--window-size={size[0]},{size[1]}",
                f"--screenshot={picture.resolve()}",
                (site / f"{page}.html").resolve().as_uri(),
            ],
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    faults = _CONSOLE.findall(done.stderr)
    if not picture.is_file():
        faults.append(f"no picture, exit code {done.returncode}")
    return faults


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
