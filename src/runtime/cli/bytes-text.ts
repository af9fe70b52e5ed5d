/** Bytes for people: text where they are text that a terminal can show, else hexadecimal. Pure. */
import { isUtf8 } from 'node:buffer';

const ROW = 16;
/** Control characters, and marks that change the direction of what stands behind them. */
// oxlint-disable-next-line no-control-regex -- they are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/;
const LINE_BREAKS = /[\n\r\t]/g;

/** Whether they can be shown as text without loss, line breaks and tabs apart. */
export function isShowable(bytes: Uint8Array): boolean {
  return isUtf8(bytes) && !UNSAFE.test(Buffer.from(bytes).toString().replaceAll(LINE_BREAKS, ''));
}

/** The text with what a terminal would obey in the form \u001b. */
export function escaped(text: string): string {
  return text.replaceAll(new RegExp(UNSAFE, 'g'), (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/** `00000010  68 65 6c 6c 6f …  |hello…|`, a line for 16 bytes. */
export function hexLines(bytes: Uint8Array): string[] {
  return Array.from({ length: Math.ceil(bytes.length / ROW) }, (_, row) => {
    const part = bytes.subarray(row * ROW, (row + 1) * ROW);
    const hex = Array.from(part, (byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const ascii = Array.from(part, (byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    return `${(row * ROW).toString(16).padStart(8, '0')}  ${hex.padEnd(ROW * 3 - 1)}  |${ascii}|`;
  });
}
