"""Shapes of answers: the interfaces of a TypeScript file, and whether a value has one."""
import re

TOKEN = re.compile(r"\s+|//[^\n]*|/\*.*?\*/|(\"[^\"]*\"|[A-Za-z_]\w*|\d+|[{}()\[\];:,|?=<>.])", re.S)


def tokens(text):
    return [m.group(1) for m in TOKEN.finditer(text) if m.group(1)]


class Parser:
    """Types are ("object", {name: (type, optional)}), ("list", type), ("or", [types]), ("tuple", [types]),
    ("map", type), ("is", value), ("name", name), ("member", name, field)."""

    def __init__(self, text):
        self.tokens, self.at, self.types = tokens(text), 0, {}
        while self.at < len(self.tokens):
            self.declaration()

    def peek(self):
        return self.tokens[self.at] if self.at < len(self.tokens) else None

    def take(self, wanted=None):
        token = self.peek()
        if wanted and token != wanted:
            raise ValueError(f"{wanted} expected, not {token} after {self.tokens[self.at - 5:self.at]}")
        self.at += 1
        return token

    def declaration(self):
        word = self.take()
        if word == "import":
            while self.take() != ";":
                pass
        elif word == "interface":
            name = self.take()
            base = None
            if self.peek() == "extends":
                self.take()
                base = self.take()
            kind = self.object()
            if base:
                kind = ("object", {**self.types[base][1], **kind[1]})
            self.types[name] = kind
        elif word == "type":
            name = self.take()
            self.take("=")
            self.types[name] = self.type()
            self.take(";")
        elif word == "enum":
            name = self.take()
            while self.take() != "}":
                pass
            self.types[name] = ("name", "number")

    def object(self):
        fields = {}
        self.take("{")
        while self.peek() != "}":
            name = self.take().strip('"')
            optional = self.peek() == "?"
            if optional:
                self.take()
            self.take(":")
            fields[name] = (self.type(), optional)
            if self.peek() in (";", ","):
                self.take()
        self.take("}")
        return ("object", fields)

    def type(self):
        options = [self.one()]
        while self.peek() == "|":
            self.take()
            options.append(self.one())
        return options[0] if len(options) == 1 else ("or", options)

    def one(self):
        token = self.peek()
        if token == "{":
            kind = self.object()
        elif token == "(":
            self.take()
            kind = self.type()
            self.take(")")
        elif token == "[":
            kind = self.tuple()
        elif token[0] == '"':
            kind = ("is", self.take()[1:-1])
        elif token.isdigit():
            kind = ("is", int(self.take()))
        elif token == "Record":
            for wanted in ("Record", "<", "string", ","):
                self.take(wanted)
            kind = ("map", self.type())
            self.take(">")
        else:
            kind = ("name", self.take())
        while self.peek() == "[":
            self.take()
            if self.peek() == "]":
                self.take()
                kind = ("list", kind)
            else:
                kind = ("member", kind[1], self.take()[1:-1])
                self.take("]")
        return kind

    def tuple(self):
        kinds = []
        self.take("[")
        while self.peek() != "]":
            kinds.append(self.type())
            if self.peek() == ",":
                self.take()
        self.take("]")
        return ("tuple", kinds)

    # --- values ---

    def wrong(self, value, kind, where=""):
        """What is wrong with the value; None: nothing."""
        what = kind[0]
        if what == "name":
            return self.wrong_name(value, kind[1], where)
        if what == "member":
            return self.wrong(value, self.types[kind[1]][1][kind[2]][0], where)
        if what == "is":
            return None if value == kind[1] and isinstance(value, type(kind[1])) else f"{where}: {value!r}"
        if what == "or":
            all_wrong = [self.wrong(value, option, where) for option in kind[1]]
            return None if None in all_wrong else all_wrong[0]
        if what == "map":
            items = value.items() if isinstance(value, dict) else None
            return f"{where}: {value!r}" if items is None else self.first(
                (self.wrong(v, kind[1], f"{where}.{k}") for k, v in items))
        if what == "object":
            return self.wrong_object(value, kind[1], where)
        if not isinstance(value, list) or (what == "tuple" and len(value) != len(kind[1])):
            return f"{where}: {value!r}"
        return self.first(self.wrong(v, kind[1] if what == "list" else kind[1][i], f"{where}[{i}]")
                          for i, v in enumerate(value))

    @staticmethod
    def first(faults):
        return next((fault for fault in faults if fault), None)

    def wrong_name(self, value, name, where):
        simple = {"number": (int, float), "string": str, "boolean": bool, "null": type(None)}
        if name in simple:
            ok = isinstance(value, simple[name]) and (name == "boolean" or not isinstance(value, bool))
            return None if ok else f"{where}: {value!r} is no {name}"
        return self.wrong(value, self.types[name], where) if name in self.types else None

    def wrong_object(self, value, fields, where):
        if not isinstance(value, dict):
            return f"{where}: {value!r} is no object"
        for name in value:
            if name not in fields:
                return f"{where}.{name} is not in the contract"
        for name, (kind, optional) in fields.items():
            if name not in value:
                if not optional:
                    return f"{where}.{name} is missing"
            else:
                fault = self.wrong(value[name], kind, f"{where}.{name}")
                if fault:
                    return fault
        return None


def read(path):
    with open(path, encoding="utf-8") as f:
        return Parser(f.read())
