import { maxNesting, maxValues } from './limits.ts';

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const isOpening = (byte: number | undefined) => byte === 0x5b || byte === 0x7b;
const isClosing = (byte: number | undefined) => byte === 0x5d || byte === 0x7d;

/** Whether JSON is nested too deeply or has too many values to be worth reading; of broken JSON some guess. Pure. */
export function isTooComplex(json: Uint8Array): boolean {
  let nesting = 0;
  let values = 1;
  for (let at = 0; at < json.length; at++) {
    const byte = json[at];
    if (byte === quote) at = endOfString(json, at);
    else if (byte === comma) values++;
    else if (isOpening(byte)) nesting++;
    else if (isClosing(byte)) nesting--;
    if (nesting > maxNesting || values > maxValues) return true;
  }
  return false;
}

/** Where the quote is that ends the string, or the end of everything. */
function endOfString(json: Uint8Array, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === backslash) at++;
    else if (json[at] === quote) return at;
  }
  return json.length;
}
