#!/usr/bin/env python3
"""disasm and weblist: the code of a program whose bytes are known, with the values of a profile
made for it: addresses, values, source lines, names, both syntaxes, what is missing."""

import os
import platform
import re
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../go_matrix"))
from message import field  # noqa: E402  pylint: disable=wrong-import-position

SONDE = os.environ["SONDE"]
HERE = os.path.dirname(os.path.abspath(__file__))
passed = failed = 0


def check(name, got, want):
    global passed, failed
    passed, failed = passed + (got == want), failed + (got != want)
    if got != want:
        print(f"FAILED {name}: want\n{want}\ngot\n{got}")


def skip(why):
    print(f"SKIPPED: {why}")
    sys.exit(77)


# --- a profile ---


def profile(path, program, load, samples):
    """A profile of `program`, loaded `load` bytes behind the addresses in the file.
    samples: ([(address in the file, function, line), ...] leaf first, milliseconds)."""
    strings, locations, functions = ["", "cpu", "milliseconds", "code.s", program], {}, {}
    offset, address, size = code_segment(program)
    body = field(1, field(1, 1) + field(2, 2))
    for stack, value in samples:
        ids = [locations.setdefault(frame, len(locations) + 1) for frame in stack]
        body += field(2, b"".join(field(1, i) for i in ids) + field(2, value))
    body += field(3, field(1, 1) + field(2, load + address) + field(3, load + address + size)
                  + field(4, offset) + field(5, 4) + b"".join(field(i, 1) for i in (7, 8, 9)))
    for (at, name, line), i in locations.items():
        if name not in functions:
            functions[name] = len(functions) + 1
            strings.append(name)
        body += field(4, field(1, i) + field(2, 1) + field(3, load + at)
                      + field(4, field(1, functions[name]) + field(2, line)))
    for name, i in functions.items():
        n = strings.index(name)
        body += field(5, field(1, i) + field(2, n) + field(3, n) + field(4, 3))
    with open(path, "wb") as f:
        f.write(body + b"".join(field(6, s.encode()) for s in strings))


# --- a program ---


def build(folder, name, *flags, source="code.s"):
    done = subprocess.run(["cc", "-nostdlib", "-g", "-Wl,-e,start", *flags, "-o", name, source], cwd=folder,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        skip(f"cannot assemble and link: {done.stderr.strip().splitlines()[-1]}")
    return os.path.join(folder, name)


def code_segment(program):
    """Offset, address and size of the segment with code, in whole pages."""
    with open(program, "rb") as f:
        elf = f.read()
    at, n = struct.unpack_from("<Q", elf, 32)[0], struct.unpack_from("<H", elf, 56)[0]
    for i in range(n):
        kind, flags, offset, address, _, size = struct.unpack_from("<IIQQQQ", elf, at + 56 * i)
        if kind == 1 and flags & 1:
            return offset & ~0xFFF, address & ~0xFFF, (size + 0xFFF) & ~0xFFF
    return skip("no code in the program")


def pprof(folder, *args, **env):
    done = subprocess.run([SONDE, "pprof", *args], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, errors="replace", env={**os.environ, "DEBUGINFOD_URLS": "", **env})
    told = done.stderr.replace("sonde: wrote the report to /dev/stdout\n", "")
    return done.returncode, done.stdout, told.replace(folder, "DIR")


# Of both lists: the addresses are those of the file, wherever it was loaded.
HOT = """\
ROUTINE ======================== hot
      70ms      120ms (flat, cum) 85.71% of Total
         .          .     401012: xorl   %eax, %eax                       ;hot_alias code.s:16
         .          .     401014: addl   $0x1, %eax                       ;hot_alias code.s:18
      50ms       50ms     401017: movq   %rax, 0x11223344(%r11,%r12,8)    ;hot_alias code.s:19
      20ms       20ms     40101f: cmpl   $0x3e8, %eax                     ;hot_alias code.s:20
         .       50ms     401024: jne    0x401014 <hot_alias+0x2>         ;hot_alias code.s:21
         .          .     401026: retq                                    ;hot_alias code.s:22
"""
BAR = """\
ROUTINE ======================== _ZN3Foo3barEi
      50ms       50ms (flat, cum) 35.71% of Total
      50ms       50ms     401027: jmp    0x401012 <hot_alias>             ;Foo::bar(int) code.s:28
"""
START = """\
ROUTINE ======================== start
      20ms      120ms (flat, cum) 85.71% of Total
         .       50ms     401000: callq  0x401012 <hot_alias>             ;start code.s:6
         .       50ms     401005: callq  0x401027 <Foo::bar(int)>         ;start code.s:7
                                                                          ;start code.s:8
         .          .     40100a: lock incl 0xfef(%rip)  # 0x402000 <counter>
      20ms       20ms     401011: retq                                    ;start code.s:9
"""
BAR_INTEL = """\
      50ms       50ms     401027: jmp    0x401012 <hot_alias>             ;Foo::bar(int) code.s:28
"""
HOT_INTEL = """\
                                                                          ;hot_alias code.s:19
      50ms       50ms     401017: mov    qword ptr [r11 + 8*r12 + 287454020], rax
"""
WEBLIST = """\
<body>

<div class="legend">File: program<br>
Type: cpu<br>Total: 140ms</div><h2>start</h2><p class="filename">DIR/code.s</p>
<pre onClick="pprof_toggle_asm(event)">
  Total:        20ms      120ms (flat, cum) 85.71%
<span class=line>      1</span> <span class=nop>           .          .           # Code whose bytes do not depend on a compiler.  Lines and values: run.py. </span>
<span class=line>      2</span> <span class=nop>           .          .           	.text </span>
<span class=line>      3</span> <span class=nop>           .          .           	.globl	start, hot, hot_alias, _ZN3Foo3barEi </span>
<span class=line>      4</span> <span class=nop>           .          .           	.type	start, @function </span>
<span class=line>      5</span> <span class=nop>           .          .           start: </span>
<span class=line>      6</span> <span class=livesrc>           .       50ms           	call	hot </span><span class=asm>\
                   .       50ms   401000:             callq  0x401012 &lt;hot_alias&gt;                                          \
<span class=unimportant>code.s:6</span>
</span>
<span class=line>      7</span> <span class=livesrc>           .       50ms           	call	_ZN3Foo3barEi </span><span class=asm>\
                   .       50ms   401005:             callq  0x401027 &lt;Foo::bar(int)&gt;                                      \
<span class=unimportant>code.s:7</span>
</span>
<span class=line>      8</span> <span class=livesrc>           .          .           	lock incl counter(%rip) </span><span class=asm>\
                   .          .   40100a:             lock incl 0xfef(%rip)  # 0x402000 &lt;counter&gt;                          \
<span class=unimportant>code.s:8</span>
</span>
<span class=line>      9</span> <span class=livesrc>        20ms       20ms           	ret </span><span class=asm>\
                20ms       20ms   401011:             retq                                                                 \
<span class=unimportant>code.s:9</span>
</span>
<span class=line>     10</span> <span class=nop>           .          .           	.size	start, .-start </span>
<span class=line>     11</span> <span class=nop>           .          .            </span>
<span class=line>     12</span> <span class=nop>           .          .           	.type	hot, @function </span>
<span class=line>     13</span> <span class=nop>           .          .           	.type	hot_alias, @function </span>
<span class=line>     14</span> <span class=nop>           .          .           hot: </span>
</pre>

</body>
</html>
"""
INLINED = """\
volatile int sink; static inline __attribute__((always_inline)) int add(int x) { return sink += x; }
int start(int x)
{
    return add(x) * 7;
}
"""
SAMPLES = [
    ([(0x401017, "hot", 19), (0x401000, "start", 6)], 40),
    ([(0x40101D, "hot", 19), (0x401000, "start", 6)], 10),  # inside an instruction
    ([(0x40101F, "hot", 20)], 20),
    ([(0x401027, "Foo::bar", 28), (0x401024, "hot", 21), (0x401005, "start", 7)], 50),
    ([(0x401011, "start", 9)], 20),
]


def moved(samples, by):
    return [([(at + by, name, line) for at, name, line in stack], value) for stack, value in samples]


def fails(folder, name, message, *args, status=2, **env):
    check(name, pprof(folder, *args, **env), (status, "", f"sonde: {message}\n"))


def test_disasm(folder):
    total = "Total: 140ms\n"
    check("all, by name", pprof(folder, "-disasm=.", "p.pb"), (0, total + BAR + HOT + START, ""))
    check("a name", pprof(folder, "-disasm=^hot$", "p.pb"), (0, total + HOT, ""))
    short = BAR.replace("_ZN3Foo3barEi", "Foo::bar(int)", 1)
    check("a readable name", pprof(folder, "-disasm=Foo::bar", "p.pb"), (0, total + short, ""))
    aka = HOT.replace(" hot\n", " hot\n    AKA ======================== hot_alias\n", 1)
    for address in ("0x401012", "0x40_1026", "4198422"):
        check(f"address {address}", pprof(folder, f"-disasm={address}", "p.pb"), (0, total + aka, ""))
    status, out, _ = pprof(folder, "-disasm=hot", "-intel_syntax", "p.pb")
    check("intel", (status, HOT_INTEL in out), (0, True))
    status, out, _ = pprof(folder, "-disasm=bar", "-intel_syntax", "p.pb")
    check("intel: the same", (status, BAR_INTEL in out), (0, True))
    fails(folder, "no match", "no matches found for regexp nothing", "-disasm=nothing", "p.pb")
    fails(folder, "no such address", "no matches found for address 0x5", "-disasm=5", "p.pb")
    fails(folder, "address without samples",
          "address 0x401027 found in binary, but the corresponding symbols do not have samples in the profile",
          "-disasm=0x401027", "-ignore=bar", "p.pb")


def test_pie(folder):
    """At another place in the file, and that at another in memory."""
    program = build(folder, "pie", "-shared", "-Wl,-Ttext=0x2000", "-Wl,-Bsymbolic", "-Wl,-z,notext")
    profile(os.path.join(folder, "pie.pb"), program, 0x555500000000, moved(SAMPLES, 0x2000 - 0x401000))
    _, out, _ = pprof(folder, "-disasm=.", "pie.pb")
    lines = [line for line in (BAR + HOT + START).splitlines() if re.match(r" .* 401\d", line)]
    want = [(line.split()[0], line.split()[1], line.split()[2].replace("401", "2", 1)) for line in lines]
    got = [tuple(line.split()[:3]) for line in out.splitlines() if re.match(r" .* 20..: ", line)]
    check("moved", got, want)
    _, out, _ = pprof(folder, "-disasm=0x555500002012", "pie.pb")
    check("address where it ran", out.splitlines()[1:3], ["ROUTINE ======================== hot",
                                                         "    AKA ======================== hot_alias"])


def test_missing(folder):
    fails(folder, "no LLVM", "cannot disassemble: '/nowhere' is no LLVM library", "-disasm=hot", "p.pb",
          status=1, SONDE_LIBLLVM="/nowhere")
    profile(os.path.join(folder, "gone.pb"), os.path.join(folder, "program"), 0, SAMPLES)
    os.rename(os.path.join(folder, "program"), os.path.join(folder, "moved"))
    status, out, err = pprof(folder, "-disasm=hot", "gone.pb")
    check("no program", (status, out, err),
          (2, "", "sonde: cannot open 'DIR/program': No such file or directory\n"
                  "sonde: no matches found for regexp hot\n"))
    status, out, err = pprof(folder, "-disasm=^hot$", "moved", "gone.pb")
    check("the program named", (status, out, err), (0, "Total: 140ms\n" + HOT, ""))


def body(page):
    return page[page.index("<body>"):] if "<body>" in page else page


def test_weblist(folder):
    status, out, err = pprof(folder, "-weblist=start", "-output=/dev/stdout", "p.pb")
    check("page", (status, body(out).replace(folder, "DIR"), err), (0, WEBLIST, ""))
    check("head", "<title>program cpu</title>" in out and "pprof_toggle_asm" in out.split("<body>")[0], True)
    status, out, _ = pprof(folder, "-weblist=start", "-output=/dev/stdout", "-intel_syntax", "p.pb")
    check("intel page", "lock inc dword ptr [rip &#43; 4079]" in out, True)
    # Lines that are further apart than a number can say.
    odd = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../data/odd")
    status, out, _ = pprof(folder, "-weblist=main", "-symbolize=none", "-output=/dev/stdout",
                           f"{odd}/negative.pb", f"{odd}/huge_values.pb")
    check("lines at both ends", (status, len(out) < 10000), (0, True))
    fails(folder, "no match for a page", "no matches found for regexp: nothing", "-weblist=nothing", "p.pb")
    status, out, err = pprof(folder, "-weblist=start", "-output=/dev/stdout", "p.pb", SONDE_LIBLLVM="/nowhere")
    want = re.sub(r"<span class=asm>.*?</span>\n</span>", "", WEBLIST, flags=re.S).replace("livesrc", "deadsrc")
    want = want.replace("DIR/code.s", "code.s")  # the profile's word
    want = want.replace('<span class=line>      8</span> <span class=deadsrc>', '<span class=line>      8</span> <span class=nop>')
    check("page without LLVM", (status, body(out).replace(folder, "DIR"), err),
          (0, want, "sonde: cannot disassemble: '/nowhere' is no LLVM library\n"))


def test_inlined(folder):
    with open(os.path.join(folder, "inlined.c"), "w", encoding="ascii") as f:
        f.write(INLINED)
    program = build(folder, "inlined", "-static", "-no-pie", "-Wl,-Ttext=0x401000", "-O1", source="inlined.c")
    profile(os.path.join(folder, "inlined.pb"), program, 0, [([(0x401000, "start", 4)], 30)])
    _, out, _ = pprof(folder, "-weblist=start", "-output=/dev/stdout", "inlined.pb")
    line = [x for x in out.splitlines() if x.startswith("<span class=line>      4</span>")]
    check("the line of the call", line and "    return add(x) * 7; </span>" in line[0], True)
    check("its value", line and re.search(r"livesrc> +(\S+) +(\S+) ", line[0]).groups(), ("30ms", "30ms"))
    calls = [x for x in out.splitlines() if "inlinesrc>" in x]
    check("the inlined call", calls and "return sink &#43;= x; }" in calls[0] and "inlined.c:1<" in calls[0], True)


def main():
    if platform.machine() != "x86_64":
        skip("the program is x86-64 code")
    if not shutil.which("cc"):
        skip("no C compiler")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(os.path.join(HERE, "code.s"), folder)
        program = build(folder, "program", "-static", "-no-pie", "-Wl,-Ttext=0x401000")
        profile(os.path.join(folder, "p.pb"), program, 0, SAMPLES)
        _, _, err = pprof(folder, "-disasm=hot", "p.pb")
        if "libllvm" in err:
            skip(err.strip())
        test_disasm(folder)
        test_pie(folder)
        test_weblist(folder)
        test_inlined(folder)
        test_missing(folder)
    print(f"{passed} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()
