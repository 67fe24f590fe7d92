"""
Pictures of bench rows, as SVG: cost against the size of a message, and
against the size of a batch.
"""

import math
import os

import figures

DOCS = os.path.join(figures.ROOT, "docs")
WIDTH, HEIGHT = 640, 360
LEFT, RIGHT, TOP, BOTTOM = 64, 150, 24, 44
COLOURS = ("#0b5fa5", "#b5460f", "#3b7d23")

COPIED = {0: "T0", 64: "P5", 256: "T256", 512: "T512", 1024: "T1024",
          2048: "T2048", 3072: "P6", 4096: "T4096"}
DESCRIBED = {64: "P7", 4096: "Z4096"}
NOPS = {1: "P11a", 2: "B2", 4: "B4", 8: "P11b", 16: "B16", 32: "B32",
        64: "P11c"}
MESSAGES = {1: "E1", 2: "E2", 4: "E4", 8: "E8", 16: "E16", 32: "E32",
            64: "P12"}


def series(measured, rows):
    return [(x, measured[row]) for x, row in rows.items() if row in measured]


def crossing(rising, flat):
    """Where a rising line meets a flat one: x, or None."""
    level = flat[0][1]
    for (x0, y0), (x1, y1) in zip(rising, rising[1:]):
        if y0 <= level <= y1 and y1 > y0:
            return x0 + (x1 - x0) * (level - y0) / (y1 - y0)
    return None


def steps(top):
    """About five round numbers up to top."""
    size = 10 ** int(math.log10(top / 5))
    size *= min((f for f in (1, 2, 5, 10) if top / (size * f) <= 6))
    return range(0, int(top) + 1, int(size))


def chart(title, unit, lines, logarithmic=False, mark=None):
    """
    The text of a picture. lines: {name: [(x, y)]}; mark: (x, what) to point
    out.
    """
    xs = sorted({x for points in lines.values() for x, _ in points})
    top = max(y for points in lines.values() for _, y in points) * 1.05
    scale = math.log2 if logarithmic else float
    low, high = scale(xs[0]), scale(xs[-1])

    def across(x):
        return LEFT + (scale(x) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def up(y):
        return HEIGHT - BOTTOM - y / top * (HEIGHT - TOP - BOTTOM)

    def text(x, y, words, anchor="middle", colour="#333"):
        return ('<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>'
                % (x, y, anchor, colour, words))

    out = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" '
           'font-family="sans-serif" font-size="12">' % (WIDTH, HEIGHT),
           '<rect width="100%" height="100%" fill="white"/>',
           text(LEFT, 14, title, "start")]
    for y in steps(top):
        out += ['<path d="M%d %.1fH%d" stroke="#ddd"/>'
                % (LEFT, up(y), WIDTH - RIGHT),
                text(LEFT - 6, up(y) + 4, "{:,}".format(y), "end")]
    ticks = xs if logarithmic else [x for x in xs if x % 1024 == 0]
    out += [text(across(x), HEIGHT - BOTTOM + 16, "{:,}".format(x))
            for x in ticks]
    out.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, unit))
    if mark:
        out += ['<path d="M%.1f %dV%d" stroke="#888" stroke-dasharray="4 3"/>'
                % (across(mark[0]), TOP, HEIGHT - BOTTOM),
                text(across(mark[0]) + 6, TOP + 12, mark[1], "start")]
    for (name, points), colour in zip(lines.items(), COLOURS):
        path = " ".join("%.1f,%.1f" % (across(x), up(y)) for x, y in points)
        out.append('<polyline points="%s" fill="none" stroke="%s" '
                   'stroke-width="2"/>' % (path, colour))
        out += ['<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>'
                % (across(x), up(y), colour) for x, y in points]
        x, y = points[-1]
        out.append(text(across(x) + 8, up(y) + 4, name, "start", colour))
    return "\n".join(out + ["</svg>", ""])


def write(measured):
    copied, described = series(measured, COPIED), series(measured, DESCRIBED)
    meet = crossing(copied, described)
    with open(os.path.join(DOCS, "size.svg"), "w") as out:
        out.write(chart(
            "Instructions for one way between two processes",
            "bytes of a message", {"copied": copied, "described": described},
            mark=meet and (meet, "%d bytes" % meet)))
    with open(os.path.join(DOCS, "batch.svg"), "w") as out:
        out.write(chart(
            "Instructions per operation of the submit ring",
            "operations in a batch",
            {"nop": series(measured, NOPS),
             "64-byte message": series(measured, MESSAGES)},
            logarithmic=True))
