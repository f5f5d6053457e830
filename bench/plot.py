"""Line charts as SVG, without a library."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 400, 64, 120, 48, 40
COLOURS = ["#1f6feb", "#d1633c", "#2d8a4e"]


def ceiling(value):
    """The next of 1, 2, 5 times a power of ten."""
    power = 10 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def text(x, y, words, anchor="middle", size=12, colour="#333333"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="{colour}">'
            f"{html.escape(str(words))}</text>")


def lines(path, title, xs, series):
    """Writes a chart: xs grow by factors (log scale), each of `series` {name: values} starts at zero upwards."""
    top = ceiling(max(max(values) for values in series.values()))
    across = math.log2(xs[-1] / xs[0])
    place = [LEFT + (WIDTH - LEFT - RIGHT) * math.log2(x / xs[0]) / across for x in xs]
    height = HEIGHT - TOP - BOTTOM
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif">',
             f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', text(LEFT, 24, title, "start", 14)]
    for tick in range(6):
        y = HEIGHT - BOTTOM - height * tick / 5
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#dddddd"/>')
        parts.append(text(LEFT - 8, y + 4, f"{top * tick / 5:g}", "end"))
    parts += [text(x, HEIGHT - BOTTOM + 20, label) for x, label in zip(place, xs)]
    for (name, values), colour in zip(series.items(), COLOURS):
        points = [(x, HEIGHT - BOTTOM - height * value / top) for x, value in zip(place, values)]
        joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline points="{joined}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in points]
        parts.append(text(points[-1][0] + 8, points[-1][1] + 4, f"{name} {values[-1]:.4g}", "start", 12, colour))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>", ""]))
