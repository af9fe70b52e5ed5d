const UNITS = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `640 bytes`, `1.5 MiB`, `12 GiB`: for messages. */
export function bytesText(n: number): string {
  let value = n;
  let unit = 0;
  for (; value >= 1_024 && unit < UNITS.length - 1; unit++) value /= 1_024;
  const digits = unit === 0 || value >= 10 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
