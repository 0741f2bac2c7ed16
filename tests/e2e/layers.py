"""The layers of the harness, and which dependencies between folders and between files are forbidden."""
import collections

# The lowest layer first.  A folder may use folders of earlier layers, never one of its own layer or of a later one.
LAYERS = (
    ("base",),
    ("math",),
    ("platform", "store"),
    ("plan", "proof"),
    ("trial",),
    ("analysis",),
    ("gate", "report", "export", "history"),
    ("run",),
    ("bench",),
)
# A public header belongs to the folder that defines what it declares; these headers contain only data.
DATA_HEADERS = {"plugin.h": "platform", "plugin_stamp.h": "platform", "series.h": "base", "history_series.h": "store", "claim.h": "plan",
                "scenario.h": "plan", "sweep.h": "plan"}

RANK = {folder: rank for rank, layer in enumerate(LAYERS) for folder in layer}


def arrow(needs, needed):
    """The error if one folder uses another; None: allowed."""
    if needs == needed:
        return None
    for folder in (needs, needed):
        if folder not in RANK:
            return f"{folder} is in no layer"
    if RANK[needs] == RANK[needed]:
        return f"{needs} and {needed} are one layer"
    return f"{needs} is below {needed}" if RANK[needs] < RANK[needed] else None


def circles(edges):
    """The sets of nodes that depend on each other (Tarjan 1972); `edges` maps a node to the nodes that it uses."""
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in sorted(edges.get(node, ())):
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            at = stack.index(node)
            circle, stack[at:] = stack[at:], []
            if len(circle) > 1:
                found.append(sorted(circle))

    for node in sorted(edges):
        if node not in index:
            visit(node)
    return found


def file_circles(uses):
    """The errors between the files of one folder: `uses` has (file, name used, file that defines it), each file as
    "folder/name"."""
    edges, names = collections.defaultdict(set), collections.defaultdict(set)
    for user, name, definer in uses:
        if user != definer and user.split("/")[0] == definer.split("/")[0]:
            edges[user].add(definer)
            names[user, definer].add(name)
    for circle in circles(edges):
        inside = [f"{one} -> {other} ({', '.join(sorted(names[one, other]))})"
                  for one in circle for other in sorted(edges[one]) if other in circle]
        yield f"{', '.join(circle)} need each other: {'; '.join(inside)}"
