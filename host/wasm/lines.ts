/** Which line of the model's source each instruction comes from: a section of the module's own, read only after a trap. */
import * as z from "zod";
import { functionStarts } from "./sections.ts";

/** The name of that section. */
const SECTION = "lines";
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SourceMap = z.object({ sources: z.array(z.string()), mappings: z.string() });
const Places = z.array(z.tuple([z.number(), z.number()]));

/**
 * Puts the lines of one file into a module: pairs of an offset and the line from there on. A function begins with line 0:
 * what metering puts there has none. `map` is the module's source map.
 */
export function addLines(wasm: Uint8Array, map: string, file: string): Uint8Array<ArrayBuffer> {
  const { sources, mappings } = SourceMap.parse(JSON.parse(map));
  const own = sources.indexOf(file), starts = functionStarts(wasm);
  const places: [number, number][] = [];
  const add = (offset: number, line: number) => line !== places.at(-1)?.[1] && places.push([offset, line]);
  let offset = 0, source = 0, line = 0;
  for (const segment of mappings.split(",")) {
    const [dOffset = 0, dSource, dLine = 0] = decode(segment);
    offset += dOffset;
    while (starts[0] !== undefined && starts[0] <= offset) add(starts.shift() ?? 0, 0);
    if (dSource === undefined) continue;
    source += dSource;
    line += dLine;
    if (source === own) add(offset, line + 1);
  }
  const name = new TextEncoder().encode(SECTION), body = new TextEncoder().encode(JSON.stringify(places));
  const content = [...leb(name.length), ...name, ...body];
  return new Uint8Array([...wasm, 0, ...leb(content.length), ...content]);
}

/** The line that an offset in a module comes from; undefined if the module does not say. */
export function lineOf(module: WebAssembly.Module, offset: number): number | undefined {
  const [section] = WebAssembly.Module.customSections(module, SECTION);
  if (!section) return undefined;
  const places = Places.parse(JSON.parse(new TextDecoder().decode(section)));
  const index = places.findLastIndex(([from]) => from <= offset);
  return places[index]?.[1] || places.slice(index + 1).find(([, line]) => line !== 0)?.[1];
}

function decode(segment: string): number[] {
  const numbers: number[] = [];
  let value = 0, shift = 0;
  for (const digit of segment) {
    const bits = DIGITS.indexOf(digit);
    value |= (bits & 31) << shift;
    shift += 5;
    if (bits & 32) continue;
    numbers.push(value & 1 ? -(value >>> 1) : value >>> 1);
    value = shift = 0;
  }
  return numbers;
}

function leb(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value >>>= 7) bytes.push(value & 127 | 128);
  return [...bytes, value];
}
