"""
A trace (tracing.Story) written down: as Chrome trace event JSON, which
ui.perfetto.dev opens; as a sequence chart in characters; as an SVG picture.
"""

import json
from xml.sax.saxutils import escape

HARTS_PID = 1 << 30  # their "process" in the JSON; kernel threads come behind


# --- JSON ----------------------------------------------------------------------


def tracks_of(story):
    """All tracks, in the order in which they appear."""
    found = [("hart", n) for n in range(story.harts)]
    for _, _, track, _, _ in story.steps:
        if track not in found:
            found.append(track)
    return found


def json_ids(story):
    """{track: (pid, tid)}; a process of Weir has its own numbers."""
    ids, kernel = {}, 0
    for track in tracks_of(story):
        kind, which = track
        if kind == "kernel":
            kernel += 1
            which = HARTS_PID + kernel
        ids[track] = (HARTS_PID if kind == "hart" else which, which)
    return ids


def to_json(story):
    """The trace event format: a dictionary to be written as JSON."""
    ids, events, depth = json_ids(story), [], {}
    dead = {id(message) for message in story.messages
            if message.received is None}

    def micro(ns):
        return round((ns - story.begin) / 1000, 3)

    def add(ph, track, ns, **more):
        pid, tid = ids[track]
        events.append(dict(ph=ph, pid=pid, tid=tid, ts=micro(ns), **more))

    for track, (pid, tid) in ids.items():
        name = "harts" if track[0] == "hart" else story.name(track)
        events.append({"ph": "M", "name": "process_name", "pid": pid,
                       "tid": tid, "args": {"name": name}})
        events.append({"ph": "M", "name": "thread_name", "pid": pid,
                       "tid": tid, "args": {"name": story.name(track)}})
    for ns, what, track, name, more in story.steps:
        if what in "BE":
            args = {"args": more} if more else {}
            depth[track] = depth.get(track, 0) + (1 if what == "B" else -1)
            if what == "B":
                args["name"], args["cat"] = name, "slice"
            add(what, track, ns, **args)
        elif what == "i":
            add("i", track, ns, name=name, s="t",
                **({"args": more} if more else {}))
        elif id(more) not in dead:
            # An arrow needs a slice at each end.
            alone = not depth.get(track)
            verb = "sends" if what == "s" else "receives"
            if alone:
                add("B", track, ns, name="%s %s" % (verb, name), cat="slice")
            add(what, track, ns, name=name, cat="message", id=more.number,
                **({"bp": "e"} if what == "f" else
                   {"args": {"bytes": more.size}}))
            if alone:
                add("E", track, ns)
        else:
            add("i", track, ns, name="sends %s, which nobody receives" % name,
                s="t")
    for number, op in enumerate(story.operations):
        owner = ("proc", op.owner)
        if owner not in ids:
            continue
        more = dict(cat="ring", id="0x%x" % number, name=op.name)
        add("b", owner, op.begin, **more,
            args={"user_data": "0x%x" % op.user_data})
        add("e", owner, op.end, **more, **(
            {} if op.result is None else
            {"args": {"result": story.result(op.result)}}))
    return {"traceEvents": events, "displayTimeUnit": "ns",
            "otherData": {"kernel": "Weir",
                          "older events lost": story.lost}}


# --- a sequence chart --------------------------------------------------------------


def chart_columns(messages):
    found = []
    for message in messages:
        for track in (message.sender, message.receiver):
            if track and track not in found:
                found.append(track)
    return found


def labelled(message):
    return "%s %d B" % (message.label, message.size)


def chart(story, rows=40, width=100):
    """
    Lines of text: a column for each who sends or receives, a line for each of
    the last `rows` messages, at the time when it was sent.
    """
    messages = story.messages[-rows:] if rows else story.messages
    columns = chart_columns(messages)
    if not columns:
        return ["no messages"]
    step = max(14, min(26, (width - 22) // len(columns)))

    def bars():
        line = [" "] * (step * len(columns))
        for n in range(len(columns)):
            line[n * step + step // 2] = "|"
        return line

    heads = "".join(story.name(track)[:step - 1].center(step)
                    for track in columns)
    lines = ["%10s %s" % ("us", heads.rstrip())]
    for message in messages:
        line = bars()
        here = columns.index(message.sender) * step + step // 2
        if message.receiver is None or message.receiver == message.sender:
            end = " to itself" if message.receiver else " lost"
            text = "o " + labelled(message) + (
                end if message.receiver or message.dropped else " ...")
            line[here:here + len(text)] = text
        else:
            there = columns.index(message.receiver) * step + step // 2
            left, right = min(here, there) + 1, max(here, there)
            text = labelled(message)
            if len(text) + 4 > right - left:
                text = message.label
            body = list((" " + text + " ").center(right - left, "-"))
            line[left:right] = body[:right - left]
            line[right - 1 if there > here else left] = (
                ">" if there > here else "<")
        took = ("" if message.received is None else
                "  +%.1f" % ((message.received - message.sent) / 1000))
        lines.append("%10.1f %s%s" % ((message.sent - story.begin) / 1000,
                                      "".join(line).rstrip(), took))
    if len(messages) < len(story.messages):
        lines.insert(0, "the last %d of %d messages"
                     % (len(messages), len(story.messages)))
    return lines


# --- SVG ------------------------------------------------------------------------------

COLORS = ("#8ecae6", "#ffb703", "#b7e4c7", "#f4978e", "#cdb4db", "#d9d9d9",
          "#ffd6a5", "#a0c4ff")
QUIET = {"waits": "#f1f1f1", "ready": "#dddddd"}
LEFT, ROW, BAR = 130, 34, 20  # pixels
STEP_MAX = 60.0
SLICES_MAX = 1500


def closed_slices(story):
    """[(track, name, begin, end, depth)]."""
    stacks, found = {}, []
    for ns, what, track, name, _ in story.steps:
        stack = stacks.setdefault(track, [])
        if what == "B":
            stack.append((name, ns))
        elif what == "E":
            begun = stack.pop()
            found.append((track, begun[0], begun[1], ns, len(stack)))
    return found


class Axis:
    """
    Where a moment stands. Not to scale: between two events there are a few
    pixels, more for a longer time, but not in proportion.
    """

    def __init__(self, moments):
        self.moments = sorted(set(moments))
        self.x, x, last = {}, float(LEFT), None
        for moment in self.moments:
            if last is not None:
                x += min(STEP_MAX, 6.0 + (moment - last) ** 0.5 / 2)
            self.x[moment] = x
            last = moment
        self.end = x


def svg(story, slices_max=SLICES_MAX):
    """The picture as text; of a long trace, its end."""
    slices = closed_slices(story)
    slices.sort(key=lambda one: (one[2], one[4]))
    since = slices[-slices_max][2] if len(slices) > slices_max else story.begin
    slices = [one for one in slices if one[2] >= since]
    messages = [m for m in story.messages
                if m.received is not None and m.sent >= since]
    rows = [t for t in tracks_of(story)
            if t[0] == "hart" or any(s[0] == t for s in slices) or
            any(t in (m.sender, m.receiver) for m in messages)]
    axis = Axis([story.begin if since == story.begin else since] +
                [s[2] for s in slices] + [s[3] for s in slices] +
                [m.sent for m in messages] + [m.received for m in messages])
    top = {track: 40 + n * ROW for n, track in enumerate(rows)}
    width, height = int(axis.end) + 40, 40 + len(rows) * ROW + 40
    colors = {}

    def color(name):
        if name in QUIET:
            return QUIET[name]
        return colors.setdefault(name, COLORS[len(colors) % len(COLORS)])

    out = ['<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" '
           'font-family="monospace" font-size="11">' % (width, height),
           '<rect width="100%" height="100%" fill="white"/>',
           '<defs><marker id="tip" markerWidth="8" markerHeight="8" refX="7" '
           'refY="4" orient="auto"><path d="M0,1 L8,4 L0,7 z" fill="#c1121f"/>'
           '</marker></defs>',
           '<text x="8" y="16">%s%.1f us, not to scale: the numbers below are '
           'microseconds</text>' % (
               "the end of " if since != story.begin else "",
               (story.end - story.begin) / 1000)]
    for track in rows:
        out.append('<text x="8" y="%d">%s</text>' % (
            top[track] + 14, escape(story.name(track))))
        out.append('<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="#eeeeee"/>'
                   % (LEFT, top[track] + BAR, width - 20, top[track] + BAR))
    for track, name, begin, end, depth in slices:
        x, to = axis.x[begin], axis.x[end]
        inset = min(depth, 2) * 4
        out.append(
            '<g><title>%s, %s: %.3f us</title><rect x="%.1f" y="%d" '
            'width="%.1f" height="%d" fill="%s" stroke="#555555" '
            'stroke-width="0.5"/>' % (
                escape(story.name(track)), escape(name), (end - begin) / 1000,
                x, top[track] + inset, max(1.0, to - x), BAR - inset,
                color(name)))
        if to - x > 7 * len(name) and name not in QUIET:
            out.append('<text x="%.1f" y="%d">%s</text>' % (
                x + 3, top[track] + 14, escape(name)))
        out.append("</g>")
    for message in messages:
        if message.sender not in top or message.receiver not in top:
            continue
        down = top[message.receiver] >= top[message.sender]
        out.append(
            '<g><title>%s: %s to %s, %.3f us</title><line x1="%.1f" y1="%d" '
            'x2="%.1f" y2="%d" stroke="#c1121f" marker-end="url(#tip)"/></g>'
            % (escape(labelled(message)), escape(story.name(message.sender)),
               escape(story.name(message.receiver)),
               (message.received - message.sent) / 1000,
               axis.x[message.sent], top[message.sender] + (BAR if down else 0),
               axis.x[message.received],
               top[message.receiver] + (0 if down else BAR)))
    last = -100.0
    for moment in axis.moments:
        x = axis.x[moment]
        if x - last > 70:
            out.append('<text x="%.1f" y="%d" fill="#555555">%.1f</text>' % (
                x, height - 14, (moment - story.begin) / 1000))
            last = x
    out.append("</svg>")
    return "\n".join(out) + "\n"


def write_files(story, prefix):
    """prefix.json and prefix.svg."""
    with open(prefix + ".json", "w") as out:
        json.dump(to_json(story), out)
    with open(prefix + ".svg", "w") as out:
        out.write(svg(story))
