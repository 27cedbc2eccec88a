"""profile.proto, decoded: what two profiles of the same thing are compared by."""
import gzip


def _varint(data, at):
    n = shift = 0
    while True:
        byte = data[at]
        at += 1
        n |= (byte & 127) << shift
        if byte < 128:
            return n, at
        shift += 7


def _fields(data):
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        if key & 7 == 0:
            value, at = _varint(data, at)
        elif key & 7 == 2:
            n, at = _varint(data, at)
            value, at = data[at:at + n], at + n
        else:
            raise ValueError(f"field type {key & 7}")
        yield key >> 3, value


def _signed(n):
    return n - (1 << 64) if n >> 63 else n


def _numbers(value):
    if isinstance(value, int):
        return [value]
    out, at = [], 0
    while at < len(value):
        n, at = _varint(value, at)
        out.append(n)
    return out


def _message(data):
    out = {}
    for number, value in _fields(data):
        out.setdefault(number, []).append(value)
    return out


class Profile:
    """header: a dict.  mappings: rows.  samples: (values, labels, stack) in the order of the file,
    a stack's frames being (address, mapping, ((function, file, start line, line), ...))."""

    def __init__(self, data):
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
        p = _message(data)
        text = [s.decode(errors="replace") for s in p.get(6, [])]

        def number(m, field):
            return _signed(m.get(field, [0])[-1])

        def string(m, field):
            return text[number(m, field)]

        def kind(data):
            m = _message(data)
            return string(m, 1), string(m, 2)

        self.mappings, mapping_of = [], {0: None}
        for data in p.get(3, []):
            m = _message(data)
            row = (number(m, 2), number(m, 3), number(m, 4), string(m, 5), string(m, 6),
                   number(m, 7), number(m, 8), number(m, 9), number(m, 10))
            mapping_of[number(m, 1)] = len(self.mappings)
            self.mappings.append(row)
        functions = {}
        for data in p.get(5, []):
            m = _message(data)
            functions[number(m, 1)] = (string(m, 2), string(m, 3), string(m, 4), number(m, 5))
        locations = {}
        for data in p.get(4, []):
            m = _message(data)
            lines = tuple(functions[number(line, 1)] + (number(line, 2),)
                          for line in map(_message, m.get(4, [])))
            locations[number(m, 1)] = (number(m, 3), mapping_of[number(m, 2)], lines)
        self.samples = []
        for data in p.get(2, []):
            m = _message(data)
            stack = tuple(locations[i] for part in m.get(1, []) for i in _numbers(part))
            values = tuple(_signed(n) for part in m.get(2, []) for n in _numbers(part))
            labels = tuple((string(label, 1), string(label, 2), number(label, 3), string(label, 4))
                           for label in map(_message, m.get(3, [])))
            self.samples.append((values, labels, stack))
        self.functions = sorted(set(functions.values()))
        self.n_locations = len(locations)
        self.header = {
            "types": [kind(data) for data in p.get(1, [])],
            "period type": [kind(data) for data in p.get(11, [])],
            "period": number(p, 12), "default": string(p, 14), "duration": number(p, 10),
            "drop": string(p, 7), "keep": string(p, 8),
            "comments": [text[n] for part in p.get(13, []) for n in _numbers(part)],
        }
        self.time = number(p, 9)


def names(stack):
    return [line[0] for _, _, lines in stack for line in lines]
