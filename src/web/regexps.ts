// regexps: the server's are RE2's; what is highlighted here is found by JavaScript's.
import { quoted } from "./url";

// The expression, or why it is none, in a few words.
export function regexp(text: string): RegExp | string {
  let source = text;
  let flags = "";
  const leading = /^\(\?([imsU]+)\)/.exec(source);
  if (leading) {
    source = source.slice(leading[0].length);
    for (const flag of "ims") if (leading[1].includes(flag)) flags += flag;
  }
  source = source
    .replace(/\(\?P</g, "(?<")
    .replace(/\\Q(.*?)(?:\\E|$)/g, (_, literal: string) => quoted(literal))
    .replace(/\\A/g, "^")
    .replace(/\\z/g, "$");
  if (/\\[pP]/.test(source)) {
    source = source.replace(/\\([pP])(\w)/g, "\\$1{$2}");
    flags += "u";
  }
  try {
    return new RegExp(source, flags);
  } catch (e) {
    const why = (e as Error).message.split(": ").pop() ?? "";
    return why.charAt(0).toLowerCase() + why.slice(1);
  }
}

// The function of a name in a table, which can have an address before it and a file and a
// line behind it, as the granularity says.
export function functionOf(name: string, granularity: string): string {
  if (granularity === "files") return name;
  let text = name.replace(/^[0-9a-f]{16} (?=.)/, "");
  text = text.replace(/(?<=.) \S+:\d+(:\d+)?$/, "");
  if (granularity === "filefunctions") text = text.replace(/(?<=.) \S*[/.]\S*$/, "");
  return text;
}

// A regexp of this function alone.
export function exactly(name: string): string {
  return "^" + quoted(name) + "$";
}

// For people: the names of a regexp that is made of whole names, else the regexp itself.
export function plain(text: string): string {
  const names: string[] = [];
  for (const part of text.split(/(?<!\\)\|/)) {
    const inner = /^\^(.*)\$$/.exec(part);
    if (!inner || /(?<!\\)(?:\\\\)*[$^.*+?()[\]{}]/.test(inner[1])) return text;
    names.push(inner[1].replace(/\\(.)/g, "$1"));
  }
  return names.join(" | ");
}
