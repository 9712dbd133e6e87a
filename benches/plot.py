#!/usr/bin/env python3
"""Draws benches/time.svg from the last `cargo bench -p benches --bench time`, and prints the same figures as a table.

Where there is a `node`, the handler in node_peer.mjs is timed at once, beside the others.
"""

import json
import os
import shutil
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.environ.get("CARGO_TARGET_DIR", os.path.join(HERE, "..", "target"))
CRITERION = os.path.join(TARGET, "criterion")
PLOT = os.path.join(HERE, "time.svg")

LEFT, RIGHT, WIDTH, BAR, STEP = 190, 124, 760, 18, 26
STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .small { font-size: 12px; fill: #59636e }
  .title { font-size: 15px; font-weight: 600 }
  .peer { fill: #a8b1ba }
  .query { fill: #0969da }
  .signature { fill: #8250df }
  .body { fill: #1a7f37 }
  .rest { fill: #bf8700 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 }
    .small { fill: #9198a1 }
    .peer { fill: #656c76 }
    .query { fill: #4493f8 }
    .signature { fill: #ab7df8 }
    .body { fill: #3fb950 }
    .rest { fill: #d29922 }
  }
"""


def nanoseconds():
    """Medians of the last run by the name of the case."""
    times = {}
    for directory in os.listdir(CRITERION):
        new = os.path.join(CRITERION, directory, "new")
        if os.path.exists(os.path.join(new, "benchmark.json")):
            with open(os.path.join(new, "benchmark.json")) as file:
                name = json.load(file)["full_id"]
            with open(os.path.join(new, "estimates.json")) as file:
                times[name] = json.load(file)["median"]["point_estimate"]
    return times


def stages(times, group):
    """What `handle` is made of: [(class, label, ns)]."""
    query, body = times["stage/check_query"], times["stage/body"]
    parts = [("query", "query", query)]
    if group == "signed":
        parts.append(("signature", "signature", times["stage/check_query signed"] - query))
    parts.append(("body", "body", body))
    rest = times[f"{group}/handle"] - sum(part[2] for part in parts)
    return [*parts, ("rest", "the rest", max(rest, 0))]


def peers(times, node, group):
    """What else does the same: [(label, ns)]."""
    floor = "serde_json and SHA-256" if group == "signed" else "serde_json"
    rows = [(floor, times[f"{group}/floor"]), ("by hand in Rust", times[f"{group}/by hand"])]
    return rows + ([(f"by hand in Node {node['node']}", node[group])] if node else [])


class Svg:
    def __init__(self):
        self.parts, self.y = [], 0

    def text(self, x, text, css="", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{self.y + 13.5:.1f}" class="{css}" text-anchor="{anchor}">{text}</text>')

    def bar(self, x, width, css):
        self.parts.append(f'<rect x="{x:.1f}" y="{self.y}" width="{max(width, 1):.1f}" height="{BAR}" class="{css}"/>')

    def row(self, label, bars, scale, note):
        """One line: a label, bars end to end as (class, ns), and a note."""
        self.text(LEFT - 10, label, anchor="end")
        x = LEFT
        for css, ns in bars:
            self.bar(x, ns * scale, css)
            x += ns * scale
        self.text(x + 6, note, "small")
        self.y += STEP

    def heading(self, title, explanation):
        self.y += 10
        self.text(8, f'<tspan class="title">{title}</tspan> <tspan class="small" dx="6">{explanation}</tspan>')
        self.y += STEP

    def write(self, path):
        with open(path, "w") as file:
            file.write(f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.y + 6}" role="img">\n')
            file.write(f"<title>Time per callback</title>\n<style>{STYLE}</style>\n")
            file.write("\n".join(self.parts) + "\n</svg>\n")


def draw(times, node):
    svg, room = Svg(), WIDTH - LEFT - RIGHT
    longest = max(ns for group in ("unsigned", "signed") for _, ns in peers(times, node, group))
    for group in ("unsigned", "signed"):
        svg.heading(f"One {group} callback", "from the raw request to the bytes of the answer; shorter is faster")
        rows = [("im-group-full", "query", times[f"{group}/handle"])]
        rows += [(label, "peer", ns) for label, ns in peers(times, node, group)]
        for label, css, ns in sorted(rows, key=lambda row: row[2]):
            ratio = "" if label == "im-group-full" else f", {ns / rows[0][2]:.1f} ×"
            svg.row(label, [(css, ns)], room / longest, f"{ns:,.0f} ns{ratio}")
    svg.heading("What im-group-full spends it on", "steps timed alone, the signature by what it adds; enlarged")
    longest = max(times["unsigned/handle"], times["signed/handle"])
    for group in ("unsigned", "signed"):
        bars = [(css, ns) for css, _, ns in stages(times, group)]
        svg.row(group, bars, room / longest, f"{times[f'{group}/handle']:,.0f} ns")
    x = LEFT
    svg.y += 4
    for css, label, _ in stages(times, "signed"):
        svg.bar(x, 12, css)
        svg.text(x + 18, label, "small")
        x += 96
    svg.y += STEP
    svg.write(PLOT)


def table(times, node):
    print("| | unsigned | signed |\n|---|---:|---:|")
    rows = {"im-group-full": [times[f"{group}/handle"] for group in ("unsigned", "signed")]}
    for group in ("unsigned", "signed"):
        for label, ns in peers(times, node, group):
            rows.setdefault("the floor" if label.startswith("serde_json") else label, []).append(ns)
    for label, (unsigned, signed) in rows.items():
        print(f"| {label} | {unsigned:,.0f} ns | {signed:,.0f} ns |")
    for name in sorted(times):
        if name.startswith(("stage/", "refusal/", "untidy/")):
            print(f"| {name} | {times[name]:,.0f} ns | |")
    print()
    for name in sorted(times):
        thing, _, part = name.rpartition("/")
        if part == "whole":
            ignored, doubled = times[name] / times[f"{thing}/ignored"], times[name] / times[f"{thing}/half"]
            print(f"{thing}: {ignored:.2f} × serde_json ignoring the same, {doubled:.2f} × for twice as much")


def main():
    times, node = nanoseconds(), None
    if shutil.which("node"):
        node = json.loads(subprocess.check_output(["node", os.path.join(HERE, "node_peer.mjs")]))
    draw(times, node)
    table(times, node)


if __name__ == "__main__":
    main()
