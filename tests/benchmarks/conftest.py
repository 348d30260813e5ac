"""Print a table of ratios to the hand-written NumPy code after the run, or to PyTorch where there is none."""

import platform
from importlib.metadata import version


def pytest_terminal_summary(terminalreporter, config):
    session = getattr(config, "_benchmarksession", None)
    medians = {}
    for bench in session.benchmarks if session else ():
        medians.setdefault(bench.group, {})[bench.params["peer"]] = bench.stats.median
    if not medians:
        return
    peers = list(dict.fromkeys(["by hand", *[peer for row in medians.values() for peer in row]]))
    terminalreporter.section("median time of a step, and its ratio to NumPy by hand")
    terminalreporter.write_line(f"{platform.processor() or platform.machine()}, Python {platform.python_version()}, "
                                f"NumPy {version('numpy')}")  # fmt: skip
    terminalreporter.write_line("| task | NumPy by hand | " + " | ".join(peers[1:]) + " |")
    terminalreporter.write_line("| --- |" + " ---: |" * len(peers))
    for task, row in medians.items():
        limit = row.get("by hand") or row.get("PyTorch") or next(iter(row.values()))
        by_hand = f"{limit * 1e6:,.1f} us" if "by hand" in row else ""
        cells = [f"{row[p] / limit:.2f}" if p in row else "" for p in peers[1:]]
        terminalreporter.write_line(f"| {task} | {by_hand} | " + " | ".join(cells) + " |")
