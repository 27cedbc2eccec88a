"""The trees of flame graphs as they are meant, from how they are sent (src/web/flame/unpack.ts)."""


def unpack(answer):
    for tree in answer.values() if isinstance(answer, dict) else ():
        step = tree.pop("step", 1) if isinstance(tree, dict) and "children" in tree else 1
        if step == 1:
            continue
        for column in ("value", "self", "before", "after"):
            if column in tree:
                tree[column] = [v * step for v in tree[column]]
        tree["cut"] = [[box, n, v * step] for box, n, v in tree["cut"]]
    return answer
