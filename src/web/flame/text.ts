// text: labels cut to the room there is.  Widths are sums of advances that are measured
// once a character.

const LEAST = 4; // characters that still say something

export class Measure {
  private advance = new Float32Array(128);
  private others = new Map<string, number>();
  private mark = 0; // of the ellipsis

  constructor(private pen: CanvasRenderingContext2D) {
    this.renew();
  }

  // To be called when the font of the pen has changed.
  renew() {
    for (let c = 32; c < 127; c++) this.advance[c] = this.pen.measureText(String.fromCharCode(c)).width;
    this.others.clear();
    this.mark = this.of("\u2026");
  }

  private of(char: string): number {
    const code = char.charCodeAt(0);
    if (code < 128) return this.advance[code];
    let w = this.others.get(char);
    if (w === undefined) {
      w = this.pen.measureText(char).width;
      this.others.set(char, w);
    }
    return w;
  }

  width(text: string): number {
    let w = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      w += code < 128 ? this.advance[code] : this.of(text[i]);
    }
    return w;
  }

  // The text with its middle left out, so that it fits; "" where too little would be left.
  middle(text: string, room: number): string {
    let left = 0;
    let right = text.length;
    let w = this.mark;
    while (left < right) {
      const c = left <= text.length - right ? text[left] : text[right - 1];
      w += this.of(c);
      if (w > room) break;
      if (left <= text.length - right) left++;
      else right--;
    }
    if (left >= right) return text;
    if (left + text.length - right < LEAST) return "";
    // No half of a pair of surrogates.
    if (isHigh(text.charCodeAt(left - 1))) left--;
    if (right > 0 && isHigh(text.charCodeAt(right - 1))) right++;
    return text.slice(0, left) + "\u2026" + text.slice(right);
  }
}

const isHigh = (code: number) => (code & 0xfc00) === 0xd800;

// Shorter names of the same function, each shorter than the one before: without parameters,
// what is between < and >, the path of a package, and then without what the name is in:
// "pkg.(*T).Method", "(*T).Method", "Method".
export function shorter(name: string): string[] {
  const out: string[] = [];
  let text = name;
  const add = (next: string) => {
    if (next && next.length < text.length) out.push((text = next));
  };
  if (/[<( ]/.test(text)) {
    add(withoutParameters(text));
    add(withoutBrackets(text, "<", ">"));
  }
  if (text[0] !== "[") add(withoutBrackets(text, "[", "]"));
  const slash = text.slice(0, indexOr(text, /[(<[ ]/)).lastIndexOf("/");
  if (slash >= 0) add(text.slice(slash + 1));
  for (const inner of inners(text)) add(inner);
  return out;
}

// Parts that say nothing without the one before: closures, what a compiler split off, the
// endings of files.
const WEAK = /^(func\d*|gowrap\d*|deferwrap\d*|part|cold|constprop|isra|lto_priv|llvm|\d*|[chlsoSy]|go|cc|hh|rs|py|js|ts|so|cpp|cxx|hpp|pyx|java|\{.*)$/;

// What is left of a name after each of the places it is in: "b::c", "c" of "a::b::c".
function inners(text: string): string[] {
  if (text[0] === "[") return [];
  const starts = [0];
  const ends: number[] = [];
  const end = indexOr(text, /\boperator\b/);
  for (let i = 0, level = 0; i < end; i++) {
    const c = text[i];
    if ("(<[{".includes(c)) level++;
    else if (")>]}".includes(c)) level--;
    else if (level === 0 && i > 0 && (c === "." || (c === ":" && text[i + 1] === ":"))) {
      ends.push(i);
      if (c === ":") i++;
      starts.push(i + 1);
    }
  }
  ends.push(text.length);
  let last = starts.length - 1;
  while (last > 0 && WEAK.test(text.slice(starts[last], ends[last]))) last--;
  const words = (i: number) => text.slice(starts[i], ends[i]).includes(" "); // a type before a name
  return starts.flatMap((at, i) => (i === 0 || i > last || (i < last && words(i)) ? [] : [text.slice(at)]));
}

function indexOr(text: string, re: RegExp): number {
  const at = text.search(re);
  return at < 0 ? text.length : at;
}

// C++: "int ns::f(int, char)::{lambda()#1}::operator()(int) const" keeps its last name.
function withoutParameters(text: string): string {
  const end = text.replace(/ (const|volatile|&|&&|noexcept|\[clone [^\]]*\])+$/, "");
  if (!end.endsWith(")")) return text;
  let level = 0;
  for (let i = end.length - 1; i > 0; i--) {
    if (end[i] === ")") level++;
    else if (end[i] === "(" && --level === 0) return end.slice(0, i) || text;
  }
  return text;
}

function withoutBrackets(text: string, open: string, close: string): string {
  if (!text.includes(open) || /operator[<>[-]/.test(text)) return text;
  let out = "";
  let level = 0;
  for (const c of text) {
    if (c === open) {
      if (level++ === 0) out += open + "\u2026";
    } else if (c === close && level > 0) {
      if (--level === 0) out += close;
    } else if (level === 0) {
      out += c;
    }
  }
  return level === 0 ? out : text;
}
