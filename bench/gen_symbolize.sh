#!/bin/bash
# gen_symbolize: a C++ program with code enough for 20,000 distinct addresses.
#
#   gen_symbolize.sh DIR
#
# Writes DIR/part0.cc ... and builds DIR/program with $CXX (g++) -O2 -g: templates
# of the standard library over types of its own, so that inlined calls are deep
# and names long, as in real programs.  Writes profiles of it without symbols: a
# sample at every fifth instruction (DIR/all.pb.gz, above 20,000), at every 500th
# (DIR/few.pb.gz).
set -eu
dir=$1 parts=${PARTS:-6} types=${TYPES:-5}
for ((p = 0; p < parts; p++)); do
    awk -v p="$p" -v types="$types" 'BEGIN {
        print "#include <algorithm>\n#include <map>\n#include <memory>\n#include <string>"
        print "#include <unordered_map>\n#include <vector>"
        printf "namespace part%d {\n", p
        for (t = 0; t < types; t++) {
            printf "struct item%d { int key; std::string name; double weight[%d];\n", t, 1 + t % 5
            printf "    bool operator<(const item%d &o) const { return key < o.key; } };\n", t
            printf "template <class T> struct store%d {\n    std::vector<T> items;\n", t
            print "    std::map<std::string, std::shared_ptr<T>> by_name;"
            print "    std::unordered_map<int, T> by_key;"
            print "    __attribute__((noinline)) double fill(int n) {"
            print "        for (int i = 0; i < n; i++) {"
            printf "            T t{i * %d %% 1009, std::to_string(i), {}};\n", 7919 + t
            print "            items.push_back(t); by_key.emplace(t.key, t);"
            print "            by_name[t.name] = std::make_shared<T>(std::move(t));\n        }"
            print "        std::sort(items.begin(), items.end());"
            print "        std::stable_sort(items.begin(), items.end(),"
            print "            [](const T &a, const T &b) { return a.name < b.name; });"
            print "        double sum = 0;"
            print "        for (auto &e : by_name) sum += e.second->weight[0] + e.second->key;"
            print "        for (auto &e : by_key) sum += e.second.key;"
            print "        return sum;\n    }\n};"
        }
        printf "}\ndouble run_part%d(int n) {\n    double sum = 0;\n", p
        for (t = 0; t < types; t++)
            printf "    sum += part%d::store%d<part%d::item%d>{}.fill(n);\n", p, t, p, t
        print "    return sum;\n}"
    }' >"$dir/part$p.cc"
done
awk -v parts="$parts" 'BEGIN {
    for (p = 0; p < parts; p++) printf "double run_part%d(int n);\n", p
    print "int main() {\n    double sum = 0;"
    for (p = 0; p < parts; p++) printf "    sum += run_part%d(3);\n", p
    print "    return sum < 0;\n}"
}' >"$dir/main.cc"
cd "$dir"
ls part*.cc main.cc | xargs -n 1 -P 2 "${CXX:-g++}" -O2 -g -c
"${CXX:-g++}" part*.o main.o -o program

objdump -d --no-show-raw-insn program | awk '/^ +[0-9a-f]+:\t/ { print $1 }' >instructions
python3 - "$PWD/program" <<'END'
import gzip, struct, sys

def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])

def number(field, n):
    return varint(field << 3) + varint(n)

def message(field, data):
    return varint(field << 3 | 2) + varint(len(data)) + data

LOADED = 0x555500000000
path = sys.argv[1]
elf = open(path, "rb").read()
first, n = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
headers = [struct.unpack_from("<IIQQQQQQ", elf, first + 56 * i) for i in range(n)]
_, _, offset, address, _, size, _, _ = next(h for h in headers if h[0] == 1 and h[1] & 1)
base = LOADED if struct.unpack_from("<H", elf, 16)[0] == 3 else 0
code = [int(line.strip(" :\n"), 16) for line in open("instructions")]
code = [a for a in code if address <= a < address + size]
for name, every in ("all", 5), ("few", 500):
    head = [message(1, number(1, 1) + number(2, 2)), message(1, number(1, 3) + number(2, 4)),
            message(3, number(1, 1) + number(2, base + address) + number(3, base + address + size) +
                    number(4, offset) + number(5, 5))]
    body = []
    for i, a in enumerate(code[::every], 1):
        body.append(message(2, message(1, varint(i)) + message(2, varint(1) + varint(10000000))))
        body.append(message(4, number(1, i) + number(2, 1) + number(3, base + a)))
    strings = [message(6, s.encode()) for s in ("", "samples", "count", "cpu", "nanoseconds", path)]
    with gzip.open(name + ".pb.gz", "wb") as out:
        out.write(b"".join(head + body + strings))
    print(name, len(code[::every]))
END
