#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check map.svg, map.png and map.tsv, which show the same samples.

	heatmap.py START PAGES FIRST,COUNT...

The mapping at START has PAGES pages. Each stripe was written at once, one stripe
after the other; no page was written at other times.
"""
import re
import struct
import sys
import xml.dom.minidom
import zlib

PAGE = 4096
GREY = (233, 236, 239)


def table():
    """Return rows (from, to, start, end, percent)."""
    lines = open("map.tsv").read().splitlines()
    assert lines[0].split("\t") == ["PID", "WHAT", "FROM", "TO", "START", "END", "PERCENT"]
    for line in lines[1:]:
        pid, what, t0, t1, low, high, percent = line.split("\t")
        assert what == "written", line
        yield float(t0), float(t1), int(low, 16), int(high, 16), int(percent)


def svg():
    """Return boxes (left, right, top, bottom, colour), and labels {text: y}."""
    dom = xml.dom.minidom.parse("map.svg")
    boxes, labels = [], {}
    for polygon in dom.getElementsByTagName("polygon"):
        colour = re.match(r"rgb\( *(\d+), *(\d+), *(\d+)\)", polygon.getAttribute("fill"))
        points = [p.split(",") for p in polygon.getAttribute("points").split()]
        x, y = [float(p[0]) for p in points], [float(p[1]) for p in points]
        if colour:
            boxes.append((min(x), max(x), min(y), max(y), tuple(map(int, colour.groups()))))
    for text in dom.getElementsByTagName("text"):
        if text.firstChild:
            place = re.match(r"translate\(([\d.]+),([\d.]+)\)", text.parentNode.getAttribute("transform"))
            labels[text.firstChild.data.strip()] = float(place[2])
    return boxes, labels


def png():
    """Return the rows of pixels, as (red, green, blue)."""
    data = open("map.png", "rb").read()
    at, packed = 8, b""
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        body = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, height, depth, colours = struct.unpack_from(">IIBB", body)
        packed += body if kind == b"IDAT" else b""
        at += size + 12
    assert depth == 8 and colours in (2, 6)
    step = 3 if colours == 2 else 4
    raw, before, image = zlib.decompress(packed), bytearray(width * step), []
    for y in range(height):
        at = y * (width * step + 1)
        line = bytearray(raw[at + 1:at + 1 + width * step])
        for i in range(len(line)):
            a = line[i - step] if i >= step else 0
            b = before[i]
            c = before[i - step] if i >= step else 0
            p = a + b - c
            nearest = min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]
            line[i] = (line[i] + (0, a, b, (a + b) // 2, nearest)[raw[at]]) & 255
        image.append([tuple(line[i:i + 3]) for i in range(0, len(line), step)])
        before = line
    return image


def main():
    start, pages = int(sys.argv[1], 16), int(sys.argv[2])
    stripes = [tuple(map(int, s.split(","))) for s in sys.argv[3:]]
    rows = [r for r in table() if start <= r[2] and r[3] <= start + pages * PAGE]
    hot = [r for r in rows if r[4]]
    when = []
    for first, count in stripes:
        low, high = start + first * PAGE, start + (first + count) * PAGE
        mine = [r for r in hot if r[3] > low and r[2] < high]
        assert mine, "the stripe is not in the table"
        # All of it, and no row that is not on its edge has more.
        assert min(r[2] for r in mine) <= low and max(r[3] for r in mine) >= high
        assert all(r[4] == 100 for r in mine if r[2] >= low and r[3] <= high)
        assert len({r[:2] for r in mine}) == 1, "it was written at once"
        when.append(mine[0][:2])
        hot = [r for r in hot if r not in mine]
    assert not hot, hot
    assert when == sorted(when) and len(set(when)) == len(when)

    boxes, labels = svg()
    image = png()
    centre = labels["%x" % start] - 4
    mine = [b for b in boxes if b[2] <= centre <= b[3] and b[4] == GREY or b[4] != GREY]
    # Neighbouring boxes, from the one beside the label
    top = bottom = centre
    grown = True
    while grown:
        grown = False
        for b in boxes:
            if b[1] - b[0] > 0 and b[2] <= bottom + 0.6 and b[3] >= top - 0.6 and (b[2] < top or b[3] > bottom):
                top, bottom, grown = min(top, b[2]), max(bottom, b[3]), True
    left = min(b[0] for b in boxes)
    right = max(b[1] for b in boxes)
    end = max(r[1] for r in table())
    for (first, count), (t0, t1) in zip(stripes, when):
        y = round(bottom - (first + count / 2) / pages * (bottom - top))
        x = round(left + (t0 + t1) / 2 / end * (right - left))
        here = [b[4] for b in boxes if b[0] <= x <= b[1] and b[2] <= y <= b[3]]
        assert here and GREY not in here, (x, y, here)
        assert image[y][x] not in (GREY, (255, 255, 255)), image[y][x]
        # Not in what was not written, and not at another time
        clean = round(bottom - 0.1 * (bottom - top))
        assert image[clean][x] == GREY, image[clean][x]
        before = round(left + (t0 - (t1 - t0) / 2) / end * (right - left))
        assert image[y][before] == GREY, image[y][before]
    texts = " ".join(labels)
    for word in ("memstate", "written since the previous sample", "gaps are left out", "seconds since", "100%"):
        assert word in texts, word
    # No two labels of an axis overlap.
    side = sorted(y for text, y in labels.items() if re.fullmatch("[0-9a-f]{8,12}", text))
    assert len(side) > 1 and all(b - a >= 12 for a, b in zip(side, side[1:]))


main()
