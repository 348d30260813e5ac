"""The playground's Python is beside its page, and no part of the package."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2] / "examples" / "site" / "playground"))
