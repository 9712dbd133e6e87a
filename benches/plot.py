#!/usr/bin/env python3
"""Draws benches/time.svg from the last `cargo bench -p benches --bench time`."""

import json
import os
from pathlib import Path

HERE = Path(__file__).parent
TARGET = Path(os.environ.get("CARGO_TARGET_DIR", HERE.parent / "target"))
# The name of each case, and of what is drawn below it.
CASES = [("unsigned", ["floor", "by hand"]), ("signed", ["floor", "by hand"]), ("another app", ["by hand"]), ("forged", ["by hand"])]
LEFT, WIDTH, STEP = 190, 760, 26
HEAD = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" role="img">
<title>Time per callback; shorter is faster</title>
<style>
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .ours { fill: #0969da }
  .other { fill: #a8b1ba }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .other { fill: #656c76 }
  }
</style>"""


def nanoseconds(case):
    estimates = TARGET / "criterion" / case / "new" / "estimates.json"
    return json.loads(estimates.read_text())["median"]["point_estimate"]


def main():
    rows = []
    for case, others in CASES:
        rows.append((f"{case}: im-group-full", nanoseconds(case), "ours"))
        rows += [(other, nanoseconds(f"{case}, {other}"), "other") for other in others]
    scale = (WIDTH - LEFT - 80) / max(time for _, time, _ in rows)
    svg = [HEAD % (WIDTH, len(rows) * STEP + 8)]
    for i, (label, time, css) in enumerate(rows):
        y, width = i * STEP + 8, time * scale
        svg.append(f'<text x="{LEFT - 10}" y="{y + 13}" text-anchor="end">{label}</text>')
        svg.append(f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="18" class="{css}"/>')
        svg.append(f'<text x="{LEFT + width + 6:.1f}" y="{y + 13}">{time:,.0f} ns</text>')
    (HERE / "time.svg").write_text("\n".join([*svg, "</svg>"]) + "\n")


if __name__ == "__main__":
    main()
