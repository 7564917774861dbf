"""`python -m tests.damage [FIRST] [COUNT]`: damage by seeds, from FIRST on.

What fails is printed with its seed, which is enough to do it again.
"""

import os
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import jax

from tests.damage.drive import damage, short, valid


def main() -> int:
    """Damage inputs; return 1 if any got through to a traceback or took too long."""
    first, count = (int(word) for word in (*sys.argv[1:], "0", "2000")[:2])
    jax.config.update("jax_enable_x64", True)
    os.environ["MPLBACKEND"] = "agg"
    kinds: Counter[str] = Counter()
    bad, began = 0, time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        os.environ.setdefault("XDG_CACHE_HOME", name)
        sound = valid(Path(name))
        os.chdir(name)
        with short():
            for seed in range(first, first + count):
                kind, case, wrong = damage(seed, sound)
                kinds[kind] += 1
                if wrong:
                    bad += 1
                    print(f"seed {seed}: {kind}: {case}\n{wrong}\n", flush=True)
                if (seed - first) % 200 == 199:
                    rate = 60.0 * (seed - first + 1) / (time.monotonic() - began)
                    print(f"up to seed {seed}: {bad} wrong, {rate:.0f} a minute")
    print(f"{count} damaged from seed {first}: {bad} wrong; {dict(kinds)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
