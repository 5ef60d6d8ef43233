"""A small picture: smooth lines, letters made of strokes, saved as PNG."""

import struct
import zlib

from .strokes import BASELINE, GAP, GLYPHS, MISSING


class Raster:
    """``width`` x ``height`` pixels, white at first. Places are in pixels from the upper left; colours are (r, g, b)."""

    def __init__(self, width, height):
        self.width, self.height = width, height
        self.rows = [bytearray(b"\xff" * (3 * width)) for _ in range(height)]

    def _mix(self, x, y, colour, share):
        row, at = self.rows[y], 3 * x
        for i in range(3):
            row[at + i] = round(row[at + i] + (colour[i] - row[at + i]) * share)

    def box(self, x0, y0, x1, y1, colour):
        """Fills a rectangle; its right and lower edges are left out."""
        for y in range(max(0, y0), min(self.height, y1)):
            row, n = self.rows[y], min(self.width, x1) - max(0, x0)
            if n > 0:
                row[3 * max(0, x0):3 * (max(0, x0) + n)] = bytes(colour) * n

    def path(self, points, colour, thick=2.0):
        """Joins the points. A pixel is coloured once however many segments touch it, so that joints don't show."""
        cover = {}
        for (x0, y0), (x1, y1) in zip(points, points[1:]):
            self._cover(cover, x0, y0, x1, y1, thick / 2)
        for (x, y), share in cover.items():
            self._mix(x, y, colour, share)

    def _cover(self, cover, x0, y0, x1, y1, half):
        dx, dy = x1 - x0, y1 - y0
        square = dx * dx + dy * dy
        reach = half + 1
        for y in range(max(0, int(min(y0, y1) - reach)), min(self.height - 1, int(max(y0, y1) + reach)) + 1):
            # Only the part of the row that the segment can reach: long slanted lines stay cheap.
            left, right = min(x0, x1), max(x0, x1)
            if dy:
                ends = sorted(x0 + dx * (edge - y0) / dy for edge in (y - reach, y + 1 + reach))
                left, right = max(left, ends[0]), min(right, ends[1])
            for x in range(max(0, int(left - reach)), min(self.width - 1, int(right + reach)) + 1):
                px, py = x + 0.5 - x0, y + 0.5 - y0
                t = max(0.0, min(1.0, (px * dx + py * dy) / square)) if square else 0.0
                distance = ((px - t * dx) ** 2 + (py - t * dy) ** 2) ** 0.5
                share = half + 0.5 - distance
                if share > 0:
                    cover[x, y] = max(cover.get((x, y), 0.0), min(1.0, share))

    def dashes(self, x0, x1, y, colour, thick=1.5, on=8, off=5):
        """A dashed horizontal line."""
        while x0 < x1:
            self.path([(x0, y), (min(x0 + on, x1), y)], colour, thick)
            x0 += on + off

    def text(self, x, y, text, colour, size=1.5, anchor="left", thick=1.4):
        """Writes ``text`` on the baseline ``y``; ``size`` is pixels a unit of the strokes (capitals are 6 units high)."""
        x -= {"left": 0, "middle": 0.5, "right": 1}[anchor] * text_width(text, size)
        for letter in text:
            width, strokes = GLYPHS.get(letter, MISSING)
            for stroke in strokes:
                self.path([(x + u * size, y - (v - BASELINE) * size) for u, v in stroke], colour, thick)
            x += (width + GAP) * size

    def png(self):
        """The picture as the bytes of a PNG file."""

        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        pixels = zlib.compress(b"".join(b"\0" + bytes(row) for row in self.rows), 9)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def text_width(text, size):
    """Pixels from the left of the first letter to the right of the last one."""
    return (sum(GLYPHS.get(letter, MISSING)[0] + GAP for letter in text) - GAP) * size if text else 0
